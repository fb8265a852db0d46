package lars

// #include "bridge.h"
import "C"

import (
	"fmt"
	"unsafe"
)

// StepCount is the number of steps that every parameter has taken. Skipped steps do not count.
func (o *Optimizer) StepCount() (uint64, error) {
	var steps C.uint64_t
	err := o.call(func(c *owned) C.int32_t { return C.lars_step_count(c.handle, &steps) })
	return uint64(steps), err
}

// ParameterStepCount is the number of steps that one parameter has taken.
func (o *Optimizer) ParameterStepCount(index int) (uint64, error) {
	cIndex, err := cIndex(index)
	if err != nil {
		return 0, err
	}
	var steps C.uint64_t
	err = o.call(func(c *owned) C.int32_t { return C.lars_parameter_step_count(c.handle, cIndex, &steps) })
	return uint64(steps), err
}

// SetParameterStepCount sets the number of steps that one parameter has taken, for a run that others began:
// schedules go on from there.
func (o *Optimizer) SetParameterStepCount(index int, steps uint64) error {
	cIndex, err := cIndex(index)
	if err != nil {
		return err
	}
	return o.call(func(c *owned) C.int32_t {
		return C.lars_set_parameter_step_count(c.handle, cIndex, C.uint64_t(steps))
	})
}

// Norms is what a step of one parameter was about: |w|, |u| and the trust ratio.
type Norms struct {
	Weight, Update, TrustRatio float64
}

// Norms is of the parameter's last step; ErrState before the first.
func (o *Optimizer) Norms(index int) (Norms, error) {
	cIndex, err := cIndex(index)
	if err != nil {
		return Norms{}, err
	}
	var weight, update, ratio C.double
	err = o.call(func(c *owned) C.int32_t { return C.lars_norms(c.handle, cIndex, &weight, &update, &ratio) })
	return Norms{float64(weight), float64(update), float64(ratio)}, err
}

// SkipCount is how many steps NonfiniteSkip has skipped: in a row up to now, and in all.
func (o *Optimizer) SkipCount() (consecutive, total uint64, err error) {
	var cConsecutive, cTotal C.uint64_t
	err = o.call(func(c *owned) C.int32_t { return C.lars_skip_count(c.handle, &cConsecutive, &cTotal) })
	return uint64(cConsecutive), uint64(cTotal), err
}

// Nonfinite is where a step found NaN or Inf: the first such parameter, and how many elements of it and of its
// gradient are.
type Nonfinite struct {
	Index                               int
	ParameterElements, GradientElements uint64
}

// Nonfinite is of the last step that was refused or skipped; ErrState if there was none.
func (o *Optimizer) Nonfinite() (Nonfinite, error) {
	var index C.uint32_t
	var parameter, gradient C.uint64_t
	err := o.call(func(c *owned) C.int32_t { return C.lars_nonfinite(c.handle, &index, &parameter, &gradient) })
	return Nonfinite{int(index), uint64(parameter), uint64(gradient)}, err
}

// Telemetry is one quantity of every parameter's last step, in order of index; 0 before the first.
func (o *Optimizer) Telemetry(quantity Quantity) ([]float64, error) {
	var values []float64
	err := o.call(func(c *owned) C.int32_t {
		var count C.uint32_t
		if status := C.lars_parameter_count(c.handle, &count); status < 0 {
			return status
		}
		values = make([]float64, count, uint64(count)+1) // so that there is an address even of none
		return C.lars_telemetry(c.handle, C.int32_t(quantity), (*C.double)(unsafe.SliceData(values)))
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// SetGradientNorms has steps gather GradientNorm also where weight decay makes another norm the denominator.
func (o *Optimizer) SetGradientNorms(wanted bool) error {
	return o.call(func(c *owned) C.int32_t { return C.lars_set_gradient_norms(c.handle, cBool(wanted)) })
}

// GradientNorms is whether steps gather GradientNorm in any case.
func (o *Optimizer) GradientNorms() (bool, error) {
	var wanted C.int32_t
	err := o.call(func(c *owned) C.int32_t { return C.lars_gradient_norms(c.handle, &wanted) })
	return wanted != 0, err
}

// StepReport is what an observer is told of a step. It can be read only until the observer returns.
type StepReport struct {
	Skipped bool
	Steps   uint64 // as by StepCount

	count      C.uint32_t
	quantities []*C.double
}

// Append appends a quantity of every parameter's last step to values. It panics if the liblars that runs does not know
// the quantity.
func (r *StepReport) Append(values []float64, quantity Quantity) []float64 {
	if quantity < 0 || int(quantity) >= len(r.quantities) {
		panic(fmt.Sprintf("lars: liblars %s tells observers nothing of quantity %d", Version(), quantity))
	}
	return append(values, unsafe.Slice((*float64)(r.quantities[quantity]), r.count)...)
}

// SetObserver has observer called at the end of every call that took a step or skipped one; nil: nobody. It must not
// end the goroutine (runtime.Goexit): see the package's documentation.
func (o *Optimizer) SetObserver(observer func(*StepReport)) error {
	var observing *callback
	if observer != nil {
		observing = newCallback(observer)
	}
	return o.call(func(c *owned) C.int32_t {
		status := C.lars_go_set_observer(c.handle, observing.user())
		if status >= 0 {
			o.observer = observing
		}
		return status
	})
}
