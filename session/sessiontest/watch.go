package sessiontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/zab"
)

// timeline is what happened to whom, and when.
type timeline struct {
	mu    sync.Mutex
	lines []string
}

func (l *timeline) note(e *Ensemble, id uint64, what string) {
	who := "ensemble"
	if id != 0 {
		who = fmt.Sprintf("member %d", id)
	}
	at := time.Since(e.started)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf("%12s  %-9s %s", at.Round(time.Microsecond), who, what))
}

func (l *timeline) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return "timeline:\n" + strings.Join(l.lines, "\n")
}

// watchRoles notes the changes of a member's role until it stops.
func (e *Ensemble) watchRoles(m *member, srv *server.Server, done chan struct{}) {
	defer close(done)
	before := ""
	for {
		st, changed := srv.Status()
		what := role(&st)
		if what != before {
			e.timeline.note(e, m.id, what)
			before = what
		}
		select {
		case <-changed:
		case <-srv.Done():
			e.timeline.note(e, m.id, "stopped")
			return
		}
	}
}

func role(st *server.Status) string {
	switch {
	case st.Leader == 0:
		return st.Phase.String()
	case st.Leading() && st.Serving:
		return fmt.Sprintf("leads epoch %d", st.Epoch)
	case st.Serving:
		return fmt.Sprintf("follows %d in epoch %d", st.Leader, st.Epoch)
	}
	return fmt.Sprintf("%v with %d, epoch %d", st.Phase, st.Leader, st.Epoch)
}

// running returns the members that run.
func (e *Ensemble) running() []*server.Server {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []*server.Server
	for _, m := range e.members[1:] {
		if m.srv != nil {
			all = append(all, m.srv)
		}
	}
	return all
}

// waitAny waits until one of the channels is closed; false if ctx is done first,
// or there are none.
func waitAny(ctx context.Context, channels []<-chan struct{}) bool {
	cases := []reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ctx.Done())}}
	for _, c := range channels {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c)})
	}
	if len(channels) == 0 {
		return false
	}
	i, _, _ := reflect.Select(cases)
	return i != 0
}

func isClosed(err error) bool { return err == nil || errors.Is(err, zab.ErrClosed) }

// labelled runs f so that the goroutines which it starts can be told from others.
func (e *Ensemble) labelled(f func()) {
	if e.label == "" {
		f()
		return
	}
	pprof.Do(context.Background(), pprof.Labels("sessiontest", e.label), func(context.Context) { f() })
}

// checkLeaks fails the test if there are goroutines left. Those that have nothing
// to do any more but to end are given the time for it.
func (e *Ensemble) checkLeaks() {
	if e.label == "" {
		return // a bubble sees to it
	}
	var left string
	for range 1000 {
		if left = e.goroutines(); left == "" {
			return
		}
		runtime.Gosched()
	}
	e.t.Errorf("sessiontest: goroutines left over:\n%s", left)
}

// goroutines describes the goroutines that carry the ensemble's label.
func (e *Ensemble) goroutines() string {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		return ""
	}
	var found []string
	for _, stack := range strings.Split(b.String(), "\n\n") {
		if strings.Contains(stack, e.label) {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
