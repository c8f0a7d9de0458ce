package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Every acknowledged write is in the tree of every member.
func TestSessionPeerKeepsEverything(t *testing.T) {
	started, err := newSessionPeer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const callers, writes = 32, 20
	var wg sync.WaitGroup
	for i := range callers {
		write, err := started.caller(i)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for n := range writes {
				cmd := make([]byte, 40)
				binary.LittleEndian.PutUint64(cmd, uint64(i))
				binary.LittleEndian.PutUint64(cmd[keyBytes:], uint64(n))
				if err := write(cmd); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := started.settle(); err != nil {
		t.Fatal(err)
	}
	p := started.(*sessionPeer)
	want := binary.LittleEndian.AppendUint64(nil, writes-1)
	for i, s := range p.servers {
		for key := range callers {
			data, stat, err := s.View().Get(p.paths[key])
			if err != nil || stat.Version != writes || !bytes.HasPrefix(data, want) {
				t.Errorf("member %d: key %d was set %d times, last to %x: %v", i+1, key, stat.Version, data, err)
			}
		}
	}
	if err := started.close(); err != nil {
		t.Error(err)
	}
}

// All peers in turns, in miniature.
func TestAllPeers(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"-callers", "3", "-rounds", "2", "-round-time", "100ms", "-json", "-dir", t.TempDir()}, &out); err != nil {
		t.Fatal(err)
	}
	var got struct{ Result writesReport }
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	var names []string
	for _, l := range got.Result.Lines {
		names = append(names, l.Peer)
		if l.Rate <= 0 || l.P50 <= 0 || l.P99 < l.P50 || (l.RateRatio > 0) != (l.Peer != "floor") {
			t.Errorf("%+v", l)
		}
	}
	if want := []string{"floor", "zabtree", "session"}; !slices.Equal(names, want) {
		t.Errorf("lines for %q, not %q", names, want)
	}
}

// The workloads that do not take long of themselves.
func TestShortWorkloads(t *testing.T) {
	for name, want := range map[string]string{"failover": "leader killed 1 times", "start": "first committed write"} {
		var out strings.Builder
		if err := run([]string{"-workload", name, "-rounds", "1", "-dir", t.TempDir()}, &out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: does not say %q:\n%s", name, want, &out)
		}
	}
}
