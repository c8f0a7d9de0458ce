package sessiontest

import (
	"context"
	"errors"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/zab"
)

// Kill stops a member as a crash of its process does: nothing that it does from now
// on is heard by anybody, and its connections break. What was durable is there for
// Restart.
func (e *Ensemble) Kill(i int) {
	e.t.Helper()
	m := e.member(i)
	if e.Server(i) == nil {
		return
	}
	e.timeline.note(e, m.id, "killed")
	e.net.Isolate(m.id)
	m.stop()
	m.gate.open()
	e.net.Break(m.id, 0)
	e.net.Heal(m.id)
}

// Restart starts a member again, after killing it if it runs. It does not wait until
// the member serves: its Server's Ready does.
func (e *Ensemble) Restart(i int) {
	e.t.Helper()
	e.Kill(i)
	m := e.member(i)
	e.timeline.note(e, m.id, "restarted")
	e.labelled(m.start)
}

// Isolate cuts a member off from all others; nobody is told. Sessions that it hosts
// still reach it.
func (e *Ensemble) Isolate(i int) {
	e.t.Helper()
	m := e.member(i)
	e.timeline.note(e, m.id, "isolated")
	e.net.Isolate(m.id)
}

// Partition lets only members of the same group reach each other.
func (e *Ensemble) Partition(groups ...[]int) {
	e.t.Helper()
	sets := make([][]uint64, len(groups))
	for g, members := range groups {
		for _, i := range members {
			sets[g] = append(sets[g], e.member(i).id)
		}
	}
	e.timeline.note(e, 0, "partitioned")
	e.net.Partition(sets...)
}

// Heal ends all isolations and partitions. What was sent meanwhile arrives.
func (e *Ensemble) Heal() {
	e.timeline.note(e, 0, "healed")
	e.net.Heal()
}

// Pause keeps a member from hearing and saying anything, to other members and to
// its sessions, until Resume: all of it waits. To everyone else it looks as if
// the process had been stopped. (Its own timers do run: a member cannot be stopped
// within the process.)
func (e *Ensemble) Pause(i int) {
	e.t.Helper()
	m := e.member(i)
	e.timeline.note(e, m.id, "paused")
	m.gate.shut()
	e.net.Isolate(m.id)
}

// Resume ends a Pause.
func (e *Ensemble) Resume(i int) {
	e.t.Helper()
	m := e.member(i)
	e.timeline.note(e, m.id, "resumed")
	e.net.Heal(m.id)
	m.gate.open()
}

// Expire ends a session as if its time were up, and waits until it knows. Unlike
// a session whose time is up, its holder has not known before: to test that, keep
// its pings away, for example by isolating the member that hosts it.
func (e *Ensemble) Expire(s *session.Session) {
	e.t.Helper()
	ctx := e.t.Context()
	leader := e.Leader(ctx)
	if srv := e.Server(leader); srv != nil {
		if err := srv.ExpireSession(ctx, s.ID()); err != nil && !errors.Is(err, session.ErrExpired) {
			e.t.Fatalf("sessiontest: expire session %d: %v", s.ID(), err)
		}
	}
	select {
	case <-s.Done():
	case <-ctx.Done():
		e.t.Fatalf("sessiontest: session %d does not learn that it has expired", s.ID())
	}
}

// Leader waits until a member leads and serves, by its own word and that of a
// quorum, and returns its number.
func (e *Ensemble) Leader(ctx context.Context) int {
	e.t.Helper()
	for {
		leader, changed := e.leader()
		if leader != 0 {
			return leader
		}
		if !waitAny(ctx, changed) {
			e.t.Fatalf("sessiontest: no leader: %v", context.Cause(ctx))
		}
	}
}

// leader returns the member that leads, or 0 and what may change that.
func (e *Ensemble) leader() (int, []<-chan struct{}) {
	var changed []<-chan struct{}
	follows := map[uint64]int{}
	serves := map[uint64]bool{}
	for _, srv := range e.running() {
		st, c := srv.Status()
		changed = append(changed, c)
		if st.Serving {
			follows[st.Leader]++
		}
		if st.Serving && st.Leading() {
			serves[st.ID] = true
		}
	}
	for id, n := range follows {
		if serves[id] && n > e.Members()/2 {
			return int(id), nil
		}
	}
	return 0, changed
}

// WaitConverged waits until all members that run have applied the same, and
// checks that their trees are equal.
func (e *Ensemble) WaitConverged(ctx context.Context) {
	e.t.Helper()
	for {
		var zxid int64
		for _, srv := range e.running() {
			zxid = max(zxid, srv.View().Zxid())
		}
		same, digest := true, map[uint64]uint64{}
		for _, srv := range e.running() {
			if err := srv.Replica().WaitApplied(ctx, zab.Zxid{Counter: uint64(zxid)}); err != nil {
				e.t.Fatalf("sessiontest: member %d does not get to zxid %d: %v", srv.ID(), zxid, err)
			}
			v := srv.View()
			same = same && v.Zxid() == zxid
			digest[srv.ID()] = v.Digest()
		}
		if !same {
			continue // more was committed meanwhile
		}
		for id, d := range digest {
			for other, o := range digest {
				if d != o {
					e.t.Fatalf("sessiontest: at zxid %d the trees of members %d and %d differ", zxid, id, other)
				}
			}
		}
		return
	}
}
