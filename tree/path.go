package tree

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The znodes that exist from the start and cannot be deleted, besides the root.
const (
	systemPath = "/zookeeper"
	quotaPath  = "/zookeeper/quota"
	configPath = "/zookeeper/config"
)

// ValidatePath checks a path against ZooKeeper's rules: it starts with a slash,
// does not end with one unless it is the root, has no empty component and none
// that is "." or "..", is valid UTF-8, and has no character in U+0000-001F,
// U+007F-009F, U+D800-F8FF, U+FFF0-FFFF or above U+FFFF. The error wraps
// ErrBadPath and says what is wrong.
func ValidatePath(path string) error {
	if fault := pathFault(path); fault != "" {
		return fmt.Errorf("%w: %s", ErrBadPath, fault)
	}
	return nil
}

// prefixFault is pathFault for a path that gets digits appended before it is
// used, so that "/a/" and "/a/.." will do.
func prefixFault(path string) string {
	if n := len(path); n > 0 && (path[n-1] == '/' || path[n-1] == '.') {
		return pathFault(path + "0")
	}
	return pathFault(path)
}

func pathFault[T string | []byte](path T) string {
	switch {
	case len(path) == 0:
		return "empty"
	case path[0] != '/':
		return "does not start with a slash"
	case len(path) == 1:
		return ""
	case path[len(path)-1] == '/':
		return "ends with a slash"
	}
	start := 1 // of the current component
	for i := 1; i < len(path); {
		switch c := path[i]; {
		case c == '/':
			if fault := componentFault(path[start:i]); fault != "" {
				return fault
			}
			i++
			start = i
		case c < 0x20 || c == 0x7f:
			return "has a control character"
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := decodeRune(path[i:])
			if fault := runeFault(r, n); fault != "" {
				return fault
			}
			i += n
		}
	}
	return componentFault(path[start:])
}

func componentFault[T string | []byte](name T) string {
	switch {
	case len(name) == 0:
		return "has an empty component"
	case len(name) == 1 && name[0] == '.', len(name) == 2 && name[0] == '.' && name[1] == '.':
		return "has a relative component"
	}
	return ""
}

func decodeRune[T string | []byte](s T) (rune, int) {
	return utf8.DecodeRuneInString(string(s[:min(len(s), utf8.UTFMax)]))
}

func runeFault(r rune, size int) string {
	switch {
	case r == utf8.RuneError && size <= 1:
		return "is not UTF-8"
	case r <= 0x9f:
		return "has a control character"
	case r >= 0xd800 && r <= 0xf8ff, r >= 0xfff0:
		return "has a character that ZooKeeper does not allow"
	}
	return ""
}

// parentOf returns the path of the parent of a valid path, "" for the root.
func parentOf(path string) string {
	if path == "/" {
		return ""
	}
	return path[:max(1, strings.LastIndexByte(path, '/'))]
}

// reserved says whether the path may not be deleted.
func reserved[T string | []byte](path T) bool {
	switch string(path) {
	case "/", systemPath, quotaPath, configPath:
		return true
	}
	return false
}

// appendSequence appends n as ZooKeeper appends it to a name: %010d, the sign
// counted (2147483647 is followed by -2147483648).
func appendSequence(dst []byte, n int32) []byte {
	v, width := int64(n), 10
	if v < 0 {
		dst, v, width = append(dst, '-'), -v, 9
	}
	var digits [10]byte
	at := len(digits)
	for v > 0 || len(digits)-at < width {
		at--
		digits[at] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, digits[at:]...)
}
