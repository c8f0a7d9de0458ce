package sched

// HeapLen returns how many entries the heap has, stale ones included.
func (s *Scheduler) HeapLen() int { return len(s.heap) }
