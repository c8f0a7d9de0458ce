package clients

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A runner makes the command that runs one of a client's programs in testdata.
type runner func(ctx context.Context, program string, args ...string) *exec.Cmd

// A client is one that others wrote, and that programs of ours use.
type client struct {
	name  string // of its folder in testdata
	ready func(t *testing.T, folder string) runner
}

var (
	kazooClient = client{"kazoo", python}
	javaClient  = client{"java", jvm}
	cClient     = client{"c", native}
	npmClient   = client{"npm", node}
)

// runner gets the programs ready to run.
func (c client) runner(t *testing.T) runner { return c.ready(t, filepath.Join("testdata", c.name)) }

// build runs what must be done before a program can run.
func build(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// debianPython is the one that Debian's packages are installed for, whichever comes
// first in PATH.
const debianPython = "/usr/bin/python3"

func python(_ *testing.T, folder string) runner {
	return func(ctx context.Context, program string, args ...string) *exec.Cmd {
		file := filepath.Join(folder, program+".py")
		return exec.CommandContext(ctx, debianPython, append([]string{"-B", file}, args...)...) // -B: writes nothing here
	}
}

// Debian's jars; their manifests name the others that they need, and none of them is a
// binding of slf4j, so that nothing is logged.
var classpath = strings.Join([]string{
	"/usr/share/java/curator-recipes.jar", "/usr/share/java/curator-framework.jar",
	"/usr/share/java/curator-client.jar", "/usr/share/java/zookeeper.jar",
}, ":")

func jvm(t *testing.T, folder string) runner {
	classes := t.TempDir()
	files, err := filepath.Glob(filepath.Join(folder, "*.java"))
	if err != nil {
		t.Fatal(err)
	}
	build(t, "", "javac", append([]string{"-nowarn", "-proc:none", "-cp", classpath, "-d", classes}, files...)...)
	return func(ctx context.Context, program string, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "java", append([]string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
			"-cp", classes + ":" + classpath, program}, args...)...)
	}
}

func native(t *testing.T, folder string) runner {
	dir := t.TempDir()
	for _, program := range []string{"api", "workload"} {
		build(t, folder, "gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-DTHREADED", program+".c",
			"-o", filepath.Join(dir, program), "-lzookeeper_mt", "-lpthread")
	}
	return func(ctx context.Context, program string, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, filepath.Join(dir, program), args...)
	}
}

func node(t *testing.T, folder string) runner {
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	return func(ctx context.Context, program string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "node", append([]string{filepath.Join(folder, program+".js")}, args...)...)
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(dir, "node_modules"))
		return cmd
	}
}
