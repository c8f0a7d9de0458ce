package clients

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// goWorker is a client that counts in a znode of its own and leaves another one behind
// for each time. It tries again as clients do: it looks what became of what was not
// answered.
type goWorker struct {
	c      *zk.Conn
	path   string
	count  int // as it knows it
	doubts int // answers that it did not get
}

var acl = zk.WorldACL(zk.PermAll)

// sure does something until the connection is good enough to tell what came of it.
func sure(do func() error) error {
	for {
		switch err := do(); {
		case errors.Is(err, zk.ErrConnectionClosed), errors.Is(err, zk.ErrNoServer), errors.Is(err, zk.ErrSessionMoved):
		default:
			return err
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (w *goWorker) step() error {
	want := strconv.Itoa(w.count + 1)
	_, err := w.c.Set(w.path, []byte(want), int32(w.count))
	if err != nil {
		w.doubts++
		var version int32
		err = sure(func() error {
			data, stat, err := w.c.Get(w.path)
			if err == nil {
				if version = stat.Version; string(data) != strconv.Itoa(int(version)) {
					return fmt.Errorf("%s has %q at version %d", w.path, data, version)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		if version != int32(w.count) && version != int32(w.count+1) {
			return fmt.Errorf("%s is at version %d, and was set %d or %d times", w.path, version, w.count, w.count+1)
		}
		if version == int32(w.count) {
			return nil // it came to nothing
		}
	}
	w.count++
	return sure(func() error {
		_, err := w.c.Create(w.path+"/"+want, nil, 0, acl)
		if errors.Is(err, zk.ErrNodeExists) {
			return nil // it was there the time before
		}
		return err
	})
}

// goWorkload is a few workers.
func goWorkload(t *testing.T, addrs []string) *workload {
	t.Helper()
	until := make(chan struct{})
	var wg sync.WaitGroup
	workers := make([]*goWorker, 3)
	outcomes := make([]error, len(workers))
	for i := range workers {
		c, _ := connect(t, addrs...)
		w := &goWorker{c: c, path: fmt.Sprintf("/go-%d", i)}
		workers[i] = w
		if err := sure(func() error { _, err := c.Create(w.path, []byte("0"), 0, acl); return err }); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for {
				select {
				case <-until:
					return
				default:
				}
				if outcomes[i] = w.step(); outcomes[i] != nil {
					return
				}
			}
		})
	}
	return &workload{name: "go-zookeeper", stop: func() (string, error) {
		close(until)
		wg.Wait()
		var facts strings.Builder
		for _, w := range workers {
			fmt.Fprintf(&facts, "set %s %d\ndoubts %d\n", w.path, w.count, w.doubts)
		}
		return facts.String(), errors.Join(outcomes...)
	}}
}
