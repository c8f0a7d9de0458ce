package protocol

import (
	"bytes"
	"fmt"
	"hash/crc64"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// actorDisk is what of a replica survives a crash: exactly what was reported
// durable, and nothing that is queued.
type actorDisk struct {
	hs           HardState
	base, latest Base
	raws         [][]byte // the log behind the base, an encoded entry each
	files        map[SnapshotMeta][]byte
	partial      SnapshotMeta
	chunks       [][]byte
}

func newActorDisk(id, incarnation uint64) actorDisk {
	return actorDisk{hs: HardState{Replica: id, Incarnation: incarnation}, files: map[SnapshotMeta][]byte{}}
}

// end is the last entry of the log, or of the base.
func (d *actorDisk) end() Zxid {
	if n := len(d.raws); n > 0 {
		return mustDecode(d.raws[n-1]).Zxid
	}
	return d.base.Zxid()
}

// put carries out a batch. It fails if the batch asks for what cannot be.
func (d *actorDisk) put(b *Batch) error {
	if b.HardState != nil {
		d.hs = b.HardState.clone()
	}
	if b.Base != nil {
		d.moveBase(*b.Base)
	}
	if b.Latest != nil {
		d.latest = *b.Latest
		if _, ok := d.files[d.latest.Snapshot]; !ok {
			return fmt.Errorf("a record names snapshot %v, which is not there", d.latest.Zxid())
		}
	}
	if b.Truncate != nil {
		keep := b.Truncate.Counter - d.base.Zxid().Counter
		if b.Truncate.Counter < d.base.Zxid().Counter || keep > uint64(len(d.raws)) {
			return fmt.Errorf("cut after %v of a log from %v to %v", b.Truncate, d.base.Zxid(), d.end())
		}
		d.raws = slices.Clone(d.raws[:keep])
	}
	return d.append(b)
}

func (d *actorDisk) moveBase(b Base) {
	i := int(b.Zxid().Counter) - int(d.base.Zxid().Counter)
	switch {
	case i > 0 && i <= len(d.raws) && mustDecode(d.raws[i-1]).Zxid == b.Zxid():
		d.raws = slices.Clone(d.raws[i:])
	case i != 0 || d.base.Zxid() != b.Zxid():
		d.raws = nil
	}
	d.base = b
}

func (d *actorDisk) append(b *Batch) error {
	es, err := DecodeEntries(nil, b.Raw)
	if err != nil || len(es) != len(b.Entries) {
		return fmt.Errorf("%d entries, but encoded %d: %v", len(b.Entries), len(es), err)
	}
	raw := b.Raw
	for i := range es {
		if es[i].Zxid != b.Entries[i].Zxid || !bytes.Equal(es[i].Data, b.Entries[i].Data) {
			return fmt.Errorf("entry %v, encoded %v", b.Entries[i].Zxid, es[i].Zxid)
		}
		if es[i].Prev() != d.end() {
			return fmt.Errorf("entry %v behind %v", es[i].Zxid, d.end())
		}
		_, n, _ := DecodeEntry(raw)
		d.raws = append(d.raws[:len(d.raws):len(d.raws)], raw[:n])
		raw = raw[n:]
	}
	return nil
}

// read returns encoded entries behind a counter.
func (d *actorDisk) read(after uint64, maxBytes int) ([]byte, error) {
	first := d.base.Zxid().Counter
	if after < first || after-first >= uint64(len(d.raws)) {
		return nil, fmt.Errorf("no entries after %d in a log from %v to %v", after, d.base.Zxid(), d.end())
	}
	var raw []byte
	for _, r := range d.raws[after-first:] {
		if len(raw) > 0 && len(raw)+len(r) > maxBytes {
			break
		}
		raw = append(raw, r...)
	}
	return raw, nil
}

// store makes a chunk of a snapshot that is being received durable.
func (d *actorDisk) store(q StoreChunk) error {
	if d.partial != q.Meta {
		d.partial, d.chunks = q.Meta, nil
	}
	if q.N > uint64(len(d.chunks)) {
		return fmt.Errorf("chunk %d of which %d are there", q.N, len(d.chunks))
	}
	d.chunks = append(d.chunks[:q.N:q.N], q.Data)
	if !q.Last {
		return nil
	}
	data := bytes.Join(d.chunks, nil)
	d.partial, d.chunks = SnapshotMeta{}, nil
	if int64(len(data)) != q.Meta.Size || crc64.Checksum(data, snapshotTable) != q.Meta.Sum {
		return fmt.Errorf("snapshot %v: wrong checksum", q.Meta.Zxid)
	}
	d.files[q.Meta] = data
	return nil
}

// forget drops the snapshots that no record names, as a start does.
func (d *actorDisk) forget() {
	for m := range d.files {
		if m != d.base.Snapshot && m != d.latest.Snapshot {
			delete(d.files, m)
		}
	}
}

func (d *actorDisk) clone() actorDisk {
	e := *d
	e.raws = slices.Clone(d.raws)
	e.files = map[SnapshotMeta][]byte{}
	for m, b := range d.files {
		e.files[m] = b
	}
	e.chunks = slices.Clone(d.chunks)
	return e
}

func mustDecode(raw []byte) Entry {
	e, _, err := DecodeEntry(raw)
	if err != nil {
		panic(err)
	}
	return e
}

var snapshotTable = crc64.MakeTable(crc64.ECMA)

// actorState is a state machine: the list of the commands that it was given.
type actorState struct {
	applied Zxid
	clock   int64
	digest  uint64
	values  []string
}

func (m *actorState) apply(e *Entry) {
	h := fnv.New64a()
	fmt.Fprint(h, m.digest, e.Zxid, e.Kind, e.Clock, e.Data)
	m.applied, m.clock, m.digest = e.Zxid, e.Clock, h.Sum64()
	if e.Kind == KindCommand {
		m.values = append(m.values, string(e.Data))
	}
}

func (m *actorState) snapshot() (SnapshotMeta, []byte) {
	data := []byte(fmt.Sprintf("%d %s", m.clock, strings.Join(m.values, " ")))
	return SnapshotMeta{Zxid: m.applied, Digest: m.digest, Size: int64(len(data)), Sum: crc64.Checksum(data, snapshotTable)}, data
}

func restoreState(meta SnapshotMeta, data []byte) actorState {
	m := actorState{applied: meta.Zxid, digest: meta.Digest}
	if len(data) == 0 {
		return m
	}
	fields := strings.Fields(string(data))
	m.clock, _ = strconv.ParseInt(fields[0], 10, 64)
	m.values = fields[1:]
	return m
}
