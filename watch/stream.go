package watch

import (
	"errors"
	"fmt"
	"io"
)

// StreamConfig describes one watch's queue. Zero fields mean the defaults.
type StreamConfig struct {
	// Path is the watch's path, for the Gap event of an overflow.
	Path string
	// MaxEvents is how many events may wait, besides those replayed, at most 1<<24.
	// Default 1024.
	MaxEvents int
	// MaxBytes is how many bytes of paths and data the waiting events may hold;
	// an entry's events that find the queue empty are taken whatever their size.
	// Default 16 MiB.
	MaxBytes int64
	// OnClose, if given, is called once when the consumer closes the watch before
	// the producer has ended it, so that it can be removed where it is
	// registered. It must not block. It is called without a lock held.
	OnClose func()
}

// Validate returns everything that is wrong with c, joined.
func (c StreamConfig) Validate() error {
	var errs []error
	if err := checkPath(c.Path); err != nil {
		errs = append(errs, fmt.Errorf("watch: StreamConfig.Path: %w", err))
	}
	if c.MaxEvents < 0 || c.MaxEvents > 1<<24 {
		errs = append(errs, fmt.Errorf("watch: StreamConfig.MaxEvents is %d, not in 0..%d", c.MaxEvents, 1<<24))
	}
	if c.MaxBytes < 0 {
		errs = append(errs, fmt.Errorf("watch: StreamConfig.MaxBytes is %d, less than 0", c.MaxBytes))
	}
	return errors.Join(errs...)
}

// Stream is the producer's end of a watch: one goroutine at a time pushes.
type Stream struct{ q queue }

// NewStream returns the two ends of a watch's queue, or what is wrong with
// config. Neither needs to be closed to be collected.
func NewStream(config StreamConfig) (*Stream, *Watcher, error) {
	if err := config.Validate(); err != nil {
		return nil, nil, err
	}
	if config.MaxEvents == 0 {
		config.MaxEvents = 1024
	}
	if config.MaxBytes == 0 {
		config.MaxBytes = 16 << 20
	}
	s := &Stream{queue{
		maxEvents: config.MaxEvents,
		maxBytes:  config.MaxBytes,
		path:      config.Path,
		onClose:   config.OnClose,
		taken:     -1,
		bell:      make(chan struct{}, 1),
	}}
	return s, &Watcher{&s.q}, nil
}

// Push queues events, in order of zxid, and never blocks. All events of one
// entry for this watch belong into one call: then the Gap of an overflow begins
// and ends between entries. If they do not fit, all that waits and the events
// pushed become one Gap, and Push returns false. It also returns false, and drops
// the events, once the stream has ended. The slice is not kept.
func (s *Stream) Push(events ...Event) bool { return s.q.push(events) }

// Replay is Push for events that answer a registration as of a zxid in the past
// (see [Table.Resume]). They do not count against MaxEvents and MaxBytes, so that
// a consumer who takes up at the Since of a Gap is given all of what it stands
// for, however much that is; what bounds them is the History they come from. An
// overflow by what is pushed later spares them and begins its Gap behind them.
//
// The number, above 0, tells the registrations of a watch apart. If events of one
// still wait when those of another come, the latter count like any others, which
// keeps a consumer that takes nothing from being given one history after
// another. So does a Gap.
func (s *Stream) Replay(registration uint64, events ...Event) bool {
	return s.q.pushReplay(registration, events)
}

// Fail ends the stream: the consumer is given what is queued and then err, for
// ever. Only the first end counts. A nil err or io.EOF is an end in good order,
// as of a one-shot watch that has fired: Next then returns io.EOF.
func (s *Stream) Fail(err error) {
	if err == nil {
		err = io.EOF
	}
	s.q.end(err, false)
}

// Len returns how many events wait.
func (s *Stream) Len() int {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	return s.q.n
}

// Overflows returns how often the queue has collapsed to a Gap.
func (s *Stream) Overflows() uint64 {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	return s.q.gaps
}
