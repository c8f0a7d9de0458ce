package tcp_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/transport/tcp"
)

// knock opens a bare connection.
func knock(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	return c
}

// helloOf encodes a hello from scratch, so that a change of the real one is seen.
func helloOf(t testing.TB, fields map[string]any) []byte {
	t.Helper()
	var body []byte
	h := &codec.MsgpackHandle{WriteExt: true}
	require.NoError(t, codec.NewEncoderBytes(&body, h).Encode(fields))
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func goodHello() map[string]any {
	return map[string]any{"magic": "zabtree/transport", "version": 1, "oldest": 1, "from": 5, "to": 2, "maxFrame": 4096}
}

func with(h map[string]any, key string, value any) map[string]any {
	h[key] = value
	return h
}

// answer reads the other side's hello.
func answer(t testing.TB, c net.Conn) (fields map[string]any) {
	t.Helper()
	var length [4]byte
	_, err := io.ReadFull(c, length[:])
	require.NoError(t, err)
	body := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err = io.ReadFull(c, body)
	require.NoError(t, err)
	h := &codec.MsgpackHandle{WriteExt: true}
	h.RawToString = true
	require.NoError(t, codec.NewDecoderBytes(body, h).Decode(&fields))
	return fields
}

// The first bytes are stable: what another version, or another program, has to
// send and to expect.
func TestHelloOnTheWire(t *testing.T) {
	b, to := start(t, tcp.Options{ID: 2, MaxFrame: 1 << 20})
	c := knock(t, to.Addr)
	// Sent in pieces, and with a field that does not exist yet.
	for _, piece := range helloOf(t, with(goodHello(), "compression", []any{"none", map[string]any{"level": 3}})) {
		_, err := c.Write([]byte{piece})
		require.NoError(t, err)
	}
	require.Equal(t, map[string]any{"magic": "zabtree/transport", "version": int64(1), "oldest": int64(1),
		"from": int64(2), "to": int64(5), "maxFrame": uint64(1 << 20)}, answer(t, c))
	d, err := b.Accept(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 5, d.Peer())

	_, err = c.Write([]byte("\x00\x00\x00\x05hello\x00\x00\x00\x00"))
	require.NoError(t, err)
	for _, want := range []string{"hello", ""} {
		f, err := d.Recv()
		require.NoError(t, err)
		require.Equal(t, want, string(f))
	}
	require.NoError(t, d.Send([]byte("a"), []byte("bc")))
	got := make([]byte, 11)
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, "\x00\x00\x00\x01a\x00\x00\x00\x02bc", string(got))
}

// Whatever a stranger sends, the connection is closed, the reason logged, and
// others are served.
func TestStrangers(t *testing.T) {
	long := with(goodHello(), "padding", strings.Repeat("x", 4096))
	var deep any = 1
	for range 100 {
		deep = []any{deep}
	}
	trailing := append(helloOf(t, goodHello()), "more"...)
	binary.BigEndian.PutUint32(trailing, uint32(len(trailing)-4))
	for name, c := range map[string]struct {
		bytes  []byte
		reason string
	}{
		"HTTP":            {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "no hello of this transport"},
		"TLS":             {[]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "no hello of this transport"},
		"zeros":           {make([]byte, 64), "no hello of this transport"},
		"too long":        {helloOf(t, long), "over 4096"},
		"not MessagePack": {[]byte("\x00\x00\x00\x04\xc1\xc1\xc1\xc1"), "no hello of this transport"},
		"a lying length":  {[]byte("\x00\x00\x00\x05\xdf\xff\xff\xff\xff"), "no hello of this transport"},
		"too deep":        {helloOf(t, with(goodHello(), "deep", deep)), "no hello of this transport"},
		"bytes after it":  {trailing, "bytes after its end"},
		"other magic":     {helloOf(t, with(goodHello(), "magic", "etcd")), "no hello of this transport"},
		"wrong type":      {helloOf(t, with(goodHello(), "from", "me")), "no hello of this transport"},
		"no version":      {helloOf(t, with(goodHello(), "version", 0)), "no hello of this transport"},
		"newer version":   {helloOf(t, with(with(goodHello(), "version", 9), "oldest", 8)), "versions 8 to 9"},
		"older version":   {helloOf(t, with(with(goodHello(), "oldest", 0), "version", 1)), ""}, // speaks 1 too
		"other replica":   {helloOf(t, with(goodHello(), "to", 77)), "replica 77 is looked for"},
		"tiny frames":     {helloOf(t, with(goodHello(), "maxFrame", 3)), "at most 3 bytes"},
		"a refusal":       {helloOf(t, with(goodHello(), "refusal", "no")), "refused by the other side"},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal()
			b, to := start(t, tcp.Options{ID: 2, Logger: j.logger()})
			stranger := knock(t, to.Addr)
			_, err := stranger.Write(c.bytes)
			require.NoError(t, err)
			if c.reason == "" {
				require.NotContains(t, answer(t, stranger), "refusal")
				return
			}
			// To the end: an answer, if any, and then no more. The end may be a reset.
			all, _ := io.ReadAll(stranger)
			if strings.Contains(string(all), "refusal") {
				require.Contains(t, string(all), c.reason)
			}
			j.wait(t, c.reason)
			a, _ := start(t, tcp.Options{ID: 1})
			connect(t, a, b, to)
		})
	}
}

// A server that is not ours is no peer to a dialing side either.
func TestDialToStrangers(t *testing.T) {
	for name, says := range map[string]string{
		"SMTP":        "220 mail.example ESMTP\r\n",
		"other magic": string(helloOf(t, with(goodHello(), "magic", "etcd"))),
		"other ID":    string(helloOf(t, goodHello())),
		"refusal":     string(helloOf(t, with(with(goodHello(), "from", 2), "refusal", "go away \x00\n"))),
		"nothing":     "",
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t)
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err == nil {
					io.WriteString(c, says)
					io.CopyN(io.Discard, c, 4)
					c.Close()
				}
			}()
			a, _ := start(t, tcp.Options{ID: 1})
			_, err := a.Dial(t.Context(), transport.Endpoint{ID: 2, Addr: l.Addr().String()})
			require.ErrorIs(t, err, transport.ErrUnreachable)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// Who is silent, or slow, is closed when the time is over: byte by byte is not
// progress, as it would be without end.
func TestHandshakeTimeout(t *testing.T) {
	ca := newAuthority(t)
	for _, o := range []tcp.Options{{}, {TLS: ca.config(2)}} {
		j := newJournal()
		o.HandshakeTimeout, o.Logger = 50*time.Millisecond, j.logger()
		_, to := start(t, o)
		silent, slow := knock(t, to.Addr), knock(t, to.Addr)
		_, err := slow.Write([]byte{0, 0})
		require.NoError(t, err)
		for _, c := range []net.Conn{silent, slow} {
			_, err := c.Read(make([]byte, 1))
			require.Error(t, err)
			require.NotErrorIs(t, err, context.DeadlineExceeded, "knock's own deadline, not the transport's")
		}
		j.wait(t, "timeout")
	}
	l := listen(t) // accepts in the kernel and never says anything
	defer l.Close()
	a, _ := start(t, tcp.Options{HandshakeTimeout: 50 * time.Millisecond})
	_, err := a.Dial(t.Context(), transport.Endpoint{Addr: l.Addr().String()})
	require.ErrorIs(t, err, transport.ErrUnreachable)
}

// Dial in the middle of a handshake ends with its context, and with Close.
func TestDialEndsDuringHandshake(t *testing.T) {
	l := listen(t)
	defer l.Close()
	to := transport.Endpoint{Addr: l.Addr().String()}
	a, err := tcp.New(nil, tcp.Options{HandshakeTimeout: time.Hour})
	require.NoError(t, err)
	for _, closes := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { _, err := a.Dial(ctx, to); result <- err }()
		c, err := l.Accept()
		require.NoError(t, err)
		defer c.Close()
		if closes {
			require.NoError(t, a.Close())
			require.ErrorIs(t, <-result, transport.ErrClosed)
		} else {
			cancel()
			require.ErrorIs(t, <-result, context.Canceled)
		}
		cancel()
	}
}

// Close ends a Dial that has no connection yet.
func TestCloseEndsDial(t *testing.T) {
	dialing := make(chan struct{})
	a, err := tcp.New(nil, tcp.Options{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		close(dialing)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	require.NoError(t, err)
	result := make(chan error, 1)
	go func() { _, err := a.Dial(t.Context(), transport.Endpoint{Addr: "nowhere"}); result <- err }()
	<-dialing
	require.NoError(t, a.Close())
	require.ErrorIs(t, <-result, transport.ErrClosed)
}

// Connections that never finish their handshake cost no more than the limit and
// keep nobody out, though none of them ever times out here.
func TestFloodOfHandshakes(t *testing.T) {
	const limit, flood = 8, 600
	j := newJournal()
	b, to := start(t, tcp.Options{ID: 2, HandshakeTimeout: time.Hour, MaxHandshakes: limit, Logger: j.logger()})
	a, _ := start(t, tcp.Options{ID: 1})
	before := runtime.NumGoroutine()
	for i := range flood {
		c := knock(t, to.Addr)
		if i%2 == 0 {
			c.Write([]byte{0, 0, 1, 0, 0x85}) // a hello that begins well
		}
		if i%100 == 99 {
			x, y := connect(t, a, b, to)
			require.NoError(t, x.Send([]byte("served")))
			f, err := y.Recv()
			require.NoError(t, err)
			require.Equal(t, "served", string(f))
			require.Less(t, runtime.NumGoroutine(), before+limit+50) // some may be on their way out
		}
	}
	log := j.wait(t, "too many handshakes at once")
	require.Less(t, strings.Count(log, "\n"), flood/2, "logged at a bounded rate")
}

// Nobody accepts: what waits is bounded, and served when somebody does. Which
// ones are refused is for the handshakes to race for.
func TestAcceptQueueIsBounded(t *testing.T) {
	const limit, more = 4, 3
	j := newJournal()
	b, to := start(t, tcp.Options{ID: 2, MaxHandshakes: limit, Logger: j.logger()})
	a, _ := start(t, tcp.Options{ID: 1})
	answers := make(chan string, limit+more)
	for range cap(answers) {
		c, err := a.Dial(t.Context(), to)
		require.NoError(t, err)
		go func() {
			f, err := c.Recv()
			if errors.Is(err, transport.ErrBroken) {
				f = []byte("broken")
			}
			answers <- string(f)
		}()
	}
	j.waitTimes(t, more, "too many connections wait")
	for range limit {
		d, err := b.Accept(t.Context())
		require.NoError(t, err)
		require.NoError(t, d.Send([]byte("served")))
	}
	count := make(map[string]int)
	for range cap(answers) {
		count[<-answers]++
	}
	require.Equal(t, map[string]int{"served": limit, "broken": more}, count)
}

// A frame over the limit breaks its connection before anything is allocated.
func TestFrameOverTheLimit(t *testing.T) {
	b, to := start(t, tcp.Options{ID: 2, MaxFrame: 1 << 20})
	c := knock(t, to.Addr)
	_, err := c.Write(append(helloOf(t, goodHello()), "\x00\x00\x00\x02ok\xff\xff\xff\xff"...))
	require.NoError(t, err)
	d, err := b.Accept(t.Context())
	require.NoError(t, err)
	f, err := d.Recv()
	require.NoError(t, err)
	require.Equal(t, "ok", string(f))
	for range 2 {
		_, err = d.Recv()
		require.ErrorIs(t, err, transport.ErrFrameTooLarge)
		require.ErrorIs(t, err, transport.ErrBroken)
	}
}
