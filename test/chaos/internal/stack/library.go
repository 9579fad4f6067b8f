// SPDX-License-Identifier: Apache-2.0

package stack

import "fmt"

// Library is one program that uses gateway/socketio, and recovers from its own memory.
func Library(program string) Stack {
	return Stack{
		Name:          "library: ours, in memory",
		NeedsAffinity: true,
		Grace:         nodeGrace,
		gateway: func(n, _ int, ports gatewayPorts, _ []string) command {
			return command{
				name:  fmt.Sprintf("library-%d", n),
				path:  program,
				args:  []string{"-listen", local(ports.clients)},
				ready: "http://" + local(ports.clients) + "/ready",
			}
		},
	}
}
