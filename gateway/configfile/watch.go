// SPDX-License-Identifier: Apache-2.0

// Package configfile reports new content of a file, or of one of the files of a folder, however it
// is written: in place, by rename as editors do, or by swapping a symbolic link as the kubelet does
// with a mounted ConfigMap or Secret.
package configfile

import (
	"bytes"
	"context"
	"fmt"
	"maps"
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
	// A watch on the file itself would stay with the old one when it is replaced.
	return watch(ctx, filepath.Dir(name), func() {
		data, err := os.ReadFile(name)
		if err != nil || bytes.Equal(data, last) {
			return
		}
		last = data
		changed(data)
	})
}

// WatchDir calls changed with the files of a folder, as ReadDir reads them, each time that they
// differ from last, until the context ends. It returns an error only when the folder cannot be
// watched. While the files cannot be read nothing is called.
func WatchDir(ctx context.Context, dir string, last map[string][]byte, changed func(map[string][]byte)) error {
	return watch(ctx, dir, func() {
		files, err := ReadDir(dir)
		if err != nil || maps.EqualFunc(files, last, bytes.Equal) {
			return
		}
		last = files
		changed(files)
	})
}

// watch calls look at once, and whenever something in a folder has changed and was then left alone.
func watch(ctx context.Context, dir string, look func()) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	defer watcher.Close()
	if err := watcher.Add(dir); err != nil {
		return fmt.Errorf("watch the folder %s: %w", dir, err)
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
			look()
		}
	}
}
