package main

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A dataset is images and what they show.
type dataset struct {
	pixels []float32 // image after image, 0 to 1
	size   int       // pixels of an image
	labels []int
}

// readDataset reads the first images of a dataset in the format of MNIST, from gzipped files or plain ones.
func readDataset(folder, name string, images int) (dataset, error) {
	shape, pixels, err := readIDX(filepath.Join(folder, name+"-images-idx3-ubyte"))
	if err != nil {
		return dataset{}, err
	}
	labelShape, labels, err := readIDX(filepath.Join(folder, name+"-labels-idx1-ubyte"))
	if err != nil {
		return dataset{}, err
	}
	if len(shape) != 3 || len(labelShape) != 1 || shape[0] != labelShape[0] {
		return dataset{}, fmt.Errorf("%s: images of shape %v, labels of shape %v", folder, shape, labelShape)
	}
	if images < 1 || images > shape[0] {
		return dataset{}, fmt.Errorf("%s has %d images, so there are no first %d", folder, shape[0], images)
	}
	d := dataset{size: shape[1] * shape[2]}
	for _, pixel := range pixels[:images*d.size] {
		d.pixels = append(d.pixels, float32(pixel)/255)
	}
	for _, label := range labels[:images] {
		d.labels = append(d.labels, int(label))
	}
	return d, nil
}

// readIDX reads an array of bytes: two zeros, 8 for "bytes", the number of dimensions, the dimensions, the bytes.
func readIDX(path string) (shape []int, content []byte, err error) {
	content, err = readFile(path)
	if err != nil {
		return nil, nil, err
	}
	malformed := fmt.Errorf("%s is no IDX file of bytes", path)
	if len(content) < 4 || content[0] != 0 || content[1] != 0 || content[2] != 8 {
		return nil, nil, malformed
	}
	header := 4 + 4*int(content[3])
	if len(content) < header {
		return nil, nil, malformed
	}
	size := 1
	for at := 4; at < header; at += 4 {
		extent := int(binary.BigEndian.Uint32(content[at:]))
		if extent > len(content) {
			return nil, nil, malformed
		}
		shape = append(shape, extent)
		size *= extent
	}
	if len(content) != header+size {
		return nil, nil, malformed
	}
	return shape, content[header:], nil
}

func readFile(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if !errors.Is(err, os.ErrNotExist) {
		return content, err
	}
	file, err := os.Open(path + ".gz")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path+".gz", err)
	}
	return io.ReadAll(reader)
}
