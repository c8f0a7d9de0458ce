package difftest

import (
	"fmt"
	"slices"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// A Difference is one field of an answer that is not the same at both servers.
type Difference struct {
	Round   int
	Step    int
	Slot    int
	Op      string // whose field it is
	Field   string
	A, B    string
	Request string // the request, or the whole step
	Known   string // the name of the known difference that it is, if any

	step    *Step
	request *zkwire.Request  // nil if it is not about one
	replies [2]*zkwire.Reply // to it
}

// Kind is what makes two differences alike: whose field it is, and for errors what
// they are.
func (d *Difference) Kind() string {
	switch d.Field {
	case "err", "closed", "old connection closed", "replies", "type", "session", "shape":
		return fmt.Sprintf("%s: %s %s, %s", d.Op, d.Field, d.A, d.B)
	}
	return d.Op + ": " + d.Field
}

// comparer compares the outcomes of two servers through a round.
type comparer struct {
	a, b  flattener
	zxids *zxids

	guarded guarded
}

func newComparer(a, b *side) *comparer {
	now := time.Now()
	return &comparer{
		a:     flattener{side: a, start: now, times: map[int64]int64{}},
		b:     flattener{side: b, start: now, times: map[int64]int64{}},
		zxids: newZxids(), guarded: guarded{},
	}
}

// compare returns the differences in the outcomes of one step. Behind an error that
// differs, or a field that only one side has, the rest of a reply is not compared.
func (c *comparer) compare(step *Step, a, b []SlotOutcome) []Difference {
	list, b := c.forgive(step, a, b)
	fa, fb := c.a.flatten(step, a), c.b.flatten(step, b)
	add := func(x *field, name, textA, textB string) {
		d := c.difference(step, x, name, textA, textB)
		if x.at >= 0 && x.at < len(b[x.slot].Replies) {
			d.replies = [2]*zkwire.Reply{a[x.slot].Replies[x.at], b[x.slot].Replies[x.at]}
		}
		list = append(list, d)
	}
	for len(fa) > 0 && len(fb) > 0 {
		x, y := &fa[0], &fb[0]
		switch {
		case x.slot != y.slot || x.op != y.op || x.name != y.name:
			add(x, "shape", x.op+"."+x.name, y.op+"."+y.name)
			fa, fb = behind(fa, x), behind(fb, x)
		case !c.equal(x, y):
			add(x, x.name, c.show(x, 0), c.show(y, 1))
			if x.name == "err" {
				fa, fb = behind(fa, x), behind(fb, x)
			} else {
				fa, fb = fa[1:], fb[1:]
			}
		default:
			fa, fb = fa[1:], fb[1:]
		}
	}
	for _, x := range append(fa, fb...) {
		add(&x, "shape", fmt.Sprint(len(fa), " fields more"), fmt.Sprint(len(fb), " fields more"))
		break
	}
	return list
}

// forgive takes out of b what is more only because of guarded znodes, and says what it
// was.
func (c *comparer) forgive(step *Step, a, b []SlotOutcome) (list []Difference, left []SlotOutcome) {
	c.guarded.learn(step)
	left = slices.Clone(b)
	for i := range left {
		if len(left[i].Events) <= len(a[i].Events) {
			continue
		}
		rest, spared := c.guarded.spare(a[i].Events, left[i].Events)
		left[i].Events = rest
		for _, e := range spared {
			list = append(list, Difference{Step: step.ID, Slot: i, Op: guardedOp, Field: guardedEvent, B: eventText(e), Request: step.String(), step: step})
		}
	}
	return list, left
}

// behind drops what is left of the reply that x belongs to, or of everything if it
// belongs to none.
func behind(list []field, x *field) []field {
	i := slices.IndexFunc(list, func(f field) bool { return f.slot != x.slot || f.at != x.at })
	if x.at < 0 || i < 0 {
		return nil
	}
	return list[i:]
}

func (c *comparer) equal(x, y *field) bool {
	switch {
	case x.how != y.how:
		return false
	case x.how == sameZxid:
		return c.zxids.same(x.zxid, y.zxid)
	case x.how == sameRank:
		i, j := c.zxids.rank(x.zxid, y.zxid)
		return i == j
	}
	return x.text == y.text
}

// show names a zxid by its place among the known ones, so that a difference reads
// the same in every run.
func (c *comparer) show(x *field, which int) string {
	if x.how == exact {
		return x.text
	}
	i, j := c.zxids.rank(x.zxid, x.zxid)
	list := c.zxids.a
	if which == 1 {
		i, list = j, c.zxids.b
	}
	if i > 0 && list[i-1] == x.zxid {
		return fmt.Sprint("change ", i)
	}
	return fmt.Sprint("after change ", i)
}

func (c *comparer) difference(step *Step, x *field, name, a, b string) Difference {
	d := Difference{Step: step.ID, Slot: x.slot, Op: x.op, Field: name, A: a, B: b, step: step, request: x.during}
	if r := x.during; r != nil && r.Op == zkwire.RemoveWatches && name == "err" && a == "-121" && b == "0" && c.guarded.has(r.Path) {
		d.Op, d.Field = guardedOp, guardedWatch
	}
	if x.during != nil {
		d.Request = x.during.String()
	} else {
		d.Request = step.String()
	}
	return d
}
