// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/memory"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// logRecovery returns the settings of the event log, nil for a service without recovery. They do
// not change during the life of the gateway: a change in the manifest replaces the gateways.
func logRecovery(svc *v1alpha1.RealtimeService) *cluster.Recovery {
	r := svc.Spec.Recovery
	if r == nil {
		return nil
	}
	recovery := &cluster.Recovery{
		MaxDisconnection: r.MaxDisconnection.Duration,
		MaxMessages:      int(r.MaxMessages),
		Detection:        svc.Spec.Protocol.PingInterval.Duration + svc.Spec.Protocol.PingTimeout.Duration,
		HistoryAge:       svc.LongestHistory(),
		Replicas:         int(svc.Spec.StoredBy()),
		HistoryBytes:     memory.Part(),
	}
	if r.MaxBytes != nil {
		recovery.MaxBytes = r.MaxBytes.Value()
	}
	return recovery
}

func socketRecovery(svc *v1alpha1.RealtimeService) *socketio.Recovery {
	if svc.Spec.Recovery == nil {
		return nil
	}
	return &socketio.Recovery{RunMiddlewares: true, EncodeData: celvalue.EncodeData, DecodeData: celvalue.DecodeData}
}
