package lars

// #include <stdint.h>
import "C"

import (
	"fmt"
	"math"
	"strings"
	"unsafe"
)

// cString is text as C takes it. A NUL would end it early, so it is refused, with the status that lars.h has for
// malformed text of this kind.
func cString(text, what string, status Status) (*C.char, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, &Error{status, fmt.Sprintf("%s %q holds a NUL", what, text)}
	}
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(append([]byte(text), 0)))), nil
}

// cUint32 refuses what an uint32 cannot hold and would wrap; whether the rest makes sense is the library's to say.
func cUint32(value int, what string, status Status) (C.uint32_t, error) {
	if value < 0 || uint64(value) > math.MaxUint32 {
		return 0, &Error{status, fmt.Sprintf("%s is %d, not in 0 ... %d", what, value, uint32(math.MaxUint32))}
	}
	return C.uint32_t(value), nil
}

// cCount is a length. One beyond uint32 is as wrong as the largest, which the library refuses.
func cCount(length int) C.uint32_t { return C.uint32_t(min(uint64(length), math.MaxUint32)) }

// cSelector is NULL for All.
func cSelector(selector string) (*C.char, error) {
	if selector == All {
		return nil, nil
	}
	return cString(selector, "selector", ErrSelector)
}

// cIndex is the index of a parameter.
func cIndex(index int) (C.uint32_t, error) { return cUint32(index, "index of a parameter", ErrIndex) }

// cBool is 0 or 1.
func cBool(value bool) C.int32_t {
	if value {
		return 1
	}
	return 0
}
