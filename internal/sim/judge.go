package sim

import (
	"errors"

	"github.com/anishathalye/porcupine"

	"github.com/zabtree/zabtree/internal/sim/check"
)

// sliceRoot is the subtree whose history an independent judge looks at.
const sliceRoot = "/slice"

// judgeSteps bounds the search for an order, in steps and not in time, so that the same
// slice always gets the same verdict.
const judgeSteps = 200_000

var errNotLinearizable = errors.New("no order explains what the clients of a slice saw")

// judge has porcupine search for an order in which the operations of a slice can
// have taken effect; it knows nothing of zxids.
func judge(s *check.Slice) error {
	budget := judgeSteps
	m := porcupine.Model{
		Init: func() any { return s.Init },
		Step: func(state, in, out any) (bool, any) {
			if budget--; budget < 0 {
				return false, state // so that the search ends
			}
			ok, next := state.(check.SliceState).Step(in.(*check.SliceOp))
			return ok, next
		},
		Equal: func(a, b any) bool { return a.(check.SliceState).Equal(b.(check.SliceState)) },
	}
	history := make([]porcupine.Operation, len(s.Ops))
	for i, o := range s.Ops {
		history[i] = porcupine.Operation{ClientId: o.Client + 1, Input: o, Call: o.Call, Return: o.Return}
	}
	switch legal := porcupine.CheckOperations(m, history); {
	case legal:
		return nil
	case budget < 0:
		return check.ErrUndecided
	}
	return errNotLinearizable
}
