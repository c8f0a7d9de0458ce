package watch

import (
	"context"
	"errors"
	"io"
	"iter"
)

// Watcher is the consumer's end of a watch. Any number of goroutines may use it
// at once; each event goes to one of them.
type Watcher struct{ q *queue }

// Next returns the next event, waiting for it if need be. The error is that of
// ctx, and then nothing is lost; or, once all queued events were handed out, what
// ended the watch: ErrClosed after Close, io.EOF after a one-shot watch has
// fired, or the reason why the producer ended it (a session that is closed or
// expired).
func (w *Watcher) Next(ctx context.Context) (Event, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Event{}, err
		}
		if ev, ok, err := w.q.pop(); ok || err != nil {
			return ev, err
		}
		select {
		case <-w.q.bell:
		case <-ctx.Done():
		}
	}
}

// TryNext is Next without waiting: ok is false if no event waits just now.
func (w *Watcher) TryNext() (ev Event, ok bool, err error) { return w.q.pop() }

// Events returns the events from here on, for a range loop. An error comes last,
// with a zero Event; io.EOF ends the loop without one. However the loop is left,
// the watch is closed.
func (w *Watcher) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		defer w.Close()
		for {
			ev, err := w.Next(ctx)
			if errors.Is(err, io.EOF) || !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// Ready returns a doorbell for select: a receive succeeds when there is an event
// or an error to take, with TryNext or Next. One ring may stand for many events;
// taking one rings again if there are more. With several consumers another one
// may have been faster.
func (w *Watcher) Ready() <-chan struct{} { return w.q.bell }

// Close ends the watch at once: what is queued is dropped, and all who wait or
// come are told ErrClosed, or what ended the watch before. It may be called more
// than once, also beside Next.
func (w *Watcher) Close() {
	if w.q.end(ErrClosed, true) && w.q.onClose != nil {
		w.q.onClose()
	}
}
