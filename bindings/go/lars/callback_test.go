package lars_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/liblars/liblars/bindings/go/lars"
)

var errBoom = errors.New("boom")

// wantPanic calls f, which must panic with errBoom.
func wantPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if value := recover(); value != errBoom {
			t.Errorf("panicked with %v", value)
		}
	}()
	f()
	t.Error("no panic")
}

func TestPredicatesThatPanic(t *testing.T) {
	opt := newOptimizer(t, 2, 2)
	boom := func(p lars.Parameter) bool {
		if p.Index == 1 {
			panic(errBoom)
		}
		return true
	}
	wantPanic(t, func() { opt.SetIf(boom, lars.Momentum, 0.5) })
	wantPanic(t, func() { opt.SetScheduleIf(boom, lars.Momentum, lars.ConstantSchedule(0.5)) })
	if momentum, err := opt.Get(0, lars.Momentum); momentum != 0.9 || err != nil {
		t.Error(momentum, err)
	}
}

func TestSchedulesThatPanic(t *testing.T) {
	schedule := lars.FuncSchedule(func(step uint64) float64 {
		if step == 1 {
			panic(errBoom)
		}
		return 1
	})
	wantPanic(t, func() { schedule.Value(1) })

	opt := newOptimizer(t, 2)
	check(t, opt.SetSchedule(lars.All, lars.LearningRate, lars.JoinSchedules(schedule)))
	w, g := filled(2, 1), filled(2, 1)
	_, err := opt.Step(lars.List(w), lars.List(g))
	check(t, err)
	before := slices.Clone(w)
	wantPanic(t, func() { opt.Step(lars.List(w), lars.List(g)) })
	wantPanic(t, func() { opt.Get(0, lars.LearningRate) })
	if !slices.Equal(w, before) {
		t.Error("a step that failed has changed the parameters")
	}
	check(t, opt.Set(lars.All, lars.LearningRate, 1))
	_, err = opt.Step(lars.List(w), lars.List(g))
	check(t, err)
}

func TestObserversThatPanic(t *testing.T) {
	opt := newOptimizer(t, 2)
	check(t, opt.SetObserver(func(*lars.StepReport) { panic(errBoom) }))
	wantPanic(t, func() { opt.Step(lars.List(filled(2, 1)), lars.List(filled(2, 1))) })
	if steps, err := opt.StepCount(); steps != 1 || err != nil {
		t.Error("the step was done before: ", steps, err)
	}
}

func TestReportsEndWithTheirObserver(t *testing.T) {
	opt := newOptimizer(t, 2)
	var kept *lars.StepReport
	check(t, opt.SetObserver(func(report *lars.StepReport) { kept = report }))
	_, err := opt.Step(lars.List(filled(2, 1)), lars.List(filled(2, 1)))
	check(t, err)
	defer func() {
		if recover() == nil {
			t.Error("read memory that the library has taken back")
		}
	}()
	kept.Append(nil, lars.TrustRatio)
}

// What ends its goroutine leaves the library in the middle of a call: of that optimizer nothing works any more, but all
// else does.
func TestCallbacksThatEndTheGoroutine(t *testing.T) {
	opt, err := lars.New()
	check(t, err)
	_, err = opt.AddParameter("p", lars.F32, 2)
	check(t, err)
	check(t, opt.SetIf(func(lars.Parameter) bool { return true }, lars.LearningRate, 1))
	check(t, opt.SetObserver(func(*lars.StepReport) { runtime.Goexit() }))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		opt.Step(lars.List(filled(2, 1)), lars.List(filled(2, 1)))
		t.Error("the step has returned")
	}()
	<-ended
	_, err = opt.StepCount()
	wantError(t, err, lars.ErrBusy)
	if !strings.Contains(err.Error(), "another call on this optimizer is running") {
		t.Errorf("%q", err)
	}
	wantError(t, opt.Close(), lars.ErrBusy)
	runtime.KeepAlive(opt)
	for range 3 {
		runtime.GC() // releases what of it can be released
	}
}

func TestCallsFromCallbacks(t *testing.T) {
	opt := newOptimizer(t, 2)
	w, g := lars.List(filled(2, 1)), lars.List(filled(2, 1))
	called := 0
	busy := func() {
		called++
		_, err := opt.Step(w, g)
		wantError(t, err, lars.ErrBusy)
		wantError(t, opt.Close(), lars.ErrBusy)
	}
	check(t, opt.SetObserver(func(*lars.StepReport) { busy() }))
	check(t, opt.SetIf(func(lars.Parameter) bool { busy(); return true }, lars.Eps, 0))
	_, err := opt.Step(w, g)
	check(t, err)
	if called != 2 {
		t.Error(called)
	}
}

func TestGoroutinesExcludeEachOther(t *testing.T) {
	opt := newOptimizer(t, 1000)
	var group sync.WaitGroup
	for range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			w, g := lars.List(filled(1000, 1)), lars.List(filled(1000, 1))
			for range 100 {
				if _, err := opt.Step(w, g); err != nil {
					wantError(t, err, lars.ErrBusy)
				}
			}
		}()
	}
	group.Wait()
}
