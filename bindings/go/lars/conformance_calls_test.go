package lars_test

import (
	"encoding/hex"
	"os"
	"path/filepath"

	"github.com/liblars/liblars/bindings/go/lars"
)

// nothing is what calls return that only may fail.
func nothing(err error) (any, error) { return nil, err }

// something is what they return, unless they failed.
func something(value any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return value, nil
}

// Calls by their names in the cases, in the order of lars.h.

var settingCalls = map[string]func(*player, call) (any, error){
	"new": func(p *player, c call) (any, error) {
		p.startAgain()
		return nil, nil
	},
	"add_parameter": func(p *player, c call) (any, error) {
		var shape []int
		for _, extent := range c.list("shape") {
			shape = append(shape, int(numberOf(extent)))
		}
		return something(p.optimizer.AddParameter(c.text("name"), types[c.text("dtype")], shape...))
	},
	"parameter": func(p *player, c call) (any, error) {
		found, err := p.optimizer.Parameter(c.integer("index"))
		return something(call{"name": found.Name, "dtype": found.Type.String(), "shape": found.Shape}, err)
	},
	"parameter_count": func(p *player, c call) (any, error) { return something(p.optimizer.ParameterCount()) },
	"parameter_index": func(p *player, c call) (any, error) {
		return something(p.optimizer.ParameterIndex(c.text("name")))
	},
	"set_gradient_dtype": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetGradientType(c.selector(), types[c.text("dtype")]))
	},
	"gradient_dtype": func(p *player, c call) (any, error) {
		found, err := p.optimizer.GradientType(c.integer("index"))
		return something(found.String(), err)
	},
	"set": func(p *player, c call) (any, error) { return nothing(p.set(c)) },
	"get": func(p *player, c call) (any, error) {
		value, err := p.optimizer.Get(c.integer("index"), keys[c.text("key")])
		return something(bitsOf(value), err)
	},
	"set_variant": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetVariant(variants[c.text("variant")]))
	},
	"set_mlperf_resnet50": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetMLPerfResNet50(c.steps("batch"), c.steps("steps_per_epoch")))
	},
	"set_gradient_clip": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetGradientClip(c.number("max_norm")))
	},
	"gradient_clip": func(p *player, c call) (any, error) {
		maxNorm, err := p.optimizer.GradientClip()
		return something(bitsOf(maxNorm), err)
	},
	"nonfinite_policy": func(p *player, c call) (any, error) {
		policy, err := p.optimizer.NonfinitePolicy()
		return something(wordOf(policies, policy), err)
	},
	"max_consecutive_skips": func(p *player, c call) (any, error) {
		return something(p.optimizer.MaxConsecutiveSkips())
	},
	"set_nonfinite_policy": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetNonfinitePolicy(policies[c.text("policy")]))
	},
	"set_max_consecutive_skips": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetMaxConsecutiveSkips(c.steps("most")))
	},
	"set_kernels": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetKernels(c.text("kernels")))
	},
	"kernels": func(p *player, c call) (any, error) { return something(p.optimizer.Kernels()) },
	"set_threads": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetThreads(c.integer("threads")))
	},
}

func (p *player) set(c call) error {
	key := keys[c.text("key")]
	switch {
	case c.has("predicate") && c.has("schedule"):
		return p.optimizer.SetScheduleIf(predicateOf(c["predicate"]), key, scheduleOf(c["schedule"]))
	case c.has("predicate"):
		return p.optimizer.SetIf(predicateOf(c["predicate"]), key, c.number("value"))
	case c.has("schedule"):
		return p.optimizer.SetSchedule(c.selector(), key, scheduleOf(c["schedule"]))
	}
	return p.optimizer.Set(c.selector(), key, c.number("value"))
}

var stepCalls = map[string]func(*player, call) (any, error){
	"step": func(p *player, c call) (any, error) {
		return something(p.optimizer.Step(p.tensors(c, "parameters"), p.tensors(c, "gradients")))
	},
	"step_flat": func(p *player, c call) (any, error) {
		return something(p.optimizer.StepFlat(p.tensor(c, "parameters"), p.tensor(c, "gradients")))
	},
	"step_parameter": func(p *player, c call) (any, error) {
		parameter, gradient := p.tensor(c, "parameter"), p.tensor(c, "gradient")
		return something(p.optimizer.StepParameter(c.integer("index"), parameter, gradient))
	},
	"update": func(p *player, c call) (any, error) {
		parameters, gradients := p.tensors(c, "parameters"), p.tensors(c, "gradients")
		return something(p.optimizer.Update(parameters, gradients, p.tensors(c, "updates")))
	},
	"step_external": func(p *player, c call) (any, error) {
		parameters, gradients := p.tensors(c, "parameters"), p.tensors(c, "gradients")
		momentum, masters := p.tensors(c, "momentum"), p.tensors(c, "masters")
		return something(p.optimizer.StepExternal(parameters, gradients, momentum, masters))
	},
	"update_external": func(p *player, c call) (any, error) {
		parameters, gradients := p.tensors(c, "parameters"), p.tensors(c, "gradients")
		momentum, updates := p.tensors(c, "momentum"), p.tensors(c, "updates")
		return something(p.optimizer.UpdateExternal(parameters, gradients, momentum, updates))
	},
	"set_accumulation": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetAccumulation(c.integer("micro_batches")))
	},
	"accumulate": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.Accumulate(p.tensors(c, "parameters"), p.tensors(c, "gradients")))
	},
	"step_accumulated": func(p *player, c call) (any, error) {
		return something(p.optimizer.StepAccumulated(p.tensors(c, "parameters")))
	},
	"discard_accumulated": func(p *player, c call) (any, error) { return nothing(p.optimizer.DiscardAccumulated()) },
	"accumulated": func(p *player, c call) (any, error) {
		accumulated, microBatches, err := p.optimizer.Accumulated()
		return something([]int{accumulated, microBatches}, err)
	},
	"set_carry_norms": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetCarryNorms(c["carry"].(bool)))
	},
	"carry_norms":        func(p *player, c call) (any, error) { return something(p.optimizer.CarryNorms()) },
	"parameters_changed": func(p *player, c call) (any, error) { return nothing(p.optimizer.ParametersChanged()) },
}

var otherCalls = map[string]func(*player, call) (any, error){
	"step_count": func(p *player, c call) (any, error) {
		if c.has("index") {
			return something(p.optimizer.ParameterStepCount(c.integer("index")))
		}
		return something(p.optimizer.StepCount())
	},
	"set_step_count": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetParameterStepCount(c.integer("index"), c.steps("steps")))
	},
	"norms": func(p *player, c call) (any, error) {
		found, err := p.optimizer.Norms(c.integer("index"))
		return something(bitsOfAll([]float64{found.Weight, found.Update, found.TrustRatio}), err)
	},
	"skip_count": func(p *player, c call) (any, error) {
		consecutive, total, err := p.optimizer.SkipCount()
		return something([]uint64{consecutive, total}, err)
	},
	"nonfinite": func(p *player, c call) (any, error) {
		found, err := p.optimizer.Nonfinite()
		return something([]uint64{uint64(found.Index), found.ParameterElements, found.GradientElements}, err)
	},
	"telemetry": func(p *player, c call) (any, error) {
		values, err := p.optimizer.Telemetry(quantities[c.text("quantity")])
		return something(bitsOfAll(values), err)
	},
	"gradient_norms": func(p *player, c call) (any, error) { return something(p.optimizer.GradientNorms()) },
	"set_gradient_norms": func(p *player, c call) (any, error) {
		return nothing(p.optimizer.SetGradientNorms(c["wanted"].(bool)))
	},
	"observe": func(p *player, c call) (any, error) {
		if !c["wanted"].(bool) {
			return nothing(p.optimizer.SetObserver(nil))
		}
		return nothing(p.optimizer.SetObserver(func(report *lars.StepReport) {
			ratios := bitsOfAll(report.Append(nil, lars.TrustRatio))
			p.reports = append(p.reports, []any{report.Skipped, report.Steps, ratios})
		}))
	},
	"observed": func(p *player, c call) (any, error) {
		reports := p.reports
		p.reports = []any{}
		return reports, nil
	},
	"save": func(p *player, c call) (any, error) {
		checkpoint, err := p.optimizer.MarshalBinary()
		p.checkpoints[c.text("to")] = checkpoint
		return something(len(checkpoint), err)
	},
	"load": func(p *player, c call) (any, error) {
		if c.has("from") {
			return nothing(p.optimizer.UnmarshalBinary(p.checkpoints[c.text("from")]))
		}
		checkpoint, err := hex.DecodeString(c.text("bytes"))
		if err != nil {
			p.t.Fatal(err)
		}
		return nothing(p.optimizer.UnmarshalBinary(checkpoint))
	},
	"save_and_load_file": func(p *player, c call) (any, error) {
		folder, err := os.MkdirTemp("", "lars")
		if err != nil {
			p.t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		path := filepath.Join(folder, "checkpoint.safetensors")
		if err := p.optimizer.Save(path); err != nil {
			return nil, err
		}
		return nothing(p.optimizer.Load(path))
	},
	"load_file": func(p *player, c call) (any, error) { return nothing(p.optimizer.Load(c.text("path"))) },
	"schedule_values": func(p *player, c call) (any, error) {
		schedule := scheduleOf(c["schedule"])
		values := []float64{}
		for _, step := range c.list("steps") {
			value, err := schedule.Value(uint64(numberOf(step)))
			if err != nil {
				return nil, err
			}
			values = append(values, value)
		}
		return bitsOfAll(values), nil
	},
}
