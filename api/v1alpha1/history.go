// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "time"

// LongestHistory returns how far the longest history of the service's rooms reaches back, 0 if no
// room has one.
func (s *RealtimeService) LongestHistory() time.Duration {
	var longest time.Duration
	look := func(rules []RoomRule) {
		for i := range rules {
			if h := rules[i].History; h != nil {
				longest = max(longest, h.MaxAge.Duration.Duration)
			}
		}
	}
	for i := range s.Spec.Namespaces {
		look(s.Spec.Namespaces[i].Rooms)
	}
	for i := range s.Spec.DynamicNamespaces {
		look(s.Spec.DynamicNamespaces[i].Rooms)
	}
	return longest
}
