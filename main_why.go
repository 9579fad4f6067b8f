// SPDX-License-Identifier: Apache-2.0

//go:build !nodev

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/realtime-operator/realtime-operator/gateway/scenario"
)

// whyFlags are the flags of `realtime why` that are files or JSON.
type whyFlags struct{ as, auth, data, user, secrets string }

func addWhyCommand(root *cobra.Command) {
	q := scenario.Question{}
	flags := whyFlags{}
	cmd := &cobra.Command{
		Use:   "why -f FILE {connect | join ROOM | leave ROOM | emit ROOM | history ROOM | presence ROOM | event NAME [ARGUMENTS]}",
		Short: "Explain who may do what, and by which rule",
		Long: "Run a service, have a client connect to it, and print what is decided about a wish of that client:\n" +
			"the conditions that a gateway evaluates for it, with the value of each part.\n" +
			"ARGUMENTS are a JSON list. The exit code is 1 if the answer is no, and 2 if the question cannot be asked.",
		Args: cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.fill(&q, args); err != nil {
				return &scenario.InvalidError{Mistakes: []string{err.Error()}}
			}
			q.Out = cmd.OutOrStdout()
			return scenario.Why(cmd.Context(), q)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&q.Manifest, "filename", "f", "", "manifest with a RealtimeService")
	_ = cmd.MarkFlagRequired("filename") // there is such a flag
	f.StringVar(&q.Client.Namespace, "namespace", "/", "namespace that the client connects to")
	f.StringVar(&flags.as, "as", "", "file with the claims of the client's token, a JSON object; - is the standard input (default: no token)")
	f.StringVar(&flags.user, "user", "", "the claim sub of the client's token")
	f.StringVar(&q.Client.As, "entry", "", "entry of spec.authentication by which the client shows its token (default: the first of the namespace)")
	f.StringVar(&q.Client.Token, "token", "", "token as it is, in place of claims")
	f.StringVar(&flags.secrets, "secrets", "", "folder with a folder for each Secret of spec.authentication, as for realtime dev")
	f.StringVar(&flags.auth, "auth", "", "auth payload, a JSON object")
	f.StringVar(&flags.data, "data", "", "socket.data, a JSON object")
	f.StringArrayVar(&q.Rooms, "in", nil, "room that the client has joined; may be given several times")
	f.StringToStringVar(&q.Client.Headers, "header", nil, "header of the client's first request, name=value")
	f.StringToStringVar(&q.Client.Query, "query", nil, "parameter of the client's first request, name=value")
	f.StringVar(&q.Client.Address, "address", "", "IP address of the client")
	root.AddCommand(cmd)
}

// fill completes a question.
func (w whyFlags) fill(q *scenario.Question, args []string) (err error) {
	q.What = args[0]
	if len(args) > 1 {
		q.Of = args[1]
	}
	if len(args) > 2 {
		if err := decodeJSON([]byte(args[2]), &q.Args); err != nil {
			return fmt.Errorf("ARGUMENTS: want a JSON list: %w", err)
		}
	}
	for name, flag := range map[string]struct {
		text string
		into *map[string]any
	}{"--auth": {w.auth, &q.Client.Auth}, "--data": {w.data, &q.Data}} {
		if flag.text == "" {
			continue
		}
		if err := decodeJSON([]byte(flag.text), flag.into); err != nil {
			return fmt.Errorf("%s: want a JSON object: %w", name, err)
		}
	}
	if q.Client.Claims, err = w.claims(); err != nil {
		return err
	}
	q.Secrets, err = readSecrets(w.secrets)
	return err
}

func (w whyFlags) claims() (claims map[string]any, err error) {
	if w.as != "" {
		file := os.Stdin
		if w.as != "-" {
			if file, err = os.Open(w.as); err != nil {
				return nil, fmt.Errorf("--as: %w", err)
			}
			defer file.Close()
		}
		decoder := json.NewDecoder(file)
		decoder.UseNumber()
		if err := decoder.Decode(&claims); err != nil {
			return nil, fmt.Errorf("--as: want a JSON object: %w", err)
		}
	}
	if w.user != "" {
		if claims == nil {
			claims = map[string]any{}
		}
		claims["sub"] = w.user
	}
	return claims, nil
}

func decodeJSON(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// readSecrets reads a folder of Secrets.
func readSecrets(dir string) (map[string]map[string]string, error) {
	if dir == "" {
		return nil, nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return nil, fmt.Errorf("--secrets: %w", err)
	}
	secrets := map[string]map[string]string{}
	for _, name := range names {
		secret := filepath.Base(filepath.Dir(name))
		if strings.HasPrefix(filepath.Base(name), ".") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--secrets: %w", err)
		}
		if secrets[secret] == nil {
			secrets[secret] = map[string]string{}
		}
		secrets[secret][filepath.Base(name)] = string(data)
	}
	return secrets, nil
}
