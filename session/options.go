package session

import (
	"errors"
	"fmt"
	"time"

	"github.com/zabtree/zabtree/session/protocol"
)

// Options say what session to open. The zero value is complete.
type Options struct {
	// Timeout is how long the ensemble keeps the session after it last heard of
	// it. Default 10 s, at least 10 ms, at most 100 years of 365 days; the host may
	// shorten or lengthen it (see Session.Timeout).
	Timeout time.Duration

	// Linearizable makes every read linearizable, as if made through
	// Session.Linearizable.
	Linearizable bool

	// Backends are others that the session may move to when the one it is hosted
	// by fails, in the order given. Without any it waits for that one to come
	// back.
	Backends []Backend

	// MaxPending is how many operations given to Submit may be without an answer;
	// Submit waits above it. Default 4096.
	MaxPending int

	// MaxEvents and MaxEventBytes bound what waits to be taken from one Watcher
	// before it collapses to a Gap, MaxEvents at most 1<<24. What is caught up with
	// after a move or by WatchSince does not count. Defaults 1024 and 16 MiB.
	MaxEvents     int
	MaxEventBytes int64
}

// Bounds of Options.
const (
	defaultTimeout    = 10 * time.Second
	defaultMaxPending = 4096
	minTimeout        = 10 * time.Millisecond
	maxMaxEvents      = 1 << 24 // of watch.StreamConfig
)

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxPending == 0 {
		o.MaxPending = defaultMaxPending
	}
	return o
}

// Validate returns everything that is wrong with o, joined. Each wraps
// ErrOptions and names the field.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrOptions}, args...)...))
	}
	if o.Timeout != 0 && o.Timeout < minTimeout {
		bad("Timeout is %v, less than %v", o.Timeout, minTimeout)
	}
	if o.Timeout > protocol.MaxTimeout {
		bad("Timeout is %v, more than %v", o.Timeout, time.Duration(protocol.MaxTimeout))
	}
	if o.MaxPending < 0 {
		bad("MaxPending is %d, less than 0", o.MaxPending)
	}
	if o.MaxEvents < 0 {
		bad("MaxEvents is %d, less than 0", o.MaxEvents)
	}
	if o.MaxEvents > maxMaxEvents {
		bad("MaxEvents is %d, more than %d", o.MaxEvents, maxMaxEvents)
	}
	if o.MaxEventBytes < 0 {
		bad("MaxEventBytes is %d, less than 0", o.MaxEventBytes)
	}
	for i, b := range o.Backends {
		if b == nil {
			bad("Backends[%d] is nil", i)
		}
	}
	return errors.Join(errs...)
}
