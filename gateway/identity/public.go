// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"

	"github.com/go-json-experiment/json/jsontext"
)

// Public says what is in a file of a Secret that others may know, and that is no secret therefore;
// empty for what may be one. Secrets have certificates and URLs next to what is secret. A private
// key or a symmetric JWK counts, too: nobody shows it, or signs with its text. A key that consists
// of random bytes alone, such as a public one of Ed25519 without its encoding, is not recognized.
func Public(content []byte) string {
	if known := publicForm(content); known != "" {
		return known
	}
	// Some issuers show their keys as the base64 of DER alone.
	if known := publicForm(unarmored(content)); known != "" {
		return known + ", in base64"
	}
	return ""
}

func publicForm(content []byte) string {
	content = bytes.TrimLeft(content, "\t\r\n ") // and not at the end, where DER may have such bytes
	text := bytes.ToLower(content)
	switch {
	case bytes.Contains(text, []byte("---- begin ")), bytes.Contains(text, []byte("-----begin ")): // RFC 4716, and PEM
		return "a PEM block"
	case bytes.HasPrefix(text, []byte("https://")), bytes.HasPrefix(text, []byte("http://")):
		return "a URL"
	case isDER(content):
		return "a key or certificate in DER"
	case hasSSHKey(content):
		return "an SSH key"
	case isJSON(content):
		return "a JSON object or list, such as a JWK set"
	}
	return ""
}

// isDER reports whether content begins with an ASN.1 sequence whose elements all can be read, as
// all keys, certificates and key stores of X.509 and PKCS are, and has nothing else but others or
// white space behind it. Random bytes do not look like that by chance more than once in a million
// times.
func isDER(content []byte) bool {
	for rest := content; len(bytes.TrimSpace(rest)) > 0; {
		var sequence asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &sequence); err != nil || sequence.Tag != asn1.TagSequence || sequence.Class != asn1.ClassUniversal {
			return false
		}
		elements := sequence.Bytes
		for len(elements) > 0 {
			var element asn1.RawValue
			if elements, err = asn1.Unmarshal(elements, &element); err != nil {
				return false
			}
		}
	}
	return len(content) > 0
}

// hasSSHKey reports whether a word is a public key of OpenSSH: base64 that begins with the name of
// a type (RFC 4253, section 6.6). Before it there may be the name as text, options or hosts.
func hasSSHKey(content []byte) bool {
	for word := range bytes.FieldsSeq(content) {
		key := unarmored(word)
		if len(key) < 4 || int64(binary.BigEndian.Uint32(key)) > int64(len(key)-4) {
			continue
		}
		for _, family := range []string{"ssh-", "ecdsa-", "sk-"} {
			if bytes.HasPrefix(key[4:], []byte(family)) {
				return true
			}
		}
	}
	return false
}

func isJSON(content []byte) bool {
	return (bytes.HasPrefix(content, []byte("{")) || bytes.HasPrefix(content, []byte("["))) &&
		jsontext.Value(content).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// unarmored decodes base64 of either alphabet, with or without padding and line breaks; nil if
// there is anything else.
func unarmored(text []byte) []byte {
	plain := bytes.TrimRight(bytes.Join(bytes.Fields(text), nil), "=")
	for i, c := range plain {
		switch c {
		case '-':
			plain[i] = '+'
		case '_':
			plain[i] = '/'
		}
	}
	decoded := make([]byte, base64.RawStdEncoding.DecodedLen(len(plain)))
	if _, err := base64.RawStdEncoding.Decode(decoded, plain); err != nil {
		return nil
	}
	return decoded
}
