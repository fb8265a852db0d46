package lars

// #cgo pkg-config: liblars
// #include "bridge.h"
import "C"

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"unsafe"
)

// Version is the version of the library that runs: "0.1.0".
func Version() string { return C.GoString(C.lars_version_string()) }

// VersionNumber is major * 10000 + minor * 100 + patch of the library that runs.
func VersionNumber() int { return int(C.lars_version()) }

// Optimizer is parameters, their hyper-parameters and their momentum. New makes one, Close releases it.
//
// Its methods do what the functions of that name in lars.h do. One that returns an error has changed nothing.
// Calls on one optimizer exclude each other: while one runs, any other returns ErrBusy at once, also from within a
// function that the library calls.
type Optimizer struct {
	running            sync.Mutex
	owned              *owned // nil if closed
	cleanup            runtime.Cleanup
	observer, parallel *callback
	scheduled          map[Key][]*callback
}

// owned is what an optimizer must release, apart from it, so that this can be done when it is gone.
type owned struct {
	handle                                            *C.lars_optimizer
	parameters, gradients, updates, momentum, masters list
}

// serves is whether a library of that version has the interface that the binding was built for: while it is 0.x, each
// x may change it.
func serves(version int) bool {
	const built = C.LARS_VERSION_MAJOR*10000 + C.LARS_VERSION_MINOR*100 + C.LARS_VERSION_PATCH
	if built < 10000 {
		return version/100 == built/100 && version >= built
	}
	return version/10000 == built/10000 && version >= built
}

// New makes an optimizer without parameters. It reads the environment variables LARS_KERNELS and LARS_NUM_THREADS. It
// fails if the library that runs has another interface than the one that the program was built with.
func New() (*Optimizer, error) {
	if !serves(VersionNumber()) {
		return nil, fmt.Errorf("lars: liblars %s runs, which has another interface than %d.%d.%d, with which the program "+
			"was built; build it anew, or have the loader find that one", Version(), C.LARS_VERSION_MAJOR,
			C.LARS_VERSION_MINOR, C.LARS_VERSION_PATCH)
	}
	c := new(owned)
	if status := C.lars_create(&c.handle); status < 0 {
		return nil, &Error{Status(status), "out of memory"}
	}
	o := &Optimizer{owned: c, scheduled: map[Key][]*callback{}}
	o.cleanup = runtime.AddCleanup(o, func(c *owned) {
		C.lars_destroy(c.handle)
		c.unpin()
	}, c)
	return o, nil
}

// Close releases the optimizer and its momentum. It is ErrBusy, and closes nothing, while another call runs; to close
// twice does nothing. An optimizer that is never closed is released some time after nothing refers to it any more. The
// tensors that two calls in a row had are pinned and count as in use, so a program whose weights are arrays within a
// struct that also refers to the optimizer must call Close.
func (o *Optimizer) Close() error {
	if !o.running.TryLock() {
		return errBusy
	}
	defer o.running.Unlock()
	if o.owned == nil {
		return nil
	}
	if status := C.lars_destroy(o.owned.handle); status < 0 {
		return o.owned.failed(status)
	}
	o.owned.unpin()
	o.cleanup.Stop()
	o.owned, o.observer, o.parallel, o.scheduled = nil, nil, nil, nil
	return nil
}

func (c *owned) lists() [5]*list {
	return [...]*list{&c.parameters, &c.gradients, &c.updates, &c.momentum, &c.masters}
}

func (c *owned) unpin() {
	for _, l := range c.lists() {
		l.release()
	}
}

// letGo unpins, at the end of a call, the tensors that are not the same as in the call before.
func (c *owned) letGo() {
	for _, l := range c.lists() {
		if l.pinned && !l.repeated {
			l.unpin()
		}
	}
}

func (c *owned) failed(status C.int32_t) error {
	if status == C.LARS_ERR_BUSY {
		return errBusy // the handle's message is of another call
	}
	return &Error{Status(status), C.GoString(C.lars_error_message(c.handle))}
}

// run excludes other calls while f makes one. The mutex also keeps the optimizer, and so the handle, alive until
// then.
func (o *Optimizer) run(f func(c *owned) C.int32_t) (C.int32_t, error) {
	if !o.running.TryLock() {
		return 0, errBusy
	}
	defer o.running.Unlock()
	if o.owned == nil {
		return 0, ErrClosed
	}
	status := f(o.owned)
	o.owned.letGo()
	rethrow(o.parallel, o.observer)
	if status >= 0 {
		return status, nil
	}
	if status == C.LARS_ERR_CALLBACK {
		rethrow(slices.Concat(slices.Collect(maps.Values(o.scheduled))...)...)
	}
	return status, o.owned.failed(status)
}

// call is run for calls that return no more than whether they failed.
func (o *Optimizer) call(f func(c *owned) C.int32_t) error {
	_, err := o.run(f)
	return err
}

// Parameter is what an optimizer knows of one of its tensors.
type Parameter struct {
	Index int
	Name  string
	Type  Type
	Shape []int
}

func parameterOf(index C.uint32_t, name *C.char, dtype C.int32_t, ndim C.uint32_t, shape *C.int64_t) Parameter {
	extents := make([]int, ndim)
	for i, extent := range unsafe.Slice(shape, ndim) {
		extents[i] = int(extent)
	}
	return Parameter{int(index), C.GoString(name), Type(dtype), extents}
}

// AddParameter registers a tensor, before the first step, and returns its index: 0, 1, ... in order. A scalar has no
// shape.
func (o *Optimizer) AddParameter(name string, dtype Type, shape ...int) (int, error) {
	cName, err := cString(name, "name", ErrName)
	if err != nil {
		return 0, err
	}
	extents := make([]C.int64_t, len(shape))
	for i, extent := range shape {
		extents[i] = C.int64_t(extent)
	}
	var index C.uint32_t
	err = o.call(func(c *owned) C.int32_t {
		return C.lars_add_parameter(c.handle, cName, C.int32_t(dtype), cCount(len(extents)), unsafe.SliceData(extents),
			&index)
	})
	return int(index), err
}

// ParameterCount is the number of parameters.
func (o *Optimizer) ParameterCount() (int, error) {
	var count C.uint32_t
	err := o.call(func(c *owned) C.int32_t { return C.lars_parameter_count(c.handle, &count) })
	return int(count), err
}

// ParameterIndex is the index of the parameter of that name.
func (o *Optimizer) ParameterIndex(name string) (int, error) {
	cName, err := cString(name, "name", ErrName)
	if err != nil {
		return 0, err
	}
	var index C.uint32_t
	err = o.call(func(c *owned) C.int32_t { return C.lars_parameter_index(c.handle, cName, &index) })
	return int(index), err
}

// Parameter is the parameter of that index.
func (o *Optimizer) Parameter(index int) (Parameter, error) {
	cIndex, err := cIndex(index)
	if err != nil {
		return Parameter{}, err
	}
	var found Parameter
	err = o.call(func(c *owned) C.int32_t {
		var name *C.char
		var dtype C.int32_t
		var ndim C.uint32_t
		var shape *C.int64_t
		status := C.lars_parameter_info(c.handle, cIndex, &name, &dtype, &ndim, &shape)
		if status >= 0 {
			found = parameterOf(cIndex, name, dtype, ndim, shape)
		}
		return status
	})
	return found, err
}

// SetGradientType sets the element type of the selected parameters' gradients: their own (the default), F32 for
// F16 and BF16 parameters, F16 or BF16 for F32 parameters.
func (o *Optimizer) SetGradientType(selector string, dtype Type) error {
	cSelector, err := cSelector(selector)
	if err != nil {
		return err
	}
	return o.call(func(c *owned) C.int32_t {
		return C.lars_set_gradient_dtype(c.handle, cSelector, C.int32_t(dtype))
	})
}

// GradientType is the element type of the parameter's gradient.
func (o *Optimizer) GradientType(index int) (Type, error) {
	cIndex, err := cIndex(index)
	if err != nil {
		return 0, err
	}
	var dtype C.int32_t
	err = o.call(func(c *owned) C.int32_t { return C.lars_gradient_dtype(c.handle, cIndex, &dtype) })
	return Type(dtype), err
}
