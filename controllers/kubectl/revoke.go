// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// revocation is what is revoked: a document of docs/how-to/authenticate.md.
type revocation struct {
	Entry        string `json:"entry,omitempty"`
	User         string `json:"user,omitempty"`
	ID           string `json:"id,omitempty"`
	IssuedBefore int64  `json:"issuedBefore,omitempty"`
	Lift         bool   `json:"lift,omitempty"`
}

func revokeCommand(p *plugin) *cobra.Command {
	r := revocation{}
	var before string
	cmd := &cobra.Command{
		Use:   "revoke",
		Short: "Revoke the tokens of a user, one token, or all that were issued before a time",
		Long:  "Revoke tokens on all gateways, and end the connections of their clients. It needs spec.revocation.",
		Example: "  kubectl rts revoke --user ada --entry people\n" +
			"  kubectl rts revoke --issued-before 2026-12-01T08:00:00Z\n" +
			"  kubectl rts revoke --user ada --entry people --lift",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.User == "" && r.ID == "" && before == "" {
				return errors.New("which tokens? Name --user, --id or --issued-before")
			}
			if before != "" {
				at, err := time.Parse(time.RFC3339, before)
				if err != nil {
					return fmt.Errorf("--issued-before %s: want a time such as 2026-12-01T08:00:00Z", before)
				}
				r.IssuedBefore = at.UnixMilli()
			}
			document, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("encode the revocation: %w", err)
			}
			done := "revoked"
			if r.Lift {
				done = "lifted"
			}
			return p.post(cmd.Context(), "/v1/revocations", document, done)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.User, "user", "", "user whose tokens are revoked")
	f.StringVar(&r.ID, "id", "", "id of the token that is revoked: its claim jti")
	f.StringVar(&before, "issued-before", "", "time before which the tokens were issued, as RFC 3339; alone, or with --user")
	f.StringVar(&r.Entry, "entry", "", "entry of spec.authentication whose tokens are meant (default: all)")
	f.BoolVar(&r.Lift, "lift", false, "end an earlier revocation of exactly the same")
	return cmd
}
