// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/identity/webhook"
)

// program returns what asks an entry's program about clients.
func (a *authentication) program(svc *v1alpha1.RealtimeService, entry *v1alpha1.Authentication, locations []identity.Location) (*webhook.Webhook, error) {
	asked := entry.Request()
	config := webhook.Config{
		Locations: locations, Headers: asked.Forward.Headers, Query: asked.Forward.Query,
		Timeout: asked.Timeout.Duration, Concurrency: int(asked.Concurrency), MaxTTL: asked.Cache.MaxAge.Duration,
		Answered: func(r webhook.Result) { a.asking.programs.count(entry.Name, r) },
	}
	if n := asked.Cache.MaxEntries; n != nil {
		config.MaxEntries = cmp.Or(int(*n), -1)
	}
	program, err := a.connect(svc, entry, config)
	if err != nil {
		return nil, err
	}
	a.asked[entry.Name] = program
	return program, nil
}

func (a *authentication) connect(svc *v1alpha1.RealtimeService, entry *v1alpha1.Authentication, config webhook.Config) (*webhook.Webhook, error) {
	if entry.NATS != nil {
		return webhook.NewNATS(config, webhook.NATS{Request: a.asking.request, Subject: entry.NATS.Subject})
	}
	over := webhook.HTTP{URL: entry.Webhook.URL, CA: a.asking.authorities.ca, CAByTrust: entry.Webhook.CA != nil}
	if service := entry.Webhook.ServiceRef; service != nil {
		over.URL = a.asking.urlOf(service, svc.Namespace, entry.Webhook.Path)
		over.AllowHTTP = service.Scheme != schemeHTTPS // in the cluster, and written down
	}
	var token atomic.Pointer[string]
	if entry.Webhook.CredentialsSecretRef != nil {
		over.Credentials = func() string {
			if text := token.Load(); text != nil {
				return *text
			}
			return ""
		}
	}
	program, err := webhook.NewHTTP(config, over)
	if err != nil {
		return nil, err
	}
	if over.Credentials != nil {
		a.useCredentials(entry, func(text string) {
			token.Store(&text)
			program.Retry()
		})
	}
	a.useCA(entry, program.Trust)
	return program, nil
}

const schemeHTTPS = "HTTPS"

// urlOf is the URL of a Service.
func (a *asking) urlOf(service *v1alpha1.ServiceReference, namespace, path string) string {
	host := service.Name + "." + namespace + ".svc"
	if a.localServices {
		host = "localhost"
	}
	return fmt.Sprintf("%s://%s%s", strings.ToLower(cmp.Or(service.Scheme, "HTTP")), net.JoinHostPort(host, strconv.Itoa(int(service.Port))), cmp.Or(path, "/"))
}

// keyToken is the key of a Secret with the token that a program is shown.
const keyToken = "token"

// useCredentials calls a function with the token that an entry's program is shown, now and when it
// changes.
func (a *authentication) useCredentials(entry *v1alpha1.Authentication, set func(token string)) {
	a.use(entry, func(files map[string][]byte) {
		token := string(bytes.TrimSpace(files[keyToken]))
		if token == "" {
			a.log.Error("there is no token in the Secret for a program: it is not asked, and nobody can connect by it", "entry", entry.Name, "key", keyToken)
		}
		set(token)
	})
}

// programs are the programs that a process asks about clients. Safe for concurrent use.
type programs struct {
	results *prometheus.CounterVec

	mu    sync.Mutex
	asked map[string]*webhook.Webhook // by entries of the configuration in force; guarded by mu
}

func newPrograms(r prometheus.Registerer) *programs {
	p := &programs{results: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_authentication_requests_total",
		Help: "Clients about whom a program is asked, by entry and result: accepted, refused, cached (the answer was kept), failed (no answer, or none that counts), busy (it was not the client's turn in time), resting (nothing is asked after failures) or left (the client did not wait).",
	}, []string{"entry", "result"})}
	r.MustRegister(p.results, circuits{p})
	return p
}

func (p *programs) count(entry string, r webhook.Result) {
	p.results.WithLabelValues(entry, string(r)).Inc()
}

// use has the programs of a configuration reported from now on.
func (p *programs) use(asked map[string]*webhook.Webhook) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for entry := range p.asked {
		if asked[entry] == nil {
			p.results.DeletePartialMatch(prometheus.Labels{"entry": entry})
		}
	}
	p.asked = asked
}

// status is how the programs are doing, ordered by entry.
func (p *programs) status() []gatewaystatus.Program {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []gatewaystatus.Program
	for _, entry := range slices.Sorted(maps.Keys(p.asked)) {
		one := gatewaystatus.Program{Entry: entry, Circuit: p.asked[entry].State()}
		if err := p.asked[entry].Problem(); err != nil {
			one.Error = err.Error()
		}
		all = append(all, one)
	}
	return all
}

// circuits collects which programs are left alone.
type circuits struct{ *programs }

var circuitOpen = prometheus.NewDesc("realtime_authentication_circuit_open",
	"1 while a program is left alone because of failures, by entry.", []string{"entry"}, nil)

// Describe implements prometheus.Collector.
func (circuits) Describe(descs chan<- *prometheus.Desc) { descs <- circuitOpen }

// Collect implements prometheus.Collector.
func (c circuits) Collect(metrics chan<- prometheus.Metric) {
	for _, program := range c.status() {
		value := 0.0
		if program.Circuit != webhook.Closed {
			value = 1
		}
		metrics <- prometheus.MustNewConstMetric(circuitOpen, prometheus.GaugeValue, value, program.Entry)
	}
}
