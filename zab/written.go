package zab

import "sync"

// writtenMark is how far the log writer is, for those who must read behind it.
type writtenMark struct {
	mu   sync.Mutex
	seq  uint64
	bell chan struct{} // closed at the next advance; nil if nobody waits
}

func (m *writtenMark) advance(seq uint64) {
	m.mu.Lock()
	m.seq = seq
	if m.bell != nil {
		close(m.bell)
		m.bell = nil
	}
	m.mu.Unlock()
}

// wait waits until all writes up to seq are durable, or the replica stops.
func (m *writtenMark) wait(seq uint64, stop <-chan struct{}) error {
	for {
		m.mu.Lock()
		if m.seq >= seq {
			m.mu.Unlock()
			return nil
		}
		if m.bell == nil {
			m.bell = make(chan struct{})
		}
		bell := m.bell
		m.mu.Unlock()
		select {
		case <-bell:
		case <-stop:
			return ErrClosed
		}
	}
}
