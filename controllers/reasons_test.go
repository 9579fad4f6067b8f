// SPDX-License-Identifier: Apache-2.0

package controllers

import "github.com/realtime-operator/realtime-operator/controllers/status"

// The reasons of conditions, for tests.
const (
	reasonReady              = status.ReasonReady
	reasonAvailable          = status.ReasonAvailable
	reasonExternal           = status.ReasonExternal
	reasonInForce            = status.ReasonInForce
	reasonRolledOut          = status.ReasonRolledOut
	reasonResolved           = status.ReasonResolved
	reasonStarting           = status.ReasonStarting
	reasonRollingOut         = status.ReasonRollingOut
	reasonWaitingForNATS     = status.ReasonWaitingForNATS
	reasonPropagating        = status.ReasonPropagating
	reasonScaledToZero       = status.ReasonScaledToZero
	reasonDeploymentPaused   = status.ReasonDeploymentPaused
	reasonInvalid            = status.ReasonInvalid
	reasonRefused            = status.ReasonRefused
	reasonApplyFailed        = status.ReasonApplyFailed
	reasonUnreachable        = status.ReasonUnreachable
	reasonSecretMissing      = status.ReasonSecretMissing
	reasonConfigMapMissing   = status.ReasonConfigMapMissing
	reasonKeyMissing         = status.ReasonKeyMissing
	reasonQuotaExceeded      = status.ReasonQuotaExceeded
	reasonPodRefused         = status.ReasonPodRefused
	reasonUnschedulable      = status.ReasonUnschedulable
	reasonImagePullBackOff   = status.ReasonImagePullBackOff
	reasonContainerConfig    = status.ReasonContainerConfig
	reasonContainerError     = status.ReasonContainerError
	reasonCrashLoopBackOff   = status.ReasonCrashLoopBackOff
	reasonFailedMount        = status.ReasonFailedMount
	reasonProbeFailing       = status.ReasonProbeFailing
	reasonPodNotStarting     = status.ReasonPodNotStarting
	reasonVolumePending      = status.ReasonVolumePending
	reasonRolloutStuck       = status.ReasonRolloutStuck
	reasonDisconnected       = status.ReasonDisconnected
	reasonNATSUnreachable    = status.ReasonNATSUnreachable
	reasonNATSRefused        = status.ReasonNATSRefused
	reasonNATSTLS            = status.ReasonNATSTLS
	reasonNATSTooOld         = status.ReasonNATSTooOld
	reasonNATSPermissions    = status.ReasonNATSPermissions
	reasonJetStreamDisabled  = status.ReasonJetStreamDisabled
	reasonJetStreamNoQuorum  = status.ReasonJetStreamNoQuorum
	reasonJetStreamNoRoom    = status.ReasonJetStreamNoRoom
	reasonJetStreamCannotUse = status.ReasonJetStreamCannotUse
)
