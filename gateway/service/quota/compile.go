// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"fmt"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/limits"
)

// Compile returns the limits of a manifest; nil if there are none.
func Compile(spec *v1alpha1.LimitsSpec) *limits.Rules {
	var rules limits.Rules
	if s := spec.PerSocket; s != nil {
		rules.Events = eventLimit("perSocket.events", s.Events)
		rules.Bytes = byteLimit("perSocket.bytes", s.Bytes)
		for i := range s.ByEvent {
			rules.ByEvent = append(rules.ByEvent, limits.NamedLimit{
				Event: s.ByEvent[i].Event,
				Limit: eventLimit(fmt.Sprintf("perSocket.byEvent[%d]", i), &s.ByEvent[i].EventRate),
			})
		}
	}
	if u := spec.PerUser; u != nil {
		rules.UserEvents = eventLimit("perUser.events", u.Events)
		rules.UserBytes = byteLimit("perUser.bytes", u.Bytes)
		if u.Connections != nil {
			rules.Connections = int(*u.Connections)
		}
		rules.ConnectionsAudit = u.ConnectionsMode == v1alpha1.AccessAudit
	}
	return rules.Prepare()
}

var limitActions = map[v1alpha1.OnExceed]limits.Action{
	"":                        limits.Reject,
	v1alpha1.ExceedReject:     limits.Reject,
	v1alpha1.ExceedDrop:       limits.Drop,
	v1alpha1.ExceedDisconnect: limits.Disconnect,
}

func eventLimit(name string, r *v1alpha1.EventRate) *limits.Limit {
	if r == nil {
		return nil
	}
	return limit(name, int64(r.Rate), r.AtOnce(), r.LimitPolicy)
}

func byteLimit(name string, r *v1alpha1.ByteRate) *limits.Limit {
	if r == nil {
		return nil
	}
	return limit(name, r.Rate.Value(), r.AtOnce(), r.LimitPolicy)
}

func limit(name string, rate, burst int64, policy v1alpha1.LimitPolicy) *limits.Limit {
	return &limits.Limit{
		Name: name, Rate: rate, Burst: burst,
		Action: limitActions[policy.OnExceed], Audit: policy.Mode == v1alpha1.AccessAudit,
	}
}
