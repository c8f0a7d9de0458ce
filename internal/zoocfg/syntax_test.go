package zoocfg

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What java.util.Properties makes of it.
func TestPropertiesSyntax(t *testing.T) {
	cases := []struct {
		text string
		want []entry
	}{
		{"", nil},
		{"\n \t\f\n# a=b\n  ! a=b\\\n", nil},
		{"a=b", []entry{{line: 1, key: "a", value: "b"}}},
		{"a:b\rc d\r\ne\tf\n\n  g  =  h  ", []entry{
			{line: 1, key: "a", value: "b"}, {line: 2, key: "c", value: "d"}, {line: 3, key: "e", value: "f"}, {line: 5, key: "g", value: "h  "},
		}},
		{"a==b\nc:=d\ne = :f\ng", []entry{
			{line: 1, key: "a", value: "=b"}, {line: 2, key: "c", value: "=d"}, {line: 3, key: "e", value: ":f"}, {line: 4, key: "g"},
		}},
		{"=b\n:c", []entry{{line: 1, value: "b"}, {line: 2, value: "c"}}},
		{"a=b\\\n   c\\\r\n\td\ne=f", []entry{{line: 1, key: "a", value: "bcd"}, {line: 4, key: "e", value: "f"}}},
		{"a=b\\\n# c", []entry{{line: 1, key: "a", value: "b# c"}}},
		{"a=b\\\n\nc=d", []entry{{line: 1, key: "a", value: "b"}, {line: 3, key: "c", value: "d"}}},
		{"# a\\\nb=c", []entry{{line: 2, key: "b", value: "c"}}},
		{"\\\n# a=b", []entry{{line: 1, key: "#", value: "a=b"}}},
		{"\\\n\na=b", []entry{{line: 3, key: "a", value: "b"}}},
		{"a=b\\\\\nc=d\\", []entry{{line: 1, key: "a", value: `b\`}, {line: 2, key: "c", value: "d"}}},
		{"last\\", []entry{{line: 1, key: "last"}}},
		{`a\ b\=c\:=d\=e`, []entry{{line: 1, key: "a b=c:", value: "d=e"}}},
		{`a=\t\n\r\f\q\"\\ \u0041\u00e9\ud83d\ude00 `, []entry{{line: 1, key: "a", value: "\t\n\r\fq\"\\ A\u00e9\U0001f600 "}}},
		{`\u0061=\u002`, nil},
		{`a=\uzzzz`, nil},
		{`\u12`, nil},
		{`\ a\t=b`, []entry{{line: 1, key: "a", value: "b"}}},
		{"a=\xe9", []entry{{line: 1, key: "a", value: "\u00e9"}}},
		{"k=\\ v \n\\#h=1", []entry{{line: 1, key: "k", value: " v "}, {line: 2, key: "#h", value: "1"}}},
	}
	for _, c := range cases {
		var r report
		got := r.parseProperties("", []byte(c.text))
		require.Equal(t, c.want, got, "%q", c.text)
		require.Equal(t, c.want == nil && len(c.text) > 0 && c.text[len(c.text)-1] != '\n', len(r.errs) > 0, "%q: %v", c.text, r.errs)
	}
}

func TestWords(t *testing.T) {
	cases := []struct {
		s    string
		want []string
		ok   bool
	}{
		{"", nil, true},
		{" \t\r\n", nil, true},
		{"a  b\n\tc", []string{"a", "b", "c"}, true},
		{`a" b "c'd "e'`, []string{`a b cd "e`}, true},
		{`"" ''x`, []string{"", "x"}, true},
		{`a\ b \"c\" "d\"\e\\" '\f'`, []string{`a b`, `"c"`, `d"\e\`, `\f`}, true},
		{"a\\\nb", []string{"ab"}, true},
		{"\"a\\\nb\"", []string{"ab"}, true},
		{`-Dx='$HOME *'`, []string{"-Dx=$HOME *"}, true},
		{`a "b`, []string{"a", "b"}, false},
		{`a 'b\`, []string{"a", `b\`}, false},
		{`a\`, nil, false},
		{`"a\`, nil, false},
	}
	for _, c := range cases {
		got, ok := splitWords(c.s)
		require.Equal(t, c.ok, ok, "%q", c.s)
		require.Equal(t, c.want, got, "%q", c.s)
	}
	_, err := load(alone, "", `-Dx="`)
	require.Equal(t, []string{"SERVER_JVMFLAGS:0 : syntax"}, problems(t, err))
	c, err := load(alone, "", `-Dzookeeper.DigestAuthenticationProvider.superDigest="super:D/InIHSb7yEEbrWz8b9l71RjZJU=" -D`)
	require.NoError(t, err)
	require.Equal(t, "super:D/InIHSb7yEEbrWz8b9l71RjZJU=", c.SuperDigest)
}
