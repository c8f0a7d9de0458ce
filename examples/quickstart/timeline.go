package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// timeline is what happened, and when. Anyone may add to it.
type timeline struct {
	start  time.Time
	mu     sync.Mutex
	events []moment
}

type moment struct {
	at   time.Duration
	what string
}

func newTimeline() *timeline { return &timeline{start: time.Now()} }

func (t *timeline) add(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, moment{time.Since(t.start), fmt.Sprintf(format, args...)})
}

func (t *timeline) print(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.events {
		fmt.Fprintf(w, "%8.3f s  %s\n", m.at.Seconds(), m.what)
	}
}

// progress prints how far the loading is: on a terminal in one line that it
// writes again and again, else in a line for every second.
type progress struct {
	w     io.Writer
	total int
	done  func() int
	stop  chan struct{}
	wg    sync.WaitGroup
}

func startProgress(w io.Writer, total int, done func() int) *progress {
	p := &progress{w: w, total: total, done: done, stop: make(chan struct{})}
	p.wg.Go(p.run)
	return p
}

func (p *progress) run() {
	begin, end, every := "", "\n", time.Second
	if terminal(p.w) {
		begin, end, every = "\r", "", 100*time.Millisecond
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		fmt.Fprintf(p.w, "%sloaded %d of %d files%s", begin, p.done(), p.total, end)
		select {
		case <-tick.C:
		case <-p.stop:
			fmt.Fprintf(p.w, "%sloaded %d of %d files\n", begin, p.done(), p.total)
			return
		}
	}
}

func (p *progress) close() {
	close(p.stop)
	p.wg.Wait()
}

// terminal says whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
