package main

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// field is a part of a request: as text, and as it is sent.
type field struct {
	text  string
	bytes []byte
}

func be32(v int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }

func lengthed(s string) []byte { return append(be32(int32(len(s))), s...) }

func i32(name string, v int32) field { return field{fmt.Sprintf("%s=%d", name, v), be32(v)} }

func i64(name string, v int64) field {
	return field{fmt.Sprintf("%s=%d", name, v), binary.BigEndian.AppendUint64(nil, uint64(v))}
}

func flg(name string, v bool) field {
	b := []byte{0}
	if v {
		b[0] = 1
	}
	return field{fmt.Sprintf("%s=%t", name, v), b}
}

func str(name, v string) field { return field{fmt.Sprintf("%s=%q", name, v), lengthed(v)} }

func buf(name string, v []byte) field {
	if v == nil {
		return field{name + "=null", be32(-1)}
	}
	return field{fmt.Sprintf("%s=%q", name, v), lengthed(string(v))}
}

func strs(name string, v ...string) field {
	f := field{bytes: be32(int32(len(v)))}
	var texts []string
	for _, s := range v {
		f.bytes = append(f.bytes, lengthed(s)...)
		texts = append(texts, fmt.Sprintf("%q", s))
	}
	f.text = fmt.Sprintf("%s=[%s]", name, strings.Join(texts, ","))
	return f
}

type acl struct {
	perms      int32
	scheme, id string
}

var world = acl{31, "world", "anyone"}

func acle(v ...acl) field {
	f := field{bytes: be32(int32(len(v)))}
	var texts []string
	for _, a := range v {
		f.bytes = append(f.bytes, be32(a.perms)...)
		f.bytes = append(append(f.bytes, lengthed(a.scheme)...), lengthed(a.id)...)
		texts = append(texts, fmt.Sprintf("%d:%q:%q", a.perms, a.scheme, a.id))
	}
	f.text = fmt.Sprintf("acl=[%s]", strings.Join(texts, ","))
	return f
}

var nullACL = field{"acl=null", be32(-1)}

// raw is sent as it is; the request is not one that can be said field by field.
func raw(b ...byte) field { return field{"raw", b} }

// The opcodes.
const (
	create          int32 = 1
	remove          int32 = 2
	exists          int32 = 3
	getData         int32 = 4
	setData         int32 = 5
	getACL          int32 = 6
	setACL          int32 = 7
	getChildren     int32 = 8
	syncOp          int32 = 9
	ping            int32 = 11
	getChildren2    int32 = 12
	check           int32 = 13
	multi           int32 = 14
	create2         int32 = 15
	reconfig        int32 = 16
	checkWatches    int32 = 17
	removeWatches   int32 = 18
	createContainer int32 = 19
	deleteContainer int32 = 20
	createTTL       int32 = 21
	multiRead       int32 = 22
	auth            int32 = 100
	setWatches      int32 = 101
	sasl            int32 = 102
	getEphemerals   int32 = 103
	getAllChildren  int32 = 104
	setWatches2     int32 = 105
	addWatch        int32 = 106
	whoAmI          int32 = 107
	createSession   int32 = -10
	closeSession    int32 = -11
)

// The bodies that come often.

func made(path, data string, flags int32) []field {
	return []field{str("path", path), buf("data", []byte(data)), acle(world), i32("flags", flags)}
}

func madeTTL(path, data string, flags int32, ttl int64) []field {
	return append(made(path, data, flags), i64("ttl", ttl))
}

func at(path string, version int32) []field {
	return []field{str("path", path), i32("version", version)}
}

func seen(path string, watch bool) []field { return []field{str("path", path), flg("watch", watch)} }

func set(path, data string, version int32) []field {
	return []field{str("path", path), buf("data", []byte(data)), i32("version", version)}
}

func typed(path string, kind int32) []field { return []field{str("path", path), i32("kind", kind)} }

// ops are the operations of a multi.
func ops(members ...[]field) []field {
	var all []field
	for _, m := range members {
		all = append(all, m...)
	}
	return append(all, field{"end", append(be32(-1), 1, 0xff, 0xff, 0xff, 0xff)})
}

func op(kind int32, body ...field) []field {
	return append([]field{{fmt.Sprintf("(%d", kind), append(be32(kind), 0, 0xff, 0xff, 0xff, 0xff)}},
		append(body, field{")", nil})...)
}
