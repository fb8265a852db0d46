package lars_test

import (
	"math"
	"sync"
	"testing"

	"github.com/liblars/liblars/bindings/go/lars"
)

// A schedule that cannot be made tells why, wherever it goes.
func TestSchedulesThatCannotBeMade(t *testing.T) {
	wrong := lars.ConstantSchedule(math.NaN())
	joined := lars.JoinSchedules(lars.ConstantSchedule(1), lars.Then{From: 5, Schedule: wrong})
	opt := newOptimizer(t, 2)
	_, valueError := wrong.Value(0)
	for _, err := range []error{
		wrong.Err(), joined.Err(), valueError,
		opt.SetSchedule(lars.All, lars.LearningRate, wrong),
		opt.SetScheduleIf(func(lars.Parameter) bool { return true }, lars.LearningRate, joined),
	} {
		wantError(t, err, lars.ErrValue)
		if err.Error() != wrong.Err().Error() {
			t.Errorf("%q, not %q", err, wrong.Err())
		}
	}
	if err := lars.ConstantSchedule(1).Err(); err != nil {
		t.Error(err)
	}
}

// One that can be made may still have no value.
func TestSchedulesWithoutValue(t *testing.T) {
	_, err := lars.FuncSchedule(func(uint64) float64 { return math.Inf(1) }).Value(4)
	wantError(t, err, lars.ErrCallback)
	if err.Error() != "lars: the schedule has no value at step 4" {
		t.Errorf("%q", err)
	}
}

func TestNoSchedule(t *testing.T) {
	opt := newOptimizer(t, 2)
	wantError(t, opt.SetSchedule(lars.All, lars.LearningRate, nil), lars.ErrArgument)
	wantError(t, lars.JoinSchedules(nil).Err(), lars.ErrArgument)
	var none *lars.Schedule
	_, err := none.Value(0)
	wantError(t, err, lars.ErrArgument)
}

// Optimizers on several goroutines may share a function.
func TestSharedFunctions(t *testing.T) {
	schedule := lars.FuncSchedule(func(step uint64) float64 { return 1 / float64(step+1) })
	var group sync.WaitGroup
	for range 4 {
		opt := newOptimizer(t, 2)
		check(t, opt.SetSchedule("p*", lars.LearningRate, schedule))
		check(t, opt.SetSchedule(lars.All, lars.Eps, schedule)) // once more
		group.Add(1)
		go func() {
			defer group.Done()
			w, g := lars.List(filled(2, 1)), lars.List(filled(2, 1))
			for range 50 {
				if _, err := opt.Step(w, g); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
}

// Without a function, the library says what is missing.
func TestFunctionsThatAreNil(t *testing.T) {
	opt := newOptimizer(t, 2)
	none := lars.FuncSchedule(nil)
	_, valueError := none.Value(0)
	_, missingError := (*lars.Schedule)(nil).Value(0)
	for _, err := range []error{
		none.Err(), valueError, opt.SetSchedule(lars.All, lars.LearningRate, none),
		opt.SetIf(nil, lars.Eps, 1), opt.SetScheduleIf(nil, lars.Eps, lars.ConstantSchedule(1)),
		(*lars.Schedule)(nil).Err(), missingError, opt.SetSchedule(lars.All, lars.LearningRate, nil),
	} {
		wantError(t, err, lars.ErrArgument)
		if err != nil && err.Error() == "lars: " {
			t.Error("no message")
		}
	}
}
