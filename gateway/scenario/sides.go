// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"fmt"
	"strings"
	"unicode"
)

// maxColumn is how wide the column of what is expected becomes at most; longer lines stay whole.
const maxColumn = 60

// sideBySide prints two texts in two columns, and marks the lines that differ. It is nil if both
// are empty.
func sideBySide(expected, actual string) []string {
	if expected == "" && actual == "" {
		return nil
	}
	rows := align(strings.Split(expected, "\n"), strings.Split(actual, "\n"))
	width := len("expected")
	for _, r := range rows {
		width = max(width, min(columns(r.left), maxColumn))
	}
	lines := []string{pad("expected", width) + "   actual"}
	for _, r := range rows {
		mark := " "
		if r.left != r.right || !r.both {
			mark = "|"
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s %s %s", pad(r.left, width), mark, r.right), " "))
	}
	return lines
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-columns(s)))
}

// wide are the characters that take two columns of a terminal (East Asian Width, UAX #11), as far
// as texts of people have them.
var wide = []*unicode.RangeTable{unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana, {
	R16: []unicode.Range16{{Lo: 0x3000, Hi: 0x303f, Stride: 1}, {Lo: 0xff01, Hi: 0xff60, Stride: 1}},
}}

// columns is how much of a line a text takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n++
		if unicode.In(r, wide...) {
			n++
		}
	}
	return n
}

// row is a line of each text; both is false if one of them has none there.
type row struct {
	left, right string
	both        bool
}

// align puts equal lines next to each other, as many as possible (their longest common
// subsequence), and those between them in order.
func align(left, right []string) []row {
	// common[i][j] is the number of equal lines in left[i:] and right[j:].
	common := make([][]int, len(left)+1)
	for i := range common {
		common[i] = make([]int, len(right)+1)
	}
	for i := len(left) - 1; i >= 0; i-- {
		for j := len(right) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if left[i] == right[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var rows []row
	i, j := 0, 0
	for i < len(left) && j < len(right) {
		switch {
		case left[i] == right[j]:
			rows = append(rows, row{left[i], right[j], true})
			i, j = i+1, j+1
		case common[i+1][j+1] == common[i][j]:
			rows = append(rows, row{left[i], right[j], true}) // they differ
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			rows = append(rows, row{left: left[i]})
			i++
		default:
			rows = append(rows, row{right: right[j]})
			j++
		}
	}
	for ; i < len(left); i++ {
		rows = append(rows, row{left: left[i]})
	}
	for ; j < len(right); j++ {
		rows = append(rows, row{right: right[j]})
	}
	return rows
}
