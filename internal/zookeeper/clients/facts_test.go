package clients

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"
)

// facts are what a workload knows to have been done, as it prints them:
//
//	set PATH N            PATH was counted up N times, and N children made: "1", "2", ...
//	sequential PATH N     N sequential znodes were made there, one after the other: "1-", "2-", ...
//	queue ROOT WORKER N   items WORKER-1 to WORKER-N were put into kazoo's queue
//	doubts N, again N     answers that did not come, and items that came twice for want of one
//
// Several workers may count up the same.
type facts struct {
	set, sequential map[string]int
	queues          map[string]map[int]int
	tally
}

// tally sums up.
type tally struct{ writes, doubts, again int }

func (t *tally) add(o tally) {
	t.writes += o.writes
	t.doubts += o.doubts
	t.again += o.again
}

func parseFacts(t *testing.T, text string) *facts {
	t.Helper()
	f := &facts{set: map[string]int{}, sequential: map[string]int{}, queues: map[string]map[int]int{}}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		n, err := strconv.Atoi(words[len(words)-1])
		if err != nil {
			t.Fatalf("no fact: %q", line)
		}
		switch words[0] {
		case "set":
			f.set[words[1]] += n
			f.writes += 2 * n
		case "sequential":
			f.sequential[words[1]] += n
			f.writes += n
		case "queue":
			worker, err := strconv.Atoi(words[2])
			if err != nil {
				t.Fatalf("no fact: %q", line)
			}
			if f.queues[words[1]] == nil {
				f.queues[words[1]] = map[int]int{}
			}
			f.queues[words[1]][worker] = n
			f.writes += n
		case "doubts":
			f.doubts += n
		case "again":
			f.again += n
		default:
			t.Fatalf("no fact: %q", line)
		}
	}
	return f
}

// check looks for all of it, and for nothing more.
func (f *facts) check(conn *zk.Conn) error {
	if _, err := conn.Sync("/"); err != nil {
		return err
	}
	var errs []error
	for path, n := range f.set {
		data, stat, err := conn.Get(path)
		if err != nil {
			return err
		}
		count, _, _ := strings.Cut(string(data), " ")
		if int(stat.Version) != n || n > 0 && count != strconv.Itoa(n) {
			errs = append(errs, fmt.Errorf("%s: %q at version %d, and %d were answered", path, data, stat.Version, n))
		}
		errs = append(errs, same(conn, path, n, strconv.Itoa))
	}
	for path, n := range f.sequential {
		errs = append(errs, same(conn, path, n, func(k int) string { return fmt.Sprintf("%d-%010d", k, k-1) }))
	}
	for path, workers := range f.queues {
		errs = append(errs, f.checkQueue(conn, path, workers))
	}
	return errors.Join(errs...)
}

// same checks that the children of a znode are those of 1 to n.
func same(conn *zk.Conn, path string, n int, name func(k int) string) error {
	names, _, err := conn.Children(path)
	if err != nil {
		return err
	}
	want := make([]string, n)
	for k := range want {
		want[k] = name(k + 1)
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		return fmt.Errorf("%s has %d children, and %d were answered", path, len(names), n)
	}
	return nil
}

// checkQueue checks that what was put into a queue was taken out or is still in it, and
// that nothing came twice that there was no doubt about.
func (f *facts) checkQueue(conn *zk.Conn, root string, workers map[int]int) error {
	there, _, err := conn.Children(root + "/eaten")
	if err != nil {
		return err
	}
	left, _, err := conn.Children(root + "/queue/entries")
	if err != nil {
		return err
	}
	for _, name := range left {
		item, _, err := conn.Get(root + "/queue/entries/" + name)
		if err != nil {
			return err
		}
		there = append(there, string(item))
	}
	slices.Sort(there)
	var errs []error
	for worker, n := range workers {
		for k := range n {
			item := fmt.Sprintf("%d-%d", worker, k+1)
			if _, found := slices.BinarySearch(there, item); !found {
				errs = append(errs, fmt.Errorf("%s: %s was put there and is lost", root, item))
			}
		}
	}
	if f.again > f.doubts {
		errs = append(errs, fmt.Errorf("%s: %d came twice, with %d doubts", root, f.again, f.doubts))
	}
	return errors.Join(errs...)
}

// TestFacts: what is lost or done twice is noticed.
func TestFacts(t *testing.T) {
	conn, _ := connect(t, zabtree(t).Addr)
	for _, path := range []string{"/set", "/set/1", "/seq", "/queue", "/queue/eaten", "/queue/eaten/0-1", "/queue/queue", "/queue/queue/entries"} {
		must(conn.Create(path, nil, 0, acl))(t)
	}
	must(conn.Set("/set", []byte("1 by 0"), 0))(t)
	must(conn.Create("/seq/1-", nil, zk.FlagSequence, acl))(t)
	must(conn.Create("/queue/queue/entries/x", []byte("0-2"), 0, acl))(t)
	for text, right := range map[string]bool{
		"set /set 1\nsequential /seq 1\nqueue /queue 0 2\ndoubts 1\nagain 1": true,
		"set /set 1\nset /set 1": false, "set /set 0": false, "set /seq 1": false,
		"sequential /seq 0": false, "sequential /seq 2": false, "sequential /set 1": false,
		"queue /queue 0 3": false, "queue /queue 1 1": false, "queue /queue 0 1\nagain 1": false,
		"set /none 1": false,
	} {
		if err := parseFacts(t, text).check(conn); (err == nil) != right {
			t.Errorf("%q: %v", text, err)
		}
	}
}
