// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// JSONP is polling by script elements and forms, for browsers without CORS. Of the clients of
// revision 3, those of 2.x use it if configured (forceJSONP), or in Internet Explorer 9.

var errJSONPForm = errors.New("form has no field d")

// JSONPIndex returns the index of the callback that a request asks for: the digits in its parameter
// j.
func JSONPIndex(j string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, j)
}

// WrapJSONP returns a script with a payload as a JavaScript string, in which encoding/json also
// escapes U+2028 and U+2029.
func WrapJSONP(index string, payload []byte) []byte {
	var b bytes.Buffer
	b.WriteString("___eio[" + index + "](")
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(string(payload)); err != nil { // a string
		panic(err)
	}
	b.Truncate(b.Len() - 1) // its newline
	b.WriteString(");")
	return b.Bytes()
}

// jsonpNewlines reverses how the client encodes line feeds, which forms would change: a line feed
// is sent as \n, and an original \n as \\n.
var jsonpNewlines = strings.NewReplacer(`\\n`, `\n`, `\n`, "\n")

// UnwrapJSONP returns the payload in the body of a form.
func UnwrapJSONP(body []byte) ([]byte, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("parse form: %w", err)
	}
	if !form.Has("d") {
		return nil, errJSONPForm
	}
	return []byte(jsonpNewlines.Replace(form.Get("d"))), nil
}
