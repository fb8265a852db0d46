package lars_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/liblars/liblars/bindings/go/lars"
)

// Words of the cases.

var types = map[string]lars.Type{
	"float16": lars.F16, "bfloat16": lars.BF16, "float32": lars.F32, "float64": lars.F64, "int16": lars.I16,
}

var keys = map[string]lars.Key{
	"learning_rate":     lars.LearningRate,
	"weight_decay":      lars.WeightDecay,
	"weight_decay_mask": lars.WeightDecayMask,
	"trust_coefficient": lars.TrustCoefficient,
	"eps":               lars.Eps,
	"trust_ratio_mask":  lars.TrustRatioMask,
	"momentum":          lars.Momentum,
	"nesterov":          lars.Nesterov,
	"gradient_scale":    lars.GradientScale,
	"denominator":       lars.Denominator,
	"outside_momentum":  lars.OutsideMomentum,
	"trust_clip":        lars.TrustClip,
	"dampening":         lars.Dampening,
	"decay_in_update":   lars.DecayInUpdate,
	"zero_norm_decay":   lars.ZeroNormDecay,
	"clip_value":        lars.ClipValue,
}

var quantities = map[string]lars.Quantity{
	"weight_norm":    lars.WeightNorm,
	"gradient_norm":  lars.GradientNorm,
	"update_norm":    lars.UpdateNorm,
	"trust_ratio":    lars.TrustRatio,
	"effective_rate": lars.EffectiveRate,
	"limited_share":  lars.LimitedShare,
	"skipped_share":  lars.SkippedShare,
}

var variants = map[string]lars.Variant{
	"optax":  lars.VariantOptax,
	"paper":  lars.VariantPaper,
	"torch":  lars.VariantTorch,
	"larc":   lars.VariantLARC,
	"barlow": lars.VariantBarlow,
	"tf":     lars.VariantTF,
}

var policies = map[string]lars.NonfinitePolicy{
	"refuse": lars.NonfiniteRefuse, "skip": lars.NonfiniteSkip, "propagate": lars.NonfinitePropagate,
}

// wordOf is the word of a value.
func wordOf[T comparable](words map[string]T, value T) string {
	for word, known := range words {
		if known == value {
			return word
		}
	}
	panic("no such value")
}

// numberOf is a number, which may be written "nan", "inf" or "-inf".
func numberOf(value any) float64 {
	text, isText := value.(string)
	if !isText {
		text = value.(json.Number).String()
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return number
}

// onlyMember of an object is its kind, and what is known of it.
func onlyMember(object any) (string, any) {
	for kind, value := range object.(map[string]any) {
		return kind, value
	}
	panic("an empty object")
}

func predicateOf(spec any) func(lars.Parameter) bool {
	kind, value := onlyMember(spec)
	switch kind {
	case "ndim_at_most":
		return func(p lars.Parameter) bool { return len(p.Shape) <= int(numberOf(value)) }
	case "name_ends_with":
		return func(p lars.Parameter) bool { return strings.HasSuffix(p.Name, value.(string)) }
	case "dtype":
		return func(p lars.Parameter) bool { return p.Type == types[value.(string)] }
	case "index":
		return func(p lars.Parameter) bool { return p.Index == int(numberOf(value)) }
	case "first_extent":
		return func(p lars.Parameter) bool { return len(p.Shape) > 0 && p.Shape[0] == int(numberOf(value)) }
	case "fails":
		return func(lars.Parameter) bool { panic(errTold) }
	}
	panic(fmt.Sprintf("no predicate is called %q", kind))
}

func functionOf(name string) func(uint64) float64 {
	switch name {
	case "reciprocal":
		return func(step uint64) float64 { return 1 / (1 + float64(step)) }
	case "fails":
		return func(uint64) float64 { panic(errTold) }
	}
	panic(fmt.Sprintf("no function is called %q", name))
}

func scheduleOf(spec any) *lars.Schedule {
	kind, value := onlyMember(spec)
	if kind == "callback" {
		return lars.FuncSchedule(functionOf(value.(string)))
	}
	c := call(value.(map[string]any))
	switch kind {
	case "join":
		return joinOf(c)
	case "sgdr":
		return sgdrOf(c)
	case "constant":
		return lars.ConstantSchedule(c.number("value"))
	case "linear":
		return lars.LinearSchedule(c.number("init_value"), c.number("end_value"), c.steps("transition_steps"),
			c.steps("transition_begin"))
	case "polynomial":
		return lars.PolynomialSchedule(c.number("init_value"), c.number("end_value"), c.number("power"),
			c.steps("transition_steps"), c.steps("transition_begin"))
	case "piecewise_constant":
		return lars.PiecewiseConstantSchedule(c.number("init_value"), boundariesOf(c)...)
	case "piecewise_interpolate":
		interpolation := lars.InterpolateLinear
		if c.text("interpolate_type") == "cosine" {
			interpolation = lars.InterpolateCosine
		}
		return lars.PiecewiseInterpolateSchedule(interpolation, c.number("init_value"), boundariesOf(c)...)
	case "exponential_decay":
		return lars.ExponentialDecaySchedule(c.number("init_value"), c.steps("transition_steps"),
			c.number("decay_rate"), c.steps("transition_begin"), c["staircase"].(bool), endOf(c))
	case "cosine_decay":
		return lars.CosineDecaySchedule(c.number("init_value"), c.steps("decay_steps"), c.number("alpha"),
			c.number("exponent"))
	case "linear_onecycle":
		return lars.LinearOnecycleSchedule(c.steps("transition_steps"), c.number("peak_value"), c.number("pct_start"),
			c.number("pct_final"), c.number("div_factor"), c.number("final_div_factor"))
	case "cosine_onecycle":
		return lars.CosineOnecycleSchedule(c.steps("transition_steps"), c.number("peak_value"),
			c.number("pct_start"), c.number("div_factor"), c.number("final_div_factor"))
	}
	return warmupOf(kind, c)
}

func warmupOf(kind string, c call) *lars.Schedule {
	switch kind {
	case "warmup_constant":
		return lars.WarmupConstantSchedule(c.number("init_value"), c.number("peak_value"), c.steps("warmup_steps"))
	case "warmup_cosine_decay":
		return lars.WarmupCosineDecaySchedule(c.number("init_value"), c.number("peak_value"), c.steps("warmup_steps"),
			c.steps("decay_steps"), c.number("end_value"), c.number("exponent"))
	case "warmup_exponential_decay":
		return lars.WarmupExponentialDecaySchedule(c.number("init_value"), c.number("peak_value"),
			c.steps("warmup_steps"), c.steps("transition_steps"), c.number("decay_rate"), c.steps("transition_begin"),
			c["staircase"].(bool), endOf(c))
	}
	panic(fmt.Sprintf("no schedule is called %q", kind))
}

func endOf(c call) *float64 {
	if c["end_value"] == nil {
		return nil
	}
	value := c.number("end_value")
	return &value
}

func boundariesOf(c call) []lars.Boundary {
	var boundaries []lars.Boundary
	for _, pair := range c.list("boundaries") {
		boundary := pair.([]any)
		boundaries = append(boundaries, lars.Boundary{
			Step: uint64(numberOf(boundary[0])), Scale: numberOf(boundary[1]),
		})
	}
	return boundaries
}

func joinOf(c call) *lars.Schedule {
	var parts []*lars.Schedule
	for _, spec := range c.list("schedules") {
		parts = append(parts, scheduleOf(spec))
	}
	var others []lars.Then
	for i, boundary := range c.list("boundaries") {
		others = append(others, lars.Then{From: uint64(numberOf(boundary)), Schedule: parts[i+1]})
	}
	return lars.JoinSchedules(parts[0], others...)
}

func sgdrOf(c call) *lars.Schedule {
	var cycles []lars.Cycle
	for _, spec := range c.list("cycles") {
		one := call(spec.(map[string]any))
		cycles = append(cycles, lars.Cycle{
			InitValue: one.number("init_value"), PeakValue: one.number("peak_value"),
			WarmupSteps: one.steps("warmup_steps"), DecaySteps: one.steps("decay_steps"),
			EndValue: one.number("end_value"), Exponent: one.number("exponent"),
		})
	}
	return lars.SGDRSchedule(cycles...)
}
