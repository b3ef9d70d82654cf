package wasmmemory

// #include "shim.h"
import "C"

import "time"

// WaitResult is how a wait ended.
type WaitResult uint32

// The ends of a wait.
const (
	WaitWoken    WaitResult = C.WASM_MEMORY_WAIT_WOKEN
	WaitNotEqual WaitResult = C.WASM_MEMORY_WAIT_NOT_EQUAL
	WaitTimedOut WaitResult = C.WASM_MEMORY_WAIT_TIMED_OUT
)

// WaitUint32 waits until it is notified, if the value at index is the expected one:
// memory.atomic.wait32. A negative timeout waits for ever. The memory must be shared, else it is
// ErrTrap. Closing the memory wakes nobody; [Memory.Interrupt] does.
func (m *Memory) WaitUint32(index uint64, expected uint32, timeout time.Duration) (WaitResult, error) {
	return m.wait(func(h *C.wasm_memory_t) C.shim_outcome_t {
		return C.shim_wait32(h, C.uint64_t(index), C.uint32_t(expected), C.int64_t(timeout))
	})
}

// WaitUint64 is WaitUint32 for a 64-bit value: memory.atomic.wait64.
func (m *Memory) WaitUint64(index uint64, expected uint64, timeout time.Duration) (WaitResult, error) {
	return m.wait(func(h *C.wasm_memory_t) C.shim_outcome_t {
		return C.shim_wait64(h, C.uint64_t(index), C.uint64_t(expected), C.int64_t(timeout))
	})
}

// wait holds a reference and not the unit, so that closing does not wait for it.
func (m *Memory) wait(f func(*C.wasm_memory_t) C.shim_outcome_t) (WaitResult, error) {
	held := m.held()
	if held == nil {
		return 0, closedError("wait")
	}
	defer C.wasm_memory_delete(held)
	outcome := f(held)
	return WaitResult(outcome.value), failure("wait", &outcome)
}

// Notify wakes at most count of those that wait at index and tells how many:
// memory.atomic.notify.
func (m *Memory) Notify(index uint64, count uint32) (woken uint32, err error) {
	outcome, err := m.call("notify", func(h *C.wasm_memory_t) C.shim_outcome_t {
		return C.shim_notify(h, C.uint64_t(index), C.uint32_t(count))
	})
	return uint32(outcome.value), err
}

// Interrupt ends every wait in progress with ErrTrap, ReasonInterrupted, and tells how many.
func (m *Memory) Interrupt() (woken uint32, err error) {
	outcome, err := m.call("interrupt", func(h *C.wasm_memory_t) C.shim_outcome_t { return C.shim_interrupt(h) })
	return uint32(outcome.value), err
}
