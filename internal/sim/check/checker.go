package check

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/tree"
)

// The names of the checkers, each of which stands for a promise.
const (
	Digest          = "digest"
	Linearizability = "linearizability"
	SessionOrder    = "session-order"
	ExactlyOnce     = "exactly-once"
	Watches         = "watches"
	Ephemerals      = "ephemerals"
	Expiry          = "expiry"
	AckedDurability = "acked-durability"
)

// Violation is a broken promise: which checker found it, and what it saw.
type Violation struct {
	Checker string
	Message string
}

func (v *Violation) Error() string { return v.Checker + ": " + v.Message }

// Config says what to hold the run to.
type Config struct {
	Settings tree.Settings // that the state begins with

	// Window is for how many entries back answers can be checked. Reads of older
	// states are counted as unchecked. 0: 1<<16.
	Window int64

	// ExpiryBound is how long a session may outlive its timeout at most, from when
	// nothing was heard of it and the ensemble was healthy: for Overdue.
	ExpiryBound int64

	// Slices are judged apart from everything else; see Slices. The zero value is
	// for none.
	Slices Slices
}

// Checker is told everything and says when a promise is broken: each method
// returns the first Violation, and so does every one after it. It is for one
// goroutine.
type Checker struct {
	config Config
	model  *model.Model
	err    error
	stats  Stats

	facts   []fact // of zxid 1, 2, 3...
	members map[uint64]*member
	acked   int64 // the highest zxid that anyone was shown

	clients   map[int]*client
	order     []*client // in order of appearance
	bySession map[int64]*client
	placed    map[int64]int64 // session -> when it was created or attached
	expiries  map[int64]int64 // session -> the zxid at which it expired
	owned     map[int64]map[string]bool

	table watchTable
	log   changeLog
	slice slicer
}

// New returns a Checker of a run that begins with an empty log.
func New(config Config) *Checker {
	if config.Window <= 0 {
		config.Window = 1 << 16
	}
	return &Checker{
		config: config, model: model.New(config.Settings, config.Window),
		members: map[uint64]*member{}, clients: map[int]*client{}, bySession: map[int64]*client{},
		placed: map[int64]int64{}, expiries: map[int64]int64{}, owned: map[int64]map[string]bool{},
		table: newWatchTable(), slice: slicer{config: config.Slices.withDefaults()},
	}
}

// Err returns the first Violation, or nil.
func (c *Checker) Err() error { return c.err }

// Stats returns how much was checked so far.
func (c *Checker) Stats() Stats { return c.stats }

// Last returns the highest zxid applied anywhere so far.
func (c *Checker) Last() int64 { return c.model.Last() }

// fail notes a violation.
func (c *Checker) fail(checker, format string, args ...any) error {
	if c.err == nil {
		c.err = &Violation{checker, fmt.Sprintf(format, args...)}
	}
	return c.err
}

// Stats says how much was checked. A run that did too little proves nothing.
type Stats struct {
	Entries  int // of the log, each once
	Applied  int // by all members, replays included
	Restored int // snapshots loaded
	Digests  int // compared with another member's
	Views    int // compared with the model whole

	Writes        int // answered
	Repeated      int // entries that held a write for a second time
	Unknown       int // writes whose outcome their client does not know
	Withdrawn     int // writes said not to be applied
	Reads         int // checked against the model
	Linearizable  int // of those
	Unchecked     int // reads of states that the window no longer has
	Syncs         int // reads of nothing
	Attached      int
	Events        int
	Gaps          int
	Watches       int // armed
	Replays       int // of those, resumed at an earlier zxid
	EphemeralsEnd int // ephemerals that went with their session
	Closed        int // sessions that ended by their own will
	Expired       int // sessions that were expired
	Leases        int

	Slices    int // judged
	SliceOps  int // operations in them
	Undecided int // of the slices
	Discarded int // slices given up before
}
