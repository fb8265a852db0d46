package lars

// #include "bridge.h"
import "C"

import (
	"runtime"
	"runtime/cgo"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"
)

// A callback is a function of the program that the library calls. Whoever may have the library call it keeps it.
type callback struct {
	function any
	handle   cgo.Handle // what the library knows it by
	panicked atomic.Pointer[any]
}

// newCallback makes a handle that does not keep the callback in memory: functions as a rule refer to the trainer, and
// that to the optimizer, which would then never be released.
func newCallback(function any) *callback {
	c := &callback{function: function}
	c.handle = cgo.NewHandle(weak.Make(c))
	runtime.AddCleanup(c, cgo.Handle.Delete, c.handle)
	return c
}

func callbackOf(user C.uintptr_t) *callback {
	return cgo.Handle(user).Value().(weak.Pointer[callback]).Value()
}

// user is what C passes on to the exported functions below; 0 for none.
func (c *callback) user() C.uintptr_t {
	if c == nil {
		return 0
	}
	return C.uintptr_t(c.handle)
}

// guard runs f and says whether it returned. If it panics, the panic stops here, for C cannot be unwound; it goes on
// in rethrow.
func (c *callback) guard(f func()) (returned bool) {
	defer func() {
		if returned {
			return
		}
		if value := recover(); value != nil {
			c.panicked.Store(&value)
		}
	}()
	f()
	return true
}

// rethrow panics as the first of the functions did that have panicked, once C has returned. It forgets what the others
// panicked with, lest a later call, which they have nothing to do with, panics. Where optimizers share a function of a
// schedule and it panics in several of them at once, one of them panics, and the others return ErrCallback.
func rethrow(functions ...*callback) {
	var first *any
	for _, c := range functions {
		if c == nil {
			continue
		}
		if value := c.panicked.Swap(nil); first == nil {
			first = value
		}
	}
	if first != nil {
		panic(*first)
	}
}

//export larsGoPredicate
func larsGoPredicate(user C.uintptr_t, index C.uint32_t, name *C.char, dtype C.int32_t, ndim C.uint32_t,
	shape *C.int64_t) C.int32_t {
	c := callbackOf(user)
	var selected bool
	if !c.guard(func() {
		selected = c.function.(func(Parameter) bool)(parameterOf(index, name, dtype, ndim, shape))
	}) {
		return -1
	}
	return cBool(selected)
}

//export larsGoSchedule
func larsGoSchedule(user C.uintptr_t, step C.uint64_t, value *C.double) C.int32_t {
	c := callbackOf(user)
	if !c.guard(func() { *value = C.double(c.function.(func(uint64) float64)(uint64(step))) }) {
		return -1
	}
	return 0
}

//export larsGoObserver
func larsGoObserver(user C.uintptr_t, status C.int32_t, steps C.uint64_t, count, quantityCount C.uint32_t,
	quantities **C.double) {
	c := callbackOf(user)
	report := &StepReport{
		Skipped:    status == C.LARS_SKIPPED,
		Steps:      uint64(steps),
		count:      count,
		quantities: unsafe.Slice(quantities, quantityCount),
	}
	c.guard(func() { c.function.(func(*StepReport))(report) })
	report.quantities = nil // the library's memory is borrowed for the call
}

//export larsGoParallelFor
func larsGoParallelFor(user C.uintptr_t, count C.uint32_t, task C.lars_task, context unsafe.Pointer) C.int32_t {
	c := callbackOf(user)
	// A pool that panics, or returns too early, may leave goroutines behind. What they run late does nothing, for context
	// may be gone by then; what they are running is waited for.
	var running sync.RWMutex
	open := true
	defer func() {
		running.Lock()
		open = false
		running.Unlock()
	}()
	run := func(index int) {
		if index < 0 || index >= int(count) {
			return // as the library takes it, which also makes good what a pool leaves out
		}
		running.RLock()
		defer running.RUnlock()
		if open {
			C.lars_go_run_task(task, context, C.uint32_t(index))
		}
	}
	if !c.guard(func() { c.function.(func(int, func(int)))(int(count), run) }) {
		return -1
	}
	return 0
}
