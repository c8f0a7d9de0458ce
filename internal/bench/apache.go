package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// apacheJar is where Debian's package zookeeper has it; the archive names the others.
const apacheJar = "/usr/share/java/zookeeper.jar"

// apache is three servers of Apache ZooKeeper, each with a Java machine of its own and,
// but for the ports, as they are by default: what is acknowledged is synced.
type apache struct {
	members []*exec.Cmd
	clients []string // addresses
}

// newApachePeer has the callers of a portPeer write to Apache's leader: the client is the
// same, and does less than Java's own.
func newApachePeer(dir string) (peer, error) {
	if _, err := os.Stat(apacheJar); err != nil {
		return nil, errors.New(apacheJar + " is missing: apt-get install zookeeper")
	}
	a := &apache{}
	if err := a.start(dir); err != nil {
		return nil, errors.Join(err, a.end())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	leader, err := a.leader(ctx)
	if err != nil {
		return nil, errors.Join(err, a.end())
	}
	return dialPort("apache", leader, a.end)
}

func (a *apache) start(dir string) error {
	ports, err := freePorts(3 * replicas)
	if err != nil {
		return err
	}
	var servers strings.Builder
	for i := range replicas {
		a.clients = append(a.clients, fmt.Sprintf("127.0.0.1:%d", ports[3*i]))
		fmt.Fprintf(&servers, "server.%d=127.0.0.1:%d:%d\n", i+1, ports[3*i+1], ports[3*i+2])
	}
	for i := range replicas {
		home := filepath.Join(dir, fmt.Sprint(i+1))
		if err := os.MkdirAll(filepath.Join(home, "data"), 0o700); err != nil {
			return err
		}
		config := fmt.Sprintf("tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=%s/data\nclientPortAddress=127.0.0.1\nclientPort=%d\n"+
			"admin.enableServer=false\n%s", home, ports[3*i], servers.String())
		err := errors.Join(
			os.WriteFile(filepath.Join(home, "data", "myid"), []byte(fmt.Sprint(i+1)), 0o600),
			os.WriteFile(filepath.Join(home, "zoo.cfg"), []byte(config), 0o600))
		if err != nil {
			return err
		}
		cmd := exec.Command("java", "-Xmx512m", "-cp", apacheJar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", filepath.Join(home, "zoo.cfg"))
		cmd.Dir = home
		if err := cmd.Start(); err != nil {
			return err
		}
		a.members = append(a.members, cmd)
	}
	return nil
}

// freePorts returns ports of loopback at which nobody listens.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // when all are known
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// leader waits until somebody leads, and returns where it serves clients.
func (a *apache) leader(ctx context.Context) (string, error) {
	for {
		for _, addr := range a.clients {
			if strings.Contains(srvr(addr), "Mode: leader") {
				return addr, nil
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return "", fmt.Errorf("apache: nobody leads: %w", context.Cause(ctx))
		}
	}
}

// srvr returns a server's answer to that word, or nothing.
func srvr(addr string) string {
	n, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return ""
	}
	defer n.Close()
	_ = n.SetDeadline(time.Now().Add(time.Second))
	if _, err := n.Write([]byte("srvr")); err != nil {
		return ""
	}
	b, _ := io.ReadAll(io.LimitReader(n, 64<<10))
	return string(b)
}

func (a *apache) end() error {
	var errs []error
	for _, cmd := range a.members {
		errs = append(errs, cmd.Process.Kill())
		_ = cmd.Wait() // ended by us
	}
	return errors.Join(errs...)
}
