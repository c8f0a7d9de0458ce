package zabtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/zabtree/zabtree/transport"
)

// transportChecks is the suite, from the plain to the unfriendly.
var transportChecks = []struct {
	name  string
	check func(*transportTest)
}{
	{"Order", checkOrder},
	{"BothWaysAtOnce", checkBothWays},
	{"EmptyFrames", checkEmptyFrames},
	{"ManyFramesInOneSend", checkManyFrames},
	{"FrameLimit", checkFrameLimit},
	{"SenderKeepsItsBytes", checkSentBytes},
	{"ReceiverOwnsItsBytes", checkReceivedBytes},
	{"BackPressure", checkBackPressure},
	{"SeveralConnections", checkSeveralConnections},
	{"CloseUnblocksConn", checkCloseUnblocks},
	{"CloseIsSeenByTheOtherSide", checkCloseSeen},
	{"CloseLosesASuffixOnly", checkSuffix},
	{"CloseIsIdempotent", checkIdempotent},
	{"CloseEndsTransport", checkTransportClose},
	{"CloseDuringDial", checkCloseDuringDial},
	{"Context", checkContext},
	{"Unreachable", checkUnreachable},
	{"Reconnect", checkReconnect},
}

func checkOrder(s *transportTest) {
	a, b := s.connectAB()
	r := s.seeded(1)
	frames := randomFrames(r, 4<<20)
	s.must("frames", s.start(func() error { return sendAll(a, frames, r) }),
		s.start(func() error { return receiveAll(b, frames) }))
	if id := a.Peer(); id != 0 && id != s.toB.ID {
		s.Errorf("Peer is %d at the side that dialed %d", id, s.toB.ID)
	}
	if id := b.Peer(); id != 0 && id != s.toA.ID {
		s.Errorf("Peer is %d at the side that %d dialed", id, s.toA.ID)
	}
	if a.Remote() == "" || b.Remote() == "" {
		s.Errorf("Remote is empty: %q at the side that dialed, %q at the other", a.Remote(), b.Remote())
	}
}

func checkBothWays(s *transportTest) {
	a, b := s.connectAB()
	ra, rb := s.seeded(2), s.seeded(3)
	fromA, fromB := randomFrames(ra, 4<<20), randomFrames(rb, 4<<20)
	s.must("frames both ways",
		s.start(func() error { return sendAll(a, fromA, ra) }),
		s.start(func() error { return sendAll(b, fromB, rb) }),
		s.start(func() error { return receiveAll(a, fromB) }),
		s.start(func() error { return receiveAll(b, fromA) }))
}

func checkEmptyFrames(s *transportTest) {
	a, b := s.connectAB()
	s.within("Send", func() error {
		return errors.Join(a.Send(), a.Send(nil), a.Send([]byte{}, []byte("x"), nil))
	})
	s.within("Recv", func() error { return receiveAll(b, [][]byte{{}, {}, []byte("x"), {}}) })
}

func checkManyFrames(s *transportTest) {
	a, b := s.connectAB()
	frames := make([][]byte, 20_000)
	for i := range frames {
		frames[i] = binary.AppendUvarint(nil, uint64(i))
	}
	frames[7000] = make([]byte, 200_000)
	s.must("frames", s.start(func() error { return a.Send(frames...) }),
		s.start(func() error { return receiveAll(b, frames) }))
}

func checkFrameLimit(s *transportTest) {
	const most = 64 << 20
	a, b := s.connectAB()
	arrived := s.start(func() error {
		for {
			f, err := b.Recv()
			if err != nil {
				return err
			}
			if string(f) == "last" {
				return nil
			}
			if string(f) == "refused" {
				return errors.New("a frame of a refused Send arrived")
			}
		}
	})
	limit := min(s.a.MaxFrame(), s.b.MaxFrame())
	if limit < 1<<10 || limit > most {
		s.Fatalf("MaxFrame is %d and %d: this suite wants limits of 1 KiB to 64 MiB", s.a.MaxFrame(), s.b.MaxFrame())
	}
	s.within("Send of the longest frame", func() error { return a.Send([]byte("ref"), make([]byte, limit)) })
	for range 3 {
		err := a.Send([]byte("refused"), make([]byte, limit+1), []byte("refused"))
		if !errors.Is(err, transport.ErrFrameTooLarge) {
			s.Fatalf("a frame too large among others: %v", err)
		}
	}
	s.within("Send after a refusal", func() error { return a.Send(make([]byte, limit), []byte("last")) })
	s.must("frames around the refusals", arrived)
}

func checkSentBytes(s *transportTest) {
	a, b := s.connectAB()
	sizes := []int{1, 100, 600, 5000, 70_000}
	s.must("frames", s.start(func() error {
		buf := make([]byte, slices.Max(sizes))
		for i := range 50 {
			for _, n := range sizes {
				frame := buf[:n]
				fill(frame, byte(i))
				if err := a.Send(frame, frame); err != nil {
					return err
				}
				if !filled(frame, byte(i)) {
					return errors.New("the caller's bytes were changed by Send")
				}
				fill(frame, 0xee) // of no matter to the transport any more
			}
		}
		return nil
	}), s.start(func() error {
		for i := range 50 {
			for _, n := range sizes {
				for range 2 {
					f, err := b.Recv()
					if err != nil {
						return err
					}
					if len(f) != n || !filled(f, byte(i)) {
						return fmt.Errorf("round %d, size %d: bytes changed after Send reached the other side", i, n)
					}
				}
			}
		}
		return nil
	}))
}

func checkReceivedBytes(s *transportTest) {
	a, b := s.connectAB()
	const rounds = 2000
	sent := make([][]byte, rounds)
	for i := range sent {
		sent[i] = make([]byte, (i*37)%1500)
		fill(sent[i], byte(i))
	}
	sending := s.start(func() error { return sendAll(a, sent, s.seeded(4)) })
	kept := make([][]byte, rounds)
	s.within("Recv", func() error {
		for i := range kept {
			f, err := b.Recv()
			if err != nil {
				return err
			}
			if len(f) != len(sent[i]) || !filled(f, byte(i)) {
				return fmt.Errorf("frame %d was changed through its neighbours", i)
			}
			if i%2 == 0 { // to the end of what the caller owns, and past it
				fill(f[:cap(f)], 0xee)
				_ = append(f[:cap(f)], "past the end"...)
			}
			kept[i] = f
		}
		return nil
	})
	s.must("Send", sending)
	for i := range kept {
		if i%2 == 1 && !filled(kept[i], byte(i)) {
			s.Fatalf("frame %d was changed after Recv returned it", i)
		}
		if !filled(sent[i], byte(i)) {
			s.Fatalf("frame %d was changed at the sender by its receiver", i)
		}
	}
}

// checkBackPressure sends far more than a transport may hold while nothing is
// received. It knows that the sender waits because it sends no more; a sender
// that merely pauses can only make the check too lenient.
func checkBackPressure(s *transportTest) {
	a, b := s.connectAB()
	const frames, size = 8 << 10, 32 << 10 // 256 MiB
	var sent atomic.Int64
	frame := make([]byte, size)
	sending := s.start(func() error {
		for range frames {
			if err := a.Send(frame); err != nil {
				return err
			}
			sent.Add(1)
		}
		return nil
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for before, still := int64(-1), 0; still < 5; {
		<-tick.C
		now := sent.Load()
		if now == frames {
			s.Fatalf("%d bytes were sent and none received", frames*size)
		}
		if still++; now != before || now == 0 {
			still = 0
		}
		before = now
	}
	s.Logf("a sender without receiver waits after %d KiB", sent.Load()*size>>10)
	s.within("Recv after the sender waited", func() error {
		for range sent.Load() + 4 {
			if f, err := b.Recv(); err != nil || len(f) != size {
				return fmt.Errorf("%d bytes, %w", len(f), err)
			}
		}
		return nil
	})
	s.within("Close", a.Close)
	s.mustFailWith("Send that waits, closed here", transport.ErrClosed, sending)
}

func checkSeveralConnections(s *transportTest) {
	const n = 8
	var sending, receiving []<-chan error
	for i := range n {
		from, at, to := s.a, s.b, s.toB
		if i%2 == 1 {
			from, at, to = s.b, s.a, s.toA
		}
		x, y := s.connect(from, at, to)
		r := s.seeded(uint64(10 + i))
		frames := randomFrames(r, 1<<18)
		frames = append(frames, fmt.Appendf(nil, "connection %d", i))
		sending = append(sending, s.start(func() error { return sendAll(x, frames, r) }))
		receiving = append(receiving, s.start(func() error { return receiveAll(y, frames) }))
	}
	s.must("frames on several connections", append(sending, receiving...)...)
}

func checkContext(s *transportTest) {
	over, cancel := context.WithCancel(s.Context())
	cancel()
	s.mustFailWith("Accept, context over", context.Canceled,
		s.start(func() error { _, err := s.b.Accept(over); return err }))
	s.mustFailWith("Dial, context over", context.Canceled,
		s.start(func() error { _, err := s.a.Dial(over, s.toB); return err }))

	ctx, cancel := context.WithCancel(s.Context())
	accept := s.start(func() error { _, err := s.b.Accept(ctx); return err })
	cancel()
	s.mustFailWith("Accept, context canceled", context.Canceled, accept)

	ctx, cancel = context.WithCancel(s.Context())
	var a, b transport.Conn
	dial := s.start(func() (err error) { a, err = s.a.Dial(ctx, s.toB); return err })
	s.within("Accept", func() (err error) { b, err = s.b.Accept(ctx); return err })
	s.must("Dial", dial)
	cancel()
	frames := [][]byte{[]byte("the connection"), []byte("outlives the context")}
	s.within("Send after the context", func() error { return errors.Join(a.Send(frames...), b.Send(frames...)) })
	s.within("Recv after the context", func() error { return errors.Join(receiveAll(a, frames), receiveAll(b, frames)) })
}

func checkUnreachable(s *transportTest) {
	s.closeTransport("b", s.b)
	ctx, cancel := context.WithTimeout(s.Context(), 5*time.Second)
	defer cancel()
	err := s.await("Dial of a closed transport", s.start(func() error {
		c, err := s.a.Dial(ctx, s.toB)
		if err == nil { // some networks cannot tell before the first frame
			err = discard(c)
		}
		return err
	}))
	if !errors.Is(err, transport.ErrUnreachable) && !isEnd(err) {
		s.Errorf("Dial of a closed transport: %v", err)
	}
	if errors.Is(err, transport.ErrClosed) {
		s.Errorf("Dial of a closed transport says that this one is closed: %v", err)
	}
}

func checkReconnect(s *transportTest) {
	for i := range 20 {
		a, b := s.connectAB()
		frame := fmt.Appendf(nil, "connection %d", i)
		s.within("Send", func() error { return a.Send(frame) })
		s.within("Recv", func() error { return receiveAll(b, [][]byte{frame}) })
		if i%2 == 0 {
			s.within("Close", a.Close)
		} else {
			s.within("Close", b.Close)
		}
	}
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

func filled(b []byte, v byte) bool {
	for _, x := range b {
		if x != v {
			return false
		}
	}
	return true
}
