// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// problems are how often gateways could not tell a client's address, by what was wrong.
type problems struct {
	counts map[string]float64
	// err is why they are not known; nil if nobody has asked for them.
	err error
}

var problemLine = regexp.MustCompile(`^realtime_client_address_problems_total\{.*problem="([a-z_]+)".*\} ([0-9.e+]+)$`)

// readProblems adds up what all the given gateways have counted.
func (p *patient) readProblems(ctx context.Context) problems {
	sum := problems{counts: map[string]float64{}}
	for _, url := range p.options.Metrics {
		if err := p.addProblems(ctx, url, sum.counts); err != nil {
			return problems{err: fmt.Errorf("%s: %w", url, err)}
		}
	}
	return sum
}

func (p *patient) addProblems(ctx context.Context, url string, to map[string]float64) error {
	ctx, cancel := within(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return unwrapped(err)
	}
	defer func() { _ = response.Body.Close() }() // it has been read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s", response.Status)
	}
	scanner := bufio.NewScanner(response.Body)
	for scanner.Scan() {
		if match := problemLine.FindStringSubmatch(scanner.Text()); match != nil {
			if n, err := strconv.ParseFloat(match[2], 64); err == nil {
				to[match[1]] += n
			}
		}
	}
	return scanner.Err()
}

// examineAddress compares what gateways think of clients' addresses before and after the
// examination.
func examineAddress(ctx context.Context, p *patient) []Finding {
	if len(p.options.Metrics) == 0 {
		return []Finding{skipped("give --metrics with the /metrics of each gateway to see whether they know clients' addresses")}
	}
	after := p.readProblems(ctx)
	for _, sum := range []problems{p.problemsBefore, after} {
		if sum.err != nil {
			return []Finding{failed([]string{"kubectl port-forward to port 9090 of each gateway"}, "%v", sum.err)}
		}
	}
	var seen []string
	for _, problem := range slices.Sorted(maps.Keys(after.counts)) {
		if after.counts[problem] > p.problemsBefore.counts[problem] {
			seen = append(seen, problem)
		}
	}
	if len(seen) == 0 {
		return []Finding{ok("gateways have counted no problem with the address of a client")}
	}
	return []Finding{failed(p.addressAdvice(seen), "gateways do not know clients' addresses: %s", strings.Join(seen, ", "))}
}

func (p *patient) addressAdvice(problems []string) []string {
	var advice []string
	for _, problem := range problems {
		switch problem {
		case "untrusted":
			advice = append(advice, "spec.protocol.trustedProxies: the addresses of "+p.proxy.name()+", as gateways see them")
		case "missing":
			advice = append(advice, p.proxy.advise(addressSettings)...)
		case "malformed":
			advice = append(advice, "an element of X-Forwarded-For is no IP address: see what the proxies on the way add")
		case "proxy_protocol":
			advice = append(advice, "spec.protocol.proxyProtocol is true: the load balancer must send the PROXY protocol's header")
		}
	}
	return advice
}
