package sched

// Owner is whom events belong to: one life of a simulated process. After a
// restart the process has a new one.
type Owner struct {
	s      *Scheduler
	killed bool
	paused bool
	held   []entry // came due during the pause, in the order in which they did
}

// NewOwner returns an owner that is alive and has no events.
func (s *Scheduler) NewOwner() *Owner { return &Owner{s: s} }

// Kill cancels every event of the owner, for ever: what is scheduled for it later
// is ignored. An event of it that is running goes on to its end.
func (o *Owner) Kill() {
	if o.killed {
		return
	}
	o.killed, o.held = true, nil
	s := o.s
	for i := range s.slots {
		if s.slots[i].seq != 0 && s.slots[i].owner == o {
			s.drop(uint32(i))
		}
	}
	s.compact()
}

// Killed says whether Kill was called.
func (o *Owner) Killed() bool { return o.killed }

// Pause holds back the owner's events, as a stopped process runs no timers.
func (o *Owner) Pause() { o.paused = true }

// Paused says whether the owner's events are held back.
func (o *Owner) Paused() bool { return o.paused }

// Resume ends a pause. What came due meanwhile happens now, before anything else
// and in the order in which it was due.
func (o *Owner) Resume() {
	if !o.paused {
		return
	}
	o.paused = false
	s := o.s
	for _, e := range o.held {
		if s.slots[e.slot].seq == e.seq {
			s.slots[e.slot].held = false
			s.push(e)
		}
	}
	o.held = o.held[:0]
}
