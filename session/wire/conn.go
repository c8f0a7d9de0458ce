package wire

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// conn is one client's connection. Its own goroutine reads requests and passes them
// to the host; answers and events come from the host's, and are written by a
// goroutine that is there only while there is something to write.
type conn struct {
	s     *Server
	n     net.Conn
	addr  string
	since time.Time

	// Of the reading goroutine alone.
	in       *bufio.Reader
	frame    []byte // the last one, if nobody keeps it
	header   [4]byte
	lastID   uint64
	sequence uint64
	base     uint64 // the sequence that the session had when it came here
	pings    uint64
	pinged   time.Time
	limits   tree.Limits
	batch    []protocol.Request
	readOnly bool // the session is

	wish wish // Server.mu guards it

	received, sent atomic.Int64
	latency        latency

	mu      sync.Mutex // over all below; nothing under it can block
	room    sync.Cond  // some of pending were answered, or the end
	link    session.Link
	session int64
	timeout time.Duration // of the session; set once, and read by the reading goroutine
	joined  chan joining  // capacity 1: the answer to Open or Attach
	zxid    int64         // of the host's last message
	last    lastReply
	pending pending
	change  *change // a reconfig that is under way
	watches watches
	answers uint64 // sequence up to which all writes are answered
	keeps   bool   // the client says itself which answers it has:
	kept    uint64 // up to this one
	held    bool   // the host waits to hear of more of them
	// released is of which it heard last when it had waited.
	released uint64
	unsaid   []protocol.Request // for the link, as soon as the mutex is given back
	out      []byte
	spare    []byte // for out, while the other is written
	sending  bool   // the reading goroutine is passing on requests, and will write
	writing  bool   // somebody is at it
	refused  bool   // by the host, of which the client is to be told
	ending   bool   // after what is in out
	ended    bool
	reason   string
	level    slog.Level // that the reason is worth
}

// lastReply is the last thing that a client was answered: what, when, and how long it took.
type lastReply struct {
	op       opcode
	xid      int32
	at, took time.Duration // since the server was started, and was asked
}

// joining is what a handshake came to.
type joining struct {
	attached *protocol.Attached
	refused  *protocol.Refused
}

const readBuffer = 2 << 10 // a small one: ten thousand connections may do nothing

func newConn(s *Server, n net.Conn, addr string) *conn {
	c := &conn{s: s, n: n, addr: addr, since: time.Now(), joined: make(chan joining, 1)}
	c.room.L = &c.mu
	return c
}

// serve is the connection's goroutine.
func (c *conn) serve() {
	c.in = bufio.NewReaderSize(c.n, readBuffer)
	switch err := c.converse(); {
	case err == nil:
		c.finish("")
	case errors.Is(err, errExpired):
		c.finish(err.Error())
	default:
		c.fail(reasonOf(err), levelOf(err))
	}
	c.mu.Lock()
	link := c.link
	for c.writing || !c.ended {
		c.room.Wait()
	}
	reason, level, session := c.reason, c.level, c.session
	c.mu.Unlock()
	if reason != "" {
		c.s.config.Logger.Log(context.Background(), level, "zookeeper client disconnected",
			"remote", c.n.RemoteAddr(), "session", session, "reason", reason)
	}
	if link != nil {
		link.Close()
	}
	c.s.forget(c) // before the client can know that it is over
	_ = c.n.Close()
}

// reasonOf says in a few words why a connection ended.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, io.EOF):
		return "closed by the client"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "closed by the client in the middle of a frame"
	case errors.Is(err, net.ErrClosed):
		return "closed"
	}
	return err.Error()
}

// levelOf says how much an end is worth to be told: what every client does is not.
func levelOf(err error) slog.Level {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// converse reads everything that the client sends. The error says why the connection
// ends; nil means that it ends after what is still to be written.
func (c *conn) converse() error {
	c.readBy(time.Now().Add(c.s.config.HandshakeTimeout))
	if _, err := io.ReadFull(c.in, c.header[:]); err != nil {
		return err
	}
	if w, ok := parseWord(c.header); ok {
		return c.answerWord(w)
	}
	if err := c.handshake(); err != nil {
		return err
	}
	for {
		more, err := c.next()
		if err != nil {
			return err
		}
		if !more {
			c.drain()
			return nil
		}
	}
}

// readBy sets until when something has to be read.
func (c *conn) readBy(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		_ = c.n.SetReadDeadline(t)
	}
}

// drain waits until everything is answered.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.pending.len() > 0 && !c.ended {
		c.room.Wait()
	}
}

// next takes one request, and all that have arrived behind it.
func (c *conn) next() (more bool, err error) {
	for {
		if err := c.readFrame(); err != nil {
			c.flush() // what was good before it
			return false, err
		}
		more, err := c.request()
		if cap(c.frame) > maxSpare {
			c.frame = nil
		}
		if err != nil {
			c.flush()
			return false, err
		}
		if !more || len(c.batch) >= maxBatch || !c.buffered() {
			c.flush()
			return more, nil
		}
	}
}

// maxBatch is how many requests are passed on at once. Their answers are there before
// any of them is written.
const maxBatch = 16

// buffered says whether a whole frame has been read ahead.
func (c *conn) buffered() bool {
	n := c.in.Buffered()
	if n < 4 {
		return false
	}
	b, _ := c.in.Peek(4)
	return uint32(n-4) >= binary.BigEndian.Uint32(b)
}

// readFrame reads one frame into c.frame.
func (c *conn) readFrame() error {
	if _, err := io.ReadFull(c.in, c.header[:]); err != nil {
		return err
	}
	return c.readBody()
}

// readBody reads a frame whose length has been read.
func (c *conn) readBody() error {
	n := int64(int32(binary.BigEndian.Uint32(c.header[:])))
	if n < 0 || n > int64(c.s.config.MaxFrameBytes) {
		return fmt.Errorf("wire: frame of %d bytes, the limit is %d", n, c.s.config.MaxFrameBytes)
	}
	c.received.Add(1)
	c.s.stats.received.Add(1)
	if int(n) <= cap(c.frame) {
		c.frame = c.frame[:n]
		_, err := io.ReadFull(c.in, c.frame)
		return noEOF(err)
	}
	// What is claimed is not allocated before it comes.
	c.frame = c.frame[:0]
	for int64(len(c.frame)) < n {
		step := min(n-int64(len(c.frame)), max(4<<10, int64(len(c.frame))))
		old := len(c.frame)
		grown := make([]byte, old+int(step))
		copy(grown, c.frame)
		if _, err := io.ReadFull(c.in, grown[old:]); err != nil {
			return noEOF(err)
		}
		c.frame = grown
	}
	return nil
}

// noEOF makes the end in the middle of a frame an error of its own.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// flush passes the batch on to the host. What is answered meanwhile is written by
// this goroutine, which makes a slow client wait for itself.
func (c *conn) flush() {
	if len(c.batch) == 0 {
		return
	}
	c.mu.Lock()
	link := c.link
	c.hold()
	c.sending = true
	c.mu.Unlock()
	link.Send(c.batch...)
	clear(c.batch)
	c.batch = c.batch[:0]
	c.mu.Lock()
	c.sending = false
	if c.writing || len(c.out) == 0 {
		c.mu.Unlock()
		return
	}
	c.writing = true
	c.mu.Unlock()
	c.write()
}

// wake has somebody write what is in out. c.mu is held.
func (c *conn) wake() {
	if c.writing || c.sending || c.ended || len(c.out) == 0 && !c.ending {
		return
	}
	c.writing = true
	c.s.workers.Add(1)
	go func() {
		defer c.s.workers.Done()
		c.write()
	}()
}

// write writes until there is nothing left. writing is set, and is not any more when
// it returns.
func (c *conn) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out) > 0 && !c.ended {
		b := c.out
		c.out, c.spare = c.spare[:0], nil
		_ = c.n.SetWriteDeadline(time.Now().Add(writeTimeout))
		c.mu.Unlock()
		_, err := c.n.Write(b)
		c.mu.Lock()
		if cap(b) <= maxSpare {
			c.spare = b[:0]
		}
		if err != nil {
			c.end(err.Error())
		}
	}
	c.writing = false
	if c.ending {
		c.end(c.reason)
	}
	if len(c.out) == 0 && cap(c.out) > maxSpare {
		c.out = nil
	}
	if len(c.out) == 0 && c.pending.len() == 0 { // who is idle holds next to nothing
		if cap(c.out) > idleSpare {
			c.out = nil
		}
		if cap(c.spare) > idleSpare {
			c.spare = nil
		}
	}
	c.room.Broadcast()
}

const (
	// maxSpare is how large a buffer is kept for the next answers.
	maxSpare = 64 << 10
	// idleSpare is how large one is kept by who has nothing to answer.
	idleSpare = 2 << 10
	// writeTimeout is how long a client may take to read anything at all.
	writeTimeout = time.Minute
)

// because notes why the connection ends, unless that is known already. c.mu is held.
func (c *conn) because(reason string, level slog.Level) {
	if c.reason == "" {
		c.reason, c.level = reason, level
	}
}

// fail ends the connection at once.
func (c *conn) fail(reason string, level slog.Level) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.because(reason, level)
	c.end(reason)
}

// finish ends the connection once all that is in out is written.
func (c *conn) finish(reason string) {
	c.mu.Lock()
	if !c.ending {
		c.ending = true
		c.because(reason, slog.LevelInfo)
	}
	c.wake()
	c.mu.Unlock()
}

// end has whoever reads or writes come back at once; the connection's own goroutine
// closes it. c.mu is held.
func (c *conn) end(reason string) {
	if c.ended {
		return
	}
	c.because(reason, slog.LevelInfo)
	c.ended, c.out = true, nil
	c.change.stop()
	c.s.stats.outstanding.Add(-int64(c.pending.drop()))
	c.room.Broadcast()
	_ = c.n.SetDeadline(time.Unix(1, 0))
}
