package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/zabtree/zabtree"

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
	Module       *struct{ Path string }
}

// graph is every package that the module's packages reach, by import path.
type graph map[string]*pkg

func loadGraph(t *testing.T) graph {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,TestImports,XTestImports,Module", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	g := graph{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &pkg{}
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		g[p.ImportPath] = p
	}
	return g
}

// ours lists the module's own packages, by their paths below the module.
func (g graph) ours() []string {
	var names []string
	for path := range g {
		if name, ok := own(path); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// own cuts the module's path off the import path of a package of ours.
func own(path string) (string, bool) { return strings.CutPrefix(path, module+"/") }

// reach returns all that a package of ours reaches, without itself.
func (g graph) reach(name string) map[string]bool {
	seen := map[string]bool{}
	var visit func(path string)
	visit = func(path string) {
		if p := g[path]; p != nil {
			for _, i := range p.Imports {
				if !seen[i] {
					seen[i] = true
					visit(i)
				}
			}
		}
	}
	visit(module + "/" + name)
	return seen
}

// reachOwn returns the packages of ours among them.
func (g graph) reachOwn(name string) []string {
	var names []string
	for path := range g.reach(name) {
		if n, ok := own(path); ok {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// within says whether a name is one of the folders or below one.
func within(name string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return name == f || strings.HasPrefix(name, f+"/") })
}

// leaves are internal packages that stand on nothing of ours but other leaves.
var leaves = []string{"internal/codec", "internal/wal", "internal/snapshot", "internal/disk", "internal/jute", "internal/zoocfg"}

func TestImports(t *testing.T) {
	g := loadGraph(t)
	if len(g.ours()) < 5 {
		t.Fatalf("go list found only %v", g.ours())
	}
	t.Run("Down", func(t *testing.T) { testDown(t, g) })
	t.Run("Client", func(t *testing.T) { testClient(t, g) })
	t.Run("StepMachines", func(t *testing.T) { testStepMachines(t, g) })
	t.Run("Testing", func(t *testing.T) { testTesting(t, g) })
	t.Run("ThirdParty", func(t *testing.T) { testThirdParty(t, g) })
	t.Run("Examples", func(t *testing.T) { testExamples(t, g) })
}

// testDown: of packages of ours, each may reach only those listed for its folder.
func testDown(t *testing.T, g graph) {
	allowed := []struct {
		folder string
		reach  []string
	}{
		{"tree", leaves},
		{"watch", append([]string{"tree"}, leaves...)},
		{"transport", append([]string{"transport"}, leaves...)},
		{"zab", append([]string{"zab", "transport", "internal/driver", "internal/dirstore"}, leaves...)},
		{"internal/driver", append([]string{"zab/protocol", "transport"}, leaves...)},
		{"zab/protocol", leaves},
		{"internal/dirstore", append([]string{"zab/protocol"}, leaves...)},
	}
	for _, leaf := range leaves {
		allowed = append(allowed, struct {
			folder string
			reach  []string
		}{leaf, leaves})
	}
	for _, name := range g.ours() {
		for _, rule := range allowed {
			if !within(name, rule.folder) {
				continue
			}
			for _, other := range g.reachOwn(name) {
				if !within(other, rule.reach...) {
					t.Errorf("%s reaches %s", name, other)
				}
			}
		}
		for _, other := range g.reachOwn(name) {
			if within(other, "examples", "internal/house") || within(other, "internal/sim") && !within(name, "internal/sim") {
				t.Errorf("%s reaches %s, which stands on top of everything", name, other)
			}
		}
	}
}

// testClient: a client of sessions links no replica, no transport and no HTTP.
func testClient(t *testing.T, g graph) {
	for _, name := range g.ours() {
		if name != "session" && !within(name, "session/protocol", "session/recipe", "session/wire") {
			continue
		}
		for path := range g.reach(name) {
			other, ours := own(path)
			if path == "net/http" || ours && within(other, "zab", "transport", "session/server", "session/sessiontest", "session/admin") {
				t.Errorf("%s reaches %s", name, path)
			}
		}
	}
}

// impure are packages whose use makes a step machine depend on more than its
// events. What is below a folder counts as the folder, as in sync/atomic.
var impure = []string{
	"context", "crypto/rand", "log", "math/rand", "net", "os", "runtime", "sync", "syscall", "time",
}

// testStepMachines: the step machines import nothing impure, and neither does a
// leaf that they reach. That says what their own code can do, which is what must
// be so; what the standard library does behind fmt or errors is its own affair.
// They stand on packages with more freedom: tree names durations (TestTimeIsTypes
// looks at how), watch has streams beside its step machine, transport its memory.
func testStepMachines(t *testing.T, g graph) {
	for _, machine := range []string{"zab/protocol", "internal/driver", "internal/host"} {
		if g[module+"/"+machine] == nil {
			t.Errorf("%s is not there", machine)
			continue
		}
		for _, name := range append(g.reachOwn(machine), machine) {
			if name != machine && !within(name, leaves...) {
				continue
			}
			for _, i := range g[module+"/"+name].Imports {
				if within(i, impure...) {
					t.Errorf("%s imports %s", name, i)
				}
			}
		}
	}
}

// testing's packages and those that only tests may use.
var testOnly = []string{
	"testing", "github.com/stretchr/testify", "pgregory.net/rapid", "github.com/anishathalye/porcupine",
}

// testTesting: only the kits for users' tests import testing, and they use none
// of the libraries that our own tests use.
func testTesting(t *testing.T, g graph) {
	for _, name := range g.ours() {
		for _, i := range g[module+"/"+name].Imports {
			switch {
			case !within(i, testOnly...):
			case within(i, "testing") && (name == "zab/zabtest" || name == "session/sessiontest"):
			case name == "internal/sim":
			default:
				t.Errorf("%s imports %s outside of tests", name, i)
			}
		}
	}
	for _, name := range g.ours() {
		for _, other := range g.reachOwn(name) {
			if (other == "zab/zabtest" || other == "session/sessiontest") && name != "session/sessiontest" && name != "internal/sim" {
				t.Errorf("%s reaches %s outside of tests", name, other)
			}
		}
	}
}

// thirdParty says which of our packages may import which package of others in
// code that is no test, and what that may bring along.
var thirdParty = map[string][]string{
	"github.com/google/btree":            {"tree"},
	"golang.org/x/sync":                  {"zab", "session", "transport", "watch", "internal"},
	"github.com/hashicorp/go-msgpack/v2": {"transport/tcp"},
	"github.com/anishathalye/porcupine":  {"internal/sim"},
}

// testThirdParty: the list of dependencies is closed.
func testThirdParty(t *testing.T, g graph) {
	for path, p := range g {
		if !p.Standard && p.Module != nil && p.Module.Path != module && thirdParty[p.Module.Path] == nil {
			t.Errorf("%s of module %s is reached, which is no dependency of ours", path, p.Module.Path)
		}
	}
	tests := append([]string{module, "testing"}, testOnly...)
	tests = slices.AppendSeq(tests, maps.Keys(thirdParty))
	for _, name := range g.ours() {
		p := g[module+"/"+name]
		for _, i := range p.Imports {
			if d := g[i]; d != nil && d.Module != nil && d.Module.Path != module && !within(name, thirdParty[d.Module.Path]...) {
				t.Errorf("%s imports %s", name, i)
			}
		}
		for _, i := range slices.Concat(p.TestImports, p.XTestImports) {
			if first, _, _ := strings.Cut(i, "/"); strings.Contains(first, ".") && !within(i, tests...) {
				t.Errorf("the tests of %s import %s, which is no dependency of ours", name, i)
			}
			if within(i, "github.com/hashicorp/go-msgpack") && !within(name, "transport/tcp", "internal/codec") {
				t.Errorf("the tests of %s import %s", name, i)
			}
		}
		for path := range g.reach(name) {
			if within(path, "github.com/hashicorp/go-msgpack") && !within(name, "transport/tcp", "examples", "internal/sim") {
				t.Errorf("%s reaches %s, which links net/http", name, path)
			}
		}
	}
}

// testExamples: examples show the public packages and need nothing else, but for the
// reading of ZooKeeper's own configuration, which is no business of the library's.
func testExamples(t *testing.T, g graph) {
	for _, name := range g.ours() {
		if !within(name, "examples") {
			continue
		}
		for _, i := range g[module+"/"+name].Imports {
			other, ours := own(i)
			if ours && within(other, "internal") && !(name == "examples/server" && other == "internal/zoocfg") || !ours && !g[i].Standard {
				t.Errorf("%s imports %s", name, i)
			}
		}
	}
}
