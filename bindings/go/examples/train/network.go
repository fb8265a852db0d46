package main

import (
	"fmt"
	"math"

	"github.com/nlpodyssey/spago/ag"
	"github.com/nlpodyssey/spago/losses"
	"github.com/nlpodyssey/spago/mat"
)

// A network is a multi-layer perceptron with ReLU between its layers.
type network struct {
	layers []layer
}

type layer struct {
	weight, bias *mat.Dense[float32] // (in, out) and (1, out)
}

// A parameter is a matrix of the network under the name that the optimizer knows it by.
type parameter struct {
	name   string
	shape  []int
	matrix *mat.Dense[float32]
}

// newNetwork has layers of these widths, the first of which is that of the input. Weights are numbers that any
// language can make again, biases are zero.
func newNetwork(widths ...int) *network {
	state := uint64(20170813)
	n := &network{}
	for i, out := range widths[1:] {
		in := widths[i]
		weight := make([]float32, in*out)
		for j := range weight {
			state = state*6364136223846793005 + 1442695040888963407
			weight[j] = float32((float64(state>>40)/(1<<24) - 0.5) * 2 / math.Sqrt(float64(in)))
		}
		n.layers = append(n.layers, layer{
			mat.NewDense[float32](mat.WithShape(in, out), mat.WithBacking(weight), mat.WithGrad(true)),
			mat.NewDense[float32](mat.WithShape(1, out), mat.WithGrad(true)),
		})
	}
	return n
}

// parameters are all of them, in order.
func (n *network) parameters() []parameter {
	var all []parameter
	for i, l := range n.layers {
		all = append(all,
			parameter{fmt.Sprintf("dense%d.weight", i+1), l.weight.Shape(), l.weight},
			parameter{fmt.Sprintf("dense%d.bias", i+1), l.bias.Shape()[1:], l.bias})
	}
	return all
}

// scores are the outputs of a batch, one row for each image.
func (n *network) scores(pixels []float32, batch int) mat.Tensor {
	var x mat.Tensor = mat.NewDense[float32](mat.WithShape(batch, len(pixels)/batch), mat.WithBacking(pixels))
	ones := mat.NewDense[float32](mat.WithShape(batch, 1), mat.WithBacking(mat.CreateInitializedSlice[float32](batch, 1)))
	for i, l := range n.layers {
		if i > 0 {
			x = ag.ReLU(x)
		}
		x = ag.Add(ag.Mul(x, l.weight), ag.Mul(ones, l.bias)) // the bias in every row
	}
	return x
}

// loss is the mean softmax cross-entropy of a batch; its gradients, which backward adds up, are in the parameters.
func (n *network) loss(pixels []float32, labels []int) mat.Tensor {
	x := n.scores(pixels, len(labels))
	return losses.CrossEntropySeq(ag.ColViews(ag.T(x)), labels, true) // spago's losses are of columns
}

// right counts the images of a batch whose class has the highest score.
func (n *network) right(pixels []float32, labels []int) int {
	scores := mat.Data[float32](n.scores(pixels, len(labels)).Value().(mat.Matrix))
	classes, count := len(scores)/len(labels), 0
	for i, label := range labels {
		row, best := scores[i*classes:(i+1)*classes], 0
		for j, score := range row {
			if score > row[best] {
				best = j
			}
		}
		if best == label {
			count++
		}
	}
	return count
}
