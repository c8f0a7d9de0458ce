package tree

import "io"

// State is the replicated state machine. It is for one goroutine, except View,
// Err and Digest of a View, which any number of goroutines may use.
type State struct {
}

// New returns the state that every log starts from: the root, /zookeeper,
// /zookeeper/quota and /zookeeper/config, no session, and the settings, which
// must be the same on all replicas.
func New(settings Settings) *State

// Apply applies committed entries, in order, and publishes one new View after
// all of them. outcomes has one element for each entry, in order; changes has
// what happened to znodes, in order. Both, and everything that they refer to,
// may be kept and must not be written to. entries is not kept.
//
// What depends on the state is decided here and says so in a code: that is a
// result like any other, the same on every replica. An error is something else:
// a [HaltError], because an entry cannot be applied and must not be skipped
// (unknown or malformed, or a fault in this package). The entries before it are
// applied, have their outcomes and changes, and are in the View; unless it was
// a panic, after which none of this call is. From then on the State applies
// nothing and every Apply returns the same error.
func (s *State) Apply(entries []Entry) (outcomes []Outcome, changes []Change, err error)

// Err returns the HaltError that stopped the State, or nil.
func (s *State) Err() error

// Zxid returns the zxid of the last entry applied; 0 if there is none.
func (s *State) Zxid() int64

// View returns the state after the last Apply that returned. It takes no time
// and no lock and may be called by any goroutine.
func (s *State) View() *View

// ReadSnapshot reads what [View.WriteSnapshot] wrote and returns it as a new
// State. It believes nothing: memory is taken for bytes that have arrived only,
// every rule of the tree is checked, and the digest is computed anew and
// compared. It may read ahead in r, beyond the end of the snapshot. The error is
// r's, or wraps ErrMalformed.
func ReadSnapshot(r io.Reader) (*State, error)
