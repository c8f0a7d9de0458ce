package plant_test

import (
	"errors"
	"testing"

	"github.com/zabtree/zabtree/internal/sim/plant"
)

func TestExploreJudge(t *testing.T) {
	x := plant.Explore{Package: "p"}
	good := []byte(`progress
[{"name":"a","states":3,"depth":2,"complete":true},{"name":"b","states":4,"complete":true}]`)
	found := []byte(`[{"name":"a","states":3,"complete":true},{"name":"b","states":4,"broken":"agreement","found":"1 and 2"}]`)
	v, err := x.Judge(&plant.Exit{Stdout: good})
	if err != nil || v.Found || v.Seeds != 2 || v.Events != 7 {
		t.Errorf("%+v, %v", v, err)
	}
	v, err = x.Judge(&plant.Exit{Code: 1, Stdout: found})
	if err != nil || !v.Found || v.Checker != plant.Explorer || v.Seed != "b" || v.Message != "agreement: 1 and 2" {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err = x.Judge(&plant.Exit{Code: 1, Stdout: good}); err == nil {
		t.Errorf("a failure without a finding: %+v", v)
	}
	var wrong *plant.ResultError
	if v, err = x.Judge(&plant.Exit{Stdout: []byte("nothing")}); !errors.As(err, &wrong) {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err = x.Judge(&plant.Exit{Code: -1, OverBudget: true}); !errors.Is(err, plant.ErrOverBudget) {
		t.Error(err)
	}
	if v, err = x.Judge(&plant.Exit{Code: 2, Stderr: []byte("panic: boom\n\ngoroutine 1 [running]:\n")}); err != nil || v.Checker != plant.NoPanic {
		t.Errorf("%+v, %v", v, err)
	}
}
