package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/watch"
)

// sighting is a creation that the watcher was told of.
type sighting struct {
	path string
	zxid int64
}

// watcher notes every creation below the base, until the base itself is set.
type watcher struct {
	session *session.Session
	over    chan struct{}

	// For others once over is closed.
	saw []sighting
	err error // why it ended early
}

// startWatcher arms the watch, and returns when it is armed.
func startWatcher(ctx context.Context, s *session.Session) (*watcher, error) {
	w := &watcher{session: s, over: make(chan struct{})}
	events, err := s.Watch(ctx, base, watch.PersistentRecursive)
	if err != nil {
		return nil, err
	}
	go func() {
		defer close(w.over)
		w.err = w.follow(ctx, events)
	}()
	return w, nil
}

// wait waits until the base was set.
func (w *watcher) wait(ctx context.Context) error {
	select {
	case <-w.over:
		return w.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *watcher) follow(ctx context.Context, events *watch.Watcher) error {
	for {
		before := len(w.saw)
		since, err := w.take(ctx, events)
		switch {
		case err != nil || since == 0:
			return err
		case len(w.saw) == before:
			return fmt.Errorf("what happened after zxid %d is not known any more", since)
		}
		// The queue is bounded: what did not fit has become a gap. A watch as of its
		// beginning is told everything that it stands for.
		if events, err = w.session.WatchSince(ctx, base, watch.PersistentRecursive, since); err != nil {
			return err
		}
	}
}

// take takes events until the base is set, or to a gap, of which it returns where
// it begins.
func (w *watcher) take(ctx context.Context, events *watch.Watcher) (since int64, err error) {
	for event, err := range events.Events(ctx) {
		switch {
		case err != nil:
			return 0, fmt.Errorf("the watch ended early: %w", err)
		case event.Type == watch.Created:
			w.saw = append(w.saw, sighting{event.Path, event.Zxid})
		case event.Type == watch.DataChanged && event.Path == base:
			return 0, nil
		case event.Type == watch.Gap:
			return event.Since, nil
		default:
			return 0, fmt.Errorf("the watcher saw %v", event)
		}
	}
	return 0, errors.New("the watch ended early")
}
