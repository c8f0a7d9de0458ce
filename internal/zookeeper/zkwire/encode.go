package zkwire

import "encoding/binary"

// The jute encoding: big-endian integers, one byte for a boolean, and a length
// before buffers, strings and vectors, which is -1 for null.

func appendInt(b []byte, v int32) []byte  { return binary.BigEndian.AppendUint32(b, uint32(v)) }
func appendLong(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendBuffer appends data; nil is null.
func appendBuffer(b, data []byte) []byte {
	if data == nil {
		return appendInt(b, -1)
	}
	return append(appendInt(b, int32(len(data))), data...)
}

func appendString(b []byte, s string) []byte {
	return append(appendInt(b, int32(len(s))), s...)
}

// appendNullable appends s; nil is null.
func appendNullable(b []byte, s *string) []byte {
	if s == nil {
		return appendInt(b, -1)
	}
	return appendString(b, *s)
}

// appendStrings appends a vector; nil is null.
func appendStrings(b []byte, list []string) []byte {
	if list == nil {
		return appendInt(b, -1)
	}
	b = appendInt(b, int32(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}
