package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
)

// register is a znode as a model: its data and version.
type register struct {
	version int32
	data    string
}

type registerOp struct {
	kind    string // "read", "set", "cas"
	data    string // that is set
	version int32  // that cas asks for
}

type registerResult struct {
	unknown bool
	failed  bool // the version did not match
	register
}

func registerModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return register{} },
		Step: func(state, input, output any) (bool, any) {
			s, in, out := state.(register), input.(registerOp), output.(registerResult)
			next := register{s.version + 1, in.data}
			switch {
			case in.kind == "read":
				return out.unknown || out.register == s, s
			case in.kind == "cas" && in.version != s.version:
				return out.unknown || out.failed, s
			case out.unknown:
				return true, next
			}
			return !out.failed && out.version == next.version, next
		},
		Equal: func(a, b any) bool { return a.(register) == b.(register) },
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v -> %+v", input, output)
		},
	}
}

// TestLinearizable has sessions at all members read, set and compare-and-set one
// znode while members are killed, paused and cut off, and checks that there is an
// order in which it all makes sense.
func TestLinearizable(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			run(t, sessiontest.Options{Seed: seed, Tick: 50 * time.Millisecond}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
				history := registerHistory(t, ctx, e, seed)
				result, _ := porcupine.CheckOperationsVerbose(registerModel(), history, 0)
				require.Equal(t, porcupine.Ok, result, "seed %d", seed)
				require.Greater(t, len(history), 100)
			})
		})
	}
}

func registerHistory(t *testing.T, ctx context.Context, e *sessiontest.Ensemble, seed uint64) []porcupine.Operation {
	const clients, ops = 5, 80
	rng := rand.New(rand.NewPCG(seed, 1))
	_, err := e.Session(1).Create(ctx, "/r", nil, tree.Persistent)
	require.NoError(t, err)
	start := time.Now()
	var mu sync.Mutex
	var history []porcupine.Operation
	var wg sync.WaitGroup
	for id := range clients {
		s := e.Session(id%3 + 1).Linearizable()
		own := rand.New(rand.NewPCG(seed, uint64(id)+2))
		wg.Go(func() {
			var last register
			for n := range ops {
				op := registerOp{kind: []string{"read", "read", "set", "cas"}[own.IntN(4)], data: fmt.Sprintf("%d.%d", id, n), version: last.version}
				began := int64(time.Since(start))
				out := perform(ctx, s, op)
				ended := int64(time.Since(start))
				if out.unknown {
					ended = int64(time.Hour) // it may still happen
				}
				if op.kind == "read" && !out.unknown {
					last = out.register
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: len(history), Input: op, Call: began, Output: out, Return: ended})
				mu.Unlock()
				time.Sleep(time.Duration(own.IntN(300)) * time.Millisecond)
			}
		})
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		wg.Wait()
	}()
	misfortunes(e, rng, stopped)
	return history
}

// perform carries out an operation, and does not wait for it for ever.
func perform(ctx context.Context, s *session.Session, op registerOp) registerResult {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var err error
	var out registerResult
	if op.kind == "read" {
		var data []byte
		var stat tree.Stat
		data, stat, err = s.Get(ctx, "/r")
		out.register = register{stat.Version, string(data)}
	} else {
		cond := tree.Cond{}
		if op.kind == "cas" {
			cond = tree.Version(op.version)
		}
		var stat tree.Stat
		stat, err = s.Set(ctx, "/r", []byte(op.data), cond)
		out.version = stat.Version
	}
	switch {
	case errors.Is(err, tree.ErrBadVersion):
		return registerResult{failed: true}
	case err != nil:
		return registerResult{unknown: true}
	}
	return out
}

// misfortunes happen to one member after another, until stopped.
func misfortunes(e *sessiontest.Ensemble, rng *rand.Rand, stopped <-chan struct{}) {
	wait := func(d time.Duration) bool {
		select {
		case <-stopped:
			return false
		case <-time.After(d):
			return true
		}
	}
	for wait(time.Duration(rng.IntN(2000)) * time.Millisecond) {
		i := rng.IntN(3) + 1
		heal := e.Heal
		switch rng.IntN(4) {
		case 0:
			e.Kill(i)
			heal = func() { e.Restart(i) }
		case 1:
			e.Pause(i)
			heal = func() { e.Resume(i) }
		case 2:
			e.Isolate(i)
		case 3:
			e.Network().Cut(uint64(i), uint64(i%3+1))
		}
		wait(time.Duration(rng.IntN(3000)) * time.Millisecond)
		heal()
	}
}

// TestMisfortunes has sessions with ephemerals and watches live through misfortunes:
// whoever keeps its lease keeps its ephemeral, and a watch misses nothing.
func TestMisfortunes(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			run(t, sessiontest.Options{Seed: seed, Tick: 50 * time.Millisecond}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
				rng := rand.New(rand.NewPCG(seed, 99))
				watcher := e.SessionWith(1, session.Options{MaxEvents: 1 << 16})
				w, err := watcher.Watch(ctx, "/", 5)
				require.NoError(t, err)
				load := startCounters(t, ctx, e, 4)
				stop := make(chan struct{})
				var held []*session.Session
				for i := range 3 {
					s := e.Session(i + 1)
					_, err := s.Create(ctx, fmt.Sprintf("/e%d", s.ID()), nil, tree.Ephemeral)
					require.NoError(t, err)
					held = append(held, s)
				}
				time.AfterFunc(20*time.Second, func() { close(stop) })
				misfortunes(e, rng, stop)
				e.Heal()
				time.Sleep(30 * time.Second)
				load.check(ctx, e)
				for _, s := range held {
					require.NoError(t, s.Err(), "a session that can reach a quorum within its timeout lives")
					_, ok, err := s.Linearizable().Exists(ctx, fmt.Sprintf("/e%d", s.ID()))
					require.NoError(t, err)
					require.True(t, ok)
				}
				require.NoError(t, watcher.Sync(ctx))
				checkTold(t, w, load)
			})
		})
	}
}

// checkTold checks that a recursive watch on the root was told of each write of a
// load, once and in order.
func checkTold(t *testing.T, w interface {
	TryNext() (ev watchEvent, ok bool, err error)
}, load *counters) {
	told := map[string]int{}
	zxid := int64(0)
	for {
		ev, ok, err := w.TryNext()
		require.NoError(t, err)
		if !ok {
			break
		}
		require.GreaterOrEqual(t, ev.Zxid, zxid)
		zxid = ev.Zxid
		for path := range load.done {
			if len(ev.Path) == len(path)+12 && ev.Path[:len(path)] == path {
				require.Equal(t, fmt.Sprintf("%s/n%010d", path, told[path]), ev.Path)
				told[path]++
			}
		}
	}
	require.Equal(t, load.done, told)
}
