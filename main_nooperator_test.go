// SPDX-License-Identifier: Apache-2.0

//go:build !operator

package main

import (
	"strings"
	"testing"
)

func TestWithoutTheOperatorItIsSaidHowToGetIt(t *testing.T) {
	root := command()
	root.SetArgs([]string{"operator", "--leader-elect", "--gateway-image=x"})
	if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "go build -tags operator .") {
		t.Errorf("error %v", err)
	}
}
