// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// The variables of OpenTelemetry that are read
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). The SDK also
// reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
const (
	envDisabled       = "OTEL_SDK_DISABLED"
	envEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envHeaders        = "OTEL_EXPORTER_OTLP_HEADERS"
	envTracesHeaders  = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
	envSampler        = "OTEL_TRACES_SAMPLER"
	envSamplerArg     = "OTEL_TRACES_SAMPLER_ARG"
)

// HeadersFromEnv returns the headers of the environment. getenv is os.Getenv. An error names the
// variable, and not its value, which may be a token.
func HeadersFromEnv(getenv func(string) string) (map[string]string, error) {
	headers := map[string]string{}
	for _, variable := range []string{envHeaders, envTracesHeaders} { // the second wins
		for part := range strings.SplitSeq(getenv(variable), ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			name, value, found := strings.Cut(part, "=")
			value, err := url.PathUnescape(strings.TrimSpace(value))
			if !found || err != nil {
				return nil, fmt.Errorf("%s must be name=value, with commas between several", variable)
			}
			headers[strings.ToLower(strings.TrimSpace(name))] = value
		}
	}
	return headers, nil
}

// ConfigFromEnv returns the configuration of the environment; nil without an endpoint.
func ConfigFromEnv(getenv func(string) string) (*Config, error) {
	endpoint := getenv(envTracesEndpoint)
	if base := getenv(envEndpoint); endpoint == "" && base != "" {
		endpoint = strings.TrimSuffix(base, "/") + tracesPath
	}
	if endpoint == "" || strings.EqualFold(getenv(envDisabled), "true") {
		return nil, nil
	}
	if _, err := ParseEndpoint(endpoint); err != nil {
		return nil, fmt.Errorf("%s or %s: %w", envTracesEndpoint, envEndpoint, err)
	}
	c := &Config{Endpoint: endpoint, PerMillion: million}
	switch sampler := strings.TrimPrefix(cmp.Or(getenv(envSampler), "parentbased_always_on"), "parentbased_"); sampler {
	case "always_on":
	case "always_off":
		c.PerMillion = 0
	case "traceidratio":
		ratio, err := strconv.ParseFloat(cmp.Or(getenv(envSamplerArg), "1"), 64)
		if err != nil || !(ratio >= 0 && ratio <= 1) {
			return nil, fmt.Errorf("%s must be a number from 0 to 1", envSamplerArg)
		}
		c.PerMillion = int(ratio * million)
	default:
		return nil, fmt.Errorf("%s must be always_on, always_off or traceidratio, with or without parentbased_ before it", envSampler)
	}
	return c, nil
}
