package check

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A doctor makes one thing wrong in a history that was right, in a place that it
// finds for itself, and returns nil if there is none.
type doctor struct {
	name string
	want string // the checker that must say so
	do   func(h *chart) []fed
}

// chart is a history with what a doctor wants to know of it, by place.
type chart struct {
	fed     []fed
	applied []int64 // the highest zxid applied anywhere before
	seen    []int64 // by the client that the event is of, before
	skip    int     // how many places that would do are passed over
}

func newChart(history []fed, skip int) *chart {
	h := &chart{fed: history, skip: skip}
	last, seen := int64(0), map[int]int64{}
	for _, f := range history {
		client, shown := -1, int64(0)
		switch f := f.(type) {
		case *fedResolved:
			client = f.client
			if f.what.Answer != nil {
				shown = f.what.Answer.Zxid
			}
		case *fedSubmitted:
			client = f.client
		case *fedEvent:
			client = f.client
		case *fedLastSeen:
			client, shown = f.client, f.zxid
		case *fedAttached:
			client, shown = f.client, f.zxid
		}
		h.applied = append(h.applied, last)
		h.seen = append(h.seen, seen[client])
		seen[client] = max(seen[client], shown)
		if a, ok := f.(*fedApplied); ok {
			last = max(last, a.Entry.Zxid)
		}
	}
	return h
}

// first says whether the event at i is the first application of its entry.
func (h *chart) first(i int) bool {
	a, ok := h.fed[i].(*fedApplied)
	return ok && a.Entry.Zxid > h.applied[i]
}

// find returns a place from at on whose event is a T that will do, or -1.
func find[T fed](h *chart, at int, will func(i int, f T) bool) (int, T) {
	var none T
	for i := max(at, 0); i < len(h.fed) && at >= 0; i++ {
		if f, ok := h.fed[i].(T); ok && will(i, f) {
			if h.skip == 0 {
				return i, f
			}
			h.skip--
		}
	}
	return -1, none
}

// next is find for the first place that will do.
func next[T fed](h *chart, at int, will func(i int, f T) bool) (int, T) {
	plain := *h
	plain.skip = 0
	return find(&plain, at, will)
}

// with returns the history with another event at i.
func (h *chart) with(i int, f fed) []fed {
	if i < 0 {
		return nil
	}
	c := slices.Clone(h.fed)
	c[i] = f
	return c
}

// without returns the history without the event at i.
func (h *chart) without(i int) []fed {
	if i < 0 {
		return nil
	}
	return slices.Delete(slices.Clone(h.fed), i, i+1)
}

// insert returns the history with an event more before i.
func (h *chart) insert(i int, f fed) []fed {
	if i < 0 {
		return nil
	}
	return slices.Insert(slices.Clone(h.fed), i, f)
}

// move returns the history with the event at i just before the one at j.
func (h *chart) move(i, j int) []fed {
	if i < 0 || j < 0 {
		return nil
	}
	f := h.fed[i]
	if j > i {
		return slices.Delete(slices.Insert(slices.Clone(h.fed), j, f), i, i+1)
	}
	return slices.Insert(slices.Delete(slices.Clone(h.fed), i, i+1), j, f)
}

// TestDoctored makes one thing wrong in histories that were right: the checker
// whose business it is says so.
func TestDoctored(t *testing.T) {
	var histories [][]fed
	var config Config
	for seed := range uint64(40) {
		w := run(t, 1+3*seed+seed%2, 1200, true) // of two replicas, or three
		require.NoError(t, tellAll(New(w.config()), w.history))
		histories = append(histories, w.history)
		config = w.config()
	}
	config.Slices = Slices{} // another opinion, for TestJudge
	var all []doctor
	for _, ds := range [][]doctor{replicaDoctors, answerDoctors, readDoctors, watchDoctors, sessionDoctors} {
		all = append(all, ds...)
	}
	for _, d := range all {
		t.Run(d.want+"/"+d.name, func(t *testing.T) {
			n := 0
			for i := 0; i < len(histories) && n < 20; i++ {
				doctored := d.do(newChart(histories[i], n%9))
				if doctored == nil {
					continue
				}
				n++
				c := New(config)
				err := tellAll(c, doctored)
				var v *Violation
				require.ErrorAs(t, err, &v, "history %d", i)
				require.Equal(t, d.want, v.Checker, "history %d: %v", i, v)
				require.Equal(t, err, c.Err())
				require.Equal(t, err, c.Finish()) // it is said from then on
				require.True(t, errors.As(c.Applied(&Applied{}), &v))
			}
			require.NotZero(t, n, "no history has a place for it")
		})
	}
}
