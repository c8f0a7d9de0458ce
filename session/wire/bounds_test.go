package wire

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
)

// allocated returns how many bytes f allocates: what it is seen to at the least,
// for others in the process allocate as well. It is called again only as long as
// that is more than limit.
func allocated(limit uint64, f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
		if least <= limit {
			break
		}
	}
	return least
}

// allowed is how much decoding so many bytes may allocate: ten times as much, and
// what an error or a small request takes anyway.
func allowed(n int) uint64 { return uint64(10*n + 4<<10) }

// The frames that cost most for their length.
func TestMemoryIsBounded(t *testing.T) {
	const size = 1 << 20
	full := func(start []byte, element []byte) []byte {
		for len(start) < size {
			start = append(start, element...)
		}
		return start
	}
	member := func(op opcode, q request) []byte {
		s := &sheet{b: appendMultiHeader(nil, multiHeader{op: op, err: -1})}
		s.body(q)
		return s.b
	}
	claim := func(n int) []byte { return jute.AppendVector(jute.AppendLong(nil, 0), n) }
	for name, c := range map[string]struct {
		op   opcode
		body []byte
	}{
		"multi of deletes":                       {opMulti, full(nil, member(opDelete, &deleteRequest{}))},
		"multi of creates":                       {opMulti, full(nil, member(opCreate, &createRequest{op: opCreate, acl: []wireACL{}}))},
		"multi of ACLs":                          {opMulti, full(nil, member(opCreate, &createRequest{op: opCreate, path: "/", acl: []wireACL{{1, "a", "b"}}}))},
		"multi of reads, a power of two and one": {opMultiRead, full(nil, member(opGetData, &getDataRequest{}))[:(1<<16+1)*14]},
		"multi of reads":                         {opMultiRead, full(nil, member(opGetData, &getDataRequest{}))},
		"multi of listings":                      {opMultiRead, full(nil, member(opGetChildren, &getChildrenRequest{path: "/"}))},
		"strings":                                {opSetWatches, full(claim(size/5-8), []byte("\x00\x00\x00\x01a"))},
		"strings of 17":                          {opSetWatches, full(claim(size/21-8), jute.AppendString(nil, strings.Repeat("a", 17)))},
		"strings, not UTF-8":                     {opSetWatches, full(claim(size/5-8), []byte("\x00\x00\x00\x01\xff"))},
		"empty strings":                          {opSetWatches, full(claim(size/4-8), []byte("\x00\x00\x00\x00"))},
		"null strings":                           {opSetWatches, full(claim(size/4-8), []byte("\xff\xff\xff\xff"))},
		"strings, and a lie":                     {opSetWatches2, full(claim(size/4-8), []byte("\xff\xff\xff\xfe"))},
		"a string, not UTF-8":                    {opExists, full(jute.AppendInt(nil, size-5), []byte{0xff})},
		"an ACL":                                 {opSetACL, full([]byte("\x00\x00\x00\x00\x00\x01\x55\x00"), make([]byte, 12))},
		"an ACL of short names":                  {opSetACL, full([]byte("\x00\x00\x00\x00\x00\x01\x00\x00"), []byte("\x00\x00\x00\x01\x00\x00\x00\x01a\x00\x00\x00\x01b"))},
		"an ACL, and a lie":                      {opSetACL, full([]byte("\x00\x00\x00\x00\x00\x0f\x00\x00"), make([]byte, 12))},
		"an ACL longer than there":               {opSetACL, full([]byte("\x00\x00\x00\x00\x7f\xff\xff\xff"), make([]byte, 12))},
	} {
		total := allocated(allowed(len(c.body)), func() {
			q, _ := decodeRequest(c.op, c.body)
			runtime.KeepAlive(q)
		})
		t.Logf("%s: %.1f times", name, float64(total)/float64(len(c.body)))
		require.LessOrEqual(t, total, allowed(len(c.body)), name)
	}
}
