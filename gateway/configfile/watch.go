// SPDX-License-Identifier: Apache-2.0

// Package configfile reports new content of a file, however it is written: in place, by rename as
// editors do, or by swapping a symbolic link as the kubelet does with a mounted ConfigMap.
package configfile

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long a file must stay unchanged before it is read, so that an incomplete write is
// not taken for all of it.
const settle = 50 * time.Millisecond

// Watch calls changed with the content of a file each time that it differs from last, until the
// context ends. It returns an error only if the folder of the file cannot be watched. While the
// file is missing it calls nothing.
func Watch(ctx context.Context, name string, last []byte, changed func([]byte)) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", name, err)
	}
	defer watcher.Close()
	// A watch on the file itself would stay with the old one when it is replaced.
	if err := watcher.Add(filepath.Dir(name)); err != nil {
		return fmt.Errorf("watch the folder of %s: %w", name, err)
	}
	// Reading once more finds what was written between the first reading and the watch.
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-watcher.Events:
			if !ok {
				return nil
			}
			quiet.Reset(settle)
		case <-watcher.Errors:
			// Events may have been lost; only the content is certain.
			quiet.Reset(settle)
		case <-quiet.C:
			data, err := os.ReadFile(name)
			if err != nil || bytes.Equal(data, last) {
				continue
			}
			last = data
			changed(data)
		}
	}
}
