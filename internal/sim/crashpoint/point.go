package crashpoint

import (
	"fmt"
	"strconv"
	"strings"
)

// Point is one crash: before an operation of the disk, counted from 1, and what is
// found then; and, if Again is not 0, a second one before an operation of the recovery.
type Point struct {
	Op, Image         int
	Again, AgainImage int
}

// String returns what ParsePoint takes.
func (p Point) String() string {
	if p.Again == 0 {
		return fmt.Sprintf("%d/%d", p.Op, p.Image)
	}
	return fmt.Sprintf("%d/%d/%d/%d", p.Op, p.Image, p.Again, p.AgainImage)
}

// ParsePoint returns the point with a string.
func ParsePoint(s string) (Point, error) {
	var n []int
	for part := range strings.SplitSeq(s, "/") {
		i, err := strconv.Atoi(part)
		if err != nil {
			return Point{}, fmt.Errorf("crash point %q: %w", s, err)
		}
		n = append(n, i)
	}
	var p Point
	switch len(n) {
	case 2:
		p = Point{Op: n[0], Image: n[1]}
	case 4:
		p = Point{n[0], n[1], n[2], n[3]}
	default:
		return Point{}, fmt.Errorf("crash point %q: want OPERATION/IMAGE or OPERATION/IMAGE/OPERATION/IMAGE", s)
	}
	if p.Op < 1 || p.Again < 0 || min(p.Image, p.AgainImage) < 0 || max(p.Image, p.AgainImage) >= Images {
		return Point{}, fmt.Errorf("crash point %q: operations count from 1, images from 0 to %d", s, Images-1)
	}
	return p, nil
}

// Violation is something lost, or wrong, after a crash.
type Violation struct {
	Seed    uint64
	At      Point
	Step    string // of the script
	Message string
}

func (v *Violation) Error() string {
	s := fmt.Sprintf("seed %d, crash point %v, %s, in step %s", v.Seed, v.At, imageNames[v.At.Image], v.Step)
	if v.At.Again != 0 {
		s += fmt.Sprintf(", then in recovery, %s", imageNames[v.At.AgainImage])
	}
	return s + ": " + v.Message
}
