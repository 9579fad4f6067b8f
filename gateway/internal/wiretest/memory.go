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

// MemoryOfEach is how many bytes of memory each of so many clients takes, since so many were in
// use. Goroutines that were begun for them and are about to end do not count: it looks again, some
// times, while it is more than most.
func MemoryOfEach(clients, before, most int) (bytes int) {
	const looks = 20
	for range looks {
		if bytes = (MemoryInUse() - before) / clients; bytes <= most {
			break
		}
	}
	return bytes
}
