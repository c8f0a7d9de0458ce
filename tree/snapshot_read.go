package tree

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/zabtree/zabtree/internal/codec"
)

// ReadSnapshot reads what [View.WriteSnapshot] wrote and returns it as a new
// State. It believes nothing: memory is taken for bytes that have arrived only,
// every rule of the tree is checked, and the digest is computed anew and
// compared. It may read ahead in r, beyond the end of the snapshot. The error is
// r's (io.ErrUnexpectedEOF if it ends early), or wraps ErrMalformed.
func ReadSnapshot(r io.Reader) (*State, error) {
	sr := &snapshotReader{in: bufio.NewReaderSize(r, snapshotBuffer)}
	if err := sr.read(); err != nil {
		return nil, fmt.Errorf("tree: reading a snapshot: %w", err)
	}
	return sr.s, nil
}

type snapshotReader struct {
	in  *bufio.Reader
	buf []byte
	rec codec.Reader // of the record in buf
	s   *State

	sessions, tombs, nodes uint64 // as the head has it
	digest                 uint64

	acls     []*aclList
	last     *place
	siblings int32 // how many children of last's parent there were
	children int64 // how many the znodes claim to have
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
}

func (r *snapshotReader) read() error {
	if err := r.content(); err != nil {
		return err
	}
	if have := r.s.View().Digest(); have != r.digest {
		return malformed("digest is %#x, content has %#x", r.digest, have)
	}
	return nil
}

// content reads everything and checks it against the rules of the tree.
func (r *snapshotReader) content() error {
	magic := make([]byte, len(snapshotMagic))
	if _, err := io.ReadFull(r.in, magic); err != nil {
		return unexpected(err)
	}
	if string(magic) != snapshotMagic {
		return malformed("not a snapshot")
	}
	if err := r.head(); err != nil {
		return err
	}
	for range r.sessions {
		if err := r.session(); err != nil {
			return err
		}
	}
	for range r.tombs {
		if err := r.tombstone(); err != nil {
			return err
		}
	}
	for range r.nodes {
		if err := r.znode(); err != nil {
			return err
		}
	}
	if err := r.tail(); err != nil {
		return err
	}
	r.s.publish()
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next takes a record and returns its kind; rec stands at its first field.
func (r *snapshotReader) next() (recordKind, error) {
	var prefix [4]byte
	if _, err := io.ReadFull(r.in, prefix[:]); err != nil {
		return 0, unexpected(err)
	}
	size := int64(binary.BigEndian.Uint32(prefix[:]))
	r.buf = r.buf[:0]
	for left := size; left > 0; { // a length that lies costs no memory
		step := int(min(left, max(snapshotBuffer, int64(len(r.buf)))))
		at := len(r.buf)
		r.buf = append(r.buf, make([]byte, step)...)
		if _, err := io.ReadFull(r.in, r.buf[at:]); err != nil {
			return 0, unexpected(err)
		}
		left -= int64(step)
	}
	r.rec = codec.NewReader(r.buf)
	fields, kind := r.rec.Array(32)-1, recordKind(r.rec.Uint8())
	if kind >= recordEnd || fields != recordFields[kind] {
		r.rec.Fail("wrong number of fields")
	}
	return kind, nil
}

// want takes a record that must be of the kind.
func (r *snapshotReader) want(kind recordKind) error {
	got, err := r.next()
	if err == nil && got != kind {
		err = malformed("record of kind %d where %d must be", got, kind)
	}
	return err
}

// done checks that the record held what was taken from it and nothing else.
func (r *snapshotReader) done() error {
	if err := r.rec.Done(); err != nil {
		return malformed("%w", err)
	}
	return nil
}

func (r *snapshotReader) head() error {
	if err := r.want(recordHead); err != nil {
		return err
	}
	if format := r.rec.Uint(); format != snapshotFormat {
		return malformed("format %d, this package has %d", format, snapshotFormat)
	}
	m := meta{applyVersion: r.rec.Uint32(), zxid: r.rec.Int(), clock: r.rec.Int(), settings: decodeSettings(&r.rec)}
	r.sessions, r.tombs, r.nodes, r.digest = r.rec.Uint(), r.rec.Uint(), r.rec.Uint(), r.rec.Uint()
	if err := r.done(); err != nil {
		return err
	}
	if m.applyVersion < firstApplyVersion || m.applyVersion > ApplyVersion {
		return malformed("rules of version %d, this package has %d", m.applyVersion, ApplyVersion)
	}
	if m.settings != m.settings.withDefaults() {
		return malformed("settings %+v", m.settings)
	}
	if m.zxid < 0 || m.clock < 0 {
		return malformed("zxid %d, clock %d", m.zxid, m.clock)
	}
	r.s = newState(m)
	return nil
}

func (r *snapshotReader) session() error {
	if err := r.want(recordSession); err != nil {
		return err
	}
	x, err := r.takeSession()
	if err != nil {
		return err
	}
	if last, ok := r.s.sessionOrder.live.Max(); ok && last.id >= x.id {
		return malformed("session %d comes after %d", x.id, last.id)
	}
	r.s.addSession(x)
	for i := range x.records {
		r.s.sum += x.records[i].hash
	}
	r.s.settle(x)
	return nil
}

func (r *snapshotReader) tombstone() error {
	if err := r.want(recordTombstone); err != nil {
		return err
	}
	zxid, clock := r.rec.Int(), r.rec.Int()
	x, err := r.takeSession()
	if err != nil {
		return err
	}
	last, ok := r.s.tombs.live.Max()
	switch {
	case ok && last.id >= x.id:
		return malformed("tombstone of session %d comes after that of %d", x.id, last.id)
	case r.s.byID[x.id] != nil:
		return malformed("tombstone of session %d, which is alive", x.id)
	case zxid <= x.id || zxid > r.s.zxid || clock > r.s.clock:
		return malformed("tombstone of session %d from zxid %d, clock %d", x.id, zxid, clock)
	}
	r.s.raise(&tombstone{final: x, zxid: zxid, clock: clock})
	return nil
}

// takeSession takes the fields of a session, which end its record, and the
// records of its results.
func (r *snapshotReader) takeSession() (*session, error) {
	rec := &r.rec
	x := &session{id: rec.Int(), timeout: rec.Int()}
	if copy(x.password[:], rec.Bytes()) != len(x.password) {
		rec.Fail("password is not 16 bytes")
	}
	x.server, x.attachment, x.last, x.answered = rec.Uint(), rec.Int(), rec.Uint(), rec.Uint()
	x.identities = decodeIDs(rec)
	if err := r.done(); err != nil {
		return nil, err
	}
	if x.id <= 0 || x.timeout < 0 || x.attachment < x.id || x.attachment > r.s.zxid || x.answered > x.last {
		return nil, malformed("session %d: attachment %d, sequences %d and %d", x.id, x.attachment, x.answered, x.last)
	}
	for sequence := x.answered; sequence < x.last; sequence++ {
		if err := r.want(recordResult); err != nil {
			return nil, err
		}
		data := copyData(r.rec.Bytes())
		if err := r.done(); err != nil {
			return nil, err
		}
		rec, err := readRecord(data, func(Result) {})
		if err != nil || Code(data[0]) != rec.code {
			return nil, malformed("result %d of session %d", sequence+1, x.id)
		}
		x.records = append(x.records, storedRecord{data, recordHash(x.id, sequence+1, data)})
		x.bytes += len(data)
	}
	return x, nil
}

func (r *snapshotReader) tail() error {
	if err := r.want(recordTail); err != nil {
		return err
	}
	if err := r.done(); err != nil {
		return err
	}
	if err := r.endSiblings(); err != nil {
		return err
	}
	if r.children != int64(r.nodes)-1 {
		return malformed("%d znodes, which claim %d children", r.nodes, r.children)
	}
	for _, path := range []string{"/", systemPath, quotaPath, configPath} {
		if r.s.index[path] == nil {
			return malformed("no %s", path)
		}
	}
	return nil
}
