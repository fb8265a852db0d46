package lars

// #include <lars/lars.h>
import "C"

import "unsafe"

// Boundary is a step from which on the value is multiplied by Scale, too.
type Boundary struct {
	Step  uint64
	Scale float64
}

// Cycle is one warm restart of SGDRSchedule.
type Cycle struct {
	InitValue, PeakValue    float64
	WarmupSteps, DecaySteps uint64 // DecaySteps is the whole cycle
	EndValue, Exponent      float64
}

// ConstantSchedule is value at every step.
func ConstantSchedule(value float64) *Schedule {
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_constant(C.double(value), made)
	})
}

// LinearSchedule goes from initValue to endValue in a straight line over transitionSteps, starting at
// transitionBegin.
func LinearSchedule(initValue, endValue float64, transitionSteps, transitionBegin uint64) *Schedule {
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_linear(C.double(initValue), C.double(endValue), C.uint64_t(transitionSteps),
			C.uint64_t(transitionBegin), made)
	})
}

// PolynomialSchedule is (initValue - endValue) * (1 - p)^power + endValue, with p the share of transitionSteps that
// has passed since transitionBegin.
func PolynomialSchedule(initValue, endValue, power float64, transitionSteps, transitionBegin uint64) *Schedule {
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_polynomial(C.double(initValue), C.double(endValue), C.double(power),
			C.uint64_t(transitionSteps), C.uint64_t(transitionBegin), made)
	})
}

// columns are boundaries as lars.h takes them.
func columns(boundaries []Boundary) (count C.uint32_t, steps *C.uint64_t, scales *C.double) {
	var allSteps []C.uint64_t
	var allScales []C.double
	for _, boundary := range boundaries {
		allSteps = append(allSteps, C.uint64_t(boundary.Step))
		allScales = append(allScales, C.double(boundary.Scale))
	}
	return cCount(len(boundaries)), unsafe.SliceData(allSteps), unsafe.SliceData(allScales)
}

// PiecewiseConstantSchedule is initValue times the scales of the boundaries that have been reached.
func PiecewiseConstantSchedule(initValue float64, boundaries ...Boundary) *Schedule {
	count, steps, scales := columns(boundaries)
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_piecewise_constant(C.double(initValue), count, steps, scales, made)
	})
}

// PiecewiseInterpolateSchedule goes through the values that PiecewiseConstantSchedule takes at its boundaries.
func PiecewiseInterpolateSchedule(interpolation Interpolation, initValue float64, boundaries ...Boundary) *Schedule {
	count, steps, scales := columns(boundaries)
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_piecewise_interpolate(C.int32_t(interpolation), C.double(initValue), count, steps, scales,
			made)
	})
}

// ExponentialDecaySchedule is initValue * decayRate^((t - transitionBegin) / transitionSteps), the exponent
// rounded down if staircase. *endValue, unless nil, bounds what varies.
func ExponentialDecaySchedule(initValue float64, transitionSteps uint64, decayRate float64, transitionBegin uint64,
	staircase bool, endValue *float64) *Schedule {
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_exponential_decay(C.double(initValue), C.uint64_t(transitionSteps), C.double(decayRate),
			C.uint64_t(transitionBegin), cBool(staircase), (*C.double)(endValue), made)
	})
}

// CosineDecaySchedule falls from initValue to alpha * initValue over decaySteps, in half a period of cosine to the
// power of exponent.
func CosineDecaySchedule(initValue float64, decaySteps uint64, alpha, exponent float64) *Schedule {
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_cosine_decay(C.double(initValue), C.uint64_t(decaySteps), C.double(alpha),
			C.double(exponent), made)
	})
}

// LinearOnecycleSchedule is straight lines up to peakValue at pctStart, down again at pctFinal, and on down. optax's
// defaults: pctStart 0.3, pctFinal 0.85, divFactor 25, finalDivFactor 1e4.
func LinearOnecycleSchedule(transitionSteps uint64, peakValue, pctStart, pctFinal, divFactor,
	finalDivFactor float64) *Schedule {
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_linear_onecycle(C.uint64_t(transitionSteps), C.double(peakValue), C.double(pctStart),
			C.double(pctFinal), C.double(divFactor), C.double(finalDivFactor), made)
	})
}

// CosineOnecycleSchedule is cosine arcs up to peakValue at pctStart, and down. optax's defaults: pctStart 0.3,
// divFactor 25, finalDivFactor 1e4.
func CosineOnecycleSchedule(transitionSteps uint64, peakValue, pctStart, divFactor, finalDivFactor float64) *Schedule {
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_cosine_onecycle(C.uint64_t(transitionSteps), C.double(peakValue), C.double(pctStart),
			C.double(divFactor), C.double(finalDivFactor), made)
	})
}

// WarmupConstantSchedule goes from initValue to peakValue in a straight line over warmupSteps, and stays there.
func WarmupConstantSchedule(initValue, peakValue float64, warmupSteps uint64) *Schedule {
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_warmup_constant(C.double(initValue), C.double(peakValue), C.uint64_t(warmupSteps), made)
	})
}

// WarmupCosineDecaySchedule is a linear warm-up, then a cosine decay to endValue at step decaySteps, which counts the
// warm-up.
func WarmupCosineDecaySchedule(initValue, peakValue float64, warmupSteps, decaySteps uint64, endValue,
	exponent float64) *Schedule {
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_warmup_cosine_decay(C.double(initValue), C.double(peakValue), C.uint64_t(warmupSteps),
			C.uint64_t(decaySteps), C.double(endValue), C.double(exponent), made)
	})
}

// WarmupExponentialDecaySchedule is a linear warm-up, then an ExponentialDecaySchedule from peakValue, counted from
// there.
func WarmupExponentialDecaySchedule(initValue, peakValue float64, warmupSteps, transitionSteps uint64,
	decayRate float64, transitionBegin uint64, staircase bool, endValue *float64) *Schedule {
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_warmup_exponential_decay(C.double(initValue), C.double(peakValue),
			C.uint64_t(warmupSteps), C.uint64_t(transitionSteps), C.double(decayRate), C.uint64_t(transitionBegin),
			cBool(staircase), (*C.double)(endValue), made)
	})
}

// SGDRSchedule is warm restarts: a WarmupCosineDecaySchedule for each cycle, one after the other.
func SGDRSchedule(cycles ...Cycle) *Schedule {
	var initValues, peakValues, endValues, exponents []C.double
	var warmupSteps, decaySteps []C.uint64_t
	for _, cycle := range cycles {
		initValues = append(initValues, C.double(cycle.InitValue))
		peakValues = append(peakValues, C.double(cycle.PeakValue))
		warmupSteps = append(warmupSteps, C.uint64_t(cycle.WarmupSteps))
		decaySteps = append(decaySteps, C.uint64_t(cycle.DecaySteps))
		endValues = append(endValues, C.double(cycle.EndValue))
		exponents = append(exponents, C.double(cycle.Exponent))
	}
	return newSchedule(func(made **C.lars_schedule) C.int32_t {
		return C.lars_schedule_sgdr(cCount(len(cycles)), unsafe.SliceData(initValues), unsafe.SliceData(peakValues),
			unsafe.SliceData(warmupSteps), unsafe.SliceData(decaySteps), unsafe.SliceData(endValues),
			unsafe.SliceData(exponents), made)
	})
}
