package clients

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

func connect(t *testing.T, addrs ...string) (*zk.Conn, <-chan zk.Event) {
	t.Helper()
	c, events, err := zk.Connect(addrs, 5*time.Second, zk.WithLogger(silent{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, events
}

type silent struct{}

func (silent) Printf(string, ...any) {}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestGoZooKeeper goes through go-zookeeper's API.
func TestGoZooKeeper(t *testing.T) {
	p := zabtree(t)
	c, _ := connect(t, p.Addr)
	acl := zk.WorldACL(zk.PermAll)
	must(c.Create("/a", []byte("one"), 0, acl))(t)
	if _, err := c.Create("/a", nil, 0, acl); !errors.Is(err, zk.ErrNodeExists) {
		t.Fatal(err)
	}
	if path := must(c.Create("/a/s-", nil, zk.FlagSequence|zk.FlagEphemeral, acl))(t); path != "/a/s-0000000000" {
		t.Fatal(path)
	}
	must(c.CreateContainer("/box", nil, zk.FlagContainer, acl))(t)
	must(c.CreateTTL("/ttl", nil, zk.FlagTTL, acl, time.Minute))(t)
	data, stat, err := c.Get("/a")
	if err != nil || string(data) != "one" || stat.NumChildren != 1 {
		t.Fatal(string(data), stat, err)
	}

	_, _, changed, err := c.GetW("/a")
	if err != nil {
		t.Fatal(err)
	}
	_, _, children, err := c.ChildrenW("/a")
	if err != nil {
		t.Fatal(err)
	}
	exists, _, made, err := c.ExistsW("/later")
	if err != nil || exists {
		t.Fatal(err)
	}
	must(c.Set("/a", []byte("two"), stat.Version))(t)
	must(c.Create("/a/b", nil, 0, acl))(t)
	must(c.Create("/later", nil, 0, acl))(t)
	for _, x := range []struct {
		events <-chan zk.Event
		want   zk.EventType
	}{{changed, zk.EventNodeDataChanged}, {children, zk.EventNodeChildrenChanged}, {made, zk.EventNodeCreated}} {
		if e := <-x.events; e.Type != x.want {
			t.Fatal(e)
		}
	}

	if err := c.Delete("/a", -1); !errors.Is(err, zk.ErrNotEmpty) {
		t.Fatal(err)
	}
	results, err := c.Multi(&zk.CreateRequest{Path: "/m", Acl: acl}, &zk.SetDataRequest{Path: "/m", Data: []byte("x"), Version: 0}, &zk.CheckVersionRequest{Path: "/a", Version: 1})
	if err != nil || len(results) != 3 || results[0].String != "/m" {
		t.Fatal(results, err)
	}
	if _, err := c.Multi(&zk.DeleteRequest{Path: "/m", Version: -1}, &zk.CheckVersionRequest{Path: "/a", Version: 7}); !errors.Is(err, zk.ErrBadVersion) {
		t.Fatal(err)
	}
	if err := c.AddAuth("digest", []byte("u:p")); err != nil {
		t.Fatal(err)
	}
	must(c.Create("/mine", []byte("m"), 0, zk.DigestACL(zk.PermAll, "u", "p")))(t)
	other, _ := connect(t, p.Addr)
	if _, _, err := other.Get("/mine"); !errors.Is(err, zk.ErrNoAuth) {
		t.Fatal(err)
	}
	must(other.Sync("/"))(t)
}

// TestGoZooKeeperLock: of many who want go-zookeeper's lock one has it at a time, also
// when who has it dies.
func TestGoZooKeeperLock(t *testing.T) {
	p := zabtree(t)
	const clients, turns = 5, 8
	holds := make(chan int, 1)
	done := make(chan error, clients)
	for id := range clients {
		c, _ := connect(t, p.Addr)
		go func() {
			done <- func() error {
				for range turns {
					l := zk.NewLock(c, "/lock", zk.WorldACL(zk.PermAll))
					if err := l.Lock(); err != nil {
						return err
					}
					select {
					case holds <- id:
					default:
						return fmt.Errorf("client %d has the lock, and so has %d", id, <-holds)
					}
					<-holds
					if err := l.Unlock(); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	a, _ := connect(t, p.Addr)
	if err := zk.NewLock(a, "/lock", zk.WorldACL(zk.PermAll)).Lock(); err != nil {
		t.Fatal(err)
	}
	b, _ := connect(t, p.Addr)
	a.Close() // with its session
	if err := zk.NewLock(b, "/lock", zk.WorldACL(zk.PermAll)).Lock(); err != nil {
		t.Fatal(err)
	}
}
