package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/transport/tcp"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

const replicas = 3

// ensemble is three servers of this process, as they would run in three.
type ensemble struct {
	dir      string
	members  zab.Membership
	timeline *timeline
	watchers sync.WaitGroup // one goroutine for each server that was started

	mu      sync.Mutex
	servers [replicas]*server.Server // nil while killed
	epoch   uint32                   // the last one that the timeline has a leader of
}

// startEnsemble starts all three and waits until they serve.
func startEnsemble(ctx context.Context, dir string, t *timeline) (*ensemble, error) {
	e := &ensemble{dir: dir, timeline: t}
	var listeners []net.Listener
	for i := range replicas {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
		e.members = append(e.members, zab.Member{ID: uint64(i + 1), Role: zab.Voter, Addr: l.Addr().String()})
	}
	for i, l := range listeners {
		if err := e.start(ctx, i, l); err != nil {
			for _, rest := range listeners[i:] {
				rest.Close()
			}
			return nil, errors.Join(err, e.close())
		}
	}
	t.add("started replicas 1, 2 and 3")
	for i := range replicas {
		if err := within(ctx, "waiting for the replicas", e.server(i).Ready); err != nil {
			return nil, errors.Join(err, e.close())
		}
	}
	t.add("all three serve")
	return e, nil
}

// start starts the i-th replica, which takes over the listener.
func (e *ensemble) start(ctx context.Context, i int, l net.Listener) error {
	id := uint64(i + 1)
	t, err := tcp.New(l, tcp.Options{ID: id})
	if err != nil {
		return err
	}
	s, err := server.Start(ctx, server.Config{
		ID:        id,
		Name:      "quickstart",
		Members:   e.members,
		Transport: t,
		Dir:       filepath.Join(e.dir, fmt.Sprintf("replica-%d", id)),
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.servers[i] = s
	e.mu.Unlock()
	e.watchers.Go(func() { e.follow(id, s) })
	return nil
}

// follow notes in the timeline when a server takes office.
func (e *ensemble) follow(id uint64, s *server.Server) {
	for {
		status, changed := s.Status()
		e.mu.Lock()
		if status.Leading() && status.Serving && status.Epoch > e.epoch {
			e.epoch = status.Epoch
			e.timeline.add("replica %d leads, in epoch %d", id, status.Epoch)
		}
		e.mu.Unlock()
		select {
		case <-changed:
		case <-s.Done():
			return
		}
	}
}

func (e *ensemble) server(i int) *server.Server {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.servers[i]
}

// leader waits for a leader and returns its index.
func (e *ensemble) leader(ctx context.Context) (int, error) {
	for {
		for i := range replicas {
			if s := e.server(i); s != nil {
				if status, _ := s.Status(); status.Leading() && status.Serving {
					return i, nil
				}
			}
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// backends returns all servers for a session, the i-th first.
func (e *ensemble) backends(i int) (session.Backend, []session.Backend) {
	return e.server(i), []session.Backend{e.server((i + 1) % replicas), e.server((i + 2) % replicas)}
}

// kill ends a replica without a word to the others.
func (e *ensemble) kill(i int) error {
	e.mu.Lock()
	s := e.servers[i]
	e.servers[i] = nil
	e.mu.Unlock()
	return s.Close()
}

// restart starts a replica that was killed, at its old address and with what is
// on its disk, and waits until it serves.
func (e *ensemble) restart(ctx context.Context, i int) error {
	l, err := net.Listen("tcp", e.members[i].Addr)
	if err != nil {
		return err
	}
	if err := e.start(ctx, i, l); err != nil {
		return err
	}
	return within(ctx, "waiting for the replica that was started again", e.server(i).Ready)
}

// settled waits until all three have applied the same, at least up to a zxid, and
// returns their views of that.
func (e *ensemble) settled(ctx context.Context, zxid int64) (views [replicas]*tree.View, err error) {
	for {
		same := true
		for i := range replicas {
			views[i] = e.server(i).View()
			z := views[i].Zxid()
			same = same && z >= zxid && z == views[0].Zxid()
		}
		if same {
			return views, nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return views, context.Cause(ctx)
		}
	}
}

func (e *ensemble) close() error {
	var errs []error
	for i := range replicas {
		if s := e.server(i); s != nil {
			errs = append(errs, s.Close())
		}
	}
	e.watchers.Wait()
	return errors.Join(errs...)
}
