package audit

import "slices"

// Sent tells of a frame that leaves the member, to whomever, in the order of a lane.
// A driver's own frames are passed over.
func (a *Auditor) Sent(_ uint64, raw []byte) error {
	if a.err != nil {
		return a.err
	}
	if Foreign(raw) {
		return nil
	}
	if err := Decode(&a.frame, raw); err != nil {
		return a.violated(FrameForm, "%v", err)
	}
	return a.SentFrame(&a.frame)
}

// SentFrame is Sent of a frame that is decoded already.
func (a *Auditor) SentFrame(f *Frame) error {
	if a.err != nil {
		return a.err
	}
	if !a.up {
		return a.violated(Feed, "sends a %v while down", f.Kind)
	}
	switch f.Kind {
	case Look:
		return a.look(f)
	case Support:
		return a.accepted(f, f.Accepted)
	case Lead:
		return a.lead(f)
	case Nack:
		return a.nack(f)
	case Join:
		return a.join(f)
	case Ack:
		return a.ack(f)
	case ChunkAck:
		return a.chunkAck(f)
	case Pong:
		return a.pong(f)
	case Refuse:
		return nil // repeats the epoch of what it refuses
	case ReadAnswer:
		if !f.OK {
			return nil
		}
	}
	return a.held(f)
}

// held: who speaks in an epoch has durably accepted it, and no later one.
func (a *Auditor) held(f *Frame) error {
	if acc := a.disk.HardState.AcceptedEpoch; acc != f.Epoch {
		return a.violated(EpochHeld, "%v of epoch %d with durably accepted epoch %d", f.Kind, f.Epoch, acc)
	}
	return nil
}

// accepted: an accepted epoch that is told is the durable one.
func (a *Auditor) accepted(f *Frame, told uint32) error {
	if acc := a.disk.HardState.AcceptedEpoch; acc != told {
		return a.violated(AcceptedDurable, "%v tells accepted epoch %d, %d is durable", f.Kind, told, acc)
	}
	return nil
}

func (a *Auditor) look(f *Frame) error {
	if !f.Looking {
		return a.accepted(f, f.Accepted)
	}
	if f.Last != a.disk.Last {
		return a.violated(PositionDurable, "Look tells %v, the disk ends at %v", f.Last, a.disk.Last)
	}
	if f.Last.Less(f.Commit) || !a.disk.Holds(f.Commit) && a.disk.Base.Zxid().Less(f.Commit) {
		return a.violated(PositionDurable, "Look tells commit %v, the disk holds %v to %v", f.Commit, a.disk.Base.Zxid(), a.disk.Last)
	}
	return a.accepted(f, f.Accepted)
}

// lead: a leader offers its epoch once its own acceptance is durable, which it has
// then spent on itself. The founders that it names are those that it has recorded.
func (a *Auditor) lead(f *Frame) error {
	h := &a.disk.HardState
	if h.AcceptedEpoch != f.Epoch {
		return a.violated(PromiseDurable, "Lead of epoch %d, %d is durable", f.Epoch, h.AcceptedEpoch)
	}
	if a.raised != f.Epoch || a.given == onLeader {
		return a.violated(PromiseRaised, "Lead of epoch %d, which was accepted for somebody else or before the last start", f.Epoch)
	}
	a.given = onItself
	if f.Founders != nil && !slices.Equal(f.Founders, h.Founders) {
		return a.violated(PromiseDurable, "Lead with founders %v, %v are durable", f.Founders, h.Founders)
	}
	return nil
}

// nack: a refusal binds nobody, and may tell of an epoch that is still being written.
func (a *Auditor) nack(f *Frame) error {
	if acc := a.disk.HardState.AcceptedEpoch; f.Accepted < acc {
		return a.accepted(f, f.Accepted)
	} else if f.Accepted > acc {
		a.hints.Nacks++
	}
	return nil
}

func (a *Auditor) join(f *Frame) error {
	d := &a.disk
	if acc := d.HardState.AcceptedEpoch; acc != f.Epoch {
		return a.violated(PromiseDurable, "Join of epoch %d, %d is durable", f.Epoch, acc)
	}
	if f.Promised {
		if a.raised != f.Epoch || a.given != unspent {
			return a.violated(PromiseRaised, "Join promises epoch %d, which it was not raised to, or has promised before", f.Epoch)
		}
		a.given = onLeader
	}
	if f.Last != d.Last || f.Base != d.Base.Zxid() {
		return a.violated(PositionDurable, "Join tells %v to %v, the disk holds %v to %v", f.Base, f.Last, d.Base.Zxid(), d.Last)
	}
	if ends := d.Ends[max(0, len(d.Ends)-maxEpochs):]; !slices.Equal(f.Ends, ends) {
		return a.violated(EpochTableDurable, "Join tells %v, the disk holds %v", f.Ends, ends)
	}
	if f.Chunks > 0 && (f.Partial != d.Partial || f.Chunks > d.Chunks) {
		return a.violated(ChunkAckDurable, "Join tells %d chunks of %v, the disk holds %d of %v", f.Chunks, f.Partial.Zxid, d.Chunks, d.Partial.Zxid)
	}
	a.stream = stream{epoch: f.Epoch, attempt: f.Attempt}
	return nil
}

func (a *Auditor) ack(f *Frame) error {
	if err := a.held(f); err != nil {
		return err
	}
	s, d := &a.stream, &a.disk
	switch {
	case s.epoch != f.Epoch || !s.on:
		return a.violated(AckDurable, "Ack of %d without a stream of epoch %d", f.Counter, f.Epoch)
	case f.Counter < s.acked:
		return a.violated(AckFalls, "Ack of %d after %d", f.Counter, s.acked)
	case f.Counter > d.Last.Counter:
		return a.violated(AckDurable, "Ack of %d, the disk ends at %v", f.Counter, d.Last)
	case s.installs && d.Base.Zxid().Less(s.snapshot.Zxid):
		return a.violated(AckDurable, "Ack of %d before the snapshot %v is the base of the log", f.Counter, s.snapshot.Zxid)
	case s.mustCut && f.Counter > s.cut.Counter:
		return a.violated(AckDurable, "Ack of %d, the disk up to %v is not cut after %v yet", f.Counter, d.Last, s.cut)
	}
	s.acked = f.Counter
	return nil
}

func (a *Auditor) chunkAck(f *Frame) error {
	if err := a.held(f); err != nil {
		return err
	}
	s, d := &a.stream, &a.disk
	if !s.installs {
		return a.violated(ChunkAckDurable, "ChunkAck of %d without a snapshot", f.N)
	}
	if s.lastChunk == f.N+1 {
		if d.Base.Zxid().Less(s.snapshot.Zxid) {
			return a.violated(ChunkAckDurable, "ChunkAck of the last chunk, %d, before %v is the base of the log", f.N, s.snapshot.Zxid)
		}
		return nil
	}
	if d.Partial != s.snapshot || f.N >= d.Chunks {
		return a.violated(ChunkAckDurable, "ChunkAck of %d of %v, the disk has %d of %v", f.N, s.snapshot.Zxid, d.Chunks, d.Partial.Zxid)
	}
	return nil
}

// pong: a confirmation says that no later epoch was promised before it, which holds
// whether or not the accepted epoch is durable yet.
func (a *Auditor) pong(f *Frame) error {
	if acc := a.disk.HardState.AcceptedEpoch; acc > f.Epoch {
		return a.violated(NoLaterPromise, "Pong of epoch %d with durably accepted epoch %d", f.Epoch, acc)
	} else if acc < f.Epoch {
		a.hints.Pongs++
	}
	return nil
}
