package protocol

import "testing"

// Whatever has a client turn to a backend, its patience begins then.
func TestClientConnectsNow(t *testing.T) {
	for name, turn := range map[string]func(s *script){
		"lost":   func(s *script) { s.c.Lost(s.link, s.now) },
		"moved":  func(s *script) { s.c.Move(1, s.now) },
		"gone":   func(s *script) { s.c.Gone(0, s.now) },
		"ended":  func(s *script) { s.c.Receive(s.link, &Ended{Reason: EndMoved}, s.now) },
		"silent": func(s *script) { s.c.Tick(s.now) },
	} {
		s := newScript(t, 2)
		s.attach(5, 0)
		s.now = 9 * sec
		turn(s)
		s.take()
		s.Equal(1, s.at, name)
		s.Equal(s.now+s.c.timeout/3, s.c.giveUpAt, name)
	}
}

// With one backend there is a pause before the next attempt, and it grows.
func TestClientPauses(t *testing.T) {
	s := newScript(t, 1)
	for _, pause := range []int64{200, 200, 100, 50, 25, 12, 10, 10} {
		s.lose()
		s.InDelta(10*sec/pause, s.c.Deadline()-s.now, float64(sec/10), "1/%d", pause)
		if pause == 200 {
			s.Equal(10*sec/200, s.c.Deadline()-s.now)
		}
		s.pass(s.c.Deadline() - s.now)
	}
}

// What a host says to one who wants to join counts for nothing if it makes no sense.
func TestClientJoins(t *testing.T) {
	for name, c := range map[string]struct {
		backends int
		m        Message
		stays    bool
	}{
		"attached":             {1, &Attached{Session: 1, Attachment: 1, Timeout: 1}, true},
		"no session":           {2, &Attached{Attachment: 1, Timeout: 1}, false},
		"no timeout":           {2, &Attached{Session: 1, Attachment: 1}, false},
		"an answer":            {2, &Answer{ID: 1}, false},
		"going away, of two":   {2, &GoingAway{}, false},
		"going away, the only": {1, &GoingAway{}, true},
	} {
		s := newScript(t, c.backends)
		s.c.Connected(s.link, s.now)
		s.take()
		link := s.link
		s.receive(c.m)
		s.Equal(c.stays, s.link == link && s.c.state != linkNone, name)
	}
	s := newScript(t, 2)
	s.attach(5, 0)
	s.lose()
	s.c.Connected(s.link, s.now)
	s.receive(&Attached{Session: 6, Attachment: 9, Timeout: 1})
	s.Equal(0, s.at, "another session than before")
}

func TestClientMove(t *testing.T) {
	s := newScript(t, 1)
	s.attach(5, 0)
	s.Equal(1, s.c.AddBackend())
	s.c.Move(1, s.now)
	s.take()
	s.Equal(1, s.at)
	s.attach(9, 0)
	for _, none := range []int{-1, 2} {
		s.c.Move(none, s.now)
		s.take()
		s.Equal(1, s.at)
	}
	s.c.Move(0, s.now)
	s.take()
	s.Equal(0, s.at)
	s.c.Abandon(s.now)
	s.take()
	s.True(s.c.Ended())
}

// A host that breaks the rules is left.
func TestClientBadHost(t *testing.T) {
	for name, m := range map[string]Message{
		"attached twice":    &Attached{Session: 5, Attachment: 6, Timeout: 1},
		"answer too early":  &Answer{ID: 2, Zxid: 6},
		"moved":             &Ended{Reason: EndMoved},
		"refused too late":  &Refused{Reason: RefusedExpired},
		"answer to a close": &Answer{ID: 3, Zxid: 6},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, 2)
			s.attach(5, 0)
			s.write("/1")
			s.write("/2")
			if name == "answer to a close" {
				s.answer(1, 6)
				s.answer(2, 6)
				s.c.Close(s.now)
				s.take()
			}
			s.receive(m)
			s.Equal(1, s.at)
			s.False(s.c.Ended())
		})
	}
}
