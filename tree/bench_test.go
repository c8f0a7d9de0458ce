package tree

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// writer makes the entries of one log for tests: it keeps the zxid, the times
// and the sequences of sessions.
type writer struct {
	zxid, wall, clock int64
	next              map[int64]uint64
	attachment        map[int64]int64
}

func newWriter() *writer {
	return &writer{wall: 1_700_000_000_000_000_000, next: map[int64]uint64{}, attachment: map[int64]int64{}}
}

func (w *writer) entry(c Command) Entry {
	w.zxid++
	w.wall += 1e6
	w.clock += 1e6
	e := Entry{Zxid: w.zxid, Wall: w.wall, Clock: w.clock}
	if c != nil {
		e.Data = c.AppendTo(nil)
	}
	return e
}

// session returns the entry that creates a session with the id w.zxid.
func (w *writer) session() Entry {
	e := w.entry(CreateSession{Timeout: 10e9, Server: 1, Password: Password{byte(w.zxid), 7}})
	w.next[w.zxid], w.attachment[w.zxid] = 1, w.zxid
	return e
}

func (w *writer) write(session int64, op Op) Entry {
	sequence := w.next[session]
	w.next[session]++
	return w.entry(Write{
		Session: session, Attachment: w.attachment[session], Sequence: sequence,
		AnsweredUpTo: max(sequence, 128) - 128, Op: op,
	})
}

func benchState(tb testing.TB, nodes, sessions int) (*State, *writer, []string) {
	s, w := New(Settings{}), newWriter()
	var entries []Entry
	for range sessions {
		entries = append(entries, w.session())
	}
	paths := make([]string, 0, nodes)
	data := make([]byte, 100)
	for i := range nodes {
		if i%100 == 0 {
			entries = append(entries, w.write(1, Create{Path: fmt.Sprintf("/dir%04d", i/100)}))
		}
		paths = append(paths, fmt.Sprintf("/dir%04d/node%08d", i/100, i))
		entries = append(entries, w.write(1, Create{Path: paths[i], Data: data}))
	}
	_, _, err := s.Apply(entries)
	require.NoError(tb, err)
	return s, w, paths
}

// benchApply measures Apply of batches that op makes.
func benchApply(b *testing.B, sessions, batch int, op func(i int, paths []string) Op) {
	s, w, paths := benchState(b, 10_000, sessions)
	const batches = 64
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		b.StopTimer()
		var prepared [batches][]Entry
		for i := range prepared {
			for range batch {
				prepared[i] = append(prepared[i], w.write(int64(1+n%sessions), op(n, paths)))
				n++
			}
		}
		b.StartTimer()
		for _, entries := range prepared {
			out, _, err := s.Apply(entries)
			if err != nil || out[0].Code != CodeOK {
				b.Fatal(err, out[0].Code)
			}
		}
	}
}

func BenchmarkApplySet(b *testing.B) {
	data := make([]byte, 100)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ sessions, batch int }{{1, 1}, {1, 100}, {100, 100}, {1000, 1000}} {
		b.Run(fmt.Sprintf("sessions=%d/batch=%d", c.sessions, c.batch), func(b *testing.B) {
			benchApply(b, c.sessions, c.batch, func(_ int, paths []string) Op {
				return Set{Path: paths[rng.IntN(len(paths))], Data: data}
			})
		})
	}
}

func BenchmarkApplyCreate(b *testing.B) {
	data := make([]byte, 100)
	i := 0
	benchApply(b, 100, 100, func(int, []string) Op {
		i++
		return Create{Path: fmt.Sprintf("/dir%04d/new%09d", i%100, i), Data: data}
	})
}

func BenchmarkViewGet(b *testing.B) {
	s, _, paths := benchState(b, 10_000, 1)
	v := s.View()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := v.Get(paths[i*7919%len(paths)]); err != nil {
			b.Fatal(err)
		}
	}
}
