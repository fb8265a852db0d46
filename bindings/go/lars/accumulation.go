package lars

// #include <lars/lars.h>
import "C"

// SetAccumulation sets the number of micro-batches in a batch; default 1. The step uses their mean.
func (o *Optimizer) SetAccumulation(microBatches int) error {
	cMicroBatches, err := cUint32(microBatches, "number of micro-batches", ErrValue)
	if err != nil {
		return err
	}
	return o.call(func(c *owned) C.int32_t { return C.lars_set_accumulation(c.handle, cMicroBatches) })
}

// Accumulate adds the gradients of one micro-batch. The parameters are needed, and only read, by the call that
// completes the batch; others may pass nil.
func (o *Optimizer) Accumulate(parameters, gradients []Tensor) error {
	return o.call(func(c *owned) C.int32_t {
		arguments := [...]argument{c.gradientsOf(gradients), c.parametersOf(parameters)}
		if len(parameters) == 0 {
			if status := c.take(arguments[:1]); status < 0 {
				return status
			}
			return C.lars_accumulate(c.handle, nil, c.gradients.data()) // the parameters stay as they are for the next
		}
		if status := c.take(arguments[:]); status < 0 {
			return status
		}
		return C.lars_accumulate(c.handle, c.parameters.data(), c.gradients.data())
	})
}

// StepAccumulated is Step with the mean of the accumulated micro-batches.
func (o *Optimizer) StepAccumulated(parameters []Tensor) (taken bool, err error) {
	return o.step(func(c *owned) C.int32_t {
		arguments := [...]argument{c.parametersOf(parameters)}
		if status := c.take(arguments[:]); status < 0 {
			return status
		}
		return C.lars_step_accumulated(c.handle, c.parameters.data())
	})
}

// DiscardAccumulated forgets the micro-batches accumulated so far.
func (o *Optimizer) DiscardAccumulated() error {
	return o.call(func(c *owned) C.int32_t { return C.lars_discard_accumulated(c.handle) })
}

// Accumulated is how many micro-batches have been accumulated, and how many make a batch.
func (o *Optimizer) Accumulated() (accumulated, microBatches int, err error) {
	var cAccumulated, cMicroBatches C.uint32_t
	err = o.call(func(c *owned) C.int32_t { return C.lars_accumulated(c.handle, &cAccumulated, &cMicroBatches) })
	return int(cAccumulated), int(cMicroBatches), err
}

// SetCarryNorms has every step also gather the norms of the parameters it writes, for the next. By that the program
// promises that nothing else changes the parameters, or that ParametersChanged tells.
func (o *Optimizer) SetCarryNorms(carry bool) error {
	return o.call(func(c *owned) C.int32_t { return C.lars_set_carry_norms(c.handle, cBool(carry)) })
}

// CarryNorms is whether norms are carried.
func (o *Optimizer) CarryNorms() (bool, error) {
	var carry C.int32_t
	err := o.call(func(c *owned) C.int32_t { return C.lars_carry_norms(c.handle, &carry) })
	return carry != 0, err
}

// ParametersChanged tells that parameters were changed from outside. Needed only with SetCarryNorms, and between
// Accumulate and StepAccumulated.
func (o *Optimizer) ParametersChanged() error {
	return o.call(func(c *owned) C.int32_t { return C.lars_parameters_changed(c.handle) })
}
