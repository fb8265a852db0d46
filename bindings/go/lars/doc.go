// Package lars is layer-wise adaptive rate scaling (LARS), the large-batch optimizer of You, Gitman and Ginsburg
// (arXiv:1708.03888), as optax.lars defines it: the Go binding of liblars.
//
// Parameters are registered by name, hyper-parameters set for all of them or for some, and steps taken in place,
// in the program's own slices:
//
//	opt, err := lars.New()
//	...
//	opt.AddParameter("dense.weight", lars.F32, 784, 10)
//	opt.AddParameter("dense.bias", lars.F32, 10)
//	opt.Set(lars.All, lars.LearningRate, 0.1)
//	opt.Set("*.bias", lars.TrustRatioMask, 0)
//	opt.Set("*.bias", lars.LearningRate, 0.01) // without a trust ratio they need a rate of their own
//	...
//	opt.Step(lars.List(weight, bias), lars.List(weightGradient, biasGradient))
//
// The binding computes nothing and checks nothing that the library checks, so lars.h documents each call in full; the
// functions here have its names.
//
// # Errors
//
// What fails has changed nothing, and returns an [*Error] with the library's message, which wraps a [Status]:
//
//	if errors.Is(err, lars.ErrNonfinite) { ... }
//
// Only what is called after Close returns [ErrClosed], which is no [*Error].
//
// # Goroutines
//
// Optimizers are independent of each other. Calls on one exclude each other: while one runs, another returns
// [ErrBusy]. Schedules may be shared.
//
// # Memory
//
// A [Tensor] refers to a slice of Go, or of C memory as unsafe.Slice makes it. The library keeps no pointer to it
// after a call. The optimizer keeps tensors that two calls in a row had, pinned, until one with others, or
// [Optimizer.Close]: trainers pass the same ones at every step, which then allocates nothing.
//
// # Functions that the library calls
//
// Predicates, schedules, observers and the function of [Optimizer.SetParallelFor] are called while a method of the
// optimizer runs, on its goroutine. If one panics, the library is told that it failed, which makes the call fail
// and change nothing; only an observer is called when the step is done, and a pool perhaps when it has begun to
// write, in which case it is completed. When the library has returned, the method panics with the same value.
//
// They must not end the goroutine (runtime.Goexit, and so testing.T.FailNow): the optimizer would stay busy for
// good.
package lars
