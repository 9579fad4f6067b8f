// SPDX-License-Identifier: Apache-2.0

package wiretest

import "runtime"

// MemoryInUse is how many bytes of memory the heap and the stacks of the process take, without what
// only waits for the garbage collector.
func MemoryInUse() int {
	for range 2 { // the second empties what the first has left in pools
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
