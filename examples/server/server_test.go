package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/zoocfg"
	"github.com/zabtree/zabtree/zab"
)

// output collects what the program prints, and says when it is ready.
type output struct {
	mu    sync.Mutex
	b     bytes.Buffer
	ready chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.b.Write(p)
	if strings.Contains(o.b.String(), "ready\n") {
		select {
		case <-o.ready:
		default:
			close(o.ready)
		}
	}
	return n, err
}

// runs runs the program until the test has done what it wants to.
func runs(t *testing.T, args []string, do func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &output{ready: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- run(ctx, args, out, io.Discard) }()
	select {
	case <-out.ready:
	case err := <-done:
		t.Fatal(err)
	}
	do()
	cancel()
	require.NoError(t, <-done)
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func word(t *testing.T, addr, w string) string {
	n, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer n.Close()
	_, err = io.WriteString(n, w)
	require.NoError(t, err)
	b, err := io.ReadAll(n)
	require.NoError(t, err)
	return string(b)
}

func TestEnsembleInOneProcess(t *testing.T) {
	dir, addrs := t.TempDir(), []string{freePort(t), freePort(t), freePort(t)}
	args := []string{"-members", "3", "-client", strings.Join(addrs, ","), "-dir", dir, "-tick", "20ms"}
	for range 2 { // and once more from what is on disk
		runs(t, args, func() {
			want := map[string]int{"leader": 1, "follower": 2}
			require.Eventually(t, func() bool { // the lead may change from one question to the next
				modes := map[string]int{}
				for _, addr := range addrs {
					_, rest, _ := strings.Cut(word(t, addr, "srvr"), "Mode: ")
					mode, _, _ := strings.Cut(rest, "\n")
					modes[mode]++
				}
				return maps.Equal(want, modes)
			}, time.Minute, 10*time.Millisecond)
		})
	}
}

func TestMembersInProcesses(t *testing.T) {
	peers := []string{freePort(t), freePort(t)}
	list := "1=" + peers[0] + ",2=" + peers[1]
	first, second := freePort(t), freePort(t)
	a := []string{"-id", "1", "-peers", list, "-client", first, "-dir", t.TempDir(), "-tick", "20ms"}
	b := []string{"-id", "2", "-peers", list, "-client", second, "-dir", t.TempDir(), "-tick", "20ms"}
	// Neither is ready before the other is there.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, a, io.Discard, io.Discard) }()
	runs(t, b, func() { require.Contains(t, word(t, second, "srvr"), "Mode: ") })
	cancel()
	require.NoError(t, <-done)
}

func TestZooKeepersConfiguration(t *testing.T) {
	dir, addr := t.TempDir(), freePort(t)
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	file := filepath.Join(dir, "zoo.cfg")
	require.NoError(t, os.WriteFile(file, []byte("tickTime=2000\ndataDir="+filepath.Join(dir, "data")+
		"\nclientPort="+port+"\nclientPortAddress="+host+"\n4lw.commands.whitelist=conf,dirs\n"), 0o600))
	runs(t, []string{file}, func() {
		require.Contains(t, word(t, addr, "conf"), "clientPort="+port+"\n")
		require.Contains(t, word(t, addr, "conf"), "minSessionTimeout=4000\nmaxSessionTimeout=40000\n")
		require.Contains(t, word(t, addr, "ruok"), "not in the whitelist")
		require.Regexp(t, `^datadir_size: \d+\nlogdir_size: [1-9]\d+\n$`, word(t, addr, "dirs"))
	})
}

// Members of an ensemble that are left alone serve reads, if their configurations say so.
func TestReadOnly(t *testing.T) {
	dir, clients := t.TempDir(), []string{freePort(t), freePort(t)}
	var servers string
	for i := range clients {
		_, quorum, _ := net.SplitHostPort(freePort(t))
		_, election, _ := net.SplitHostPort(freePort(t))
		servers += fmt.Sprintf("server.%d=127.0.0.1:%s:%s\n", i+1, quorum, election)
	}
	var files []string
	for i, addr := range clients {
		data := filepath.Join(dir, strconv.Itoa(i+1))
		require.NoError(t, os.Mkdir(data, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(data, "myid"), []byte(strconv.Itoa(i+1)), 0o600))
		host, port, err := net.SplitHostPort(addr)
		require.NoError(t, err)
		files = append(files, data+".cfg")
		require.NoError(t, os.WriteFile(files[i], []byte("tickTime=500\ninitLimit=10\nsyncLimit=2\ndataDir="+data+
			"\nclientPort="+port+"\nclientPortAddress="+host+"\n"+servers), 0o600))
	}
	t.Setenv(zoocfg.FlagsName, "-Dreadonlymode.enabled=true")
	ctx, cancel := context.WithCancel(t.Context())
	out := &output{ready: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- run(ctx, files[:1], out, io.Discard) }()
	runs(t, files[1:], func() { <-out.ready })
	require.Eventually(t, func() bool { return word(t, clients[0], "isro") == "ro" }, time.Minute, 10*time.Millisecond)
	require.Contains(t, word(t, clients[0], "srvr"), "Mode: read-only\n")
	cancel()
	require.NoError(t, <-done)

	// They are not taken for Apache's files, nor Apache's for theirs.
	_, err := plan(files[:1], io.Discard)
	require.NoError(t, err)
	require.NoError(t, os.Rename(filepath.Join(dir, "1", "zabtree"), filepath.Join(dir, "1", "version-2")))
	_, err = plan(files[:1], io.Discard)
	require.ErrorContains(t, err, "is of Apache's server")
	require.NoError(t, os.Rename(filepath.Join(dir, "1", "version-2"), filepath.Join(dir, "1", "elsewhere")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "1", "IDENTITY"), nil, 0o600))
	_, err = plan(files[:1], io.Discard)
	require.ErrorContains(t, err, "a member's own directory")

	plans, err := plan(strings.Fields("-members 1 -client a:1 -dir d -read-only"), io.Discard)
	require.NoError(t, err)
	require.True(t, plans[0].wire.ReadOnly)
}

// What members tell their clients of each other is what they were told at the beginning.
func TestWhereClientsAreServed(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "myid"), []byte("2"), 0o600))
	file := filepath.Join(dir, "zoo.cfg")
	require.NoError(t, os.WriteFile(file, []byte("tickTime=2000\ninitLimit=5\nsyncLimit=2\ndataDir="+filepath.Join(dir, "data")+
		"\nreconfigEnabled=true\nserver.1=a:2888:3888\nserver.2=b:2888:3889:participant;0.0.0.0:2181\nserver.3=c:2888:3888:observer;c:2182\n"), 0o600))
	for args, want := range map[string]zab.Membership{
		"-members 2 -client a:1,b:2 -dir d": {{ID: 1, ClientAddr: "a:1"}, {ID: 2, ClientAddr: "b:2"}},
		"-id 1 -client a:1 -dir d -peers 1=a:7,2=b:8;b:2,3=[::1]:9;:2": {
			{ID: 1, Addr: "a:7"}, {ID: 2, Addr: "b:8", ClientAddr: "b:2"}, {ID: 3, Addr: "[::1]:9", ClientAddr: ":2"}},
		file: {
			{ID: 1, Addr: "a:2888", ElectionAddr: "a:3888", Weight: 1},
			{ID: 2, Addr: "b:2888", ElectionAddr: "b:3889", ClientAddr: ":2181", Weight: 1},
			{ID: 3, Addr: "c:2888", ElectionAddr: "c:3888", ClientAddr: "c:2182", Role: zab.Observer}},
		"-founders 3,1 -zoo-cfg " + file: {
			{ID: 1, Addr: "a:2888", ElectionAddr: "a:3888", Weight: 1},
			{ID: 3, Addr: "c:2888", ElectionAddr: "c:3888", ClientAddr: "c:2182", Role: zab.Observer}},
	} {
		plans, err := plan(strings.Fields(args), io.Discard)
		require.NoError(t, err, args)
		require.Equal(t, want, plans[0].server.Members, args)
		require.Equal(t, strings.Contains(args, file), plans[0].reconfig, args)
	}
	_, err := plan([]string{"-founders", "1,4", "-zoo-cfg", file}, io.Discard)
	require.ErrorContains(t, err, `-founders: "4"`)
}

// Who joins is no founder, and listens where it is told to.
func TestWhoJoins(t *testing.T) {
	plans, err := plan(strings.Fields("-id 4 -peers 1=a:7,2=b:8 -listen d:9 -client d:1 -dir d -reconfig"), io.Discard)
	require.NoError(t, err)
	p := plans[0]
	require.Equal(t, zab.Membership{{ID: 1, Addr: "a:7"}, {ID: 2, Addr: "b:8"}}, p.server.Members)
	require.EqualValues(t, 4, p.server.ID)
	require.Equal(t, "d:9", p.peer)
	require.True(t, p.reconfig)
}

func TestBadArguments(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "say one of"},
		{"-members 3 -id 1", "say one of"},
		{"-members 3 -client a:1 -dir d", "want 3 addresses"},
		{"-members 12 -client a:1 -dir d", "want 1 to 9"},
		{"-members 1 -client a:1", "-dir is missing"},
		{"-id 1 -client a:1 -dir d", "-id needs -peers"},
		{"-id 1 -peers x -client a:1 -dir d", "is not ID=host:port"},
		{"-id 1 -peers 1=nowhere -client a:1 -dir d", "is not ID=host:port"},
		{"-id 1 -peers 1=a:1;b -client a:1 -dir d", "is not ID=host:port"},
		{"-id 3 -peers 1=a:1 -client a:1 -dir d", "member 3 is not among them"},
		{"-zoo-cfg /nonexistent/zoo.cfg", "no such file"},
		{"-members 1 -client 127.0.0.1:0 -dir d -super x", "SuperDigest"},
		{"-members 1 extra", "not understood"},
		{"-nonsense", "not defined"},
	} {
		err := run(t.Context(), strings.Fields(c.args), io.Discard, io.Discard)
		require.ErrorContains(t, err, c.want, c.args)
	}
}
