package jute

import "encoding/binary"

// AppendInt appends an int.
func AppendInt(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }

// AppendLong appends a long.
func AppendLong(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

// AppendBool appends a boolean.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendBuffer appends a buffer, null if v is nil. It must be shorter than 2 GiB,
// as everything that has a length.
func AppendBuffer(dst, v []byte) []byte {
	if v == nil {
		return AppendNull(dst)
	}
	return append(AppendInt(dst, int32(len(v))), v...)
}

// AppendString appends a string that is not null.
func AppendString(dst []byte, v string) []byte {
	return append(AppendInt(dst, int32(len(v))), v...)
}

// AppendNull appends a buffer, string or vector that is null.
func AppendNull(dst []byte) []byte { return AppendInt(dst, -1) }

// AppendVector appends the count of a vector that is not null. Its n elements are
// the caller's to append.
func AppendVector(dst []byte, n int) []byte { return AppendInt(dst, int32(n)) }

// AppendStrings appends a vector of strings, null if v is nil.
func AppendStrings(dst []byte, v []string) []byte {
	if v == nil {
		return AppendNull(dst)
	}
	dst = AppendVector(dst, len(v))
	for _, s := range v {
		dst = AppendString(dst, s)
	}
	return dst
}
