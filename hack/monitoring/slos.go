// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// slo is an objective: of all events, so many are good.
type slo struct {
	// name is a part of names of alerts, and record of recorded series.
	name, record, page, what string
	// objective is the share of good events.
	objective float64
	// bad and all are expressions with RANGE in place of a range.
	bad, all string
	// counters are those in the expressions, for tests: of bad events, and of the others.
	badSeries, goodSeries string
}

const (
	refusedByUs = `{reason=~"rate|full|draining"}`
	unrecovered = `{result=~"too_much_missed|log_trimmed|log_restarted|unavailable"}`
	askedFor    = `{result=~"recovered|too_much_missed|log_trimmed|log_restarted|unavailable"}`
)

func sum(metric string) string { return "sum by (" + by + ") (rate(" + metric + "[RANGE]))" }

// slow is how many deliveries take longer than 250 ms.
func slow(metric string) string {
	return "(" + sum(metric+"_count") + " - " + sum(metric+`_bucket{le="0.25"}`) + ")"
}

func slos() []slo {
	return []slo{
		{
			name: "Handshake", record: "handshakes", page: "RealtimeHandshakeBudget", what: "handshakes are refused for lack of room", objective: 0.999,
			bad:       sum("realtime_handshakes_refused_total" + refusedByUs),
			all:       "(" + sum("realtime_handshakes_accepted_total") + " + " + sum("realtime_handshakes_refused_total"+refusedByUs) + ")",
			badSeries: gw("realtime_handshakes_refused_total", `reason="full"`), goodSeries: gw("realtime_handshakes_accepted_total", ""),
		},
		{
			name: "Delivery", record: "deliveries", page: "RealtimeDeliveryBudget", what: "deliveries take longer than 250 ms", objective: 0.999,
			bad: slow("realtime_write_delay_seconds"), all: sum("realtime_write_delay_seconds_count"),
			badSeries: gw("realtime_write_delay_seconds_count", ""), goodSeries: gw("realtime_write_delay_seconds_bucket", `le="0.25"`),
		},
		{
			name: "StoredDelivery", record: "stored_deliveries", page: "RealtimeDeliveryBudget", what: "batches of stored events take longer than 250 ms", objective: 0.999,
			bad: slow("realtime_stored_delivery_seconds"), all: sum("realtime_stored_delivery_seconds_count"),
			badSeries: gw("realtime_stored_delivery_seconds_count", ""), goodSeries: gw("realtime_stored_delivery_seconds_bucket", `le="0.25"`),
		},
		{
			name: "Recovery", record: "recoveries", page: "RealtimeRecoveryBudget", what: "clients that come back in time are not recovered", objective: 0.99,
			bad: sum("realtime_recoveries_total" + unrecovered), all: sum("realtime_recoveries_total" + askedFor),
			badSeries: gw("realtime_recoveries_total", `result="log_trimmed"`), goodSeries: gw("realtime_recoveries_total", `result="recovered"`),
		},
	}
}

// burn is how fast a budget for 30 days may be used before somebody is told: by both a long window,
// so that it matters, and a short one, so that the alert ends soon after its cause.
type burn struct {
	name, long, short, wait, severity string
	factor                            float64
}

// burns use 2% of a budget in an hour, and 5% in six.
var burns = []burn{
	{name: "Fast", long: "1h", short: "5m", wait: "2m", severity: "critical", factor: 14.4},
	{name: "Slow", long: "6h", short: "30m", wait: "15m", severity: "warning", factor: 6},
}

// recorded returns the name of the share of bad events over a window.
func (s *slo) recorded(window string) string { return "realtime:" + s.record + ":bad_ratio" + window }

// records returns recording rules, by name.
func (s *slo) records() (names, exprs []string) {
	for _, b := range burns {
		for _, window := range []string{b.short, b.long} {
			names = append(names, s.recorded(window))
			exprs = append(exprs, strings.ReplaceAll(s.bad+" / ("+s.all+" > 0)", "RANGE", window))
		}
	}
	return names, exprs
}

func budgetAlerts() []alert {
	var all []alert
	for _, s := range slos() {
		for _, b := range burns {
			limit := strconv.FormatFloat(b.factor*(1-s.objective), 'g', 4, 64)
			all = append(all, alert{
				name: "Realtime" + s.name + "Budget" + b.name, wait: b.wait, severity: b.severity, page: s.page,
				expr:    s.recorded(b.long) + " > " + limit + " and " + s.recorded(b.short) + " > " + limit,
				summary: fmt.Sprintf("{{ $value | humanizePercentage }} of %s's %s; the objective is %g%%", whose, s.what, 100*(1-s.objective)),
				firing:  s.series(3 * b.factor * (1 - s.objective)), quiet: s.series(b.factor * (1 - s.objective) / 3), at: "420m",
			})
		}
	}
	return all
}

// series are those of a service a share of whose events are bad.
func (s *slo) series(bad float64) map[string]string {
	const perMinute = 10000
	good := perMinute * (1 - bad)
	values := func(rate float64) string { return fmt.Sprintf("0+%.0fx420", rate) }
	if strings.Contains(s.badSeries, "_count") { // the number of all
		return map[string]string{s.badSeries: values(perMinute), s.goodSeries: values(good)}
	}
	return map[string]string{s.badSeries: values(perMinute * bad), s.goodSeries: values(good)}
}

var labelMatcher = regexp.MustCompile(`(\w+)=~"(\w+)`)

// labelOf returns a label that matchers accept; empty without any.
func labelOf(matchers string) string {
	if found := labelMatcher.FindStringSubmatch(matchers); found != nil {
		return found[1] + `="` + found[2] + `"`
	}
	return ""
}
