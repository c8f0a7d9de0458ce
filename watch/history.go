package watch

import (
	"errors"
	"fmt"
	"iter"

	"github.com/zabtree/zabtree/tree"
)

// HistoryConfig bounds a History. Zero fields mean the defaults.
type HistoryConfig struct {
	// MaxChanges is how many changes are kept at most. Default 1<<18.
	MaxChanges int
	// MaxBytes is how many bytes the kept changes may hold, by History's own
	// conservative count. Default 64 MiB.
	MaxBytes int64
}

// Validate returns everything that is wrong with c, joined.
func (c HistoryConfig) Validate() error {
	var errs []error
	if c.MaxChanges < 0 {
		errs = append(errs, fmt.Errorf("watch: HistoryConfig.MaxChanges is %d, less than 0", c.MaxChanges))
	}
	if c.MaxBytes < 0 {
		errs = append(errs, fmt.Errorf("watch: HistoryConfig.MaxBytes is %d, less than 0", c.MaxBytes))
	}
	return errors.Join(errs...)
}

func (c HistoryConfig) withDefaults() HistoryConfig {
	if c.MaxChanges == 0 {
		c.MaxChanges = 1 << 18
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 64 << 20
	}
	return c
}

// History keeps the newest changes of a replica, all of those in (Floor, Last].
// Entries that changed nothing take no room, so its reach in zxids has no bound
// of its own. It is a step machine for one goroutine.
//
// The count of bytes is of what the history alone keeps alive: the change, its
// path, and the znode that the change replaced or deleted, with its data and, if
// that went too, its ACL. The znode after a change is either in the tree, or was
// itself replaced by a later change that the history holds too, and is counted
// there.
type History struct {
	config  HistoryConfig
	changes []tree.Change // a ring, grown to MaxChanges as needed
	costs   []int64       // of each; else evicting would have to look at old znodes again
	head, n int
	bytes   int64
	floor   int64
	last    int64
}

// changeOverhead is the size of a change in the ring and of the two znodes that
// it points to, rounded up.
const changeOverhead = 512

// aclEntryBytes is the size of one entry of an ACL besides its strings.
const aclEntryBytes = 64

// costOf returns how many bytes the history keeps alive by holding c.
func costOf(c *tree.Change) int64 {
	n := changeOverhead + len(c.Path)
	if c.Before != nil {
		n += len(c.Before.Data())
		if c.Kind == tree.ACLSet || c.Kind == tree.Deleted {
			n += aclBytes(c.Before)
		}
	}
	return int64(n)
}

// aclBytes counts the ACL as if no other znode shared it.
func aclBytes(z *tree.Znode) (n int) {
	for _, a := range z.ACL() {
		n += aclEntryBytes + len(a.ID.Scheme) + len(a.ID.ID)
	}
	return n
}

// NewHistory returns an empty history of a state that is at zxid (0: an empty
// one), or what is wrong with config.
func NewHistory(config HistoryConfig, zxid int64) (*History, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &History{config: config.withDefaults(), floor: zxid, last: zxid}, nil
}

// Append adds the changes of the entries in (after, through], in order; there may
// be none. It evicts the oldest changes as needed. If after lies beyond Last,
// entries are missing and the history starts anew there. On ErrOrder nothing was
// changed. The slice is not kept, the znodes are.
func (h *History) Append(after, through int64, changes []tree.Change) error {
	if after < h.last || through < after {
		return fmt.Errorf("%w: (%d,%d] after %d", ErrOrder, after, through, h.last)
	}
	prev := after + 1
	for i := range changes {
		if z := changes[i].Zxid; z < prev || z > through {
			return fmt.Errorf("%w: zxid %d in (%d,%d] after %d", ErrOrder, z, after, through, prev)
		}
		prev = changes[i].Zxid
	}
	if after > h.last {
		h.reset(after)
	}
	for i := range changes {
		h.push(&changes[i])
	}
	h.last = through
	return nil
}

func (h *History) push(c *tree.Change) {
	cost := costOf(c)
	for h.n > 0 && (h.n == h.config.MaxChanges || h.bytes+cost > h.config.MaxBytes) {
		h.evict()
	}
	if cost > h.config.MaxBytes {
		h.floor = c.Zxid
		return
	}
	if h.n == len(h.changes) {
		h.grow()
	}
	i := (h.head + h.n) % len(h.changes)
	h.changes[i], h.costs[i] = *c, cost
	h.n++
	h.bytes += cost
}

func (h *History) grow() {
	bigger := make([]tree.Change, min(max(64, 2*len(h.changes)), h.config.MaxChanges))
	a, b := h.split(0)
	copy(bigger[copy(bigger, a):], b)
	costs := make([]int64, len(bigger))
	copy(costs[copy(costs, h.costs[h.head:]):], h.costs[:h.head])
	h.changes, h.costs, h.head = bigger, costs, 0
}

func (h *History) evict() {
	c := &h.changes[h.head]
	h.floor = c.Zxid
	h.bytes -= h.costs[h.head]
	*c = tree.Change{}
	h.head = (h.head + 1) % len(h.changes)
	h.n--
}

// Gap says that the state was replaced by a snapshot at zxid. Nothing before can
// be had any more. A zxid below Last is ErrOrder: state does not go back.
func (h *History) Gap(zxid int64) error {
	if zxid < h.last {
		return fmt.Errorf("%w: snapshot at %d after %d", ErrOrder, zxid, h.last)
	}
	h.reset(zxid)
	return nil
}

func (h *History) reset(zxid int64) {
	clear(h.changes)
	h.head, h.n, h.bytes = 0, 0, 0
	h.floor, h.last = zxid, zxid
}

// Since returns the changes in (zxid, Last], oldest first. The error is ErrGone
// if zxid is below Floor, ErrAhead if it is above Last. The sequence must be read
// before the history changes again.
func (h *History) Since(zxid int64) (iter.Seq[tree.Change], error) {
	older, newer, err := h.spans(zxid)
	if err != nil {
		return nil, err
	}
	return func(yield func(tree.Change) bool) {
		for _, part := range [2][]tree.Change{older, newer} {
			for i := range part {
				if !yield(part[i]) {
					return
				}
			}
		}
	}, nil
}

// spans is Since as the two stretches of the ring that hold the changes.
func (h *History) spans(zxid int64) (older, newer []tree.Change, err error) {
	switch {
	case zxid < h.floor:
		return nil, nil, fmt.Errorf("%w: asked for (%d,%d], kept is (%d,%d]", ErrGone, zxid, h.last, h.floor, h.last)
	case zxid > h.last:
		return nil, nil, fmt.Errorf("%w: %d, applied up to %d", ErrAhead, zxid, h.last)
	}
	lo, hi := 0, h.n
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if h.changes[(h.head+mid)%len(h.changes)].Zxid <= zxid {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	older, newer = h.split(lo)
	return older, newer, nil
}

// split returns the changes from the skip-th on, as the ring holds them.
func (h *History) split(skip int) (older, newer []tree.Change) {
	from, to := h.head+skip, h.head+h.n
	size := len(h.changes)
	switch {
	case to <= size:
		return h.changes[from:to], nil
	case from < size:
		return h.changes[from:], h.changes[:to-size]
	}
	return h.changes[from-size : to-size], nil
}

// Floor returns the lowest zxid that Since accepts.
func (h *History) Floor() int64 { return h.floor }

// Last returns the zxid up to which changes were appended.
func (h *History) Last() int64 { return h.last }

// Len returns how many changes are kept.
func (h *History) Len() int { return h.n }

// Bytes returns how many bytes the kept changes hold, by the conservative count.
func (h *History) Bytes() int64 { return h.bytes }
