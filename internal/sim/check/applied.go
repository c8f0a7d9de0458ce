package check

import (
	"bytes"
	"errors"
	"slices"

	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/tree"
)

// Applied is one entry applied by one member.
type Applied struct {
	Member uint64
	Entry  tree.Entry
	Epoch  uint32
	// Outcome and Changes are what this member made of this entry. They are not
	// kept, but for the bytes of the outcome's record.
	Outcome tree.Outcome
	Changes []tree.Change
	// Digest is the state's after this entry, or 0 if it is not known, as inside of
	// a batch.
	Digest uint64
	Now    int64
}

type member struct {
	applied int64
	down    bool
}

// fact is what is known of an entry since it was first applied anywhere.
type fact struct {
	entry, outcome, changes hash
	digest                  uint64 // 0: not known
}

func (c *Checker) member(id uint64) *member {
	m := c.members[id]
	if m == nil {
		m = &member{}
		c.members[id] = m
	}
	return m
}

// Restarted says that a member stopped, for whatever reason. It has a state again
// when Restored says so.
func (c *Checker) Restarted(id uint64) error {
	c.member(id).down = true
	return c.err
}

// Restored says that a member's state is now one from a snapshot, or, with zxid 0,
// the empty one.
func (c *Checker) Restored(id uint64, zxid int64, digest uint64) error {
	if c.err != nil {
		return c.err
	}
	m := c.member(id)
	switch {
	case zxid < 0 || zxid > c.model.Last():
		return c.fail(Digest, "member %d has a snapshot of zxid %d, nobody has applied more than %d", id, zxid, c.model.Last())
	case !m.down && zxid < m.applied:
		return c.fail(Digest, "member %d goes back from zxid %d to %d", id, m.applied, zxid)
	}
	m.down, m.applied = false, zxid
	c.stats.Restored++
	return c.digest(id, zxid, digest)
}

// digest compares a member's digest with that of others.
func (c *Checker) digest(id uint64, zxid int64, digest uint64) error {
	if digest == 0 || zxid == 0 {
		return nil
	}
	f := &c.facts[zxid-1]
	switch {
	case f.digest == 0:
		f.digest = digest
	case f.digest != digest:
		return c.fail(Digest, "member %d has digest %x at zxid %d, others %x", id, digest, zxid, f.digest)
	default:
		c.stats.Digests++
	}
	return nil
}

// Applied says that a member has applied an entry.
func (c *Checker) Applied(a *Applied) error {
	if c.err != nil {
		return c.err
	}
	m, z := c.member(a.Member), a.Entry.Zxid
	switch {
	case m.down:
		return c.fail(Digest, "member %d applies zxid %d and has no state", a.Member, z)
	case z != m.applied+1:
		return c.fail(Digest, "member %d applies zxid %d after %d", a.Member, z, m.applied)
	}
	m.applied = z
	c.stats.Applied++
	f := fact{entry: hashEntry(&a.Entry, a.Epoch), outcome: hashOutcome(&a.Outcome), changes: hashChanges(a.Changes)}
	if z > c.model.Last() {
		c.facts = append(c.facts, f)
		if err := c.first(a); err != nil {
			return err
		}
	}
	switch have := &c.facts[z-1]; {
	case have.entry != f.entry:
		return c.fail(Digest, "member %d applies another entry at zxid %d than others did", a.Member, z)
	case have.outcome != f.outcome:
		return c.fail(Digest, "member %d has another outcome at zxid %d than others: %+v", a.Member, z, a.Outcome)
	case have.changes != f.changes:
		return c.fail(Digest, "member %d has other changes at zxid %d than others: %+v", a.Member, z, a.Changes)
	}
	return c.digest(a.Member, z, a.Digest)
}

// first takes an entry that is applied for the first time anywhere: this is the
// moment at which it takes effect.
func (c *Checker) first(a *Applied) error {
	c.stats.Entries++
	p, err := c.model.Apply(a.Entry, a.Outcome.Record())
	if err != nil {
		return c.fail(Digest, "member %d applies what cannot be applied: %v", a.Member, err)
	}
	if err := c.compareEphemerals(a, p); err != nil {
		return err
	}
	if err := c.compareExecution(a, p); err != nil {
		return err
	}
	if err := c.compareOutcome(&a.Outcome, p); err != nil {
		return err
	}
	if err := c.compareChanges(a, p); err != nil {
		return err
	}
	if p.Code == tree.CodeOK && p.Server != 0 {
		c.placed[p.Session] = a.Now
	}
	if err := c.executed(a, p); err != nil {
		return err
	}
	if err := c.expired(a, p); err != nil {
		return err
	}
	c.watchChanges(p, a.Entry.Zxid)
	return c.sliceEntry(p)
}

// compareExecution looks at whether a write was executed at all.
func (c *Checker) compareExecution(a *Applied, p *model.Prediction) error {
	o, z := &a.Outcome, a.Entry.Zxid
	w, isWrite := p.Command.(tree.Write)
	if !isWrite {
		return nil
	}
	executed := o.Record() != nil && !o.Repeated
	switch {
	case executed && !p.Executed && p.Code == tree.CodeSessionExpired:
		return c.fail(Ephemerals, "zxid %d: a write of session %d is executed, which has ended", z, w.Session)
	case executed != p.Executed || o.Repeated != p.Repeated:
		return c.fail(ExactlyOnce, "zxid %d: write %d of session %d: executed %t, repeated %t; should be %t, %t",
			z, w.Sequence, w.Session, executed, o.Repeated, p.Executed, p.Repeated)
	case p.Repeated && !bytes.Equal(o.Record(), p.Record):
		return c.fail(ExactlyOnce, "zxid %d: write %d of session %d was executed before, and now has another result",
			z, w.Sequence, w.Session)
	}
	return nil
}

func (c *Checker) compareOutcome(o *tree.Outcome, p *model.Prediction) error {
	code := p.Code
	if p.Repeated { // the code is the result's
		code = o.Code
	}
	same := o.Code == code && o.Session == p.Session && o.Attachment == p.Attachment && o.Sequence == p.Sequence &&
		o.Next == p.Next && o.Server == p.Server
	if same && p.Executed {
		same = sameResults(o.Results(), p)
	}
	if !same {
		return c.fail(Linearizability, "zxid %d: %T: outcome %+v with results %+v, should be %+v", o.Zxid, p.Command, *o, o.Results(), *p)
	}
	return nil
}

func sameResults(got []tree.Result, p *model.Prediction) bool {
	if p.Code == tree.CodeOK {
		return slices.Equal(got, p.Results)
	}
	if len(got) != p.Members {
		return false
	}
	for i := range got {
		want := tree.CodeOK
		switch {
		case i == p.Failed:
			want = p.Code
		case i > p.Failed:
			want = tree.CodeRuntimeInconsistency
		}
		if code, _ := tree.CodeOf(got[i].Err); code != want || got[i].Path != "" || got[i].Stat != (tree.Stat{}) {
			return false
		}
		var e *tree.Error
		if want != tree.CodeOK && (!errors.As(got[i].Err, &e) || e.Index != i) {
			return false
		}
	}
	return true
}

func (c *Checker) compareChanges(a *Applied, p *model.Prediction) error {
	z := a.Entry.Zxid
	if len(a.Changes) != len(p.Changes) {
		return c.fail(Digest, "zxid %d: %T makes %d changes, should be %d", z, p.Command, len(a.Changes), len(p.Changes))
	}
	for i := range p.Changes {
		got, want := &a.Changes[i], &p.Changes[i]
		switch {
		case got.Zxid != z || got.Kind != want.Kind || got.Path != want.Path:
			return c.fail(Digest, "zxid %d: change %d is of kind %d to %s, should be %d to %s", z, i, got.Kind, got.Path, want.Kind, want.Path)
		case !model.Same(got.Before, want.Before):
			return c.fail(Digest, "zxid %d: %s was %s, should be %s", z, want.Path, model.Show(model.FromZnode(got.Before)), model.Show(want.Before))
		case !model.Same(got.After, want.After):
			return c.fail(Digest, "zxid %d: %s is %s, should be %s", z, want.Path, model.Show(model.FromZnode(got.After)), model.Show(want.After))
		}
	}
	return nil
}

// View compares the whole of a member's state with the model, in time
// proportional to it; for samples.
func (c *Checker) View(id uint64, v *tree.View) error {
	if c.err != nil {
		return c.err
	}
	switch m := c.member(id); {
	case m.down || v.Zxid() != m.applied:
		return c.fail(Digest, "member %d shows the state of zxid %d, and has applied %d", id, v.Zxid(), m.applied)
	case v.Digest() != v.ComputeDigest():
		return c.fail(Digest, "member %d has not the digest of its state at zxid %d", id, v.Zxid())
	case v.Zxid() < c.model.Low():
		return nil
	}
	c.stats.Views++
	if err := c.model.Compare(v); err != nil {
		return c.fail(Digest, "member %d: %v", id, err)
	}
	return c.digest(id, v.Zxid(), v.Digest())
}
