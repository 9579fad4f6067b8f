// SPDX-License-Identifier: Apache-2.0

// Package links finds links in the repository's Markdown files that lead nowhere: to a file that
// does not exist, or to a heading that its page does not have. Links to other hosts are not
// followed.
package links

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	fence   = regexp.MustCompile("^\\s*(```|~~~)")
	heading = regexp.MustCompile(`^#{1,6}\s+(.+?)\s*#*$`)
	// link is an inline link or image, without its title.
	link = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	code = regexp.MustCompile("`[^`]*`")
	// linkText replaces a link in a heading by its text.
	linkText = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	external = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:`)
)

// Broken describes each broken link of the files, as "file:line: why". A file's links are checked
// against the files of fsys, which has the whole repository.
func Broken(fsys fs.FS, files []string) ([]string, error) {
	c := checker{fsys: fsys, anchors: map[string][]string{}}
	var broken []string
	for _, file := range files {
		lines, err := c.lines(file)
		if err != nil {
			return nil, err
		}
		for number, line := range lines {
			for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(line, "``"), -1) {
				if why := c.check(file, found[1]); why != "" {
					broken = append(broken, fmt.Sprintf("%s:%d: %s", file, number+1, why))
				}
			}
		}
	}
	return broken, nil
}

// checker keeps the anchors of the pages that it has read.
type checker struct {
	fsys    fs.FS
	anchors map[string][]string
}

// lines reads a page. Lines of code blocks are empty, so that the others keep their numbers.
func (c *checker) lines(file string) ([]string, error) {
	text, err := fs.ReadFile(c.fsys, file)
	if err != nil {
		return nil, fmt.Errorf("read a page: %w", err)
	}
	lines, inCode := strings.Split(string(text), "\n"), false
	for i, line := range lines {
		isFence := fence.MatchString(line)
		if inCode || isFence {
			lines[i] = ""
		}
		if isFence {
			inCode = !inCode
		}
	}
	return lines, nil
}

// check says what is wrong with a link of a page; "" if nothing is.
func (c *checker) check(page, target string) string {
	if external.MatchString(target) {
		return ""
	}
	name, anchor, _ := strings.Cut(target, "#")
	name, err := url.PathUnescape(name)
	if err != nil {
		return fmt.Sprintf("%s is not a valid path", target)
	}
	to := page
	if name != "" {
		to = path.Join(path.Dir(page), name)
	}
	if _, err := fs.Stat(c.fsys, to); err != nil {
		return fmt.Sprintf("%s does not exist", target)
	}
	if anchor == "" {
		return ""
	}
	anchors, err := c.anchorsOf(to)
	if err != nil {
		return err.Error()
	}
	if !slices.Contains(anchors, anchor) {
		return fmt.Sprintf("%s has no heading #%s", to, anchor)
	}
	return ""
}

// anchorsOf lists the anchors that GitHub gives to the headings of a page.
func (c *checker) anchorsOf(page string) ([]string, error) {
	if known, ok := c.anchors[page]; ok {
		return known, nil
	}
	lines, err := c.lines(page)
	if err != nil {
		return nil, err
	}
	var anchors []string
	seen := map[string]int{}
	for _, line := range lines {
		found := heading.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		anchor := Anchor(found[1])
		if n := seen[anchor]; n > 0 {
			anchors = append(anchors, fmt.Sprintf("%s-%d", anchor, n))
		} else {
			anchors = append(anchors, anchor)
		}
		seen[anchor]++
	}
	c.anchors[page] = anchors
	return anchors, nil
}

// Anchor is the anchor that GitHub makes of a heading: lower case, spaces as hyphens, and no
// punctuation but hyphens and underscores.
func Anchor(heading string) string {
	text := strings.ToLower(linkText.ReplaceAllString(heading, "$1"))
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
			return r
		}
		return -1
	}, text)
}
