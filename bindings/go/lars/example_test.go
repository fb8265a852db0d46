package lars_test

import (
	"fmt"
	"log"

	"github.com/liblars/liblars/bindings/go/lars"
)

func Example() {
	weight, weightGradient := []float32{1, 2, 3, 4, 5, 6}, []float32{.1, .2, .3, .1, .2, .3}
	bias, biasGradient := []float32{.5, .5}, []float32{.1, -.1}
	parameters := lars.List(weight, bias)
	gradients := lars.List(weightGradient, biasGradient)

	opt, err := lars.New()
	if err != nil {
		log.Fatal(err)
	}
	defer opt.Close()
	must := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	_, err = opt.AddParameter("fc.weight", lars.F32, 2, 3)
	must(err)
	_, err = opt.AddParameter("fc.bias", lars.F32, 2)
	must(err)
	must(opt.Set(lars.All, lars.LearningRate, 10))
	must(opt.Set("*.bias", lars.TrustRatioMask, 0)) // biases take no trust ratio,
	must(opt.Set("*.bias", lars.LearningRate, .1))  // so they need a learning rate of their own
	for step := range 3 {
		_, err := opt.Step(parameters, gradients)
		must(err)
		norms, err := opt.Norms(0)
		must(err)
		fmt.Printf("step %d: weight %.4f, bias %.3f, trust ratio %.5f\n", step, weight[0], bias[0], norms.TrustRatio)
	}
	// Output:
	// step 0: weight 0.9820, bias 0.490, trust ratio 0.01803
	// step 1: weight 0.9479, bias 0.471, trust ratio 0.01786
	// step 2: weight 0.8996, bias 0.444, trust ratio 0.01755
}
