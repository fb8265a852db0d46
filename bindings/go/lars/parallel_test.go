package lars_test

import (
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/liblars/liblars/bindings/go/lars"
)

// onGoroutines is a pool for SetParallelFor.
func onGoroutines(count int, task func(index int)) {
	var group sync.WaitGroup
	for index := range count {
		group.Add(1)
		go func() {
			defer group.Done()
			task(index)
		}()
	}
	group.Wait()
}

func TestParallelForGivesTheSameBits(t *testing.T) {
	const size = 1 << 20
	var results [][]float32
	for _, pool := range []func(int, func(int)){nil, onGoroutines} {
		opt := newOptimizer(t, size)
		calls := 0
		if pool == nil {
			check(t, opt.SetThreads(1))
		} else {
			check(t, opt.SetParallelFor(func(count int, task func(int)) { calls++; pool(count, task) }, 3))
		}
		w, g := make([]float32, size), make([]float32, size)
		for i := range w {
			w[i], g[i] = float32(i%1001)/1000, float32(i%17)/100
		}
		_, err := opt.Step(lars.List(w), lars.List(g))
		check(t, err)
		if pool != nil && calls == 0 {
			t.Error("the pool was not used")
		}
		results = append(results, w)
	}
	if !slices.Equal(results[0], results[1]) {
		t.Error("other bits on goroutines")
	}
}

func TestParallelForThatPanics(t *testing.T) {
	const size = 1 << 20
	opt := newOptimizer(t, size)
	check(t, opt.SetParallelFor(func(int, func(int)) { panic(errBoom) }, 2))
	w := filled(size, 1)
	wantPanic(t, func() { opt.Step(lars.List(w), lars.List(filled(size, .1))) })
	if !reflect.DeepEqual(w, filled(size, 1)) {
		t.Error("a step that failed has changed the parameters")
	}
	check(t, opt.SetParallelFor(func(int, func(int)) {}, 2))
	_, err := opt.Step(lars.List(w), lars.List(filled(size, .1)))
	check(t, err) // what run leaves undone the calling thread does
}

// A pool that panics in the step's second pass, and then the observer does: the pool was first, and nothing is left for
// later calls.
func TestPoolAndObserverThatPanic(t *testing.T) {
	const size = 1 << 20
	opt := newOptimizer(t, size)
	passes := 0
	check(t, opt.SetParallelFor(func(count int, task func(int)) {
		if passes++; passes == 2 {
			panic(errBoom)
		}
		onGoroutines(count, task)
	}, 2))
	check(t, opt.SetObserver(func(*lars.StepReport) { panic("the observer") }))
	wantPanic(t, func() { opt.Step(lars.List(filled(size, 1)), lars.List(filled(size, .1))) })
	if steps, err := opt.StepCount(); passes != 2 || steps != 1 || err != nil {
		t.Error(passes, steps, err)
	}
}

// A task that is run after its pool has returned does nothing, not even for a later step.
func TestTasksOfAnEarlierStep(t *testing.T) {
	const size = 1 << 20
	opt := newOptimizer(t, size)
	var late func(index int)
	check(t, opt.SetParallelFor(func(_ int, task func(int)) { late = task; panic(errBoom) }, 2))
	w, g := filled(size, 1), filled(size, .1)
	wantPanic(t, func() { opt.Step(lars.List(w), lars.List(g)) })
	passes := 0
	check(t, opt.SetParallelFor(func(int, func(int)) {
		passes++
		late(0)
		if w[0] != 1 || w[size-1] != 1 {
			t.Error("it took part in another step")
		}
	}, 2))
	_, err := opt.Step(lars.List(w), lars.List(g))
	check(t, err)
	if passes != 2 || w[0] == 1 {
		t.Error(passes, w[0])
	}
}

// Goroutines that a pool leaves behind may outlive the optimizer.
func TestTasksAfterClose(t *testing.T) {
	const size = 1 << 20
	opt, err := lars.New()
	check(t, err)
	_, err = opt.AddParameter("p", lars.F32, size)
	check(t, err)
	check(t, opt.Set(lars.All, lars.LearningRate, 1))
	closed := make(chan struct{})
	var group sync.WaitGroup
	check(t, opt.SetParallelFor(func(count int, task func(int)) {
		for index := range count {
			group.Add(1)
			go func() {
				defer group.Done()
				<-closed
				task(index)
			}()
		}
		panic(errBoom)
	}, 2))
	wantPanic(t, func() {
		defer opt.Close()
		opt.Step(lars.List(filled(size, 1)), lars.List(filled(size, .1)))
	})
	close(closed)
	group.Wait()
}

// Indices of no task are ignored, and tasks that are left out are made good.
func TestTasksThatThereAreNot(t *testing.T) {
	const size = 1 << 20
	stepped := func(own bool) float32 {
		opt := newOptimizer(t, size)
		asked := 0
		if own {
			check(t, opt.SetParallelFor(func(count int, task func(int)) {
				asked++
				for _, index := range []int{-1, count, 1 << 40} {
					task(index)
				}
				task(0)
			}, 2))
		}
		w := filled(size, 1)
		_, err := opt.Step(lars.List(w), lars.List(filled(size, .1)))
		check(t, err)
		if own && asked == 0 {
			t.Error("not asked")
		}
		return w[size-1]
	}
	if got, want := stepped(true), stepped(false); got != want {
		t.Error(got, want)
	}
}
