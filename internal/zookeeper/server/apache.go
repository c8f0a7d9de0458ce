package server

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// Where Debian's packages zookeeper and libzookeeper-java put it; the archive names
// the others that it needs. No binding of slf4j is among them, so nothing is logged.
const apacheJar = "/usr/share/java/zookeeper.jar"

// ErrNoApache says that the package is not installed.
var ErrNoApache = errors.New("server: " + apacheJar + " is missing: apt-get install -y --no-install-recommends zookeeper openjdk-17-jre-headless")

// StartApache runs Apache ZooKeeper and waits until it serves.
func StartApache(ctx context.Context, o Options) (*Process, error) {
	if _, err := os.Stat(apacheJar); err != nil {
		return nil, ErrNoApache
	}
	addr, dir, file, err := o.place("apache-zookeeper-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("java", "-Dfile.encoding=UTF-8", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		o.jvmFlag(),
		"-cp", apacheJar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", file)
	cmd.Dir = dir
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	p, err := start(cmd, addr, dir, out)
	if err != nil {
		return nil, err
	}
	return p, p.wait(ctx, func() bool { return strings.HasPrefix(fourLetters(addr, "srvr"), "Zookeeper version") })
}

// fourLetters returns the answer to a word; a server that answers srvr serves.
func fourLetters(addr, word string) string {
	c, err := zkwire.Dial(addr, 2*time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	if err := c.Write([]byte(word)); err != nil {
		return ""
	}
	b, err := c.ReadAll()
	if err != nil {
		return ""
	}
	return string(b)
}
