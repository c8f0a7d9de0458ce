package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zabtree/zabtree/session/wire"
)

// portPeer is an ensemble of which the leader serves ZooKeeper's client port, in another
// process: Zabtree's three members in one, Apache's in one each. Callers share a few connections to the leader, on which they do not wait for
// each other: a write sets a znode, one for each key, as with sessionPeer.
type portPeer struct {
	its     string
	stop    func() error
	clients [sessions]*portClient
	paths   []string // by key
}

// newPortPeer serves the ensemble of sessionPeer from a child process.
func newPortPeer(dir string) (peer, error) {
	c, err := startServing(dir)
	if err != nil {
		return nil, err
	}
	return dialPort("port", c.leader, c.end)
}

// dialPort connects to a leader's port and makes the znodes. The peer ends by stop.
func dialPort(name, leader string, stop func() error) (peer, error) {
	p := &portPeer{its: name, stop: stop}
	for key := range keySpace {
		p.paths = append(p.paths, "/k/"+strconv.Itoa(key))
	}
	for i := range p.clients {
		var err error
		if p.clients[i], err = dialPortClient(leader); err != nil {
			return nil, errors.Join(err, p.close())
		}
	}
	if err := p.createAll(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *portPeer) createAll() error {
	c := p.clients[0]
	answers := make(chan error, 1)
	if c.create("/k", answers); <-answers != nil {
		return errors.New("creating /k")
	}
	const atOnce = 256
	answers = make(chan error, atOnce)
	for i := 0; i < len(p.paths); i += atOnce {
		some := p.paths[i:min(i+atOnce, len(p.paths))]
		for _, path := range some {
			c.create(path, answers)
		}
		for range some {
			if err := <-answers; err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *portPeer) name() string { return p.its }

func (p *portPeer) caller(i int) (func([]byte) error, error) {
	c, answer := p.clients[i%sessions], make(chan error, 1)
	return func(cmd []byte) error {
		c.set(p.paths[binary.LittleEndian.Uint64(cmd)], cmd[keyBytes:], answer)
		return <-answer
	}, nil
}

// settle has nothing to compare: what the members hold is theirs to know. It waits for
// what was asked, so that no round works for another.
func (p *portPeer) settle() error {
	for _, c := range p.clients {
		answer := make(chan error, 1)
		if c.sync("/k", answer); <-answer != nil {
			return errors.New("sync failed")
		}
	}
	return nil
}

func (p *portPeer) close() error {
	var errs []error
	for _, c := range p.clients {
		if c != nil {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(append(errs, p.stop())...)
}

// serveFlag makes the command the servers of a portPeer, until its standard input ends.
const serveFlag = "-serve-port"

// serving is the child process.
type serving struct {
	leader string // address of the leader's client port
	cmd    *exec.Cmd
	in     io.Closer
}

// startServing starts the child, and waits until its members serve.
func startServing(dir string) (*serving, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &serving{cmd: exec.Command(self, serveFlag, dir)}
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.in = in
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the servers did not start: %w", err), c.end())
	}
	c.leader = strings.TrimSpace(line)
	return c, nil
}

func (c *serving) end() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }

// servePort is the child: it prints the address of the leader's client port.
func servePort(dir string, in io.Reader, out io.Writer) error {
	p := &sessionPeer{}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dir = filepath.Join(dir, "members")
	if err := p.start(ctx, dir); err != nil {
		return errors.Join(err, p.close())
	}
	defer p.close()
	leader, err := p.leader(ctx)
	if err != nil {
		return err
	}
	w, err := wire.NewServer(leader, wire.Config{})
	if err != nil {
		return err
	}
	defer w.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- w.Serve(l) }()
	fmt.Fprintln(out, l.Addr())
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, wire.ErrServerClosed) {
		return err
	}
	return nil
}
