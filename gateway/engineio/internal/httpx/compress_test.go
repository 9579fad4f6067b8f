// SPDX-License-Identifier: Apache-2.0

package httpx

import "testing"

func TestAcceptedCoding(t *testing.T) {
	for _, test := range []struct {
		header []string
		want   string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"gzip"}, "gzip"},
		{[]string{"deflate"}, "deflate"},
		{[]string{"br"}, ""},
		{[]string{"gzip, deflate, br, zstd"}, "gzip"},
		{[]string{"br, deflate, gzip"}, "deflate"},
		{[]string{"br", "GZIP"}, "gzip"},
		{[]string{"gzip;q=0.5, deflate;q=0.8"}, "deflate"},
		{[]string{"gzip ; Q=0.5 , deflate;q=0.2"}, "gzip"},
		{[]string{"gzip;q=0"}, ""},
		{[]string{"gzip;q=0, deflate;q=0.001"}, "deflate"},
		{[]string{"*"}, "gzip"},
		{[]string{"*;q=0"}, ""},
		{[]string{"gzip;q=0, *"}, "deflate"},
		{[]string{"deflate;q=0.5, *;q=0.1"}, "deflate"},
		{[]string{"identity, gzip;q=0.5"}, "gzip"},
		{[]string{"gzip;q=high"}, ""},
		{[]string{"gzip;q=NaN"}, ""},
		{[]string{"gzip;q=2"}, ""},
		{[]string{";;,,="}, ""},
	} {
		if got := acceptedCoding(test.header); got != test.want {
			t.Errorf("%q: chose %q, want %q", test.header, got, test.want)
		}
	}
}
