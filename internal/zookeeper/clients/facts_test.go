package clients

import (
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
func (f *facts) check(t *testing.T, conn *zk.Conn) {
	t.Helper()
	if _, err := conn.Sync("/"); err != nil {
		t.Fatal(err)
	}
	for path, n := range f.set {
		data, stat, err := conn.Get(path)
		if err != nil {
			t.Error(err)
			continue
		}
		count, _, _ := strings.Cut(string(data), " ")
		if int(stat.Version) != n || n > 0 && count != strconv.Itoa(n) {
			t.Errorf("%s: %q at version %d, and %d were answered", path, data, stat.Version, n)
		}
		same(t, conn, path, n, func(k int) string { return strconv.Itoa(k) })
	}
	for path, n := range f.sequential {
		same(t, conn, path, n, func(k int) string { return fmt.Sprintf("%d-%010d", k, k-1) })
	}
	for path, workers := range f.queues {
		f.checkQueue(t, conn, path, workers)
	}
}

// same checks that the children of a znode are those of 1 to n.
func same(t *testing.T, conn *zk.Conn, path string, n int, name func(k int) string) {
	t.Helper()
	names, _, err := conn.Children(path)
	if err != nil {
		t.Error(err)
		return
	}
	want := make([]string, n)
	for k := range want {
		want[k] = name(k + 1)
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("%s has %d children, and %d were answered", path, len(names), n)
	}
}

// checkQueue checks that what was put into a queue was taken out or is still in it, and
// that nothing came twice that there was no doubt about.
func (f *facts) checkQueue(t *testing.T, conn *zk.Conn, root string, workers map[int]int) {
	t.Helper()
	there, _, err := conn.Children(root + "/eaten")
	if err != nil {
		t.Error(err)
		return
	}
	left, _, err := conn.Children(root + "/queue/entries")
	if err != nil {
		t.Error(err)
		return
	}
	for _, name := range left {
		item, _, err := conn.Get(root + "/queue/entries/" + name)
		if err != nil {
			t.Error(err)
			return
		}
		there = append(there, string(item))
	}
	slices.Sort(there)
	for worker, n := range workers {
		for k := range n {
			item := fmt.Sprintf("%d-%d", worker, k+1)
			if _, found := slices.BinarySearch(there, item); !found {
				t.Errorf("%s: %s was put there and is lost", root, item)
			}
		}
	}
	if f.again > f.doubts {
		t.Errorf("%s: %d came twice, with %d doubts", root, f.again, f.doubts)
	}
}
