package check

import (
	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/session/protocol"
)

type Slices struct{}

func (s Slices) withDefaults() Slices { return s }

type slicer struct{ config Slices }
type SliceOp struct{}

func (c *Checker) sliceEntry(p *model.Prediction) error                    { return nil }
func (c *Checker) sliceSubmitted(cl *client, k *call, what *protocol.Call) {}
func (c *Checker) sliceAnswered(k *call, a *protocol.Answer) error         { return nil }
func (c *Checker) sliceUnanswered(k *call)                                 {}
