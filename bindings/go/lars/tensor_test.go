package lars_test

import (
	"fmt"
	"testing"

	"github.com/liblars/liblars/bindings/go/lars"
)

func TestTensors(t *testing.T) {
	type half uint16 // another package's
	for want, tensor := range map[string]lars.Tensor{
		"1 float32":  lars.Of([]float32{1}),
		"2 float64":  lars.Of([]float64{1, 2}),
		"3 float16":  lars.Of(make([]lars.Float16, 3)),
		"4 bfloat16": lars.Of(make([]lars.BFloat16, 4)),
		"5 int16":    lars.Of(make([]int16, 5)),
		"6 float16":  lars.OfFloat16(make([]half, 6)),
		"7 bfloat16": lars.OfBFloat16(make([]half, 7)),
		"0 float32":  lars.Of([]float32(nil)),
		"0 Type(0)":  {},
	} {
		if got := fmt.Sprint(tensor.Len(), " ", tensor.Type()); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
	for _, tensor := range lars.List([]float64{1}, nil, []float64{}) {
		if tensor.Type() != lars.F64 {
			t.Error(tensor.Type())
		}
	}
}

// Each list of a call is checked, by the library.
func TestTensorsThatDoNotFit(t *testing.T) {
	opt := newOptimizer(t, 3)
	good, long := lars.List(filled(3, 1)), lars.List(filled(4, 1))
	wide := lars.List(make([]float64, 3))
	taken := func(_ bool, err error) error { return err }
	for name, err := range map[string]error{
		"Step, parameters":         taken(opt.Step(long, good)),
		"Step, gradients":          taken(opt.Step(good, long)),
		"StepFlat, parameters":     taken(opt.StepFlat(long[0], good[0])),
		"StepFlat, gradients":      taken(opt.StepFlat(good[0], long[0])),
		"StepParameter, parameter": taken(opt.StepParameter(0, long[0], good[0])),
		"StepParameter, gradient":  taken(opt.StepParameter(0, good[0], long[0])),
		"Update, updates":          taken(opt.Update(good, good, long)),
		"StepExternal, momentum":   taken(opt.StepExternal(good, good, long, nil)),
		"StepExternal, masters":    taken(opt.StepExternal(good, good, good, long)),
		"UpdateExternal, momentum": taken(opt.UpdateExternal(good, good, long, good)),
		"Accumulate, parameters":   opt.Accumulate(long, good),
		"Accumulate, gradients":    opt.Accumulate(nil, long),
		"StepAccumulated":          taken(opt.StepAccumulated(long)),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, lars.ErrShape) })
	}
	wantError(t, taken(opt.Step(wide, good)), lars.ErrType)
	wantError(t, taken(opt.Step(append(good, good...), good)), lars.ErrArgument)
	wantError(t, taken(opt.Step(make([]lars.Tensor, 1), good)), lars.ErrShape)
}

func TestVersion(t *testing.T) {
	number := lars.VersionNumber()
	if text := fmt.Sprintf("%d.%d.%d", number/10000, number/100%100, number%100); text != lars.Version() {
		t.Error(text, lars.Version())
	}
}
