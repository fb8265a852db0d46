package lars

// #include <lars/lars.h>
import "C"

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"
)

// Type is the type of a tensor's elements.
type Type int32

// The element types.
const (
	F16  Type = C.LARS_F16  // IEEE binary16
	F32  Type = C.LARS_F32  // IEEE binary32
	F64  Type = C.LARS_F64  // IEEE binary64
	BF16 Type = C.LARS_BF16 // bfloat16, the upper half of a binary32
	I16  Type = C.LARS_I16  // only of masters of BF16 parameters: the lower halves of binary32
)

// String is NumPy's name of the type: "float32".
func (t Type) String() string {
	switch t {
	case F16:
		return "float16"
	case F32:
		return "float32"
	case F64:
		return "float64"
	case BF16:
		return "bfloat16"
	case I16:
		return "int16"
	}
	return fmt.Sprintf("Type(%d)", int32(t))
}

// Float16 is the bits of an IEEE binary16, BFloat16 those of a bfloat16. Go has no arithmetic for either.
type (
	Float16  uint16
	BFloat16 uint16
)

// Element is what tensors are made of.
type Element interface {
	float32 | float64 | Float16 | BFloat16 | int16
}

// Tensor is a slice whose element type is known only at run time, so that one list holds tensors of several. Like a
// slice, it refers to its elements: calls read and write them in place.
type Tensor struct {
	data     unsafe.Pointer
	elements int
	dtype    Type
}

// Of is the tensor of a slice, in whatever order its elements are, as long as parameter and gradient agree.
func Of[T Element](elements []T) Tensor {
	dtype := I16
	switch any((*T)(nil)).(type) {
	case *float32:
		dtype = F32
	case *float64:
		dtype = F64
	case *Float16:
		dtype = F16
	case *BFloat16:
		dtype = BF16
	}
	return Tensor{unsafe.Pointer(unsafe.SliceData(elements)), len(elements), dtype}
}

// OfFloat16 is Of for a program's own type of IEEE binary16.
func OfFloat16[T ~uint16](elements []T) Tensor {
	return Tensor{unsafe.Pointer(unsafe.SliceData(elements)), len(elements), F16}
}

// OfBFloat16 is Of for a program's own type of bfloat16.
func OfBFloat16[T ~uint16](elements []T) Tensor {
	return Tensor{unsafe.Pointer(unsafe.SliceData(elements)), len(elements), BF16}
}

// List is the tensors of slices that are all of one type.
func List[T Element](slices ...[]T) []Tensor {
	tensors := make([]Tensor, len(slices))
	for i, elements := range slices {
		tensors[i] = Of(elements)
	}
	return tensors
}

// Type is the type of the elements.
func (t Tensor) Type() Type { return t.dtype }

// Len is the number of elements.
func (t Tensor) Len() int { return t.elements }

// bytes is where the elements are. As a C char it tells cgo that there are no pointers among them: for a void *, cgo
// would look at the whole Go object that they are a part of.
func (t Tensor) bytes() *C.char { return (*C.char)(t.data) }

// A list is tensors as lars.h takes them, in arrays that are kept from call to call.
type list struct {
	tensors   []Tensor // as long as they are pinned
	pinned    bool
	repeated  bool // the call before had the same
	pinner    runtime.Pinner
	addresses []uintptr // of what is or was pinned; as pointers, cgo would look each of them up at every call
	types     []C.int32_t
	elements  []C.uint64_t
}

// take makes l a list of these tensors and pins them, for C is going to read their addresses from memory. They stay
// pinned for the call, and if the call before had the same, until other ones come or the optimizer is closed: trainers
// pass the same tensors at every step, and to pin hundreds of them anew takes longer than a small step, and allocates.
// Tensors that are new at every step are not kept in memory for longer than it takes.
func (l *list) take(tensors []Tensor) {
	if l.pinned && slices.Equal(l.tensors, tensors) {
		l.repeated = true
		return
	}
	repeated := l.had(tensors)
	l.release()
	l.pinned, l.repeated = true, repeated
	for _, tensor := range tensors {
		if tensor.data != nil {
			l.pinner.Pin(tensor.data)
		}
		l.tensors = append(l.tensors, tensor)
		l.addresses = append(l.addresses, uintptr(tensor.data))
		l.types = append(l.types, C.int32_t(tensor.dtype))
		l.elements = append(l.elements, C.uint64_t(tensor.elements))
	}
}

// had is whether these tensors are where those of the last call were; memory that has been used anew counts.
func (l *list) had(tensors []Tensor) bool {
	if len(tensors) != len(l.addresses) {
		return false
	}
	for i, tensor := range tensors {
		if l.addresses[i] != uintptr(tensor.data) || l.types[i] != C.int32_t(tensor.dtype) ||
			l.elements[i] != C.uint64_t(tensor.elements) {
			return false
		}
	}
	return true
}

// unpin lets go of the tensors.
func (l *list) unpin() {
	l.pinner.Unpin()
	clear(l.tensors) // which would keep them in memory
	l.tensors, l.pinned = l.tensors[:0], false
}

// release empties the list.
func (l *list) release() {
	l.unpin()
	l.addresses, l.types, l.elements = l.addresses[:0], l.types[:0], l.elements[:0]
}

// data is the array of pointers, NULL if there are none.
func (l *list) data() *unsafe.Pointer {
	if len(l.addresses) == 0 {
		return nil
	}
	return (*unsafe.Pointer)(unsafe.Pointer(unsafe.SliceData(l.addresses)))
}
