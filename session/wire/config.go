package wire

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/tree"
)

// Host is what clients are served from. A *server.Server of package session/server
// is one.
type Host interface {
	session.Backend

	// View returns the tree as this member has it now.
	View() *tree.View

	// Mode returns what the member is, in ZooKeeper's words: "leader", "follower",
	// "observer", or "standalone" if there are no others; "" while it does not serve,
	// for want of a leader or because it is being synchronised. The channel is closed
	// when that may have changed.
	Mode() (string, <-chan struct{})
}

// Config says how clients are served. The zero value is a whole configuration.
type Config struct {
	// MaxConns bounds the connections at once, and MaxConnsPerAddr those from one
	// address; one more is closed as soon as it is accepted. 10,000 and, as in
	// ZooKeeper, 60 by default; below 0 there is no limit.
	MaxConns, MaxConnsPerAddr int

	// MaxFrameBytes is how long a client's frame may be, 1,048,575 by default, as in
	// ZooKeeper. A longer one ends the connection.
	MaxFrameBytes int

	// MaxOutstanding is how many requests of a connection may be under way; no more
	// are read until some are answered. Default 1000.
	MaxOutstanding int

	// MaxUnread is how many bytes of answers and events are kept for a client that
	// does not read them, 16 MiB by default; a connection is closed when there is something
	// to add to more. The answers to a few requests that came together may be there
	// besides, however large.
	MaxUnread int

	// HandshakeTimeout is how long a connection may take to send its first frame, 5 s
	// by default, and SyncTimeout how long it waits then for this member to reach what
	// the client has seen, or a leader; and how long connections are kept while the
	// member does not serve. Default 5 s. A connection for which that was too long is
	// closed without an answer: clients try another member. If the member is there and
	// serves, a session may take another HandshakeTimeout to be opened or moved.
	HandshakeTimeout, SyncTimeout time.Duration

	// Words are the four-letter words that are answered: by default srvr and ruok. A
	// lone "*" stands for all.
	Words []string

	// EventZxids sends the zxid of the change with every event, as ZooKeeper does from
	// 3.9 on. Clients older than that do not mind.
	EventZxids bool

	// NoTTL refuses znodes with a TTL, as ZooKeeper does unless it is told otherwise
	// (extendedTypesEnabled).
	NoTTL bool

	// X509 lets a client that came over TLS with a certificate have the identity x509
	// of its subject. The connections must be of crypto/tls.
	X509 bool

	// ReadOnly serves reads while the member does not serve, once that has lasted for
	// SyncTimeout, to clients that have agreed to it (ZooKeeper's read-only mode): each
	// has a session of its connection alone, whose writes are refused, until the member
	// serves again. What they read may be old. The word isro is answered, whatever Words
	// say.
	ReadOnly bool

	// MinSessionTimeout and MaxSessionTimeout bound the timeout of read-only sessions, and
	// SuperDigest is who may read everything over them. They should be what the member
	// has for its own. Default 1 s, 24 h and nobody.
	MinSessionTimeout, MaxSessionTimeout time.Duration
	SuperDigest                          string

	// Reconfig changes the membership for clients that ask for it by reconfig and may
	// write /zookeeper/config: by its first ACL only who is super (SuperDigest of a
	// server.Config). Nil, the default, refuses that, as ZooKeeper does unless it is told
	// otherwise (reconfigEnabled).
	Reconfig Reconfigurer

	// Conf makes the answer to the word conf, but for the members; nil is none. It may be
	// called from any goroutine.
	Conf func() string

	// Sizes tells how many bytes the snapshots and the log have on disk, for the word
	// dirs; 0 if it is nil. It may be called from any goroutine.
	Sizes func() (snapshots, log int64)

	// Logger receives why connections were closed, once for each. Nil is silence.
	Logger *slog.Logger
}

func (c *Config) withDefaults() Config {
	d := *c
	set := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	set(&d.MaxConns, 10_000)
	set(&d.MaxConnsPerAddr, 60)
	set(&d.MaxFrameBytes, 0xfffff)
	set(&d.MaxOutstanding, 1000)
	set(&d.MaxUnread, 16<<20)
	if d.HandshakeTimeout == 0 {
		d.HandshakeTimeout = 5 * time.Second
	}
	if d.SyncTimeout == 0 {
		d.SyncTimeout = 5 * time.Second
	}
	d.MinSessionTimeout = cmp.Or(d.MinSessionTimeout, time.Second)
	d.MaxSessionTimeout = cmp.Or(d.MaxSessionTimeout, max(24*time.Hour, d.MinSessionTimeout))
	if d.Words == nil {
		d.Words = []string{string(wordSrvr), string(wordRuok)}
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}

// Validate returns every reason why c cannot be used, joined; each names its field.
func (c *Config) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("wire: Config.%s: %s", field, fmt.Sprintf(format, args...)))
	}
	d := c.withDefaults()
	if d.MaxFrameBytes < minFrameBytes || d.MaxFrameBytes > maxFrameBytes {
		bad("MaxFrameBytes", "%d is not from %d to %d", d.MaxFrameBytes, minFrameBytes, maxFrameBytes)
	}
	if d.MaxOutstanding < 1 {
		bad("MaxOutstanding", "%d is below 1", d.MaxOutstanding)
	}
	if d.MaxUnread < 1 {
		bad("MaxUnread", "%d is below 1", d.MaxUnread)
	}
	if d.HandshakeTimeout < 0 {
		bad("HandshakeTimeout", "is negative")
	}
	if d.SyncTimeout < 0 {
		bad("SyncTimeout", "is negative")
	}
	if d.MinSessionTimeout < 0 {
		bad("MinSessionTimeout", "is negative")
	}
	if d.MaxSessionTimeout < max(0, d.MinSessionTimeout) {
		bad("MaxSessionTimeout", "%v is less than MinSessionTimeout, %v", d.MaxSessionTimeout, d.MinSessionTimeout)
	}
	for _, w := range d.Words {
		if _, known := parseWord([4]byte([]byte(w + "    ")[:4])); len(w) != 4 && w != "*" || len(w) == 4 && !known {
			bad("Words", "%q is no four-letter word", w)
		}
	}
	return errors.Join(errs...)
}

// The bounds of Config.MaxFrameBytes.
const (
	minFrameBytes = 1 << 10
	maxFrameBytes = 1 << 24
)

// allows says whether a word is answered.
func (c *Config) allows(w word) bool {
	return c.ReadOnly && w == wordIsro || slices.Contains(c.Words, "*") || slices.Contains(c.Words, string(w))
}
