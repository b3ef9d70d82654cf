package wasmmemory

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// What an [Error] is, for [errors.Is]: the exception that JavaScript would throw.
var (
	ErrType      = errors.New("TypeError")      // outside the integer type, or the wrong kind of thing
	ErrRange     = errors.New("RangeError")     // not allowed, or refused by a limit or the host
	ErrLink      = errors.New("LinkError")      // an import does not match
	ErrTrap      = errors.New("RuntimeError")   // a trap
	ErrDataClone = errors.New("DataCloneError") // an unshared memory cannot be sent
	ErrInternal  = errors.New("InternalError")  // a fault of the library itself
	ErrHost      = errors.New("HostError")      // a file that cannot be read or written

	// ErrClosed: the memory, buffer, image or allocator was closed. Such an error is an ErrType too.
	ErrClosed = errors.New("closed")
)

// Status is the class of an error.
type Status int32

// The classes, with the numbers of the C interface.
const (
	StatusOK             Status = C.WASM_MEMORY_OK
	StatusTypeError      Status = C.WASM_MEMORY_TYPE_ERROR
	StatusRangeError     Status = C.WASM_MEMORY_RANGE_ERROR
	StatusLinkError      Status = C.WASM_MEMORY_LINK_ERROR
	StatusRuntimeError   Status = C.WASM_MEMORY_RUNTIME_ERROR
	StatusDataCloneError Status = C.WASM_MEMORY_DATA_CLONE_ERROR
	StatusInternalError  Status = C.WASM_MEMORY_INTERNAL_ERROR
	StatusHostError      Status = C.WASM_MEMORY_HOST_ERROR
)

// String gives the JavaScript name.
func (s Status) String() string {
	return C.GoString(C.wasm_memory_status_name(C.wasm_memory_status_t(s)))
}

func (s Status) sentinel() error {
	switch s {
	case StatusTypeError:
		return ErrType
	case StatusRangeError:
		return ErrRange
	case StatusLinkError:
		return ErrLink
	case StatusRuntimeError:
		return ErrTrap
	case StatusDataCloneError:
		return ErrDataClone
	case StatusHostError:
		return ErrHost
	default:
		return ErrInternal
	}
}

// Error tells why an operation failed.
type Error struct {
	Op        string // the operation, as "grow"
	Status    Status
	Reason    Reason
	OSError   syscall.Errno // of the system call that refused, or 0
	Requested uint64        // in the unit of the reason; the largest number when it is more
	Available uint64        // the limit that was met, or 0
	Message   string        // in English; not stable
}

// Error describes what failed and why.
func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("wasm_memory: %s: %s (reason %d)", e.Op, e.Status, e.Reason)
	}
	return fmt.Sprintf("wasm_memory: %s: %s: %s", e.Op, e.Status, e.Message)
}

// Is makes errors.Is find ErrType, ErrRange and so on; a [Memory.ReadAt] past the end is io.EOF too.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrClosed:
		return e.Reason == ReasonInvalidHandle
	case io.EOF:
		return e.Op == opReadAt && e.Reason == ReasonOutOfBounds
	}
	return target == e.Status.sentinel()
}

// Unwrap gives the error of the operating system, if that refused.
func (e *Error) Unwrap() error {
	if e.OSError == 0 {
		return nil
	}
	return e.OSError
}

func failure(op string, outcome *C.shim_outcome_t) error {
	if outcome.error.status == C.WASM_MEMORY_OK {
		return nil
	}
	e := fromC(op, &outcome.error)
	e.Message = C.GoString(&outcome.message[0])
	return e
}

func fromC(op string, e *C.wasm_memory_error_t) *Error {
	return &Error{
		Op:        op,
		Status:    Status(e.status),
		Reason:    Reason(e.reason),
		OSError:   syscall.Errno(e.os_error),
		Requested: uint64(e.requested),
		Available: uint64(e.available),
	}
}

func closedError(op string) error {
	return &Error{Op: op, Status: StatusTypeError, Reason: ReasonInvalidHandle, Message: "it is closed"}
}

func detachedError(op string) error {
	return &Error{Op: op, Status: StatusTypeError, Reason: ReasonDetached, Message: "the buffer is detached"}
}

func outOfBounds(op string, index, length, available uint64) error {
	end := index + length
	if end < index {
		end = ^uint64(0)
	}
	return &Error{
		Op: op, Status: StatusRuntimeError, Reason: ReasonOutOfBounds, Requested: end, Available: available,
		Message: fmt.Sprintf("an access that ends at byte %d of %d", end, available),
	}
}
