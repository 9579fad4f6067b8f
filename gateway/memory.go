// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"io/fs"
	"log/slog"

	"github.com/realtime-operator/realtime-operator/gateway/internal/memory"
)

// TuneMemory sets up Go's garbage collector for the whole process. It keeps to the memory limit of
// the container, which the control group that root (/sys/fs/cgroup) shows has, and lets 32 MiB of
// garbage gather before it collects, or a quarter of the limit if that is less. GOMEMLIMIT and GOGC
// in the environment come first. Call it once, at the start.
func TuneMemory(root fs.FS, log *slog.Logger) {
	memory.Limit(root, log)
	memory.KeepHeadroom()
}
