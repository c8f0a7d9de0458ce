package jute_test

import (
	"math"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
)

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"int", jute.AppendInt(nil, 0x01020304), "\x01\x02\x03\x04"},
		{"int, least", jute.AppendInt(nil, math.MinInt32), "\x80\x00\x00\x00"},
		{"long", jute.AppendLong(nil, 0x0102030405060708), "\x01\x02\x03\x04\x05\x06\x07\x08"},
		{"long, -1", jute.AppendLong(nil, -1), "\xff\xff\xff\xff\xff\xff\xff\xff"},
		{"true", jute.AppendBool(nil, true), "\x01"},
		{"false", jute.AppendBool(nil, false), "\x00"},
		{"buffer", jute.AppendBuffer(nil, []byte("ab")), "\x00\x00\x00\x02ab"},
		{"empty buffer", jute.AppendBuffer(nil, []byte{}), "\x00\x00\x00\x00"},
		{"null buffer", jute.AppendBuffer(nil, nil), "\xff\xff\xff\xff"},
		{"string", jute.AppendString(nil, "ä"), "\x00\x00\x00\x02\xc3\xa4"},
		{"empty string", jute.AppendString(nil, ""), "\x00\x00\x00\x00"},
		{"null", jute.AppendNull(nil), "\xff\xff\xff\xff"},
		{"vector", jute.AppendVector(nil, 300), "\x00\x00\x01\x2c"},
		{"strings", jute.AppendStrings(nil, []string{"a", ""}), "\x00\x00\x00\x02\x00\x00\x00\x01a\x00\x00\x00\x00"},
		{"no strings", jute.AppendStrings(nil, []string{}), "\x00\x00\x00\x00"},
		{"null strings", jute.AppendStrings(nil, nil), "\xff\xff\xff\xff"},
	} {
		require.Equal(t, c.want, string(c.got), c.name)
	}
}

func TestRoundTrip(t *testing.T) {
	b := jute.AppendInt([]byte("x"), -5)
	b = jute.AppendLong(b, 1<<40)
	b = jute.AppendBool(b, true)
	b = jute.AppendBuffer(b, []byte("data"))
	b = jute.AppendBuffer(b, nil)
	b = jute.AppendBuffer(b, []byte{})
	b = jute.AppendString(b, "text")
	b = jute.AppendNull(b)
	b = jute.AppendStrings(b, []string{"one", "two"})
	b = jute.AppendStrings(b, nil)
	b = append(b, "rest"...)
	r := jute.NewReader(b[1:])
	require.EqualValues(t, -5, r.Int())
	require.EqualValues(t, 1<<40, r.Long())
	require.True(t, r.Bool())
	data := r.Buffer()
	require.Equal(t, "data", string(data))
	require.Equal(t, len(data), cap(data))
	require.Nil(t, r.Buffer())
	require.Equal(t, []byte{}, r.Buffer())
	s, ok := r.Ustring()
	require.True(t, ok)
	require.Equal(t, "text", s)
	s, ok = r.Ustring()
	require.False(t, ok)
	require.Empty(t, s)
	require.Equal(t, []string{"one", "two"}, r.Strings())
	require.Nil(t, r.Strings())
	require.NoError(t, r.Err())
	require.Equal(t, "rest", string(r.Rest()))
	require.Equal(t, 4, r.Len())
	require.Equal(t, len(b)-5, r.Offset())
	clear(b)
	require.Equal(t, make([]byte, 4), data, "a buffer aliases the frame")
}

// What Java lets pass, and what it does not.
func TestStrangeLengths(t *testing.T) {
	reader := func(s string) *jute.Reader { r := jute.NewReader([]byte(s)); return &r }
	require.True(t, reader("\x02").Bool())
	n, ok := reader("\xff\xff\xff\xfb").Vector(1)
	require.True(t, ok)
	require.Zero(t, n)
	require.Equal(t, []string{}, reader("\xff\xff\xff\xfb").Strings())
	require.Equal(t, []string{"", "a"}, reader("\x00\x00\x00\x02\xff\xff\xff\xff\x00\x00\x00\x01a").Strings())

	for _, s := range []string{
		"", "\x00", "\xff\xff\xff", "\xff\xff\xff\xfe", "\x80\x00\x00\x00", "\x7f\xff\xff\xff", "\x00\x00\x00\x02a",
	} {
		r := reader(s)
		require.Nil(t, r.Buffer(), "%x", s)
		require.ErrorIs(t, r.Err(), jute.ErrMalformed, "%x", s)
		r = reader(s)
		_, ok := r.Ustring()
		require.False(t, ok, "%x", s)
		require.ErrorIs(t, r.Err(), jute.ErrMalformed, "%x", s)
	}
	for _, s := range []string{"\x00\x00\x00\x02aaa", "\x7f\xff\xff\xffaaaaaaa", "\x00\x00"} {
		r := reader(s)
		n, ok := r.Vector(2)
		require.False(t, ok)
		require.Zero(t, n)
		require.ErrorIs(t, r.Err(), jute.ErrMalformed)
	}
	n, ok = reader("\x00\x00\x00\x02aaaa").Vector(2)
	require.True(t, ok)
	require.Equal(t, 2, n)
}

func TestFirstFaultSticks(t *testing.T) {
	r := jute.NewReader([]byte("\x00\x00\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01"))
	r.Int()
	r.Fail("the caller knows better")
	first := r.Err()
	require.ErrorIs(t, first, jute.ErrMalformed)
	require.ErrorContains(t, first, "the caller knows better at byte 4 of 12")
	require.Zero(t, r.Int())
	require.Zero(t, r.Long())
	require.False(t, r.Bool())
	require.Nil(t, r.Buffer())
	require.Nil(t, r.Strings())
	_, ok := r.Ustring()
	require.False(t, ok)
	_, ok = r.Vector(1)
	require.False(t, ok)
	require.Empty(t, r.Rest())
	r.Fail("something else")
	require.Equal(t, first, r.Err())
}

// As Java 17 decodes them: `new String(bytes, UTF_8)`.
func TestMalformedUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"plain ä日\U0001f600": "plain ä日\U0001f600",
		"\xff":               "?", "a\xffb\xfe\xfd": "a?b??", "\xc0\x80": "??", "\xc3": "?", "\xc3(": "?(",
		"\xe2\x82": "?", "\xe2\x82x": "?x", "\xe2(\xa1": "?(?", "\xe0\x80\x80": "???", "\xe0\xa0": "?", "\xef\xbf": "?",
		"\xed\xa0\x80": "?", "\xed\xa0\xbd\xed\xb8\x80": "??", "\xed\xa0": "?", "\xed\xbf\xbfx": "?x",
		"\xf0\x9f\x98": "?", "\xf0\x9f\x98x": "?x", "\xf0\x9fx": "?x", "\xf0\x80\x80\x80": "????", "\xf0": "?",
		"\xf4\x90\x80\x80": "????", "\xf4\x8f\xbf": "?", "\xf5\x80\x80\x80": "????", "\xf8\x88\x80\x80\x80": "?????", "\x80\xbf": "??",
	} {
		r := jute.NewReader(jute.AppendString(nil, in))
		got, ok := r.Ustring()
		require.True(t, ok)
		require.Equal(t, strings.ReplaceAll(want, "?", "\ufffd"), got, "%q", in)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A length that lies costs the error and nothing else.
func TestLyingLengths(t *testing.T) {
	for _, in := range []string{"\x7f\xff\xff\xff", "\x7f\xff\xff\xffabcdefgh", "\x00\x10\x00\x00abc", "\x00\x00\x00\x03abc"} {
		require.Less(t, allocated(func() {
			r := jute.NewReader([]byte(in))
			require.Nil(t, r.Strings())
			require.Error(t, r.Err())
		}), uint64(64<<10), "%x", in)
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	b := jute.AppendBuffer(jute.AppendBool(jute.AppendLong(jute.AppendInt(nil, 1), 2), true), make([]byte, 100))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		r := jute.NewReader(b)
		if r.Int() != 1 || r.Long() != 2 || !r.Bool() || len(r.Buffer()) != 100 || r.Err() != nil {
			t.Fatal("not what was written")
		}
	}))
}

// FuzzReader reads anything by any script: what it returns lies within the input,
// strings are UTF-8 and no longer than their bytes may become, and memory is
// bounded by the input.
func FuzzReader(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01a\x00\x00\x00\x02\xed\xa0"), []byte{4, 4})
	f.Add([]byte("\x00\x00\x00\x02\x00\x00\x00\x01a\xff\xff\xff\xff"), []byte{6})
	f.Add([]byte("\x7f\xff\xff\xff"), []byte{5, 3})
	f.Fuzz(func(t *testing.T, in, script []byte) {
		script = script[:min(len(script), 100)]
		var r jute.Reader
		if total := allocated(func() {
			r = jute.NewReader(in)
			for _, op := range script {
				readOne(t, &r, op)
			}
		}); total > uint64(10*len(in)+64<<10) {
			t.Fatalf("%d bytes allocated for %d", total, len(in))
		}
		if r.Offset()+r.Len() != len(in) || len(r.Rest()) != r.Len() {
			t.Fatal("lost bytes")
		}
	})
}

func readOne(t *testing.T, r *jute.Reader, op byte) {
	before := r.Len()
	switch op % 7 {
	case 0:
		r.Int()
	case 1:
		r.Long()
	case 2:
		r.Bool()
	case 3:
		if len(r.Buffer()) > before {
			t.Fatal("more than there was")
		}
	case 4:
		s, ok := r.Ustring()
		if !utf8.ValidString(s) || len(s) > 3*before || ok != (r.Err() == nil) && s != "" {
			t.Fatalf("%q, %t", s, ok)
		}
	case 5:
		if n, _ := r.Vector(3); n > 0 && n > r.Len()/3 {
			t.Fatal("too many elements")
		}
	case 6:
		if len(r.Strings()) > before/4 {
			t.Fatal("too many strings")
		}
	}
}
