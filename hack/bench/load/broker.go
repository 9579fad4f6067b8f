// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/measured"
)

// traffic is what the NATS server has had so far; nothing if none is to be asked.
func (o *options) traffic() (b measured.Broker, err error) {
	if o.monitor == "" {
		return b, nil
	}
	answer, err := http.Get("http://" + o.monitor + "/varz")
	if err != nil {
		return b, fmt.Errorf("ask NATS for its traffic: %w", err)
	}
	defer answer.Body.Close()
	var varz struct {
		InMsgs        int64 `json:"in_msgs"`
		OutMsgs       int64 `json:"out_msgs"`
		Subscriptions int   `json:"subscriptions"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&varz); err != nil {
		return b, fmt.Errorf("read the traffic of NATS: %w", err)
	}
	b.In, b.Out, b.Subscriptions = varz.InMsgs, varz.OutMsgs, varz.Subscriptions
	for _, pid := range o.brokers {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
		if err != nil {
			return b, fmt.Errorf("read the traffic of NATS: %w", err)
		}
		b.Read += parseIO(string(data), "rchar")
		b.Written += parseIO(string(data), "wchar")
	}
	return b, nil
}

// parseIO finds a figure in proc(5)'s io. What a process reads and writes by system calls counts,
// on sockets too.
func parseIO(data, name string) int64 {
	_, after, _ := strings.Cut(data, name+": ")
	digits, _, _ := strings.Cut(after, "\n")
	n, _ := strconv.ParseInt(digits, 10, 64) // the kernel writes numbers there
	return n
}
