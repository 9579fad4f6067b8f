// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

func keyOf(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

func mustParse(t *testing.T, text string) sessionKeys {
	t.Helper()
	keys, err := parseKeys([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestRow56IDsOfOlderKeysAreAccepted(t *testing.T) {
	const id = "gateway1" + "0123456789abcdef"
	old, both, young := mustParse(t, keyOf(1)), mustParse(t, keyOf(2)+" 2026-11-24T00:00:00Z\n"+keyOf(1)+"\n\n"), mustParse(t, keyOf(2)+"\n")
	ofOld := old.seal(id)
	if len(ofOld) != 40 || !strings.HasPrefix(ofOld, id) || ofOld == both.seal(id) {
		t.Errorf("ids are %s and %s", ofOld, both.seal(id))
	}
	for name, tt := range map[string]struct {
		keys sessionKeys
		id   string
		ok   bool
	}{
		"its own":                 {old, ofOld, true},
		"of the older key":        {both, ofOld, true},
		"of the newer key":        {young, both.seal(id), true},
		"of a key that has gone":  {young, ofOld, false},
		"of a key to come":        {old, both.seal(id), false},
		"another owner":           {old, "gateway2" + ofOld[8:], false},
		"another session":         {old, ofOld[:20] + "xxxx" + ofOld[24:], false},
		"no MAC":                  {old, id, false},
		"an empty one":            {old, "", false},
		"more behind it":          {old, ofOld + "A", false},
		"a MAC in another form":   {old, ofOld[:39] + "=", false},
		"characters of two bytes": {old, strings.Repeat("ü", 20), false},
	} {
		if owner, ok := tt.keys.owner(tt.id); ok != tt.ok || ok && owner != "gateway1" {
			t.Errorf("%s: owner %q, %v", name, owner, ok)
		}
	}
}

func TestKeysThatMakeNoSense(t *testing.T) {
	for _, text := range []string{"", "\n\n", "QUJD", "??", keyOf(1) + "\nQUJD"} {
		if _, err := parseKeys([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzOwner(f *testing.F) {
	keys, err := parseKeys([]byte(keyOf(1)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(keys.seal("gateway10123456789abcdef"))
	f.Add("")
	f.Fuzz(func(t *testing.T, id string) {
		if owner, ok := keys.owner(id); ok && keys.seal(id[:24]) != id {
			t.Errorf("%q is taken for one of %s", id, owner)
		}
	})
}

// The file is of a Secret, which an operator of another release, or somebody by hand, may have
// written.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= 2026-11-24\n"), "12345678abcdefgh01234567")
	f.Fuzz(func(t *testing.T, data []byte, id string) {
		keys, err := parseKeys(data)
		if err != nil {
			return
		}
		sealed := keys.seal(id)
		if owner, ok := keys.owner(sealed); ok && !strings.HasPrefix(id, owner) {
			t.Errorf("%q is of %q", id, owner)
		}
	})
}
