package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/zabtree/zabtree/internal/sim/check"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// call is something that a client has asked for.
type call struct {
	protocol.Call
	n     uint64 // of the client's, over all its sessions
	watch uint64
	done  bool
	then  func(k *call) // for steps of a recipe
}

// workload is what a client does with one session: calls of every kind on few hot
// paths and many cold ones, watches, and the lock.
type workload struct {
	c       *client
	stopped bool
	sliced  bool // what it does is in the subtree that is judged by itself
	watches []uint64
	lock    lock
}

// begin starts the session's work.
func (k *workload) begin() { k.next() }

// stop makes the client do nothing new.
func (k *workload) stop() { k.stopped = true }

// next does something a while from now, and again; on a calm tape, too, time passes.
func (k *workload) next() {
	c := k.c
	c.w.sched.After(max(c.rnd.Exp(c.w.opts.ThinkMean), millisecond), c.owner, sched.Work, func() {
		if k.stopped || c.w.resting || c.gone() {
			return
		}
		if c.m.Unanswered() < 2*c.w.opts.Window && c.w.sched.Now() >= c.w.faults.resting {
			k.step()
		}
		k.next()
	})
}

// step does one thing: in the subtree that is judged by itself, or outside of it.
func (k *workload) step() {
	r := k.c.rnd
	k.sliced = r.Chance(1, 4)
	if k.more() {
		return
	}
	switch n := r.IntN(100); {
	case n < 35:
		k.submit(&call{Call: protocol.Call{Op: k.op()}})
	case n < 42:
		k.submit(&call{Call: protocol.Call{Op: k.multi()}})
	case n < 62:
		k.read(false)
	case n < 70:
		k.read(true)
	case n < 78:
		k.observe()
	case n < 80:
		k.forget()
	case n < 82:
		user := sched.Pick(r, users)
		k.submit(&call{Call: protocol.Call{Auth: &protocol.AddAuth{Scheme: "digest", Credential: []byte(user + ":" + password)}}})
	case n < 84:
		k.cancel()
	case n < 99:
		k.lock.step(k)
	default:
		if r.Chance(1, 3) {
			k.lock.lost()
			k.stop()
			k.c.m.Close(k.c.now())
			k.c.carryOut()
		}
	}
}

// path picks a path: one of few that everybody uses, or one of many.
func (k *workload) path() string {
	r := k.c.rnd
	if k.sliced {
		return sched.Pick(r, []string{sliceRoot, sliceRoot + "/a", sliceRoot + "/b", sliceRoot + "/a/c"})
	}
	if r.Chance(1, 8) {
		return k.guarded()
	}
	switch r.IntN(5) {
	case 0, 1:
		return sched.Pick(r, []string{"/hot", "/hot/a", "/hot/b"})
	case 2:
		return fmt.Sprintf("/hot/a/%d", r.IntN(3))
	case 3:
		return fmt.Sprintf("/cold-%d", r.IntN(20))
	}
	return fmt.Sprintf("/cold-%d/%d", r.IntN(20), r.IntN(3))
}

func (k *workload) data() []byte {
	r := k.c.rnd
	b := make([]byte, sched.Pick(r, []int{0, 1, 8, 100, k.c.w.opts.LargeBytes}))
	for i := 0; i < min(len(b), 2000); i += 8 {
		b[i] = byte(r.IntN(256))
	}
	return b
}

// cond is any version, or one that may be the current one.
func (k *workload) cond() tree.Cond {
	if k.c.rnd.Chance(3, 4) {
		return tree.Cond{}
	}
	return tree.Version(int32(k.c.rnd.IntN(4)))
}

func (k *workload) op() tree.Op {
	if !k.sliced && k.c.rnd.Chance(1, 6) {
		return k.guardedOp()
	}
	switch r := k.c.rnd; r.IntN(10) {
	case 0, 1, 2, 3:
		return k.create()
	case 4, 5, 6:
		return tree.Set{Path: k.path(), Data: k.data(), If: k.cond()}
	case 7, 8:
		return tree.Delete{Path: k.path(), If: k.cond()}
	}
	return tree.Check{Path: k.path(), If: k.cond()}
}

func (k *workload) create() tree.Create {
	r := k.c.rnd
	op := tree.Create{Path: k.path(), Data: k.data()}
	switch r.IntN(8) {
	case 0:
		op.Mode = tree.Ephemeral
	case 1:
		op.Mode, op.Path = tree.EphemeralSequential, op.Path+"-"
	case 2:
		op.Mode, op.Path = tree.Sequential, op.Path+"-"
	case 3:
		op.Mode = tree.Container
	case 4:
		op.TTL = time.Duration(r.Range(1, 5000)) * time.Millisecond
	}
	return op
}

func (k *workload) multi() tree.Op {
	var m tree.Multi
	for range 1 + k.c.rnd.IntN(5) {
		m.Ops = append(m.Ops, k.op())
	}
	return m
}

func (k *workload) read(linearizable bool) {
	kinds := []protocol.ReadKind{protocol.ReadNothing, protocol.ReadData, protocol.ReadExists, protocol.ReadChildren, protocol.ReadACL}
	read := protocol.Read{Kind: sched.Pick(k.c.rnd, kinds), Path: k.path(), Linearizable: linearizable}
	if read.Kind == protocol.ReadNothing {
		read.Path = "/"
	}
	k.submit(&call{Call: protocol.Call{Read: read}})
}

// observe arms a watch, in one step with a read.
func (k *workload) observe() {
	if len(k.watches) >= 8 {
		return
	}
	r := k.c.rnd
	read := protocol.Read{Path: k.path(), Linearizable: r.Chance(1, 4)}
	switch r.IntN(5) {
	case 0:
		read.Kind, read.WatchKind = protocol.ReadData, watch.Data
	case 1:
		read.Kind, read.WatchKind = protocol.ReadExists, watch.Exist
	case 2:
		read.Kind, read.WatchKind = protocol.ReadChildren, watch.Children
	case 3:
		read.Kind, read.WatchKind = protocol.ReadNothing, watch.Persistent
	case 4:
		read.Kind, read.WatchKind = protocol.ReadNothing, watch.PersistentRecursive
		if r.Chance(1, 2) {
			read.Path = "/"
		}
	}
	read.Watch = k.c.m.NewWatch()
	k.watches = append(k.watches, read.Watch)
	k.submit(&call{Call: protocol.Call{Read: read}, watch: read.Watch})
}

// observeAll arms a watch on everything.
func (k *workload) observeAll(then func(q *call)) {
	read := protocol.Read{Path: "/", WatchKind: watch.PersistentRecursive, Watch: k.c.m.NewWatch()}
	k.watches = append(k.watches, read.Watch)
	k.submit(&call{Call: protocol.Call{Read: read}, watch: read.Watch, then: then})
}

// forget removes a watch.
func (k *workload) forget() {
	if len(k.watches) == 0 {
		return
	}
	i := k.c.rnd.IntN(len(k.watches))
	id := k.watches[i]
	k.watches = append(k.watches[:i], k.watches[i+1:]...)
	k.c.w.observe.unwatched(k.c, id)
	k.c.m.Unwatch(id, k.c.now())
	k.c.carryOut()
}

func (k *workload) submit(q *call) {
	q.Owner = q
	k.c.calls++
	q.n = k.c.calls
	k.c.last = q
	k.c.waiting = append(k.c.waiting, q)
	k.c.w.observe.submitted(k.c, q)
	k.c.m.Submit(&q.Call, k.c.now())
	k.c.carryOut()
}

// cancel gives up waiting for the newest call.
func (k *workload) cancel() {
	if q := k.c.last; q != nil && !q.done && q.watch == 0 && q.then == nil {
		k.c.m.Cancel(&q.Call, k.c.now())
		k.c.carryOut()
	}
}

// resolved takes an answer.
func (k *workload) resolved(q *call) {
	if q.done {
		k.c.w.fail(check.SessionOrder, "client %d: call %d resolved twice", k.c.name, q.n)
	}
	q.done = true
	k.c.waiting = slices.DeleteFunc(k.c.waiting, func(o *call) bool { return o == q })
	zxid := int64(0)
	if q.Answer != nil {
		zxid = q.Answer.Zxid
	}
	k.c.w.note(noteAnswer, uint64(k.c.name), q.n, uint64(zxid))
	k.c.w.observe.answered(k.c, q)
	k.seen(q)
	if q.then != nil {
		q.then(q)
	}
}

func (k *workload) leaseLost() { k.lock.lost() }
