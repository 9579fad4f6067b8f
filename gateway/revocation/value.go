// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"encoding/json"
	"time"
)

// value is the form of a mark in the bucket. Times are in milliseconds since 1970.
type value struct {
	// Before is when a token must have been issued to be revoked; 0: any time, which is a ban.
	Before int64 `json:"before,omitempty"`
	// Rest is what Before is once the ban is lifted; 0: nothing is revoked then. Readers that do
	// not know it see the ban.
	Rest int64 `json:"rest,omitempty"`
}

func readValue(data []byte) (value, bool) {
	var v value
	err := json.Unmarshal(data, &v)
	return v, err == nil
}

func (v value) encode() []byte {
	data, err := json.Marshal(v)
	if err != nil { // it has two numbers
		panic(err)
	}
	return data
}

func (v value) bans() bool { return v.Before == 0 }

// issued is the time before which tokens must have been issued, apart from a ban; 0: there is none.
func (v value) issued() int64 {
	if v.bans() {
		return v.Rest
	}
	return v.Before
}

// and returns what revokes all that v or w revokes, and bans if one of them does.
func (v value) and(w value) value {
	issued := max(v.issued(), w.issued())
	if v.bans() || w.bans() {
		return value{Rest: issued}
	}
	return value{Before: issued}
}

// without returns what v still revokes once w is lifted: nil is nothing. It is false if v does not
// have w, which is a ban or a time.
func (v value) without(w value) (*value, bool) {
	switch {
	case w.bans() && v.bans() && v.Rest != 0:
		return &value{Before: v.Rest}, true
	case w.bans():
		return nil, v.bans()
	case w.Before != v.issued():
		return nil, false
	case v.bans():
		return &value{}, true
	}
	return nil, true
}

// String says what is revoked, for those who lift something else.
func (v value) String() string {
	text := "all tokens, also later ones"
	if !v.bans() {
		text = "those issued"
	}
	if v.issued() == 0 {
		return text
	}
	if v.bans() {
		text += ", and by itself those issued"
	}
	return text + " before " + time.UnixMilli(v.issued()).UTC().Format("2006-01-02T15:04:05.000Z")
}
