package lars_test

import (
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/liblars/liblars/bindings/go/lars"
)

// newOptimizer has parameters p0, p1, ... of F32 with these numbers of elements, and a learning rate.
func newOptimizer(t testing.TB, sizes ...int) *lars.Optimizer {
	t.Helper()
	opt, err := lars.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opt.Close(); err != nil {
			t.Error(err)
		}
	})
	for i, size := range sizes {
		if _, err := opt.AddParameter("p"+string(rune('0'+i)), lars.F32, size); err != nil {
			t.Fatal(err)
		}
	}
	check(t, opt.Set(lars.All, lars.LearningRate, 0.5))
	return opt
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func filled(size int, value float32) []float32 {
	elements := make([]float32, size)
	for i := range elements {
		elements[i] = value
	}
	return elements
}

func TestErrors(t *testing.T) {
	opt := newOptimizer(t, 3)
	err := opt.Set(lars.All, lars.Momentum, 2)
	wantError(t, err, lars.ErrValue)
	if errors.Is(err, lars.ErrKey) {
		t.Error("an error is of another status, too")
	}
	var failure *lars.Error
	if !errors.As(err, &failure) || failure.Status != lars.ErrValue || !strings.Contains(failure.Message, "2") {
		t.Errorf("%#v", err)
	}
	if got := err.Error(); got != "lars: "+failure.Message {
		t.Errorf("%q", got)
	}
	if got := lars.ErrValue.Error(); got != "LARS_ERR_VALUE" {
		t.Errorf("%q", got)
	}
}

// An empty selector is a mistake, as in C, and not every parameter.
func TestEmptySelectors(t *testing.T) {
	opt := newOptimizer(t, 3)
	wantError(t, opt.Set("", lars.Eps, 1), lars.ErrSelector)
	wantError(t, opt.SetSchedule("", lars.Eps, lars.ConstantSchedule(1)), lars.ErrSelector)
	wantError(t, opt.SetGradientType("", lars.F16), lars.ErrSelector)
	if eps, err := opt.Get(0, lars.Eps); eps != 0 || err != nil {
		t.Error(eps, err)
	}
}

// What Go's types can hold and those of C cannot is refused, and not wrapped.
func TestRanges(t *testing.T) {
	opt := newOptimizer(t, 3)
	beyond := math.MaxUint32 + 1 // as index 0, if it wrapped
	tensor := lars.Of(filled(3, 1))
	for _, index := range []int{-1, beyond} {
		_, err := opt.Parameter(index)
		wantError(t, err, lars.ErrIndex)
		_, err = opt.GradientType(index)
		wantError(t, err, lars.ErrIndex)
		_, err = opt.Get(index, lars.Eps)
		wantError(t, err, lars.ErrIndex)
		_, err = opt.StepParameter(index, tensor, tensor)
		wantError(t, err, lars.ErrIndex)
		_, err = opt.ParameterStepCount(index)
		wantError(t, err, lars.ErrIndex)
		wantError(t, opt.SetParameterStepCount(index, 1), lars.ErrIndex)
		_, err = opt.Norms(index)
		wantError(t, err, lars.ErrIndex)
		wantError(t, opt.SetThreads(index), lars.ErrValue)
		wantError(t, opt.SetParallelFor(nil, index), lars.ErrValue)
		wantError(t, opt.SetAccumulation(index), lars.ErrValue)
	}
	_, err := opt.AddParameter("a\x00b", lars.F32, 2)
	wantError(t, err, lars.ErrName)
	_, err = opt.ParameterIndex("p0\x00")
	wantError(t, err, lars.ErrName)
	wantError(t, opt.Set("p0\x00", lars.Eps, 1), lars.ErrSelector)
	wantError(t, opt.SetSchedule("p0\x00", lars.Eps, lars.ConstantSchedule(1)), lars.ErrSelector)
	wantError(t, opt.SetGradientType("p0\x00", lars.F16), lars.ErrSelector)
	wantError(t, opt.SetKernels("auto\x00"), lars.ErrArgument)
	wantError(t, opt.Save(filepath.Join(t.TempDir(), "a\x00b")), lars.ErrArgument)
	wantError(t, opt.Load("\x00"), lars.ErrArgument)
	if count, err := opt.ParameterCount(); count != 1 || err != nil {
		t.Error(count, err)
	}
}

// Every method of a closed optimizer, called by reflection with zero arguments, says that it is closed.
func TestCallsAfterClose(t *testing.T) {
	opt := newOptimizer(t, 3)
	tensors := lars.List(filled(3, 1))
	_, err := opt.Step(tensors, lars.List(filled(3, 1)))
	check(t, err)
	check(t, opt.Close())
	check(t, opt.Close()) // twice is once
	for _, closed := range []*lars.Optimizer{opt, new(lars.Optimizer)} {
		value := reflect.ValueOf(closed)
		for i := range value.NumMethod() {
			method, name := value.Method(i), value.Type().Method(i).Name
			if name == "Close" {
				continue
			}
			var arguments []reflect.Value
			for in := range method.Type().NumIn() - variadic(method.Type()) {
				arguments = append(arguments, reflect.Zero(method.Type().In(in)))
			}
			results := method.Call(arguments)
			if err, _ := results[len(results)-1].Interface().(error); err != lars.ErrClosed {
				t.Errorf("%s returned %v", name, err)
			}
		}
	}
}

func variadic(function reflect.Type) int {
	if function.IsVariadic() {
		return 1
	}
	return 0
}

func TestStepKindsAgree(t *testing.T) {
	step := map[string]func(opt *lars.Optimizer, w, g []float32) error{
		"Step": func(opt *lars.Optimizer, w, g []float32) error {
			_, err := opt.Step(lars.List(w[:2], w[2:]), lars.List(g[:2], g[2:]))
			return err
		},
		"StepFlat": func(opt *lars.Optimizer, w, g []float32) error {
			_, err := opt.StepFlat(lars.Of(w), lars.Of(g))
			return err
		},
		"StepParameter": func(opt *lars.Optimizer, w, g []float32) error {
			_, first := opt.StepParameter(0, lars.Of(w[:2]), lars.Of(g[:2]))
			_, second := opt.StepParameter(1, lars.Of(w[2:]), lars.Of(g[2:]))
			return errors.Join(first, second)
		},
	}
	var want []float32
	for name, run := range step {
		w, g := []float32{1, 2, 3, 4, 5}, []float32{.1, .2, .3, .4, .5}
		opt := newOptimizer(t, 2, 3)
		check(t, run(opt, w, g))
		check(t, run(opt, w, g))
		if want == nil {
			want = w
		}
		if !reflect.DeepEqual(w, want) {
			t.Errorf("%s: %v, not %v", name, w, want)
		}
	}
}

func TestSkippedSteps(t *testing.T) {
	opt := newOptimizer(t, 2)
	spoiled := lars.List([]float32{float32(math.NaN()), 1})
	_, err := opt.Step(lars.List(filled(2, 1)), spoiled)
	wantError(t, err, lars.ErrNonfinite)
	check(t, opt.SetNonfinitePolicy(lars.NonfiniteSkip))
	taken, err := opt.Step(lars.List(filled(2, 1)), spoiled)
	if taken || err != nil {
		t.Error(taken, err)
	}
}
