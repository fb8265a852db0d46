package lars_test

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"
	"weak"

	"github.com/liblars/liblars/bindings/go/lars"
)

// tensorsOf are as many tensors of two elements.
func tensorsOf(count int, value float32) []lars.Tensor {
	var tensors []lars.Tensor
	for range count {
		tensors = append(tensors, lars.Of(filled(2, value)))
	}
	return tensors
}

func TestStepsAllocateNothing(t *testing.T) {
	const count = 9
	sizes := slices.Repeat([]int{2}, count)
	w, g := tensorsOf(count, 1), tensorsOf(count, .1)
	updates, momentum := tensorsOf(count, 0), tensorsOf(count, 0)
	flat, flatGradient := lars.Of(filled(2*count, 1)), lars.Of(filled(2*count, .1))
	taken := func(_ bool, err error) error { return err }
	steps := map[string]func(opt *lars.Optimizer) error{
		"Step":           func(opt *lars.Optimizer) error { return taken(opt.Step(w, g)) },
		"StepFlat":       func(opt *lars.Optimizer) error { return taken(opt.StepFlat(flat, flatGradient)) },
		"StepParameter":  func(opt *lars.Optimizer) error { return taken(opt.StepParameter(1, w[1], g[1])) },
		"Update":         func(opt *lars.Optimizer) error { return taken(opt.Update(w, g, updates)) },
		"StepExternal":   func(opt *lars.Optimizer) error { return taken(opt.StepExternal(w, g, momentum, nil)) },
		"UpdateExternal": func(opt *lars.Optimizer) error { return taken(opt.UpdateExternal(w, g, momentum, updates)) },
		"StepAccumulated": func(opt *lars.Optimizer) error {
			if err := opt.Accumulate(w, g); err != nil {
				return err
			}
			return taken(opt.StepAccumulated(w))
		},
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			opt := newOptimizer(t, sizes...)
			allocations := testing.AllocsPerRun(100, func() { check(t, step(opt)) }) // after one to warm up
			if allocations != 0 {
				t.Errorf("%v allocations", allocations)
			}
		})
	}
}

// Weights may be parts of larger objects, which hold pointers that C is not to see.
func TestWeightsInStructs(t *testing.T) {
	type layer struct {
		next      *layer
		w, g      [2]float32
		optimizer *lars.Optimizer
	}
	opt := newOptimizer(t, 2)
	l := &layer{next: &layer{}, w: [2]float32{1, 2}, g: [2]float32{.1, .2}, optimizer: opt}
	for range 2 {
		_, err := opt.Step(lars.List(l.w[:]), lars.List(l.g[:]))
		check(t, err)
		_, err = opt.StepFlat(lars.Of(l.w[:]), lars.Of(l.g[:]))
		check(t, err)
		_, err = opt.StepParameter(0, lars.Of(l.w[:]), lars.Of(l.g[:]))
		check(t, err)
	}
	if l.w[0] >= 1 {
		t.Error(l.w)
	}
}

// Tensors that are not in Go's heap are as good as others.
func TestMemoryOfTheSystem(t *testing.T) {
	memory, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	check(t, err)
	defer syscall.Munmap(memory)
	w := unsafe.Slice((*float32)(unsafe.Pointer(&memory[0])), 4)
	w[0] = 1
	opt := newOptimizer(t, 4)
	_, err = opt.Step(lars.List(w), lars.List([]float32{1, 0, 0, 0}))
	check(t, err)
	check(t, opt.Close())
	if w[0] >= 1 {
		t.Error(w)
	}
}

// Other gradients at every step, and fewer parameters in the calls between, while garbage is collected.
func TestGarbageBetweenSteps(t *testing.T) {
	const count = 20
	opt := newOptimizer(t, slices.Repeat([]int{2}, count)...)
	w := tensorsOf(count, 1)
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				runtime.GC()
			}
		}
	}()
	for range 200 {
		_, err := opt.Step(w, tensorsOf(count, .1))
		check(t, err)
		_, err = opt.Step(w[:3], tensorsOf(1, .1))
		wantError(t, err, lars.ErrArgument)
	}
	close(stop)
	<-stopped
	if steps, err := opt.StepCount(); steps != 200 || err != nil {
		t.Error(steps, err)
	}
}

// collected waits until the garbage collector has taken back what it points to.
func collected[T any](t *testing.T, pointer weak.Pointer[T]) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for pointer.Value() != nil {
		if time.Now().After(deadline) {
			t.Fatal("still there")
		}
		runtime.GC()
	}
}

// An optimizer keeps the tensors that two calls in a row had, and no others.
func TestTensorsAreLetGo(t *testing.T) {
	const size = 1000
	opt := newOptimizer(t, size, size)
	w := lars.List(filled(size, 1), filled(size, 1))
	step := func(times int) weak.Pointer[float32] {
		gradient := filled(size, .1)
		gradients := lars.List(filled(size, .1), gradient)
		for range times {
			_, err := opt.Step(w, gradients)
			check(t, err)
		}
		return weak.Make(&gradient[0])
	}
	collected(t, step(1))
	last := step(2)
	runtime.GC()
	if last.Value() == nil {
		t.Error("let go while pinned")
	}
	_, err := opt.Step(w, lars.List(filled(size, .1)))
	wantError(t, err, lars.ErrArgument)
	collected(t, last)
}

// Micro-batches without parameters between those with them cost no pins.
func TestAccumulationWithoutParametersAllocatesNothing(t *testing.T) {
	opt := newOptimizer(t, 2, 2)
	check(t, opt.SetAccumulation(2))
	w, g := tensorsOf(2, 1), tensorsOf(2, .1)
	batch := func() {
		check(t, opt.Accumulate(nil, g))
		check(t, opt.Accumulate(w, g))
		_, err := opt.StepAccumulated(w)
		check(t, err)
	}
	batch()
	if allocations := testing.AllocsPerRun(100, batch); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// An optimizer that nobody closes is released, also if its functions refer to it.
func TestOptimizersAreCollected(t *testing.T) {
	made := func() weak.Pointer[lars.Optimizer] {
		opt, err := lars.New()
		check(t, err)
		_, err = opt.AddParameter("p", lars.F32, 2)
		check(t, err)
		steps := 0
		check(t, opt.SetObserver(func(*lars.StepReport) { steps++; runtime.KeepAlive(opt) }))
		check(t, opt.SetSchedule(lars.All, lars.LearningRate, lars.FuncSchedule(func(uint64) float64 {
			runtime.KeepAlive(opt)
			return 1
		})))
		runtime.GC() // functions stay as long as the optimizer does
		_, err = opt.Step(lars.List(filled(2, 1)), lars.List(filled(2, 1)))
		check(t, err)
		if steps != 1 {
			t.Error(steps, "steps observed")
		}
		return weak.Make(opt)
	}()
	collected(t, made)
	runtime.GC() // would tell of pointers left pinned
}

// Functions that no parameter can follow any more are let go, and others are not.
func TestReplacedSchedulesAreLetGo(t *testing.T) {
	opt := newOptimizer(t, 2, 2)
	set := func(selector string, key lars.Key) weak.Pointer[[4]float64] {
		value := &[4]float64{0.25} // too large to share its memory with others
		check(t, opt.SetSchedule(selector, key, lars.FuncSchedule(func(uint64) float64 { return value[0] })))
		return weak.Make(value)
	}
	first, other := set(lars.All, lars.Eps), set(lars.All, lars.WeightDecay)
	part := set("p0", lars.Eps)
	for range 2 {
		runtime.GC()
		runtime.GC()
		_, err := opt.Step(tensorsOf(2, 1), tensorsOf(2, .1))
		check(t, err)
	}
	second := set(lars.All, lars.Eps)
	collected(t, first)
	collected(t, part)
	check(t, opt.Set(lars.All, lars.Eps, 0))
	collected(t, second)
	if value, err := opt.Get(1, lars.WeightDecay); value != 0.25 || err != nil {
		t.Error(value, err)
	}
	if other.Value() == nil {
		t.Error("let go while in use")
	}
}
