package embedder

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zabtree/zabtree/watch"
)

// What is linked into a program that embeds all of Zabtree, by module.
func TestCost(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	modules = slices.Compact(modules)
	want := []string{
		"github.com/google/btree",
		"github.com/hashicorp/go-msgpack/v2",
		"github.com/zabtree/zabtree",
		"github.com/zabtree/zabtree/internal/embedder",
		"golang.org/x/sync",
	}
	if !slices.Equal(modules, want) {
		t.Errorf("links %q, not %q", modules, want)
	}
}

// Three members, each of which sees itself join the group at least.
func TestRun(t *testing.T) {
	places, addresses := make([]Place, 3), map[uint64]string{}
	for i := range places {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		places[i] = Place{ID: uint64(i + 1), Listener: l, Dir: t.TempDir()}
		addresses[uint64(i+1)] = l.Addr().String()
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var members, joined sync.WaitGroup
	for _, p := range places {
		joined.Add(1)
		first := sync.OnceFunc(joined.Done)
		members.Go(func() {
			defer first()
			err := Run(ctx, p, addresses, "/app", func(e watch.Event) {
				if e.Type == watch.Created && strings.HasPrefix(e.Path, "/app/member-") {
					first()
				}
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("member %d: %v", p.ID, err)
			}
		})
	}
	joined.Wait()
	cancel()
	members.Wait()
}
