package server

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// BuildZabtree builds examples/server of the repository at root and returns the
// program's path, in dir.
func BuildZabtree(ctx context.Context, root, dir string) (string, error) {
	bin, err := filepath.Abs(filepath.Join(dir, "zabtree-server"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, "./examples/server")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("server: go build ./examples/server: %w\n%s", err, out)
	}
	return bin, nil
}

// StartZabtree runs an ensemble of one member and waits until it says that it is
// ready.
func StartZabtree(ctx context.Context, bin string, o Options) (*Process, error) {
	addr, dir, file, err := o.place("zabtree-")
	if err != nil {
		return nil, err
	}
	out := &tail{}
	cmd := exec.Command(bin, "-zoo-cfg", file)
	// What Apache ZooKeeper takes from the JVM's flags alone.
	cmd.Env = append(cmd.Environ(), "SERVER_JVMFLAGS="+o.jvmFlag())
	cmd.Stdout, cmd.Stderr = out, out
	p, err := start(cmd, addr, dir, out)
	if err != nil {
		return nil, err
	}
	return p, p.wait(ctx, func() bool { return out.hasLine("ready") })
}
