package lars

// #include <lars/lars.h>
import "C"

import (
	"encoding"
	"unsafe"
)

var (
	_ encoding.BinaryMarshaler   = (*Optimizer)(nil)
	_ encoding.BinaryUnmarshaler = (*Optimizer)(nil)
)

// Save writes a checkpoint: all that the next steps depend on, but not the parameters themselves. The file is
// replaced whole or not at all.
func (o *Optimizer) Save(path string) error {
	cPath, err := cString(path, "path", ErrArgument)
	if err != nil {
		return err
	}
	return o.call(func(c *owned) C.int32_t { return C.lars_save(c.handle, cPath) })
}

// Load reads what Save has written, into an optimizer of the same parameters, in any order.
func (o *Optimizer) Load(path string) error {
	cPath, err := cString(path, "path", ErrArgument)
	if err != nil {
		return err
	}
	return o.call(func(c *owned) C.int32_t { return C.lars_load(c.handle, cPath) })
}

// MarshalBinary is Save to memory.
func (o *Optimizer) MarshalBinary() ([]byte, error) {
	var checkpoint []byte
	err := o.call(func(c *owned) C.int32_t {
		var size C.uint64_t
		if status := C.lars_save_size(c.handle, &size); status < 0 {
			return status
		}
		checkpoint = make([]byte, size)
		return C.lars_save_to(c.handle, unsafe.Pointer(unsafe.SliceData(checkpoint)), size)
	})
	if err != nil {
		return nil, err
	}
	return checkpoint, nil
}

// UnmarshalBinary is Load from memory. Unlike most methods of that name it wants an optimizer that New has made
// and that has its parameters.
func (o *Optimizer) UnmarshalBinary(checkpoint []byte) error {
	if len(checkpoint) == 0 {
		checkpoint = make([]byte, 0, 1) // so that there is an address even of none
	}
	return o.call(func(c *owned) C.int32_t {
		return C.lars_load_from(c.handle, unsafe.Pointer(unsafe.SliceData(checkpoint)), C.uint64_t(len(checkpoint)))
	})
}
