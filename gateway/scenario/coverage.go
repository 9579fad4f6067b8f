// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"sync"

	"github.com/google/cel-go/common/types"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	runtime "github.com/realtime-operator/realtime-operator/gateway/service"
	"github.com/realtime-operator/realtime-operator/gateway/service/observation"
)

// coverage counts what tests run of a manifest. Safe for concurrent use.
type coverage struct {
	spec *v1alpha1.RealtimeService

	mu    sync.Mutex
	sites []*coveredSite
	index map[string]*coveredSite // by path
}

// coveredSite is a place of a manifest. A handler and a value count once, a condition for each of
// its outcomes. A condition that fails has refused, as a false one does.
type coveredSite struct {
	*observation.Site
	isTrue, isFalse, ran bool
}

func newCoverage(spec *v1alpha1.RealtimeService) *coverage {
	return &coverage{spec: spec, index: map[string]*coveredSite{}}
}

// compiled observes a program. Those of other manifests are left out.
func (c *coverage) compiled(svc *v1alpha1.RealtimeService, p *runtime.Program) {
	if svc != c.spec {
		return
	}
	sites := p.Observe(svc, c.observe)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, site := range sites {
		if c.index[site.Path] == nil {
			covered := &coveredSite{Site: site}
			c.index[site.Path] = covered
			c.sites = append(c.sites, covered)
		}
	}
}

func (c *coverage) observe(o observation.Observation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	site := c.index[o.Path]
	if site == nil {
		return // observed before it is registered, which no gateway does
	}
	site.ran = true
	if site.Kind == observation.Condition {
		met := o.Err == nil && o.Result == types.True
		site.isTrue = site.isTrue || met
		site.isFalse = site.isFalse || !met
	}
}

// Coverage is how much of a manifest tests have run.
type Coverage struct {
	Manifest string  `json:"manifest"`
	Covered  int     `json:"covered"`
	Total    int     `json:"total"`
	Percent  float64 `json:"percent"`
	// Missing is what no test has run.
	Missing []MissingCoverage `json:"missing,omitempty"`
}

// MissingCoverage is a place of a manifest of which tests miss something.
type MissingCoverage struct {
	// What is "never run", "never true" or "never false".
	What  string `json:"what"`
	Path  string `json:"path"`
	About string `json:"about,omitempty"`
	// Source is the expression; empty for a handler.
	Source string `json:"source,omitempty"`
}

// sum adds up. A service with nothing to cover is covered.
func (c *coverage) sum(manifest string) Coverage {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := Coverage{Manifest: manifest, Percent: 100}
	for _, site := range c.sites {
		for _, point := range site.points() {
			sum.Total++
			if point.covered {
				sum.Covered++
				continue
			}
			sum.Missing = append(sum.Missing, MissingCoverage{point.missing, site.Path, site.About, site.Source})
		}
	}
	if sum.Total > 0 {
		sum.Percent = 100 * float64(sum.Covered) / float64(sum.Total)
	}
	return sum
}

type point struct {
	missing string
	covered bool
}

func (s *coveredSite) points() []point {
	if s.Kind == observation.Condition {
		return []point{{"never true", s.isTrue}, {"never false", s.isFalse}}
	}
	return []point{{"never run", s.ran}}
}
