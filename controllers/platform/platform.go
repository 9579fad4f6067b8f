// SPDX-License-Identifier: Apache-2.0

// Package platform finds out what kind of cluster the operator runs in.
package platform

import (
	"fmt"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// openShift is the API group of security context constraints, by which OpenShift assigns user ids.
const openShift = "security.openshift.io"

// UserIDs says who chooses the user and group ids of pods. Its values are those of a flag.
type UserIDs string

// The values of UserIDs.
const (
	// UserIDsAuto leaves the ids to the cluster if it is OpenShift.
	UserIDsAuto UserIDs = "Auto"
	// UserIDsAlways leaves them to the cluster.
	UserIDsAlways UserIDs = "Always"
	// UserIDsNever has the operator choose them.
	UserIDsNever UserIDs = "Never"
)

// Validate returns an error for a value that is none of UserIDs.
func (u UserIDs) Validate() error {
	switch u {
	case UserIDsAuto, UserIDsAlways, UserIDsNever:
		return nil
	}
	return fmt.Errorf("must be Auto, Always or Never, and is %q", string(u))
}

// Assigned reports whether the cluster assigns the ids. Auto asks the API server for its groups,
// which everybody may read.
func (u UserIDs) Assigned(config *rest.Config) (bool, error) {
	if u != UserIDsAuto {
		return u == UserIDsAlways, nil
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return false, fmt.Errorf("ask for the cluster's API groups: %w", err)
	}
	groups, err := client.ServerGroups()
	if err != nil {
		return false, fmt.Errorf("ask for the cluster's API groups: %w", err)
	}
	for _, group := range groups.Groups {
		if group.Name == openShift {
			return true, nil
		}
	}
	return false, nil
}
