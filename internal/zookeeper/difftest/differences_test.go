package difftest

import (
	"slices"
	"testing"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// between compares two answers to one request.
func between(r zkwire.Request, a, b zkwire.Reply) []Difference {
	x, y := newSide("a", ""), newSide("b", "")
	return newComparer(x, y).compare(&Step{Kind: Burst, Ops: []Op{request(r)}},
		[]SlotOutcome{{Replies: []*zkwire.Reply{&a}}}, []SlotOutcome{{Replies: []*zkwire.Reply{&b}}})
}

func errReply(err int32) zkwire.Reply { return zkwire.Reply{Err: err} }

// failedMulti is the answer to a multi of n operations that failed for the one at.
func failedMulti(n, at int, err int32) zkwire.Reply {
	r := zkwire.Reply{Results: make([]zkwire.Result, n)}
	for i := range r.Results {
		e := int32(0)
		if i == at {
			e = err
		} else if i > at {
			e = -2
		}
		r.Results[i] = zkwire.Result{Type: zkwire.Error, Err: e, Reply: zkwire.Reply{Count: &e}}
	}
	return r
}

// Each known difference is recognized, and what is next to it is not.
func TestKnownDifferences(t *testing.T) {
	create := func(path string, flags int32) zkwire.Request {
		return zkwire.Request{Op: zkwire.Create, Path: path, Flags: flags}
	}
	multi := func(ops ...zkwire.Request) zkwire.Request { return zkwire.Request{Op: zkwire.Multi, Ops: ops} }
	acl := func(perms int32) zkwire.Reply {
		return zkwire.Reply{ACL: []zkwire.ACL{entry(perms, "world", "anyone")}}
	}
	ids := func(list ...zkwire.ID) zkwire.Reply { return zkwire.Reply{IDs: append([]zkwire.ID{}, list...)} }
	ip, user := zkwire.ID{Scheme: new("ip"), Name: new("127.0.0.1")}, zkwire.ID{Scheme: new("digest"), Name: new("u1")}
	withACL := func(acl ...zkwire.ACL) zkwire.Request { return zkwire.Request{Op: zkwire.SetACL, ACL: acl} }
	path := func(p string) zkwire.Reply { return zkwire.Reply{Path: &p} }
	config := zkwire.Request{Op: zkwire.GetData, Path: "/zookeeper/config"}
	data := func(s string) zkwire.Reply { return zkwire.Reply{Data: []byte(s), Stat: &zkwire.Stat{}} }
	null := zkwire.Request{Op: zkwire.Sync, NullPath: true}
	for _, c := range []struct {
		name string
		r    zkwire.Request
		a, b zkwire.Reply
		want string
	}{
		{"null path", null, zkwire.Reply{}, errReply(-5), "null path"},
		{"path", zkwire.Request{Op: zkwire.Sync, Path: "/"}, zkwire.Reply{}, errReply(-5), ""},
		{"null path of another error", null, zkwire.Reply{}, errReply(-8), ""},
		{"path that is missing", create("/a//b", 0), errReply(-101), errReply(-8), ""},
		{"later member", multi(zkwire.Request{Op: zkwire.Check}, create("/a//b", 0)), failedMulti(2, 0, -101), failedMulti(2, 1, -101), ""},
		{"null id", withACL(entry(31, "auth", ""), zkwire.ACL{Scheme: new("world")}), errReply(-114), errReply(-5), "null id behind auth"},
		{"null id in front", withACL(zkwire.ACL{Scheme: new("world")}, entry(31, "auth", "")), errReply(-114), errReply(-5), ""},
		{"ip", zkwire.Request{Op: zkwire.WhoAmI}, ids(user, ip), ids(user), ""},
		{"surrogates", zkwire.Request{Op: zkwire.Sync}, path("/\xed\xa0\xbd\xed\xb8\x80"), path("/😀"), "beyond the BMP"},
		{"other path", zkwire.Request{Op: zkwire.Sync}, path("/a"), path("/😀"), ""},
		{"multi that is stumbled over", multi(), zkwire.Reply{Err: -5, Rest: make([]byte, 9)}, errReply(-5), "body beside an error"},
		{"bits", zkwire.Request{Op: zkwire.GetACL}, acl(-1), acl(31), "permissions that do not exist"},
		{"other bits", zkwire.Request{Op: zkwire.GetACL}, acl(-1), acl(15), ""},
		{"watch", zkwire.Request{Op: zkwire.CheckWatches, Path: "/a"}, errReply(0), errReply(-121), "somebody's watch"},
		{"no watch", zkwire.Request{Op: zkwire.CheckWatches, Path: "/a"}, errReply(-121), errReply(0), ""},
		{"relative", zkwire.Request{Op: zkwire.CheckWatches, Path: "./a"}, errReply(-5), errReply(-121), "relative path"},
		{"not relative", zkwire.Request{Op: zkwire.CheckWatches, Path: "/a"}, errReply(-5), errReply(-121), ""},
		{"removal of no watch", zkwire.Request{Op: zkwire.RemoveWatches, Path: "/a"}, errReply(0), errReply(-121), ""},
		{"multiRead", zkwire.Request{Op: zkwire.MultiRead}, zkwire.Reply{Err: -5, Rest: make([]byte, 9)}, errReply(-5), "body beside an error"},
		{"config", config, data(""), data("server.1="), "/zookeeper/config"},
		{"config of another error", config, data(""), errReply(-101), ""},
		{"other data", zkwire.Request{Op: zkwire.GetData, Path: "/zookeeper"}, data(""), data("server.1="), ""},
	} {
		list := between(c.r, c.a, c.b)
		if len(list) == 0 {
			t.Errorf("%s: no difference", c.name)
		}
		for _, d := range list {
			if got := explain(&d); got != c.want {
				t.Errorf("%s: %s is %q, not %q", c.name, d.Kind(), got, c.want)
			}
		}
	}
}

// Events and watches of a znode that somebody may not read may be more, and no others.
func TestGuardedZnodes(t *testing.T) {
	hidden := zkwire.Request{Op: zkwire.Create, Path: "/hidden", ACL: []zkwire.ACL{entry(31, "digest", "u:p")}}
	seen := func(paths ...string) (list []SeenEvent) {
		for _, p := range paths {
			list = append(list, SeenEvent{Event: zkwire.Event{Type: 1, State: 3, Path: &p}})
		}
		return list
	}
	for _, c := range []struct {
		name string
		a, b []SeenEvent
		want []string
	}{
		{"the same", seen("/a", "/hidden"), seen("/a", "/hidden"), nil},
		{"one more", seen("/a"), seen("/hidden", "/a"), []string{"a watch whose event was kept back"}},
		{"one more of another", seen("/a"), seen("/b", "/a"), []string{""}},
		{"one less", seen("/hidden"), nil, []string{""}},
	} {
		x, y := newSide("a", ""), newSide("b", "")
		cmp := newComparer(x, y)
		cmp.compare(&Step{Kind: Burst, Ops: []Op{request(hidden)}}, []SlotOutcome{{}}, []SlotOutcome{{}})
		var got []string
		for _, d := range cmp.compare(&Step{Kind: Burst}, []SlotOutcome{{Events: c.a}}, []SlotOutcome{{Events: c.b}}) {
			got = append(got, explain(&d))
		}
		got = slices.Compact(got) // what is different behind it is no news
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}
