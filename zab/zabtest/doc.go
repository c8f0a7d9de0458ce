// Package zabtest has conformance suites for those who implement the interfaces
// that a replica stands on, in the manner of testing/fstest: a test of the
// implementer's calls the suite with a function that makes what is to be tested.
//
//	func TestTransport(t *testing.T) {
//		zabtest.TestTransport(t, func(t *testing.T) (a, b transport.Transport, toA, toB transport.Endpoint) {
//			...
//		})
//	}
//
// Passing a suite means that a replica may rely on the implementation. The
// suites of this module's own implementations are the same ones.
//
// Each check is a subtest with a name of its own, so that go test -run finds it.
// Random choices are seeded and the seeds logged. The suites start goroutines,
// and every one of them ends before its check does.
package zabtest
