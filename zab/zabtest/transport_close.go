package zabtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/transport"
)

func checkCloseUnblocks(s *transportTest) {
	for _, dialer := range []bool{true, false} {
		a, b := s.connectAB()
		here, there := a, b
		if !dialer {
			here, there = b, a
		}
		recv := s.start(func() error { return discard(here) })
		send := s.start(func() error { return flood(here) })
		otherSend := s.start(func() error { return flood(there) })
		s.within("Close", here.Close)
		s.mustFailWith("Recv, closed here", transport.ErrClosed, recv)
		s.mustFailWith("Send, closed here", transport.ErrClosed, send)
		if err := s.await("Send, closed there", otherSend); !isEnd(err) {
			s.Errorf("Send, closed there: %v", err)
		}
		if err := s.await("Recv, closed there", s.start(func() error { return discard(there) })); !isEnd(err) {
			s.Errorf("Recv, closed there: %v", err)
		}
		s.within("Close", there.Close)
	}
}

func checkCloseSeen(s *transportTest) {
	a, b := s.connectAB()
	waiting := s.start(func() error { return discard(b) })
	s.within("Send", func() error { return a.Send([]byte("x")) })
	s.within("Close", a.Close)
	if err := s.await("Recv, closed there", waiting); !isEnd(err) {
		s.Errorf("Recv, closed there: %v", err)
	}
	if err := s.await("Recv again, closed there", s.start(func() error { return discard(b) })); !isEnd(err) {
		s.Errorf("Recv again, closed there: %v", err)
	}
	s.within("Close", b.Close)
	if _, err := b.Recv(); !errors.Is(err, transport.ErrClosed) {
		s.Errorf("Recv, closed there and then here: %v", err)
	}
	if err := b.Send([]byte("x")); !errors.Is(err, transport.ErrClosed) {
		s.Errorf("Send, closed there and then here: %v", err)
	}
}

// checkSuffix closes connections in full flow, now from one side and now from the
// other: what arrived must be the frames from the first on, none missing, none
// twice, none damaged.
func checkSuffix(s *transportTest) {
	r := s.seeded(5)
	for round := range 40 {
		a, b := s.connectAB()
		stop := uint64(r.IntN(3000))
		sending := s.start(func() error {
			frame := make([]byte, 0, 4096)
			for i := uint64(0); ; i++ {
				if round%2 == 0 && i == stop {
					return a.Close()
				}
				frame = binary.BigEndian.AppendUint64(frame[:0], i)
				frame = append(frame, strings.Repeat("z", int(i*7)%4000)...)
				if a.Send(frame) != nil {
					return nil // the other side closed
				}
			}
		})
		s.within("the frames before a close", func() error {
			for i := uint64(0); ; i++ {
				if round%2 == 1 && i == stop {
					return b.Close()
				}
				f, err := b.Recv()
				if err != nil {
					if round%2 == 1 || i > stop {
						return fmt.Errorf("round %d: frame %d of %d: %w", round, i, stop, err)
					}
					return nil
				}
				if len(f) != 8+int(i*7)%4000 || binary.BigEndian.Uint64(f) != i {
					return fmt.Errorf("round %d: frame %d is not what was sent", round, i)
				}
			}
		})
		s.must("Send", sending)
		s.within("Close", func() error { return errors.Join(a.Close(), b.Close()) })
	}
}

func checkIdempotent(s *transportTest) {
	a, b := s.connectAB()
	var closing []<-chan error
	for range 4 {
		closing = append(closing, s.start(a.Close), s.start(b.Close))
	}
	s.must("Close of a connection", closing...)
	s.must("Close of a connection again", s.start(a.Close), s.start(b.Close))
	closing = nil
	for range 4 {
		closing = append(closing, s.start(s.a.Close), s.start(s.b.Close))
	}
	s.must("Close of a transport", closing...)
	s.must("Close of a transport again", s.start(s.a.Close), s.start(s.b.Close))
}

func checkTransportClose(s *transportTest) {
	a, b := s.connectAB()
	recv := s.start(func() error { return discard(a) })
	send := s.start(func() error { return flood(a) })
	unaccepted := s.start(func() error {
		c, err := s.b.Dial(s.Context(), s.toA)
		if err == nil {
			err = discard(c)
		}
		return err
	})
	accept := s.start(func() error {
		for { // a connection that comes out just before Close ends with it
			if c, err := s.a.Accept(s.Context()); err != nil {
				return err
			} else if err := discard(c); !errors.Is(err, transport.ErrClosed) {
				return err
			}
		}
	})
	s.closeTransport("a", s.a)
	s.mustFailWith("Accept, transport closed", transport.ErrClosed, accept)
	s.mustFailWith("Recv, transport closed", transport.ErrClosed, recv)
	s.mustFailWith("Send, transport closed", transport.ErrClosed, send)
	if err := s.await("Recv, transport closed there", s.start(func() error { return discard(b) })); !isEnd(err) {
		s.Errorf("Recv, transport closed there: %v", err)
	}
	if err := s.await("a connection dialed, transport closed there", unaccepted); errors.Is(err, transport.ErrClosed) {
		s.Errorf("a connection dialed says that this transport is closed, not the other: %v", err)
	}
	s.mustFailWith("Dial after Close", transport.ErrClosed,
		s.start(func() error { _, err := s.a.Dial(s.Context(), s.toB); return err }))
	s.mustFailWith("Accept after Close", transport.ErrClosed,
		s.start(func() error { _, err := s.a.Accept(s.Context()); return err }))
}

// checkCloseDuringDial closes a transport that is dialing: every Dial returns, and
// no connection that one returns outlives the transport.
func checkCloseDuringDial(s *transportTest) {
	accepting := s.start(func() error {
		for {
			if _, err := s.b.Accept(s.Context()); err != nil {
				return err
			}
		}
	})
	started := make(chan struct{}, 8)
	var dialing []<-chan error
	for range cap(started) {
		dialing = append(dialing, s.start(func() error {
			started <- struct{}{}
			c, err := s.a.Dial(s.Context(), s.toB)
			if err == nil {
				err = discard(c)
			}
			if !errors.Is(err, transport.ErrClosed) {
				return fmt.Errorf("not ErrClosed: %w", err)
			}
			return nil
		}))
	}
	for range cap(started) {
		<-started
	}
	s.closeTransport("a", s.a)
	s.must("Dial or its connection, transport closed", dialing...)
	s.closeTransport("b", s.b)
	s.mustFailWith("Accept, transport closed", transport.ErrClosed, accepting)
}
