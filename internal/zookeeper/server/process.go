package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// A Process is a running server.
type Process struct {
	Addr string // where clients connect

	cmd  *exec.Cmd
	dir  string
	out  *tail
	done chan struct{} // closed when the process has ended
	err  error         // why; to be read after done
}

// start runs a command whose working files are in dir, which becomes the
// process's own.
func start(cmd *exec.Cmd, addr, dir string, out *tail) (*Process, error) {
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("server: %w", err), os.RemoveAll(dir))
	}
	p := &Process{Addr: addr, cmd: cmd, dir: dir, out: out, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// At is a server that somebody else runs, and that is left alone.
func At(addr string) *Process { return &Process{Addr: addr} }

// Close ends the process and removes what it wrote.
func (p *Process) Close() error {
	if p.cmd == nil {
		return nil
	}
	select {
	case <-p.done:
		return errors.Join(fmt.Errorf("server: ended by itself: %v\n%s", p.err, p.out), os.RemoveAll(p.dir))
	default:
	}
	err := p.cmd.Process.Kill()
	<-p.done
	return errors.Join(err, os.RemoveAll(p.dir))
}

// Ended returns an error if the process is no longer there.
func (p *Process) Ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("server: ended by itself: %v\n%s", p.err, p.out)
	default:
		return nil
	}
}

// wait calls ready until it is true or the process or the context has ended.
func (p *Process) wait(ctx context.Context, ready func() bool) error {
	tick := newTicker()
	defer tick.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-p.done:
			return p.Close()
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("server: not ready: %w\n%s", ctx.Err(), p.out), p.Close())
		}
	}
	return nil
}

// freeAddr returns an address on the loopback interface that nobody listens at.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// place chooses an address, makes a directory and writes zoo.cfg into it.
func (o Options) place(name string) (addr, dir, file string, err error) {
	if addr, err = freeAddr(); err != nil {
		return "", "", "", err
	}
	if dir, err = os.MkdirTemp("", name); err != nil {
		return "", "", "", err
	}
	file = filepath.Join(dir, "zoo.cfg")
	if err := os.WriteFile(file, []byte(o.config(addr, dir)), 0o600); err != nil {
		return "", "", "", errors.Join(err, os.RemoveAll(dir))
	}
	return addr, dir, file, nil
}

// tail keeps the last of what is written to it, for error messages.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailBytes = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if n := len(t.b) - tailBytes; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// hasLine says whether a line was written, whole.
func (t *tail) hasLine(line string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Contains(append([]byte("\n"), t.b...), []byte("\n"+line+"\n"))
}
