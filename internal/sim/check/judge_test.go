package check

import (
	"errors"
	"time"

	"github.com/anishathalye/porcupine"
)

var (
	errNotLinearizable = errors.New("not linearizable")
	errUndecided       = errors.New("not decided in time")
)

// judge has porcupine search for an order in which the operations of a slice can
// have taken effect. It knows nothing of zxids.
func judge(s *Slice) error {
	m := porcupine.Model{
		Init: func() any { return s.Init },
		Step: func(state, in, out any) (bool, any) {
			ok, next := state.(SliceState).Step(in.(*SliceOp))
			return ok, next
		},
		Equal: func(a, b any) bool { return a.(SliceState).Equal(b.(SliceState)) },
	}
	history := make([]porcupine.Operation, len(s.Ops))
	for i, o := range s.Ops {
		history[i] = porcupine.Operation{ClientId: o.Client + 1, Input: o, Call: o.Call, Return: o.Return}
	}
	switch porcupine.CheckOperationsTimeout(m, history, 2*time.Second) {
	case porcupine.Illegal:
		return errNotLinearizable
	case porcupine.Unknown:
		return errUndecided
	}
	return nil
}
