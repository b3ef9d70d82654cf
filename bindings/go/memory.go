package wasmmemory

// #include "shim.h"
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A Memory is a linear memory. Close gives it back; one that is forgotten is given back some time
// after the garbage collector found it unreachable.
//
// Any goroutine may use any Memory. Operations on an unshared one take turns; those on a shared one
// run at once. Every operation on a closed Memory is an error, or false.
type Memory struct {
	unit    *unit
	handle  *C.wasm_memory_t      // nil once closed; changed by enterAlone
	view    *C.wasm_memory_view_t // valid while handle is
	movable bool
	cleanup runtime.Cleanup
}

// New makes a memory with the default settings: new WebAssembly.Memory(descriptor).
func New(d Descriptor) (*Memory, error) {
	return (*Allocator)(nil).New(d, nil)
}

func newMemory(handle *C.wasm_memory_t, u *unit) *Memory {
	var layout C.wasm_memory_layout_t
	C.wasm_memory_get_layout(handle, &layout)
	m := &Memory{
		unit:    u,
		handle:  handle,
		view:    C.wasm_memory_view(handle),
		movable: bool(layout.movable) && !u.shared,
	}
	m.cleanup = runtime.AddCleanup(m, func(handle *C.wasm_memory_t) { C.wasm_memory_delete(handle) }, handle)
	return m
}

// enter tells whether the memory is open; if so, leave must follow.
func (m *Memory) enter() bool {
	if m == nil || m.unit == nil {
		return false
	}
	m.unit.enter()
	if m.handle == nil {
		m.unit.leave()
		return false
	}
	return true
}

// leave also keeps the memory reachable until here.
func (m *Memory) leave() { m.unit.leave() }

// call runs a C function on the open memory.
func (m *Memory) call(op string, f func(*C.wasm_memory_t) C.shim_outcome_t) (C.shim_outcome_t, error) {
	if !m.enter() {
		return C.shim_outcome_t{}, closedError(op)
	}
	defer m.leave()
	outcome := f(m.handle)
	return outcome, failure(op, &outcome)
}

// Close gives the memory back. Its buffers, and a WithBytes in progress, keep the bytes. The error is
// always nil, also when it was closed before.
func (m *Memory) Close() error {
	if m == nil || m.unit == nil {
		return nil
	}
	m.unit.enterAlone()
	defer m.unit.leaveAlone()
	if m.handle != nil {
		m.cleanup.Stop()
		C.wasm_memory_delete(m.handle)
		m.handle, m.view = nil, nil
	}
	runtime.KeepAlive(m)
	return nil
}

// Retain gives another Memory for the same bytes, to be closed on its own.
func (m *Memory) Retain() (*Memory, error) {
	if !m.enter() {
		return nil, closedError("retain")
	}
	defer m.leave()
	return newMemory(C.wasm_memory_retain(m.handle), m.unit), nil
}

// Send is what posting the memory to another agent does: for a shared one as Retain, for an unshared
// one ErrDataClone.
func (m *Memory) Send() (*Memory, error) {
	if !m.enter() {
		return nil, closedError("send")
	}
	defer m.leave()
	outcome := C.shim_send(m.handle)
	if err := failure("send", &outcome); err != nil {
		return nil, err
	}
	return newMemory((*C.wasm_memory_t)(outcome.handle), m.unit), nil
}

// Same tells whether both are the same linear memory and open.
func (m *Memory) Same(other *Memory) bool {
	handle := m.identity()
	return handle != nil && handle == other.identity()
}

func (m *Memory) identity() *C.wasm_memory_t {
	if !m.enter() {
		return nil
	}
	defer m.leave()
	return m.handle
}

// Grow adds delta pages, which read zero, and gives the size before in pages. A failure changes
// nothing.
//
// A growth that may move the memory ([Layout].Movable) waits for the WithBytes in progress, so it must
// not be called from within one.
func (m *Memory) Grow(delta uint64) (previous uint64, err error) {
	if !m.enter() {
		return 0, closedError("grow")
	}
	defer m.leave()
	if m.movable {
		m.unit.waitUnpinned()
		if m.handle == nil { // closed while it waited
			return 0, closedError("grow")
		}
	}
	outcome := C.shim_grow(m.handle, C.uint64_t(delta))
	return uint64(outcome.value), failure("grow", &outcome)
}

// Size is the size in pages; 0 when closed.
func (m *Memory) Size() uint64 {
	if !m.enter() {
		return 0
	}
	defer m.leave()
	return uint64(C.wasm_memory_size(m.handle))
}

// ByteLength is the size in bytes; 0 when closed.
func (m *Memory) ByteLength() uint64 {
	if !m.enter() {
		return 0
	}
	defer m.leave()
	return m.byteLength()
}

func (m *Memory) byteLength() uint64 {
	return uint64(atomic.LoadUintptr((*uintptr)(unsafe.Pointer(&m.view.byte_length))))
}

// GetType is memory.type(): the initial size is the current one.
func (m *Memory) GetType() (Descriptor, error) {
	var c C.wasm_memory_descriptor_t
	_, err := m.call("type", func(h *C.wasm_memory_t) C.shim_outcome_t { return C.shim_get_type(h, &c) })
	if err != nil {
		return Descriptor{}, err
	}
	return descriptor(&c), nil
}

// Match tells by ErrLink that the memory does not match what an import asks for.
func (m *Memory) Match(wanted Descriptor) error {
	_, err := m.call("match", func(h *C.wasm_memory_t) C.shim_outcome_t { return C.shim_match(h, wanted.c()) })
	return err
}

// A Layout is what the address space around a memory looks like.
type Layout struct {
	Reservation     uint64 // bytes within which the base never moves
	GuardBefore     uint64
	GuardAfter      uint64
	Movable         bool // growth past the reservation may change the base
	ExactProtection bool
	ElidesI32Checks bool
	ElidableOffset  uint64
}

// Layout tells what was really given; zero when closed.
func (m *Memory) Layout() Layout {
	if !m.enter() {
		return Layout{}
	}
	defer m.leave()
	var c C.wasm_memory_layout_t
	C.wasm_memory_get_layout(m.handle, &c)
	return Layout{
		Reservation:     uint64(c.reservation),
		GuardBefore:     uint64(c.guard_before),
		GuardAfter:      uint64(c.guard_after),
		Movable:         bool(c.movable),
		ExactProtection: bool(c.exact_protection),
		ElidesI32Checks: bool(c.elides_i32_checks),
		ElidableOffset:  uint64(c.elidable_offset),
	}
}

// Zone is the part of a memory's address space.
type Zone uint32

// The zones.
const (
	ZoneBody        Zone = C.WASM_MEMORY_ZONE_BODY
	ZoneReserved    Zone = C.WASM_MEMORY_ZONE_RESERVED
	ZoneGuardAfter  Zone = C.WASM_MEMORY_ZONE_GUARD_AFTER
	ZoneGuardBefore Zone = C.WASM_MEMORY_ZONE_GUARD_BEFORE
)

// A Location is where an address lies.
type Location struct {
	Offset int64 // from the base
	Zone   Zone
	memory *C.wasm_memory_t // identifies, never used
}

// Of tells whether the location is in this memory.
func (l Location) Of(m *Memory) bool { return l.memory != nil && l.memory == m.identity() }

// Find tells to which memory an address belongs, if to any.
func Find(address uintptr) (Location, bool) {
	var c C.wasm_memory_location_t
	if !C.shim_find(C.uintptr_t(address), &c) {
		return Location{}, false
	}
	return Location{Offset: int64(c.offset), Zone: Zone(c.zone), memory: c.memory}, true
}

// Version is the version of the library that is running.
func Version() string { return C.GoString(C.wasm_memory_version()) }
