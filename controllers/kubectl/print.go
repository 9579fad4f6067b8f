// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
)

// proxyTimeout is how long a gateway may take to answer through the API server. A NetworkPolicy
// lets the request vanish.
const proxyTimeout = 5 * time.Second

// print prints a value as JSON, or by text.
func (p *plugin) print(value any, text func(io.Writer)) error {
	if p.output == "json" {
		encoder := json.NewEncoder(p.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(value); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return nil
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	text(w)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// row writes a line of a table. What gateways say of clients is theirs to choose: nothing of it
// reaches the terminal but printable text.
func row(w io.Writer, cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = clean(fmt.Sprint(cell))
	}
	_, _ = fmt.Fprintln(w, strings.Join(texts, "\t")) // Flush returns the error
}

// clean replaces what would control the terminal, and ends cells and lines.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '·'
		}
		return r
	}, text)
}

// or returns a text, or - if there is none.
func or(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// age says for how long something is so.
func age(since, now time.Time) string {
	if since.IsZero() {
		return "-"
	}
	return duration.HumanDuration(now.Sub(since))
}

// count writes a number.
func count[T int | int64](n T) string { return strconv.FormatInt(int64(n), 10) }
