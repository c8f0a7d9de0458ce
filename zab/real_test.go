package zab_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/transport/tcp"
	"github.com/zabtree/zabtree/zab"
)

// Three replicas over TCP on loopback and with directories on disk: what is
// acknowledged is there after any one of them was stopped, and after all were.
func TestOverTCPAndDisk(t *testing.T) {
	var members zab.Membership
	listeners := map[uint64]net.Listener{} // of the first lives
	for id := uint64(1); id <= 3; id++ {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		members = append(members, zab.Member{ID: id, Addr: l.Addr().String()})
		listeners[id] = l
	}
	dir := t.TempDir()
	machines := map[uint64]*tally{}
	start := func(id uint64) *zab.Replica {
		l := listeners[id]
		if delete(listeners, id); l == nil {
			var err error
			l, err = net.Listen("tcp", members[id-1].Addr)
			require.NoError(t, err)
		}
		tr, err := tcp.New(l, tcp.Options{ID: id})
		require.NoError(t, err)
		s, err := zab.OpenDir(filepath.Join(dir, fmt.Sprint(id)), zab.DirOptions{SegmentBytes: 64 << 10})
		require.NoError(t, err)
		machines[id] = &tally{}
		r, err := zab.Start(t.Context(), zab.Config{ID: id, Members: members, Transport: tr, Storage: s,
			StateMachine: machines[id], SnapshotEntries: 300})
		require.NoError(t, err)
		t.Cleanup(func() { r.Close() })
		return r
	}
	replicas := map[uint64]*zab.Replica{}
	for id := uint64(1); id <= 3; id++ {
		replicas[id] = start(id)
	}
	proposed := uint64(0)
	propose := func(n int) {
		var pending []*zab.Pending
		for i := range n {
			r := replicas[uint64(i%3+1)]
			if r == nil {
				continue
			}
			require.NoError(t, r.Ready(t.Context()))
			p, err := r.Submit(t.Context(), []byte("name"))
			require.NoError(t, err)
			pending = append(pending, p)
		}
		for _, p := range pending {
			_, err := p.Wait(t.Context())
			if err == nil {
				proposed++
			} else {
				require.True(t, zab.NotApplied(err), "%v", err)
			}
		}
	}
	propose(1000)
	for id := uint64(1); id <= 3; id++ {
		require.NoError(t, replicas[id].Close())
		delete(replicas, id)
		propose(300)
		replicas[id] = start(id)
		propose(300)
	}
	check := func() {
		res, err := replicas[1].Propose(t.Context(), []byte("name"))
		require.NoError(t, err)
		proposed++
		require.Equal(t, proposed, res.Value)
		for id, r := range replicas {
			z, err := r.ReadPoint(t.Context())
			require.NoError(t, err)
			require.GreaterOrEqual(t, z.Counter, res.Zxid.Counter)
			require.NoError(t, r.WaitApplied(t.Context(), z))
			require.Equal(t, machines[1].Digest(), machines[id].Digest())
		}
	}
	check()
	for id, r := range replicas {
		require.NoError(t, r.Shutdown(t.Context()))
		replicas[id] = nil
	}
	for id := uint64(1); id <= 3; id++ {
		replicas[id] = start(id)
	}
	check()
}

// Memory and directory, under a state machine of 3 MiB, which is sent as a snapshot
// to a replica that comes late.
func TestSnapshotOverEveryStorage(t *testing.T) {
	for _, kind := range []string{"memory", "dir"} {
		t.Run(kind, func(t *testing.T) {
			network := transport.NewMemory(transport.MemoryOptions{})
			members := zab.Membership{{ID: 1}, {ID: 2}, {ID: 3}}
			dir, machines := t.TempDir(), map[uint64]*tally{}
			memory := map[uint64]zab.Storage{1: zab.NewMemoryStorage(), 2: zab.NewMemoryStorage(), 3: zab.NewMemoryStorage()}
			start := func(id uint64) *zab.Replica {
				s := memory[id]
				if kind == "dir" {
					var err error
					s, err = zab.OpenDir(filepath.Join(dir, fmt.Sprint(id)), zab.DirOptions{SegmentBytes: 64 << 10})
					require.NoError(t, err)
				}
				machines[id] = &tally{}
				r, err := zab.Start(t.Context(), zab.Config{ID: id, Members: members, Transport: network.Endpoint(id), Storage: s,
					StateMachine: machines[id], SnapshotEntries: 1 << 40})
				require.NoError(t, err)
				t.Cleanup(func() { r.Close() })
				return r
			}
			one, two, three := start(1), start(2), start(3)
			require.NoError(t, three.Ready(t.Context()))
			require.NoError(t, one.Close())
			for round := range 3 {
				for i := range 20 {
					_, err := two.Propose(t.Context(), []byte(strings.Repeat(fmt.Sprint(round, i), 10<<10)))
					require.NoError(t, err)
				}
				z, err := three.ReadPoint(t.Context())
				require.NoError(t, err)
				for _, r := range []*zab.Replica{two, three} {
					require.NoError(t, r.WaitApplied(t.Context(), z))
					m, err := r.Snapshot(t.Context())
					require.NoError(t, err)
					require.Equal(t, z.Counter, m.Zxid.Counter)
				}
			}
			for range 2 { // the second time from its own disk
				one = start(1)
				require.NoError(t, one.Ready(t.Context()))
				s, _ := one.Status()
				require.NotZero(t, s.Base.Counter, "a snapshot was installed")
				require.Equal(t, machines[2].Digest(), machines[1].Digest())
				require.NoError(t, one.Close())
			}
		})
	}
}
