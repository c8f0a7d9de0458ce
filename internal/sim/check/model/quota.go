package model

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Quotas are looked up among the znodes each time they are wanted.

const quotas = "/zookeeper/quota"

// system says whether a path is ZooKeeper's own.
func system(path string) bool {
	return path == "/zookeeper" || strings.HasPrefix(path, "/zookeeper/")
}

// quotaOf returns where the quota that a path counts towards is kept, "" if there is
// none.
func (m *Model) quotaOf(path string) string {
	if system(path) {
		return ""
	}
	for ; path != "" && path != "/"; path = Parent(path) {
		if m.Now(quotas+path+"/zookeeper_limits") != nil {
			return quotas + path
		}
	}
	return ""
}

// numbers reads a text of a quota, as far as it is written in the usual way; nil if
// there is none. What it does not say is -1.
func (m *Model) numbers(path string) map[string]int64 {
	n := m.Now(path)
	if n == nil || n.Data == nil {
		return nil
	}
	all := map[string]int64{"count": -1, "bytes": -1, "countHardLimit": -1, "byteHardLimit": -1}
	for pair := range strings.SplitSeq(strings.ReplaceAll(string(n.Data), ";", ","), ",") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		v, err := strconv.ParseInt(strings.TrimSuffix(value, "="), 10, 64)
		if err != nil {
			return nil
		}
		all[key] = v
	}
	return all
}

// overQuota says whether a hard limit forbids so many more bytes and znodes.
func (m *Model) overQuota(path string, size, count int) bool {
	q := m.quotaOf(path)
	if q == "" || m.settings.SoftQuotas {
		return false
	}
	limits, have := m.numbers(q+"/zookeeper_limits"), m.numbers(q+"/zookeeper_stats")
	if limits == nil || have == nil {
		return false
	}
	over := func(limit, have int64, by int) bool { return by != 0 && limit >= 0 && have+int64(by) > limit }
	return over(limits["countHardLimit"], have["count"], count) || over(limits["byteHardLimit"], have["bytes"], size)
}

// tally counts so many more bytes and znodes at a path.
func (m *Model) tally(path string, size, count int) {
	q := m.quotaOf(path)
	if q == "" {
		return
	}
	if have := m.numbers(q + "/zookeeper_stats"); have != nil {
		m.setNumbers(q+"/zookeeper_stats", have["count"]+int64(count), have["bytes"]+int64(size), have)
	}
}

func (m *Model) setNumbers(path string, count, size int64, had map[string]int64) {
	n := *m.Now(path)
	n.Data = fmt.Appendf(nil, "count=%d,bytes=%d", count, size)
	before := "=;"
	for _, key := range slices.Sorted(maps.Keys(had)) {
		if key != "count" && key != "bytes" && had[key] >= 0 {
			n.Data = fmt.Appendf(n.Data, "%s%s=%d", before, key, had[key])
			before = ";"
		}
	}
	n.Stat.DataLength = int32(len(n.Data))
	m.put(path, &n)
}

// recount counts all there is when the znode that says so is created.
func (m *Model) recount(path string) {
	rest, ok := strings.CutPrefix(path, quotas)
	of, ends := strings.CutSuffix(rest, "/zookeeper_stats")
	if !ok || !ends || of == "" || system(of) {
		return
	}
	count, size := int64(0), int64(0)
	for _, n := range m.Subtree(of) {
		count, size = count+1, size+int64(len(n.Data))
	}
	m.setNumbers(path, count, size, nil)
}
