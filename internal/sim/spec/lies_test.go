package spec_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/internal/sim/spec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// edit returns a lie about frames of a kind that are sent.
func edit(k audit.Kind, change func(f *audit.Frame) bool) func(e *event) bool {
	return func(e *event) bool {
		if e.what != sent || audit.Kind(e.frame[0]) != k {
			return false
		}
		var f audit.Frame
		if err := audit.Decode(&f, e.frame); err != nil {
			panic(err)
		}
		if !change(&f) {
			return false
		}
		e.frame = f.Append(nil)
		return true
	}
}

// TestLiesAboutRealCores runs real cores and tells the checkers one thing that is not
// so, as if a core had done it: it is reported, under a name that fits.
func TestLiesAboutRealCores(t *testing.T) {
	for name, c := range map[string]struct {
		lie   func(e *event) bool // changes the event, if it can
		rules []spec.Rule
	}{
		"a batch is not on the disk": {func(e *event) bool {
			if e.what != durable || len(e.batch.Entries) == 0 {
				return false
			}
			e.batch = &protocol.Batch{}
			return true
		}, []spec.Rule{audit.AckDurable, audit.BatchOrder, audit.PositionDurable, audit.RestartKeeps, spec.ApplyDurable,
			spec.CommitQuorum, spec.ProcessConsistency, spec.PrimaryIntegrity}},
		"an accepted epoch is not on the disk": {func(e *event) bool {
			if e.what != durable || e.batch.HardState == nil {
				return false
			}
			e.batch = &protocol.Batch{}
			return true
		}, []spec.Rule{audit.PromiseDurable, audit.AcceptedCoversLog, audit.AcceptedDurable, audit.RestartKeeps, audit.EpochHeld}},
		"an ack of one more": {edit(audit.Ack, func(f *audit.Frame) bool { f.Counter++; return true }),
			[]spec.Rule{audit.AckDurable, audit.AckFalls, spec.ProcessConsistency}},
		"a promise that raised nothing": {edit(audit.Join, func(f *audit.Frame) bool { was := f.Promised; f.Promised = true; return !was }),
			[]spec.Rule{audit.PromiseRaised}},
		"a look of one less": {edit(audit.Look, func(f *audit.Frame) bool { f.Last.Counter--; return f.Looking && f.Commit.Less(f.Last) }),
			[]spec.Rule{audit.PositionDurable}},
		"a commit of one more": {edit(audit.Entries, func(f *audit.Frame) bool { f.Commit.Counter++; return !f.Commit.IsZero() }),
			[]spec.Rule{spec.CommitQuorum, spec.PrefixConsistency}},
		"entries left out": {edit(audit.Entries, func(f *audit.Frame) bool {
			_, n, err := protocol.DecodeEntry(f.Data)
			f.Data = f.Data[n:]
			return err == nil && len(f.Data) > 0
		}), []spec.Rule{spec.StreamOrder}},
		"other bytes in an entry": {edit(audit.Entries, func(f *audit.Frame) bool {
			e, n, err := protocol.DecodeEntry(f.Data)
			if err != nil || e.Kind != protocol.KindCommand {
				return false
			}
			e.Request++
			f.Data = append(protocol.AppendEntry(nil, &e), f.Data[n:]...)
			return true
		}), []spec.Rule{spec.Integrity}},
		"synchronised from one less": {edit(audit.Sync, func(f *audit.Frame) bool { f.Common.Counter--; return f.Common.Counter < 1<<60 }),
			[]spec.Rule{spec.LastCommon}},
		"a read point of one less": {func(e *event) bool { e.zxid.Counter--; return e.what == readAnswered },
			[]spec.Rule{spec.StaleRead, spec.ReadConfirmed}},
		"an entry applied twice": {func(e *event) bool {
			if e.what != applied || e.entry.Kind == protocol.KindOpen {
				return false
			}
			e.entry.Zxid.Counter--
			return true
		}, []spec.Rule{spec.LocalPrimaryOrder}},
		"an entry that is not applied": {func(e *event) bool { e.what = whats; return e.entry.Kind == protocol.KindCommand },
			[]spec.Rule{spec.LocalPrimaryOrder, spec.TotalOrder}},
		"a log cut by one more": {func(e *event) bool {
			if e.what != durable || e.batch.Truncate == nil || e.batch.Truncate.Counter < 2 {
				return false
			}
			b := *e.batch
			b.Truncate = &protocol.Zxid{Epoch: b.Truncate.Epoch, Counter: b.Truncate.Counter - 1}
			e.batch = &b
			return true
		}, []spec.Rule{audit.BatchOrder, spec.CommittedKept, audit.PositionDurable, audit.RestartKeeps, audit.AckDurable}},
		"one entry less after a restart": {func(e *event) bool {
			if e.what != started || e.disk.Last.Counter < 2 || e.disk.HardState.Incarnation == 0 {
				return false
			}
			e.disk.Last.Counter--
			e.disk.Ends[len(e.disk.Ends)-1].Last--
			return true
		}, []spec.Rule{audit.RestartKeeps, audit.BatchOrder, audit.PositionDurable, audit.AcceptedCoversLog, spec.StateKept, spec.Integrity, spec.PromiseQuorum}},
	} {
		told, seeds := 0, 0
		for seed := uint64(1); told < 10 && seed < 600; seed++ {
			seeds++
			w := randomWorld(seed)
			lied := 0
			w.hear = func(e *event) bool {
				if lied == 0 && w.rng.IntN(2) == 0 {
					real := *e
					if e.disk != nil {
						d := e.disk.Clone()
						e.disk = &d
					}
					if c.lie(e) {
						lied++
					} else {
						*e = real
					}
				}
				return true
			}
			w.run(*stepsFlag)
			if lied == 0 {
				require.NoError(t, w.err, "%s: seed %d", name, seed)
				continue
			}
			if w.err == nil { // it may come to nothing: a frame of no consequence, the last event
				continue
			}
			told++
			var v *spec.Violation
			require.ErrorAs(t, w.err, &v, "%s: seed %d", name, seed)
			require.True(t, slices.Contains(c.rules, v.Rule), "%s: seed %d: %v", name, seed, v)
		}
		require.GreaterOrEqual(t, told, 5, "%s: told in %d seeds", name, seeds)
		t.Logf("%s: named %d times in %d seeds", name, told, seeds)
	}
}

// TestFramesOfRealCores: every frame that a core sends is decoded, whole, to what is
// encoded to the same bytes; and there is one of each kind.
func TestFramesOfRealCores(t *testing.T) {
	seen := map[audit.Kind]int{}
	var f audit.Frame
	for seed := uint64(1); seed <= 60; seed++ {
		w := randomWorld(seed)
		w.hear = func(e *event) bool {
			if e.what != sent {
				return true
			}
			require.NoError(t, audit.Decode(&f, e.frame))
			seen[f.Kind]++
			if f.Kind != audit.Propose && f.Kind != audit.Refuse { // whose contents are made up
				require.True(t, bytes.Equal(e.frame, f.Append(nil)), "%v %x", f.Kind, e.frame)
			}
			return true
		}
		w.run(*stepsFlag)
		require.NoError(t, w.err)
	}
	for k := audit.Look; k <= audit.ReadAnswer; k++ {
		require.NotZero(t, seen[k], "%v", k)
	}
}

// The checkers see the same in the same history.
func TestDeterministic(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		a, b := randomWorld(seed), randomWorld(seed)
		a.run(*stepsFlag)
		b.run(*stepsFlag)
		require.Equal(t, a.checkers.spec.Stats(), b.checkers.spec.Stats())
	}
}
