package dirstore

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/zab/protocol"
)

// identity is the content of IDENTITY: whose directory it is. The log says so
// too, in every head; this is for the day when the log is lost or damaged from its
// beginning. Then it shows that there was one, and a replica of another ensemble is
// still refused.
type identity struct {
	ensemble protocol.EnsembleID
	replica  uint64
}

const (
	identityName     = "IDENTITY"
	identityVersion  = 1
	maxIdentityBytes = 1 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (i *identity) encode() []byte {
	b := codec.AppendArray(nil, 5)
	b = codec.AppendString(b, "zabtree")
	b = codec.AppendUint(b, identityVersion)
	b = codec.AppendBytes(b, i.ensemble[:])
	b = codec.AppendUint(b, i.replica)
	return codec.AppendFixed32(b, crc32.Checksum(b, castagnoli))
}

var errIdentity = errors.New("zab: damaged identity")

// sumBytes is what the checksum takes, at the end of the file whatever its version:
// so a later version is told from damage.
const sumBytes = 5

func decodeIdentity(b []byte) (identity, error) {
	var id identity
	n := max(len(b)-sumBytes, 0)
	sum := codec.NewReader(b[n:])
	if want := sum.Uint32(); sum.Done() != nil || want != crc32.Checksum(b[:n], castagnoli) {
		return id, fmt.Errorf("%w: wrong checksum", errIdentity)
	}
	r := codec.NewReader(b[:n])
	r.Fields(5) // with the checksum
	if r.String() != "zabtree" {
		r.Fail("not an identity")
	}
	if v := r.Uint(); r.Err() == nil && v != identityVersion {
		return id, fmt.Errorf("zab: %s has version %d, this program knows %d", identityName, v, identityVersion)
	}
	if copy(id.ensemble[:], r.Bytes()) != len(id.ensemble) {
		r.Fail("ensemble ID of a wrong length")
	}
	id.replica = r.Uint()
	if err := r.Done(); err != nil {
		return id, fmt.Errorf("%w: %w", errIdentity, err)
	}
	return id, nil
}

// loadIdentity says whether it is known whose directory it is. A damaged identity
// is none: the log has it as well, and it is written again.
func (s *Store) loadIdentity() (bool, error) {
	b, err := disk.ReadFile(s.fsys, filepath.Join(s.dir, identityName), maxIdentityBytes)
	var long *disk.TooLongError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &long):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("zab: reading %s: %w", identityName, err)
	}
	id, err := decodeIdentity(b)
	if errors.Is(err, errIdentity) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.identity = id
	return true, nil
}

// checkIdentity refuses a directory that is not whose the options say.
func (s *Store) checkIdentity() error {
	known, err := s.loadIdentity()
	if err != nil || !known {
		return err
	}
	var errs []error
	if r := s.opts.Replica; r != 0 && r != s.identity.replica {
		errs = append(errs, fmt.Errorf("%w: DirOptions.Replica is %d, %s is replica %d's", protocol.ErrForeign, r, s.dir, s.identity.replica))
	}
	if e := s.opts.Ensemble; e != (protocol.EnsembleID{}) && e != s.identity.ensemble {
		errs = append(errs, fmt.Errorf("%w: DirOptions.Ensemble is %x, %s is of %x", protocol.ErrForeign, e, s.dir, s.identity.ensemble))
	}
	return errors.Join(errs...)
}

// compareIdentity compares whose directory it is with whose log it is.
func (s *Store) compareIdentity(rec *protocol.Recovered) error {
	switch h := rec.HardState; {
	case s.identity == identity{}:
	case h == nil:
		// There was a hard state. Whose it was is all that is left of it.
		rec.HardState = &protocol.HardState{Ensemble: s.identity.ensemble, Replica: s.identity.replica}
		rec.Damage = errors.Join(rec.Damage, errors.New("zab: the log's hard state is lost"))
	case identity{h.Ensemble, h.Replica} != s.identity:
		return fmt.Errorf("%w: in %s, %s is of replica %d of ensemble %x and the log of replica %d of %x", protocol.ErrForeign, s.dir,
			identityName, s.identity.replica, s.identity.ensemble, h.Replica, h.Ensemble)
	}
	return nil
}

// saveIdentity writes whose directory it is, if that is not there yet. It comes
// after the hard state, so that a crash between the two does not look like a lost
// log. If it fails it is tried again with the next batch: the log has it too.
func (s *Store) saveIdentity() {
	if s.head.HardState == nil {
		return
	}
	id := identity{s.head.HardState.Ensemble, s.head.HardState.Replica}
	if id == s.identity {
		return
	}
	if disk.WriteFile(s.fsys, filepath.Join(s.dir, identityName), id.encode()) == nil {
		s.identity = id
	}
}
