package tree

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Quotas are ZooKeeper's (3.8): the znode /zookeeper/quota/PATH/zookeeper_limits limits
// how many znodes there may be at and below PATH, and how many bytes of data they may
// have; zookeeper_stats beside it says how many there are, and is kept up to date by
// apply. That it is shows in the data of zookeeper_stats and nowhere else: no version,
// time or zxid of it changes, and there is no Change.
//
// Everything is in the tree: a State keeps nothing but which paths have limits. What
// stands in the two znodes is read each time; what nobody can read limits nothing, and
// is not counted on.
//
//   - A znode counts towards the quota nearest above it, or of itself; counting begins
//     anew, with all that is there, when zookeeper_stats is created.
//   - Znodes at and below /zookeeper count towards none, and there is no quota of the
//     root.
//   - A hard limit is enforced, unless [Settings] say otherwise, with all that an
//     earlier operation, of the same multi too, has added. A soft limit is for those
//     who look.

const (
	limitsName = "zookeeper_limits"
	statsName  = "zookeeper_stats"
)

// quota says where that of a path is kept.
type quota struct{ limits, stats string }

// quotaOf returns the path that a znode with this name, below /zookeeper/quota, is of.
func quotaOf(path, name string) (of string, ok bool) {
	if !strings.HasPrefix(path, quotaPath+"/") || !strings.HasSuffix(path, "/"+name) {
		return "", false
	}
	of = path[len(quotaPath) : len(path)-len(name)-1]
	return of, of != "" && !ofSystem(of)
}

// ofSystem says whether a path is at or below /zookeeper.
func ofSystem[T string | []byte](path T) bool {
	return len(path) >= len(systemPath) && string(path[:len(systemPath)]) == systemPath &&
		(len(path) == len(systemPath) || path[len(systemPath)] == '/')
}

// noteLimits takes the creation or deletion of a znode, which may be that of limits.
func (s *State) noteLimits(path string, exists bool) {
	of, ok := quotaOf(path, limitsName)
	switch {
	case !ok:
	case !exists:
		delete(s.quotas, of)
	default:
		s.quotas[of] = quota{path, path[:len(path)-len(limitsName)] + statsName}
	}
}

// quotaFor returns the quota that a znode at path counts towards.
func (s *State) quotaFor(path []byte) (quota, bool) {
	if len(s.quotas) == 0 || ofSystem(path) {
		return quota{}, false
	}
	for len(path) > 0 {
		if q, ok := s.quotas[string(path)]; ok {
			return q, true
		}
		path = path[:max(bytes.LastIndexByte(path, '/'), 0)]
	}
	return quota{}, false
}

// overQuota says whether so many more bytes and znodes at path are more than a hard
// limit allows.
func (s *State) overQuota(path []byte, size, count int64) bool {
	if len(s.quotas) == 0 || s.settings.SoftQuotas {
		return false
	}
	q, ok := s.quotaFor(path)
	if !ok {
		return false
	}
	limits, ok := s.track(q.limits)
	if !ok {
		return false
	}
	have, ok := s.track(q.stats)
	if !ok {
		return false
	}
	if limit, ok := limits.limit("countHardLimit"); ok && count != 0 && have.count+count > limit {
		return true
	}
	limit, ok := limits.limit("byteHardLimit")
	return ok && size != 0 && have.bytes+size > limit
}

// tally counts so many more bytes and znodes at path.
func (s *State) tally(path []byte, size, count int64) {
	if len(s.quotas) == 0 {
		return
	}
	q, ok := s.quotaFor(path)
	if !ok {
		return
	}
	if have, ok := s.track(q.stats); ok {
		s.setTrack(s.index[q.stats].newest, have.count+count, have.bytes+size, have.more)
	}
}

// recount counts everything at and below a path anew, for the stats that were just
// created.
func (s *State) recount(stats *Znode) {
	of, ok := quotaOf(stats.path, statsName)
	if !ok {
		return
	}
	var count, size int64
	add := func(p *place) {
		count++
		size += int64(len(p.newest.data))
	}
	if at := s.index[of]; at != nil {
		add(at)
		s.order.live.AscendGreaterOrEqual(&place{path: of, parent: of}, func(p *place) bool {
			if p.parent == of {
				add(p)
			}
			return p.parent == of
		})
		below := of + "/"
		s.order.live.AscendGreaterOrEqual(&place{path: below, parent: below}, func(p *place) bool {
			if strings.HasPrefix(p.parent, below) {
				add(p)
				return true
			}
			return false
		})
	}
	s.setTrack(stats, count, size, nil)
}

// setTrack writes numbers into a znode of stats.
func (s *State) setTrack(z *Znode, count, size int64, more map[string]int64) {
	data := strconv.AppendInt(append(make([]byte, 0, 32), "count="...), count, 10)
	data = strconv.AppendInt(append(data, ",bytes="...), size, 10)
	for i, key := range slices.Sorted(maps.Keys(more)) {
		if i == 0 {
			data = append(data, '=') // so that old readers stop here
		}
		data = append(append(append(data, ';'), key...), '=')
		data = strconv.AppendInt(data, more[key], 10)
	}
	if bytes.Equal(data, z.data) {
		return
	}
	if z.token != s.token {
		c := *z
		c.token = s.token
		c.setData(data)
		c.hash = c.rehash()
		s.swap(z, &c)
		return
	}
	// Nobody has seen this version: change it in place.
	s.sum -= z.hash
	z.setData(data)
	z.hash = z.rehash()
	s.sum += z.hash
}

// track is what limits or stats say; -1 for what they do not.
type track struct {
	count, bytes int64
	more         map[string]int64 // everything else, which stats have only if they were written to
}

// limit returns a limit, and false if there is none.
func (t *track) limit(key string) (int64, bool) {
	n, ok := t.more[key]
	return n, ok && n > -1
}

// track reads the znode at path; false if there is none, or nothing to be read.
func (s *State) track(path string) (track, bool) {
	at := s.index[path]
	if at == nil {
		return track{}, false
	}
	return parseTrack(at.newest.data)
}

// parseTrack reads pairs such as count=1,bytes=2=;countHardLimit=3 as ZooKeeper's
// StatsTrack does: a number may be empty, and something else may follow it.
func parseTrack(b []byte) (t track, ok bool) {
	t = track{count: -1, bytes: -1}
	if b == nil {
		return t, false
	}
	separator := func(r rune) bool { return r == ',' || r == ';' }
	for rest := bytes.TrimRightFunc(b, separator); len(rest) > 0; {
		pair := rest
		if i := bytes.IndexFunc(rest, separator); i >= 0 {
			pair, rest = rest[:i], bytes.TrimLeftFunc(rest[i:], separator)
		} else {
			rest = nil
		}
		key, value, ok := bytes.Cut(bytes.TrimRight(pair, "="), []byte("="))
		if !ok {
			return t, false
		}
		n := int64(-1)
		if value, _, _ = bytes.Cut(value, []byte("=")); len(value) > 0 {
			var err error
			if n, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return t, false
			}
		}
		switch string(key) {
		case "count":
			t.count = n
		case "bytes":
			t.bytes = n
		default:
			if t.more == nil {
				t.more = map[string]int64{}
			}
			t.more[string(key)] = n
		}
	}
	return t, true
}
