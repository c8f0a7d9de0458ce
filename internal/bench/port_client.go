package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// portClient is a client of ZooKeeper's protocol that sends without waiting for answers,
// and as much at once as there is. It can do what portPeer needs, and as little work as
// can be done for it, for whichever server.
type portClient struct {
	n net.Conn

	mu      sync.Mutex
	out     []byte
	waiting []chan<- error // in the order of the requests
	xid     int32
	err     error
	bell    sync.Cond // there is something to write, or the end
	closed  bool

	done sync.WaitGroup
}

// The numbers of the requests.
const (
	opCreate  = 1
	opSetData = 5
	opSync    = 9
	opPing    = 11
)

const (
	xidPing    = -2
	nodeExists = -110
)

// pingEvery keeps the session alive, whose timeout is a minute.
const (
	pingEvery   = 10 * time.Second
	portTimeout = time.Minute
)

func dialPortClient(addr string) (*portClient, error) {
	n, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &portClient{n: n}
	c.bell.L = &c.mu
	in := bufio.NewReaderSize(n, 64<<10)
	if err := c.handshake(in); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	c.done.Go(c.write)
	c.done.Go(func() { c.read(in) })
	return c, nil
}

func (c *portClient) handshake(in io.Reader) error {
	b := begin(nil)
	b = binary.BigEndian.AppendUint32(b, 0) // version
	b = binary.BigEndian.AppendUint64(b, 0) // last zxid seen
	b = binary.BigEndian.AppendUint32(b, uint32(portTimeout/time.Millisecond))
	b = binary.BigEndian.AppendUint64(b, 0) // a new session
	b = appendBytes(b, make([]byte, 16))
	if _, err := c.n.Write(end(append(b, 0), 0)); err != nil { // not read-only
		return err
	}
	frame, err := readFrame(in, nil)
	if err != nil {
		return err
	}
	if len(frame) < 16 || binary.BigEndian.Uint64(frame[8:]) == 0 {
		return errors.New("no session was given")
	}
	return nil
}

// set asks for the data of a znode to be set; the outcome goes into answer, which must
// have room.
func (c *portClient) set(path string, data []byte, answer chan<- error) {
	c.ask(opSetData, answer, func(b []byte) []byte {
		b = appendBytes(appendBytes(b, []byte(path)), data)
		return binary.BigEndian.AppendUint32(b, 1<<32-1) // of any version
	})
}

// create asks for an empty persistent znode that is open to all. That there is one
// already is as good.
func (c *portClient) create(path string, answer chan<- error) {
	c.ask(opCreate, answer, func(b []byte) []byte {
		b = appendBytes(appendBytes(b, []byte(path)), nil)
		b = binary.BigEndian.AppendUint32(b, 1)
		b = binary.BigEndian.AppendUint32(b, 31)
		b = appendBytes(appendBytes(b, []byte("world")), []byte("anyone"))
		return binary.BigEndian.AppendUint32(b, 0)
	})
}

func (c *portClient) sync(path string, answer chan<- error) {
	c.ask(opSync, answer, func(b []byte) []byte { return appendBytes(b, []byte(path)) })
}

// ask sends a request with the body that is appended.
func (c *portClient) ask(op uint32, answer chan<- error, body func([]byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		answer <- c.err
		return
	}
	c.xid++
	start := len(c.out)
	b := binary.BigEndian.AppendUint32(begin(c.out), uint32(c.xid))
	c.out = end(body(binary.BigEndian.AppendUint32(b, op)), start)
	c.waiting = append(c.waiting, answer)
	c.bell.Signal()
}

// write is the goroutine that writes whatever there is.
func (c *portClient) write() {
	ping := time.AfterFunc(pingEvery, c.ping)
	defer ping.Stop()
	var spare []byte
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for len(c.out) == 0 && !c.closed && c.err == nil {
			c.bell.Wait()
		}
		if len(c.out) == 0 || c.err != nil {
			return
		}
		b := c.out
		c.out = spare[:0]
		c.mu.Unlock()
		_, err := c.n.Write(b)
		spare = b
		c.mu.Lock()
		if err != nil {
			c.fail(err)
		}
		ping.Reset(pingEvery)
	}
}

// ping says that the client is alive, if nothing else does.
func (c *portClient) ping() {
	c.mu.Lock()
	defer c.mu.Unlock()
	start := len(c.out)
	b := binary.BigEndian.AppendUint32(begin(c.out), 1<<32+xidPing)
	c.out = end(binary.BigEndian.AppendUint32(b, opPing), start)
	c.bell.Signal()
}

// read is the goroutine that hands out answers.
func (c *portClient) read(in io.Reader) {
	var frame []byte
	for {
		var err error
		frame, err = readFrame(in, frame)
		if err == nil && len(frame) < 16 {
			err = errors.New("a reply is too short")
		}
		if err != nil {
			c.mu.Lock()
			c.fail(err)
			c.mu.Unlock()
			return
		}
		if int32(binary.BigEndian.Uint32(frame)) == xidPing {
			continue
		}
		code := int32(binary.BigEndian.Uint32(frame[12:]))
		c.mu.Lock()
		answer := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.mu.Unlock()
		if code != 0 && code != nodeExists {
			answer <- fmt.Errorf("zookeeper: code %d", code)
		} else {
			answer <- nil
		}
	}
}

// fail ends everything. c.mu is held.
func (c *portClient) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	for _, answer := range c.waiting {
		answer <- c.err
	}
	c.waiting = nil
	c.bell.Broadcast()
}

// close ends the connection; its session is left to its timeout.
func (c *portClient) close() error {
	c.mu.Lock()
	c.closed = true
	c.bell.Broadcast()
	c.mu.Unlock()
	err := c.n.Close()
	c.done.Wait()
	return err
}

// begin leaves room for a frame's length, which end fills in.
func begin(dst []byte) []byte { return append(dst, 0, 0, 0, 0) }

func end(frame []byte, start int) []byte {
	binary.BigEndian.PutUint32(frame[start:], uint32(len(frame)-start-4))
	return frame
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}

// readFrame reads one frame into memory that may be used again.
func readFrame(in io.Reader, into []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if n > 1<<20 {
		return nil, fmt.Errorf("a frame of %d bytes", n)
	}
	if cap(into) < n {
		into = make([]byte, n)
	}
	_, err := io.ReadFull(in, into[:n])
	return into[:n], err
}
