package watch

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zabtree/zabtree/tree"
)

func pipe(t require.TestingT, config StreamConfig) (*Stream, *Watcher) {
	if config.Path == "" {
		config.Path = "/w"
	}
	s, w, err := NewStream(config)
	require.NoError(t, err)
	return s, w
}

func at(zxids ...int64) (evs []Event) {
	for _, z := range zxids {
		evs = append(evs, Event{Type: DataChanged, Path: "/w", Zxid: z})
	}
	return evs
}

// drain takes what waits.
func drain(t require.TestingT, w *Watcher) (evs []Event) {
	for {
		ev, ok, err := w.TryNext()
		require.NoError(t, err)
		if !ok {
			return evs
		}
		evs = append(evs, ev)
	}
}

func TestStreamOverflow(t *testing.T) {
	gap := func(since, zxid int64) Event { return Event{Type: Gap, Path: "/w", Since: since, Zxid: zxid} }
	push := func(s *Stream, evs ...Event) { s.Push(evs...) }
	for _, c := range []struct {
		name string
		run  func(s *Stream, w *Watcher)
		want []Event
	}{
		{"full is not over", func(s *Stream, w *Watcher) { push(s, at(1)...); push(s, at(2, 2)...); push(s, at(3)...) }, at(1, 2, 2, 3)},
		{"one too many", func(s *Stream, w *Watcher) {
			push(s, at(3, 3, 3)...)
			push(s, at(4, 4)...)
		}, []Event{gap(2, 4)}},
		{"too large an entry", func(s *Stream, w *Watcher) { push(s, at(7, 7, 7, 7, 7)...) }, []Event{gap(6, 7)}},
		{"goes on after", func(s *Stream, w *Watcher) {
			push(s, at(1, 1, 1, 1, 1)...)
			push(s, at(2)...)
		}, append([]Event{gap(0, 1)}, at(2)...)},
		{"two gaps become one", func(s *Stream, w *Watcher) {
			push(s, at(2, 2, 2, 2, 2)...)
			push(s, at(3)...)
			push(s, at(5, 5, 5)...)
		}, []Event{gap(1, 5)}},
		{"a gap from the producer is included", func(s *Stream, w *Watcher) {
			push(s, gap(4, 20))
			push(s, at(21)...)
			push(s, at(30, 30, 30)...)
		}, []Event{gap(4, 30)}},
		{"the rest of an entry half taken is kept", func(s *Stream, w *Watcher) {
			push(s, at(5, 5, 5)...)
			_, _, _ = w.TryNext()
			push(s, at(6)...)
			push(s, at(9, 9)...)
		}, append(at(5, 5), gap(5, 9))},
		{"and kept again", func(s *Stream, w *Watcher) {
			push(s, at(5, 5, 5, 5)...)
			_, _, _ = w.TryNext()
			push(s, at(6, 6)...)
			push(s, at(7)...)
			push(s, at(8)...)
		}, append(at(5, 5, 5), gap(5, 8))},
		{"unless the producer is still at it", func(s *Stream, w *Watcher) {
			push(s, at(5, 5, 5)...)
			_, _, _ = w.TryNext()
			push(s, at(5, 5, 5)...)
		}, []Event{gap(4, 5)}},
		{"and even then there is one gap", func(s *Stream, w *Watcher) {
			push(s, at(5, 5, 5)...)
			_, _, _ = w.TryNext()
			push(s, at(5, 5, 5)...)
			push(s, at(6, 6, 6)...)
			push(s, at(7)...)
			push(s, at(8, 8)...)
		}, append([]Event{gap(4, 7)}, at(8, 8)...)},
		{"the rest of one that still comes is not", func(s *Stream, w *Watcher) {
			push(s, at(5, 5)...)
			_, _, _ = w.TryNext()
			push(s, at(5, 5, 5)...)
			push(s, at(5)...)
		}, []Event{gap(4, 5)}},
		{"nothing is nothing", func(s *Stream, w *Watcher) { push(s) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, w := pipe(t, StreamConfig{MaxEvents: 4})
			c.run(s, w)
			require.Equal(t, len(c.want), s.Len())
			require.Equal(t, c.want, drain(t, w))
			require.Zero(t, s.q.bytes)
			for i := range s.q.ring {
				require.Zero(t, s.q.ring[i], "what was taken is let go")
			}
		})
	}
}

// TestReplay: what answers a registration waits beyond the bound, and survives
// what overflows behind it.
func TestReplay(t *testing.T) {
	gap := func(since, zxid int64) Event { return Event{Type: Gap, Path: "/w", Since: since, Zxid: zxid} }
	var zxids []int64
	for z := int64(1); z <= 3000; z++ {
		zxids = append(zxids, z)
	}
	missed := at(zxids...)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *Stream, take func(n int))
		want []Event
	}{
		{"live events have their own room", func(t *testing.T, s *Stream, take func(int)) {
			require.True(t, s.Push(at(3001, 3002, 3003, 3004)...))
		}, at(3001, 3002, 3003, 3004)},
		{"only they overflow", func(t *testing.T, s *Stream, take func(int)) {
			require.True(t, s.Push(at(3001, 3002, 3003, 3004)...))
			require.False(t, s.Push(at(3005)...))
			require.True(t, s.Push(at(3006)...))
		}, append([]Event{gap(3000, 3005)}, at(3006)...)},
		{"at once", func(t *testing.T, s *Stream, take func(int)) {
			require.False(t, s.Push(at(3001, 3001, 3001, 3001, 3001)...))
		}, []Event{gap(3000, 3001)}},
		{"in part consumed", func(t *testing.T, s *Stream, take func(int)) {
			take(2000)
			require.True(t, s.Push(at(3001, 3002, 3003, 3004)...))
			require.False(t, s.Push(at(3005)...))
		}, []Event{gap(3000, 3005)}},
		{"consumed", func(t *testing.T, s *Stream, take func(int)) {
			require.True(t, s.Push(at(3001, 3002)...))
			take(3001)
			require.True(t, s.Push(at(3003, 3004, 3005)...))
			require.LessOrEqual(t, s.Len(), 4)
		}, at(3001, 3002, 3003, 3004, 3005)},
		{"another registration's behind them is not beyond the bound", func(t *testing.T, s *Stream, take func(int)) {
			require.True(t, s.Replay(2, at(3001, 3002, 3003, 3004)...))
			require.False(t, s.Replay(2, at(3005)...))
		}, []Event{gap(3000, 3005)}},
		{"but is when they are gone, with what waits before it", func(t *testing.T, s *Stream, take func(int)) {
			take(3000)
			require.True(t, s.Push(at(3001, 3002, 3003, 3004)...))
			require.True(t, s.Replay(2, at(3005, 3006, 3007)...))
			require.True(t, s.Replay(2, at(3008, 3009)...))
			take(2)
			require.True(t, s.Push(at(3010, 3011)...))
			require.False(t, s.Push(at(3012)...))
		}, append(at(3001, 3002, 3003, 3004, 3005, 3006, 3007, 3008, 3009), gap(3009, 3012))},
		{"nor is the same one's behind live events", func(t *testing.T, s *Stream, take func(int)) {
			require.True(t, s.Push(at(3001)...))
			require.True(t, s.Replay(1, at(3002, 3003, 3004)...))
			require.False(t, s.Replay(1, at(3005)...))
		}, []Event{gap(3000, 3005)}},
		{"a gap is not", func(t *testing.T, s *Stream, take func(int)) {
			take(3000)
			require.True(t, s.Replay(2, gap(3000, 3001)))
			require.False(t, s.Push(at(3002, 3003, 3004, 3005)...))
		}, []Event{gap(3000, 3005)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, w := pipe(t, StreamConfig{MaxEvents: 4})
			for i := range missed {
				require.True(t, s.Replay(1, missed[i]))
			}
			var got []Event
			c.run(t, s, func(n int) {
				for range n {
					ev, ok, err := w.TryNext()
					require.True(t, ok)
					require.NoError(t, err)
					got = append(got, ev)
				}
			})
			got = append(got, drain(t, w)...)
			require.Equal(t, missed, got[:len(missed)])
			require.Equal(t, c.want, got[len(missed):])
			require.Zero(t, s.q.bytes)
			require.LessOrEqual(t, len(s.q.ring), 5, "the room is given back")
		})
	}
	s, w := pipe(t, StreamConfig{MaxBytes: 5})
	require.True(t, s.Replay(1, at(1, 2, 3, 4)...))
	require.True(t, s.Push(at(5)...))
	require.True(t, s.Push(at(6)...))
	require.False(t, s.Push(at(7)...))
	require.Equal(t, append(at(1, 2, 3, 4), gap(4, 7)), drain(t, w))
	w.Close()
	require.False(t, s.Replay(1, at(8)...))
}

func TestStreamBytes(t *testing.T) {
	s, w := pipe(t, StreamConfig{MaxBytes: 5})
	require.True(t, s.Push(at(1, 1, 1)...), "alone it may be of any size")
	require.False(t, s.Push(at(2)...))
	require.Equal(t, []Event{{Type: Gap, Path: "/w", Zxid: 2}}, drain(t, w))
	require.True(t, s.Push(at(3)...))
	require.True(t, s.Push(at(4)...))
	require.False(t, s.Push(at(5)...))
	require.Equal(t, uint64(2), s.Overflows())
}

// TestOverflowResumeLosesNothing: a slow consumer's stream overflows again and
// again; at each Gap the consumer registers again at Since and reads on from
// there. In the end it has had every event once and in order.
func TestOverflowResumeLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		world := newWorld()
		replica := newReplica(t, HistoryConfig{}, 0)
		all := Watch{Owner: 1, ID: 0, Path: "/", Kind: PersistentRecursive}
		mine := Watch{Owner: 2, ID: 0, Path: "/", Kind: PersistentRecursive}
		require.NoError(t, replica.table.Register(all))
		require.NoError(t, replica.table.Register(mine))
		config := StreamConfig{MaxEvents: rapid.IntRange(1, 6).Draw(t, "room")}
		s, w := pipe(t, config)
		push := func(to func(uint64, ...Event) bool, ds []Delivery) {
			evs := of(ds, mine, 0)
			for len(evs) > 0 { // entry by entry
				n := slices.IndexFunc(evs, func(ev Event) bool { return ev.Zxid != evs[0].Zxid })
				if n < 0 {
					n = len(evs)
				}
				to(1, evs[:n]...)
				evs = evs[n:]
			}
		}
		var want, got []Event
		take := func(n int) {
			for range n {
				ev, ok, err := w.TryNext()
				require.NoError(t, err)
				if !ok {
					return
				}
				if ev.Type != Gap {
					got = append(got, ev)
					continue
				}
				s, w = pipe(t, config)
				require.True(t, replica.table.Remove(mine.Owner, mine.ID))
				ds, err := replica.table.Resume(nil, replica.history, Resumption{Since: ev.Since, Watches: []Watch{mine}})
				require.NoError(t, err)
				push(s.Replay, ds)
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "entries") {
			changes := world.entry(t, rapid.IntRange(0, 5).Draw(t, "size"))
			ds := replica.apply(t, world.zxid, changes, nil)
			want = append(want, of(ds, all, 0)...)
			push(func(_ uint64, evs ...Event) bool { return s.Push(evs...) }, ds)
			take(rapid.IntRange(0, 3).Draw(t, "taken"))
		}
		take(math.MaxInt)
		require.Equal(t, want, got)
	})
}

func TestStreamEnds(t *testing.T) {
	ctx := context.Background()
	expired := errors.New("session expired")

	s, w := pipe(t, StreamConfig{OnClose: func() { t.Error("OnClose after the producer's end") }})
	s.Push(at(1, 1)...)
	s.Fail(expired)
	s.Fail(errors.New("second"))
	require.False(t, s.Push(at(2)...))
	for range 2 {
		_, err := w.Next(ctx)
		require.NoError(t, err)
	}
	for range 2 {
		_, err := w.Next(ctx)
		require.ErrorIs(t, err, expired)
		<-w.Ready()
	}
	w.Close()
	_, err := w.Next(ctx)
	require.ErrorIs(t, err, expired)

	closed := 0
	s, w = pipe(t, StreamConfig{OnClose: func() { closed++ }})
	s.Push(at(1)...)
	w.Close()
	w.Close()
	s.Fail(expired)
	require.Equal(t, 1, closed)
	_, err = w.Next(ctx)
	require.ErrorIs(t, err, ErrClosed)
	require.Zero(t, s.Len())

	s, w = pipe(t, StreamConfig{})
	s.Push(at(1)...)
	s.Fail(nil)
	require.Len(t, collect(t, w.Events(ctx)), 1)
	_, err = w.Next(ctx)
	require.ErrorIs(t, err, io.EOF)
}

func collect(t *testing.T, seq func(func(Event, error) bool)) (evs []Event) {
	for ev, err := range seq {
		require.NoError(t, err)
		evs = append(evs, ev)
	}
	return evs
}

func TestEventsClosesTheWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	closed := 0
	config := StreamConfig{OnClose: func() { closed++ }}
	s, w := pipe(t, config)
	s.Push(at(1, 2, 3)...)
	for ev, err := range w.Events(ctx) {
		require.NoError(t, err)
		require.Equal(t, int64(1), ev.Zxid)
		break
	}
	require.Equal(t, 1, closed)

	s, w = pipe(t, config)
	s.Push(at(1, 2, 3)...)
	var errs []error
	for _, err := range w.Events(ctx) {
		errs = append(errs, err)
		cancel()
	}
	require.Equal(t, []error{nil, context.Canceled}, errs)
	require.Equal(t, 2, closed)

	s, w = pipe(t, config)
	s.Push(at(1)...)
	_, err := w.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, drain(t, w), 1, "a context that is done loses nothing")
}

// TestReadyIsALevel: the doorbell can be rung exactly when there is something to
// take, whoever takes it.
func TestReadyIsALevel(t *testing.T) {
	s, w := pipe(t, StreamConfig{MaxEvents: 3})
	ready := func() bool { return len(w.Ready()) == 1 }
	require.False(t, ready())
	s.Push(at(1, 2)...)
	for range 2 {
		require.True(t, ready())
		_, ok, _ := w.TryNext()
		require.True(t, ok)
	}
	require.False(t, ready())
	s.Push(at(3, 4)...)
	<-w.Ready()
	_, _, _ = w.TryNext()
	<-w.Ready()
	_, _, _ = w.TryNext()
	require.False(t, ready())
	w.Close()
	require.True(t, ready())
}

// TestConsumersInABubble: consumers wait durably, each event goes to one of them,
// an end reaches all.
func TestConsumersInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := pipe(t, StreamConfig{MaxEvents: 100_000})
		end := errors.New("end")
		var mu sync.Mutex
		var got []int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for n := 0; ; n++ {
					if i%2 == 0 { // half of them by select
						<-w.Ready()
						ev, ok, err := w.TryNext()
						if err != nil {
							return
						}
						if ok {
							mu.Lock()
							got = append(got, ev.Zxid)
							mu.Unlock()
						}
						continue
					}
					ev, err := w.Next(t.Context())
					if err != nil {
						return
					}
					mu.Lock()
					got = append(got, ev.Zxid)
					mu.Unlock()
				}
			})
		}
		for z := int64(1); z <= 2000; z++ {
			s.Push(at(z)...)
			if z%100 == 0 {
				time.Sleep(time.Second) // all wait
				mu.Lock()
				n := len(got)
				mu.Unlock()
				if n != int(z) {
					t.Errorf("%d events taken of %d, nobody awake", n, z)
				}
			}
		}
		s.Fail(end)
		wg.Wait()
		slices.Sort(got)
		for i, z := range got {
			require.Equal(t, int64(i+1), z)
		}
	})
}

func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := pipe(t, StreamConfig{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go func() {
			time.Sleep(time.Second)
			s.Push(at(1)...)
		}()
		start := time.Now()
		_, err := w.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(start))
		_, err = w.Next(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(start))
		go func() {
			time.Sleep(time.Second)
			w.Close()
		}()
		_, err = w.Next(t.Context())
		require.ErrorIs(t, err, ErrClosed)
	})
}

func TestStreamConfig(t *testing.T) {
	_, _, err := NewStream(StreamConfig{Path: "w", MaxEvents: 1<<24 + 1, MaxBytes: -1})
	require.ErrorIs(t, err, tree.ErrBadPath)
	require.ErrorContains(t, err, "MaxEvents")
	require.ErrorContains(t, err, "MaxBytes")
}

// TestSteadyStateAllocatesNothing guards the hot paths.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	s, w := pipe(t, StreamConfig{})
	ctx := context.Background()
	evs := at(1)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		s.Push(evs...)
		_, _ = w.Next(ctx)
	}))

	r := newReplica(t, HistoryConfig{MaxChanges: 256}, 0)
	for id := range uint64(100) {
		require.NoError(t, r.table.Register(Watch{1, id, "/a", Persistent}))
		require.NoError(t, r.table.Register(Watch{2, id, "/", PersistentRecursive}))
	}
	changes := []tree.Change{{Kind: tree.DataSet, Path: "/a"}, {Kind: tree.Created, Path: "/a/b/c"}}
	dst := make([]Delivery, 0, 1000)
	step := func() {
		z := r.history.Last() + 1
		changes[0].Zxid, changes[1].Zxid = z, z
		if err := r.history.Append(z-1, z, changes); err != nil {
			t.Fatal(err)
		}
		dst = r.table.Dispatch(dst[:0], changes, nil)
	}
	for range 256 {
		step() // until the ring is grown
	}
	require.Zero(t, testing.AllocsPerRun(1000, step))
	require.Len(t, dst, 300)
}
