package difftest

import "testing"

// The same changes in the same order correspond, whatever their numbers.
func TestZxids(t *testing.T) {
	z := newZxids()
	for _, c := range []struct {
		a, b int64
		same bool
	}{
		{10, 5, true},
		{10, 5, true},
		{10, 6, false}, // known as another
		{11, 5, false},
		{20, 9, true},
		{15, 10, false}, // between two here, behind both there
		{15, 7, true},
		{5, 5, false},
		{4, 1, true},
	} {
		if got := z.same(c.a, c.b); got != c.same {
			t.Errorf("%d and %d: %v, not %v", c.a, c.b, got, c.same)
		}
	}
	for _, c := range []struct{ a, b int64 }{{3, 0}, {4, 1}, {9, 4}, {19, 8}, {20, 9}, {1000, 9}} {
		if i, j := z.rank(c.a, c.b); i != j {
			t.Errorf("%d has seen %d changes, %d has seen %d", c.a, i, c.b, j)
		}
	}
	if i, j := z.rank(20, 8); i == j {
		t.Errorf("20 and 8 have both seen %d changes", i)
	}
}
