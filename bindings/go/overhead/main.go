// Command overhead times a step through the binding, for the project's benchmarks: of the tensors of a real
// network, and of as many tiny ones, where all that counts is what a call costs.
//
// It prints a line of JSON for each: {"tensors":161,"elements":25557032,"ns_per_step":14700000}
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"github.com/liblars/liblars/bindings/go/lars"
)

type model struct {
	Parameters []struct {
		Name  string
		Shape []int
	}
}

type result struct {
	Tensors   int   `json:"tensors"`
	Elements  int   `json:"elements"`
	NsPerStep int64 `json:"ns_per_step"`
}

func main() {
	log.SetFlags(0)
	path := flag.String("model", "../../bench/models/resnet50.json", "`file` of names and shapes")
	tiny := flag.Int("tiny", 64, "`elements` of a tiny tensor")
	duration := flag.Duration("duration", 3*time.Second, "how long to take steps, for each line")
	threads := flag.Int("threads", 0, "threads of a step; 0: as many as help")
	flag.Parse()

	whole, err := read(*path)
	if err != nil {
		log.Fatal(err)
	}
	small := model{slices.Clone(whole.Parameters)}
	for i := range small.Parameters {
		small.Parameters[i].Shape = []int{*tiny}
	}
	for _, m := range []model{whole, small} {
		measured, err := measure(m, *threads, *duration)
		if err != nil {
			log.Fatal(err)
		}
		line, err := json.Marshal(measured)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(line))
	}
}

func read(path string) (model, error) {
	var m model
	content, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(content, &m)
}

// measure is the median of the steps that it takes in that time, after some to warm up.
func measure(m model, threads int, duration time.Duration) (result, error) {
	opt, err := lars.New()
	if err != nil {
		return result{}, err
	}
	defer opt.Close()
	if err := errors.Join(opt.Set(lars.All, lars.LearningRate, 0.1), opt.Set(lars.All, lars.WeightDecay, 1e-4)); err != nil {
		return result{}, err
	}
	if err := opt.SetThreads(threads); err != nil {
		return result{}, err
	}
	measured := result{Tensors: len(m.Parameters)}
	var parameters, gradients []lars.Tensor
	for _, p := range m.Parameters {
		if _, err := opt.AddParameter(p.Name, lars.F32, p.Shape...); err != nil {
			return result{}, err
		}
		elements := 1
		for _, extent := range p.Shape {
			elements *= extent
		}
		measured.Elements += elements
		parameters = append(parameters, lars.Of(filled(elements, 0.5)))
		gradients = append(gradients, lars.Of(filled(elements, 1e-3)))
	}
	var times []time.Duration
	for end := time.Now().Add(duration); len(times) < 20 || time.Now().Before(end); {
		start := time.Now()
		if _, err := opt.Step(parameters, gradients); err != nil {
			return result{}, err
		}
		times = append(times, time.Since(start))
	}
	times = times[10:]
	slices.Sort(times)
	measured.NsPerStep = times[len(times)/2].Nanoseconds()
	return measured, nil
}

func filled(count int, value float32) []float32 {
	all := make([]float32, count)
	for i := range all {
		all[i] = value
	}
	return all
}
