package protocol

import (
	"testing"

	"github.com/zabtree/zabtree/watch"
)

// A watch that is not wanted any more does not come back, whatever becomes of the read
// that was to arm it.
func TestClientUnwatchesBeforeTheAnswer(t *testing.T) {
	for _, sent := range []bool{false, true} {
		s := newScript(t, 2)
		if sent {
			s.attach(7, 0)
		}
		k := s.read("/a", 1, watch.Persistent)
		s.c.Unwatch(1, s.now)
		s.take()
		if sent {
			s.Contains(s.sent, Request(&Unwatch{Watch: 1}))
			s.lose()
		}
		s.sent = nil
		s.attach(8, 0)
		s.take()
		found := false
		for _, r := range s.sent {
			if r, ok := r.(*Read); ok {
				found = true
				s.Zero(r.Watch)
			}
			_, rearms := r.(*Rearm)
			s.False(rearms)
		}
		s.True(found, "the read is made all the same")
		s.answer(k.id, 9)
		s.Same(k, s.resolved[0])
		s.receive(&Events{Zxid: 10, Events: []Event{{1, watch.Event{Type: watch.DataChanged, Path: "/a", Zxid: 10}}}})
		s.Empty(s.told)
	}
}

// A watch that is removed when the link has brought it along already, and nothing but
// the Attach may be sent, is removed at the host as soon as there is one.
func TestClientUnwatchesWhileJoining(t *testing.T) {
	s := newScript(t, 2)
	s.attach(5, 0)
	kept, gone := s.c.NewWatch(), s.c.NewWatch()
	s.read("/a", kept, watch.Persistent)
	s.read("/a", gone, watch.Persistent)
	s.answer(1, 10)
	s.answer(2, 10)
	s.lose()
	s.took()
	s.c.Connected(s.link, s.now)
	s.c.Unwatch(gone, s.now)
	s.take()
	s.Equal([]string{"rearm 1 2", "attach from 5 seen 10 answered 0 sent 0"}, s.took())
	ev := watch.Event{Type: watch.DataChanged, Path: "/a", Zxid: 11}
	s.receive(&Events{Zxid: 11, Events: []Event{{kept, ev}, {gone, ev}}})
	s.Equal([]watch.Event{ev}, s.told[kept])
	s.Empty(s.told[gone])
	s.receive(&Attached{Session: 5, Attachment: 12, Timeout: 10 * sec})
	s.Contains(s.sent, Request(&Unwatch{Watch: gone}))

	// What a link did not get to is of no interest to the next one.
	s.lose()
	s.c.Connected(s.link, s.now)
	s.c.Unwatch(kept, s.now)
	s.take()
	s.lose()
	s.sent = nil
	s.attach(13, 0)
	s.Equal([]string{"attach from 12 seen 12 answered 0 sent 0", "ping 2"}, s.took())
}
