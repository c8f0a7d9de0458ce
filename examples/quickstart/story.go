package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/tree"
)

// story is what this program does, in order.
type story struct {
	plan     *plan
	out      io.Writer
	timeline *timeline
	ledger   *ledger
	ensemble *ensemble

	leader  int              // that is to be killed, from 0
	loader  *loader          // nil until the sessions are open
	holder  *session.Session // has the ephemeral znode and the watch
	held    tree.Stat        // of the ephemeral znode, when it was created
	lease   context.Context  // done as soon as the holder cannot be sure of it any more
	watcher *watcher
}

// The ephemeral znode that has to outlive the leader.
const ephemeral = "/holder"

// newStory starts the ensemble for a story, with its files in temp.
func newStory(ctx context.Context, dir, temp string, out io.Writer) (*story, error) {
	p, err := makePlan(dir, dataLimit)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "loading %s: %d files in %d directories\n", dir, p.files, len(p.nodes)-p.files)
	s := &story{plan: p, out: out, timeline: newTimeline(), ledger: newLedger()}
	s.ensemble, err = startEnsemble(ctx, temp, s.timeline)
	return s, err
}

// tell does everything, and prints the timeline whatever came of it.
func (s *story) tell(ctx context.Context) error {
	err := s.act(ctx)
	fmt.Fprintln(s.out)
	s.timeline.print(s.out)
	s.printRefusals()
	return err
}

// conclude says what held, once all of it has.
func (s *story) conclude() {
	fmt.Fprintf(s.out, "all %d znodes hold the bytes that were read, on three replicas that are alike; the watcher saw each\n", len(s.loader.order))
	fmt.Fprintf(s.out, "creation once and in order; the ephemeral znode and its session outlived the leader\n")
}

func (s *story) act(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.begin, s.load, s.verify} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return errors.Join(s.loader.session.Close(), s.holder.Close())
}

// begin is everything before the first file.
func (s *story) begin(ctx context.Context) (err error) {
	if s.leader, err = s.ensemble.leader(ctx); err != nil {
		return err
	}
	if err := within(ctx, "opening sessions", s.openSessions); err != nil {
		return err
	}
	s.watcher, err = startWatcher(ctx, s.holder)
	return err
}

// openSessions opens two sessions at the leader, which is about to die, and with
// one of them makes the ephemeral znode and the one that everything will be
// loaded below.
func (s *story) openSessions(ctx context.Context) error {
	backend, others := s.ensemble.backends(s.leader)
	open := func() (*session.Session, error) {
		return session.Open(ctx, backend, session.Options{Backends: others, MaxEvents: 1 << 14})
	}
	first, err := open()
	if err != nil {
		return err
	}
	s.loader = &loader{session: first, ledger: s.ledger, gone: refusals{}}
	if s.holder, err = open(); err != nil {
		return err
	}
	made, err := s.holder.Do(ctx, tree.Create{Path: ephemeral, Mode: tree.Ephemeral})
	if err != nil {
		return err
	}
	s.held, s.lease = made.Stat, s.holder.Context()
	s.timeline.add("session %d holds %s", s.holder.ID(), ephemeral)
	if _, err := s.holder.Create(ctx, base, nil, tree.Persistent); err != nil {
		return err
	}
	s.ledger.created(base, contentOf(nil))
	return nil
}

// load loads everything; the leader is killed when half is submitted, and started
// again after three quarters.
func (s *story) load(ctx context.Context) error {
	start := time.Now()
	if err := s.loadAll(ctx); err != nil {
		return err
	}
	took := time.Since(start)
	s.timeline.add("loaded %d znodes, %.1f MB, in %.2f s: %.0f znodes/s", len(s.loader.order), float64(s.loader.volume)/1e6,
		took.Seconds(), float64(len(s.loader.order))/took.Seconds())
	return nil
}

func (s *story) loadAll(ctx context.Context) error {
	p := startProgress(s.out, s.plan.files, func() int { return int(s.loader.done.Load()) })
	defer p.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kill, killing := make(chan struct{}), make(chan struct{})
	restart, over := make(chan struct{}), make(chan error, 1)
	go func() { over <- s.failover(ctx, kill, killing, restart) }()
	nodes := s.plan.nodes
	err := s.loader.load(ctx, nodes, func(i int) error {
		if i == len(nodes)/2 {
			close(kill)
			<-killing // and go on while it dies
		}
		if i == len(nodes)*3/4 {
			close(restart)
		}
		return nil
	})
	if len(nodes) == 0 {
		close(kill)
		close(restart)
	}
	if err != nil {
		cancel()
		return errors.Join(err, <-over)
	}
	return <-over
}

// failover kills the leader and measures for how long nothing commits; then it
// starts the replica again.
func (s *story) failover(ctx context.Context, kill, killing, restart chan struct{}) error {
	select {
	case <-kill:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.timeline.add("killing replica %d, the leader, with %d of %d files acknowledged", s.leader+1, s.loader.done.Load(), s.plan.files)
	start := time.Now()
	close(killing)
	if err := s.ensemble.kill(s.leader); err != nil {
		return err
	}
	err := within(ctx, "the first write after the leader was killed", func(ctx context.Context) error {
		_, err := s.holder.Set(ctx, ephemeral, []byte("still here"), tree.Cond{})
		return err
	})
	if err != nil {
		return err
	}
	s.timeline.add("the first write after that is committed: failover took %d ms", time.Since(start).Milliseconds())
	select {
	case <-restart:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.timeline.add("starting replica %d again", s.leader+1)
	if err := s.ensemble.restart(ctx, s.leader); err != nil {
		return err
	}
	s.timeline.add("replica %d serves again", s.leader+1)
	return nil
}

// verify compares everything with everything, and returns all that is wrong.
func (s *story) verify(ctx context.Context) error {
	// The watcher's end: the last event that it waits for.
	end := []byte("complete")
	if _, err := s.holder.Set(ctx, base, end, tree.Cond{}); err != nil {
		return err
	}
	s.ledger.created(base, contentOf(end))
	var views [replicas]*tree.View
	settled := within(ctx, "waiting for the replicas to be alike", func(ctx context.Context) (err error) {
		views, err = s.ensemble.settled(ctx, s.holder.LastZxid())
		return err
	})
	if settled != nil {
		return settled
	}
	if err := within(ctx, "waiting for the watcher", s.watcher.wait); err != nil {
		return err
	}
	errs := []error{checkAlike(views), checkSightings(s.watcher.saw, views[0]), checkOrder(s.watcher.saw, s.loader.order)}
	for i, v := range views {
		if err := errors.Join(s.ledger.checkView(v), checkEphemeral(v, s.held)); err != nil {
			errs = append(errs, fmt.Errorf("replica %d: %w", i+1, err))
		}
	}
	if s.lease.Err() != nil {
		errs = append(errs, fmt.Errorf("the session that holds %s: %w", ephemeral, context.Cause(s.lease)))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.timeline.add("verified: three replicas at zxid %d with digest %016x", views[0].Zxid(), views[0].Digest())
	return nil
}

// printRefusals says what was not loaded, and why.
func (s *story) printRefusals() {
	all := []refusals{s.plan.refusals}
	if s.loader != nil {
		all = append(all, s.loader.gone)
	}
	for _, r := range all {
		for _, reason := range r.reasons() {
			fmt.Fprintf(s.out, "not loaded: %d, %s\n", r[reason], reason)
		}
	}
}
