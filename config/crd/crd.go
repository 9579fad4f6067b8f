// SPDX-License-Identifier: Apache-2.0

// Package crd holds the CustomResourceDefinition, as `make generate` makes it from the API's types.
package crd

import _ "embed"

// RealtimeServices is the definition, in YAML.
//
//go:embed bases/realtime-operator.io_realtimeservices.yaml
var RealtimeServices []byte
