package difftest

import (
	"fmt"
	"time"
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

	step  *Step
	field *field
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
}

func newComparer(a, b *side) *comparer {
	now := time.Now()
	return &comparer{
		a:     flattener{side: a, start: now, times: map[int64]int64{}},
		b:     flattener{side: b, start: now, times: map[int64]int64{}},
		zxids: newZxids(),
	}
}

// compare returns the differences in the outcomes of one step. Where there is one
// field too many or too few, what is behind it is not compared.
func (c *comparer) compare(step *Step, a, b []SlotOutcome) []Difference {
	fa, fb := c.a.flatten(step, a), c.b.flatten(step, b)
	var list []Difference
	for i := range min(len(fa), len(fb)) {
		x, y := &fa[i], &fb[i]
		switch {
		case x.slot != y.slot || x.op != y.op || x.name != y.name:
			return append(list, c.difference(step, x, x.op+"."+x.name, y.op+"."+y.name, "shape"))
		case !c.equal(x, y):
			list = append(list, c.difference(step, x, c.show(x, 0), c.show(y, 1), x.name))
		}
	}
	if len(fa) != len(fb) {
		longer := fa
		if len(fb) > len(fa) {
			longer = fb
		}
		x := longer[min(len(fa), len(fb))]
		list = append(list, c.difference(step, &x, fmt.Sprint(len(fa), " fields"), fmt.Sprint(len(fb), " fields"), "shape"))
	}
	return list
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

func (c *comparer) difference(step *Step, x *field, a, b, name string) Difference {
	d := Difference{Step: step.ID, Slot: x.slot, Op: x.op, Field: name, A: a, B: b, step: step, field: x}
	if x.during != nil {
		d.Request = x.during.String()
	} else {
		d.Request = step.String()
	}
	return d
}
