package main

import "bytes"

func multis(s *script) {
	c := s.open()
	c.call("create", create, made("/m", "m", 0)...)
	c.call("multi: empty", multi, ops()...)
	c.call("multi: every kind", multi, ops(
		op(create, made("/m/a", "1", 0)...), op(create2, made("/m/b", "2", 0)...),
		op(createContainer, made("/m/c", "3", 4)...), op(createTTL, madeTTL("/m/t", "4", 5, 60_000)...),
		op(setData, set("/m/a", "5", 0)...), op(check, at("/m/a", 1)...), op(remove, at("/m/a", 1)...),
		op(create, made("/m/s-", "", 2)...), op(create, made("/m/s-", "", 3)...))...)
	c.call("multi: kinds by flag", multi, ops(
		op(create, made("/m/f4", "", 4)...), op(createContainer, made("/m/f0", "", 0)...),
		op(create2, made("/m/g4", "", 4)...),
		op(createTTL, madeTTL("/m/t-", "", 6, 5000)...))...)
	ok := op(check, at("/m", -1)...)
	for _, f := range []struct {
		label string
		op    []field
	}{
		{"create exists", op(create, made("/m", "", 0)...)}, {"create, no parent", op(create, made("/no/x", "", 0)...)},
		{"create2 exists", op(create2, made("/m", "", 0)...)}, {"container exists", op(createContainer, made("/m", "", 4)...)},
		{"flags 9", op(create, made("/m/x", "", 9)...)}, {"TTL 0", op(createTTL, madeTTL("/m/x", "", 5, 0)...)},
		{"bad path", op(create, made("/m/", "", 0)...)},
		{"delete, none", op(remove, at("/m/no", -1)...)}, {"delete, version", op(remove, at("/m", 5)...)},
		{"delete, not empty", op(remove, at("/m", -1)...)}, {"delete of the root", op(remove, at("/", -1)...)},
		{"set, none", op(setData, set("/m/no", "", -1)...)}, {"set, version", op(setData, set("/m", "", 9)...)},
		{"check, none", op(check, at("/m/no", -1)...)}, {"check, version", op(check, at("/m", 9)...)},
		{"empty ACL", op(create, str("path", "/m/x"), buf("data", nil), acle(), i32("flags", 0))},
	} {
		c.call("multi fails: "+f.label, multi, ops(ok, op(create, made("/m/new", "", 0)...), f.op, ok, op(remove, at("/m/no", -1)...))...)
	}
	c.call("multi fails: at once", multi, ops(op(check, at("/no", -1)...))...)
	c.call("multi fails: by state before a bad flag", multi, ops(op(check, at("/no", -1)...), op(create, made("/m/x", "", 9)...))...)
	c.call("nothing came of it", getChildren2, seen("/m", false)...)

	get := func(op2 int32, path string) []field { return op(op2, seen(path, false)...) }
	c.call("multiRead", multiRead, ops(get(getData, "/m"), get(getChildren, "/m"), get(getData, "/m/t"))...)
	c.call("multiRead: failures", multiRead, ops(get(getData, "/no"), get(getData, "/m"), get(getChildren, "/no"), get(getChildren, "/m/t"))...)
	c.call("create: nobody may read", create, str("path", "/m/x"), buf("data", nil), acle(acl{16, "world", "anyone"}), i32("flags", 0))
	c.call("multiRead: no auth", multiRead, ops(get(getData, "/m/x"), get(getChildren, "/m/x"))...)
	c.call("multiRead: empty", multiRead, ops()...)
	c.call("multiRead: leaves a watch", multiRead, ops(op(getData, seen("/m", true)...))...)
	c.call("setData: does it?", setData, set("/m", "x", -1)...)
	c.call("multiRead: of writes", multiRead, ops(op(create, made("/m/w", "", 0)...))...)
	c = s.open()
	c.call("multi: of reads", multi, ops(get(getData, "/m"))...)
	c = s.open()
	c.call("multi: reads and writes", multi, field{"raw", flat(ops(ok, get(getData, "/m")))})
	c = s.open()
	c.call("multi: nested", multi, field{"raw", flat(ops(ok, op(multi, ops(ok)...)))})
	c.call("multi: setACL", multi, field{"raw", flat(ops(op(setACL, str("path", "/m"), acle(world), i32("version", -1))))})
	c.call("multi: exists", multi, field{"raw", flat(ops(op(exists, seen("/m", false)...)))})
	c.call("multi: getChildren2", multiRead, field{"raw", flat(ops(op(getChildren2, seen("/m", false)...)))})
	c.call("multi: no end", multi, field{"raw", flat(ok)})
	c.call("multi: cut short", multi, field{"raw", flat(ok)[:12]})
	c.call("multi: no header at all", multi, field{"raw", nil})
	c.call("multi: -1 without done", multi, field{"raw", append(be32(-1), 0, 0xff, 0xff, 0xff, 0xff)})
}

func flat(fields []field) (b []byte) {
	for _, f := range fields {
		b = append(b, f.bytes...)
	}
	return b
}

func watches(s *script) {
	c := s.open()
	c.call("create", create, made("/w", "", 0)...)
	c.call("exists, watched: none there", exists, seen("/w/x", true)...)
	c.call("getChildren, watched", getChildren, seen("/w", true)...)
	c.call("create: two events", create, made("/w/x", "", 0)...)
	c.call("getData, watched", getData, seen("/w/x", true)...)
	c.call("setData: an event", setData, set("/w/x", "1", -1)...)
	c.call("getData, watched", getData, seen("/w/x", true)...)
	c.call("getChildren2, watched", getChildren2, seen("/w/x", true)...)
	c.call("getChildren2, watched", getChildren2, seen("/w", true)...)
	c.call("delete: deleted, children changed", remove, at("/w/x", -1)...)
	c.call("getData, watched: none there", getData, seen("/w/x", true)...)
	c.call("create: no event", create, made("/w/x", "", 0)...)
	c.call("addWatch", addWatch, str("path", "/w"), i32("mode", 0))
	c.call("addWatch: recursive", addWatch, str("path", "/w/x"), i32("mode", 1))
	c.call("addWatch: mode 2", addWatch, str("path", "/w"), i32("mode", 2))
	c.call("addWatch: mode -1", addWatch, str("path", "/w"), i32("mode", -1))
	c.call("addWatch: of nothing", addWatch, str("path", "/w/none"), i32("mode", 1))
	c.call("addWatch: relative path", addWatch, str("path", "w"), i32("mode", 0))
	c.call("setData: persistent", setData, set("/w", "1", -1)...)
	c.call("setData: recursive", setData, set("/w/x", "1", -1)...)
	c.call("create: recursive", create, made("/w/x/y", "", 0)...)
	c.call("delete: recursive", remove, at("/w/x/y", -1)...)
	c.call("setACL: nothing", setACL, str("path", "/w"), acle(world), i32("version", -1))
	c.call("multi: events", multi, ops(op(create, made("/w/m", "", 0)...), op(setData, set("/w", "", -1)...), op(remove, at("/w/m", -1)...))...)
	for _, kind := range []int32{1, 2, 3, 4, 5, 0, -1, 9} {
		c.call("checkWatches", checkWatches, typed("/w", kind)...)
		c.call("removeWatches", removeWatches, typed("/w", kind)...)
	}
	c.call("addWatch, anew", addWatch, str("path", "/w"), i32("mode", 0))
	c.call("checkWatches: any", checkWatches, typed("/w", 3)...)
	c.call("removeWatches: any", removeWatches, typed("/w", 3)...)
	c.call("removeWatches: again", removeWatches, typed("/w", 3)...)
	c.call("getData, watched", getData, seen("/w", true)...)
	c.call("checkWatches: children", checkWatches, typed("/w", 1)...)
	c.call("checkWatches: data", checkWatches, typed("/w", 2)...)
	c.call("removeWatches: data", removeWatches, typed("/w", 2)...)
	c.call("removeWatches: nothing watched", removeWatches, typed("/no", 3)...)

	c = s.open()
	c.callAs("setWatches: from the start", -8, setWatches, i64("zxid", 1), strs("data", "/w", "/gone"), strs("exist", "/w/x", "/later"), strs("children", "/w", "/gone2"))
	c.call("create: later", create, made("/later", "", 0)...)
	c.callAs("setWatches: none", -8, setWatches, i64("zxid", 1), strs("data"), strs("exist"), strs("children"))
	c.callAs("setWatches: null", -8, setWatches, i64("zxid", 1), field{"data=null", be32(-1)}, strs("exist"), strs("children"))
	c.callAs("setWatches2", -8, setWatches2, i64("zxid", 1<<40), strs("data", "/w"), strs("exist"), strs("children", "/w"), strs("persistent", "/w"), strs("recursive", "/w/x"))
	c.callAs("setWatches2 under an xid of its own", 9, setWatches2, i64("zxid", 1), strs("data"), strs("exist"), strs("children"), strs("persistent", "/w"), strs("recursive", "/w"))
	c.call("setData: all at once", setData, set("/w", "", -1)...)
	c.call("create: all at once", create, made("/w/z", "", 0)...)
}

func strange(s *script) {
	say := func(label string, op int32, fields ...field) *client {
		c := s.open()
		if frame := c.call(label, op, fields...); frame != nil && (bytes.Equal(frame[16:20], be32(-6)) || bytes.Equal(frame[16:20], be32(-115))) {
			c.ended()
		}
		return c
	}
	for _, op := range []int32{0, -1, 10, 23, 99, 108, 1000, -100, createSession} {
		say("opcode nobody may send", op)
	}
	say("deleteContainer", deleteContainer, raw([]byte("/w")...))
	for _, op := range []int32{create, remove, exists, getData, setData, getACL, setACL, getChildren, syncOp, getChildren2, check, create2, reconfig, checkWatches, removeWatches, createContainer, createTTL, auth, setWatches, sasl, getEphemerals, getAllChildren, setWatches2, addWatch} {
		say("empty body", op, raw())
		say("body cut short", op, raw(0, 0, 0))
	}
	for _, op := range []int32{exists, getData, getACL, getChildren, syncOp, getChildren2, getEphemerals, getAllChildren, checkWatches, removeWatches, addWatch, remove, setData, check} {
		say("null path", op, raw(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0))
		say("path of length -2", op, raw(0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0))
		say("path longer than the frame", op, raw(0, 0, 0, 99, '/', 'a', 0))
	}
	say("create: null path", create, raw(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0))
	say("create: ACL longer than the frame", create, raw(0, 0, 0, 2, '/', 'q', 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0))
	say("setACL: null path", setACL, raw(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0))
	say("auth: null scheme", auth, raw(0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	say("bytes left over", exists, append(seen("/", false), field{"", []byte("left over")})...)
	say("bytes left over", ping, field{"", []byte("left over")})
	say("boolean 2", exists, str("path", "/"), field{"watch=true", []byte{2}})
	say("whoAmI", whoAmI)
	for _, bad := range []string{"\xff", "a\xffb\xfe\xfd", "\xc0\x80", "\xc3", "\xc3(", "\xe2\x82", "\xe2\x82x", "\xe2(\xa1", "\xe0\x80\x80", "\xed\xa0\x80", "\xed\xa0\xbd\xed\xb8\x80", "\xed\xa0", "\xf0\x9f\x98", "\xf0\x9f\x98x", "\xf0\x9fx", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\x80\xbf"} {
		say("sync: not UTF-8", syncOp, str("path", bad))
	}
	say("sync: beyond the BMP", syncOp, str("path", "/\U0001f600"))
}

func ends(s *script) {
	c := s.open()
	c.call("create: ephemeral", create, made("/end", "", 1)...)
	c.call("closeSession", closeSession)
	c.ended()
	c = s.open()
	c.call("sasl", sasl, buf("token", []byte("token")))
	c.ended()
	c = s.open()
	c.call("sasl: null", sasl, buf("token", nil))
	c.ended()
	c = s.open()
	c.send2("header cut short", "raw", raw(0, 0, 0, 1, 0))
	c = s.open()
	c.send2("empty frame", "raw")
}
