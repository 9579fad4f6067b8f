// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"io/fs"
	"log/slog"

	"github.com/realtime-operator/realtime-operator/gateway/internal/memory"
)

// TuneMemory configures Go's garbage collector for the whole process. It respects the memory limit
// of the container, which it reads from the control group in root (/sys/fs/cgroup), and lets 32 MiB
// of garbage accumulate before it collects, or a quarter of the limit if that is less. GOMEMLIMIT
// and GOGC in the environment take precedence. Call it once, at the start.
func TuneMemory(root fs.FS, log *slog.Logger) {
	memory.Limit(root, log)
	memory.KeepHeadroom()
}
