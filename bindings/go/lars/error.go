package lars

// #include <lars/lars.h>
import "C"

import "errors"

// Status says which kind of error a call has met, as errno does for the system: errors.Is(err, lars.ErrValue).
type Status int32

// The statuses of lars.h, which says what each is.
const (
	ErrArgument  Status = C.LARS_ERR_ARGUMENT
	ErrKey       Status = C.LARS_ERR_KEY
	ErrValue     Status = C.LARS_ERR_VALUE
	ErrType      Status = C.LARS_ERR_TYPE
	ErrIndex     Status = C.LARS_ERR_INDEX
	ErrName      Status = C.LARS_ERR_NAME
	ErrShape     Status = C.LARS_ERR_SHAPE
	ErrSelector  Status = C.LARS_ERR_SELECTOR
	ErrAlias     Status = C.LARS_ERR_ALIAS
	ErrAlignment Status = C.LARS_ERR_ALIGNMENT
	ErrState     Status = C.LARS_ERR_STATE
	ErrBusy      Status = C.LARS_ERR_BUSY
	ErrCallback  Status = C.LARS_ERR_CALLBACK
	ErrNonfinite Status = C.LARS_ERR_NONFINITE
	ErrMemory    Status = C.LARS_ERR_MEMORY
	ErrInternal  Status = C.LARS_ERR_INTERNAL
	ErrIO        Status = C.LARS_ERR_IO
	ErrFormat    Status = C.LARS_ERR_FORMAT
	ErrMismatch  Status = C.LARS_ERR_MISMATCH
)

// Error is the status's name in lars.h: "LARS_ERR_VALUE".
func (s Status) Error() string { return C.GoString(C.lars_status_name(C.int32_t(s))) }

// Error is a call that failed, and has changed nothing. It wraps its Status.
type Error struct {
	Status  Status
	Message string // what was wrong and what to do
}

func (e *Error) Error() string { return "lars: " + e.Message }
func (e *Error) Unwrap() error { return e.Status }

// ErrClosed is what calls of an Optimizer return after Close.
var ErrClosed = errors.New("lars: the optimizer is closed")

var errBusy = &Error{ErrBusy, "another call on this optimizer is running; one optimizer serves one call at a time"}
