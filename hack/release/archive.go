// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file in an archive, by its path with slashes. Its content is in memory or in a file.
type entry struct {
	name       string
	content    []byte
	from       string
	executable bool
}

func (e entry) read() ([]byte, error) {
	if e.from == "" {
		return e.content, nil
	}
	return os.ReadFile(e.from)
}

// filesBelow are the files in a folder and its subfolders, under a prefix, in the order of their
// names.
func filesBelow(folder, prefix string) ([]entry, error) {
	var found []entry
	err := filepath.WalkDir(folder, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(folder, name)
		found = append(found, entry{name: path.Join(prefix, filepath.ToSlash(relative)), from: name})
		return err
	})
	return found, err
}

// writeTar writes entries sorted by name, each owned by root and made at the same time: nothing
// in the archive tells where or when it was written. With folders, these have entries too.
func writeTar(w io.Writer, entries []entry, made time.Time, folders bool) error {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	archive := tar.NewWriter(w)
	known := map[string]bool{".": true}
	for _, e := range entries {
		for _, folder := range missingFolders(path.Dir(e.name), known, folders) {
			if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755, ModTime: made}); err != nil {
				return err
			}
		}
		content, err := e.read()
		if err != nil {
			return err
		}
		header := tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: 0o644, Size: int64(len(content)), ModTime: made}
		if e.executable {
			header.Mode = 0o755
		}
		if err := archive.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := archive.Write(content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// missingFolders are the folders down to one that an archive does not have yet.
func missingFolders(folder string, known map[string]bool, wanted bool) (missing []string) {
	for ; wanted && !known[folder]; folder = path.Dir(folder) {
		known[folder] = true
		missing = append(missing, folder)
	}
	slices.Reverse(missing)
	return missing
}

// tarOf is an archive in memory.
func tarOf(entries []entry, made time.Time, folders bool) ([]byte, error) {
	var b bytes.Buffer
	err := writeTar(&b, entries, made, folders)
	return b.Bytes(), err
}

// gzipOf compresses without a name and a time.
func gzipOf(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// writeTarFile writes an archive to a file.
func writeTarFile(name string, entries []entry, made time.Time) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := writeTar(f, entries, made, false); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
