package codec_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/codec"
)

// edges are the values at which the form changes, with the bytes that the
// MessagePack specification asks for.
var edges = []struct {
	name string
	got  []byte
	want string
}{
	{"uint 0", codec.AppendUint(nil, 0), "\x00"},
	{"uint 7 bits", codec.AppendUint(nil, 0x7f), "\x7f"},
	{"uint 8 bits, least", codec.AppendUint(nil, 0x80), "\xcc\x80"},
	{"uint 8 bits", codec.AppendUint(nil, 0xff), "\xcc\xff"},
	{"uint 16 bits, least", codec.AppendUint(nil, 0x100), "\xcd\x01\x00"},
	{"uint 16 bits", codec.AppendUint(nil, 0xffff), "\xcd\xff\xff"},
	{"uint 32 bits, least", codec.AppendUint(nil, 0x10000), "\xce\x00\x01\x00\x00"},
	{"uint 32 bits", codec.AppendUint(nil, math.MaxUint32), "\xce\xff\xff\xff\xff"},
	{"uint 64 bits, least", codec.AppendUint(nil, 1<<32), "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"},
	{"uint 64 bits", codec.AppendUint(nil, math.MaxUint64), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"},
	{"int -1", codec.AppendInt(nil, -1), "\xff"},
	{"int -32", codec.AppendInt(nil, -32), "\xe0"},
	{"int -33", codec.AppendInt(nil, -33), "\xd0\xdf"},
	{"int 8 bits", codec.AppendInt(nil, math.MinInt8), "\xd0\x80"},
	{"int 16 bits, least", codec.AppendInt(nil, math.MinInt8-1), "\xd1\xff\x7f"},
	{"int 16 bits", codec.AppendInt(nil, math.MinInt16), "\xd1\x80\x00"},
	{"int 32 bits, least", codec.AppendInt(nil, math.MinInt16-1), "\xd2\xff\xff\x7f\xff"},
	{"int 32 bits", codec.AppendInt(nil, math.MinInt32), "\xd2\x80\x00\x00\x00"},
	{"int 64 bits, least", codec.AppendInt(nil, math.MinInt32-1), "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"},
	{"int 64 bits", codec.AppendInt(nil, math.MinInt64), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"},
	{"int positive", codec.AppendInt(nil, math.MaxInt64), "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"},
	{"fixed 32, small", codec.AppendFixed32(nil, 1), "\xce\x00\x00\x00\x01"},
	{"true", codec.AppendBool(nil, true), "\xc3"},
	{"false", codec.AppendBool(nil, false), "\xc2"},
	{"nil", codec.AppendNil(nil), "\xc0"},
	{"nil bytes", codec.AppendBytes(nil, nil), "\xc0"},
	{"empty bytes", codec.AppendBytes(nil, []byte{}), "\xc4\x00"},
	{"bytes 8 bits", codec.AppendBytesHeader(nil, 0xff), "\xc4\xff"},
	{"bytes 16 bits, least", codec.AppendBytesHeader(nil, 0x100), "\xc5\x01\x00"},
	{"bytes 16 bits", codec.AppendBytesHeader(nil, 0xffff), "\xc5\xff\xff"},
	{"bytes 32 bits, least", codec.AppendBytesHeader(nil, 0x10000), "\xc6\x00\x01\x00\x00"},
	{"bytes 32 bits", codec.AppendBytesHeader(nil, math.MaxUint32), "\xc6\xff\xff\xff\xff"},
	{"empty string", codec.AppendString(nil, ""), "\xa0"},
	{"string 5 bits", codec.AppendString(nil, strings.Repeat("s", 31)), "\xbf" + strings.Repeat("s", 31)},
	{"string 8 bits, least", codec.AppendString(nil, strings.Repeat("s", 32)), "\xd9\x20" + strings.Repeat("s", 32)},
	{"string 8 bits", codec.AppendString(nil, strings.Repeat("s", 255)), "\xd9\xff" + strings.Repeat("s", 255)},
	{"string 16 bits, least", codec.AppendString(nil, strings.Repeat("s", 256)), "\xda\x01\x00" + strings.Repeat("s", 256)},
	{"string 16 bits", codec.AppendString(nil, strings.Repeat("s", 65535)), "\xda\xff\xff" + strings.Repeat("s", 65535)},
	{"string 32 bits", codec.AppendString(nil, strings.Repeat("s", 65536)), "\xdb\x00\x01\x00\x00" + strings.Repeat("s", 65536)},
	{"empty array", codec.AppendArray(nil, 0), "\x90"},
	{"array 4 bits", codec.AppendArray(nil, 15), "\x9f"},
	{"array 16 bits, least", codec.AppendArray(nil, 16), "\xdc\x00\x10"},
	{"array 16 bits", codec.AppendArray(nil, 65535), "\xdc\xff\xff"},
	{"array 32 bits", codec.AppendArray(nil, 65536), "\xdd\x00\x01\x00\x00"},
}

func TestEdges(t *testing.T) {
	for _, e := range edges {
		require.True(t, e.want == string(e.got), "%s: %.40x, want %.40x", e.name, e.got, e.want)
	}
}

// Every Append extends what it is given and changes nothing before.
func TestAppendExtends(t *testing.T) {
	room := append(make([]byte, 0, 1<<20), "before"...)
	long, text := make([]byte, 70_000), strings.Repeat("s", 300)
	for i, f := range []func([]byte) []byte{
		func(b []byte) []byte { return codec.AppendUint(b, 1<<40) },
		func(b []byte) []byte { return codec.AppendInt(b, -1<<40) },
		func(b []byte) []byte { return codec.AppendFixed32(b, 1) },
		func(b []byte) []byte { return codec.AppendBool(b, true) },
		codec.AppendNil,
		func(b []byte) []byte { return codec.AppendBytes(b, long) },
		func(b []byte) []byte { return codec.AppendString(b, text) },
		func(b []byte) []byte { return codec.AppendArray(b, 300) },
	} {
		alone := f(nil)
		require.Equal(t, append([]byte("before"), alone...), f(room[:6:6]), "function %d", i)
		require.Zero(t, testing.AllocsPerRun(10, func() { room = f(room[:6]) }), "function %d", i)
		require.True(t, bytes.Equal(append([]byte("before"), alone...), room), "function %d", i)
	}
}

// A value may be longer than it has to be; its range is checked all the same.
func TestIntegersInAnyForm(t *testing.T) {
	read := func(s string) *codec.Reader { r := codec.NewReader([]byte(s)); return &r }
	for _, s := range []string{"\x05", "\xcc\x05", "\xcd\x00\x05", "\xce\x00\x00\x00\x05", "\xcf\x00\x00\x00\x00\x00\x00\x00\x05"} {
		require.EqualValues(t, 5, read(s).Uint())
		require.EqualValues(t, 5, read(s).Uint32())
		require.EqualValues(t, 5, read(s).Uint8())
		require.EqualValues(t, 5, read(s).Int())
		require.EqualValues(t, 5, read(s).Int32())
	}
	for _, s := range []string{"\xfb", "\xd0\xfb", "\xd1\xff\xfb", "\xd2\xff\xff\xff\xfb", "\xd3\xff\xff\xff\xff\xff\xff\xff\xfb"} {
		require.EqualValues(t, -5, read(s).Int())
		require.EqualValues(t, -5, read(s).Int32())
		r := read(s)
		require.Zero(t, r.Uint())
		require.ErrorIs(t, r.Err(), codec.ErrMalformed)
	}
	for name, r := range map[string]func() (*codec.Reader, any){
		"uint8":  func() (*codec.Reader, any) { r := read("\xcd\x01\x00"); return r, r.Uint8() },
		"uint32": func() (*codec.Reader, any) { r := read("\xcf\x00\x00\x00\x01\x00\x00\x00\x00"); return r, r.Uint32() },
		"int32":  func() (*codec.Reader, any) { r := read("\xce\x80\x00\x00\x00"); return r, r.Int32() },
		"-int32": func() (*codec.Reader, any) { r := read("\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"); return r, r.Int32() },
		"int64":  func() (*codec.Reader, any) { r := read("\xcf\x80\x00\x00\x00\x00\x00\x00\x00"); return r, r.Int() },
	} {
		reader, v := r()
		require.Zero(t, v, name)
		require.ErrorIs(t, reader.Err(), codec.ErrMalformed, name)
	}
}

func TestNilAndEmptyDiffer(t *testing.T) {
	b := codec.AppendBytes(nil, nil)
	b = codec.AppendBytes(b, []byte{})
	b = codec.AppendNil(b)
	b = codec.AppendUint(b, 1)
	r := codec.NewReader(b)
	require.Nil(t, r.Bytes())
	empty := r.Bytes()
	require.NotNil(t, empty)
	require.Empty(t, empty)
	require.True(t, r.Nil())
	require.False(t, r.Nil())
	require.EqualValues(t, 1, r.Uint())
	require.False(t, r.Nil())
	require.NoError(t, r.Done())
}

// The first fault sticks: later reads are zero, and Err goes on naming it.
func TestFirstFaultSticks(t *testing.T) {
	reads := map[string]func(r *codec.Reader) any{
		"Uint": func(r *codec.Reader) any { return r.Uint() }, "Uint32": func(r *codec.Reader) any { return r.Uint32() },
		"Uint8": func(r *codec.Reader) any { return r.Uint8() }, "Int": func(r *codec.Reader) any { return r.Int() },
		"Int32": func(r *codec.Reader) any { return r.Int32() }, "Bool": func(r *codec.Reader) any { return r.Bool() },
		"Bytes": func(r *codec.Reader) any { return r.Bytes() }, "String": func(r *codec.Reader) any { return r.String() },
		"StringBytes": func(r *codec.Reader) any { return r.StringBytes() }, "Array": func(r *codec.Reader) any { return r.Array(100) },
		"Nil": func(r *codec.Reader) any { return r.Nil() },
	}
	for name, read := range reads {
		r := codec.NewReader([]byte("\x01\xc1\x01\xc3\xc4\x01x\xa1x\x91\x01"))
		require.EqualValues(t, 1, r.Uint())
		r.Fail("the caller knows better")
		first := r.Err()
		require.ErrorIs(t, first, codec.ErrMalformed)
		require.ErrorContains(t, first, "the caller knows better at byte 1 of 11")
		require.Zero(t, read(&r), name)
		require.Zero(t, r.Len(), name)
		require.Empty(t, r.Rest(), name)
		r.Fail("something else")
		require.Equal(t, first, r.Err(), name)
		require.Equal(t, first, r.Done(), name)

		if name != "Nil" { // which asks, and fails at nothing
			var none codec.Reader
			require.Zero(t, read(&none), name)
			require.ErrorIs(t, none.Err(), codec.ErrMalformed, name)
			wrong := codec.NewReader([]byte{0xc1}) // never used in MessagePack
			require.Zero(t, read(&wrong), name)
			require.ErrorIs(t, wrong.Err(), codec.ErrMalformed, name)
		}
	}
	var none codec.Reader
	require.NoError(t, none.Done())
}

func TestDoneWantsTheEnd(t *testing.T) {
	r := codec.NewReader([]byte{1, 2})
	require.EqualValues(t, 1, r.Uint())
	require.Equal(t, 1, r.Offset())
	require.Equal(t, 1, r.Len())
	require.Equal(t, []byte{2}, r.Rest())
	require.ErrorIs(t, r.Done(), codec.ErrMalformed)
}

func TestArrayLimits(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  int // -1: refused
	}{
		{"\x90", 0, 0}, {"\x91\x01", 1, 1}, {"\x91\x01", 0, -1},
		{"\x92\x01", 5, -1}, // two values cannot be in one byte
		{"\xdc\x00\x02\x01\x02", 2, 2}, {"\xdc\x00\x02\x01\x02", 1, -1}, {"\xdc\xff\xff", math.MaxInt, -1},
		{"\xdd\x00\x00\x00\x02\x01\x02", 2, 2}, {"\xdd\xff\xff\xff\xff", math.MaxInt, -1}, {"\xdd\x00\x00", 5, -1},
		{"\x81\x01\x02", 5, -1}, // a map
	} {
		r := codec.NewReader([]byte(c.in))
		got := r.Array(c.limit)
		if c.want < 0 {
			require.Zero(t, got, "%x", c.in)
			require.ErrorIs(t, r.Err(), codec.ErrMalformed, "%x", c.in)
			continue
		}
		require.NoError(t, r.Err(), "%x", c.in)
		require.Equal(t, c.want, got, "%x", c.in)
	}
	r := codec.NewReader([]byte("\x92\x01\x02"))
	r.Fields(3)
	require.ErrorContains(t, r.Err(), "fields")
	r = codec.NewReader([]byte("\x92\x01\x02"))
	r.Fields(2)
	require.EqualValues(t, 1, r.Uint())
	require.EqualValues(t, 2, r.Uint())
	require.NoError(t, r.Done())
}

// A length that lies is found out before anything is allocated for it: reading
// costs the error and nothing else.
func TestLyingLengths(t *testing.T) {
	for _, in := range []string{
		"\xc4\xff", "\xc5\xff\xff", "\xc6\xff\xff\xff\xff", "\xc6\x7f\xff\xff\xff", "\xc6\x80\x00\x00\x00xyz",
		"\xd9\xff", "\xda\xff\xff", "\xdb\xff\xff\xff\xff", "\xdb\x7f\xff\xff\xff", "\xbfshort",
		"\xdc\xff\xff", "\xdd\xff\xff\xff\xff", "\xdd\x7f\xff\xff\xff", "\xc4", "\xc5\x00", "\xc6\x00\x00\x00",
	} {
		for name, read := range map[string]func(r *codec.Reader) any{
			"Bytes":  func(r *codec.Reader) any { return r.Bytes() },
			"String": func(r *codec.Reader) any { return r.String() },
			"Array":  func(r *codec.Reader) any { return r.Array(math.MaxInt) },
		} {
			r := codec.NewReader([]byte(in))
			require.Less(t, allocated(func() { require.Zero(t, read(&r)) }), uint64(64<<10), "%s of %x", name, in)
			require.ErrorIs(t, r.Err(), codec.ErrMalformed, "%s of %x", name, in)
		}
	}
}

// What a Reader returns aliases its input, and appending to it does not reach
// what follows; strings are copies.
func TestAliasing(t *testing.T) {
	in := codec.AppendString(codec.AppendString(codec.AppendBytes(nil, []byte("bytes")), "string"), "copy")
	in = append(in, "rest"...)
	before := bytes.Clone(in)
	r := codec.NewReader(in)
	aliases := [][]byte{r.Bytes(), r.StringBytes()}
	copied := r.String()
	aliases = append(aliases, r.Rest())
	for _, a := range aliases {
		require.Equal(t, len(a), cap(a))
		_ = append(a, "overwritten"...)
	}
	require.Equal(t, before, in)
	for _, a := range aliases {
		clear(a)
	}
	require.NotContains(t, string(in), "bytes")
	require.NotContains(t, string(in), "string")
	require.NotContains(t, string(in), "rest")
	clear(in)
	require.Equal(t, "copy", copied)
}

func TestReaderDoesNotAllocate(t *testing.T) {
	in := codec.AppendArray(nil, 6)
	in = codec.AppendUint(in, 1<<40)
	in = codec.AppendInt(in, -5)
	in = codec.AppendBool(in, true)
	in = codec.AppendBytes(in, make([]byte, 1000))
	in = codec.AppendString(in, "some/path")
	in = codec.AppendNil(in)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		r := codec.NewReader(in)
		r.Fields(6)
		if r.Uint() != 1<<40 || r.Int() != -5 || !r.Bool() || len(r.Bytes()) != 1000 || len(r.StringBytes()) != 9 ||
			!r.Nil() || r.Done() != nil {
			t.Fatal("not what was written")
		}
	}))
}

func BenchmarkAppend(b *testing.B) {
	data := make([]byte, 100)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = codec.AppendArray(buf[:0], 4)
		buf = codec.AppendUint(buf, 123456)
		buf = codec.AppendString(buf, "/some/path/to/a/node")
		buf = codec.AppendBytes(buf, data)
		buf = codec.AppendInt(buf, -1)
	}
}

func BenchmarkRead(b *testing.B) {
	buf := codec.AppendArray(nil, 4)
	buf = codec.AppendUint(buf, 123456)
	buf = codec.AppendString(buf, "/some/path/to/a/node")
	buf = codec.AppendBytes(buf, make([]byte, 100))
	buf = codec.AppendInt(buf, -1)
	b.ReportAllocs()
	for b.Loop() {
		r := codec.NewReader(buf)
		r.Fields(4)
		r.Uint()
		r.StringBytes()
		r.Bytes()
		r.Int()
		if r.Done() != nil {
			b.Fatal(r.Err())
		}
	}
}
