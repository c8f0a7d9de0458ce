// Package sessiontest runs a whole ensemble inside a unit test, with faults, and in
// fake time if wanted:
//
//	func TestMine(t *testing.T) {
//		sessiontest.Run(t, sessiontest.Options{}, func(t *testing.T, e *sessiontest.Ensemble) {
//			s := e.Session(1)
//			...
//			e.Kill(e.Leader(t.Context()))
//			...
//		})
//	}
//
// [Run] works in a testing/synctest bubble: time is fake, so that a session's timeout
// costs nothing, and a goroutine that is left over fails the test. [Start] is the same
// in real time. By default everything is in memory: no sockets and no files.
//
// The members are numbered from 1. Everything is closed by t.Cleanup. If the test
// has failed, a timeline of the members' roles is logged.
//
// Functions of this package that cannot do what they are for end the test by
// t.Fatal, so they must be called by the test's goroutine. They may be used by one
// goroutine at a time, the sessions by any number.
//
// # Goroutines and locks
//
// An Ensemble has one goroutine for each running member, which notes its changes of
// role, besides those of the members. Its mutex guards which members run, and is
// never held while anything is started or closed.
package sessiontest
