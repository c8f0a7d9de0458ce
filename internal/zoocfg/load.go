package zoocfg

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// loader is a Load under way.
type loader struct {
	report
	open  func(path string) (io.ReadCloser, error)
	file  string           // the zoo.cfg
	keys  map[string]entry // those of ownKeys
	props map[string]entry // system properties, by full names

	noPort bool // a client port is wrong, and was refused
}

// read returns the content of a file, of at most limit bytes.
func (l *loader) read(path string, limit int) ([]byte, bool) {
	e := &Error{File: path}
	content, err := readAll(l.open, path, limit)
	switch {
	case err != nil:
		e.Kind, e.Cause = ErrRead, err
		if errors.Is(err, fs.ErrNotExist) {
			e.Kind = ErrMissing
		}
	case len(content) > limit:
		e.Kind, e.Detail = ErrTooLarge, fmt.Sprintf("more than %d bytes", limit)
	default:
		return content, true
	}
	l.add(e)
	return nil, false
}

// readAll returns the content of a file, or limit + 1 bytes if there are more.
func readAll(open func(string) (io.ReadCloser, error), path string, limit int) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	return content, errors.Join(err, f.Close())
}

// settle returns the last entry of each key, and finds those that are overridden.
func (r *report) settle(entries []entry) []entry {
	final := map[string]int{}
	for i, e := range entries {
		final[e.key] = i
	}
	var kept []entry
	for i, e := range entries {
		if final[e.key] == i {
			kept = append(kept, e)
		} else {
			r.find(e, NoEffect, fmt.Sprintf("set again on line %d", entries[final[e.key]].line))
		}
	}
	return kept
}

// takeEntry puts an entry of the zoo.cfg where it belongs.
func (l *loader) takeEntry(e entry) {
	if ofMembers(e.key) || e.key == "version" {
		return
	}
	e.value = trim(e.value)
	if strings.HasPrefix(e.key, "metricsProvider.") {
		l.find(e, NoEffect, "")
		return
	}
	own, ok := ownKeys[e.key]
	if !ok {
		property := "zookeeper." + e.key
		l.judgeProperty(e, property)
		l.props[property] = e
		return
	}
	l.keys[e.key] = e
	switch {
	case !own.syntax.valid(e.value):
		l.bad(e, ErrSyntax, "not %s", own.syntax)
	case e.key == "electionAlg" && e.value != "3":
		l.bad(e, ErrUnsupported, "only 3 is")
	case e.key == "electionAlg":
		l.find(e, Deprecated, "there is only one algorithm")
	case e.key == "multiAddress.enabled":
		l.find(e, NoEffect, "as in Apache it counts only as a flag, -D"+propMultiAddress+"=...")
	case !own.effect:
		l.find(e, NoEffect, "")
	}
}

// refuseDemands refuses what is asked for and must not silently be done without.
func (l *loader) refuseDemands() {
	for _, key := range []string{"quorum.auth.enableSasl", "quorum.auth.serverRequireSasl", "quorum.auth.learnerRequireSasl"} {
		if l.boolean(key, false) {
			l.bad(l.keys[key], ErrUnsupported, "members cannot authenticate by SASL")
		}
	}
	if e, ok := l.keys["oraclePath"]; ok {
		l.bad(e, ErrUnsupported, "quorums by an oracle")
	}
	for _, d := range demands {
		if e, ok := l.props[d.name]; ok && !strings.EqualFold(e.value, d.harmless) {
			l.bad(e, ErrUnsupported, "only %s is", d.harmless)
		}
	}
}

func (l *loader) takeFiles(c *Config) {
	c.DataDir = l.keys["dataDir"].value
	c.DataLogDir = c.DataDir
	if c.DataDir == "" {
		l.bad(l.at("dataDir"), ErrMissing, "it must be set")
	}
	if e, ok := l.keys["dataLogDir"]; ok {
		if c.DataLogDir = e.value; e.value == "" {
			l.bad(e, ErrMissing, "it is empty")
		}
	}
}

func (l *loader) takeTimes(c *Config) {
	tick, fine := l.number("tickTime", 3000, 1, math.MaxInt32)
	shortest, _ := l.number("minSessionTimeout", -1, -1, math.MaxInt32)
	longest, _ := l.number("maxSessionTimeout", -1, -1, math.MaxInt32)
	if shortest == -1 {
		shortest = 2 * tick
	}
	if longest == -1 {
		if longest = 20 * tick; longest > math.MaxInt32 && fine {
			l.bad(l.at("tickTime"), ErrRange, "20 ticks, the default of maxSessionTimeout, are more than %d ms", math.MaxInt32)
			fine = false
		}
	}
	switch {
	case longest == 0:
		l.bad(l.at("maxSessionTimeout"), ErrRange, "no session could be")
	case shortest > longest && fine:
		l.bad(l.at("minSessionTimeout"), ErrConflict, "it is %d ms, and maxSessionTimeout %d ms", shortest, longest)
	}
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	c.TickTime, c.MinSessionTimeout, c.MaxSessionTimeout = ms(tick), ms(shortest), ms(longest)
	initLimit, _ := l.number("initLimit", 0, 0, math.MaxInt32)
	syncLimit, _ := l.number("syncLimit", 0, 0, math.MaxInt32)
	c.InitLimit, c.SyncLimit = int(initLimit), int(syncLimit)
}

func (l *loader) takeProperties(c *Config) {
	perHost, _ := l.number("maxClientCnxns", 60, math.MinInt32, math.MaxInt32)
	c.MaxClientCnxns = int(max(perHost, 0))
	c.QuorumListenOnAllIPs = l.boolean("quorumListenOnAllIPs", false)
	c.SSLQuorum = l.boolean("sslQuorum", false)
	c.Reconfig = l.boolean("reconfigEnabled", false)

	c.ExtendedTypes = l.truth(propExtended)
	c.EnforceQuota = l.truth(propEnforceQuota)
	c.ReadOnlyMode = l.truth(propReadOnly)
	c.SuperDigest = l.props[propSuperDigest].value
	c.MaxCnxns = l.integer(propMaxCnxns, 0, 0)
	c.SnapCount = l.integer(propSnapCount, 100_000, 2)
	c.MaxBuffer = l.integer(propMaxBuffer, 1<<20-1, math.MinInt32)
	if c.MaxBuffer < 1 {
		l.bad(l.props[propMaxBuffer], ErrRange, "no request could be read")
	}

	words := []string{"srvr"}
	if c.ReadOnlyMode {
		words = append(words, "isro")
	}
	for word := range strings.SplitSeq(l.props[propWhitelist].value, ",") {
		if word = trim(word); word == "*" {
			words = append(words, fourLetterWords...)
		} else if word != "" {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	c.FourLetterWords = slices.Compact(words)

	c.Properties = make(map[string]string, len(l.props))
	for name, e := range l.props {
		c.Properties[name] = e.value
	}
}

// takeClient returns where clients are served by the zoo.cfg alone. As in Apache, port
// 0 is none.
func (l *loader) takeClient(portKey, hostKey string) Addr {
	port, fine := l.number(portKey, 0, 0, math.MaxUint16)
	host, ok := l.keys[hostKey]
	switch {
	case !fine:
		l.noPort = true
		return Addr{}
	case port == 0 && ok:
		l.noPort = true
		l.bad(host, ErrMissing, "there is no %s to it", portKey)
		return Addr{}
	case port == 0:
		return Addr{}
	case !ok:
		return Addr{Host: "0.0.0.0", Port: uint16(port)}
	}
	name := host.value
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		name = name[1 : len(name)-1]
	}
	return Addr{Host: l.host(host, name), Port: uint16(port)}
}

// at returns the entry of a key, for what is said about it, also if there is none.
func (l *loader) at(key string) entry {
	if e, ok := l.keys[key]; ok {
		return e
	}
	return entry{file: l.file, key: key}
}

// number returns the value of a key or, with false if that is refused, its default. That
// it is a number was looked at already.
func (l *loader) number(key string, standard, low, high int64) (int64, bool) {
	e, ok := l.keys[key]
	if !ok {
		return standard, true
	}
	n, err := strconv.ParseInt(e.value, 10, 32)
	if err == nil && (n < low || n > high) {
		l.bad(e, ErrRange, "it is not %d to %d", low, high)
	}
	if err != nil || n < low || n > high {
		return standard, false
	}
	return n, true
}

func (l *loader) boolean(key string, standard bool) bool {
	if e, ok := l.keys[key]; ok {
		return strings.EqualFold(e.value, "true")
	}
	return standard
}

// truth is Java's Boolean.getBoolean, to which all but true is false.
func (l *loader) truth(property string) bool {
	e, ok := l.props[property]
	if ok && !boolean.valid(e.value) {
		l.find(e, Adjusted, "neither true nor false: false is taken")
	}
	return strings.EqualFold(e.value, "true")
}

// integer is Java's Integer.getInteger, which has the default for what it cannot
// read; what is below low becomes low.
func (l *loader) integer(property string, standard, low int) int {
	e, ok := l.props[property]
	if !ok {
		return standard
	}
	n, err := decode(e.value)
	switch {
	case err != nil:
		l.find(e, Adjusted, fmt.Sprintf("no whole number of 32 bits: %d is taken", standard))
		return standard
	case n < low:
		l.find(e, Adjusted, fmt.Sprintf("below %d, which is taken", low))
		return low
	}
	return n
}

// decode is Java's Integer.decode: decimal, 0x or # hexadecimal, 0 octal.
func decode(s string) (int, error) {
	sign, digits, base := "", s, 10
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, digits = s[:1], s[1:]
	}
	lower := strings.ToLower(digits)
	switch {
	case strings.HasPrefix(lower, "0x"):
		digits, base = digits[2:], 16
	case strings.HasPrefix(lower, "#"):
		digits, base = digits[1:], 16
	case len(digits) > 1 && digits[0] == '0':
		digits, base = digits[1:], 8
	}
	if strings.HasPrefix(digits, "-") || strings.HasPrefix(digits, "+") {
		return 0, strconv.ErrSyntax // a second sign
	}
	n, err := strconv.ParseInt(sign+digits, base, 32)
	return int(n), err
}
