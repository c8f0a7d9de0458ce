package protocol

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// stageCommands is the language of the scenarios. "all" stands for every replica
// that is up; a way is written 1->2, a link 1 2; before a command, "briefly"
// leaves frames and writes out of what is told, and "quietly" everything.
//
//	replicas 3 [observers 4 5] [weights 1*2]  found an ensemble, start all
//	new 4                  bring on a replica that is no founding member, started
//	tune TailBytes 100     set a field of Config, before the replicas start
//	connect all | 1 2 ...  link each of them with each other
//	cut 1 2 ... | 1 from others    break links between them, or all of one's
//	down 1 2               only 1 notices that the link broke
//	tick 1 [n] | all [n]   count ticks
//	run n                  n ticks at all, and let everything settle after each
//	disk 1 [n]             make queued writes (or the first n) durable
//	store 1 [n]            make received chunks durable
//	deliver 1->2 [control|bulk] [n] | all    hand over frames
//	stabilise              all disks, all links, until nothing is left to happen
//	hold / release  1->2 [control|bulk], or 1 disk|reads|apply
//	lead 1                 have 1 elected by ticks (it must be the best candidate)
//	propose 1 "x" "y", read 1, handover 1 [to 2]
//	reconfigure 1 2 3*2 4(observer) 5:b by 1 [version 7]
//	snapshot 1             of what 1 has applied
//	crash 1, restart 1, wipe 1 (while down), damage 1 3 (loses entries after 3)
//	write-fails 1, corrupt 1->2, duplicate 1->2, lose 1->2, forge 1->2 ...
//	wall 1 -3600           the wall clock of 1 is wrong by so many seconds
//	status, log 1, state, times 1, inflight, refused
//	must ...               see stageMust
func stageCommands() map[string]func(*stage, []string) error {
	return map[string]func(*stage, []string) error{
		"replicas": cmdReplicas, "new": cmdNew, "tune": cmdTune, "connect": cmdConnect, "cut": cmdCut, "down": cmdDown,
		"tick": cmdTick, "run": cmdRun, "disk": cmdDisk, "store": cmdStore, "deliver": cmdDeliver,
		"stabilise": cmdStabilise, "hold": cmdHold, "release": cmdRelease,
		"propose": cmdPropose, "read": cmdRead, "handover": cmdHandover, "reconfigure": cmdReconfigure,
		"snapshot": cmdSnapshot, "crash": cmdCrash, "restart": cmdRestart, "wipe": cmdWipe, "damage": cmdDamage,
		"corrupt": cmdCorrupt, "duplicate": cmdDuplicate, "lose": cmdLose, "forge": cmdForge, "wall": cmdWall,
		"status": cmdStatus, "log": cmdLog, "state": cmdState, "times": cmdTimes, "inflight": cmdInflight, "must": cmdMust,
	}
}

var errUsage = errors.New("wrong arguments")

func (s *stage) byName(word string) (*actor, error) {
	id, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is no replica", word)
	}
	if a := s.actor(id); a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("there is no replica %d", id)
}

// some reads the names of replicas; "all" are those that are up.
func (s *stage) some(words []string) ([]*actor, error) {
	if len(words) == 1 && words[0] == "all" {
		return slices.DeleteFunc(slices.Clone(s.actors), func(a *actor) bool { return a.core == nil }), nil
	}
	var as []*actor
	for _, w := range words {
		a, err := s.byName(w)
		if err != nil {
			return nil, err
		}
		as = append(as, a)
	}
	if len(as) == 0 {
		return nil, errUsage
	}
	return as, nil
}

// one reads the name of a replica that is up, and a number behind it, or -1.
func (s *stage) one(words []string) (*actor, int, error) {
	if len(words) == 0 || len(words) > 2 {
		return nil, 0, errUsage
	}
	a, err := s.byName(words[0])
	if err != nil {
		return nil, 0, err
	}
	if a.core == nil {
		return nil, 0, fmt.Errorf("%d is down", a.id)
	}
	if len(words) == 1 {
		return a, -1, nil
	}
	n, err := strconv.Atoi(words[1])
	return a, n, err
}

func each(cmd func(*stage, *actor) error) func(*stage, []string) error {
	return func(s *stage, words []string) error {
		as, err := s.some(words)
		for _, a := range as {
			err = errors.Join(err, cmd(s, a))
		}
		return err
	}
}

func cmdReplicas(s *stage, words []string) error {
	if len(words) == 0 {
		return errUsage
	}
	n, err := strconv.ParseUint(words[0], 10, 64)
	if err != nil {
		return err
	}
	for i := range n {
		s.cfg.Founding = append(s.cfg.Founding, Member{ID: i + 1})
	}
	for words = words[1:]; len(words) > 0; words = words[1:] {
		if words[0] == "observers" || words[0] == "weights" {
			continue
		}
		m, err := s.parseMember(words[0])
		if err != nil {
			return err
		}
		if old := s.cfg.Founding.Find(m.ID); old != nil {
			old.Weight = m.Weight
			continue
		}
		m.Role, m.Incarnation = Observer, 0
		s.cfg.Founding = append(s.cfg.Founding, m)
	}
	for _, m := range s.cfg.Founding {
		s.start(s.add(m.ID))
	}
	return nil
}

func cmdNew(s *stage, words []string) error {
	for _, w := range words {
		id, err := strconv.ParseUint(w, 10, 64)
		if err != nil || s.actor(id) != nil {
			return errUsage
		}
		s.start(s.add(id))
	}
	return nil
}

func cmdTune(s *stage, words []string) error {
	if len(words) != 2 {
		return errUsage
	}
	n, err := strconv.Atoi(words[1])
	f := reflect.ValueOf(&s.cfg).Elem().FieldByName(words[0])
	if err != nil || !f.IsValid() || f.Kind() != reflect.Int {
		return errUsage
	}
	f.SetInt(int64(n))
	return nil
}

func cmdConnect(s *stage, words []string) error {
	as, err := s.some(words)
	for i, a := range as {
		for _, b := range as[:i] {
			s.connect(b, a)
		}
	}
	return err
}

func cmdCut(s *stage, words []string) error {
	if len(words) == 3 && words[1] == "from" && words[2] == "others" {
		a, err := s.byName(words[0])
		for _, w := range slices.Clone(s.cables) {
			if err == nil && slices.Contains(w.ends[:], a) {
				s.cut(w)
			}
		}
		return err
	}
	as, err := s.some(words)
	for i, a := range as {
		for _, b := range as[:i] {
			if w := s.between(a, b); w != nil {
				s.cut(w)
			}
		}
	}
	return err
}

func cmdDown(s *stage, words []string) error {
	as, err := s.some(words)
	if err != nil || len(as) != 2 {
		return errors.Join(errUsage, err)
	}
	for _, w := range slices.Clone(s.cables) {
		if slices.Contains(w.ends[:], as[0]) && slices.Contains(w.ends[:], as[1]) && w.up[w.sender(as[0])] {
			s.down(w, as[0])
		}
	}
	return nil
}

func cmdTick(s *stage, words []string) error {
	n := 1
	if len(words) == 2 {
		n, _ = strconv.Atoi(words[1])
		words = words[:1]
	}
	as, err := s.some(words)
	for range n {
		s.tick(as)
	}
	return err
}

func cmdRun(s *stage, words []string) error {
	if len(words) != 1 {
		return errUsage
	}
	n, err := strconv.Atoi(words[0])
	for range n {
		as, _ := s.some([]string{"all"})
		s.tick(as)
		if !s.settle() {
			return errors.New("it does not come to an end")
		}
	}
	return err
}

func cmdStabilise(s *stage, words []string) error {
	if !s.settle() {
		return errors.New("it does not come to an end")
	}
	return nil
}

func cmdDisk(s *stage, words []string) error {
	a, n, err := s.one(words)
	if err == nil {
		if n < 0 {
			n = len(a.writes)
		}
		s.sync(a, n)
	}
	return err
}

func cmdStore(s *stage, words []string) error {
	a, n, err := s.one(words)
	if err == nil {
		if n < 0 {
			n = len(a.stores)
		}
		s.store(a, n)
	}
	return err
}

// way reads 1->2.
func (s *stage) way(word string) (*cable, *actor, error) {
	from, to, ok := strings.Cut(word, "->")
	if !ok {
		return nil, nil, errUsage
	}
	a, err := s.byName(from)
	if err != nil {
		return nil, nil, err
	}
	b, err := s.byName(to)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range slices.Backward(s.cables) {
		if w.ends == [2]*actor{a, b} || w.ends == [2]*actor{b, a} {
			return w, a, nil
		}
	}
	return nil, nil, fmt.Errorf("%d and %d are not linked", a.id, b.id)
}

// lanes reads the name of a lane, if there is one, and what comes behind it.
func lanes(words []string) ([]Lane, []string) {
	if len(words) > 0 {
		switch words[0] {
		case "control":
			return []Lane{Control}, words[1:]
		case "bulk":
			return []Lane{Bulk}, words[1:]
		}
	}
	return []Lane{Control, Bulk}, words
}

func cmdDeliver(s *stage, words []string) error {
	if len(words) == 0 {
		return errUsage
	}
	w, from, err := s.way(words[0])
	if err != nil {
		return err
	}
	ls, words := lanes(words[1:])
	n := 1 << 30
	if len(words) == 1 {
		if n, err = strconv.Atoi(words[0]); err != nil {
			return err
		}
	}
	for _, lane := range ls {
		if slices.Contains(s.cables, w) {
			s.deliver(w, from, lane, n)
		}
	}
	return nil
}

func cmdHold(s *stage, words []string) error    { return s.setHeld(words, true) }
func cmdRelease(s *stage, words []string) error { return s.setHeld(words, false) }

func (s *stage) setHeld(words []string, held bool) error {
	if len(words) == 0 {
		return errUsage
	}
	if strings.Contains(words[0], "->") {
		w, from, err := s.way(words[0])
		if err != nil {
			return err
		}
		ls, _ := lanes(words[1:])
		for _, lane := range ls {
			w.held[w.sender(from)][lane] = held
		}
		return nil
	}
	a, err := s.byName(words[0])
	if err != nil || len(words) != 2 {
		return errors.Join(errUsage, err)
	}
	a.held[words[1]] = held
	if held || a.core == nil {
		return nil
	}
	switch words[1] {
	case "apply":
		s.apply(a)
	case "reads":
		s.serveReads(a)
	case "disk":
	default:
		return errUsage
	}
	return nil
}
