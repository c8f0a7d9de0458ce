package zab

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Config says what a replica is. ID, Members, Storage and StateMachine must be
// set, and Transport unless Members is just this replica; every other zero
// value is a default.
type Config struct {
	// ID is the replica's ID, unique in the ensemble and for ever.
	ID uint64

	// Name and Nonce tell ensembles apart that have the same founding members. A
	// new Nonce is what an ensemble is founded with again after a failed founding.
	// At most 256 bytes each.
	Name, Nonce string

	// Members are the founding members, the same list at every start of every
	// replica, also of one that joins later and is not in it. Their Incarnation
	// is ignored. Who belongs to the ensemble later on is in its log.
	Members Membership

	// Transport reaches the other replicas. The replica takes it over and closes it.
	Transport transport.Transport

	// Storage keeps log and snapshots. The replica takes it over and closes it.
	Storage Storage

	StateMachine StateMachine

	// Tick is the unit of the protocol's time: at least 1 ms, DefaultTick by default.
	Tick time.Duration

	// HeartbeatTicks is how often a leader is heard at the least, DefaultHeartbeatTicks
	// by default; ElectionTicks is for how long it must not be heard before another
	// is elected, DefaultElectionTicks by default and at least three times
	// HeartbeatTicks.
	HeartbeatTicks, ElectionTicks int

	// MaxCommandBytes is the largest command, 1 MiB and 64 KiB by default, at most
	// 8 MiB. It should be the same on all replicas, and the transport must take
	// frames of 2 MiB more (FrameOverhead).
	MaxCommandBytes int

	// MaxPending is how many proposals of this replica may be under way, 8192 by
	// default; those above are refused with ErrOverloaded.
	MaxPending int

	// A snapshot is taken after SnapshotEntries entries or SnapshotBytes bytes of
	// log, whichever comes first: 1,000,000 and 64 MiB by default. The log keeps
	// what follows the snapshot before it.
	SnapshotEntries uint64
	SnapshotBytes   int64

	// Logger receives what an operator may want to know. Nil is silence.
	Logger *slog.Logger

	// OnMessage is given what Send of another replica sent, in order for each
	// sender and link. It is called by one goroutine and must not block; msg is
	// the callee's.
	OnMessage func(from uint64, msg []byte)

	// OnStatus is given every change that Status's channel tells of, in order. It
	// is called by the same goroutine as OnMessage and must not block.
	OnStatus func(Status)

	// OnTick is called for ticks that this replica counts, about one every Tick, by
	// the same goroutine as OnMessage, and must not block: whoever has something to
	// look at from time to time needs no timer, and no wake-up, of his own. Ticks that
	// come while it is busy are one.
	OnTick func()
}

// Limits that are not configured.
const (
	maxBatchBytes    = 1 << 20   // of a batch of entries, unless one is larger
	maxInflightBytes = 8 << 20   // of entries on the way to one follower
	tailBytes        = 16 << 20  // of the log's end in memory
	chunkBytes       = 256 << 10 // of a snapshot
	maxNameBytes     = 256

	maxHeartbeatTicks = 1000
	maxElectionTicks  = 10_000

	maxMaxCommand = 8 << 20 // with a batch before it within the 16 MiB of a transport's frame
)

// FrameOverhead is what a frame may be longer than the largest command in it: a
// transport's MaxFrame is at least Config.MaxCommandBytes and 2 MiB.
const FrameOverhead = 2 << 20

// Defaults of a replica's times: a leader is heard eight times a second, and its
// silence borne for half a second. (A broken connection is not waited for.)
const (
	DefaultTick           = 125 * time.Millisecond
	DefaultHeartbeatTicks = 1
	DefaultElectionTicks  = 4
)

// withDefaults returns a copy with every default filled in and the members in
// order.
func (c *Config) withDefaults() Config {
	d := *c
	d.Members = c.Members.Clone()
	slices.SortStableFunc(d.Members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	for i := range d.Members {
		d.Members[i].Incarnation = 0
	}
	d.Tick = cmp.Or(d.Tick, DefaultTick)
	d.HeartbeatTicks = cmp.Or(d.HeartbeatTicks, DefaultHeartbeatTicks)
	d.ElectionTicks = cmp.Or(d.ElectionTicks, DefaultElectionTicks)
	d.MaxCommandBytes = cmp.Or(d.MaxCommandBytes, 1<<20+64<<10)
	d.MaxPending = cmp.Or(d.MaxPending, 8192)
	d.SnapshotEntries = cmp.Or(d.SnapshotEntries, 1_000_000)
	d.SnapshotBytes = cmp.Or(d.SnapshotBytes, 64<<20)
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}

// Validate returns every reason why a replica cannot be started with c, joined;
// each names its field. Nothing is read or written.
func (c *Config) Validate() error {
	d := c.withDefaults()
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("zab: Config.%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if d.ID == 0 {
		bad("ID", "is 0")
	}
	for _, s := range []struct{ field, value string }{{"Name", d.Name}, {"Nonce", d.Nonce}} {
		if len(s.value) > maxNameBytes {
			bad(s.field, "has %d bytes, at most %d", len(s.value), maxNameBytes)
		}
	}
	if err := d.Members.Validate(); err != nil {
		bad("Members", "%v", err)
	}
	if d.Transport == nil && !d.alone() {
		bad("Transport", "is nil, and there are other members: use transport/tcp, or transport.Memory within a process")
	}
	if d.Storage == nil {
		bad("Storage", "is nil: use OpenDir, or NewMemoryStorage for tests")
	}
	if d.StateMachine == nil {
		bad("StateMachine", "is nil")
	}
	c.validateLimits(&d, bad)
	return errors.Join(errs...)
}

// validateLimits checks d, which is c with its defaults: what c leaves to a default
// is not called wrong.
func (c *Config) validateLimits(d *Config, bad func(field, format string, args ...any)) {
	within := func(field string, v, low, high int64) bool {
		if v < low || v > high {
			bad(field, "is %d, not between %d and %d", v, low, high)
			return false
		}
		return true
	}
	if d.Tick < time.Millisecond || d.Tick > time.Minute {
		bad("Tick", "is %v, not between 1ms and 1m", d.Tick)
	}
	beat := within("HeartbeatTicks", int64(d.HeartbeatTicks), 1, maxHeartbeatTicks)
	switch {
	case !beat || d.ElectionTicks >= 3*d.HeartbeatTicks && d.ElectionTicks <= maxElectionTicks:
		if !beat && c.ElectionTicks != 0 {
			within("ElectionTicks", int64(d.ElectionTicks), 3, maxElectionTicks)
		}
	case c.ElectionTicks == 0:
		bad("HeartbeatTicks", "is %d, and ElectionTicks, %d by default, must be at least three times that: set it too",
			d.HeartbeatTicks, d.ElectionTicks)
	default:
		bad("ElectionTicks", "is %d, not between %d, three times HeartbeatTicks, and %d",
			d.ElectionTicks, 3*d.HeartbeatTicks, maxElectionTicks)
	}
	if within("MaxCommandBytes", int64(d.MaxCommandBytes), 1, maxMaxCommand) && d.Transport != nil {
		if most, least := d.Transport.MaxFrame(), d.MaxCommandBytes+FrameOverhead; most < least {
			bad("Transport", "carries frames of at most %d bytes (MaxFrame), and MaxCommandBytes, %d%s, needs %d, 2 MiB more",
				most, d.MaxCommandBytes, byDefault(c.MaxCommandBytes == 0), least)
		}
	}
	within("MaxPending", int64(d.MaxPending), 1, 1<<20)
	if d.SnapshotBytes < 0 {
		bad("SnapshotBytes", "is negative")
	}
}

func byDefault(yes bool) string {
	if yes {
		return " by default"
	}
	return ""
}

// alone says that this replica is the only founding member.
func (c *Config) alone() bool {
	return len(c.Members) == 1 && c.Members[0].ID == c.ID
}

func (c *Config) core() protocol.Config {
	return protocol.Config{
		ID:               c.ID,
		Founding:         c.Members,
		ElectionTicks:    c.ElectionTicks,
		HeartbeatTicks:   c.HeartbeatTicks,
		MaxCommandBytes:  c.MaxCommandBytes,
		MaxBatchBytes:    maxBatchBytes,
		MaxInflightBytes: maxInflightBytes,
		TailBytes:        tailBytes,
		ChunkBytes:       chunkBytes,
	}
}

// EnsembleID is the identity of the ensemble that c's Name, Nonce and Members
// found: two replicas talk to each other only if theirs are equal.
func (c *Config) EnsembleID() EnsembleID {
	d := c.withDefaults()
	b := codec.AppendString(nil, "zabtree ensemble 1")
	b = codec.AppendString(b, d.Name)
	b = codec.AppendString(b, d.Nonce)
	b = codec.AppendArray(b, len(d.Members))
	for _, m := range d.Members {
		b = codec.AppendUint(b, m.ID)
		b = codec.AppendUint(b, uint64(m.Role))
		b = codec.AppendUint(b, uint64(m.Weight))
		b = codec.AppendString(b, m.Addr)
	}
	sum := sha256.Sum256(b)
	return EnsembleID(sum[:16])
}
