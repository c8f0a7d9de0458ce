package zabtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabtree/zabtree/transport"
)

// patience is after how long the transport suite calls something hung. It bounds
// no conforming transport, however slow the machine.
const patience = time.Minute

// MakeTransports returns two new transports that can reach each other, and whom
// each of them is reached by: toA is what b dials, toB what a dials. The suite
// closes both. What else they need ends in t.Cleanup.
type MakeTransports func(t *testing.T) (a, b transport.Transport, toA, toB transport.Endpoint)

// TestTransport checks that a transport keeps the contract of package transport:
// whole frames in order, ownership of bytes, a suffix lost and nothing else when
// a connection ends, Close that unblocks everything, bounded buffers, contexts,
// and no goroutine left. Each check is a subtest on a pair of transports of its
// own. make should configure a limit on frames of a few MiB or less, as frames of
// MaxFrame bytes are sent: 1 KiB to 64 MiB.
//
// The suite judges nothing by time, except that what takes a minute is hung.
func TestTransport(t *testing.T, make MakeTransports) {
	t.Helper()
	mustHave(t, make != nil, "TestTransport", "make")
	for _, c := range transportChecks {
		t.Run(c.name, func(t *testing.T) {
			label := t.Name()
			pprof.Do(t.Context(), pprof.Labels(leakLabel, label), func(context.Context) {
				runTransportCheck(t, make, c.check)
			})
			checkNoGoroutine(t, label)
		})
	}
}

// TestTransportInBubble is TestTransport with each check in a testing/synctest
// bubble of its own, for transports that wait in ways that a bubble knows.
// There a goroutine left over, or a deadlock, fails the test by itself.
func TestTransportInBubble(t *testing.T, make MakeTransports) {
	t.Helper()
	mustHave(t, make != nil, "TestTransportInBubble", "make")
	for _, c := range transportChecks {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runTransportCheck(t, make, c.check) })
		})
	}
}

func runTransportCheck(t *testing.T, make MakeTransports, check func(*transportTest)) {
	s := &transportTest{T: t}
	s.a, s.b, s.toA, s.toB = make(t)
	if s.a == nil || s.b == nil {
		t.Fatalf("make returned a nil transport: %v and %v", s.a, s.b)
	}
	defer func() {
		s.closeTransport("a", s.a)
		s.closeTransport("b", s.b)
	}()
	check(s)
}

// leakLabel marks the goroutines of a check, and all that they start.
const leakLabel = "zabtest-transport"

// checkNoGoroutine waits until no goroutine of a check is left: one that was
// joined may still be in its last instructions.
func checkNoGoroutine(t *testing.T, label string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		left := goroutines(label)
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("goroutines left after Close of both transports:\n%s", strings.Join(left, "\n\n"))
		}
	}
}

// goroutines returns the stacks of the goroutines that carry a label.
func goroutines(label string) (stacks []string) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return []string{err.Error()}
	}
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, fmt.Sprintf("%q:%q", leakLabel, label)) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// transportTest is one check at work on its pair of transports.
type transportTest struct {
	*testing.T
	a, b     transport.Transport
	toA, toB transport.Endpoint
}

// start runs f in a goroutine; what it returns comes out of the channel.
func (s *transportTest) start(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// await returns what a started function returned.
func (s *transportTest) await(what string, done <-chan error) error {
	s.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		s.Fatalf("%s: hung", what)
		return nil
	}
}

// must fails the test unless every started function returns nil, and as soon as
// one does not: the others may wait for it.
func (s *transportTest) must(what string, done ...<-chan error) {
	s.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	cases := []reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(timer.C)}}
	for _, d := range done {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(d)})
	}
	for range done {
		i, got, _ := reflect.Select(cases)
		if i == 0 {
			s.Fatalf("%s: hung", what)
		}
		if err, _ := got.Interface().(error); err != nil {
			s.Fatalf("%s: %v", what, err)
		}
		cases = slices.Delete(cases, i, i+1)
	}
}

// within runs f and fails the test if it hangs or fails.
func (s *transportTest) within(what string, f func() error) {
	s.Helper()
	s.must(what, s.start(f))
}

// mustFailWith waits for a started function and checks its error.
func (s *transportTest) mustFailWith(what string, want error, done <-chan error) {
	s.Helper()
	err := s.await(what, done)
	if !errors.Is(err, want) {
		s.Fatalf("%s: error is %v, want one that wraps %v", what, err, want)
	}
}

// connect dials from one transport and accepts at the other.
func (s *transportTest) connect(from, at transport.Transport, to transport.Endpoint) (dialed, accepted transport.Conn) {
	s.Helper()
	dial := s.start(func() (err error) {
		dialed, err = from.Dial(s.Context(), to)
		return err
	})
	accept := s.start(func() (err error) {
		accepted, err = at.Accept(s.Context())
		return err
	})
	s.must("Dial", dial)
	s.must("Accept", accept)
	return dialed, accepted
}

// connectAB connects a, which dials, with b.
func (s *transportTest) connectAB() (a, b transport.Conn) {
	s.Helper()
	return s.connect(s.a, s.b, s.toB)
}

func (s *transportTest) closeTransport(name string, x transport.Transport) {
	s.Helper()
	if err := s.await("Close of transport "+name, s.start(x.Close)); err != nil {
		s.Errorf("Close of transport %s: %v", name, err)
	}
}

// sendAll sends frames in calls of several, as cut decides.
func sendAll(c transport.Conn, frames [][]byte, cut *rand.Rand) error {
	for len(frames) > 0 {
		n := 1 + cut.IntN(min(len(frames), 20))
		if err := c.Send(frames[:n]...); err != nil {
			return fmt.Errorf("sending: %w", err)
		}
		frames = frames[n:]
	}
	return nil
}

// receiveAll receives and compares.
func receiveAll(c transport.Conn, want [][]byte) error {
	for i, w := range want {
		got, err := c.Recv()
		if err != nil {
			return fmt.Errorf("receiving frame %d of %d: %w", i, len(want), err)
		}
		if err := same(got, w); err != nil {
			return fmt.Errorf("frame %d of %d: %w", i, len(want), err)
		}
	}
	return nil
}

func same(got, want []byte) error {
	if got == nil {
		return errors.New("nil instead of a frame")
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%d bytes that begin with %.16x, want %d bytes that begin with %.16x", len(got), got, len(want), want)
	}
	return nil
}

// discard receives until an error, which it returns.
func discard(c transport.Conn) error {
	for {
		if _, err := c.Recv(); err != nil {
			return err
		}
	}
}

// flood sends until an error, which it returns.
func flood(c transport.Conn) error {
	frame := make([]byte, 32<<10)
	for {
		if err := c.Send(frame); err != nil {
			return err
		}
	}
}

// randomFrames returns frames of all kinds of lengths, up to about total bytes.
func randomFrames(r *rand.Rand, total int) (frames [][]byte) {
	edges := []int{0, 1, 2, 100, 511, 512, 513, 4091, 4096, 4097, 16 << 10, 65535, 65536, 65537, 300_000}
	var source rand.ChaCha8
	for total > 0 {
		n := r.IntN(2000)
		if r.IntN(4) == 0 {
			n = edges[r.IntN(len(edges))]
		}
		frame := make([]byte, n)
		var seed [32]byte
		seed[0], seed[1], seed[2] = byte(n), byte(len(frames)), byte(len(frames)>>8)
		source.Seed(seed)
		source.Read(frame)
		frames = append(frames, frame)
		total -= n + 100
	}
	return frames
}

// seeded returns a source of random numbers and logs how to get it again.
func (s *transportTest) seeded(seed uint64) *rand.Rand {
	s.Logf("random numbers from rand.NewPCG(%d, 0)", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// isEnd reports whether an error is one that the other side's Close may cause.
func isEnd(err error) bool {
	return errors.Is(err, transport.ErrBroken) && !errors.Is(err, transport.ErrClosed) ||
		errors.Is(err, io.EOF)
}
