package sim

import (
	"fmt"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Cell is a fault, and what the member was doing that it befell; or, of a fault that
// befalls no one member, what some member was doing meanwhile.
type Cell struct {
	Fault, Phase, Role string
}

func (c Cell) String() string { return fmt.Sprintf("%s/%s/%s", c.Fault, c.Phase, c.Role) }

// Phases and roles of cells, besides the protocol's phases.
const (
	phaseDown    = "down"
	roleLeader   = "leader"
	roleVoter    = "voter"
	roleObserver = "observer"
)

var (
	phases = []string{phaseDown, protocol.Looking.String(), protocol.Discovering.String(), protocol.Synchronising.String(), protocol.Broadcasting.String()}
	roles  = []string{roleLeader, roleVoter, roleObserver}
)

// doing says what a member is doing; who belongs to no ensemble counts as an observer.
func (m *member) doing() (phase, role string) {
	role = roleObserver
	if c := m.w.config(); c.IsVoter(m.id, m.incarnation) || !c.Founded() && m.id <= uint64(m.w.opts.Voters) {
		role = roleVoter
	}
	if m.proc == nil {
		return phaseDown, role
	}
	s := &m.proc.status
	if s.Leader == m.id {
		role = roleLeader
	}
	return s.Phase.String(), role
}

// cover notes that a fault has befallen a member, or, if that is nil, everybody.
func (f *faults) cover(k fault, before []doing) {
	for _, d := range before {
		if f.target == nil || f.target == d.m {
			f.cells[Cell{faultTable[k].name, d.phase, d.role}]++
		}
	}
}

// doing is what a member was doing before a fault.
type doing struct {
	m           *member
	phase, role string
}

func (w *World) doings() []doing {
	list := make([]doing, len(w.members))
	for i, m := range w.members {
		list[i].m = m
		list[i].phase, list[i].role = m.doing()
	}
	return list
}

// needsProcess are the faults that befall processes and what they do: there is none
// to befall while a machine is down.
var needsProcess = [faultKinds]bool{
	slowReader: true, crashProcess: true, crashAtDisk: true, pauseProcess: true, stopCleanly: true,
	starveTask: true, crashAgain: true, leaveBehind: true, unsettleLog: true,
	failSync: true, failWrite: true, failRead: true, handOver: true, flapLink: true, changeMembers: true,
}

// befallsLeaders are the faults that befall established leaders.
var befallsLeaders = [faultKinds]bool{
	handOver: true, flapLink: true, changeMembers: true, cutOldLeader: true, staleLeader: true, lateLane: true,
}

// applicable says whether a cell can be reached, and if not, why.
func applicable(k fault, phase, role string) (why string) {
	switch {
	case role == roleLeader && (phase == phaseDown || phase == protocol.Looking.String()):
		return "who looks, or is down, does not lead"
	case needsProcess[k] && phase == phaseDown:
		return "there is no process that it could befall"
	case befallsLeaders[k] && (role != roleLeader || phase != protocol.Broadcasting.String()):
		return "it befalls established leaders"
	}
	return ""
}

// Cells lists every cell that can be reached.
func Cells() (list []Cell) {
	for k := range faultKinds {
		for _, phase := range phases {
			for _, role := range roles {
				if applicable(k, phase, role) == "" {
					list = append(list, Cell{faultTable[k].name, phase, role})
				}
			}
		}
	}
	return list
}
