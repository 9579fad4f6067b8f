// SPDX-License-Identifier: Apache-2.0

package main

// runbooks is where the pages of docs/runbooks are read.
const runbooks = "https://github.com/realtime-operator/realtime-operator/blob/main/docs/runbooks/"

// by are the labels that PodMonitors give the metrics of a service's gateways.
const by = "namespace, realtimeservice"

// alert is one alert, and the recorded series by which a test sees it fire, and not fire.
type alert struct {
	name, expr, wait, severity, summary string
	// page is the runbook's name; by default that of the alert.
	page string
	// firing and quiet are series with values in promtool's notation, one a minute; at is when they
	// are judged, by default after an hour.
	firing, quiet map[string]string
	at            string
}

func (a *alert) runbook() string {
	if a.page != "" {
		return a.page
	}
	return a.name
}

// one returns a single series.
func one(series, values string) map[string]string { return map[string]string{series: values} }

// gw returns a series of a gateway, with more labels if there are any.
func gw(metric, labels string) string {
	if labels != "" {
		labels = "," + labels
	}
	return metric + `{namespace="team",realtimeservice="chat",pod="chat-1"` + labels + `}`
}

const (
	problem = `realtime_operator_service_problem{service_namespace="team",service_name="chat",condition="`
	whose   = "{{ $labels.namespace }}/{{ $labels.realtimeservice }}"
	service = "{{ $labels.service_namespace }}/{{ $labels.service_name }}"
)

// conditionAlert is for a condition that the operator reports.
func conditionAlert(name, condition, wait, severity, summary string) alert {
	return alert{
		name: name, wait: wait, severity: severity, summary: summary,
		expr:   `max by (service_namespace, service_name, reason) (realtime_operator_service_problem{condition="` + condition + `"}) > 0`,
		firing: one(problem+condition+`",reason="Broken"}`, "1x60"),
		quiet:  one(problem+condition+`",reason="Broken"}`, "_x57 1x3"),
	}
}

// growing is for a counter that should not move.
func growing(name, metric, matchers, severity, summary string) alert {
	sample := gw(metric, labelOf(matchers))
	return alert{
		name: name, severity: severity, summary: summary,
		expr:   "sum by (" + by + ") (increase(" + metric + matchers + "[15m])) > 0",
		firing: one(sample, "0x50 1x10"), quiet: one(sample, "7x60"),
	}
}

//nolint:funlen // a table
func alerts() []alert {
	return append([]alert{
		conditionAlert("RealtimeServiceNotReady", "Ready", "15m", "warning", "RealtimeService "+service+" is not Ready: {{ $labels.reason }}"),
		conditionAlert("RealtimeGatewaysMissing", "GatewaysAvailable", "5m", "critical", "RealtimeService "+service+" lacks gateways: {{ $labels.reason }}"),
		conditionAlert("RealtimeScalingLimited", "ScalingLimited", "10m", "warning", "RealtimeService "+service+" cannot have as many gateways as it should: {{ $labels.reason }}"),
		{
			name: "RealtimeOperatorAbsent", expr: "absent(realtime_operator_services)", wait: "10m", severity: "critical",
			summary: "No operator leads, or Prometheus does not scrape it",
			firing:  one("up", "1x60"), quiet: one(`realtime_operator_services{condition="Ready",status="True"}`, "1x60"),
		},
		{
			name: "RealtimeReconcileErrors", wait: "15m", severity: "warning",
			expr:    `sum(rate(controller_runtime_reconcile_errors_total{controller="realtimeservice"}[10m])) > 0.01`,
			summary: "The operator fails to reconcile services",
			firing:  one(`controller_runtime_reconcile_errors_total{controller="realtimeservice"}`, "0+3x60"),
			quiet:   one(`controller_runtime_reconcile_errors_total{controller="realtimeservice"}`, "0x50 1x10"),
		},
		{
			name: "RealtimeUpdateStuck", expr: `max(realtime_operator_updates_due{reason="Updating"}) > 0`, wait: "1h", severity: "warning",
			summary: "An update of the operator has been replacing pods for an hour",
			firing:  one(`realtime_operator_updates_due{reason="Updating"}`, "1x120"),
			quiet:   one(`realtime_operator_updates_due{reason="Updating"}`, "0x80 1x40"), at: "120m",
		},
		{
			name: "RealtimeCertificateExpiring", wait: "1h", severity: "warning",
			expr:    "min by (certificate, service_namespace, service_name) (realtime_operator_certificate_expiry_timestamp_seconds) - time() < 20 * 86400",
			summary: "The certificate {{ $labels.certificate }} of " + service + " was not renewed, and expires in {{ $value | humanizeDuration }}",
			firing:  one(`realtime_operator_certificate_expiry_timestamp_seconds{certificate="nats",service_namespace="team",service_name="chat"}`, "1000000x120"),
			quiet:   one(`realtime_operator_certificate_expiry_timestamp_seconds{certificate="nats",service_namespace="team",service_name="chat"}`, "9000000x120"), at: "120m",
		},
		{
			name: "RealtimeNATSDisconnected", expr: "min by (" + by + ", pod) (realtime_nats_connected) == 0", wait: "1m", severity: "critical",
			summary: "Gateway {{ $labels.pod }} of " + whose + " is not connected to NATS",
			firing:  one(gw("realtime_nats_connected", ""), "1x30 0x30"), quiet: one(gw("realtime_nats_connected", ""), "0x30 1x30"),
		},
		{
			name: "RealtimeNATSSlow", wait: "10m", severity: "warning",
			expr: "sum by (" + by + ") (rate(realtime_nats_round_trip_seconds_count[10m])) - sum by (" + by + `) (rate(realtime_nats_round_trip_seconds_bucket{le="0.25"}[10m]))` +
				" > 0.05 * sum by (" + by + ") (rate(realtime_nats_round_trip_seconds_count[10m]))",
			summary: "More than one in twenty answers of NATS to " + whose + " take longer than 250 ms",
			firing: map[string]string{
				gw("realtime_nats_round_trip_seconds_count", ""): "0+60x60", gw("realtime_nats_round_trip_seconds_bucket", `le="0.25"`): "0+50x60",
			},
			quiet: map[string]string{
				gw("realtime_nats_round_trip_seconds_count", ""): "0+60x60", gw("realtime_nats_round_trip_seconds_bucket", `le="0.25"`): "0+59x60",
			},
		},
		{
			name: "RealtimeLogNotReady", expr: "min by (" + by + ", pod) (realtime_log_ready) == 0", wait: "1m", severity: "critical",
			summary: "Gateway {{ $labels.pod }} of " + whose + " cannot store events",
			firing:  one(gw("realtime_log_ready", ""), "1x30 0x30"), quiet: one(gw("realtime_log_ready", ""), "0x30 1x30"),
		},
		growing("RealtimeEventsRejected", "realtime_log_rejected_messages_total", `{reason=~"size|jetstream"}`, "warning", "Events of "+whose+" will never be stored"),
		growing("RealtimeEventsLost", "realtime_log_gaps_total", "", "critical", "Events of "+whose+" were lost before a gateway could deliver them"),
		growing("RealtimePanic", "realtime_panics_total", "", "warning", "A gateway of "+whose+" has stopped a panic"),
		{
			name: "RealtimeHandlersFail", wait: "10m", severity: "warning",
			expr:    "sum by (" + by + ") (rate(realtime_handler_errors_total[10m])) + (sum by (" + by + ") (rate(realtime_expression_limit_total[10m])) or 0 * sum by (" + by + ") (rate(realtime_handler_errors_total[10m]))) > 0.1",
			summary: "Handlers of " + whose + " fail {{ $value | humanize }} times a second",
			firing:  one(gw("realtime_handler_errors_total", `exported_namespace="/"`), "0+60x60"),
			quiet:   one(gw("realtime_handler_errors_total", `exported_namespace="/"`), "0+1x60"),
		},
		{
			name: "RealtimeSlowConsumers", wait: "10m", severity: "warning",
			expr:    "sum by (" + by + `) (increase(realtime_disconnections_total{reason="slow_consumer"}[10m])) > 0.02 * sum by (` + by + ") (realtime_connections)",
			summary: "More than one in fifty clients of " + whose + " was too slow within ten minutes",
			firing: map[string]string{
				gw("realtime_disconnections_total", `reason="slow_consumer"`): "0+10x60", gw("realtime_connections", ""): "1000x60",
			},
			quiet: map[string]string{
				gw("realtime_disconnections_total", `reason="slow_consumer"`): "0+1x60", gw("realtime_connections", ""): "1000x60",
			},
		},
		{
			name: "RealtimeReconnectsCaused", severity: "warning",
			expr: "sum by (" + by + `) (increase(realtime_disconnections_total{reason=~"drain|rollout|rebalance|log_gap|unavailable|shutdown"}[30m]))` +
				" > 2 * sum by (" + by + ") (avg_over_time(realtime_connections[30m])) > 0",
			summary: "Clients of " + whose + " were made to reconnect more than twice within half an hour",
			firing: map[string]string{
				gw("realtime_disconnections_total", `reason="rebalance"`): "0+100x60", gw("realtime_connections", ""): "1000x60",
			},
			quiet: map[string]string{
				gw("realtime_disconnections_total", `reason="rollout"`): "0x40 1000x20", gw("realtime_connections", ""): "1000x60",
			},
		},
	}, budgetAlerts()...)
}
