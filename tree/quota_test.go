package tree

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The model's quotas: whatever is needed is looked up among the znodes each time.

func (m *model) quotaOf(path string) string {
	if path == "/zookeeper" || strings.HasPrefix(path, "/zookeeper/") {
		return ""
	}
	for ; path != "/"; path = modelParent(path) {
		if _, ok := m.nodes["/zookeeper/quota"+path+"/zookeeper_limits"]; ok {
			return "/zookeeper/quota" + path
		}
	}
	return ""
}

// numbers reads a text such as the tests use.
func (m *model) numbers(path string) map[string]int {
	n, ok := m.nodes[path]
	if !ok || n.data == nil {
		return nil
	}
	all := map[string]int{"count": -1, "bytes": -1, "countHardLimit": -1, "byteHardLimit": -1}
	for _, pair := range strings.FieldsFunc(string(n.data), func(r rune) bool { return r == ',' || r == ';' }) {
		key, value, _ := strings.Cut(pair, "=")
		v, err := strconv.Atoi(strings.TrimSuffix(value, "="))
		if err != nil {
			return nil
		}
		all[key] = v
	}
	return all
}

func (m *model) overQuota(path string, size, count int) bool {
	q := m.quotaOf(path)
	if q == "" || m.settings.SoftQuotas {
		return false
	}
	limits, have := m.numbers(q+"/zookeeper_limits"), m.numbers(q+"/zookeeper_stats")
	if limits == nil || have == nil {
		return false
	}
	over := func(limit, have, by int) bool { return by != 0 && limit >= 0 && have+by > limit }
	return over(limits["countHardLimit"], have["count"], count) || over(limits["byteHardLimit"], have["bytes"], size)
}

func (m *model) tally(path string, size, count int) {
	q := m.quotaOf(path)
	if q == "" {
		return
	}
	if have := m.numbers(q + "/zookeeper_stats"); have != nil {
		m.setNumbers(q+"/zookeeper_stats", have["count"]+count, have["bytes"]+size, have)
	}
}

func (m *model) setNumbers(path string, count, size int, all map[string]int) {
	n := m.nodes[path]
	n.data = fmt.Appendf(nil, "count=%d,bytes=%d", count, size)
	if bytes, count := all["byteHardLimit"], all["countHardLimit"]; bytes >= 0 && count >= 0 && all != nil {
		n.data = fmt.Appendf(n.data, "=;byteHardLimit=%d;countHardLimit=%d", bytes, count)
	} else if bytes >= 0 && all != nil {
		n.data = fmt.Appendf(n.data, "=;byteHardLimit=%d", bytes)
	} else if count >= 0 && all != nil {
		n.data = fmt.Appendf(n.data, "=;countHardLimit=%d", count)
	}
	m.nodes[path] = n
}

func (m *model) recount(path string) {
	of, ends := strings.CutSuffix(path, "/zookeeper_stats")
	of, ok := strings.CutPrefix(of, "/zookeeper/quota")
	if !ok || !ends || of == "" {
		return
	}
	if of == "/zookeeper" || strings.HasPrefix(of, "/zookeeper/") {
		return
	}
	count, size := 0, 0
	for p, n := range m.nodes {
		if p == of || strings.HasPrefix(p, of+"/") {
			count, size = count+1, size+len(n.data)
		}
	}
	m.setNumbers(path, count, size, nil)
}

// TestParseTrack: what Java makes of such texts.
func TestParseTrack(t *testing.T) {
	for text, want := range map[string]track{
		"":                  {-1, -1, nil},
		"count=1,bytes=2":   {1, 2, nil},
		"bytes=2;;,count=1": {1, 2, nil},
		"count=-1,bytes=5=;byteHardLimit=10;countHardLimit=7": {-1, 5, map[string]int64{"byteHardLimit": 10, "countHardLimit": 7}},
		"count=1,count=2,other=3,":                            {2, -1, map[string]int64{"other": 3}},
		"count==4,bytes=+5":                                   {-1, 5, nil},
		"count=9223372036854775807":                           {1<<63 - 1, -1, nil},
		"=5,bytes=1=2=":                                       {-1, 1, map[string]int64{"": 5}},
		",":                                                   {-1, -1, nil},
	} {
		got, ok := parseTrack([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"count", "count=", ",count=1", "count=x", "count=1,,bytes", "count= 1", "count=9223372036854775808", "count=1_0"} {
		_, ok := parseTrack([]byte(text))
		require.False(t, ok, text)
	}
	_, ok := parseTrack(nil)
	require.False(t, ok)
}

func (e *env) quota(of, limits string) {
	e.Helper()
	path := quotaPath
	for _, name := range strings.Split(of, "/")[1:] {
		path += "/" + name
		e.do(Create{Path: path}) // or it is there
	}
	e.ok(Create{Path: path + "/" + limitsName, Data: []byte(limits)})
	e.ok(Create{Path: path + "/" + statsName, Data: []byte("count=0,bytes=0")})
}

func (e *env) stats(of string) string {
	e.Helper()
	data, stat, err := e.s.View().Get(quotaPath + of + "/" + statsName)
	require.NoError(e, err)
	require.EqualValues(e, len(data), stat.DataLength)
	return string(data)
}

// TestQuotaStats: the znodes and bytes at and below a path are counted, whatever
// creates or deletes them, and nothing else of the znode that says so changes.
func TestQuotaStats(t *testing.T) {
	e := newEnv(t)
	e.ok(Create{Path: "/q", Data: []byte("12345")})
	e.ok(Create{Path: "/q/a", Data: []byte("123")})
	e.ok(Create{Path: "/q/a/b"})
	e.ok(Create{Path: "/q!", Data: []byte("beside it")})
	e.ok(Create{Path: "/qq", Data: []byte("beside it")})
	e.quota("/q", "count=-1,bytes=-1")
	require.Equal(t, "count=3,bytes=8", e.stats("/q"))
	created := e.stat(quotaPath + "/q/" + statsName)
	require.EqualValues(t, e.w.zxid, created.Mzxid)

	_, changes := e.apply(e.w.write(1, Create{Path: "/q/c", Data: []byte("12")}))
	require.Len(t, changes, 1, "nobody is told of the count")
	require.Equal(t, "count=4,bytes=10", e.stats("/q"))
	e.ok(Set{Path: "/q/c", Data: []byte("1")})
	e.ok(Set{Path: "/q", Data: nil})
	require.Equal(t, "count=4,bytes=4", e.stats("/q"))
	e.ok(Delete{Path: "/q/a/b"})
	e.ok(Create{Path: "/q/s", Mode: EphemeralSequential, Data: []byte("1")})
	e.ok(Create{Path: "/q/t", TTL: time.Millisecond, Data: []byte("1")})
	require.Equal(t, "count=5,bytes=6", e.stats("/q"))
	e.s = reload(t, e.s)
	for d := range e.s.View().Expired(1 << 62) {
		e.w.clock += 1e9
		require.NoError(t, e.command(d).Err())
	}
	require.Equal(t, "count=4,bytes=5", e.stats("/q"))
	e.apply(e.w.session())
	e.command(CloseSession{1, 1, 0})
	require.Equal(t, "count=3,bytes=4", e.stats("/q"), "the ephemeral one")
	created.DataLength = int32(len("count=3,bytes=4"))
	require.Equal(t, created, e.stat(quotaPath+"/q/"+statsName))
}

// TestQuotaLimits: hard ones are enforced where ZooKeeper looks at them, unless the
// settings say otherwise; soft ones are not.
func TestQuotaLimits(t *testing.T) {
	e := newEnv(t)
	e.ok(Create{Path: "/q", Data: []byte("12345")})
	e.quota("/q", "count=1,bytes=1=;byteHardLimit=10;countHardLimit=3")
	e.ok(Create{Path: "/q/a", Data: []byte("123")})
	for op, want := range map[*Op]error{
		op(Create{Path: "/q/b", Data: []byte("123")}):                                                             ErrQuotaExceeded,
		op(Create{Path: "/q/b/c", Data: []byte("123")}):                                                           ErrNoNode,
		op(Create{Path: "/q/a", Data: []byte("123")}):                                                             ErrNodeExists,
		op(Set{Path: "/q/a", Data: []byte("123456")}):                                                             ErrQuotaExceeded,
		op(Set{"/q/a", []byte("123456"), Version(9)}):                                                             ErrQuotaExceeded,
		op(Set{"/q/a", []byte("12345"), Version(9)}):                                                              ErrBadVersion,
		op(Set{Path: "/q", Data: []byte("12345678")}):                                                             ErrQuotaExceeded,
		op(Multi{[]Op{Create{Path: "/q/b"}, Create{Path: "/q/c"}}}):                                               ErrQuotaExceeded,
		op(Multi{[]Op{Delete{Path: "/q/a"}, Create{Path: "/q/b"}, Create{Path: "/q/c", Data: []byte("123456")}}}): ErrQuotaExceeded,
	} {
		before := e.stats("/q")
		out := e.do(*op)
		require.ErrorIs(t, out.Err(), want, "%+v", *op)
		require.Equal(t, before, e.stats("/q"))
		e.s = reload(t, e.s)
	}
	e.ok(Multi{[]Op{Delete{Path: "/q/a"}, Create{Path: "/q/b"}, Create{Path: "/q/c", Data: []byte("12345")}}})
	require.Equal(t, "count=3,bytes=10", e.stats("/q"))
	e.ok(Set{Path: "/q/b"})
	e.ok(Create{Path: "/elsewhere", Data: make([]byte, 100)})

	e.command(ChangeSettings{Settings{SoftQuotas: true}})
	e.ok(Create{Path: "/q/d", Data: []byte("many more bytes")})
	require.Equal(t, "count=4,bytes=25", e.stats("/q"))
	e.command(ChangeSettings{Settings{}})
	require.ErrorIs(t, e.do(Create{Path: "/q/e"}).Err(), ErrQuotaExceeded)
	require.ErrorIs(t, e.do(Set{Path: "/q/d", Data: []byte("many more byte")}).Err(), ErrQuotaExceeded, "less is too much too, as in ZooKeeper")
	e.ok(Set{Path: "/q/d", Data: []byte("MANY MORE BYTES")})
	e.ok(Delete{Path: "/q/d"})

	// Limits that cannot be read, or stats that are not there, limit nothing.
	limits, stats := quotaPath+"/q/"+limitsName, quotaPath+"/q/"+statsName
	for _, ops := range [][]Op{
		{Set{Path: limits, Data: []byte("garbage")}}, {Set{Path: limits}}, {Delete{Path: limits}},
		{Set{Path: stats, Data: []byte("count=")}}, {Delete{Path: stats}},
	} {
		e.s = reload(t, e.s)
		multi := Multi{append(ops, Create{Path: "/q/x"}, Set{Path: "/q/x", Data: make([]byte, 50)}, Delete{Path: "/q/x"}, Check{Path: "/none"})}
		require.ErrorIs(t, e.do(multi).Err(), ErrNoNode, "%v", ops)
		require.ErrorIs(t, e.do(Create{Path: "/q/x"}).Err(), ErrQuotaExceeded, "it was taken back")
	}
}

func op(op Op) *Op { return &op }

// TestQuotaReach: the nearest quota counts; the root has none, and nothing of
// ZooKeeper's own counts.
func TestQuotaReach(t *testing.T) {
	e := newEnv(t)
	e.ok(Create{Path: "/q"})
	e.ok(Create{Path: "/q/in"})
	e.quota("/q", "count=-1,bytes=-1")
	e.quota("/q/in", "count=-1,bytes=-1=;countHardLimit=2")
	require.Equal(t, []string{"count=2,bytes=0", "count=1,bytes=0"}, []string{e.stats("/q"), e.stats("/q/in")})
	e.ok(Create{Path: "/q/in/x", Data: []byte("1")})
	require.Equal(t, []string{"count=2,bytes=0", "count=2,bytes=1"}, []string{e.stats("/q"), e.stats("/q/in")})
	require.ErrorIs(t, e.do(Create{Path: "/q/in/y"}).Err(), ErrQuotaExceeded)
	e.ok(Create{Path: "/q/out"})
	require.Equal(t, "count=3,bytes=0", e.stats("/q"))
	e.ok(Delete{Path: quotaPath + "/q/in/" + limitsName})
	e.ok(Create{Path: "/q/in/y"})
	require.Equal(t, []string{"count=4,bytes=0", "count=2,bytes=1"}, []string{e.stats("/q"), e.stats("/q/in")})

	e.quota("/none", "count=-1,bytes=-1=;countHardLimit=1")
	require.Equal(t, "count=0,bytes=0", e.stats("/none"))
	e.ok(Create{Path: "/none"})
	require.ErrorIs(t, e.do(Create{Path: "/none/x"}).Err(), ErrQuotaExceeded)

	for _, of := range []string{"", "/zookeeper"} {
		e.quota(of, "count=-1,bytes=-1=;countHardLimit=0")
		require.Equal(t, "count=0,bytes=0", e.stats(of), "nobody has counted")
	}
	e.ok(Create{Path: "/zookeeper/x"})
	e.ok(Create{Path: "/zookeeperx"})
	e.ok(Create{Path: "/zookeeper_limits"})
	require.Len(t, e.s.quotas, 2)
}
