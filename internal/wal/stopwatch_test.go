package wal

import "time"

// stopwatch adds up stretches of time.
type stopwatch struct {
	total time.Duration
	began time.Time
}

func (s *stopwatch) start() { s.began = time.Now() }
func (s *stopwatch) stop()  { s.total += time.Since(s.began) }
