module github.com/liblars/liblars/bindings/go

go 1.24.0
