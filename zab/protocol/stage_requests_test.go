package protocol

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func cmdPropose(s *stage, words []string) error {
	if len(words) < 2 {
		return errUsage
	}
	a, _, err := s.one(words[:1])
	if err != nil {
		return err
	}
	var ps []Proposal
	for _, w := range words[1:] {
		if n, err := strconv.Atoi(strings.TrimPrefix(w, "size=")); err == nil && strings.HasPrefix(w, "size=") {
			w = strings.Repeat("x", n)
		}
		a.requests++
		ps = append(ps, Proposal{Request: a.requests, Data: []byte(w)})
	}
	for _, p := range ps {
		s.sayTraffic("%d proposes #%d %s", a.id, p.Request, describeData(p.Data))
		a.pending = append(a.pending, p.Request)
	}
	s.act(a, func(c *Core) { _, err = c.Propose(ps) })
	if err != nil {
		s.say("%d cannot propose: %v", a.id, err)
		for _, p := range ps {
			s.bar(a, p.Request)
		}
	}
	return nil
}

func cmdRead(s *stage, words []string) error {
	a, _, err := s.one(words)
	if err != nil {
		return err
	}
	a.reads++
	s.asked[[2]uint64{a.id, a.reads}] = s.known
	s.sayTraffic("%d asks for a read point, #%d", a.id, a.reads)
	s.act(a, func(c *Core) { c.ReadPoint(a.reads) })
	return nil
}

func cmdHandover(s *stage, words []string) error {
	to := 0
	if len(words) == 3 && words[1] == "to" {
		to, _ = strconv.Atoi(words[2])
		words = words[:1]
	}
	a, _, err := s.one(words)
	if err != nil {
		return err
	}
	s.act(a, func(c *Core) { err = c.Handover(uint64(to)) })
	if err != nil {
		s.say("%d cannot hand over: %v", a.id, err)
	}
	return nil
}

// parseMember reads 2, 2:b, 2*3 and 2(observer). Without an incarnation it is the
// one that the replica has on its disk.
func (s *stage) parseMember(word string) (Member, error) {
	var m Member
	word, observer := strings.CutSuffix(word, "(observer)")
	if observer {
		m.Role = Observer
	}
	word, weight, _ := strings.Cut(word, "*")
	if weight != "" {
		n, err := strconv.ParseUint(weight, 10, 32)
		if err != nil {
			return m, err
		}
		m.Weight = uint32(n)
	}
	id, letter, _ := strings.Cut(word, ":")
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return m, err
	}
	m.ID = n
	if a := s.actor(n); a != nil {
		m.Incarnation = a.disk.hs.Incarnation
	}
	if letter != "" {
		m.Incarnation = 0xa + uint64(letter[0]-'a')
	}
	return m, nil
}

// cmdReconfigure reads MEMBERS by REPLICA [version N].
func cmdReconfigure(s *stage, words []string) error {
	by := slices.Index(words, "by")
	if by < 1 || len(words) < by+2 {
		return errUsage
	}
	var next Membership
	for _, w := range words[:by] {
		m, err := s.parseMember(w)
		if err != nil {
			return err
		}
		next = append(next, m)
	}
	a, _, err := s.one(words[by+1 : by+2])
	if err != nil {
		return err
	}
	version := a.core.Status().Config.Version
	if rest := words[by+2:]; len(rest) == 2 && rest[0] == "version" {
		if version, err = strconv.ParseUint(rest[1], 10, 64); err != nil {
			return err
		}
	}
	a.requests++
	s.sayTraffic("%d proposes #%d: %s", a.id, a.requests, describeMembership(next))
	s.act(a, func(c *Core) { _, err = c.Reconfigure(a.requests, version, next) })
	if err != nil {
		s.say("%d cannot reconfigure: %v", a.id, err)
	}
	return nil
}

func cmdSnapshot(s *stage, words []string) error {
	a, _, err := s.one(words)
	if err == nil {
		s.snapshot(a)()
	}
	return err
}

func cmdCrash(s *stage, words []string) error {
	return each(func(s *stage, a *actor) error {
		if a.core == nil {
			return fmt.Errorf("%d is down", a.id)
		}
		lost := len(a.writes)
		a.writes, a.stores, a.entries, a.chunks = nil, nil, nil, nil
		s.say("%d crashes; %d writes are lost", a.id, lost)
		s.crash(a)
		return nil
	})(s, words)
}

func cmdRestart(s *stage, words []string) error {
	return each(func(s *stage, a *actor) error {
		if a.core != nil {
			return fmt.Errorf("%d is up", a.id)
		}
		s.start(a)
		return nil
	})(s, words)
}

func cmdWipe(s *stage, words []string) error {
	return each(func(s *stage, a *actor) error {
		if a.core != nil {
			return fmt.Errorf("%d is up", a.id)
		}
		s.wipe(a)
		return nil
	})(s, words)
}

// cmdDamage loses the durable entries behind a counter. What a storage does then
// is done: the replica draws a new incarnation and keeps what is left.
func cmdDamage(s *stage, words []string) error {
	if len(words) != 2 {
		return errUsage
	}
	a, err := s.byName(words[0])
	if err != nil || a.core != nil {
		return errors.Join(errUsage, err)
	}
	n, err := strconv.ParseUint(words[1], 10, 64)
	d := &a.disk
	if err != nil || n < d.base.Zxid().Counter || n > d.end().Counter {
		return errUsage
	}
	d.raws = d.raws[:n-d.base.Zxid().Counter]
	d.hs.Incarnation = s.nextInc
	s.nextInc++
	return nil
}

// first returns the queue of a way and lane that a command is about.
func (s *stage) first(words []string) (*[][]byte, *cable, *actor, error) {
	if len(words) == 0 {
		return nil, nil, nil, errUsage
	}
	w, from, err := s.way(words[0])
	if err != nil {
		return nil, nil, nil, err
	}
	ls, _ := lanes(words[1:])
	q := &w.lanes[w.sender(from)][ls[len(ls)-1]]
	if len(*q) == 0 {
		return nil, nil, nil, errors.New("nothing is on its way")
	}
	return q, w, from, nil
}

// cmdCorrupt turns the last byte of the first frame on its way.
func cmdCorrupt(s *stage, words []string) error {
	q, _, _, err := s.first(words)
	if err == nil {
		f := slices.Clone((*q)[0])
		f[len(f)-1] ^= 1
		(*q)[0] = f
	}
	return err
}

func cmdDuplicate(s *stage, words []string) error {
	q, _, _, err := s.first(words)
	if err == nil {
		*q = slices.Insert(*q, 1, (*q)[0])
	}
	return err
}

func cmdLose(s *stage, words []string) error {
	q, _, _, err := s.first(words)
	if err == nil {
		s.sayTraffic("lost: %s", describeFrame((*q)[0]))
		*q = slices.Delete(*q, 0, 1)
	}
	return err
}

// cmdForge puts a frame on a way that its sender never sent.
func cmdForge(s *stage, words []string) error {
	if len(words) < 2 {
		return errUsage
	}
	w, from, err := s.way(words[0])
	if err != nil {
		return err
	}
	if words[1] == "Entries" {
		return s.forgeEntries(w, from, words[2:])
	}
	var ns []uint64
	for _, x := range words[2:] {
		n, err := strconv.ParseUint(x, 10, 64)
		if err != nil {
			return err
		}
		ns = append(ns, n)
	}
	ns = append(ns, 0, 0, 0)
	e := uint32(ns[0])
	i := w.sender(from)
	to := w.ends[1-i]
	lane, frame := Bulk, []byte(nil)
	switch words[1] {
	case "Ack":
		frame = (&ack{e, ns[1]}).encode()
	case "Lead":
		frame = (&lead{epoch: e}).encode()
	case "Support": // of the receiver's present round
		frame = (&support{round: to.core.election.round, accepted: e}).encode()
	case "Sync": // that answers the receiver's latest join
		frame = (&syncFrom{epoch: e, attempt: to.core.following.attempt, common: Zxid{uint32(ns[1]), ns[2]}, upTo: ns[2]}).encode()
	case "Propose":
		frame = (&propose{epoch: e, proposals: []Proposal{{Request: ns[1], Data: []byte("forged")}}}).encode()
	case "Pong":
		lane, frame = Control, (&beat{e, ns[1]}).encode(kindPong)
	default:
		return errUsage
	}
	s.sayTraffic("forged %d->%d: %s", from.id, to.id, describeFrame(frame))
	w.lanes[i][lane] = append(w.lanes[i][lane], frame)
	return nil
}

// forgeEntries makes a frame of an epoch with entries that follow each other.
func (s *stage) forgeEntries(w *cable, from *actor, words []string) error {
	i := w.sender(from)
	to := w.ends[1-i]
	if len(words) < 2 {
		return errUsage
	}
	epoch, err := strconv.ParseUint(words[0], 10, 32)
	if err != nil {
		return err
	}
	frame := appendEntriesHeader(nil, entriesHeader{uint32(epoch), to.core.commit})
	prev := to.core.log.last
	for _, word := range words[1:] {
		e := Entry{PrevEpoch: prev.Epoch, Kind: KindCommand, Data: []byte("forged")}
		if _, err := fmt.Sscanf(word, "%d:%d", &e.Zxid.Epoch, &e.Zxid.Counter); err != nil {
			return err
		}
		if e.Zxid.Epoch > prev.Epoch {
			e.Kind, e.Data = KindOpen, nil
		}
		frame = AppendEntry(frame, &e)
		prev = e.Zxid
	}
	s.sayTraffic("forged %d->%d: %s", from.id, to.id, describeFrame(frame))
	w.lanes[i][Bulk] = append(w.lanes[i][Bulk], frame)
	return nil
}

func cmdWall(s *stage, words []string) error {
	a, n, err := s.one(words)
	if err == nil {
		a.skew = int64(n) * 1e9
	}
	return err
}
