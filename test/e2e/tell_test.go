//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"
)

// tellOnFailure logs the objects, events and logs of a namespace, and what the operator said, if
// the test has failed.
func tellOnFailure(t *testing.T, namespace string) {
	t.Helper()
	if !t.Failed() {
		return
	}
	tell(t, "get", "all,rts,configmaps,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers", "--namespace", namespace, "--output=wide")
	tell(t, "get", "rts", "--namespace", namespace, "--output=yaml")
	tell(t, "get", "events", "--namespace", namespace, "--sort-by=.lastTimestamp")
	tell(t, "describe", "pods", "--namespace", namespace)
	tell(t, "logs", "--namespace", namespace, "--selector=app.kubernetes.io/part-of=realtime-operator", "--prefix", "--tail=60", "--max-log-requests=20")
	tell(t, "get", "pods,events", "--namespace", operatorNamespace, "--output=wide")
	tell(t, "logs", "--namespace", operatorNamespace, "--selector=app.kubernetes.io/name=realtime-operator", "--tail=120")
}

func tell(t *testing.T, args ...string) {
	t.Helper()
	output, err := tryKubectl(t, "", args...)
	if err != nil {
		output += "\n" + err.Error()
	}
	t.Logf("kubectl %s:\n%s", strings.Join(args, " "), output)
}
