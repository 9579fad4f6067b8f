// SPDX-License-Identifier: Apache-2.0

// Package timingwheel calls many owners at times of their own. Alarms that are due at about the
// same time share a timer and a goroutine.
//
// Invariants:
//   - No owner is called too early, nor later than 1/128 of what it asked to wait.
//   - An alarm that is removed or set again before its time is not called for that time, except if
//     the call has begun: the owner looks at its own state, under its own lock.
//   - No lock is held while an owner is called, and there is no goroutine while none is due.
//
// It replaces a time.AfterFunc for each owner, which is an allocation of its own, an entry in the
// runtime's heap of timers, and a goroutine whenever it fires. Here an alarm is four words within
// its owner, and ten thousand heartbeats of 25 seconds share some hundred timers. The timing wheels
// of others (RussellLuo/timingwheel) keep goroutines running, and allocate for each alarm.
package timingwheel
