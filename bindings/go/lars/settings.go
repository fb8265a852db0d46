package lars

// #include "bridge.h"
import "C"

import "runtime"

// Set sets a hyper-parameter of the selected parameters. Later calls override earlier ones; it takes effect at the
// next step.
func (o *Optimizer) Set(selector string, key Key, value float64) error {
	cSelector, err := cSelector(selector)
	if err != nil {
		return err
	}
	return o.call(func(c *owned) C.int32_t {
		status := C.lars_set(c.handle, cSelector, C.int32_t(key), C.double(value))
		if status >= 0 && selector == All {
			delete(o.scheduled, key) // no parameter follows them any more
		}
		return status
	})
}

// newPredicate is nil without a function, for the library to refuse.
func newPredicate(predicate func(Parameter) bool) *callback {
	if predicate == nil {
		return nil
	}
	return newCallback(predicate)
}

// SetIf is Set for the parameters added so far for which predicate returns true; ErrSelector if that is none of them.
func (o *Optimizer) SetIf(predicate func(Parameter) bool, key Key, value float64) error {
	selected := newPredicate(predicate)
	defer rethrow(selected)
	return o.call(func(c *owned) C.int32_t {
		return C.lars_go_set_if(c.handle, selected.user(), C.int32_t(key), C.double(value))
	})
}

// SetSchedule is Set with a value that every step computes from the parameter's own step count. Only for numeric
// keys. Functions of the program are kept until the key is set for All, or Close.
func (o *Optimizer) SetSchedule(selector string, key Key, schedule *Schedule) error {
	cSelector, err := cSelector(selector)
	if err != nil {
		return err
	}
	return o.setSchedule(key, schedule, selector == All, func(c *owned) C.int32_t {
		return C.lars_set_schedule(c.handle, cSelector, C.int32_t(key), schedule.c())
	})
}

// SetScheduleIf is SetSchedule, selected as in SetIf.
func (o *Optimizer) SetScheduleIf(predicate func(Parameter) bool, key Key, schedule *Schedule) error {
	selected := newPredicate(predicate)
	defer rethrow(selected)
	return o.setSchedule(key, schedule, false, func(c *owned) C.int32_t {
		return C.lars_go_set_schedule_if(c.handle, selected.user(), C.int32_t(key), schedule.c())
	})
}

// setSchedule keeps the schedule's functions for the key, and lets go of its earlier ones if no parameter, present or
// future, can still follow them.
func (o *Optimizer) setSchedule(key Key, schedule *Schedule, all bool, set func(c *owned) C.int32_t) error {
	defer runtime.KeepAlive(schedule)
	return o.call(func(c *owned) C.int32_t {
		status := set(c)
		if status >= 0 {
			if all {
				delete(o.scheduled, key)
			}
			o.scheduled[key] = keep(o.scheduled[key], schedule)
		}
		return status
	})
}

// Get is the value of a hyper-parameter that the parameter's next step will use.
func (o *Optimizer) Get(index int, key Key) (float64, error) {
	cIndex, err := cIndex(index)
	if err != nil {
		return 0, err
	}
	var value C.double
	err = o.call(func(c *owned) C.int32_t { return C.lars_get(c.handle, cIndex, C.int32_t(key), &value) })
	return float64(value), err
}

// SetVariant sets the keys that make up a variant, for all parameters, also those added later. Learning rate, trust
// coefficient, eps, momentum and masks stay.
func (o *Optimizer) SetVariant(variant Variant) error {
	return o.call(func(c *owned) C.int32_t { return C.lars_set_variant(c.handle, C.int32_t(variant)) })
}

// SetMLPerfResNet50 sets MLPerf's recipe for ResNet-50 on ImageNet, for the parameters added so far.
func (o *Optimizer) SetMLPerfResNet50(batch, stepsPerEpoch uint64) error {
	return o.call(func(c *owned) C.int32_t {
		return C.lars_set_mlperf_resnet50(c.handle, C.uint64_t(batch), C.uint64_t(stepsPerEpoch))
	})
}

// SetGradientClip clips the gradients by their global norm; infinity, the default, clips nothing.
func (o *Optimizer) SetGradientClip(maxNorm float64) error {
	return o.call(func(c *owned) C.int32_t { return C.lars_set_gradient_clip(c.handle, C.double(maxNorm)) })
}

// GradientClip is the norm to which gradients are clipped; infinity if they are not.
func (o *Optimizer) GradientClip() (float64, error) {
	var maxNorm C.double
	err := o.call(func(c *owned) C.int32_t { return C.lars_gradient_clip(c.handle, &maxNorm) })
	return float64(maxNorm), err
}

// SetNonfinitePolicy chooses what a step does about NaN and Inf.
func (o *Optimizer) SetNonfinitePolicy(policy NonfinitePolicy) error {
	return o.call(func(c *owned) C.int32_t { return C.lars_set_nonfinite_policy(c.handle, C.int32_t(policy)) })
}

// NonfinitePolicy is what a step does about NaN and Inf.
func (o *Optimizer) NonfinitePolicy() (NonfinitePolicy, error) {
	var policy C.int32_t
	err := o.call(func(c *owned) C.int32_t { return C.lars_nonfinite_policy(c.handle, &policy) })
	return NonfinitePolicy(policy), err
}

// SetMaxConsecutiveSkips makes the step after that many skipped ones in a row fail; 0, the default, sets no limit.
func (o *Optimizer) SetMaxConsecutiveSkips(most uint64) error {
	return o.call(func(c *owned) C.int32_t {
		return C.lars_set_max_consecutive_skips(c.handle, C.uint64_t(most))
	})
}

// MaxConsecutiveSkips is how many skipped steps in a row are allowed; 0: any number.
func (o *Optimizer) MaxConsecutiveSkips() (uint64, error) {
	var most C.uint64_t
	err := o.call(func(c *owned) C.int32_t { return C.lars_max_consecutive_skips(c.handle, &most) })
	return uint64(most), err
}

// SetKernels chooses the kernels: "auto", "simd", "simd/<target>", "reference" or "blas".
func (o *Optimizer) SetKernels(kernels string) error {
	cKernels, err := cString(kernels, "kernels", ErrArgument)
	if err != nil {
		return err
	}
	return o.call(func(c *owned) C.int32_t { return C.lars_set_kernels(c.handle, cKernels) })
}

// Kernels is the kernels in use.
func (o *Optimizer) Kernels() (string, error) {
	var kernels string
	err := o.call(func(c *owned) C.int32_t {
		kernels = C.GoString(C.lars_kernels(c.handle))
		return C.LARS_OK
	})
	return kernels, err
}

// SetThreads sets how many threads a step may use, the caller's among them: 0, the default, as many as help. They are
// the library's own and not Go's: GOMAXPROCS does not count them. No result depends on it.
func (o *Optimizer) SetThreads(threads int) error {
	cThreads, err := cUint32(threads, "number of threads", ErrValue)
	if err != nil {
		return err
	}
	return o.call(func(c *owned) C.int32_t {
		status := C.lars_set_threads(c.handle, cThreads)
		if status >= 0 {
			o.parallel = nil // which it replaces
		}
		return status
	})
}

// Threads is the number of threads that a step of all parameters will use at most.
func (o *Optimizer) Threads() (int, error) {
	var threads C.uint32_t
	err := o.call(func(c *owned) C.int32_t { return C.lars_threads(c.handle, &threads) })
	return int(threads), err
}

// SetParallelFor has steps run on goroutines of the program. run is called about twice a step, with count <= threads
// (0: as many as there are processors); it calls task(i) once for each i below count, on any goroutines, and returns
// after the last of them has returned. nil returns to the library's own threads.
func (o *Optimizer) SetParallelFor(run func(count int, task func(index int)), threads int) error {
	cThreads, err := cUint32(threads, "number of threads", ErrValue)
	if err != nil {
		return err
	}
	var parallel *callback
	if run != nil {
		parallel = newCallback(run)
	}
	return o.call(func(c *owned) C.int32_t {
		status := C.lars_go_set_parallel_for(c.handle, parallel.user(), cThreads)
		if status >= 0 {
			o.parallel = parallel
		}
		return status
	})
}
