package tcp

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// stream is an open connection below frames, and below TLS if there is any. Its
// writes fail when the other side takes nothing for too long, but never while it
// takes something, however slowly: a deadline that passes after progress is set
// anew and the rest is written.
type stream struct {
	net.Conn
	vectored bool          // the net package writes several slices at once
	patience time.Duration // 0 during the handshake, which has its own deadline
	deadline time.Time     // the one in force; whoever writes owns it
}

func newStream(c net.Conn) *stream {
	s := &stream{Conn: c}
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		s.vectored = true
	}
	return s
}

// arm makes sure that the deadline is patience away at least. It is set twice as
// far, so that most writes have nothing to set.
func (s *stream) arm() error {
	now := time.Now()
	if s.patience == 0 || s.deadline.Sub(now) >= s.patience {
		return nil
	}
	s.deadline = now.Add(2 * s.patience)
	return s.SetWriteDeadline(s.deadline)
}

// Write writes all of b.
func (s *stream) Write(b []byte) (int, error) {
	written := 0
	for {
		if err := s.arm(); err != nil {
			return written, err
		}
		n, err := s.Conn.Write(b[written:])
		written += n
		if err == nil && written < len(b) {
			err = io.ErrShortWrite
		}
		if !s.again(n, err) {
			return written, err
		}
	}
}

// writeVector writes all slices, and uses up v.
func (s *stream) writeVector(v *net.Buffers) error {
	for {
		if err := s.arm(); err != nil {
			return err
		}
		n, err := v.WriteTo(s.Conn)
		if !s.again(int(min(n, 1)), err) {
			return err
		}
	}
}

// again reports whether a write of n bytes only ran into a deadline on its way.
func (s *stream) again(n int, err error) bool {
	return s.patience > 0 && n > 0 && errors.Is(err, os.ErrDeadlineExceeded)
}
