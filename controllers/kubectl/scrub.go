// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"regexp"

	"sigs.k8s.io/yaml"
)

// leftOut stands for what a support bundle does not have.
const leftOut = "(left out)"

// secretTexts are what looks like a secret in any text: credentials in URLs, tokens of
// Authorization and in parameters, JWTs, private keys, ids of sessions, bcrypt hashes.
var secretTexts = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`), leftOut},
	{regexp.MustCompile(`(?s)-----BEGIN (?:NATS USER JWT|USER NKEY SEED)-----.*?(------END [A-Z ]*------|$)`), leftOut},
	{regexp.MustCompile(`\b([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@"']+@`), "${1}" + leftOut + "@"},
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`), leftOut},
	{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}`), "$1 " + leftOut},
	{regexp.MustCompile(`(?i)((?:password|passwd|secret|token|apikey|api_key|credential|authorization|cookie|sid|auth)s?\\*["']?\s*[=:]\s*)(\\+"[^"]*"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&"'}{\[\]]+)`), "$1" + leftOut},
	{regexp.MustCompile(`\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}`), leftOut},
	{regexp.MustCompile(`\bS[UAOCN][A-Z2-7]{56}\b`), leftOut},
}

// scrubText leaves out what looks like a secret.
func scrubText(text []byte) []byte {
	for _, secret := range secretTexts {
		text = secret.pattern.ReplaceAll(text, []byte(secret.by))
	}
	return text
}

// scrubObject leaves out of an object of Kubernetes what may be a secret: values of environment
// variables, of Secrets, and what tools have noted of either; and what nobody reads.
func scrubObject(object map[string]any) map[string]any {
	if metadata, ok := object["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
		if annotations, ok := metadata["annotations"].(map[string]any); ok {
			for name := range annotations {
				if name == "kubectl.kubernetes.io/last-applied-configuration" {
					annotations[name] = leftOut
				}
			}
		}
	}
	switch object["kind"] {
	case "Secret":
		delete(object, "data")
		delete(object, "stringData")
	case "ConfigMap":
		scrubConfigMap(object)
	}
	scrubbed, ok := scrubValue(object).(map[string]any)
	if !ok {
		return map[string]any{}
	}
	return scrubbed
}

// scrubConfigMap treats what is YAML in a ConfigMap, such as the service's own, as an object.
func scrubConfigMap(object map[string]any) {
	delete(object, "binaryData")
	data, ok := object["data"].(map[string]any)
	if !ok {
		return
	}
	for key, value := range data {
		text, ok := value.(string)
		if !ok {
			continue
		}
		var inner map[string]any
		if yaml.Unmarshal([]byte(text), &inner) != nil || inner == nil {
			continue // scrubbed as text
		}
		if out, err := yaml.Marshal(scrubObject(inner)); err == nil {
			data[key] = string(out)
		}
	}
}

// scrubValue scrubs all texts in a value, and the values of environment variables: of elements with
// a name and a value in a list called env.
func scrubValue(value any) any {
	switch v := value.(type) {
	case string:
		return string(scrubText([]byte(v)))
	case []any:
		for i := range v {
			v[i] = scrubValue(v[i])
		}
	case map[string]any:
		for key, inner := range v {
			if list, ok := inner.([]any); ok && (key == "env" || key == "extraEnv") {
				hideValues(list)
			}
			v[key] = scrubValue(inner)
		}
	}
	return value
}

func hideValues(variables []any) {
	for _, element := range variables {
		variable, ok := element.(map[string]any)
		if !ok {
			continue
		}
		if _, given := variable["value"]; given {
			variable["value"] = leftOut
		}
	}
}
