// SPDX-License-Identifier: Apache-2.0

package configfile

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestWatchTellsNewContentHoweverItIsWritten(t *testing.T) {
	defer goleak.VerifyNone(t)
	tests := []struct {
		name  string
		write func(t *testing.T, file, content string)
	}{
		{"in place", func(t *testing.T, file, content string) { writeFile(t, file, content) }},
		{"by rename", func(t *testing.T, file, content string) {
			writeFile(t, file+".new", content)
			if err := os.Rename(file+".new", file); err != nil {
				t.Fatal(err)
			}
		}},
		{"by swapping a link, as the kubelet does", swapData},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "service.yaml")
			if tt.name == tests[2].name {
				if err := os.Symlink(filepath.Join("..data", "service.yaml"), file); err != nil {
					t.Fatal(err)
				}
			}
			tt.write(t, file, "first")

			seen := make(chan string, 8)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- Watch(ctx, file, nil, func(data []byte) { seen <- string(data) }) }()

			expect(t, seen, "first")
			tt.write(t, file, "second")
			expect(t, seen, "second")

			cancel()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestWatchDoesNotTellTheSameContentAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "service.yaml")
	writeFile(t, file, "same")
	seen := make(chan string, 8)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Watch(ctx, file, []byte("same"), func(data []byte) { seen <- string(data) }) }()
	writeFile(t, file, "same")
	writeFile(t, file, "other")
	expect(t, seen, "other")
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestWatchFailsWithoutAFolder(t *testing.T) {
	err := Watch(t.Context(), filepath.Join(t.TempDir(), "none", "service.yaml"), nil, nil)
	if err == nil {
		t.Fatal("a folder that is not there is watched")
	}
}

func expect(t *testing.T, seen <-chan string, want string) {
	t.Helper()
	for {
		select {
		case got := <-seen:
			// A write in place may show as empty first.
			if got == want {
				return
			}
			if got != "" {
				t.Fatalf("content %q, want %q", got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("content %q is never told", want)
		}
	}
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// swapData writes a new folder with one file and points ..data at it by rename.
func swapData(t *testing.T, file, content string) {
	t.Helper()
	swapDir(t, filepath.Dir(file), map[string]string{filepath.Base(file): content})
}

func TestWatchDirTellsWhenASecretIsRotated(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	for _, name := range []string{"alice", "bob"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	swapDir(t, dir, map[string]string{"alice": "first", "bob": "first"})
	first, err := ReadDir(dir)
	if err != nil || len(first) != 2 || string(first["alice"]) != "first" || string(first["bob"]) != "first" {
		t.Fatalf("read %q, %v", first, err)
	}

	seen := make(chan map[string][]byte, 8)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- WatchDir(ctx, dir, first, func(files map[string][]byte) { seen <- files }) }()
	swapDir(t, dir, map[string]string{"alice": "second", "bob": "first"})
	select {
	case files := <-seen:
		if string(files["alice"]) != "second" || string(files["bob"]) != "first" {
			t.Errorf("told %q", files)
		}
	case <-time.After(30 * time.Second):
		t.Error("the rotated Secret is never told")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestReadDirRefusesMoreThanItsBound(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a"), string(make([]byte, maxDirBytes)))
	if files, err := ReadDir(dir); err != nil || len(files["a"]) != maxDirBytes {
		t.Fatalf("at the bound: %d bytes, %v", len(files["a"]), err)
	}
	writeFile(t, filepath.Join(dir, "b"), "x")
	if _, err := ReadDir(dir); err == nil {
		t.Fatal("one byte beyond the bound is read")
	}
}

// swapDir writes a new folder of files and points ..data at it by rename (kubelet's atomic writer).
func swapDir(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	data, err := os.MkdirTemp(dir, "..data_")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		writeFile(t, filepath.Join(data, name), content)
	}
	link := filepath.Join(dir, "..data_tmp")
	if err := os.Symlink(filepath.Base(data), link); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link, filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}
