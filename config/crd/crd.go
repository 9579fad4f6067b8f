// SPDX-License-Identifier: Apache-2.0

// Package crd has the CustomResourceDefinition, which `make generate` makes from the API's types.
package crd

import _ "embed"

// RealtimeServices is the definition, in YAML.
//
//go:embed bases/realtime-operator.io_realtimeservices.yaml
var RealtimeServices []byte
