package check

import (
	"errors"

	"github.com/anishathalye/porcupine"
)

// maxSteps bounds the search for an order, in steps and not in time, so that the
// same slice always gets the same verdict.
const maxSteps = 200_000

// judge has porcupine search for an order in which the operations of a slice can
// have taken effect. It knows nothing of zxids.
func judge(s *Slice) error { return judgeWithin(s, maxSteps) }

var errIllegal = errors.New("there is no order for it")

func judgeWithin(s *Slice, budget int) error {
	m := porcupine.Model{
		Init: func() any { return s.Init },
		Step: func(state, in, out any) (bool, any) {
			if budget--; budget < 0 {
				return false, state // so that the search ends
			}
			ok, next := state.(SliceState).Step(in.(*SliceOp))
			return ok, next
		},
		Equal: func(a, b any) bool { return a.(SliceState).Equal(b.(SliceState)) },
	}
	history := make([]porcupine.Operation, len(s.Ops))
	for i, o := range s.Ops {
		history[i] = porcupine.Operation{ClientId: o.Client + 1, Input: o, Call: o.Call, Return: o.Return}
	}
	switch legal := porcupine.CheckOperations(m, history); {
	case legal:
		return nil
	case budget < 0:
		return ErrUndecided
	}
	return errIllegal
}
