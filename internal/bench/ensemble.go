package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/zabtree/zabtree/transport/tcp"
	"github.com/zabtree/zabtree/zab"
)

const replicas = 3

// ensemble is three replicas of one process.
type ensemble struct {
	replica  [replicas]*zab.Replica // nil where one was killed
	machine  [replicas]*mapMachine
	members  zab.Membership
	dir      string // "": storage in memory, which a killed replica loses
	election time.Duration
}

// startEnsemble starts three replicas with the defaults that users get, over TCP
// and with their storage below dir, or in memory if dir is "". It waits for
// nothing.
func startEnsemble(dir string) (*ensemble, error) {
	listeners, members, err := listen()
	if err != nil {
		return nil, err
	}
	e := &ensemble{dir: dir, members: members, election: zab.DefaultElectionTicks * zab.DefaultTick}
	for i, l := range listeners {
		if err := e.start(i, l); err != nil {
			return nil, errors.Join(err, closeAll(listeners[i:]), e.close())
		}
	}
	return e, nil
}

// listen opens three listeners of loopback, and names their members.
func listen() (listeners []net.Listener, members zab.Membership, err error) {
	for i := range replicas {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, errors.Join(err, closeAll(listeners))
		}
		listeners = append(listeners, l)
		members = append(members, zab.Member{ID: uint64(i + 1), Role: zab.Voter, Addr: l.Addr().String()})
	}
	return listeners, members, nil
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// start starts the i-th replica on a listener of its own address.
func (e *ensemble) start(i int, l net.Listener) error {
	t, err := tcp.New(l, tcp.Options{ID: uint64(i + 1)})
	if err != nil {
		return err
	}
	storage, err := e.storage(i)
	if err != nil {
		return errors.Join(err, t.Close())
	}
	e.machine[i] = newMapMachine()
	e.replica[i], err = zab.Start(context.Background(), zab.Config{
		ID: uint64(i + 1), Name: "bench", Members: e.members,
		Transport: t, Storage: storage, StateMachine: e.machine[i],
	})
	return err
}

func (e *ensemble) storage(i int) (zab.Storage, error) {
	if e.dir == "" {
		return zab.NewMemoryStorage(), nil
	}
	return zab.OpenDir(filepath.Join(e.dir, fmt.Sprint(i+1)), zab.DirOptions{})
}

// kill ends a replica as a crash would, without a word to the others, except
// that its memory is freed.
func (e *ensemble) kill(i int) error {
	r := e.replica[i]
	e.replica[i] = nil
	return r.Close()
}

// restart starts a killed replica again at its address.
func (e *ensemble) restart(i int) error {
	l, err := net.Listen("tcp", e.members[i].Addr)
	if err != nil {
		return err
	}
	return e.start(i, l)
}

// leader waits until a replica leads and serves, and returns its index.
func (e *ensemble) leader(ctx context.Context) (int, error) {
	for {
		for i, r := range e.replica {
			if r == nil {
				continue
			}
			if s, _ := r.Status(); s.Leading() && s.Serving {
				return i, nil
			}
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// ready waits until all three serve.
func (e *ensemble) ready(ctx context.Context) error {
	for _, r := range e.replica {
		if r == nil {
			continue
		}
		if err := r.Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until all have applied everything, and compares them.
func (e *ensemble) settle() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var point zab.Zxid
	for i, r := range e.replica {
		var err error
		if i == 0 {
			if point, err = r.ReadPoint(ctx); err != nil {
				return fmt.Errorf("read point: %w", err)
			}
		}
		if err := r.WaitApplied(ctx, point); err != nil {
			return fmt.Errorf("replica %d: waiting for %v: %w", i+1, point, err)
		}
		if got, want := e.machine[i].Digest(), e.machine[0].Digest(); got != want {
			return fmt.Errorf("replicas 1 and %d differ after %v", i+1, point)
		}
	}
	return nil
}

func (e *ensemble) close() error {
	var errs []error
	for _, r := range e.replica {
		if r != nil {
			errs = append(errs, r.Close())
		}
	}
	return errors.Join(errs...)
}
