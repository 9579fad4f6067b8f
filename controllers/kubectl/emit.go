// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// emission is what is emitted: a document of docs/how-to/publish.md.
type emission struct {
	Event    string          `json:"event"`
	Args     json.RawMessage `json:"args"`
	Rooms    []string        `json:"rooms,omitempty"`
	Users    []string        `json:"users,omitempty"`
	Entry    string          `json:"entry,omitempty"`
	Volatile bool            `json:"volatile,omitempty"`
}

func emitCommand(p *plugin) *cobra.Command {
	var of, to, namespace string
	e := emission{}
	cmd := &cobra.Command{
		Use:   "emit EVENT [ARGUMENT…]",
		Short: "Emit an event to a room, to users, or to a namespace",
		Long: "Emit an event as programs do that publish. Arguments are JSON; what is no JSON is a string.\n" +
			"It is stored for clients that come back, if events of the room are.",
		Example: "  kubectl rts emit --to /chat/lobby systemMessage '{\"text\":\"back in five minutes\"}'\n" +
			"  kubectl rts emit --user ada --of / note hello",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e.Event = args[0]
			values, err := encodeArgs(args[1:])
			if err != nil {
				return err
			}
			e.Args = values
			switch {
			case to != "" && len(e.Users) > 0:
				return errors.New("--to and --user are given: emit to one after the other")
			case to != "":
				place, err := parsePlace(to, of)
				if err != nil {
					return err
				}
				if namespace = place.namespace; place.room != "" {
					e.Rooms = []string{place.room}
				}
			case of != "":
				namespace = of
			case len(e.Users) > 0:
				namespace = "/"
			default:
				return errors.New("to whom? Name a room by --to, users by --user, or a whole namespace by --of")
			}
			return p.emit(cmd.Context(), namespace, e)
		},
	}
	bindNamespace(cmd, &of)
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "room, NAMESPACE/ROOM, or all of a namespace, /NAMESPACE")
	f.StringArrayVar(&e.Users, "user", nil, "user whose sockets get the event; may be given several times")
	f.StringVar(&e.Entry, "entry", "", "entry of spec.authentication that the users are of")
	f.BoolVar(&e.Volatile, "volatile", false, "drop it for clients that cannot take it at once, and do not store it")
	return cmd
}

// encodeArgs makes a JSON list of what was typed.
func encodeArgs(typed []string) (json.RawMessage, error) {
	values := make([]json.RawMessage, len(typed))
	for i, text := range typed {
		if json.Valid([]byte(text)) {
			values[i] = json.RawMessage(text)
			continue
		}
		data, err := json.Marshal(text)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		values[i] = data
	}
	return json.Marshal(values)
}

func (p *plugin) emit(ctx context.Context, namespace string, e emission) error {
	document, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	return p.post(ctx, "/v1/namespaces/"+url.PathEscape(namespace)+"/emit", document, "emitted "+e.Event)
}

// post has one gateway do something that is for all of them.
func (p *plugin) post(ctx context.Context, path string, document []byte, done string) error {
	c, pods, err := p.operate(ctx)
	if err != nil {
		return err
	}
	pod := &pods[0]
	for i := range pods { // one that is about to leave may have lost NATS
		if ready(&pods[i]) && pods[i].DeletionTimestamp == nil {
			pod = &pods[i]
			break
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := c.ask(ctx, pod, "POST", path, document); err != nil {
		return err
	}
	return p.print(map[string]any{"ok": true, "gateway": pod.Name}, func(w io.Writer) { row(w, done+" (by "+pod.Name+")") })
}
