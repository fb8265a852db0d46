// Command train trains a network of spago, a Go library, with liblars as its optimizer, on the library's own
// weights in place.
package main

import (
	"flag"
	"fmt"
	"log"
	"strconv"
	"strings"

	"github.com/liblars/liblars/bindings/go/lars"
	"github.com/nlpodyssey/spago/ag"
	"github.com/nlpodyssey/spago/mat"
)

type settings struct {
	data, hidden, decay                                   string
	images, batch, epochs                                 int
	warmup                                                uint64
	learningRate, momentum, weightDecay, trustCoefficient float64
}

func main() {
	log.SetFlags(0)
	var s settings
	flag.StringVar(&s.data, "data", "/usr/share/datasets/fashion-mnist",
		"`folder` of train-images-idx3-ubyte")
	flag.IntVar(&s.images, "images", 4096, "train on the first images")
	flag.StringVar(&s.hidden, "hidden", "100", "`widths` of the hidden layers, with commas")
	flag.IntVar(&s.batch, "batch", 64, "images in a batch")
	flag.IntVar(&s.epochs, "epochs", 5, "passes over the images")
	flag.Float64Var(&s.learningRate, "learning-rate", 2, "LARS: learning rate; a tenth of it for biases")
	flag.Float64Var(&s.momentum, "momentum", 0.9, "LARS: momentum")
	flag.Float64Var(&s.weightDecay, "weight-decay", 1e-4, "LARS: weight decay")
	flag.Float64Var(&s.trustCoefficient, "trust-coefficient", 0.01, "LARS: trust coefficient")
	flag.Uint64Var(&s.warmup, "warmup", 0, "`steps` in which the learning rate rises from 0")
	flag.StringVar(&s.decay, "decay", "cosine", "how it falls to 0 from there to the last step: none, linear or cosine")
	flag.Parse()
	if err := train(s); err != nil {
		log.Fatal(err)
	}
}

func train(s settings) error {
	images, err := readDataset(s.data, "train", s.images)
	if err != nil {
		return err
	}
	if s.batch < 1 || s.epochs < 1 {
		return fmt.Errorf("batch %d and epochs %d must be at least 1", s.batch, s.epochs)
	}
	widths := []int{images.size}
	for _, text := range strings.Split(s.hidden, ",") {
		width, err := strconv.Atoi(text)
		if err != nil || width < 1 {
			return fmt.Errorf("%q is no width of a hidden layer", text)
		}
		widths = append(widths, width)
	}
	parameters := newNetwork(append(widths, 10)...)
	steps := s.epochs * ((s.images + s.batch - 1) / s.batch)
	optimizer, err := newOptimizer(s, parameters.parameters(), uint64(steps))
	if err != nil {
		return err
	}
	defer optimizer.Close()
	for epoch := range s.epochs {
		loss, err := pass(parameters, optimizer, images, s.batch)
		if err != nil {
			return err
		}
		fmt.Printf("epoch %d: loss %.4f\n", epoch+1, loss)
	}
	report(parameters, images, s.batch)
	return nil
}

// report prints the mean loss over all images after the last step, and the share of them that is classified right.
func report(n *network, images dataset, batch int) {
	sum, right := 0.0, 0
	for from := 0; from < len(images.labels); from += batch {
		to := min(from+batch, len(images.labels))
		pixels, labels := images.pixels[from*images.size:to*images.size], images.labels[from:to]
		sum += n.loss(pixels, labels).Item().F64() * float64(len(labels))
		right += n.right(pixels, labels)
	}
	count := float64(len(images.labels))
	fmt.Printf("final loss %.4f, accuracy %.4f\n", sum/count, float64(right)/count)
}

// newOptimizer has the network's parameters; biases are neither decayed nor adapted, and have a learning rate of
// their own.
func newOptimizer(s settings, parameters []parameter, steps uint64) (*lars.Optimizer, error) {
	optimizer, err := lars.New()
	if err != nil {
		return nil, err
	}
	for _, p := range parameters {
		if _, err := optimizer.AddParameter(p.name, lars.F32, p.shape...); err != nil {
			optimizer.Close()
			return nil, err
		}
	}
	learningRate, err := learningRateOf(s, s.learningRate, steps)
	if err != nil {
		optimizer.Close()
		return nil, err
	}
	ofBiases, err := learningRateOf(s, s.learningRate/10, steps)
	if err != nil {
		optimizer.Close()
		return nil, err
	}
	for _, err := range []error{
		optimizer.SetSchedule(lars.All, lars.LearningRate, learningRate),
		optimizer.Set(lars.All, lars.Momentum, s.momentum),
		optimizer.Set(lars.All, lars.WeightDecay, s.weightDecay),
		optimizer.Set(lars.All, lars.TrustCoefficient, s.trustCoefficient),
		optimizer.SetSchedule("*.bias", lars.LearningRate, ofBiases),
		optimizer.Set("*.bias", lars.WeightDecayMask, 0),
		optimizer.Set("*.bias", lars.TrustRatioMask, 0),
	} {
		if err != nil {
			optimizer.Close()
			return nil, err
		}
	}
	return optimizer, nil
}

func learningRateOf(s settings, rate float64, steps uint64) (*lars.Schedule, error) {
	if s.warmup >= steps {
		return nil, fmt.Errorf("a warm-up of %d steps leaves none of %d", s.warmup, steps)
	}
	var after *lars.Schedule
	switch s.decay {
	case "none":
		after = lars.ConstantSchedule(rate)
	case "linear":
		after = lars.LinearSchedule(rate, 0, steps-s.warmup, 0)
	case "cosine":
		after = lars.CosineDecaySchedule(rate, steps-s.warmup, 0, 1)
	default:
		return nil, fmt.Errorf("decay is none, linear or cosine, not %q", s.decay)
	}
	if s.warmup == 0 {
		return after, nil
	}
	rise := lars.LinearSchedule(0, rate, s.warmup, 0)
	return lars.JoinSchedules(rise, lars.Then{From: s.warmup, Schedule: after}), nil
}

// pass trains on all images once, in order, and returns the mean loss of the batches, each before its step.
func pass(n *network, optimizer *lars.Optimizer, images dataset, batch int) (float64, error) {
	parameters := n.parameters()
	weights := make([]lars.Tensor, len(parameters))
	gradients := make([]lars.Tensor, len(parameters))
	for i, p := range parameters {
		weights[i] = lars.Of(mat.Data[float32](p.matrix)) // the slice itself: spago sees each step at once
	}
	sum, batches := 0.0, 0
	for from := 0; from < len(images.labels); from += batch {
		to := min(from+batch, len(images.labels))
		loss := n.loss(images.pixels[from*images.size:to*images.size], images.labels[from:to])
		if err := ag.Backward(loss); err != nil {
			return 0, err
		}
		for i, p := range parameters {
			gradients[i] = lars.Of(mat.Data[float32](p.matrix.Grad())) // spago makes new ones every time
		}
		if _, err := optimizer.Step(weights, gradients); err != nil {
			return 0, err
		}
		for _, p := range parameters {
			p.matrix.ZeroGrad()
		}
		sum += loss.Item().F64()
		batches++
	}
	return sum / float64(batches), nil
}
