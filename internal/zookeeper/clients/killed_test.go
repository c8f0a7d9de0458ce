package clients

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
)

// member is one process of an ensemble.
type member struct {
	args []string
	cmd  *exec.Cmd
}

// start starts it, and waits until it serves.
func (m *member) start(ctx context.Context) error {
	m.cmd = exec.Command(m.args[0], m.args[1:]...)
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := m.cmd.Start(); err != nil {
		return err
	}
	ready := make(chan error, 1)
	go func() {
		in := bufio.NewScanner(out)
		for in.Scan() {
			if in.Text() == "ready" {
				ready <- nil
			}
		}
		ready <- errors.New("a member ended before it was ready")
	}()
	select {
	case err := <-ready:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *member) kill() {
	if m.cmd != nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait()
	}
}

func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// ensemble runs three members, each a process.
func ensemble(t *testing.T) (members []*member, clients []string) {
	t.Helper()
	bin, err := server.BuildZabtree(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var peers []string
	for id := range 3 {
		peers = append(peers, fmt.Sprintf("%d=%s", id+1, freeAddr(t)))
		clients = append(clients, freeAddr(t))
	}
	dir := t.TempDir()
	started := make(chan error, 3)
	for id := range 3 {
		m := &member{args: []string{bin, "-id", strconv.Itoa(id + 1), "-peers", strings.Join(peers, ","),
			"-client", clients[id], "-dir", filepath.Join(dir, strconv.Itoa(id+1))}}
		members = append(members, m)
		t.Cleanup(m.kill)
		go func() { started <- m.start(t.Context()) }()
	}
	for range 3 {
		if err := <-started; err != nil {
			t.Fatal(err)
		}
	}
	return members, clients
}

// worker is a client that counts in a znode of its own and leaves another one behind for
// each time. It tries again as clients do: it looks what became of what was not answered.
type worker struct {
	c      *zk.Conn
	path   string
	count  int // as it knows it
	doubts int // answers that it did not get
}

var acl = zk.WorldACL(zk.PermAll)

// sure does something until the connection is good enough to tell what came of it.
func sure(until <-chan struct{}, do func() error) error {
	for {
		switch err := do(); {
		case errors.Is(err, zk.ErrConnectionClosed), errors.Is(err, zk.ErrNoServer), errors.Is(err, zk.ErrSessionMoved):
		default:
			return err
		}
		select {
		case <-until:
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (w *worker) step(until <-chan struct{}) error {
	want := strconv.Itoa(w.count + 1)
	_, err := w.c.Set(w.path, []byte(want), int32(w.count))
	if err != nil {
		w.doubts++
		var version int32
		err = sure(until, func() error {
			data, stat, err := w.c.Get(w.path)
			if err == nil {
				if version = stat.Version; string(data) != strconv.Itoa(int(version)) {
					return fmt.Errorf("%s has %q at version %d", w.path, data, version)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		if version != int32(w.count) && version != int32(w.count+1) {
			return fmt.Errorf("%s is at version %d, and was set %d or %d times", w.path, version, w.count, w.count+1)
		}
		if version == int32(w.count) {
			return nil // it came to nothing
		}
	}
	w.count++
	return sure(until, func() error {
		_, err := w.c.Create(w.path+"/"+want, nil, 0, acl)
		if errors.Is(err, zk.ErrNodeExists) {
			return nil // it was there the time before
		}
		return err
	})
}

// TestKilledMembers: members are killed with SIGKILL and started again, one after the
// other, while clients count. Nothing that was answered is lost, and nothing is done
// twice.
func TestKilledMembers(t *testing.T) {
	const lasts, every = 20 * time.Second, 2 * time.Second
	members, addrs := ensemble(t)
	until := make(chan struct{})
	var wg sync.WaitGroup
	workers := make([]*worker, 4)
	failed := make(chan error, len(workers))
	for i := range workers {
		c, _ := connect(t, addrs...)
		w := &worker{c: c, path: fmt.Sprintf("/w%d", i)}
		workers[i] = w
		if err := sure(until, func() error { _, err := c.Create(w.path, []byte("0"), 0, acl); return err }); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for {
				select {
				case <-until:
					return
				default:
				}
				if err := w.step(until); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	end := time.After(lasts)
	kills := 0
	for kill := time.Tick(every); ; {
		select {
		case <-kill:
			m := members[kills%len(members)]
			kills++
			m.kill()
			if err := m.start(t.Context()); err != nil {
				t.Fatal(err)
			}
			continue
		case err := <-failed:
			t.Error(err)
		case <-end:
		}
		break
	}
	close(until)
	wg.Wait()
	if t.Failed() {
		return
	}
	c, _ := connect(t, addrs...)
	total, doubts := 0, 0
	for _, w := range workers {
		if _, err := c.Sync(w.path); err != nil {
			t.Fatal(err)
		}
		data, stat, err := c.Get(w.path)
		if err != nil {
			t.Fatal(err)
		}
		// The very last may not have been answered.
		if n := int(stat.Version); string(data) != strconv.Itoa(n) || n < w.count || n > w.count+1 || int(stat.NumChildren) < w.count-1 {
			t.Errorf("%s: %s at version %d with %d children, and %d were answered", w.path, data, n, stat.NumChildren, w.count)
		}
		total += w.count
		doubts += w.doubts
	}
	t.Logf("%d kills, %d writes, %d unanswered", kills, total, doubts)
	if kills < 5 || total < 100 || doubts == 0 {
		t.Errorf("%d kills, %d writes, %d unanswered: that is no test", kills, total, doubts)
	}
}
