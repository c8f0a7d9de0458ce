package protocol

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// script drives a Client and keeps what it wants to have done.
type script struct {
	*require.Assertions
	c    *Client
	now  int64
	link uint64 // of the last EffectConnect
	at   int    // backend of it

	sent     []Request
	resolved []*Call
	told     map[uint64][]watch.Event
	replays  []uint64
	over     []uint64 // watches
	others   []Effect
}

const sec = int64(1e9)

func newScript(t *testing.T, backends int) *script {
	s := &script{Assertions: require.New(t), told: map[uint64][]watch.Event{}}
	s.c = NewClient(ClientConfig{Timeout: 10 * sec, Password: samplePassword(), Backends: backends, Window: 4}, 0)
	s.take()
	return s
}

func (s *script) take() {
	for _, e := range s.c.TakeEffects(nil) {
		switch e.Kind {
		case EffectConnect:
			s.link, s.at = e.Link, e.Backend
		case EffectSend:
			s.Equal(s.link, e.Link)
			s.sent = append(s.sent, e.Request)
		case EffectResolve:
			s.resolved = append(s.resolved, e.Call)
		case EffectEvents:
			s.told[e.Watch] = append(s.told[e.Watch], e.Events...)
			s.replays = append(s.replays, e.Replay)
		case EffectEndWatch:
			s.over = append(s.over, e.Watch)
		default:
			s.others = append(s.others, e)
		}
	}
}

// attach opens the link that is wanted, and the session or moves it.
func (s *script) attach(attachment int64, last uint64) {
	s.c.Connected(s.link, s.now)
	s.take()
	s.receive(&Attached{Session: 5, Attachment: attachment, Timeout: 10 * sec, LastSequence: last})
}

func (s *script) receive(m Message) {
	s.c.Receive(s.link, m, s.now)
	s.take()
}

func (s *script) lose() {
	s.c.Lost(s.link, s.now)
	s.take()
}

func (s *script) pass(d int64) {
	for end := s.now + d; ; {
		s.now = min(end, s.c.Deadline())
		s.c.Tick(s.now)
		s.take()
		if s.now == end {
			return
		}
	}
}

func (s *script) write(path string) *Call {
	call := &Call{Op: tree.Delete{Path: path}}
	s.c.Submit(call, s.now)
	s.take()
	return call
}

func (s *script) read(path string, w uint64, kind watch.Kind) *Call {
	call := &Call{Read: Read{Kind: ReadData, Path: path, Watch: w, WatchKind: kind}}
	s.c.Submit(call, s.now)
	s.take()
	return call
}

// took returns what was sent since the last call, in short.
func (s *script) took() []string {
	var all []string
	for _, r := range s.sent {
		switch r := r.(type) {
		case *Write:
			all = append(all, fmt.Sprintf("write %d/%d %s", r.Sequence, r.AnsweredUpTo, tree.OpPath(r.Op)))
		case *Read:
			all = append(all, fmt.Sprintf("read %s", r.Path))
		case *Rearm:
			line := "rearm"
			for _, w := range r.Watches {
				line += fmt.Sprintf(" %d", w.ID)
			}
			all = append(all, line)
		case *Attach:
			all = append(all, fmt.Sprintf("attach from %d seen %d answered %d sent %d", r.From, r.LastSeen, r.AnsweredUpTo, r.LastSent))
		case *Ping:
			all = append(all, fmt.Sprintf("ping %d", r.N))
		default:
			all = append(all, fmt.Sprintf("%T", r)[len("*protocol."):])
		}
	}
	s.sent = nil
	return all
}

func (s *script) did() []EffectKind {
	var all []EffectKind
	for _, e := range s.others {
		all = append(all, e.Kind)
	}
	s.others = nil
	return all
}

// answerTo answers the oldest call that was sent: its id is its place.
func (s *script) answer(id uint64, zxid int64) {
	s.receive(&Answer{ID: id, Zxid: zxid, Record: []byte{0}, Read: &Reading{Armed: true}})
}

func TestClientOpens(t *testing.T) {
	s := newScript(t, 2)
	s.c.Connected(s.link, 0)
	s.take()
	s.Equal([]string{"Open"}, s.took())
	s.now = 1 * sec
	s.lose() // the Open may have gone through all the same
	s.Equal(1, s.at)
	s.attach(5, 0)
	s.Equal([]string{"Open"}, s.took())
	s.Equal([]EffectKind{EffectDisconnect, EffectLease, EffectAttached}, s.did())
	s.EqualValues(5, s.c.Session())
	// The lease counts from the first Open: nobody knows which of them it was.
	s.Equal(95*10*sec/100, s.c.until)
}

func TestClientPipelines(t *testing.T) {
	s := newScript(t, 1)
	s.attach(5, 0)
	s.took()
	for _, p := range []string{"/1", "/2"} {
		s.write(p)
	}
	s.read("/2", 0, 0)
	s.write("/3")
	fifth := s.write("/4")
	s.Equal([]string{"write 1/0 /1", "write 2/0 /2", "read /2", "write 3/0 /3"}, s.took()) // a window of four
	s.answer(1, 10)
	s.Equal([]string{"write 4/1 /4"}, s.took())
	s.answer(2, 11)
	s.answer(3, 11)
	s.answer(4, 12)
	s.Len(s.resolved, 4)
	s.Nil(fifth.Answer)
	s.answer(5, 13)
	s.NotNil(fifth.Answer)
	s.EqualValues(13, s.c.LastSeen())
}

func TestClientSendsAgain(t *testing.T) {
	s := newScript(t, 2)
	s.attach(5, 0)
	s.write("/1")
	s.write("/2")
	lost := s.read("/r", 0, 0)
	s.write("/3")
	s.answer(1, 9)
	s.took()
	s.lose()
	s.Equal(1, s.at)
	late := s.read("/late", 0, 0)
	// The second host has the first two writes; the third was never applied.
	s.attach(20, 2)
	s.Equal([]string{"attach from 5 seen 9 answered 1 sent 3", "write 2/1 /2", "read /r", "write 3/1 /3", "read /late"}, s.took()[:5])
	s.False(lost.resolved)
	s.answer(2, 20)
	s.lose()
	// Now the third was applied, and the read before it comes too late.
	s.attach(30, 3)
	s.True(lost.resolved)
	s.Equal(FaultOvertaken, lost.Fault)
	s.False(lost.Unknown)
	s.False(late.resolved)
	s.Contains(s.took(), "write 3/2 /3")
	s.answer(4, 31)
	s.answer(5, 31)
	s.NotNil(late.Answer)
}

func TestClientCancels(t *testing.T) {
	s := newScript(t, 1)
	s.attach(5, 0)
	w1, r := s.write("/1"), s.read("/r", 0, 0)
	s.write("/2")
	s.write("/3")
	unsent := s.write("/never")
	s.took()
	s.c.Cancel(unsent, s.now)
	s.c.Cancel(w1, s.now)
	s.c.Cancel(r, s.now)
	s.take()
	s.Equal([]string{"Cancel"}, s.took())
	s.False(unsent.Unknown)
	s.True(w1.Unknown)
	s.False(r.Unknown)
	s.answer(1, 6)
	s.answer(3, 7) // the read is left out
	s.answer(4, 8)
	s.Zero(s.c.Unanswered())
	s.write("/4")
	s.Equal([]string{"write 4/3 /4"}, s.took(), "the write that was never sent has no sequence")
}

func TestClientMovesOn(t *testing.T) {
	s := newScript(t, 3)
	s.attach(5, 0)
	s.lose()
	s.c.Connected(s.link, s.now)
	s.take()
	s.took()
	s.receive(&Refused{Reason: RefusedMoved, Attachment: 40})
	s.Equal(1, s.at, "the same backend")
	s.c.Connected(s.link, s.now)
	s.take()
	s.Equal([]string{"attach from 40 seen 5 answered 0 sent 0"}, s.took())
	s.receive(&Refused{Reason: RefusedProtocol})
	s.Equal(2, s.at)
	s.lose() // was not even connected
	s.Equal(0, s.at)
	// Now every backend has failed: there are pauses.
	link := s.link
	s.lose()
	s.Equal(link, s.link)
	s.pass(sec)
	s.Greater(s.link, link)
}

func TestClientGivesUpSilentHost(t *testing.T) {
	s := newScript(t, 2)
	s.attach(5, 0)
	s.Equal(0, s.at)
	s.pass(4 * sec)
	s.Equal(0, s.at)
	s.pass(2 * sec) // half the timeout without a pong
	s.Equal(1, s.at)
}

// Of hosts that are reached and do not answer fewer and fewer are asked: each attempt
// leaves an entry behind.
func TestClientIsPatientWithTheSlow(t *testing.T) {
	s := newScript(t, 2)
	attempts := func(d int64) (n int) {
		for end := s.now + d; s.now < end; {
			link := s.link
			s.c.Connected(s.link, s.now)
			s.take()
			s.pass(sec / 10)
			if s.link != link {
				n++
			}
		}
		return n
	}
	s.GreaterOrEqual(attempts(30*sec), 4, "at first there is somewhere else to go")
	attempts(300 * sec)
	s.LessOrEqual(attempts(300*sec), 12)
}

func TestClientLease(t *testing.T) {
	s := newScript(t, 1)
	s.attach(5, 0)
	s.Equal([]EffectKind{EffectLease, EffectAttached}, s.did())
	s.pass(2 * sec)
	s.Equal([]string{"Open", "ping 1"}, s.took())
	s.now += sec
	s.receive(&Pong{N: 1})
	s.Equal([]EffectKind{EffectLease}, s.did())
	s.Equal(2*sec+95*10*sec/100, s.c.until, "from when it was sent")
	s.receive(&Pong{N: 1})
	s.receive(&Pong{N: 9})
	s.Empty(s.did(), "neither twice nor never sent")
	s.pass(8*sec + 400*1e6)
	s.Empty(s.did())
	s.pass(200 * 1e6)
	s.Equal([]EffectKind{EffectLeaseLost}, s.did()) // while the host stays silent
	// The session is not given up: a ping that was answered after all counts anew.
	n := s.c.nextN
	s.receive(&Pong{N: n})
	s.Equal([]EffectKind{EffectLease}, s.did())
}

// A pong for a ping of an earlier link says nothing: numbers are not used twice,
// but the list is begun anew.
func TestClientLeaseOfAnotherLink(t *testing.T) {
	s := newScript(t, 2)
	s.attach(5, 0)
	s.pass(2 * sec)
	s.lose()
	s.attach(9, 0)
	s.did()
	s.receive(&Pong{N: 1})
	s.Empty(s.did())
}

func TestClientWatches(t *testing.T) {
	s := newScript(t, 2)
	s.attach(5, 0)
	once, lasting := s.c.NewWatch(), s.c.NewWatch()
	s.read("/a", once, watch.Data)
	s.read("/", lasting, watch.PersistentRecursive)
	s.answer(1, 10)
	s.answer(2, 10)
	ev := func(zxid int64) watch.Event { return watch.Event{Type: watch.DataChanged, Path: "/a", Zxid: zxid} }
	s.receive(&Events{Zxid: 11, Events: []Event{{lasting, ev(11)}}})
	s.EqualValues(11, s.c.LastSeen())
	// The first part of an entry's events does not count without the rest.
	s.receive(&Events{Zxid: 12, More: true, Events: []Event{{once, ev(12)}}})
	s.Empty(s.told[once])
	s.lose()
	s.took()
	s.c.Connected(s.link, s.now)
	s.take()
	s.Equal([]string{"rearm 1 2", "attach from 5 seen 11 answered 0 sent 0"}, s.took())
	s.receive(&Events{Zxid: 12, More: true, Events: []Event{{once, ev(12)}, {lasting, ev(12)}}})
	s.receive(&Events{Zxid: 13, Events: []Event{{lasting, ev(12)}, {lasting, ev(13)}}})
	s.Equal([]watch.Event{ev(12)}, s.told[once])
	s.Equal([]uint64{once}, s.over)
	s.Equal([]watch.Event{ev(11), ev(12), ev(12), ev(13)}, s.told[lasting])
	s.receive(&Attached{Session: 5, Attachment: 14, Timeout: 10 * sec})
	s.c.Unwatch(lasting, s.now)
	s.c.Unwatch(once, s.now)
	s.take()
	s.Equal([]string{"ping 1", "Unwatch"}, s.took())
	s.lose()
	s.attach(15, 0)
	s.Equal([]string{"attach from 14 seen 14 answered 0 sent 0", "ping 2"}, s.took())
}

// A watch that is armed as of a zxid is given events before its answer; if the link
// breaks in between it goes on behind them.
func TestClientWatchSince(t *testing.T) {
	s := newScript(t, 2)
	s.attach(5, 0)
	s.took()
	id, once := s.c.NewWatch(), s.c.NewWatch()
	call := &Call{Read: Read{Path: "/a", Watch: id, WatchKind: watch.Persistent, Resume: true, Since: 3}}
	s.c.Submit(call, s.now)
	fired := &Call{Read: Read{Path: "/a", Watch: once, WatchKind: watch.Data, Resume: true, Since: 3}}
	s.c.Submit(fired, s.now)
	s.take()
	ev := watch.Event{Type: watch.DataChanged, Path: "/a", Zxid: 4}
	s.receive(&Events{Zxid: 4, Events: []Event{{id, ev}, {once, ev}}})
	s.lose()
	s.sent = nil
	s.attach(9, 0)
	again := slices.DeleteFunc(s.sent, func(r Request) bool { _, ok := r.(*Read); return !ok })
	s.EqualValues(4, again[0].(*Read).Since)
	s.True(again[0].(*Read).Resume)
	s.EqualValues(id, again[0].(*Read).Watch)
	s.Zero(again[1].(*Read).Watch, "it has fired")
	s.answer(1, 10)
	s.receive(&Answer{ID: 2, Zxid: 10, Read: &Reading{}})
	s.NotNil(fired.Answer)
	s.Equal([]watch.Event{ev}, s.told[once])
	s.Equal([]uint64{once}, s.over)
}

// What answers a registration, by a read or by a link that brings the watch along,
// is told from what comes after.
func TestClientReplays(t *testing.T) {
	s := newScript(t, 2)
	s.attach(5, 0)
	first := s.link
	id := s.c.NewWatch()
	s.c.Submit(&Call{Read: Read{Path: "/a", Watch: id, WatchKind: watch.Persistent, Resume: true}}, s.now)
	s.take()
	events := func(zxids ...int64) {
		for _, z := range zxids {
			ev := watch.Event{Type: watch.DataChanged, Path: "/a", Zxid: z}
			s.receive(&Events{Zxid: z, Events: []Event{{id, ev}}})
		}
	}
	events(6, 7)
	s.answer(1, 10)
	events(11)
	s.lose()
	s.c.Connected(s.link, s.now)
	s.take()
	events(12, 13)
	s.receive(&Attached{Session: 5, Attachment: 14, Timeout: 10 * sec})
	events(15)
	s.NotEqual(first, s.link)
	s.Equal([]uint64{first, first, 0, s.link, s.link, 0}, s.replays)
}

// The longest timeouts can be counted with.
func TestClientLongTimeout(t *testing.T) {
	c := NewClient(ClientConfig{Timeout: math.MaxInt64, Backends: 1}, sec)
	require.Greater(t, c.Deadline(), int64(sec))
	c.TakeEffects(nil)
	c.Connected(1, sec)
	c.Receive(1, &Attached{Session: 5, Attachment: 5, Timeout: math.MaxInt64}, sec)
	require.EqualValues(t, MaxTimeout, c.Timeout())
	require.Greater(t, c.Deadline(), int64(sec))
	for _, e := range c.TakeEffects(nil) {
		require.NotEqual(t, EffectDisconnect, e.Kind)
	}
}

func TestClientReadFails(t *testing.T) {
	s := newScript(t, 1)
	s.attach(5, 0)
	id := s.c.NewWatch()
	s.read("/absent", id, watch.Data)
	s.receive(&Answer{ID: 1, Zxid: 6, Code: tree.CodeNoNode})
	s.Equal([]uint64{id}, s.over)
	s.Empty(s.c.watches)
}

func TestClientCloses(t *testing.T) {
	s := newScript(t, 1)
	s.attach(5, 0)
	first := s.write("/1")
	for range 2 { // the second one asks for nothing more
		s.c.Close(s.now)
		s.take()
	}
	after := s.write("/2")
	s.Equal(FaultClosed, after.Fault)
	s.False(after.Unknown)
	s.Equal([]string{"Open", "write 1/0 /1", "Close"}, s.took())
	s.answer(1, 6)
	s.NotNil(first.Answer)
	s.did()
	s.receive(&Ended{Reason: EndClosed})
	s.Equal([]EffectKind{EffectDetached, EffectDisconnect, EffectLeaseLost, EffectEnded}, s.did())
	s.Equal(int64(1<<63-1), s.c.Deadline())
	s.receive(&Answer{ID: 9})
	s.lose()
	s.c.Close(s.now)
	s.take()
	s.Empty(s.did())
}

// What was under way when a session ended is known from its tombstone.
func TestClientFates(t *testing.T) {
	for _, refused := range []bool{false, true} {
		s := newScript(t, 1)
		s.attach(5, 0)
		var calls []*Call
		for range 5 {
			calls = append(calls, s.write("/w"))
		}
		fates := []Fate{
			{Sequence: 1, Known: true, Applied: true, Record: []byte{7}},
			{Sequence: 2, Known: true, Applied: true},
			{Sequence: 3, Known: true},
			{Sequence: 4},
		}
		if refused {
			s.lose()
			s.pass(sec)
			s.c.Connected(s.link, s.now)
			s.take()
			s.receive(&Refused{Reason: RefusedExpired, Fates: fates})
		} else {
			s.receive(&Ended{Reason: EndExpired, Fates: fates})
		}
		s.Equal([]byte{7}, calls[0].Answer.Record)
		for i, unknown := range []bool{true, false, true, false} { // the fifth was never sent
			s.Equal(FaultExpired, calls[i+1].Fault)
			s.Equal(unknown, calls[i+1].Unknown, i+2)
		}
		s.True(s.c.Ended())
	}
}

func TestClientHostsWishes(t *testing.T) {
	s := newScript(t, 1)
	s.attach(5, 0)
	s.write("/1")
	s.answer(1, 6)
	s.took()
	s.receive(&Hold{})
	s.EqualValues(1, s.sent[0].(*Acknowledge).AnsweredUpTo)
	s.sent = nil
	s.receive(&GoingAway{})
	s.Equal([]string{"Close"}, s.took(), "there is nowhere to go")

	s = newScript(t, 2)
	s.attach(5, 0)
	s.receive(&GoingAway{})
	s.Equal(1, s.at)
	s.c.Gone(1, s.now)
	s.take()
	s.Equal(0, s.at)
	s.did()
	s.c.Gone(0, s.now)
	s.take()
	s.Equal([]EffectKind{EffectDisconnect, EffectLeaseLost, EffectEnded}, s.did())
	s.True(s.c.Ended())
}
