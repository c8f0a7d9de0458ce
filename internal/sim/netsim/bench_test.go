package netsim_test

import (
	"testing"

	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// echo sends back whatever it gets.
type echo struct{ frames int }

func (e *echo) Accept(netsim.Conn)                {}
func (e *echo) Open(c netsim.Conn)                { _, _ = c.Send(make([]byte, 64)) }
func (e *echo) Writable(netsim.Conn)              {}
func (e *echo) Broken(netsim.Conn, netsim.Reason) {}
func (e *echo) Frame(c netsim.Conn, frame []byte) {
	e.frames++
	_, _ = c.Send(frame)
}

// Every process is connected with every other, and one small frame is always on
// its way on each connection: every frame is an event.
func BenchmarkPingPong(b *testing.B) {
	for name, cfg := range map[string]netsim.Config{
		"Plain":  {Latency: ms},
		"Jitter": {Latency: ms, Jitter: ms, Bandwidth: 1e9},
		"Trace":  {Latency: ms, Jitter: ms, Bandwidth: 1e9, Trace: sched.NewTrace(60)},
	} {
		b.Run(name, func(b *testing.B) {
			s := &sched.Scheduler{}
			n := netsim.New(s, sched.NewSource(1).Stream("net"), cfg)
			e := &echo{}
			for id := range uint64(5) {
				n.Start(id, e)
			}
			for x := range uint64(5) {
				for y := range x {
					n.Dial(x, y, 0)
				}
			}
			s.RunUntil(1000 * ms)
			e.frames = 0
			b.ReportAllocs()
			b.ResetTimer()
			for e.frames < b.N {
				s.Step()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}

// One sender keeps a window full: many frames an event.
func BenchmarkStream(b *testing.B) {
	s := &sched.Scheduler{}
	n := netsim.New(s, sched.NewSource(1).Stream("net"), netsim.Config{Latency: ms, Jitter: ms})
	e := &sink{}
	n.Start(1, e)
	n.Start(2, e)
	c := n.Dial(1, 2, 0)
	s.RunUntil(1000 * ms)
	e.frames = 0
	frame := make([]byte, 64)
	b.ReportAllocs()
	b.ResetTimer()
	for e.frames < b.N {
		if c.Backlog() > 1<<16 {
			s.Step()
		} else if _, err := c.Send(frame); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

type sink struct {
	echo
	frames int
}

func (s *sink) Open(netsim.Conn)          {}
func (s *sink) Frame(netsim.Conn, []byte) { s.frames++ }
