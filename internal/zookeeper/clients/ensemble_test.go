package clients

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

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

// freePorts returns the first of n ports in a row that nobody listens at. They are none
// of those that connections go out from: one of those might be taken while its member is
// down. Nor are they those below 16100 that go-zookeeper's tests choose from.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for range 100 {
		first := 16100 + rand.IntN(14000)
		free := true
		for port := first; port < first+n; port++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if free = free && err == nil; err == nil {
				l.Close()
			}
		}
		if free {
			return first
		}
	}
	t.Fatal("there are no free ports")
	return 0
}

// ensemble runs three members, each a process.
func ensemble(t *testing.T) (members []*member, clients []string) {
	t.Helper()
	bin, err := server.BuildZabtree(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var peers []string
	port := freePorts(t, 6)
	for id := range 3 {
		peers = append(peers, fmt.Sprintf("%d=127.0.0.1:%d", id+1, port+id))
		clients = append(clients, fmt.Sprintf("127.0.0.1:%d", port+3+id))
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
