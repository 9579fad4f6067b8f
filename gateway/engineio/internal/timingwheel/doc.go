// SPDX-License-Identifier: Apache-2.0

// Package timingwheel calls many owners at times of their own. Alarms that are due at about the same
// time share a timer and a goroutine.
//
// Invariants:
//   - No owner is called too early, nor later than 1/128 of what it asked to wait.
//   - An alarm that is removed or set anew before its time is not called for that time, except if the
//     call has begun: the owner looks at its own state, under its own lock.
//   - No lock is held while an owner is called, and there is no goroutine while none is due.
//
// It replaces a time.AfterFunc for each owner. That takes about 200 bytes for each and an entry in the
// runtime's heap of timers; here it is four words within the owner, and ten thousand heartbeats of 25
// seconds take some hundred timers. RussellLuo/timingwheel and its like tick all the time, and allocate
// for each alarm.
package timingwheel
