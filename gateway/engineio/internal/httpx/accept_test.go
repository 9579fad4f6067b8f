// SPDX-License-Identifier: Apache-2.0

package httpx

import "testing"

func TestCodingQuality(t *testing.T) {
	tests := []struct {
		name   string
		header []string
		want   float64
	}{
		{"no header", nil, 0},
		{"named", []string{"gzip, deflate, br"}, 1},
		{"named in another header", []string{"gzip", "deflate, BR ; q=0.5"}, 0.5},
		{"refused", []string{"br;q=0, *"}, 0},
		{"meant by the star", []string{"gzip;q=1, *;q=0.3"}, 0.3},
		{"the star stands first", []string{"*;q=0.3, br;q=0.9"}, 0.9},
		{"not spoken of", []string{"gzip, brotli"}, 0},
		{"nonsense", []string{"br;q=high"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := CodingQuality(tt.header, "br"); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
