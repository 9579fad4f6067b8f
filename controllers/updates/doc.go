// SPDX-License-Identifier: Apache-2.0

// Package updates holds back what an update of the operator would change in pods.
//
// A release of the operator renders pods from a service. What runs is recorded on the Deployment or
// StatefulSet itself: the rendering, the release that made it, and the part of the service that it
// was made of (Record). When another release renders something else, Choose finds out whose change
// that is, by rendering the recorded service again: if the result is what it renders now, the user
// has changed nothing, and the pods stay as they are until their time has come (Due). Services then
// take turns (Turns), which are kept in their statuses:
//
//	UpToDate ──another release──▶ UpdateAvailable ──request, window──▶ Waiting ──turn──▶ Updating
//	    ▲                               │  ▲                              │                  │
//	    └──────change by the user───────┘  └─────────window closes────────┘                  │
//	    └────────────────────────────────────all pods are ready──────────────────────────────┘
//
// The package knows no cluster.
package updates
