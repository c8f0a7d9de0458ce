// Command record talks to a real ZooKeeper server and writes down what both
// sides sent, for the tests of package wire. It encodes on its own, so that the
// package is not checked against itself.
//
// The server has to be a fresh one, standalone, with 4lw.commands.whitelist=*,
// zookeeper.extendedTypesEnabled=true, and the digest of super:secret as
// zookeeper.DigestAuthenticationProvider.superDigest. The frames here are of
// ZooKeeper 3.8.0:
//
//	go run ./session/wire/testdata/record -server 127.0.0.1:2181 -out session/wire/testdata/frames
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	server := flag.String("server", "127.0.0.1:2181", "address of the server")
	out := flag.String("out", ".", "folder to write to")
	flag.Parse()
	for _, scene := range []struct {
		name string
		play func(*script)
	}{
		{"handshake", handshakes}, {"nodes", nodes}, {"acl", acls}, {"multi", multis},
		{"watches", watches}, {"strange", strange}, {"end", ends},
	} {
		s := &script{server: *server}
		scene.play(s)
		if err := os.WriteFile(filepath.Join(*out, scene.name+".txt"), []byte(s.text.String()), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// script is one file: what was said, in order.
//
//	# what this is about
//	? the request, field by field
//	> its bytes, with the length in front
//	< what was received, a line each, the length in front
//	! closed, or silent: how it ended, if not with the reply
type script struct {
	server string
	text   strings.Builder
}

func (s *script) line(format string, args ...any) { fmt.Fprintf(&s.text, format+"\n", args...) }

// client is one connection.
type client struct {
	s    *script
	conn net.Conn
	xid  int32

	session  int64
	password []byte
}

// dial connects without a word.
func (s *script) dial() *client {
	conn, err := net.Dial("tcp", s.server)
	if err != nil {
		log.Fatal(err)
	}
	return &client{s: s, conn: conn}
}

// open is a connection with a new session, of which nothing is written down.
func (s *script) open() *client {
	c := (&script{server: s.server}).dial()
	c.connect("", 0, 10_000, 0, make([]byte, 16), []byte{0})
	c.s = s
	return c
}

// connect sends a handshake. What follows the password is given as bytes.
func (c *client) connect(label string, seen int64, timeout int32, session int64, password, rest []byte) {
	fields := []field{i32("version", 0), i64("seen", seen), i32("timeout", timeout), i64("session", session), buf("password", password)}
	if len(rest) > 0 {
		fields = append(fields, field{fmt.Sprintf("readOnly=%t", rest[0] != 0), rest[:1]})
		if len(rest) > 1 {
			fields = append(fields, field{"", rest[1:]})
		}
	}
	c.send(label, "connect", fields)
	if frame := c.receive(4, 4, 4, 8, 20); len(frame) >= 40 {
		c.session, c.password = int64(binary.BigEndian.Uint64(frame[12:])), frame[24:40]
	}
}

// call sends a request and waits for its reply; events may come before.
func (c *client) call(label string, op int32, fields ...field) []byte {
	c.xid++
	return c.callAs(label, c.xid, op, fields...)
}

func (c *client) callAs(label string, xid, op int32, fields ...field) []byte {
	c.send(label, "request", append([]field{i32("xid", xid), i32("op", op)}, fields...))
	for {
		frame := c.receive(4, 4, 8, 4)
		if frame == nil || op == ping || int32(binary.BigEndian.Uint32(frame[4:])) == xid {
			return frame
		}
	}
}

func (c *client) send(label, what string, fields []field) {
	var body []byte
	var texts, hexes []string
	for _, f := range fields {
		body = append(body, f.bytes...)
		if f.text != "" {
			texts = append(texts, f.text)
		}
		if len(f.bytes) > 0 {
			hexes = append(hexes, fmt.Sprintf("%x", f.bytes))
		}
	}
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	c.s.line("\n# %s\n? %s %s\n> %08x %s", label, what, strings.Join(texts, " "), len(body), strings.Join(hexes, " "))
	if _, err := c.conn.Write(frame); err != nil {
		log.Fatalf("%s: %v", label, err)
	}
}

// receive takes one frame, nil if there is none, and writes it down in parts of
// the given sizes.
func (c *client) receive(sizes ...int) []byte {
	c.conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	frame := make([]byte, 4)
	if _, err := io.ReadFull(c.conn, frame); err != nil {
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			c.s.line("! silent")
		} else {
			c.s.line("! closed")
		}
		return nil
	}
	frame = append(frame, make([]byte, binary.BigEndian.Uint32(frame))...)
	if _, err := io.ReadFull(c.conn, frame[4:]); err != nil {
		log.Fatal(err)
	}
	c.s.line("< %s", groups(frame, sizes))
	return frame
}

// groups is hex with a space after each part, and the rest.
func groups(frame []byte, sizes []int) string {
	var parts []string
	for _, n := range sizes {
		n = min(n, len(frame))
		parts = append(parts, fmt.Sprintf("%x", frame[:n]))
		frame = frame[n:]
	}
	if len(frame) > 0 {
		parts = append(parts, fmt.Sprintf("%x", frame))
	}
	return strings.Join(parts, " ")
}

// ended waits for the connection's end.
func (c *client) ended() {
	for c.receive() != nil {
	}
}
