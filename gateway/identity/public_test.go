// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

// Public keys as ssh-keygen writes them.
const (
	sshRSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC8KlR+HYkmmG/Hm5pfQjFYhCjc4QU+0V8zSlblmSrh4R4ywM9jeHM50+u6xgBtRc7RMFkw9GBj5DeZL+BdfRr68Fzq6pQoCNSPt0/IDzqBGQ1FoL2vdzO+HrfVdewA5AKwAAbu5qO9l0SasYeaea6DtvGj6ByUfap3d4yl/ytPz5lRpp3qKb1HuzC3C5QIJKnitEBbqzQkIlYcubDYtHl7hJ3B80dNnHELFl9gKbx6kWnAWz3BISWC+oBT5+1iReGj604x86mrrycrOZOBFFCWTXFTa2Zvu8/Mzvu1ilqC9jFuST7I2gTODFWcJv05N4URvzU3/5e/NfTSucKh9hG/ anna@example"
	sshEC  = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAfAyO2Bd5ryjhtfs5pWdsFnjdXe8W8b7s8FIq5UzakXdsS20NVXhD5KRn8BjDKzffKhvYyyaCnWIgWQ7gjEKUA= anna"
	sshEd  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHTb6+SMc7hL5SF9eo+JcHjcV8fWuOPS70BWOJOG9X4l anna"
)

func der(t *testing.T) map[string][]byte {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{"an RSA key of PKCS 1": x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)}
	for name, key := range map[string]any{"an RSA key": &rsaKey.PublicKey, "an ECDSA key": &ecKey.PublicKey, "an Ed25519 key": edKey.Public()} {
		if all[name], err = x509.MarshalPKIXPublicKey(key); err != nil {
			t.Fatal(err)
		}
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	if all["a certificate"], err = x509.CreateCertificate(rand.Reader, template, template, edKey.Public(), edKey); err != nil {
		t.Fatal(err)
	}
	if all["a private key"], err = x509.MarshalPKCS8PrivateKey(ecKey); err != nil {
		t.Fatal(err)
	}
	all["two certificates"] = append(bytes.Clone(all["a certificate"]), all["a certificate"]...)
	return all
}

func TestWhatOthersMayKnow(t *testing.T) {
	const inDER = "a key or certificate in DER"
	check := func(name string, content []byte, want string) {
		t.Helper()
		if got := Public(content); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, content := range der(t) {
		check(name, content, inDER)
		check(name+" and a line break", append(bytes.Clone(content), '\r', '\n'), inDER)
		encoded := base64.StdEncoding.EncodeToString(content)
		check(name+" in base64", []byte(encoded), inDER+", in base64")
		check(name+" in lines of base64", []byte(encoded[:40]+"\n"+encoded[40:]+"\n"), inDER+", in base64")
		check(name+" in base64url", []byte(base64.RawURLEncoding.EncodeToString(content)), inDER+", in base64")
		block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: content})
		check(name+" in PEM", block, "a PEM block")
		check(name+" in PEM in base64", []byte(base64.StdEncoding.EncodeToString(block)), "a PEM block, in base64")
	}
	for name, line := range map[string]string{"RSA": sshRSA, "ECDSA": sshEC, "Ed25519": sshEd} {
		check(name+" of SSH", []byte(line+"\n"), "an SSH key")
		check(name+" of SSH with options", []byte(`from="10.0.0.0/8" `+line), "an SSH key")
		check(name+" of SSH without its name", []byte(strings.Fields(line)[1]), "an SSH key")
		check(name+" of SSH on a later line", []byte("# keys\n"+line), "an SSH key")
	}
	check("a host", []byte("example.com,10.0.0.1 "+sshEd), "an SSH key")
	check("a key of RFC 4716", []byte("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n"), "a PEM block")
	jwk, err := json.Marshal(map[string]string{"kty": "OKP", "crv": "Ed25519", "x": strings.Repeat("A", 43)})
	if err != nil {
		t.Fatal(err)
	}
	const inJSON = "a JSON object or list, such as a JWK set"
	check("a JWK", jwk, inJSON)
	check("a list of JWKs", []byte("["+string(jwk)+"]\n"), inJSON)
	check("a JWK set in base64", []byte(base64.RawURLEncoding.EncodeToString([]byte(`{"keys":[`+string(jwk)+`]}`))), inJSON+", in base64")
	check("a URL", []byte("https://id.example.com/realms/a"), "a URL")
}

func TestWhatMayBeSecret(t *testing.T) {
	const tries = 10_000
	mistaken := 0
	for range tries {
		key := make([]byte, 64)
		_, _ = rand.Read(key)
		key[0] = 0x30 // as DER begins, or else none would be mistaken
		for _, content := range []string{
			string(key), base64.StdEncoding.EncodeToString(key), base64.RawURLEncoding.EncodeToString(key), hex.EncodeToString(key),
		} {
			if Public([]byte(content)) != "" {
				mistaken++
			}
		}
	}
	if mistaken > tries/100 {
		t.Errorf("%d of %d random keys are taken for something else", mistaken, tries)
	}
	for _, content := range []string{
		"", "{not JSON", "[nor this", "ssh-rsa AAAA", "ssh-ed25519 " + strings.Repeat("k", 40), "-----key-----", "a key at https://id.example.com",
		"correct horse battery staple", "\x30\x82\x01\x00" + strings.Repeat("k", 100), "0" + strings.Repeat("k", 31),
	} {
		if known := Public([]byte(content)); known != "" {
			t.Errorf("%q is %s", content, known)
		}
	}
}
