package difftest

import (
	"context"
	"testing"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

func world() []zkwire.ACL { return []zkwire.ACL{entry(zkwire.PermAll, "world", "anyone")} }

// timeScript is what servers do by themselves when time passes: session 0 watches
// the whole tree while what session 1 made goes away.
func timeScript() []*Step {
	create := func(path string, flags int32) Op {
		return request(zkwire.Request{Op: zkwire.Create, Path: path, ACL: world(), Flags: flags, Data: []byte{}})
	}
	container := func(path string) Op {
		return request(zkwire.Request{Op: zkwire.CreateContainer, Path: path, ACL: world(), Flags: zkwire.Container})
	}
	lives := func(path string, ms int64) Op {
		return request(zkwire.Request{Op: zkwire.CreateTTL, Path: path, ACL: world(), Flags: zkwire.PersistentTTL, TTL: ms})
	}
	remove := func(path string) Op { return request(zkwire.Request{Op: zkwire.Delete, Path: path, Version: -1}) }
	multi := func(ops ...Op) Op {
		m := zkwire.Request{Op: zkwire.Multi}
		for _, op := range ops {
			m.Ops = append(m.Ops, op.Request)
		}
		return request(m)
	}
	stat := func(paths ...string) *Step {
		s := &Step{Kind: Burst}
		for _, p := range paths {
			s.Ops = append(s.Ops, request(zkwire.Request{Op: zkwire.Exists, Path: p}))
		}
		return s
	}
	children := request(zkwire.Request{Op: zkwire.GetChildren2, Path: "/", Watch: true})
	steps := []*Step{
		{Kind: Connect, Connect: &Handshake{Timeout: 60000}},
		{Kind: Burst, Ops: []Op{request(zkwire.Request{Op: zkwire.AddWatch, Path: "/", Type: zkwire.WatchRecursive})}},
		{Slot: 1, Kind: Connect, Connect: &Handshake{Timeout: 1000}},
		{Slot: 2, Kind: Connect, Connect: &Handshake{Timeout: 60000}},

		// A container goes when its last child has, and not before it had one.
		{Slot: 1, Kind: Burst, Ops: []Op{container("/unused"), container("/used"), create("/used/child", 0), remove("/used/child")}, Events: 5},
		stat("/", "/used", "/unused"),

		// A znode's time to live does not end while it has children.
		{Slot: 1, Kind: Burst, Ops: []Op{multi(lives("/parent", 1), create("/parent/child", 0)), lives("/long", 1e9), lives("/short", 1)}, Events: 5},
		stat("/", "/short", "/parent", "/long"),
		{Slot: 1, Kind: Burst, Ops: []Op{remove("/parent/child")}, Events: 2},
		stat("/", "/parent"),

		// A session without a connection ends, and its ephemeral znodes with it, all at
		// one time. Persistent ones stay.
		{Slot: 1, Kind: Burst, Ops: []Op{create("/e1", 1), create("/e2", 1), create("/e-", 3), create("/p", 0), create("/p/e", 1), children}},
		{Slot: 2, Kind: Burst, Ops: []Op{children}},
		{Slot: 1, Kind: Drop, Events: 4},
		stat("/", "/e1", "/e2", "/p", "/p/e"),
		{Slot: 1, Kind: Connect, Connect: &Handshake{Resume: true, Timeout: 1000}},

		// So does one that is connected and silent; its connection is closed.
		{Slot: 1, Kind: Connect, Connect: &Handshake{Timeout: 1000}},
		{Slot: 1, Kind: Burst, Ops: []Op{create("/silent", 1)}, Events: 2},
		stat("/", "/silent"),
	}
	for i, s := range steps {
		s.ID = i
	}
	return steps
}

// often is how a server looks for what is to go.
func often() server.Options { return server.Options{ReapEvery: 50 * time.Millisecond} }

func quick(ctx context.Context) (*server.Process, error) { return server.StartApache(ctx, often()) }

// TestApacheTime: what goes away by itself goes away in the same way.
func TestApacheTime(t *testing.T) {
	d, err := Script(t.Context(), Config{A: quick, B: quick}, 3, timeScript())
	if err != nil {
		t.Fatal(err)
	}
	if d != nil {
		t.Fatalf("%s: %s and %s, asked %s", d.Kind(), d.A, d.B, d.Request)
	}
}
