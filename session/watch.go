package session

import (
	"context"
	"fmt"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// Watch arms a watch on a path, whether or not there is a znode. It tells of
// every change after those that a read made before by this session has shown.
// The watch lasts until it is closed, has fired if its kind is one-shot, or the
// session is over, and goes along when the session moves. Its path must be
// readable for the session; an event that is not is left out.
func (s *Session) Watch(ctx context.Context, path string, kind watch.Kind) (*watch.Watcher, error) {
	_, w, err := s.c.readAndWatch(ctx, s.readOf(protocol.ReadNothing, path), kind)
	return w, err
}

// WatchSince is Watch as of a zxid in the past: all that happened after it comes
// first, in order, or one Gap if that is too long ago to be known. It takes up
// where another watcher ended, by the Since of its Gap or the Zxid of its last
// event. What comes first does not count against Options.MaxEvents and
// MaxEventBytes; it is bounded by the history that the host keeps.
//
// Zxid 0 is the beginning: everything, or a Gap. One below 0 is an error that
// wraps watch.ErrBadZxid. For one that this session has not seen yet the host
// waits until it knows what the ensemble has committed, as a linearizable read
// does; if the zxid is beyond even that, the error wraps watch.ErrAhead.
func (s *Session) WatchSince(ctx context.Context, path string, kind watch.Kind, zxid int64) (*watch.Watcher, error) {
	if zxid < 0 {
		return nil, &notApplied{fmt.Errorf("%w: %d", watch.ErrBadZxid, zxid)}
	}
	r := s.readOf(protocol.ReadNothing, path)
	r.Resume, r.Since = true, zxid
	r.Linearizable = r.Linearizable || zxid > s.LastZxid()
	_, w, err := s.c.readAndWatch(ctx, r, kind)
	return w, err
}

// GetWatch is Get, and a watch armed in one step with it: its events begin with
// the first change that the data does not show. If there is an error there is no
// watch.
func (s *Session) GetWatch(ctx context.Context, path string, kind watch.Kind) ([]byte, tree.Stat, *watch.Watcher, error) {
	a, w, err := s.c.readAndWatch(ctx, s.readOf(protocol.ReadData, path), kind)
	if err != nil {
		return nil, tree.Stat{}, nil, err
	}
	return clone(a.Read.Data), a.Read.Stat, w, nil
}

// ExistsWatch is Exists, and a watch armed in one step with it, whether or not
// there is a znode.
func (s *Session) ExistsWatch(ctx context.Context, path string, kind watch.Kind) (tree.Stat, bool, *watch.Watcher, error) {
	a, w, err := s.c.readAndWatch(ctx, s.readOf(protocol.ReadExists, path), kind)
	if err != nil {
		return tree.Stat{}, false, nil, err
	}
	return a.Read.Stat, a.Read.Exists, w, nil
}

// ChildrenWatch is Children, and a watch armed in one step with it. If there is
// an error there is no watch.
func (s *Session) ChildrenWatch(ctx context.Context, path string, kind watch.Kind) ([]string, tree.Stat, *watch.Watcher, error) {
	a, w, err := s.c.readAndWatch(ctx, s.readOf(protocol.ReadChildren, path), kind)
	if err != nil {
		return nil, tree.Stat{}, nil, err
	}
	return a.Read.Names, a.Read.Stat, w, nil
}

func (c *core) readAndWatch(ctx context.Context, r protocol.Read, kind watch.Kind) (*protocol.Answer, *watch.Watcher, error) {
	r.WatchKind = kind
	name := readNames[r.Kind]
	if err := tree.ValidatePath(r.Path); err != nil {
		return nil, nil, &tree.Error{Op: name, Path: r.Path, Err: err}
	}
	if kind < watch.Data || kind > watch.PersistentRecursive {
		return nil, nil, &notApplied{watch.ErrBadKind}
	}
	id, w, err := c.newWatch(r.Path)
	if err != nil {
		return nil, nil, err
	}
	r.Watch = id
	a, err := c.read(ctx, r)
	switch {
	case err != nil || !a.WatchRefused:
	case r.Resume && r.Since > a.Zxid:
		err = &notApplied{fmt.Errorf("%w: %d, the ensemble is at %d", watch.ErrAhead, r.Since, a.Zxid)}
	default:
		err = &notApplied{ErrTooManyWatches}
	}
	if err != nil {
		w.Close()
		return nil, nil, err
	}
	return a, w, nil
}

// newWatch makes the queue of a watch before it is armed, as its first events may
// come before the answer.
func (c *core) newWatch(path string) (uint64, *watch.Watcher, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.machine.Ended() {
		return 0, nil, &notApplied{faults[c.machine.Ending()]}
	}
	s := &stream{id: c.machine.NewWatch()}
	producer, w, err := watch.NewStream(watch.StreamConfig{
		Path: path, MaxEvents: c.options.MaxEvents, MaxBytes: c.options.MaxEventBytes,
		OnClose: func() { c.closeWatch(s.id) },
	})
	if err != nil {
		return 0, nil, &notApplied{err}
	}
	s.Stream = producer
	c.watches[s.id] = s
	return s.id, w, nil
}

func (c *core) stream(id uint64) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watches[id]
}

// closeWatch is the consumer's end of a watch.
func (c *core) closeWatch(id uint64) {
	c.mu.Lock()
	delete(c.watches, id)
	c.machine.Unwatch(id, c.now())
	c.run()
}

// endWatch is the producer's end of a watch.
func (c *core) endWatch(id uint64, why error) {
	c.mu.Lock()
	w := c.watches[id]
	delete(c.watches, id)
	c.mu.Unlock()
	if w != nil {
		w.Fail(why)
	}
}
