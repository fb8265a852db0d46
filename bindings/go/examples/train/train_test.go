package main

import (
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/nlpodyssey/spago/mat"
)

// writeIDX writes bytes in the format of MNIST.
func writeIDX(t *testing.T, path string, content []byte, shape ...uint32) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	writer := gzip.NewWriter(file)
	writer.Write([]byte{0, 0, 8, byte(len(shape))})
	binary.Write(writer, binary.BigEndian, shape)
	writer.Write(content)
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
}

// twoClasses are images of 4 pixels whose first half is bright, or whose second is.
func twoClasses(t *testing.T, images int) string {
	t.Helper()
	folder := t.TempDir()
	var pixels, labels []byte
	for i := range images {
		label, noise := byte(i%2), byte(i%7)
		bright := []byte{200 + noise, 200, noise, 0}
		if label == 1 {
			bright = []byte{0, noise, 200, 200 + noise}
		}
		pixels, labels = append(pixels, bright...), append(labels, label)
	}
	writeIDX(t, filepath.Join(folder, "train-images-idx3-ubyte.gz"), pixels, uint32(images), 2, 2)
	writeIDX(t, filepath.Join(folder, "train-labels-idx1-ubyte.gz"), labels, uint32(images))
	return folder
}

func TestLossFalls(t *testing.T) {
	images, err := readDataset(twoClasses(t, 60), "train", 60)
	if err != nil {
		t.Fatal(err)
	}
	n := newNetwork(images.size, 8, 10)
	s := settings{decay: "cosine", warmup: 3, learningRate: 0.3, momentum: 0.9, weightDecay: 1e-4, trustCoefficient: 0.1}
	optimizer, err := newOptimizer(s, n.parameters(), 100)
	if err != nil {
		t.Fatal(err)
	}
	defer optimizer.Close()
	var all []float64
	for range 20 {
		loss, err := pass(n, optimizer, images, 16) // the last batch is smaller
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, loss)
	}
	if all[len(all)-1] > 0.1*all[0] {
		t.Error(all)
	}
}

func TestInitialWeights(t *testing.T) {
	n := newNetwork(784, 100, 10)
	first := mat.Data[float32](n.layers[0].weight)
	state := uint64(20170813)
	state = state*6364136223846793005 + 1442695040888963407
	want := float32((float64(state>>40)/16777216 - 0.5) * 2 / 28) // the square root of 784
	if len(first) != 78400 || first[0] != want {
		t.Error(len(first), first[0], want)
	}
	if bias := mat.Data[float32](n.layers[1].bias); len(bias) != 10 || bias[9] != 0 {
		t.Error(bias)
	}
}

func TestMalformedFiles(t *testing.T) {
	folder := twoClasses(t, 4)
	if _, err := readDataset(folder, "train", 5); err == nil {
		t.Error("5 images of 4")
	}
	if _, err := readDataset(folder, "t10k", 1); err == nil {
		t.Error("there is no such file")
	}
	path := filepath.Join(folder, "short")
	for _, content := range [][]byte{nil, {0, 0, 9, 0}, {0, 0, 8, 1, 0, 0}, {0, 0, 8, 1, 0, 0, 0, 2, 7}} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := readIDX(path); err == nil {
			t.Error("read", content)
		}
	}
}
