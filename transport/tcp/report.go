package tcp

import (
	"log/slog"
	"sync"
	"time"
)

// maxReports is how many lines a second are logged about refused connections.
const maxReports = 5

// reporter tells a logger what became of connections, at a bounded rate: those
// who are refused decide how often that happens.
type reporter struct {
	logger *slog.Logger

	mu         sync.Mutex
	second     time.Time // when the current one began
	logged     int       // in the current second
	suppressed int       // since the last line
}

func (r *reporter) warn(msg string, args ...any) {
	if r.logger == nil {
		return
	}
	suppressed, ok := r.admit(time.Now())
	if !ok {
		return
	}
	if suppressed > 0 {
		args = append(args, slog.Int("suppressed", suppressed))
	}
	r.logger.Warn(msg, args...)
}

// admit reports whether a line may be logged now, and how many were not since
// the last one.
func (r *reporter) admit(now time.Time) (suppressed int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.second) >= time.Second {
		r.second, r.logged = now, 0
	}
	if r.logged >= maxReports {
		r.suppressed++
		return 0, false
	}
	r.logged++
	suppressed, r.suppressed = r.suppressed, 0
	return suppressed, true
}
