package wire

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// holdVariable has the test's program be many clients that do nothing: their number and
// the address that they connect to.
const holdVariable = "ZABTREE_TEST_HOLD"

func TestMain(m *testing.M) {
	if what, ok := os.LookupEnv(holdVariable); ok {
		if err := hold(what); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// hold opens the connections, each with a session and a watch, and keeps them until the
// standard input ends.
func hold(what string) error {
	number, addr, _ := strings.Cut(what, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	var failed failure
	defer func() { recover() }() // of failed, which has said why
	s := &served{t: &failed, addr: addr}
	var held []*raw
	defer func() { runtime.KeepAlive(held) }()
	for range n {
		c := s.open()
		c.do(opExists, &existsRequest{path: "/", watch: true})
		held = append(held, c)
	}
	fmt.Println("held")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// failure is what the helpers of a test tell when there is none.
type failure struct{ testing.TB }

func (*failure) Helper()                      {}
func (*failure) Cleanup(func())               {}
func (*failure) Errorf(f string, args ...any) { fmt.Printf(f, args...) }
func (*failure) FailNow()                     { panic("failed") }

// An idle connection has one goroutine and next to no memory, and ten thousand are held.
// The clients are in another process.
func TestIdleConnectionsAreCheap(t *testing.T) {
	n := min(10_000, openFiles()-100)
	if race {
		n = 400
	}
	s := serve(t, Config{MaxConnsPerAddr: -1, MaxConns: n + 1})
	measure := func() (goroutines int, bytes uint64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc + m.StackInuse
	}
	s.open()
	goroutines, bytes := measure()
	clients := exec.CommandContext(t.Context(), os.Args[0])
	clients.Env = append(clients.Environ(), fmt.Sprintf("%s=%d %s", holdVariable, n, s.addr))
	in, err := clients.StdinPipe()
	require.NoError(t, err)
	out, err := clients.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, clients.Start())
	line, _ := bufio.NewReader(out).ReadString('\n')
	require.Equal(t, "held\n", line)

	var after int
	require.Eventually(t, func() bool { // who has written goes
		after = runtime.NumGoroutine()
		return after <= goroutines+n+2 // and whoever looks
	}, 10*time.Second, time.Millisecond)
	require.GreaterOrEqual(t, after, goroutines+n)
	_, now := measure()
	each := (now - bytes) / uint64(n) // with the session
	t.Logf("%d goroutines and %d bytes for each of %d connections", (after-goroutines)/n, each, n)
	if !race {
		require.Less(t, each, uint64(16<<10))
	}
	c := s.dial() // one more than may be
	c.closed()
	require.NoError(t, in.Close())
	require.NoError(t, clients.Wait())
}
