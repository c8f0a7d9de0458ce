package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets less than two percent wide, so that a
// caller's latencies cost it no allocation.
type histogram struct {
	counts [histBuckets]uint32
	total  uint64
}

const (
	histSub     = 6 // 64 buckets to each power of two
	histBuckets = (40 - histSub) << histSub
)

func bucketOf(d time.Duration) int {
	n := uint64(max(d, 0))
	shift := bits.Len64(n) - histSub - 1
	if shift <= 0 {
		return int(n)
	}
	return min(shift<<histSub+int(n>>shift), histBuckets-1)
}

// bucketTop is the greatest duration that falls into bucket i.
func bucketTop(i int) time.Duration {
	if i < 2<<histSub {
		return time.Duration(i)
	}
	shift := i>>histSub - 1
	low := uint64(i-shift<<histSub) << shift
	return time.Duration(low + 1<<shift - 1)
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
}

// quantile returns a duration that the share q of all is not above.
func (h *histogram) quantile(q float64) time.Duration {
	rest := uint64(q * float64(h.total))
	for i, n := range h.counts {
		if uint64(n) > rest {
			return bucketTop(i)
		}
		rest -= uint64(n)
	}
	return bucketTop(histBuckets - 1)
}
