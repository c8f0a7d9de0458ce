package server

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
	"github.com/zabtree/zabtree/zab"
)

// Config says what member to run. Exactly one of Dir and Storage must be set, and
// Transport if there are other members; every other zero value is a default.
// Config{Dir: "data"} is an ensemble of one.
type Config struct {
	// ID is the member's ID, unique in the ensemble and for ever. It is 1 by
	// default if Members is empty.
	ID uint64

	// Members are the founding members, the same list at every start of every
	// member; empty: this one alone. Who belongs to the ensemble later on is in its
	// log. Name and Nonce tell ensembles with the same members apart (see
	// zab.Config).
	Members     zab.Membership
	Name, Nonce string

	// Transport reaches the other members. The server takes it over and closes it,
	// also if Start fails.
	Transport transport.Transport

	// Dir is the directory for log and snapshots, made if need be. Storage is
	// another way to keep them, taken over like Transport.
	Dir     string
	Storage zab.Storage

	// Tick, HeartbeatTicks and ElectionTicks are the replica's units of time:
	// zab's defaults by default. Sessions are timed by Tick too.
	Tick                          time.Duration
	HeartbeatTicks, ElectionTicks int

	// MaxDataBytes is how large a znode's data may be: 1,048,575 by default, as in
	// ZooKeeper. MaxMultiOps is how many operations a multi may have, 4096 by
	// default and at most tree.MaxOps; MaxOpBytes is how large any operation may be, 4 MiB by default, at
	// most 7 MiB, and Transport must carry frames of 2 MiB and 64 KiB more. They should
	// be the same on all members.
	MaxDataBytes, MaxMultiOps, MaxOpBytes int

	// Settings are replicated limits with which the ensemble is founded: among others
	// whether hard limits of quotas are enforced, as they are by default. (Soft ones are
	// not looked at here: nothing is logged when one is exceeded.) Like
	// Members, Name and Nonce they are part of its identity: the same at every start
	// of every member, else the storage is refused with zab.ErrForeign and the other
	// members refuse to connect.
	Settings tree.Settings

	// SuperDigest is who is permitted everything, whatever ACLs say: the ID of a
	// tree.DigestID, user:base64(sha1(user:password)), as in ZooKeeper's
	// zookeeper.DigestAuthenticationProvider.superDigest. A session that proves by
	// AddAuth to be that user has the identity tree.Super too. Empty: nobody is.
	SuperDigest string

	// MinSessionTimeout and MaxSessionTimeout bound the timeout of sessions opened
	// here: one election timeout and 24 h by default.
	MinSessionTimeout, MaxSessionTimeout time.Duration

	// ReconfigTimeout is how long a change of membership by a client waits for members
	// that join to be synchronised, and for each of its other parts. Default 30 s.
	ReconfigTimeout time.Duration

	// ReapInterval is how often a leader looks for containers and TTL znodes that
	// are due. Default 1 s, or Tick if that is longer.
	ReapInterval time.Duration

	// Watches bounds the watches of the sessions hosted here; History what is kept
	// of changes, for watches that come back after a broken connection.
	Watches watch.Limits
	History watch.HistoryConfig

	// SnapshotEntries and SnapshotBytes say how much log there may be before a
	// snapshot is taken: 1,000,000 entries and 64 MiB by default.
	SnapshotEntries uint64
	SnapshotBytes   int64

	// Logger receives what an operator may want to know. Nil is silence.
	Logger *slog.Logger
}

const (
	commandOverhead = 64 << 10 // of an operation, as a command
	maxMaxOpBytes   = 7 << 20
	maxProposals    = 4096 // of a host at once
)

func (c *Config) withDefaults() Config {
	d := *c
	if len(d.Members) == 0 {
		d.ID = cmp.Or(d.ID, 1)
		d.Members = zab.Membership{{ID: d.ID}}
	}
	d.Tick = cmp.Or(d.Tick, zab.DefaultTick)
	d.HeartbeatTicks = cmp.Or(d.HeartbeatTicks, zab.DefaultHeartbeatTicks)
	d.ElectionTicks = cmp.Or(d.ElectionTicks, zab.DefaultElectionTicks)
	d.MaxDataBytes = cmp.Or(d.MaxDataBytes, 1<<20-1)
	d.MaxMultiOps = cmp.Or(d.MaxMultiOps, 4096)
	d.MaxOpBytes = cmp.Or(d.MaxOpBytes, 4<<20)
	d.MinSessionTimeout = cmp.Or(d.MinSessionTimeout, d.electionTimeout())
	d.MaxSessionTimeout = cmp.Or(d.MaxSessionTimeout, max(24*time.Hour, d.MinSessionTimeout))
	d.ReconfigTimeout = cmp.Or(d.ReconfigTimeout, 30*time.Second)
	d.ReapInterval = cmp.Or(d.ReapInterval, max(time.Second, d.Tick))
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}

// Validate returns every reason why a member cannot be started with c, joined;
// each names its field. Nothing is read or written.
func (c *Config) Validate() error {
	d := c.withDefaults()
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("server: Config.%s: %s", field, fmt.Sprintf(format, args...)))
	}
	switch {
	case d.Dir == "" && d.Storage == nil:
		bad("Dir", "is empty, and so is Storage: set one of them")
	case d.Dir != "" && d.Storage != nil:
		bad("Dir", "is set, and so is Storage: set one of them")
	}
	if d.Transport == nil && len(d.Members) > 1 {
		bad("Transport", "is nil, and there are other members: import github.com/zabtree/zabtree/transport/tcp"+
			" and set it to tcp.New(listener, tcp.Options{}); within one process transport.NewMemory will do")
	}
	errs = append(errs, c.validateReplica())
	c.validateSizes(bad)
	c.validateTimes(bad)
	c.validateSettings(bad)
	c.validateSuper(bad)
	errs = append(errs, d.Settings.Validate(), d.Watches.Validate(), d.History.Validate())
	return errors.Join(errs...)
}
func (c *Config) replica() zab.Config {
	return zab.Config{
		ID: c.ID, Name: c.Name, Nonce: c.nonce(), Members: c.Members,
		Transport: c.Transport, Storage: c.Storage,
		Tick: c.Tick, HeartbeatTicks: c.HeartbeatTicks, ElectionTicks: c.ElectionTicks,
		MaxCommandBytes: c.MaxOpBytes + commandOverhead, MaxPending: 2 * maxProposals,
		SnapshotEntries: c.SnapshotEntries, SnapshotBytes: c.SnapshotBytes,
		Logger: c.Logger,
	}
}

// nonce makes the Settings part of what the ensemble is founded as: replicas that
// begin with other ones would not be alike.
func (c *Config) nonce() string {
	settings := tree.New(c.Settings).View().Settings()
	if settings == tree.New(tree.Settings{}).View().Settings() {
		return c.Nonce
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", settings))
	return fmt.Sprintf("%s\x00%x", c.Nonce, sum[:8])
}

func (c *Config) electionTimeout() time.Duration { return time.Duration(c.ElectionTicks) * c.Tick }

func (c *Config) limits() tree.Limits {
	return tree.Limits{Data: c.MaxDataBytes, Ops: c.MaxMultiOps, Bytes: c.MaxOpBytes}
}

func (c *Config) host() host.Config {
	return host.Config{
		Replica: c.ID, Limits: c.limits(), Watches: c.Watches, History: c.History, SuperDigest: c.SuperDigest,
		MinTimeout: int64(c.MinSessionTimeout), MaxTimeout: int64(c.MaxSessionTimeout),
		TickEvery: int64(c.Tick), ReapEvery: int64(c.ReapInterval), MaxProposals: maxProposals,
	}
}
