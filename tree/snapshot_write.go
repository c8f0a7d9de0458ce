package tree

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/zabtree/zabtree/internal/codec"
)

// A snapshot is snapshotMagic and then records, each with its length in four
// bytes in front (big-endian): a head, the sessions in order of id, each
// followed by its results, the tombstones likewise, and the znodes in tree
// order, each list of permissions standing in front of the first znode that
// has it. A tail ends it. Everything is in an order that the content decides,
// so that equal states are equal bytes.
const (
	snapshotMagic  = "zabtree snapshot\n"
	snapshotFormat = 1
)

type recordKind uint8

const (
	recordHead recordKind = 1 + iota
	recordSession
	recordResult
	recordTombstone
	recordACL
	recordZnode
	recordTail
	recordEnd
)

var recordFields = [recordEnd]int{
	recordHead: 9, recordSession: 8, recordResult: 1, recordTombstone: 10,
	recordACL: 1, recordZnode: 18, recordTail: 0,
}

const snapshotBuffer = 64 << 10

// WriteSnapshot writes the whole state to w, the same bytes on every replica
// that has it, in pieces of at most 64 KiB but for a znode's or a result's own
// bytes. Of the state's size only the number of different ACLs matters to the
// memory it takes, and it may run beside Apply. The error is w's, or says that
// somebody wrote to the shared bytes of a znode.
func (v *View) WriteSnapshot(w io.Writer) error {
	sw := &snapshotWriter{out: bufio.NewWriterSize(w, snapshotBuffer), acls: make(map[*aclList]uint64)}
	sw.write([]byte(snapshotMagic))
	sw.head(v)
	v.sessionOrder.Ascend(func(item sessionItem) bool {
		sw.session(sw.begin(recordSession), v.sessions.at(item.index))
		return sw.err == nil
	})
	v.tombs.Ascend(func(item tombItem) bool {
		b := sw.begin(recordTombstone)
		b = codec.AppendInt(b, item.t.zxid)
		b = codec.AppendInt(b, item.t.clock)
		sw.session(b, item.t.final)
		return sw.err == nil
	})
	v.order.Ascend(func(p *place) bool {
		sw.znode(v.znodes.at(p.index))
		return sw.err == nil
	})
	sw.end(sw.begin(recordTail), nil)
	if sw.err != nil {
		return sw.err
	}
	return sw.out.Flush()
}

type snapshotWriter struct {
	out  *bufio.Writer
	buf  []byte
	acls map[*aclList]uint64 // numbered from 1 in order of appearance
	err  error
}

func (w *snapshotWriter) write(b []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(b)
	}
}

// begin starts a record, leaving room for its length.
func (w *snapshotWriter) begin(kind recordKind) []byte {
	return append(codec.AppendArray(append(w.buf[:0], 0, 0, 0, 0), recordFields[kind]+1), byte(kind))
}

// end writes a record whose last field's bytes, if any, are data.
func (w *snapshotWriter) end(b, data []byte) {
	w.buf = b
	binary.BigEndian.PutUint32(b, uint32(len(b)-4+len(data)))
	w.write(b)
	w.write(data)
}

func (w *snapshotWriter) endBytes(b, data []byte) {
	if data == nil {
		b = codec.AppendNil(b)
	} else {
		b = codec.AppendBytesHeader(b, len(data))
	}
	w.end(b, data)
}

func (w *snapshotWriter) head(v *View) {
	b := w.begin(recordHead)
	b = codec.AppendUint(b, snapshotFormat)
	b = codec.AppendUint(b, uint64(v.applyVersion))
	b = codec.AppendInt(b, v.zxid)
	b = codec.AppendInt(b, v.clock)
	b = appendSettings(b, v.settings)
	b = codec.AppendUint(b, uint64(v.sessionOrder.Len()))
	b = codec.AppendUint(b, uint64(v.tombs.Len()))
	b = codec.AppendUint(b, uint64(v.order.Len()))
	b = codec.AppendUint(b, v.digest)
	w.end(b, nil)
}

func (w *snapshotWriter) session(b []byte, x *session) {
	b = codec.AppendInt(b, x.id)
	b = codec.AppendInt(b, x.timeout)
	b = codec.AppendBytes(b, x.password[:])
	b = codec.AppendUint(b, x.server)
	b = codec.AppendInt(b, x.attachment)
	b = codec.AppendUint(b, x.last)
	b = codec.AppendUint(b, x.answered)
	w.end(appendIDs(b, x.identities), nil)
	x.eachRecord(func(_ uint64, data []byte) {
		w.endBytes(w.begin(recordResult), data)
	})
}

func (w *snapshotWriter) znode(z *Znode) {
	if dataHashOf(z.data) != z.dataHash && w.err == nil {
		w.err = fmt.Errorf("tree: the shared data of %q was written to", z.path)
	}
	acl := uint64(0)
	if z.acl != nil {
		if acl = w.acls[z.acl]; acl == 0 {
			acl = uint64(len(w.acls) + 1)
			w.acls[z.acl] = acl
			w.end(appendACL(w.begin(recordACL), z.acl.list), nil)
		}
	}
	b := w.begin(recordZnode)
	b = codec.AppendString(b, z.path)
	b = codec.AppendUint(b, acl)
	b = appendStat(b, &z.stat)
	b = codec.AppendInt(b, int64(z.creates))
	b = codec.AppendInt(b, z.touched)
	w.endBytes(b, z.data)
}
