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

// JSONP is polling by script elements and forms, for browsers that knew no CORS. Of the clients
// that speak revision 3, those of 2.x use it if they are told to (forceJSONP), or in an Internet
// Explorer 9.

var errJSONPForm = errors.New("form has no field d")

// JSONPIndex is the index of the callback that a request wants to be called, of its parameter j:
// the digits in it.
func JSONPIndex(j string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, j)
}

// WrapJSONP makes a script of a payload: it is a JavaScript string, for which encoding/json escapes
// U+2028 and U+2029 too.
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

// jsonpNewlines undoes what the client does to line feeds, since forms change those: a line feed
// comes as \n, and what was \n before as \\n.
var jsonpNewlines = strings.NewReplacer(`\\n`, `\n`, `\n`, "\n")

// UnwrapJSONP is the payload in the body of a form.
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
