package clients

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	killedFor   = flag.Duration("killed", 20*time.Second, "how long TestKilledMembers kills members; 10m before a release")
	killedEvery = flag.Duration("every", 2*time.Second, "time from one kill of TestKilledMembers to the next; 10s with 10m")
)

// A workload is clients at work until they are told to stop.
type workload struct {
	name string
	stop func() (facts string, err error)
}

// TestKilledMembers: members are killed with SIGKILL and started again, one after the
// other, while clients of all kinds count, under locks of theirs too. Nothing that was
// answered is lost, and nothing is done twice.
func TestKilledMembers(t *testing.T) {
	members, addrs := ensemble(t)
	hosts := strings.Join(addrs, ",")
	workloads := []*workload{
		goWorkload(t, addrs),
		program(t, kazooClient, "workload", hosts),
		program(t, javaClient, "Workload", hosts),
		program(t, cClient, "workload", hosts),
		program(t, npmClient, "workload", hosts),
	}
	kills := 0
	end := time.After(*killedFor)
	for kill := time.Tick(*killedEvery); ; {
		select {
		case <-kill:
			m := members[kills%len(members)]
			kills++
			m.kill()
			if err := m.start(t.Context()); err != nil {
				t.Fatal(err)
			}
			continue
		case <-end:
		}
		break
	}
	conn, _ := connect(t, addrs...)
	total := &tally{}
	for _, w := range workloads {
		text, err := w.stop()
		f := parseFacts(t, text)
		if err == nil {
			err = f.check(conn)
		}
		if err != nil {
			t.Errorf("%s: %v", w.name, err)
		}
		t.Logf("%s: %+v", w.name, f.tally)
		total.add(f.tally)
		if f.writes < 50 {
			t.Errorf("%s: %d writes: that is no test", w.name, f.writes)
		}
	}
	t.Logf("%d kills, %+v", kills, *total)
	if kills < 5 || total.doubts == 0 {
		t.Errorf("%d kills and %d doubts: that is no test", kills, total.doubts)
	}
}

// program starts one of a client's programs, which works until its standard input ends
// and then prints its facts.
func program(t *testing.T, c client, name, hosts string) *workload {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := c.runner(t)(ctx, name, hosts, "/"+c.name)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return &workload{name: c.name, stop: func() (string, error) {
		defer cancel()
		defer func() { ended <- nil }() // for the cleanup
		_ = stdin.Close()               // it may have ended by itself
		select {
		case err := <-ended:
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, log.String())
			}
			return out.String(), err
		case <-time.After(time.Minute):
			cancel()
			return "", fmt.Errorf("goes on though it was told to stop: %w\n%s", <-ended, log.String())
		}
	}}
}
