package driver

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/zab/protocol"
)

// RecoveryConfig is what Recover works on.
type RecoveryConfig struct {
	Self         uint64
	Ensemble     protocol.EnsembleID
	Storage      Storage
	StateMachine Restorer
	ChunkBytes   int
	// NewIncarnation draws a number at random. It is asked again for a 0.
	NewIncarnation func() uint64
	Log            Logger
	Stop           Stop
}

// Recovery is what a replica begins with.
type Recovery struct {
	Hard   protocol.HardState
	Latest protocol.Base // the snapshot that the state machine was restored from
	Core   *protocol.Recovery
	// Damage is not nil if something that was durable is lost: Hard has a new
	// incarnation then.
	Damage error
}

// Recover is what a replica does before it speaks: it makes sure that the
// storage is its own, restores the state machine, and reads its log. If something
// that was durable is lost, and no local copy covers it, the replica must not be
// counted any more for what it promised and acknowledged: it draws a new
// incarnation, durably, and comes back as a replica whose disk was wiped, with
// what is left as material.
func Recover(cfg RecoveryConfig) (*Recovery, error) {
	v := &recovery{cfg: &cfg}
	if err := v.run(); err != nil {
		return nil, err
	}
	return &Recovery{v.hard, v.latest, v.core, v.damage}, nil
}

type recovery struct {
	cfg *RecoveryConfig

	found  protocol.Recovered
	hard   protocol.HardState
	latest protocol.Base
	core   *protocol.Recovery
	damage error
	repair protocol.Batch // what is to be written together with a new incarnation
}

func (v *recovery) run() error {
	var err error
	if v.found, err = v.cfg.Storage.Load(); err != nil {
		return fmt.Errorf("zab: loading the storage: %w", err)
	}
	if err := v.identify(); err != nil {
		return err
	}
	v.damage = v.found.Damage
	if err := v.restore(); err != nil {
		return err
	}
	return v.readLog()
}

// identify checks whose storage this is.
func (v *recovery) identify() error {
	ensemble := v.cfg.Ensemble
	v.hard = protocol.HardState{Ensemble: ensemble, Replica: v.cfg.Self}
	h := v.found.HardState
	if h == nil {
		return nil
	}
	var errs []error
	if h.Replica != v.cfg.Self {
		errs = append(errs, fmt.Errorf("%w: Config.ID is %d, the storage is replica %d's", protocol.ErrForeign, v.cfg.Self, h.Replica))
	}
	if h.Ensemble != ensemble {
		errs = append(errs, fmt.Errorf("%w: Config.Name, Nonce and Members make ensemble %x, the storage is of %x", protocol.ErrForeign, ensemble, h.Ensemble))
	}
	v.hard = *h
	return errors.Join(errs...)
}

// restore restores the state machine from the newest snapshot that can be read:
// the latest, or the one that the log begins after. Without either there is
// nothing that the log could be applied to.
func (v *recovery) restore() error {
	f := &v.found
	tried := []protocol.Base{f.Latest}
	if f.Latest.Snapshot != f.Base.Snapshot {
		tried = append(tried, f.Base)
	}
	var errs []error
	for _, b := range tried {
		if b.Zxid().IsZero() {
			return nil
		}
		err := Restore(v.cfg.Stop, v.cfg.Storage, v.cfg.StateMachine, b.Snapshot)
		if err == nil {
			v.latest = b
			return nil
		}
		if why := v.cfg.Stop(); why != nil {
			return why
		}
		err = fmt.Errorf("snapshot %v: %w", b.Zxid(), err)
		v.cfg.Log.Warn("snapshot not restored", "err", err)
		errs = append(errs, err)
	}
	// Without a snapshot the log is of no use.
	v.damage = errors.Join(append(errs, v.damage)...)
	f.Base, f.Latest, f.Last = protocol.Base{}, protocol.Base{}, 0
	v.repair = protocol.Batch{Base: &protocol.Base{}, Truncate: &protocol.Zxid{}}
	return nil
}

// readLog reads the log and settles who this replica is. What has to be repaired
// is repaired in the very step that draws a new incarnation: there is no moment
// at which less than was durable is there under the old one.
func (v *recovery) readLog() error {
	last, err := v.scan()
	if err == nil && last.Counter < v.latest.Zxid().Counter {
		err = fmt.Errorf("%w: the snapshot %v goes beyond it", ErrLogGap, v.latest.Zxid())
	}
	if why := v.cfg.Stop(); why != nil {
		return why
	}
	if err != nil {
		v.damage = errors.Join(v.damage, fmt.Errorf("log after %v: %w", last, err))
		if v.latest.Zxid().Counter > last.Counter {
			base := v.latest
			last, v.found.Base = base.Zxid(), base
			v.repair = protocol.Batch{Base: &base, Latest: &base, Truncate: &last}
		} else {
			v.repair = protocol.Batch{Truncate: &last}
		}
		v.found.Last = last.Counter
	}
	if !v.identityChanges(last) {
		return nil
	}
	hard := v.hard
	v.repair.HardState = &hard
	if err := v.cfg.Storage.Append(v.repair); err != nil {
		return fmt.Errorf("zab: writing to the storage: %w", err)
	}
	_, err = v.scan()
	return err
}

// scan feeds the log to the core: every entry sound, each following the one
// before. It returns the last that was.
func (v *recovery) scan() (protocol.Zxid, error) {
	v.core = protocol.NewRecovery(v.hard, v.found.Base, v.latest, v.found.Partial, uint64(v.found.PartialSize)/uint64(v.cfg.ChunkBytes))
	last := v.found.Base.Zxid()
	for last.Counter < v.found.Last && v.cfg.Stop() == nil {
		raw, err := v.cfg.Storage.Read(last.Counter, maxReadBytes)
		if err != nil {
			return last, err
		}
		for len(raw) > 0 {
			e, n, err := protocol.DecodeEntry(raw)
			if err == nil {
				err = v.core.Add(raw[:n:n])
			}
			if err == nil && e.Zxid.Counter == v.latest.Zxid().Counter && e.Zxid != v.latest.Zxid() {
				err = fmt.Errorf("%w: entry %v where the snapshot %v is", ErrLogGap, e.Zxid, v.latest.Zxid())
			}
			if err != nil {
				return last, err
			}
			last, raw = e.Zxid, raw[n:]
		}
	}
	return last, nil
}

// identityChanges says whether the hard state has to be written: at the first
// start, and after damage.
func (v *recovery) identityChanges(last protocol.Zxid) bool {
	if v.damage != nil {
		v.cfg.Log.Error("storage is damaged: this replica is counted as a new one", "err", v.damage)
		v.hard.Incarnation = 0
		if v.hard.Founders == nil {
			// There may have been a list, and there may be an ensemble that it founded. With
			// an empty log and no list this replica would found it once more, without
			// what was committed.
			v.hard.Founders = []protocol.Founder{}
		}
	}
	if v.hard.Incarnation != 0 && v.hard.AcceptedEpoch >= last.Epoch {
		return false
	}
	for v.hard.Incarnation == 0 {
		v.hard.Incarnation = v.cfg.NewIncarnation()
	}
	v.hard.AcceptedEpoch = max(v.hard.AcceptedEpoch, last.Epoch)
	return true
}
