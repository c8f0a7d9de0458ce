package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// ReconfigError is why a change of membership was refused that was asked for as
// ZooKeeper's clients do. Nothing has changed but perhaps the configuration's version.
type ReconfigError struct {
	Code int32 // ZooKeeper's word for it
	Err  error
}

func (e *ReconfigError) Error() string { return fmt.Sprintf("server: reconfig: %v", e.Err) }
func (e *ReconfigError) Unwrap() error { return e.Err }

// ZooKeeperCode returns the error's Code.
func (e *ReconfigError) ZooKeeperCode() int32 { return e.Code }

// ZooKeeper's words for why a change is refused.
const (
	zkMarshallingError  = -5
	zkUnimplemented     = -6
	zkOperationTimeout  = -7
	zkBadArguments      = -8
	zkNewConfigNoQuorum = -13
	zkReconfigProgress  = -14
	zkNoAuth            = -102
	zkBadVersion        = -103
)

func refuse(code int32, err error) error { return &ReconfigError{Code: code, Err: err} }

var (
	errStandalone   = errors.New("an ensemble of one that has no address for others")
	errInProgress   = fmt.Errorf("another change of membership is under way: %w", zab.ErrConflict)
	errStrangers    = fmt.Errorf("no voter would stay: %w", zab.ErrBadMembership)
	errNotPermitted = fmt.Errorf("the client may not write /zookeeper/config: %w", tree.ErrNoAuth)
)

// Reconfig changes the membership as ZooKeeper's clients ask for it by the request
// reconfig, and returns the data and Stat of /zookeeper/config once that shows it, here.
// joining are specifications server.N=host:port:port[:role];[host:]port with commas
// between them, leaving are IDs; members, if not nil, are instead all that there are to
// be. version is that of the configuration that is to be changed, or -1, and permitted
// says whether the client may write /zookeeper/config.
//
// A participant that joins becomes an observer first, and votes once it is
// synchronised: it has to be started, with the ensemble's founding members. If it is not
// synchronised within Config.ReconfigTimeout it is removed again. A leader that leaves
// or is to observe hands over first, whoever it is. Where members listen is their own
// affair: addresses are for the others to find them.
//
// An error is a *ReconfigError if nothing has changed but the version; with any other it
// may have. When ctx ends all is left as it is then, observers that were to vote included.
func (s *Server) Reconfig(ctx context.Context, joining, leaving string, members *string, version int64, permitted bool) (
	text []byte, stat tree.Stat, err error) {
	s.mu.Lock()
	busy := s.reconfiguring
	s.reconfiguring = true
	s.mu.Unlock()
	if busy {
		return nil, tree.Stat{}, refuse(zkReconfigProgress, errInProgress)
	}
	defer func() {
		s.mu.Lock()
		s.reconfiguring = false
		s.mu.Unlock()
	}()
	r := &reconfig{s: s, versioned: version != -1}
	err = r.bounded(ctx, func(ctx context.Context) error {
		st, err := r.catchUp(ctx)
		if err != nil {
			return err
		}
		return r.check(&st, joining, leaving, members, version, permitted)
	})
	if err == nil {
		err = r.bounded(ctx, r.run)
	}
	var refused *ReconfigError
	if errors.As(err, &refused) && len(r.added) > 0 {
		if e := r.bounded(ctx, r.undo); e != nil {
			err = fmt.Errorf("server: reconfig: %w, and members %v, which it had made observers, were not removed: %v", refused.Err, r.added, e)
		}
	}
	if err == nil {
		text, stat, err = s.told(ctx)
	}
	s.config.Logger.Info("change of membership by a client", "mzxid", stat.Mzxid, "err", err)
	return text, stat, err
}

// reconfig is a change of membership on its way.
type reconfig struct {
	s         *Server
	versioned bool           // somebody wants to change a certain version
	next      zab.Membership // what is to be
	base      zab.Membership // what it was made from, by this change alone
	tried     zab.Membership // what the last step made of it, perhaps
	added     []uint64       // who was made an observer on the way
	waits     bool           // for a new voter to be synchronised
	turn      int            // whom to hand over to
	lacks     lack
}

// lack is since when a leader has had no quorum of the new voters.
type lack struct {
	epoch uint32
	since time.Time
}

// catchUp returns a status that knows of every change that was made anywhere before. If
// another one is pending it waits for that, as long as one takes that does not want for a
// quorum.
func (r *reconfig) catchUp(ctx context.Context) (zab.Status, error) {
	z, err := r.s.replica.ReadPoint(ctx)
	if err == nil {
		err = r.s.replica.WaitApplied(ctx, z)
	}
	end := time.Now().Add(r.s.config.electionTimeout())
	for {
		st, changed := r.s.replica.Status()
		left := time.Until(end)
		if err != nil || st.Config.Pending == nil || left <= 0 {
			return st, err
		}
		err = r.pause(ctx, changed, left)
	}
}

// check says what a change is refused for before anything is done. The order is
// Apache's 3.8.0's, as far as it goes: whether a quorum of the new voters is there it
// looks at before the permission, which here comes before whatever has an effect.
func (r *reconfig) check(st *zab.Status, joining, leaving string, members *string, version int64, permitted bool) error {
	c := &st.Config
	switch {
	case len(c.Current) == 1 && c.Current[0].Addr == "":
		return refuse(zkUnimplemented, errStandalone)
	case c.Pending != nil && !alike(c.Pending, c.Current):
		return refuse(zkReconfigProgress, errInProgress)
	case version != -1 && uint64(version) != c.Version:
		return refuse(zkBadVersion, fmt.Errorf("version is %x, not %x: %w", c.Version, version, zab.ErrConflict))
	}
	w, err := parseWanted(joining, leaving, members)
	if err == nil {
		r.base = c.Current
		r.next, err = w.from(r.base)
	}
	switch {
	case err != nil && stumbles(err):
		return refuse(zkMarshallingError, err)
	case err != nil:
		return refuse(zkBadArguments, err)
	case !permitted:
		return refuse(zkNoAuth, errNotPermitted)
	case len(staying(r.base, r.next)) == 0:
		return refuse(zkBadArguments, errStrangers)
	}
	return nil
}

// alike says whether memberships differ in incarnations alone. Those change by
// themselves, when a member has come back without what it had on its disk.
func alike(a, b zab.Membership) bool {
	return slices.EqualFunc(a, b, func(x, y zab.Member) bool {
		x.Incarnation, y.Incarnation = 0, 0
		return x == y
	})
}

// staying returns who votes in both.
func staying(a, b zab.Membership) []uint64 {
	var ids []uint64
	for i := range a {
		if y := b.Find(a[i].ID); a[i].Role == zab.Voter && y != nil && y.Role == zab.Voter {
			ids = append(ids, a[i].ID)
		}
	}
	return ids
}

// bounded gives a part of a change its time. Having had it is a refusal: what was tried
// last had come to nothing.
func (r *reconfig) bounded(ctx context.Context, do func(context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, r.s.config.ReconfigTimeout)
	defer cancel()
	err := do(within)
	var refused *ReconfigError
	if err == nil || errors.As(err, &refused) || ctx.Err() != nil || within.Err() == nil || errors.Is(err, zab.ErrUnknownOutcome) {
		return err
	}
	code := int32(zkOperationTimeout)
	if r.waits {
		code = zkNewConfigNoQuorum // "try invoking reconfiguration after new servers are connected and synced"
	}
	return refuse(code, err)
}

// run makes the change, step by step.
func (r *reconfig) run(ctx context.Context) error {
	return r.steps(ctx, func(st *zab.Status) (bool, error) {
		cur := st.Config.Current
		if r.tried != nil && alike(cur, r.tried) {
			r.base, r.tried = r.tried, nil
			if alike(cur, r.next) {
				return true, nil // although nobody could say so
			}
		}
		if !alike(cur, r.base) {
			if r.versioned {
				return false, refuse(zkBadVersion, errInProgress)
			}
			return false, refuse(zkReconfigProgress, errInProgress)
		}
		return r.takeStep(ctx, st)
	})
}

// takeStep takes the next step, if its time has come, and says whether it was the last.
func (r *reconfig) takeStep(ctx context.Context, st *zab.Status) (done bool, err error) {
	step, added := r.step(st.Config.Current)
	if step == nil {
		return false, nil
	}
	if m := step.Find(st.Leader); m == nil || m.Role != zab.Voter {
		r.handOver(ctx, st)
		return false, nil
	}
	r.tried = step
	err = r.s.replica.Reconfigure(ctx, st.Config.Version, step)
	if err == nil {
		r.base, r.tried = step, nil
	}
	if err == nil || !zab.NotApplied(err) {
		r.added = append(r.added, added...)
	}
	return len(added) == 0, err
}

// steps calls step whenever no change is pending, until that says that it is done. An
// error of the replica that says that somebody else was faster, or that there is no
// leader, is a reason to try again.
func (r *reconfig) steps(ctx context.Context, step func(*zab.Status) (done bool, err error)) error {
	c := &r.s.config
	var last error
	for {
		wait := c.electionTimeout()
		st, changed := r.s.replica.Status()
		if st.Serving && st.Config.Pending == nil {
			done, err := step(&st)
			var refused *ReconfigError
			switch {
			case err == nil && done:
				return nil
			case errors.As(err, &refused):
				return err
			case errors.Is(err, zab.ErrBadMembership):
				if r.forLong(st.Epoch) {
					return refuse(zkNewConfigNoQuorum, err)
				}
				wait = time.Duration(c.HeartbeatTicks) * c.Tick
			case errors.Is(err, zab.ErrClosed), ctx.Err() != nil && err != nil:
				return err
			}
			last = err
		}
		if err := r.pause(ctx, changed, wait); err != nil {
			return errors.Join(last, err)
		}
	}
}

// forLong says whether a leader has found no quorum of the new voters for as long as a
// new one may need to see who follows it.
func (r *reconfig) forLong(epoch uint32) bool {
	if r.lacks.epoch != epoch {
		r.lacks = lack{epoch, time.Now()}
	}
	return time.Since(r.lacks.since) >= 2*r.s.config.electionTimeout()
}

// pause waits until it may be worth trying again.
func (r *reconfig) pause(ctx context.Context, changed <-chan struct{}, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.s.stopped:
		return zab.ErrClosed
	}
	return nil
}

// step returns the next membership on the way from cur to r.next, nil if there is
// something to wait for; and who is added by it, if it is not the last one. New voters
// are observers first: they vote once they have an incarnation, which the leader enters
// when they are synchronised.
func (r *reconfig) step(cur zab.Membership) (step zab.Membership, added []uint64) {
	next, way := r.next.Clone(), cur.Clone()
	r.waits = false
	for i := range next {
		m := &next[i]
		old := cur.Find(m.ID)
		if old != nil {
			m.Incarnation = old.Incarnation
		}
		if m.Role != zab.Voter || m.Incarnation != 0 {
			continue
		}
		r.waits = true
		if old == nil {
			o := *m
			o.Role, o.Weight = zab.Observer, 0
			way, added = append(way, o), append(added, m.ID)
		}
	}
	switch {
	case !r.waits:
		return next, nil
	case added == nil:
		return nil, nil
	}
	slices.SortFunc(way, func(a, b zab.Member) int { return cmp.Compare(a.ID, b.ID) })
	return way, added
}

// undo removes whom the change has made an observer.
func (r *reconfig) undo(ctx context.Context) error {
	return r.steps(ctx, func(st *zab.Status) (bool, error) {
		left := slices.DeleteFunc(st.Config.Current.Clone(), func(m zab.Member) bool {
			return m.Role == zab.Observer && slices.Contains(r.added, m.ID)
		})
		if len(left) == len(st.Config.Current) {
			return true, nil
		}
		err := r.s.replica.Reconfigure(ctx, st.Config.Version, left)
		return err == nil, err
	})
}

// told waits until this member's tree shows the membership that it knows of, and returns
// what it shows.
func (s *Server) told(ctx context.Context) ([]byte, tree.Stat, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.ReconfigTimeout)
	defer cancel()
	for {
		view := s.View()
		st, _ := s.replica.Status()
		text, stat, err := view.Get(configPath)
		if err == nil && bytes.Equal(text, configText(&st.Config)) {
			return text, stat, nil
		}
		next := zab.Zxid{Counter: uint64(view.Zxid()) + 1}
		if err := s.replica.WaitApplied(ctx, next); err != nil {
			return nil, tree.Stat{}, fmt.Errorf("server: reconfig: the membership has changed, and %s does not say so: %w", configPath, err)
		}
	}
}
