package codec_test

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	msgpack "github.com/hashicorp/go-msgpack/v2/codec"

	"github.com/zabtree/zabtree/internal/codec"
)

// oracle is hashicorp/go-msgpack, set to today's MessagePack.
func oracle() *msgpack.MsgpackHandle {
	h := new(msgpack.MsgpackHandle)
	h.WriteExt = true
	h.PositiveIntUnsigned = true
	return h
}

// value is one value of any kind that the codec knows.
type value struct {
	kind  string
	v     any                                   // as go-msgpack takes it
	write func(dst []byte) []byte               // by us
	read  func(r *codec.Reader) any             // by us; v or its equal
	taken func(d *msgpack.Decoder) (any, error) // by go-msgpack
}

// into has go-msgpack decode into a value of type T.
func into[T any](d *msgpack.Decoder) (any, error) {
	var v T
	err := d.Decode(&v)
	return v, err
}

// uints and ints prefer the neighbourhood of the values where the form changes.
func uints() *rapid.Generator[uint64] {
	return rapid.Custom(func(t *rapid.T) uint64 {
		v := uint64(1)<<rapid.IntRange(0, 63).Draw(t, "bit") + uint64(rapid.Int64Range(-2, 2).Draw(t, "more"))
		return rapid.SampledFrom([]uint64{v, rapid.Uint64().Draw(t, "any"), math.MaxUint64}).Draw(t, "which")
	})
}

func ints() *rapid.Generator[int64] {
	return rapid.Custom(func(t *rapid.T) int64 {
		v := int64(uints().Draw(t, "magnitude"))
		if rapid.Bool().Draw(t, "negative") {
			v = -v
		}
		return v
	})
}

// lengths prefers those where the form changes; most are short.
func lengths() *rapid.Generator[int] {
	return rapid.OneOf(rapid.IntRange(0, 40), rapid.SampledFrom([]int{31, 32, 255, 256, 257, 65535, 65536, 65537}))
}

func drawValue(t *rapid.T) value {
	switch kind := rapid.SampledFrom([]string{"uint", "int", "bool", "nil", "bytes", "string", "array"}).Draw(t, "kind"); kind {
	case "uint":
		v := uints().Draw(t, kind)
		return value{kind, v, func(b []byte) []byte { return codec.AppendUint(b, v) },
			func(r *codec.Reader) any { return r.Uint() }, into[uint64]}
	case "int":
		v := ints().Draw(t, kind)
		return value{kind, v, func(b []byte) []byte { return codec.AppendInt(b, v) },
			func(r *codec.Reader) any { return r.Int() }, into[int64]}
	case "bool":
		v := rapid.Bool().Draw(t, kind)
		return value{kind, v, func(b []byte) []byte { return codec.AppendBool(b, v) },
			func(r *codec.Reader) any { return r.Bool() }, into[bool]}
	case "nil":
		return value{kind, []byte(nil), codec.AppendNil, func(r *codec.Reader) any { return r.Bytes() }, into[[]byte]}
	case "bytes":
		v := drawBytes(t, kind)
		return value{kind, v, func(b []byte) []byte { return codec.AppendBytes(b, v) },
			func(r *codec.Reader) any { return r.Bytes() }, into[[]byte]}
	case "string":
		v := string(drawBytes(t, kind))
		return value{kind, v, func(b []byte) []byte { return codec.AppendString(b, v) },
			func(r *codec.Reader) any { return r.String() }, into[string]}
	default: // an array, of nils
		v := make([]any, lengths().Draw(t, kind))
		return value{kind, v, func(b []byte) []byte {
			b = codec.AppendArray(b, len(v))
			return append(b, bytes.Repeat([]byte{0xc0}, len(v))...)
		}, func(r *codec.Reader) any {
			got := make([]any, r.Array(math.MaxInt))
			for range got {
				if !r.Nil() {
					return "not nil"
				}
			}
			return got
		}, into[[]any]}
	}
}

func drawBytes(t *rapid.T, name string) []byte {
	n := lengths().Draw(t, name+" length")
	v := bytes.Repeat([]byte{rapid.Byte().Draw(t, name+" byte")}, n)
	copy(v, rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, name))
	return v
}

// Both write the same bytes, and each reads what the other wrote.
func TestAgreesWithGoMsgpack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Custom(drawValue), 1, 8).Draw(t, "values")
		var ours, theirs []byte
		e := msgpack.NewEncoderBytes(&theirs, oracle())
		for _, v := range values {
			ours = v.write(ours)
			if err := e.Encode(v.v); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(ours, theirs) {
			t.Fatalf("written: %.60x, by go-msgpack: %.60x", ours, theirs)
		}
		r, d := codec.NewReader(theirs), msgpack.NewDecoderBytes(ours, oracle())
		for i, v := range values {
			if got := v.read(&r); !reflect.DeepEqual(got, v.v) {
				t.Fatalf("value %d of kind %s: read %.60v, %v, want %.60v", i, v.kind, got, r.Err(), v.v)
			}
			if got, err := v.taken(d); err != nil || !reflect.DeepEqual(got, v.v) {
				t.Fatalf("value %d of kind %s: go-msgpack read %.60v, %v, want %.60v", i, v.kind, got, err, v.v)
			}
			if r.Offset() != d.NumBytesRead() {
				t.Fatalf("value %d of kind %s ends at %d, by go-msgpack at %d", i, v.kind, r.Offset(), d.NumBytesRead())
			}
		}
		if err := r.Done(); err != nil {
			t.Fatal(err)
		}
	})
}

// go-msgpack's own choice for integers is signed; a Reader takes both.
func TestReadsSignedForms(t *testing.T) {
	h := oracle()
	h.PositiveIntUnsigned = false
	rapid.Check(t, func(t *rapid.T) {
		v := ints().Draw(t, "v")
		var b []byte
		if err := msgpack.NewEncoderBytes(&b, h).Encode(v); err != nil {
			t.Fatal(err)
		}
		r := codec.NewReader(b)
		if got := r.Int(); got != v || r.Done() != nil {
			t.Fatalf("%x: %d, %v, want %d", b, got, r.Err(), v)
		}
	})
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzReader reads bytes that may be anything by a script that may be anything.
// Where go-msgpack reads the same kind of value, it must have read the same.
func FuzzReader(f *testing.F) {
	for i, e := range edges {
		f.Add([]byte(e.want), []byte{byte(i), byte(i + 1), 0, 1, 2, 3, 4, 5, 6, 7, 8})
	}
	f.Add([]byte("\x93\x01\xc4\x02ab\xa3abc"), []byte{9, 0, 6, 7})
	f.Add([]byte("\xdd\xff\xff\xff\xff"), []byte{9})
	f.Add([]byte("\xc6\xff\xff\xff\xff"), []byte{6})
	f.Fuzz(func(t *testing.T, in, script []byte) {
		script = script[:min(len(script), 100)]
		before := bytes.Clone(in)
		if total := allocated(func() {
			r := codec.NewReader(in)
			for _, op := range script {
				readOne(&r, op)
			}
		}); total > uint64(len(in)+64<<10) { // strings, boxed results, an error
			t.Fatalf("%d bytes allocated for %d", total, len(in))
		}
		r := codec.NewReader(in)
		for _, op := range script {
			at, was := r.Offset(), r.Err()
			got := readOne(&r, op)
			if r.Offset() < at || r.Offset() > len(in) || r.Len() != len(in)-r.Offset() || len(r.Rest()) != r.Len() {
				t.Fatalf("at %d of %d, after %d", r.Offset(), len(in), at)
			}
			if was != nil && (r.Err() != was || !isZero(got)) {
				t.Fatalf("%v after %v, %v", got, was, r.Err())
			}
			if r.Err() != nil && !isZero(got) {
				t.Fatalf("%v together with %v", got, r.Err())
			}
			if r.Err() == nil {
				compare(t, in[at:r.Offset()], op, got)
			}
		}
		if !bytes.Equal(before, in) {
			t.Fatal("the input was changed")
		}
	})
}

func readOne(r *codec.Reader, op byte) any {
	switch op % 11 {
	case 0:
		return r.Uint()
	case 1:
		return r.Uint32()
	case 2:
		return r.Uint8()
	case 3:
		return r.Int()
	case 4:
		return r.Int32()
	case 5:
		return r.Bool()
	case 6:
		return r.Bytes()
	case 7:
		return r.String()
	case 8:
		return r.StringBytes()
	case 9:
		return r.Array(1000)
	default:
		return r.Nil()
	}
}

func isZero(v any) bool { return v == nil || reflect.ValueOf(v).IsZero() }

// compare has go-msgpack read the bytes that a read took.
func compare(t *testing.T, b []byte, op byte, got any) {
	t.Helper()
	var want any
	d := msgpack.NewDecoderBytes(b, oracle())
	var err error
	switch v := got.(type) {
	case uint64, uint32, uint8:
		want, err = into[uint64](d)
		got = reflect.ValueOf(v).Uint()
	case int64, int32:
		want, err = into[int64](d)
		got = reflect.ValueOf(v).Int()
	case int: // an array: its header is all that was taken
		if v < 0 || v > 1000 {
			t.Fatalf("an array of %d", v)
		}
		return
	case bool:
		if op%11 == 10 {
			if v != (len(b) == 1 && b[0] == 0xc0) || !v && len(b) > 0 {
				t.Fatalf("Nil is %v for %x", v, b)
			}
			return
		}
		want, err = into[bool](d)
	case string:
		want, err = into[string](d)
	case []byte:
		want, err = into[[]byte](d)
		if cap(v) != len(v) {
			t.Fatalf("%d bytes with a capacity of %d", len(v), cap(v))
		}
	}
	if err != nil || d.NumBytesRead() != len(b) || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Fatalf("%x: %#v, by go-msgpack %#v, %v, of %d bytes", b, got, want, err, d.NumBytesRead())
	}
}

// A record as they occur, read by both.
func TestRecordAgreesWithGoMsgpack(t *testing.T) {
	type record struct {
		Zxid    uint64
		Path    string
		Data    []byte
		Version int32
		Leaf    bool
	}
	in := record{Zxid: 1 << 40, Path: "/a/ü", Data: []byte("data"), Version: -1, Leaf: true}
	b := codec.AppendArray(nil, 5)
	b = codec.AppendUint(b, in.Zxid)
	b = codec.AppendString(b, in.Path)
	b = codec.AppendBytes(b, in.Data)
	b = codec.AppendInt(b, int64(in.Version))
	b = codec.AppendBool(b, in.Leaf)
	var theirs []byte
	h := oracle()
	h.StructToArray = true
	require.NoError(t, msgpack.NewEncoderBytes(&theirs, h).Encode(&in))
	require.Equal(t, theirs, b)
	var out record
	require.NoError(t, msgpack.NewDecoderBytes(b, h).Decode(&out))
	require.Equal(t, in, out)
}
