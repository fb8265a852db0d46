package lars

// #include "bridge.h"
import "C"

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"
)

// Schedule is a hyper-parameter's value as a function of the step number, from 0. It never changes, and goroutines
// and optimizers may share it.
//
// The constructors are optax's, with optax's names and definitions. One whose arguments are wrong makes a schedule
// that holds the reason: Err tells it, and whatever the schedule is passed to returns it. So constructors can be
// nested.
type Schedule struct {
	handle    *C.lars_schedule
	status    Status
	functions []*callback // its own or of its parts
}

func newSchedule(make func(made **C.lars_schedule) C.int32_t, functions ...*callback) *Schedule {
	var made *C.lars_schedule
	status := make(&made)
	s := &Schedule{made, Status(status), functions}
	runtime.AddCleanup(s, func(made *C.lars_schedule) { C.lars_schedule_destroy(made) }, made)
	return s
}

// c is the schedule for lars.h, which tells what it thinks of none.
func (s *Schedule) c() *C.lars_schedule {
	if s == nil {
		return nil
	}
	return s.handle
}

// Err is why the schedule could not be made, an *Error, or nil.
func (s *Schedule) Err() error {
	if s == nil {
		return s.failed(ErrArgument)
	}
	if s.status >= 0 {
		return nil
	}
	return s.failed(s.status)
}

func (s *Schedule) failed(status Status) *Error {
	defer runtime.KeepAlive(s)
	return &Error{status, C.GoString(C.lars_schedule_error_message(s.c()))}
}

// Value is the value at a step.
func (s *Schedule) Value(step uint64) (float64, error) {
	defer runtime.KeepAlive(s)
	var value C.double
	status := C.lars_schedule_value(s.c(), C.uint64_t(step), &value)
	if status >= 0 {
		return float64(value), nil
	}
	if status == C.LARS_ERR_CALLBACK {
		rethrow(s.functions...)
	}
	err := s.failed(Status(status))
	if err.Message == "" { // the schedule as such is sound
		err.Message = fmt.Sprintf("the schedule has no value at step %d", step)
	}
	return 0, err
}

// FuncSchedule is a function of the program. It is called, as a rule, once for each step number in a call of the
// library, so it must not count its calls. It must not end the goroutine (runtime.Goexit): see the package's
// documentation.
func FuncSchedule(function func(step uint64) float64) *Schedule {
	var c *callback // none is for the library to refuse
	if function != nil {
		c = newCallback(function)
	}
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_go_schedule_callback(c.user(), made)
	}, c)
}

// Then is the schedule that JoinSchedules goes over to at a step.
type Then struct {
	From     uint64
	Schedule *Schedule
}

// JoinSchedules is first, and from each Then on its schedule, counted from there.
func JoinSchedules(first *Schedule, others ...Then) *Schedule {
	parts := []*Schedule{first}
	var boundaries []C.uint64_t
	for _, then := range others {
		parts = append(parts, then.Schedule)
		boundaries = append(boundaries, C.uint64_t(then.From))
	}
	var handles []*C.lars_schedule
	var functions []*callback
	for _, part := range parts {
		handles = append(handles, part.c())
		if part != nil {
			functions = append(functions, part.functions...)
		}
	}
	defer runtime.KeepAlive(parts)
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_join(cCount(len(handles)), unsafe.SliceData(handles), unsafe.SliceData(boundaries), made)
	}, functions...)
}

// keep adds to functions those of a schedule that are not among them.
func keep(functions []*callback, schedule *Schedule) []*callback {
	for _, function := range schedule.functions {
		if !slices.Contains(functions, function) {
			functions = append(functions, function)
		}
	}
	return functions
}
