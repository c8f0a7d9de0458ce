package sessiontest

import (
	"time"

	"github.com/zabtree/zabtree/session/server"
)

// Options say what ensemble to run. The zero value is a good choice.
type Options struct {
	// Members is how many there are. Default 3.
	Members int

	// Tick is the members' unit of time; silence is borne for four. By default
	// it is 20 ms with Start, and 500 ms with Run: as fake time passes only when
	// nothing else can happen, a coarse tick costs nothing but the exactness of
	// times that nobody waits for. With zab.DefaultTick times are as in
	// production.
	Tick time.Duration

	// SessionTimeout is that of the sessions that Session opens. Default 10 s.
	SessionTimeout time.Duration

	// Dir keeps logs and snapshots on disk, below t.TempDir, instead of in memory.
	// Time in a bubble stands still while the disk is waited for.
	Dir bool

	// Seed decides the network's random choices.
	Seed uint64

	// Config, if not nil, changes a member's configuration, each time before it is
	// started.
	Config func(c *server.Config)
}

const (
	defaultMembers = 3
	realTick       = 20 * time.Millisecond
	fakeTick       = 500 * time.Millisecond
)

func (o Options) withDefaults(tick time.Duration) Options {
	if o.Members <= 0 {
		o.Members = defaultMembers
	}
	if o.Tick <= 0 {
		o.Tick = tick
	}
	if o.SessionTimeout <= 0 {
		o.SessionTimeout = 10 * time.Second
	}
	return o
}
