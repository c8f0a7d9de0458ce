package embedder

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/transport/tcp"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
	"github.com/zabtree/zabtree/zab"
)

// Place names what member of an ensemble is to be where.
type Place struct {
	ID       uint64
	Listener net.Listener // taken over
	Dir      string
}

// Run runs one member of an ensemble until ctx is done, has it join the group at
// root, and gives each event of the group to seen, its own joining first of all or
// later. The addresses are those of all members, by ID. When the member is closed
// its session is left to expire: who else is there still could not be known.
func Run(ctx context.Context, p Place, addresses map[uint64]string, root string, seen func(watch.Event)) error {
	var t transport.Transport
	t, err := tcp.New(p.Listener, tcp.Options{ID: p.ID})
	if err != nil {
		return errors.Join(err, p.Listener.Close())
	}
	var members zab.Membership
	for id := uint64(1); id <= uint64(len(addresses)); id++ {
		members = append(members, zab.Member{ID: id, Role: zab.Voter, Addr: addresses[id]})
	}
	s, err := server.Start(ctx, server.Config{ID: p.ID, Members: members, Transport: t, Dir: p.Dir})
	if err != nil {
		return err
	}
	return errors.Join(follow(ctx, s, root, seen), s.Close())
}

// follow joins the group at root and follows it.
func follow(ctx context.Context, b session.Backend, root string, seen func(watch.Event)) error {
	s, err := session.Open(ctx, b, session.Options{})
	if err != nil {
		return err
	}
	if _, err := s.Create(ctx, root, nil, tree.Persistent); err != nil && !errors.Is(err, tree.ErrNodeExists) {
		return err
	}
	w, err := s.Watch(ctx, root, watch.PersistentRecursive)
	if err != nil {
		return err
	}
	if _, err := s.Create(ctx, root+"/member-", nil, tree.EphemeralSequential); err != nil {
		return err
	}
	for event, err := range w.Events(ctx) {
		if err != nil {
			return fmt.Errorf("watching %s: %w", root, err)
		}
		seen(event)
	}
	return nil
}
