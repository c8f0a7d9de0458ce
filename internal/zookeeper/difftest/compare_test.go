package difftest

import (
	"slices"
	"testing"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// answer is a step and what a server said to it: everything that is compared is
// in it somewhere.
func answer(first, session int64) (*Step, []SlotOutcome) {
	now := time.Now().UnixMilli()
	stat := &zkwire.Stat{
		Czxid: first, Mzxid: first + 1, Pzxid: first + 2, Ctime: now, Mtime: now + first, Version: 1, Cversion: 2, Aversion: 3,
		EphemeralOwner: session, DataLength: 4, NumberChildren: 5,
	}
	path := "/a"
	step := &Step{Kind: Burst, Ops: []Op{
		request(zkwire.Request{Op: zkwire.GetData}), request(zkwire.Request{Op: zkwire.SetData}), request(zkwire.Request{Op: zkwire.GetChildren}),
		request(zkwire.Request{Op: zkwire.GetACL}), request(zkwire.Request{Op: zkwire.WhoAmI}), request(zkwire.Request{Op: zkwire.Sync}),
		request(zkwire.Request{Op: zkwire.Multi, Ops: []zkwire.Request{{Op: zkwire.Delete}, {Op: zkwire.Check}}}),
	}}
	return step, []SlotOutcome{{
		Handshake: &zkwire.ConnectReply{Timeout: 1, SessionID: session, Password: make([]byte, 16)},
		Replies: []*zkwire.Reply{
			{Zxid: first + 1, Data: []byte("data"), Stat: stat},
			{Zxid: first + 3, Stat: stat},
			{Zxid: first + 3, Names: []string{"x", "y"}},
			{Zxid: first + 3, ACL: []zkwire.ACL{entry(1, "world", "anyone"), entry(2, "ip", "::1")}},
			{Zxid: first + 3, IDs: []zkwire.ID{{Scheme: &path, Name: &path}}},
			{Zxid: first + 3, Path: &path},
			{Zxid: first + 3, Results: []zkwire.Result{
				{Type: zkwire.Error, Reply: zkwire.Reply{Count: new(int32(0))}},
				{Type: zkwire.Error, Err: -101, Reply: zkwire.Reply{Count: new(int32(-101))}},
			}},
		},
		Events: []SeenEvent{{Event: zkwire.Event{Type: 1, State: 3, Path: &path}, Zxid: -1, After: 1}, {Event: zkwire.Event{Type: 2, State: 3, Path: &path}, Zxid: -1, After: 2}},
	}}
}

func differences(change func(out *SlotOutcome)) []Difference {
	a, b := newSide("a", ""), newSide("b", "")
	a.sessions[77], b.sessions[99] = 1, 1
	c := newComparer(a, b)
	step, x := answer(100, 77)
	_, y := answer(5, 99)
	change(&y[0])
	return c.compare(step, x, y)
}

// What differs from server to server and from run to run is no difference.
func TestCompareSame(t *testing.T) {
	if d := differences(func(out *SlotOutcome) { slices.Reverse(out.Replies[2].Names) }); len(d) > 0 {
		t.Errorf("%+v", d)
	}
}

// Everything else is one.
func TestCompareDifferent(t *testing.T) {
	stat := func(change func(s *zkwire.Stat)) func(out *SlotOutcome) {
		return func(out *SlotOutcome) { change(out.Replies[0].Stat) } // and of the second, which shares it
	}
	for name, change := range map[string]func(out *SlotOutcome){
		"error":           func(out *SlotOutcome) { out.Replies[0].Err = -101 },
		"header's zxid":   func(out *SlotOutcome) { out.Replies[3].Zxid-- },
		"write's zxid":    func(out *SlotOutcome) { out.Replies[1].Zxid-- },
		"data":            func(out *SlotOutcome) { out.Replies[0].Data = []byte("date") },
		"null data":       func(out *SlotOutcome) { out.Replies[0].Data = nil },
		"names":           func(out *SlotOutcome) { out.Replies[2].Names[0] = "z" },
		"no names":        func(out *SlotOutcome) { out.Replies[2].Names = nil },
		"acl":             func(out *SlotOutcome) { out.Replies[3].ACL[0].Perms = 3 },
		"order of acl":    func(out *SlotOutcome) { slices.Reverse(out.Replies[3].ACL) },
		"ids":             func(out *SlotOutcome) { out.Replies[4].IDs = out.Replies[4].IDs[:0] },
		"path":            func(out *SlotOutcome) { out.Replies[5].Path = new("/b") },
		"bytes behind":    func(out *SlotOutcome) { out.Replies[5].Rest = []byte{0} },
		"a reply less":    func(out *SlotOutcome) { out.Replies = out.Replies[:6] },
		"member's error":  func(out *SlotOutcome) { out.Replies[6].Results[1].Err = -103 },
		"member's body":   func(out *SlotOutcome) { out.Replies[6].Results[0].Count = new(int32(-2)) },
		"a member less":   func(out *SlotOutcome) { out.Replies[6].Results = out.Replies[6].Results[:1] },
		"event's type":    func(out *SlotOutcome) { out.Events[0].Type = 3 },
		"event's state":   func(out *SlotOutcome) { out.Events[0].State = 0 },
		"event's path":    func(out *SlotOutcome) { out.Events[0].Path = new("/b") },
		"event's zxid":    func(out *SlotOutcome) { out.Events[0].Zxid = 5 },
		"late event":      func(out *SlotOutcome) { out.Events[0].After = 2 },
		"order of events": func(out *SlotOutcome) { slices.Reverse(out.Events) },
		"an event less":   func(out *SlotOutcome) { out.Events = out.Events[:1] },
		"closed":          func(out *SlotOutcome) { out.Closed = true },
		"old one closed":  func(out *SlotOutcome) { out.OldClosed = true },
		"timeout":         func(out *SlotOutcome) { out.Handshake.Timeout = 2 },
		"session":         func(out *SlotOutcome) { out.Handshake.SessionID = 98 },
		"refused":         func(out *SlotOutcome) { out.Handshake.SessionID = 0 },
		"read-only":       func(out *SlotOutcome) { out.Handshake.HasReadOnly = true },
		"password":        func(out *SlotOutcome) { out.Handshake.Password = nil },
		"czxid":           stat(func(s *zkwire.Stat) { s.Czxid = s.Mzxid }),
		"mzxid":           stat(func(s *zkwire.Stat) { s.Mzxid = s.Pzxid }),
		"pzxid":           stat(func(s *zkwire.Stat) { s.Pzxid = s.Mzxid }),
		"no ctime":        stat(func(s *zkwire.Stat) { s.Ctime = 0 }),
		"ctime":           stat(func(s *zkwire.Stat) { s.Ctime -= 1e6 }),
		"mtime":           stat(func(s *zkwire.Stat) { s.Mtime += 1e6 }),
		"version":         stat(func(s *zkwire.Stat) { s.Version++ }),
		"cversion":        stat(func(s *zkwire.Stat) { s.Cversion++ }),
		"aversion":        stat(func(s *zkwire.Stat) { s.Aversion++ }),
		"owner":           stat(func(s *zkwire.Stat) { s.EphemeralOwner = 98 }),
		"no owner":        stat(func(s *zkwire.Stat) { s.EphemeralOwner = 0 }),
		"length":          stat(func(s *zkwire.Stat) { s.DataLength++ }),
		"children":        stat(func(s *zkwire.Stat) { s.NumberChildren++ }),
	} {
		if len(differences(change)) == 0 {
			t.Errorf("%s: no difference seen", name)
		}
	}
}

// The same seed makes the same steps.
func TestGeneratorRepeats(t *testing.T) {
	steps := func(seed uint64, round int) string {
		g := newGenerator(&Config{Seed: seed}, round)
		s := newSide("a", "")
		s.startRound(len(g.hints.slots))
		text := ""
		for range 500 {
			step := g.step()
			text += step.String()
			g.hints.learn(step, make([]SlotOutcome, len(s.slots)), s)
			for i := range g.hints.slots { // as if every connection were there
				g.hints.slots[i].open, g.hints.slots[i].session = true, true
			}
		}
		return text
	}
	first := steps(1, 2)
	if again := steps(1, 2); again != first {
		t.Error("two runs of one seed differ")
	}
	if first == steps(1, 3) || first == steps(2, 2) {
		t.Error("two rounds are the same")
	}
}
