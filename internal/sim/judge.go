package sim

import (
	"errors"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/zabtree/zabtree/internal/sim/check"
)

// sliceRoot is the subtree whose history an independent judge looks at.
const sliceRoot = "/hot"

var errNotLinearizable = errors.New("no order explains what the clients of a slice saw")

// judge has porcupine search for an order in which the operations of a slice can
// have taken effect; it knows nothing of zxids. A slice that it cannot decide in a
// second says nothing.
func judge(s *check.Slice) error {
	m := porcupine.Model{
		Init: func() any { return s.Init },
		Step: func(state, in, out any) (bool, any) {
			ok, next := state.(check.SliceState).Step(in.(*check.SliceOp))
			return ok, next
		},
		Equal: func(a, b any) bool { return a.(check.SliceState).Equal(b.(check.SliceState)) },
	}
	history := make([]porcupine.Operation, len(s.Ops))
	for i, o := range s.Ops {
		history[i] = porcupine.Operation{ClientId: o.Client + 1, Input: o, Call: o.Call, Return: o.Return}
	}
	if porcupine.CheckOperationsTimeout(m, history, time.Second) == porcupine.Illegal {
		return errNotLinearizable
	}
	return nil
}
