package zoocfg

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// MaxFileBytes and MaxLines bound each file that is read.
const (
	MaxFileBytes = 1 << 20
	MaxLines     = 10_000
)

// entry is one setting and where it is from.
type entry struct {
	file  string
	line  int
	key   string
	value string
}

// parseProperties reads the syntax of java.util.Properties, from text in Latin-1 as
// its load(InputStream) does, and returns all settings in their order. Keys are
// without blanks around, as QuorumPeerConfig takes them.
func (r *report) parseProperties(file string, text []byte) []entry {
	var entries []entry
	lines := splitLines(text)
	if len(lines) > MaxLines {
		r.bad(entry{file: file}, ErrTooLarge, "%d lines, at most %d", len(lines), MaxLines)
		return nil
	}
	for i := 0; i < len(lines); {
		first := i
		logical := strings.TrimLeft(lines[i], blanks)
		i++
		if logical == "" || logical[0] == '#' || logical[0] == '!' {
			continue
		}
		if continued(logical) {
			var b strings.Builder
			for continued(logical) {
				b.WriteString(logical[:len(logical)-1])
				if logical = ""; i < len(lines) {
					logical = strings.TrimLeft(lines[i], blanks)
					i++
				}
			}
			if b.WriteString(logical); b.Len() == 0 {
				continue
			}
			logical = b.String()
		}
		e, ok := parseLine(logical)
		e.file, e.line = file, first+1
		if !ok {
			r.bad(e, ErrSyntax, `\u without four hexadecimal digits`)
			continue
		}
		entries = append(entries, e)
	}
	return entries
}

// blanks is white space within a line.
const blanks = " \t\f"

// splitLines cuts at \n, \r and \r\n. Each byte of a line is a character.
func splitLines(text []byte) []string {
	s := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text))
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// continued says whether a line ends with an odd number of backslashes.
func continued(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// parseLine cuts a logical line at the first =, : or blank that is not escaped, with
// blanks and at most one = or : after the key dropped.
func parseLine(line string) (entry, bool) {
	n := 0
	for n < len(line) && !strings.ContainsRune("=:"+blanks, rune(line[n])) {
		if line[n] == '\\' {
			n++
		}
		n++
	}
	n = min(n, len(line))
	value := strings.TrimLeft(line[n:], blanks)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], blanks)
	}
	k, ok1 := unescape(line[:n])
	v, ok2 := unescape(value)
	return entry{key: trim(k), value: v}, ok1 && ok2
}

// unescape makes UTF-8 of Latin-1 with escapes. It says false if \u is not followed by
// four hexadecimal digits.
func unescape(s string) (string, bool) {
	units := make([]uint16, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' {
			units = append(units, uint16(c))
			continue
		}
		i++
		if i == len(s) {
			break
		}
		switch c = s[i]; c {
		case 't':
			c = '\t'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 'f':
			c = '\f'
		case 'u':
			if len(s)-i < 5 {
				return "", false
			}
			u, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
			if err != nil {
				return "", false
			}
			units = append(units, uint16(u))
			i += 4
			continue
		}
		units = append(units, uint16(c))
	}
	return string(utf16.Decode(units)), true
}

// trim is Java's String.trim.
func trim(s string) string {
	return strings.TrimFunc(s, func(c rune) bool { return c <= ' ' })
}

// split is Java's String.split by one character: empty parts at the end are dropped.
func split(s, sep string) []string {
	if s == "" {
		return []string{""}
	}
	parts := strings.Split(s, sep)
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}
