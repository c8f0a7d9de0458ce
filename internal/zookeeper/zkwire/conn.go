package zkwire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// maxFrame bounds what is read; real servers send no more than about 2 MiB.
const maxFrame = 16 << 20

// A Conn is one connection to a server.
type Conn struct {
	net     net.Conn
	r       *bufio.Reader
	timeout time.Duration // of each read and write
}

// Dial connects. No read or write of the connection takes longer than timeout.
func Dial(addr string, timeout time.Duration) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return nil, err
	}
	return &Conn{net: c, r: bufio.NewReader(c), timeout: timeout}, nil
}

// Close ends the connection without a word.
func (c *Conn) Close() error { return c.net.Close() }

// Write sends bytes as they are.
func (c *Conn) Write(b []byte) error {
	if err := c.net.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	_, err := c.net.Write(b)
	return err
}

// ReadFrame returns the next frame without its length.
func (c *Conn) ReadFrame() ([]byte, error) {
	if err := c.net.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return nil, fmt.Errorf("zkwire: frame of %d bytes", n)
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(c.r, frame)
	return frame, err
}

// ReadAll returns everything up to the end of the connection.
func (c *Conn) ReadAll() ([]byte, error) {
	if err := c.net.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(c.r, maxFrame))
}

// A ConnectRequest opens or resumes a session.
type ConnectRequest struct {
	Protocol     int32
	LastZxid     int64
	Timeout      int32 // in milliseconds
	SessionID    int64
	Password     []byte // nil is null
	ReadOnly     bool
	OmitReadOnly bool // as clients before 3.4 do
}

// AppendFrame appends the request with its length.
func (r *ConnectRequest) AppendFrame(b []byte) []byte {
	start := len(b)
	b = appendInt(b, 0)
	b = appendInt(b, r.Protocol)
	b = appendLong(b, r.LastZxid)
	b = appendInt(b, r.Timeout)
	b = appendLong(b, r.SessionID)
	b = appendBuffer(b, r.Password)
	if !r.OmitReadOnly {
		b = appendBool(b, r.ReadOnly)
	}
	appendInt(b[start:start], int32(len(b)-start-4))
	return b
}

// A ConnectReply is the answer to a ConnectRequest; a SessionID of 0 says that
// there is no such session.
type ConnectReply struct {
	Protocol    int32
	Timeout     int32
	SessionID   int64
	Password    []byte
	ReadOnly    bool
	HasReadOnly bool
	Rest        []byte
}

// DecodeConnect decodes the first frame that a server sends.
func DecodeConnect(frame []byte) (*ConnectReply, error) {
	d := &decoder{b: frame}
	r := &ConnectReply{Protocol: d.int(), Timeout: d.int(), SessionID: d.long(), Password: d.buffer()}
	if d.err == nil && len(d.b) > 0 {
		r.HasReadOnly = true
		r.ReadOnly = d.bool()
	}
	if d.err != nil {
		return nil, fmt.Errorf("%w: answer to connect: %x", d.err, clip(frame))
	}
	r.Rest = append([]byte(nil), d.b...)
	return r, nil
}
