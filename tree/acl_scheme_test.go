package tree

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestDigestForm: two parts, as Java's split sees them.
func TestDigestForm(t *testing.T) {
	for id, want := range map[string]bool{
		"a:b": true, ":b": true, "a:b:": true, "a:b:::": true, ":b:": true, "a": false, "a:": false, "a::": false,
		"a:b:c": false, "a::b": false, "": false, ":": false, "::": false,
	} {
		require.Equal(t, want, validateACL([]ACL{{PermAll, ID{"digest", id}}}) == nil, "%q", id)
	}
	require.Equal(t, DigestID("u", "p:q"), DigestCredential("u:p:q"))
	for _, credential := range []string{"nocolon", "", ":p", "u:"} {
		require.NoError(t, validateID(DigestCredential(credential)), "%q", credential)
	}
}

// TestIP: the cases of ZooKeeper's own tests and what Java's parseInt takes.
func TestIP(t *testing.T) {
	for id, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1/32": true, "127.0.0.1/0": true, "127.0.0.1/": false, "127.0.0.1/33": false, "127.0.0.1/-1": false,
		"127.0.0.1/8/8": false, "127.0.0": false, "127.0.0.1.1": false, "127.0.0.256": false, "127.0.0.": false, "a.b.c.d": false,
		"+1.007.0.0": true, "1_0.0.0.0": false, "": false, "localhost": false, "/8": false, "1.2.3.4 ": false,
		"::": true, "::1": true, "1::": true, "1:2:3:4:5:6:7:8": true, "1:2:3:4:5:6:7::": true, "::2:3:4:5:6:7:8/128": true, "::/0": true,
		"::1/129": false, "1:2:3:4:5:6:7": false, "1:2:3:4:5:6:7:8:9": false, "1::2::3": false, ":::": false, ":1::": false,
		"1:2:3:4::5:6:7:8": false, "12345::": false, "g::": false, "::ffff:1.2.3.4": false, "fe80::1%eth0": false, "2001:DB8::1/32": true,
	} {
		require.Equal(t, want, validateACL([]ACL{{PermAll, ID{"ip", id}}}) == nil, "%q", id)
	}
	for _, c := range []struct {
		id, acl string
		want    bool
	}{
		{"10.1.2.3", "10.1.2.3", true}, {"10.1.2.3", "10.1.2.4", false}, {"10.1.2.3", "10.1.0.0/16", true}, {"10.1.2.3", "10.1.255.255/16", true},
		{"10.2.2.3", "10.1.0.0/16", false}, {"10.1.2.3", "10.1.2.2/31", true}, {"10.1.2.4", "10.1.2.2/31", false}, {"10.1.2.3", "0.0.0.0/0", true},
		{"::1", "0:0:0:0:0:0:0:1", true}, {"0:0:0:0:0:0:0:1", "::/0", true}, {"2001:db8::5", "2001:db8::/32", true}, {"2001:db9::5", "2001:db8::/32", false},
		{"0.0.0.0", "::/0", false}, {"::", "0.0.0.0/0", false},
	} {
		require.Equal(t, c.want, permits([]ACL{{PermRead, ID{"ip", c.acl}}}, []ID{alice, {"ip", c.id}}, PermRead), "%+v", c)
		require.False(t, permits([]ACL{{PermRead, ID{"ip", c.acl}}}, []ID{{"x509", c.id}}, PermRead))
	}
	require.False(t, matchIP("10.1.2.3", "nonsense"))
	require.False(t, matchIP("nonsense", "10.1.2.3"))
}

// TestNetworks: as package netip has it, for what both know.
func TestNetworks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{4, 16}).Draw(t, "size")
		draw := func(name string) netip.Addr {
			b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0, 1, 255}), size, size).Draw(t, name)
			a, _ := netip.AddrFromSlice(b)
			return a
		}
		id, of := draw("id"), draw("network")
		bits := rapid.IntRange(0, 8*size).Draw(t, "bits")
		if id.Is4In6() || of.Is4In6() {
			t.Skip("written with an IPv4 address in it")
		}
		want := netip.PrefixFrom(of, bits).Masked().Contains(id)
		require.Equal(t, want, matchIP(id.String(), fmt.Sprintf("%s/%d", of, bits)))
	})
}

func TestX509(t *testing.T) {
	for id, want := range map[string]bool{
		"CN=a": true, "": true, "cn=a,O=b c, OU=x;C=DE": true, "CN=a+UID=7": true, `CN="a,b",O=c`: true, `CN=a\,b,O=c`: true, "1.2.3=x": true, "OID.1.2.3=x": true, "CN=": true,
		"CN": false, "a": false, "CN=a,": false, ",": false, "=a": false, `CN="a`: false, "XX=a": false, "O U=a": false, "12=x": false, "OID.=x": false, "CN ST=a": false,
	} {
		require.Equal(t, want, validateACL([]ACL{{PermAll, ID{"x509", id}}}) == nil, "%q", id)
	}

	// Whether there are such identities is a setting.
	e := newEnv(t)
	subject := ID{"x509", "CN=me,O=us"}
	acl := []ACL{{PermAll, subject}}
	require.NoError(t, e.command(AddAuth{1, 1, []ID{subject, {"ip", "10.0.0.1"}}}).Err())
	require.ErrorIs(t, e.do(Create{Path: "/a", ACL: acl}).Err(), ErrInvalidACL)
	require.ErrorIs(t, e.do(Create{Path: "/a", ACL: []ACL{Auth(PermAll)}}).Err(), ErrInvalidACL, "an address proves nothing")
	e.command(ChangeSettings{Settings{X509: true}})
	e.ok(Create{Path: "/a", ACL: acl})
	e.ok(Create{Path: "/a/b", ACL: []ACL{Auth(PermAll)}})
	got, _, _ := e.s.View().GetACL("/a/b")
	require.Equal(t, acl, got)
	e.ok(Create{Path: "/a/ip", ACL: []ACL{{PermRead, ID{"ip", "10.0.0.0/8"}}}})
	e.ok(Check{Path: "/a/ip"})
	e.s = reload(t, e.s)
	e.command(ChangeSettings{Settings{}})
	e.ok(Set{Path: "/a"})
	require.ErrorIs(t, e.do(SetACL{Path: "/a", ACL: acl}).Err(), ErrInvalidACL)
	e.command(CreateSession{Timeout: time.Second, Identities: []ID{{"x509", "CN=me"}, {"ip", "11.0.0.1"}}})
	stranger := e.w.zxid
	e.w.next[stranger], e.w.attachment[stranger] = 1, stranger
	for _, op := range []Op{Set{Path: "/a"}, Check{Path: "/a/ip"}} {
		out, _ := e.apply(e.w.write(stranger, op))
		require.ErrorIs(t, out.Err(), ErrNoAuth)
	}
	require.Equal(t, []ACL{{PermAll, subject}}, MaskACL(acl), "only digests are masked")
}
