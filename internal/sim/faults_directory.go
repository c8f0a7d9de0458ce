package sim

import (
	"errors"

	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/zab/protocol"
)

// foreignDirectory starts a member with the directory of another one, which may be
// running there. It must be refused, without harm to whose it is; then the member is
// started with its own. A directory that has lost what it held may have lost whose
// it was, and then is nobody's: it is left alone.
func (f *faults) foreignDirectory() bool {
	m := f.anyone()
	o := sched.Pick(f.rnd, f.w.members)
	if o == m || o.incarnation == 0 || o.damaged || o.garbles || o.armed > 0 || f.one != nil && f.of == o {
		return false
	}
	m.fates = f.image(m)
	m.crash()
	own := m.fs
	m.fs, m.visits = o.fs, o
	f.w.boot(m)
	if m.proc != nil {
		f.w.fail(noHalt, "member %d runs in the directory of %d", m.id, o.id)
	}
	m.fs, m.visits = own, nil
	return f.again(m)
}

// visitRefused takes the reason why a member did not start with another's directory.
func (m *member) visitRefused(err error) bool {
	if m.visits.proc != nil {
		m.w.mark("a directory in use was refused")
		return errors.Is(err, protocol.ErrInUse)
	}
	m.w.mark("another member's directory was refused")
	return errors.Is(err, protocol.ErrForeign)
}
