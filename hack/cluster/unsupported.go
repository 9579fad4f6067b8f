//go:build !linux

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
)

var errLinux = errors.New("the cluster runs on Linux alone")

func up(context.Context, *builder) error { return errLinux }

// down has nothing to end.
func down(context.Context) error { return nil }

func load(context.Context, []string) error { return errLinux }

func printKubeconfig() error { return errLinux }

func node() error { return errLinux }
