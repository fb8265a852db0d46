package lars_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/liblars/liblars/bindings/go/lars"
)

func ExampleStatus() {
	opt, _ := lars.New()
	defer opt.Close()
	err := opt.Set(lars.All, lars.Momentum, 1.5)
	fmt.Println(errors.Is(err, lars.ErrValue))

	var failure *lars.Error
	if errors.As(err, &failure) {
		fmt.Println(failure.Status)
	}
	// Output:
	// true
	// LARS_ERR_VALUE
}

func ExampleOptimizer_SetIf() {
	opt, _ := lars.New()
	defer opt.Close()
	opt.AddParameter("bn.scale", lars.F32, 64)
	opt.AddParameter("conv.weight", lars.F32, 64, 3, 7, 7)
	opt.SetIf(func(p lars.Parameter) bool { return len(p.Shape) <= 1 }, lars.TrustRatioMask, 0)
	for index := range 2 {
		mask, _ := opt.Get(index, lars.TrustRatioMask)
		fmt.Println(mask)
	}
	// Output:
	// 0
	// 1
}

func ExampleOptimizer_SetSchedule() {
	opt, _ := lars.New()
	defer opt.Close()
	opt.AddParameter("weight", lars.F32, 10)
	warmup := lars.LinearSchedule(0, 1, 5, 0)
	decay := lars.CosineDecaySchedule(1, 100, 0, 1)
	schedule := lars.JoinSchedules(warmup, lars.Then{From: 5, Schedule: decay})
	if err := opt.SetSchedule(lars.All, lars.LearningRate, schedule); err != nil {
		fmt.Println(err)
	}
	for _, step := range []uint64{0, 3, 5, 55, 105} {
		value, _ := schedule.Value(step)
		fmt.Printf("%d: %.2f\n", step, value)
	}
	// Output:
	// 0: 0.00
	// 3: 0.60
	// 5: 1.00
	// 55: 0.50
	// 105: 0.00
}

func ExampleSchedule_Err() {
	schedule := lars.CosineDecaySchedule(1, 0, 0, 1)
	fmt.Println(errors.Is(schedule.Err(), lars.ErrValue))
	// Output: true
}

func ExampleFuncSchedule() {
	schedule := lars.FuncSchedule(func(step uint64) float64 { return 1 / math.Sqrt(float64(step+1)) })
	value, _ := schedule.Value(3)
	fmt.Println(value)
	// Output: 0.5
}

func ExampleOptimizer_SetObserver() {
	opt, _ := lars.New()
	defer opt.Close()
	opt.AddParameter("weight", lars.F64, 2)
	opt.Set(lars.All, lars.LearningRate, 1)
	var norms []float64
	opt.SetObserver(func(report *lars.StepReport) { norms = report.Append(norms, lars.WeightNorm) })
	weight, gradient := []float64{3, 4}, []float64{1, 1}
	opt.Step(lars.List(weight), lars.List(gradient))
	fmt.Println(norms)
	// Output: [5]
}

// Parameters of several types, one of them with gradients of another.
func ExampleOf() {
	opt, _ := lars.New()
	defer opt.Close()
	opt.AddParameter("a", lars.F32, 2)
	opt.AddParameter("b", lars.BF16, 2)
	opt.SetGradientType("b", lars.F32)
	opt.Set(lars.All, lars.LearningRate, 1)
	a, b := []float32{1, 2}, []lars.BFloat16{0x3f80, 0x4000} // 1 and 2
	gradient := lars.Of([]float32{1, 1})
	taken, err := opt.Step([]lars.Tensor{lars.Of(a), lars.Of(b)}, []lars.Tensor{gradient, gradient})
	fmt.Println(taken, err)
	// Output: true <nil>
}

// A goroutine for each task.
func ExampleOptimizer_SetParallelFor() {
	opt, _ := lars.New()
	defer opt.Close()
	opt.AddParameter("weight", lars.F32, 1<<20)
	err := opt.SetParallelFor(func(count int, task func(index int)) {
		var group sync.WaitGroup
		for index := range count {
			group.Add(1)
			go func() {
				defer group.Done()
				task(index)
			}()
		}
		group.Wait()
	}, 4)
	threads, _ := opt.Threads() // of a step of this size
	fmt.Println(threads, err)
	// Output: 4 <nil>
}

func ExampleOptimizer_MarshalBinary() {
	weight, gradient := []float32{1, 2, 3}, []float32{1, 1, 1}
	run := func() *lars.Optimizer {
		opt, _ := lars.New()
		opt.AddParameter("weight", lars.F32, 3)
		return opt
	}
	first := run()
	defer first.Close()
	first.Set(lars.All, lars.LearningRate, 1)
	first.Step(lars.List(weight), lars.List(gradient))
	checkpoint, _ := first.MarshalBinary()

	second := run()
	defer second.Close()
	fmt.Println(second.UnmarshalBinary(checkpoint))
	steps, _ := second.StepCount()
	fmt.Println(steps)
	// Output:
	// <nil>
	// 1
}

func ExampleVersion() {
	fmt.Println(strings.Count(lars.Version(), "."))
	// Output: 2
}
