module github.com/liblars/liblars/bindings/go/examples/train

go 1.24.0

require (
	github.com/liblars/liblars/bindings/go v0.0.0
	github.com/nlpodyssey/spago v1.1.0
)

require github.com/google/flatbuffers v23.5.26+incompatible // indirect

replace github.com/liblars/liblars/bindings/go => ../..
