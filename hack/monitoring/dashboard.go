// SPDX-License-Identifier: Apache-2.0

package main

// panel is a graph of the dashboard.
type panel struct {
	title, unit, help string
	// queries are expressions by legend, in order.
	queries [][2]string
}

// own selects the services that the variables of the dashboard name.
const own = `namespace=~"$namespace",realtimeservice=~"$service"`

func quantile(q, metric string) string {
	return "histogram_quantile(" + q + ", sum by (le) (rate(" + metric + "_bucket{" + own + "}[$__rate_interval])))"
}

func rate(labels, metric, more string) string {
	return "sum by (" + labels + ") (rate(" + metric + "{" + own + more + "}[$__rate_interval]))"
}

func panels() []panel {
	return []panel{
		{"Services with a problem", "short", "Conditions that are not as they should be.", [][2]string{{"{{service_namespace}}/{{service_name}} {{condition}} {{reason}}", "realtime_operator_service_problem"}}},
		{"Connections", "short", "Clients by service.", [][2]string{{"{{namespace}}/{{realtimeservice}}", "sum by (" + by + ") (realtime_connections{" + own + "})"}}},
		{"Connections by gateway", "short", "", [][2]string{{"{{pod}}", "realtime_connections{" + own + "}"}}},
		{"Handshakes", "ops", "Accepted, and refused by reason.", [][2]string{
			{"accepted", "sum(rate(realtime_handshakes_accepted_total{" + own + "}[$__rate_interval]))"},
			{"refused: {{reason}}", rate("reason", "realtime_handshakes_refused_total", "")},
		}},
		{"Disconnections by us", "ops", "Clients that reconnect because of a drain, a rollout or a rebalance, or of a loss.", [][2]string{
			{"{{reason}}", rate("reason", "realtime_disconnections_total", `,reason=~"drain|rollout|rebalance|log_gap|unavailable|shutdown"`)},
		}},
		{"Other disconnections", "ops", "", [][2]string{
			{"{{reason}}", rate("reason", "realtime_disconnections_total", `,reason!~"drain|rollout|rebalance|log_gap|unavailable|shutdown"`)},
		}},
		{"Recoveries", "ops", "What became of clients that came back.", [][2]string{{"{{result}}", rate("result", "realtime_recoveries_total", "")}}},
		{"Events of clients", "ops", "", [][2]string{{"{{namespace}}/{{realtimeservice}}", rate(by, "realtime_events_total", "")}}},
		{"Write delay", "s", "From when an event is queued for a client until it is written.", [][2]string{
			{"p50", quantile("0.5", "realtime_write_delay_seconds")}, {"p99", quantile("0.99", "realtime_write_delay_seconds")},
		}},
		{"Stored delivery", "s", "From emission until a stored event is written.", [][2]string{
			{"p50", quantile("0.5", "realtime_stored_delivery_seconds")}, {"p99", quantile("0.99", "realtime_stored_delivery_seconds")},
		}},
		{"NATS and log", "s", "Round trips to NATS, and answers of the log's leader.", [][2]string{
			{"NATS p99", quantile("0.99", "realtime_nats_round_trip_seconds")}, {"log p99", quantile("0.99", "realtime_log_probe_seconds")},
		}},
		{"Waiting messages", "short", "Before the log, and behind NATS. Near 0 is well.", [][2]string{
			{"to be stored: {{pod}}", "realtime_log_waiting_messages{" + own + "}"}, {"from NATS: {{pod}}", "realtime_cluster_messages_waiting{" + own + "}"},
		}},
		{"Objectives: bad share over an hour", "percentunit", "The objectives are 0.1%, and 1% of recoveries.", [][2]string{
			{"handshakes {{realtimeservice}}", "realtime:handshakes:bad_ratio1h{" + own + "}"}, {"deliveries {{realtimeservice}}", "realtime:deliveries:bad_ratio1h{" + own + "}"},
			{"stored deliveries {{realtimeservice}}", "realtime:stored_deliveries:bad_ratio1h{" + own + "}"}, {"recoveries {{realtimeservice}}", "realtime:recoveries:bad_ratio1h{" + own + "}"},
		}},
		{"Certificates", "s", "Time until the first certificate of a kind expires.", [][2]string{{"{{certificate}}", "min by (certificate) (realtime_operator_certificate_expiry_timestamp_seconds) - time()"}}},
		{"Memory and CPU", "short", "CPU in cores, memory in GB.", [][2]string{
			{"CPU {{pod}}", "rate(process_cpu_seconds_total{" + own + "}[$__rate_interval])"}, {"memory {{pod}}", "process_resident_memory_bytes{" + own + "} / 1e9"},
		}},
		{"Operator: updates due", "short", "", [][2]string{{"{{reason}}", "sum by (reason) (realtime_operator_updates_due)"}}},
	}
}

type object = map[string]any

// dashboard returns the dashboard as Grafana reads it.
func dashboard() object {
	source := object{"type": "prometheus", "uid": "${datasource}"}
	var all []object
	for i, p := range panels() {
		var targets []object
		for j, q := range p.queries {
			targets = append(targets, object{"refId": string(rune('A' + j)), "legendFormat": q[0], "expr": q[1], "datasource": source})
		}
		all = append(all, object{
			"id": i + 1, "type": "timeseries", "title": p.title, "description": p.help, "datasource": source, "targets": targets,
			"gridPos":     object{"h": 8, "w": 12, "x": i % 2 * 12, "y": i / 2 * 8},
			"fieldConfig": object{"defaults": object{"unit": p.unit, "min": 0}, "overrides": []object{}},
		})
	}
	variable := func(name, label, query string) object {
		return object{
			"name": name, "label": label, "type": "query", "datasource": source, "query": query, "refresh": 2, "multi": true, "includeAll": true,
			"allValue": ".*", "current": object{"text": "All", "value": "$__all"},
		}
	}
	return object{
		"title": "Realtime services", "uid": "realtime-operator", "schemaVersion": 39, "tags": []string{"realtime-operator"}, "editable": true,
		"refresh": "30s", "time": object{"from": "now-6h", "to": "now"}, "panels": all,
		"templating": object{"list": []object{
			{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
			variable("namespace", "Namespace", "label_values(realtime_connections, namespace)"),
			variable("service", "Service", `label_values(realtime_connections{namespace=~"$namespace"}, realtimeservice)`),
		}},
	}
}
