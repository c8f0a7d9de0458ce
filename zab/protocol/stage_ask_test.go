package protocol

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *stage) all(words []string) ([]*actor, error) {
	if len(words) == 0 {
		return s.actors, nil
	}
	return s.some(words)
}

func cmdStatus(s *stage, words []string) error {
	as, err := s.all(words)
	for _, a := range as {
		if a.core == nil {
			s.say("%d is down, log from %v to %v", a.id, a.disk.base.Zxid(), a.disk.end())
			continue
		}
		st := a.core.Status()
		s.say("%d %s; accepted %d, log from %v to %v, durable %v, commit %v",
			a.id, describeStatus(&st), st.AcceptedEpoch, st.Base, st.Last, st.Durable, st.Commit)
	}
	return err
}

func cmdLog(s *stage, words []string) error {
	as, err := s.all(words)
	for _, a := range as {
		s.say("%d has durably, behind %v:", a.id, a.disk.base.Zxid())
		for _, raw := range a.disk.raws {
			e := mustDecode(raw)
			s.say("  %s", describeEntry(&e))
		}
		for _, w := range a.writes {
			s.say("  queued #%d: %s", w.Seq, describeBatch(&w.Batch))
		}
	}
	return err
}

func cmdState(s *stage, words []string) error {
	as, err := s.all(words)
	for _, a := range as {
		s.say("%d at %v: %s", a.id, a.state.applied, describeValues(a.state.values))
	}
	return err
}

func cmdTimes(s *stage, words []string) error {
	as, err := s.some(words)
	for _, a := range as {
		for _, raw := range a.disk.raws {
			e := mustDecode(raw)
			s.say("%d has %s, wall %v, clock %v", a.id, describeEntry(&e), time.Duration(e.Wall), time.Duration(e.Clock))
		}
	}
	return err
}

func cmdInflight(s *stage, words []string) error {
	for _, w := range s.cables {
		for i, from := range w.ends {
			for lane := range Lanes {
				for _, f := range w.lanes[i][lane] {
					s.say("on its way %d->%d: %s", from.id, w.ends[1-i].id, describeFrame(f))
				}
			}
		}
	}
	return nil
}

// cmdMust asserts:
//
//	must 1 2 agree              equal state, digest and configuration
//	must 1 have "x" / lack "x"  in its state
//	must 1 lead / follow 2 / look / serve / not-serve
//	must 1 commit 1:4 / apply 1:4 / end 1:4 / accept 3
//	must 1 run / halt           has not halted, has halted
//	must 1 linked 2             their link is up
//	must 1 version 7            the configuration in force
func cmdMust(s *stage, words []string) error {
	n := 0
	for n < len(words) {
		if _, err := strconv.Atoi(words[n]); err != nil && words[n] != "all" {
			break
		}
		n++
	}
	as, err := s.some(words[:n])
	if err != nil || n == len(words) {
		return errors.Join(errUsage, err)
	}
	for _, a := range as {
		if why := stageMust(s, a, as, words[n], words[n+1:]); why != "" {
			s.violation("%d must %s, but %s", a.id, strings.Join(words[n:], " "), why)
		}
	}
	return nil
}

func stageMust(s *stage, a *actor, as []*actor, verb string, args []string) string {
	if a.core == nil {
		return "it is down"
	}
	arg := strings.Join(args, " ")
	st := a.core.Status()
	is := describeStatus(&st)
	check := func(ok bool, why string) string {
		if ok {
			return ""
		}
		return why
	}
	switch verb {
	case "agree":
		return s.agree(as)
	case "have":
		return check(slices.Contains(a.state.values, arg), "it has "+describeValues(a.state.values))
	case "lack":
		return check(!slices.Contains(a.state.values, arg), "it has "+describeValues(a.state.values))
	case "lead":
		return check(st.Leader == a.id && st.Phase == Broadcasting, "it "+is)
	case "follow":
		return check(st.Leader != a.id && fmt.Sprint(st.Leader) == arg, "it "+is)
	case "look":
		return check(st.Phase == Looking, "it "+is)
	case "serve":
		return check(st.Serving, "it "+is)
	case "not-serve":
		return check(!st.Serving, "it "+is)
	case "run":
		return check(!a.halted, "it has halted")
	case "halt":
		return check(a.halted, "it has not halted")
	}
	got := map[string]string{"commit": st.Commit.String(), "apply": a.state.applied.String(), "end": st.Durable.String(),
		"accept": fmt.Sprint(st.AcceptedEpoch), "version": fmt.Sprint(st.Config.Version)}
	if verb == "linked" {
		b, err := s.byName(arg)
		return check(err == nil && s.between(a, b) != nil, "their link is down")
	}
	v, ok := got[verb]
	return check(ok && v == arg, "it is "+v)
}

func describeValues(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	var words []string
	for _, v := range values {
		words = append(words, describeData([]byte(v)))
	}
	return strings.Join(words, " ")
}
