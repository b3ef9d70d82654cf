package wasmmemory

// #include "shim.h"
import "C"

import "runtime/cgo"

// A Limiter is asked before each creation and growth, after all limits of the library's own. Its
// functions run on any goroutine and at once; they must not use the memory that grows.
type Limiter struct {
	// Growing tells whether a memory may get from current to desired bytes; current is 0 at creation,
	// maximum the largest number when there is none. False refuses with ErrRange, ReasonLimiter; so
	// does a panic, which goes no further.
	Growing func(current, desired, maximum uint64) bool
	// Refused is told of each refusal, whatever its cause; it may be nil.
	Refused func(*Error)
}

// WithLimiter sets the limiter.
func WithLimiter(limiter Limiter) Option {
	return func(c *C.wasm_memory_config_t) {
		C.shim_set_limiter(c, C.uintptr_t(cgo.NewHandle(limiter)))
	}
}

//export wasmMemoryGoGrowing
func wasmMemoryGoGrowing(limiter C.uintptr_t, current, desired, maximum C.uint64_t) (allowed C.bool) {
	// A panic must not unwind through C.
	defer func() {
		if recover() != nil {
			allowed = false
		}
	}()
	growing := cgo.Handle(limiter).Value().(Limiter).Growing
	return growing == nil || C.bool(growing(uint64(current), uint64(desired), uint64(maximum)))
}

//export wasmMemoryGoRefused
func wasmMemoryGoRefused(limiter C.uintptr_t, e *C.wasm_memory_error_t) {
	defer func() { _ = recover() }()
	if refused := cgo.Handle(limiter).Value().(Limiter).Refused; refused != nil {
		refused(fromC("limiter", e))
	}
}

//export wasmMemoryGoFinalize
func wasmMemoryGoFinalize(limiter C.uintptr_t) { cgo.Handle(limiter).Delete() }
