package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
)

var withApache = flag.Bool("apache", false, "run the clients' own suites against Apache ZooKeeper as well, and compare")

// A suite is a client's own tests. They start servers themselves, each with a zoo.cfg.
type suite struct {
	name  string
	tests int // at least
	// run returns the outcomes of all tests, when starting a server, Apache's or ours, means
	// to run a shell script, whose last argument is the zoo.cfg.
	run func(t *testing.T, script string, apache bool) map[string]string
	// fails are the tests that do not pass, and why. Those that would wait for ever are
	// left out by run.
	fails map[string]string
}

const (
	passed  = "passed"
	failed  = "failed"
	skipped = "skipped" // by the suite itself
)

var suites = []suite{kazooSuite, goSuite}

// arguments has a script take what it is called with: properties of the JVM, which come
// in a variable as well, as zkServer.sh has it, and the zoo.cfg.
const arguments = `for word; do
  case $word in -D*) SERVER_JVMFLAGS="$SERVER_JVMFLAGS $word" ;; esac
  file=$word
done
`

// TestSuites: the clients' own tests pass.
func TestSuites(t *testing.T) {
	bin, err := server.BuildZabtree(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	script := arguments + `export SERVER_JVMFLAGS
exec ` + bin + ` -zoo-cfg "$file"
`
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			got := s.run(t, script, false)
			if len(got) < s.tests {
				t.Errorf("%d tests, want %d", len(got), s.tests)
			}
			count := map[string]int{}
			for name, outcome := range got {
				count[outcome]++
				switch _, known := s.fails[name]; {
				case known && outcome != failed:
					t.Errorf("%s does not fail any more", name)
				case !known && outcome == failed:
					t.Errorf("%s fails", name)
				}
			}
			t.Log(count)
			if *withApache {
				s.compare(t, got)
			}
		})
	}
}

// compare compares with what Apache ZooKeeper makes of it.
func (s suite) compare(t *testing.T, got map[string]string) {
	t.Helper()
	want := s.run(t, arguments+`exec `+javaPath(t)+` -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8 $SERVER_JVMFLAGS -cp /usr/share/java/zookeeper.jar \
  org.apache.zookeeper.server.quorum.QuorumPeerMain "$file"
`, true)
	count := map[string]int{}
	for name, outcome := range want {
		count[outcome]++
		if _, known := s.fails[name]; !known && got[name] != outcome {
			t.Errorf("%s %s; against Apache ZooKeeper it %s", name, got[name], outcome)
		}
	}
	t.Log("against Apache ZooKeeper:", count)
}

func javaPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("java")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// shell writes a script where a suite looks for a program.
func shell(t *testing.T, name, script string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// longest is how long a suite may take.
const longest = 8 * time.Minute

// withChildren ends the servers too that a suite has started when it takes too long.
func withChildren(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// kazooSuite is what Debian's package python3-kazoo has in kazoo/tests. It starts an
// ensemble of three by "java ... class zoo.cfg".
var kazooSuite = suite{name: "kazoo", tests: 450, run: runKazoo, fails: map[string]string{
	"test_connection.TestReadOnlyMode.test_read_only": "it waits for six seconds; against Apache ZooKeeper it fails as well",
}}

const (
	kazooTests = "/usr/lib/python3/dist-packages/kazoo/tests"
	// Where there is no SASL, their client asks for it for ever.
	kazooRuns = "not SASL"
)

func runKazoo(t *testing.T, script string, _ bool) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	report := filepath.Join(t.TempDir(), "report.xml")
	cmd := exec.CommandContext(ctx, debianPython, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", "--tb=short", "--timeout=60", "-k", kazooRuns, "--junitxml="+report, kazooTests)
	withChildren(cmd)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(),
		"PATH="+shell(t, "java", script)+":"+os.Getenv("PATH"),
		"ZOOKEEPER_CLASSPATH=/usr/share/java/zookeeper.jar", "ZOOKEEPER_VERSION=3.8.0",
		fmt.Sprintf("ZOOKEEPER_PORT_OFFSET=%d", freePorts(t, 30)), "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	b, readErr := os.ReadFile(report)
	if readErr != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var suites struct {
		Cases []struct {
			Class   string    `xml:"classname,attr"`
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal(b, &suites); err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]string{}
	for _, c := range suites.Cases {
		name := c.Class + "." + c.Name
		switch {
		case c.Failure != nil || c.Error != nil:
			outcomes[name] = failed
		case c.Skipped != nil:
			outcomes[name] = skipped
		default:
			outcomes[name] = passed
		}
	}
	if err != nil {
		t.Logf("%s", out)
	}
	return outcomes
}

// goSuite is what the module of go-zookeeper has. It starts servers and ensembles by
// "zkServer.sh start-foreground zoo.cfg".
var goSuite = suite{name: "go-zookeeper", tests: 46, run: runGo}

// goSkips is left out: it kills the server that it is connected to, whichever that is,
// and fails when it sends something before it has noticed.
const goSkips = "^TestIntegration_DNSHostProviderReconnect$"

func runGo(t *testing.T, script string, apache bool) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-skip", goSkips, "-timeout", longest.String(), "github.com/go-zookeeper/zk")
	if apache {
		cmd.Dir = goForApache(t)
		cmd.Args[len(cmd.Args)-1] = "."
	}
	withChildren(cmd)
	cmd.Env = append(os.Environ(), "ZOOKEEPER_BIN_PATH="+shell(t, "zkServer.sh", script))
	out, err := cmd.Output()
	outcomes := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var e struct{ Action, Test string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		outcome, end := map[string]string{"pass": passed, "fail": failed, "skip": skipped}[e.Action]
		if end && e.Test != "" && !strings.Contains(e.Test, "/") {
			outcomes[e.Test] = outcome
		}
	}
	if len(outcomes) == 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	return outcomes
}

// goForApache copies go-zookeeper, and lets the copy understand the version and the date
// that Debian's server says in its answer to srvr; the original takes it for dead.
func goForApache(t *testing.T) (dir string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/go-zookeeper/zk").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "zk")
	if err := os.CopyFS(dir, os.DirFS(strings.TrimSpace(string(out)))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "flw.go")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		`([A-Za-z0-9\.\-]+), built`: `(\S+), built`,
		`\d\d/\d\d/\d\d\d\d`:        `[0-9/-]+`,
		`"01/02/2006 15:04 MST"`:    `map[bool]string{true: "01/02/2006 15:04 MST", false: "2006-01-02 15:04 MST"}[match[1][2] == '/']`,
	} {
		if !bytes.Contains(b, []byte(from)) {
			t.Fatalf("%s has no %s", file, from)
		}
		b = bytes.ReplaceAll(b, []byte(from), []byte(to))
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
