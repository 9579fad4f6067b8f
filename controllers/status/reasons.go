// SPDX-License-Identifier: Apache-2.0

package status

import "slices"

// The reasons of conditions. docs/reference/conditions.md says what to do about each.
const (
	// All is well.
	ReasonReady     = "Ready"
	ReasonAvailable = "Available"
	ReasonExternal  = "External"
	ReasonInForce   = "InForce"
	ReasonRolledOut = "RolledOut"
	ReasonResolved  = "Resolved"
	// Of ScalingLimited.
	ReasonWithinLimits = "WithinLimits"

	// It takes its time, or somebody wants it so.
	ReasonStarting         = "Starting"
	ReasonRollingOut       = "RollingOut"
	ReasonWaitingForNATS   = "WaitingForNATS"
	ReasonPropagating      = "Propagating"
	ReasonScaledToZero     = "ScaledToZero"
	ReasonDeploymentPaused = "DeploymentPaused"
	ReasonPaused           = "Paused"
	// Of ScalingLimited.
	ReasonAutoscalingRemoved = "AutoscalingRemoved"
	ReasonGatewaysSilent     = "GatewaysSilent"

	// Of the service and its objects.
	ReasonInvalid          = "Invalid"
	ReasonRefused          = "Refused"
	ReasonApplyFailed      = "ApplyFailed"
	ReasonUnreachable      = "Unreachable"
	ReasonSecretMissing    = "SecretMissing"
	ReasonConfigMapMissing = "ConfigMapMissing"
	ReasonKeyMissing       = "KeyMissing"

	// Of pods, those of gateways and those of the service's own NATS.
	ReasonQuotaExceeded    = "QuotaExceeded"
	ReasonPodRefused       = "PodRefused"
	ReasonUnschedulable    = "Unschedulable"
	ReasonImagePullBackOff = "ImagePullBackOff"
	ReasonContainerConfig  = "CreateContainerConfigError"
	ReasonContainerError   = "CreateContainerError"
	ReasonCrashLoopBackOff = "CrashLoopBackOff"
	ReasonFailedMount      = "FailedMount"
	ReasonProbeFailing     = "ProbeFailing"
	ReasonPodNotStarting   = "PodNotStarting"
	ReasonVolumePending    = "VolumePending"
	ReasonRolloutStuck     = "RolloutStuck"

	// Of the number of gateways.
	ReasonTooManyClients = "TooManyClients"
	ReasonNoMetrics      = "NoMetrics"

	// Of NATS, as gateways see it.
	ReasonDisconnected       = "Disconnected"
	ReasonNATSUnreachable    = "NATSUnreachable"
	ReasonNATSRefused        = "NATSRefusesCredentials"
	ReasonNATSTLS            = "NATSTLSFailed"
	ReasonNATSNoQuorum       = "NATSNoQuorum"
	ReasonNATSDegraded       = "NATSDegraded"
	ReasonNATSTooOld         = "NATSTooOld"
	ReasonNATSPermissions    = "NATSPermissionDenied"
	ReasonJetStreamDisabled  = "JetStreamDisabled"
	ReasonJetStreamNoQuorum  = "JetStreamNoQuorum"
	ReasonJetStreamNoRoom    = "JetStreamNoRoom"
	ReasonJetStreamCannotUse = "JetStreamUnusable"
)

// fine are the reasons that a person need not do anything about.
var fine = []string{
	ReasonReady, ReasonAvailable, ReasonExternal, ReasonInForce, ReasonRolledOut, ReasonResolved,
	ReasonStarting, ReasonRollingOut, ReasonWaitingForNATS, ReasonPropagating, ReasonScaledToZero,
	ReasonWithinLimits, ReasonAutoscalingRemoved, ReasonGatewaysSilent, ReasonPaused,
}

// precise are the reasons whose message says what the problem is.
var precise = []string{
	ReasonInvalid, ReasonRefused, ReasonApplyFailed, ReasonSecretMissing, ReasonConfigMapMissing, ReasonKeyMissing,
}

// isTrouble reports whether a reason is a problem that a person should know of.
func isTrouble(reason string) bool { return !slices.Contains(fine, reason) }
