package clients

import (
	"context"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
)

// root is the repository, seen from this package.
const root = "../../.."

// zabtree runs an ensemble of one.
func zabtree(t *testing.T) *server.Process {
	t.Helper()
	bin, err := server.BuildZabtree(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return started(t, func(ctx context.Context) (*server.Process, error) {
		return server.StartZabtree(ctx, bin, server.Options{})
	})
}

func started(t *testing.T, start func(context.Context) (*server.Process, error)) *server.Process {
	t.Helper()
	p, err := start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// script is what a user types into zkCli.
const script = `create /a hello
get -s /a
create -e /a/e x
create -s /a/s- y
create -s -e /a/se- y
create -c /a/c
create -t 60000 /a/t z
create /a
create /none/x
ls /a
ls -s /a
ls -R /
stat /a
stat /none
set /a world
set -v 7 /a never
set -s -v 1 /a again
addWatch -m PERSISTENT /a
addWatch -m PERSISTENT_RECURSIVE /a
get -w /a/c
set /a/c changed
create /a/z q
addauth digest u:p
setAcl /a/z auth:u:p:cdrwa
getAcl -s /a/z
getAcl /none
get /a/z
getEphemerals
getEphemerals /a/s
whoami
sync /a
getAllChildrenNumber /a
setquota -n 100 -b 100000 /a
listquota /a
delquota /a
removewatches /a
delete /a
delete -v 9 /a/z
deleteall /a
ls /
ls /zookeeper
quit
`

// variable is what differs from server to server and from time to time.
var variable = regexp.MustCompile(`0x[0-9a-f]+|(ctime|mtime) = .*|sessionid .*|127\.0\.0\.1:\d+|\[.*SendThread.*|EndOfStream.*|\tat .*`)

// zkCli returns what Apache's command line prints for a script.
func zkCli(t *testing.T, addr, script string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "java", "-Djava.util.logging.config.file=/dev/null", "-cp",
		"/usr/share/java/zookeeper.jar:/usr/share/java/commons-cli.jar", "org.apache.zookeeper.ZooKeeperMain", "-server", addr)
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("zkCli: %v\n%s", err, out)
	}
	var lines []string
	for line := range strings.Lines(variable.ReplaceAllString(string(out), "?")) {
		if line = sorted(strings.TrimSpace(line)); line != "" && !strings.HasPrefix(line, "WATCHER") && !strings.HasPrefix(line, "WatchedEvent") {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestZkCli: whoever types the same at both servers reads the same. (When events come
// between the lines is a matter of luck.)
func TestZkCli(t *testing.T) {
	apache := started(t, func(ctx context.Context) (*server.Process, error) { return server.StartApache(ctx, server.Options{}) })
	want, got := zkCli(t, apache.Addr, script), zkCli(t, zabtree(t).Addr, script)
	if len(want) < 80 {
		t.Fatalf("only %d lines: %q", len(want), want)
	}
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Fatalf("line %d:\n%s\n\nApache ZooKeeper's:\n%s", i, strings.Join(got[max(0, i-3):min(i+4, len(got))], "\n"),
				strings.Join(want[max(0, i-3):min(i+4, len(want))], "\n"))
		}
	}
}

// sorted sorts a list of names, which have no order.
func sorted(line string) string {
	if !strings.HasPrefix(line, "[") || !strings.HasSuffix(line, "]") {
		return line
	}
	names := strings.Split(line[1:len(line)-1], ", ")
	slices.Sort(names)
	return strings.Join(names, ", ")
}
