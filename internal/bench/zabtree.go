package main

import (
	"context"
	"slices"
	"time"

	"github.com/zabtree/zabtree/zab"
)

// zabtree is three replicas of package zab with the floor's map as their state
// machine. Callers are with the leader, as the floor's are.
type zabtree struct{ *ensemble }

func newZabtree(dir string) (peer, error) {
	e, err := startEnsemble(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := e.ready(ctx); err != nil {
		e.close()
		return nil, err
	}
	return zabtree{e}, nil
}

func (zabtree) name() string { return "zabtree" }

// caller submits as package session/server does: by a callback, here into a
// channel that the caller uses again and again.
func (p zabtree) caller(int) (func([]byte) error, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	i, err := p.leader(ctx)
	if err != nil {
		return nil, err
	}
	leader, answer := p.replica[i], make(chan error, 1)
	done := func(_ zab.Result, err error) { answer <- err }
	return func(cmd []byte) error {
		leader.SubmitFunc(slices.Clone(cmd), done) // the replica keeps it
		return <-answer
	}, nil
}
