package server_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
	"github.com/zabtree/zabtree/zab"
)

// A whole ensemble of one, with its log in a directory.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "zabtree")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	srv, err := server.Start(ctx, server.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	s, err := srv.NewSession(ctx, session.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	w, err := s.Watch(ctx, "/config", watch.Persistent)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := s.Create(ctx, "/config", []byte("v1"), tree.Persistent); err != nil {
		fmt.Println(err)
		return
	}
	stat, err := s.Set(ctx, "/config", []byte("v2"), tree.Version(0))
	fmt.Println("version", stat.Version, err)
	_, err = s.Set(ctx, "/config", []byte("v3"), tree.Version(0))
	fmt.Println(errors.Is(err, tree.ErrBadVersion))
	for range 2 {
		ev, err := w.Next(ctx)
		fmt.Println(ev.Type, ev.Path, err)
	}
	// Output:
	// version 1 <nil>
	// true
	// NodeCreated /config <nil>
	// NodeDataChanged /config <nil>
}

// Three members in one process; a session that moves when its member is closed.
func Example_ensemble() {
	ctx := context.Background()
	net := transport.NewMemory(transport.MemoryOptions{})
	members := zab.Membership{{ID: 1}, {ID: 2}, {ID: 3}}
	var servers []*server.Server
	for _, m := range members {
		srv, err := server.Start(ctx, server.Config{
			ID: m.ID, Members: members, Transport: net.Endpoint(m.ID), Storage: zab.NewMemoryStorage(),
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer srv.Close()
		servers = append(servers, srv)
	}
	s, err := servers[0].NewSession(ctx, session.Options{Backends: []session.Backend{servers[1], servers[2]}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if _, err := s.Create(ctx, "/here", nil, tree.Ephemeral); err != nil {
		fmt.Println(err)
		return
	}
	if err := servers[0].Close(); err != nil {
		fmt.Println(err)
		return
	}
	_, ok, err := s.Linearizable().Exists(ctx, "/here")
	fmt.Println(ok, err, s.Context().Err())
	// Output:
	// true <nil> <nil>
}
