package zkwire

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

// frames are requests and what they are on the wire, from the protocol's
// description.
var frames = []struct {
	name string
	r    Request
	hex  string
}{
	{"create", Request{Xid: 1, Op: Create, Path: "/a", Data: []byte{7}, ACL: []ACL{{Perms: 31, Scheme: new("world"), ID: new("anyone")}}, Flags: 2},
		"00000032 00000001 00000001 00000002 2f61 00000001 07 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000002"},
	{"create of nothing", Request{Xid: 1, Op: Create2, NullPath: true, ACL: []ACL{{Perms: 1}}},
		"00000024 00000001 0000000f ffffffff ffffffff 00000001 00000001 ffffffff ffffffff 00000000"},
	{"createTTL", Request{Xid: 1, Op: CreateTTL, Path: "/", Data: []byte{}, Flags: 5, TTL: 258},
		"00000021 00000001 00000015 00000001 2f 00000000 ffffffff 00000005 0000000000000102"},
	{"delete", Request{Xid: 2, Op: Delete, Path: "/a", Version: -1}, "00000012 00000002 00000002 00000002 2f61 ffffffff"},
	{"exists", Request{Xid: 3, Op: Exists, Path: "/a", Watch: true}, "0000000f 00000003 00000003 00000002 2f61 01"},
	{"setData", Request{Xid: 3, Op: SetData, Path: "/", Version: 9}, "00000015 00000003 00000005 00000001 2f ffffffff 00000009"},
	{"setACL", Request{Xid: 3, Op: SetACL, Path: "/", ACL: []ACL{}, Version: 9}, "00000015 00000003 00000007 00000001 2f 00000000 00000009"},
	{"ping", *pingRequest(), "00000008 fffffffe 0000000b"},
	{"close", Request{Xid: 4, Op: CloseSession}, "00000008 00000004 fffffff5"},
	{"auth", Request{Xid: XidAuth, Op: Auth, Scheme: new("ip"), Data: []byte("x")}, "00000017 fffffffc 00000064 00000000 00000002 6970 00000001 78"},
	{"addWatch", Request{Xid: 4, Op: AddWatch, Path: "/", Type: 1}, "00000011 00000004 0000006a 00000001 2f 00000001"},
	{"setWatches", Request{Xid: XidSetWatches, Op: SetWatches, Zxid: 5, Watches: [5][]string{{"/"}, {}}},
		"00000021 fffffff8 00000065 0000000000000005 00000001 00000001 2f 00000000 ffffffff"},
	{"multi", Request{Xid: 6, Op: Multi, Ops: []Request{{Op: Check, Path: "/", Version: 1}}},
		"00000023 00000006 0000000e 0000000d 00 ffffffff 00000001 2f 00000001 ffffffff 01 ffffffff"},
	{"raw and more", Request{Xid: 6, Op: GetData, Raw: []byte{1, 2}, Trailer: []byte{3}}, "0000000b 00000006 00000004 010203"},
}

func pingRequest() *Request { return &Request{Xid: XidPing, Op: Ping} }

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRequests(t *testing.T) {
	for _, c := range frames {
		if got, want := c.r.AppendFrame(nil), unhex(t, c.hex); !bytes.Equal(got, want) {
			t.Errorf("%s:\n%x, not\n%x", c.name, got, want)
		}
	}
}

func TestConnect(t *testing.T) {
	r := ConnectRequest{LastZxid: 1, Timeout: 2, SessionID: 3, Password: make([]byte, 16), ReadOnly: true}
	want := "0000002d 00000000 0000000000000001 00000002 0000000000000003 00000010 00000000000000000000000000000000 01"
	if got := r.AppendFrame(nil); !bytes.Equal(got, unhex(t, want)) {
		t.Errorf("%x", got)
	}
	r.OmitReadOnly = true
	if got := r.AppendFrame(nil); len(got) != 48 || got[3] != 44 {
		t.Errorf("%x", got)
	}
	reply, err := DecodeConnect(unhex(t, "00000000 00000005 0000000000000006 00000001 09 01 ff"))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(reply, &ConnectReply{Timeout: 5, SessionID: 6, Password: []byte{9}, ReadOnly: true, HasReadOnly: true, Rest: []byte{0xff}}) {
		t.Errorf("%+v", reply)
	}
	for n := range 17 {
		if _, err := DecodeConnect(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are enough", n)
		}
	}
}

const (
	header  = "00000001 0000000000000009 00000000 "
	statHex = "0000000000000001 0000000000000002 0000000000000003 0000000000000004 00000005 00000006 00000007 0000000000000008 00000009 0000000a 000000000000000b"
)

func TestReplies(t *testing.T) {
	stat := &Stat{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	for _, c := range []struct {
		op   Opcode
		body string
		want Reply
	}{
		{Create, "00000002 2f61", Reply{Path: new("/a")}},
		{Create2, "00000002 2f61" + statHex, Reply{Path: new("/a"), Stat: stat}},
		{GetData, "ffffffff" + statHex, Reply{Stat: stat}},
		{GetData, "00000000" + statHex, Reply{Data: []byte{}, Stat: stat}},
		{GetChildren, "00000002 00000001 61 00000000", Reply{Names: []string{"a", ""}}},
		{GetChildren2, "00000000" + statHex, Reply{Names: []string{}, Stat: stat}},
		{GetACL, "00000001 0000001f ffffffff 00000001 61" + statHex, Reply{ACL: []ACL{{Perms: 31, ID: new("a")}}, Stat: stat}},
		{AddWatch, "00000000", Reply{Count: new(int32(0))}},
		{WhoAmI, "00000001 00000001 61 ffffffff", Reply{IDs: []ID{{Scheme: new("a")}}}},
		{Delete, "", Reply{}},
		{Ping, "05", Reply{Rest: []byte{5}}},
		{Multi, "00000001 00 00000000 00000001 2f 00000002 00 00000000 ffffffff 01 ffffffff",
			Reply{Results: []Result{{Type: Create, Reply: Reply{Path: new("/")}}, {Type: Delete}}}},
		{Multi, "ffffffff 00 ffffff9b ffffff9b ffffffff 01 ffffffff",
			Reply{Results: []Result{{Type: Error, Err: -101, Reply: Reply{Count: new(int32(-101))}}}}},
	} {
		c.want.Xid, c.want.Zxid = 1, 9
		got, err := Decode(unhex(t, header+c.body), &Request{Op: c.op})
		if err != nil {
			t.Errorf("%v: %v", c.op, err)
		} else if !reflect.DeepEqual(got, &c.want) {
			t.Errorf("%v: %+v, not %+v", c.op, got, c.want)
		}
	}
}

func TestEvent(t *testing.T) {
	got, err := Decode(unhex(t, "ffffffff ffffffffffffffff 00000000 00000003 00000003 00000002 2f61"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Reply{Xid: -1, Zxid: -1, Event: &Event{3, 3, new("/a")}}); !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v", got)
	}
}

// FuzzDecode: a frame is decoded or refused, without a panic and without more
// memory than its length can ask for.
func FuzzDecode(f *testing.F) {
	for op := range opcodeNames {
		f.Add(int32(op), []byte(header))
		f.Add(int32(op), append(make([]byte, 16), 0x7f, 0xff, 0xff, 0xff))
	}
	f.Fuzz(func(t *testing.T, op int32, frame []byte) {
		r, err := Decode(frame, &Request{Op: Opcode(op)})
		if (r == nil) == (err == nil) {
			t.Errorf("%v, %v", r, err)
		}
	})
}
