package zoocfg

import (
	"strings"
)

// FlagsName is the File of what is said about the flags: the environment variable
// that zkServer.sh takes them from.
const FlagsName = "SERVER_JVMFLAGS"

// MaxFlagBytes bounds the flags. It is as much as Linux lets a variable hold.
const MaxFlagBytes = 128 << 10

// takeFlags keeps the system properties that the flags set. As in a JVM the last one
// of a name wins.
func (l *loader) takeFlags(flags string) {
	e := entry{file: FlagsName}
	if len(flags) > MaxFlagBytes {
		l.bad(e, ErrTooLarge, "%d bytes, at most %d", len(flags), MaxFlagBytes)
		return
	}
	words, ok := splitWords(flags)
	if !ok {
		l.bad(e, ErrSyntax, "a quote or a backslash has no end")
	}
	for _, word := range words {
		e := entry{file: FlagsName}
		definition, ok := strings.CutPrefix(word, "-D")
		e.key, e.value, _ = strings.Cut(definition, "=")
		if !ok {
			l.find(e, NoEffect, "there is no JVM")
			continue
		}
		l.judgeProperty(e, e.key)
		l.props[e.key] = e
	}
}

// splitWords cuts a string into words as a shell does: at white space, with quotes
// and backslashes taken away, but nothing expanded. It says false if a quote is not
// closed, or a backslash the last character.
func splitWords(s string) ([]string, bool) {
	var words []string
	var word strings.Builder
	begun, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote && quote != 0:
			quote = 0
			continue
		case quote == 0 && (c == '\'' || c == '"'):
			quote, begun = c, true
			continue
		case quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
			continue
		case c == '\\' && quote != '\'':
			if i+1 == len(s) {
				return words, false
			}
			next := s[i+1]
			if quote == 0 || strings.IndexByte("\"\\$`\n", next) >= 0 {
				if i++; next == '\n' {
					continue // the line goes on
				}
				c = next
			}
		}
		word.WriteByte(c)
		begun = true
	}
	if begun {
		words = append(words, word.String())
	}
	return words, quote == 0
}
