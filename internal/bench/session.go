package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/transport/tcp"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// sessions is how many the callers of peer session share.
const sessions = 4

// sessionPeer is three members that host sessions: what a user has, with a tree
// of znodes in place of the floor's map, exactly-once writes, and leases. Callers
// share a few sessions, whose operations are pipelined, at the leader's member. A
// write sets a znode, one for each key.
type sessionPeer struct {
	servers  [replicas]*server.Server
	sessions [sessions]*session.Session
	paths    []string // by key
}

func newSessionPeer(dir string) (peer, error) {
	p := &sessionPeer{}
	for key := range keySpace {
		p.paths = append(p.paths, "/k/"+strconv.Itoa(key))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := p.start(ctx, dir); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *sessionPeer) start(ctx context.Context, dir string) error {
	listeners, members, err := listen()
	if err != nil {
		return err
	}
	for i, l := range listeners {
		if err := p.startServer(ctx, dir, i, l, members); err != nil {
			return errors.Join(err, closeAll(listeners[i:]))
		}
	}
	for _, s := range p.servers {
		if err := s.Ready(ctx); err != nil {
			return err
		}
	}
	leader, err := p.leader(ctx)
	if err != nil {
		return err
	}
	for i := range p.sessions {
		if p.sessions[i], err = leader.NewSession(ctx, session.Options{}); err != nil {
			return err
		}
	}
	return p.createAll(ctx)
}

func (p *sessionPeer) startServer(ctx context.Context, dir string, i int, l net.Listener, members zab.Membership) error {
	t, err := tcp.New(l, tcp.Options{ID: members[i].ID})
	if err != nil {
		return err
	}
	p.servers[i], err = server.Start(ctx, server.Config{
		ID: members[i].ID, Name: "bench", Members: members,
		Transport: t, Dir: filepath.Join(dir, fmt.Sprint(i+1)),
	})
	return err
}

// createAll makes a znode for each key, all at once.
func (p *sessionPeer) createAll(ctx context.Context) error {
	s := p.sessions[0]
	last, err := s.Submit(ctx, tree.Create{Path: "/k"})
	for i := 0; err == nil && i < len(p.paths); i++ {
		last, err = s.Submit(ctx, tree.Create{Path: p.paths[i]})
	}
	if err == nil {
		_, err = last.Wait(ctx) // which is answered behind all before it
	}
	return err
}

func (p *sessionPeer) leader(ctx context.Context) (*server.Server, error) {
	for {
		for _, s := range p.servers {
			if status, _ := s.Status(); status.Leading() && status.Serving {
				return s, nil
			}
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (p *sessionPeer) name() string { return "session" }

func (p *sessionPeer) caller(i int) (func([]byte) error, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	leader, err := p.leader(ctx)
	if err != nil {
		return nil, err
	}
	s := p.sessions[i%sessions]
	if err := s.Move(ctx, leader); err != nil { // it is there already, unless the leader has changed
		return nil, err
	}
	return func(cmd []byte) error {
		_, err := s.Set(context.Background(), p.paths[binary.LittleEndian.Uint64(cmd)], cmd[keyBytes:], tree.Cond{})
		return err
	}, nil
}

// settle waits until the three have applied the same, and compares them.
func (p *sessionPeer) settle() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, s := range p.servers {
		if _, err := s.Linearizable(ctx); err != nil {
			return err
		}
	}
	for {
		var views [replicas]*tree.View
		same := true
		for i, s := range p.servers {
			views[i] = s.View()
			same = same && views[i].Zxid() == views[0].Zxid()
		}
		for i, v := range views {
			if same && v.Digest() != views[0].Digest() {
				return fmt.Errorf("members 1 and %d differ at zxid %d", i+1, v.Zxid())
			}
		}
		if same {
			return nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting for members to be at one zxid: %w", context.Cause(ctx))
		}
	}
}

func (p *sessionPeer) close() error {
	var errs []error
	for _, s := range p.sessions {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	for _, s := range p.servers {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}
