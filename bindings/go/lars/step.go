package lars

// #include "bridge.h"
import "C"

import "unsafe"

// An argument is tensors of a call, and where they are kept for it.
type argument struct {
	role    C.int32_t
	tensors []Tensor
	list    *list
}

// take checks the tensors and makes them ready for C.
func (c *owned) take(arguments []argument) C.int32_t {
	for _, a := range arguments {
		a.list.take(a.tensors)
		status := C.lars_check_arrays(c.handle, a.role, cCount(len(a.tensors)), unsafe.SliceData(a.list.types),
			unsafe.SliceData(a.list.elements))
		if status < 0 {
			return status
		}
	}
	return C.LARS_OK
}

func (c *owned) parametersOf(tensors []Tensor) argument {
	return argument{C.LARS_ROLE_PARAMETER, tensors, &c.parameters}
}

func (c *owned) gradientsOf(tensors []Tensor) argument {
	return argument{C.LARS_ROLE_GRADIENT, tensors, &c.gradients}
}

func (c *owned) updatesOf(tensors []Tensor) argument {
	return argument{C.LARS_ROLE_PARAMETER, tensors, &c.updates}
}

func (c *owned) momentumOf(tensors []Tensor) argument {
	return argument{C.LARS_ROLE_MOMENTUM, tensors, &c.momentum}
}

func (c *owned) mastersOf(tensors []Tensor) argument {
	return argument{C.LARS_ROLE_MASTER, tensors, &c.masters}
}

// step is run for calls that are LARS_OK if the step was taken, LARS_SKIPPED if not.
func (o *Optimizer) step(f func(c *owned) C.int32_t) (taken bool, err error) {
	status, err := o.run(f)
	return err == nil && status == C.LARS_OK, err
}

// Step steps all parameters in place: one tensor for each parameter and gradient, in order of index. It returns
// false if NonfiniteSkip skipped the step. Tensors that two calls in a row have stay pinned in memory until a call with
// others, or Close; from then on, a step with them allocates nothing.
func (o *Optimizer) Step(parameters, gradients []Tensor) (taken bool, err error) {
	return o.step(func(c *owned) C.int32_t {
		arguments := [...]argument{c.parametersOf(parameters), c.gradientsOf(gradients)}
		if status := c.take(arguments[:]); status < 0 {
			return status
		}
		return C.lars_step(c.handle, c.parameters.data(), c.gradients.data())
	})
}

// StepFlat is Step with all parameters end to end in one tensor, and likewise the gradients.
func (o *Optimizer) StepFlat(parameters, gradients Tensor) (taken bool, err error) {
	return o.step(func(c *owned) C.int32_t {
		status := C.lars_check_flat(c.handle, C.LARS_ROLE_PARAMETER, C.int32_t(parameters.dtype),
			C.uint64_t(parameters.elements))
		if status >= 0 {
			status = C.lars_check_flat(c.handle, C.LARS_ROLE_GRADIENT, C.int32_t(gradients.dtype),
				C.uint64_t(gradients.elements))
		}
		if status < 0 {
			return status
		}
		return C.lars_go_step_flat(c.handle, parameters.bytes(), gradients.bytes())
	})
}

// StepParameter steps one parameter, for trainers that walk their tensors.
func (o *Optimizer) StepParameter(index int, parameter, gradient Tensor) (taken bool, err error) {
	cIndex, err := cIndex(index)
	if err != nil {
		return false, err
	}
	return o.step(func(c *owned) C.int32_t {
		status := C.lars_check_array(c.handle, C.LARS_ROLE_PARAMETER, cIndex, C.int32_t(parameter.dtype),
			C.uint64_t(parameter.elements))
		if status >= 0 {
			status = C.lars_check_array(c.handle, C.LARS_ROLE_GRADIENT, cIndex, C.int32_t(gradient.dtype),
				C.uint64_t(gradient.elements))
		}
		if status < 0 {
			return status
		}
		return C.lars_go_step_parameter(c.handle, cIndex, parameter.bytes(), gradient.bytes())
	})
}

// Update is optax's form of Step: it writes the increments to updates and leaves the parameters alone.
func (o *Optimizer) Update(parameters, gradients, updates []Tensor) (taken bool, err error) {
	return o.step(func(c *owned) C.int32_t {
		arguments := [...]argument{c.parametersOf(parameters), c.gradientsOf(gradients), c.updatesOf(updates)}
		if status := c.take(arguments[:]); status < 0 {
			return status
		}
		return C.lars_update(c.handle, c.parameters.data(), c.gradients.data(), c.updates.data())
	})
}

// StepExternal is Step with a state that the caller keeps: momentum is F64 for F64 parameters and else F32,
// masters are F32 for F16 parameters, I16 for BF16 ones and empty for others, or nil if they all are. Both start
// as zeros.
func (o *Optimizer) StepExternal(parameters, gradients, momentum, masters []Tensor) (taken bool, err error) {
	return o.step(func(c *owned) C.int32_t {
		arguments := [...]argument{
			c.parametersOf(parameters), c.gradientsOf(gradients), c.momentumOf(momentum), c.mastersOf(masters),
		}
		given := arguments[:]
		if len(masters) == 0 {
			given = arguments[:3]
			c.masters.release()
		}
		if status := c.take(given); status < 0 {
			return status
		}
		return C.lars_step_external(c.handle, c.parameters.data(), c.gradients.data(), c.momentum.data(),
			c.masters.data())
	})
}

// UpdateExternal is Update with a momentum that the caller keeps.
func (o *Optimizer) UpdateExternal(parameters, gradients, momentum, updates []Tensor) (taken bool, err error) {
	return o.step(func(c *owned) C.int32_t {
		arguments := [...]argument{
			c.parametersOf(parameters), c.gradientsOf(gradients), c.momentumOf(momentum), c.updatesOf(updates),
		}
		if status := c.take(arguments[:]); status < 0 {
			return status
		}
		return C.lars_update_external(c.handle, c.parameters.data(), c.gradients.data(), c.momentum.data(),
			c.updates.data())
	})
}
