// SPDX-License-Identifier: Apache-2.0

//go:build !operator

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

var errNoOperator = errors.New("this program was built without the operator, whose Kubernetes libraries take minutes to compile " +
	"(docs/decisions/0043): build one that has it with `make build` or `go build -tags operator .`; the image has it, too")

// operatorCommand says how to get the operator: `go run . dev` would compile it, and does not need
// it.
func operatorCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "operator",
		Short:              "Look after the RealtimeServices of a cluster (only with -tags operator)",
		DisableFlagParsing: true,
		RunE:               func(*cobra.Command, []string) error { return errNoOperator },
	}
}
