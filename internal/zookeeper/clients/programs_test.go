package clients

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
)

// differences are the checks of the programs that do not come out as against Apache
// ZooKeeper, and why: client/program: check.
var differences = map[string]string{}

// check is a line of a program's output: "name: outcome".
type check struct{ name, outcome string }

// checks runs a program against a server.
func checks(t *testing.T, run runner, program, addr string) []check {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := run(ctx, program, addr)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, out, log.String())
	}
	var list []check
	for line := range strings.Lines(string(out)) {
		name, outcome, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !ok {
			t.Errorf("no check: %q", line)
		}
		list = append(list, check{name, outcome})
	}
	return list
}

// TestPrograms: whatever our programs do by a client comes out as it does against Apache
// ZooKeeper.
func TestPrograms(t *testing.T) {
	runners := map[string]runner{}
	for _, x := range []struct {
		client
		program string
		checks  int // there are
	}{
		{kazooClient, "api", 100}, {kazooClient, "recipes", 80},
		{javaClient, "Api", 80}, {javaClient, "Recipes", 80},
		{cClient, "api", 60},
		{npmClient, "api", 50},
	} {
		run := runners[x.name]
		if run == nil {
			run = x.runner(t)
			runners[x.name] = run
		}
		t.Run(x.name+"/"+x.program, func(t *testing.T) {
			apache := started(t, func(ctx context.Context) (*server.Process, error) { return server.StartApache(ctx, server.Options{}) })
			ours := zabtree(t)
			wants := make(chan []check)
			go func() { wants <- checks(t, run, x.program, apache.Addr) }()
			got := checks(t, run, x.program, ours.Addr)
			want := <-wants
			compare(t, x.name+"/"+x.program, got, want)
			if len(want) < x.checks {
				t.Errorf("%d checks, want %d", len(want), x.checks)
			}
			t.Logf("%d checks", len(want))
		})
	}
}

// compare reports the checks that differ, and those that were expected to and do not.
func compare(t *testing.T, program string, got, want []check) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i].name != want[i].name {
			t.Errorf("there are %d checks, and %d against Apache ZooKeeper; from the %d. on they are others", len(got), len(want), i+1)
			return
		}
		_, known := differences[program+": "+want[i].name]
		switch same := got[i] == want[i]; {
		case same && known:
			t.Errorf("%s: no difference any more", want[i].name)
		case !same && !known:
			t.Errorf("%s:\n%s\nwith Apache ZooKeeper:\n%s", want[i].name, got[i].outcome, want[i].outcome)
		}
	}
}
