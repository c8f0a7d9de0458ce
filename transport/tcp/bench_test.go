//go:build unix

package tcp_test

import (
	"crypto/tls"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/transport/tcp"
)

// cpu returns the processor time that this process used, both sides together.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFrames sends frames one way over loopback, batch of them in each Send.
// cpu-ns/frame is the processor time of both sides and the kernel.
func BenchmarkFrames(b *testing.B) {
	ca := newAuthority(b)
	for _, secure := range []bool{false, true} {
		for _, size := range []int{100, 4 << 10, 64 << 10} {
			for _, batch := range []int{1, 16, 128} {
				if size > 4<<10 && batch > 16 {
					continue
				}
				b.Run(fmt.Sprintf("tls=%v/size=%d/batch=%d", secure, size, batch), func(b *testing.B) {
					config := func(id uint64) *tls.Config {
						if secure {
							return ca.config(id)
						}
						return nil
					}
					benchmarkFrames(b, config, size, batch)
				})
			}
		}
	}
}

func benchmarkFrames(b *testing.B, config func(id uint64) *tls.Config, size, batch int) {
	x, _ := start(b, tcp.Options{ID: 1, TLS: config(1)})
	y, to := start(b, tcp.Options{ID: 2, TLS: config(2)})
	from, at := connect(b, x, y, to)
	frames := make([][]byte, batch)
	for i := range frames {
		frames[i] = make([]byte, size)
	}
	b.ReportAllocs()
	b.SetBytes(int64(size))
	before := cpu(b)
	b.ResetTimer()
	go func() {
		for sent := 0; sent < b.N; sent += batch {
			if from.Send(frames...) != nil {
				return
			}
		}
	}()
	for range b.N {
		if _, err := at.Recv(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/frame")
}

// BenchmarkRoundTrip sends one frame and waits for its answer.
func BenchmarkRoundTrip(b *testing.B) {
	x, _ := start(b, tcp.Options{ID: 1})
	y, to := start(b, tcp.Options{ID: 2})
	from, at := connect(b, x, y, to)
	go func() {
		for {
			f, err := at.Recv()
			if err != nil || at.Send(f) != nil {
				return
			}
		}
	}()
	frame := [][]byte{make([]byte, 100)}
	b.ReportAllocs()
	before := cpu(b)
	b.ResetTimer()
	for range b.N {
		if err := from.Send(frame...); err != nil {
			b.Fatal(err)
		}
		if _, err := from.Recv(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(2*b.N), "cpu-ns/frame")
}
