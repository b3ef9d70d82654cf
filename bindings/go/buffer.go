package wasmmemory

// #include "shim.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// Which function of the library gives the buffer, as shim_buffer counts them.
const (
	bufferCurrent = iota
	bufferResizable
	bufferFixedLength
)

// A Buffer is the bytes of a memory as an object of their own: JavaScript's ArrayBuffer, or for a
// shared memory its SharedArrayBuffer. It keeps the bytes, also after the memory was closed. Close
// gives it back, the garbage collector as for a Memory.
type Buffer struct {
	unit    *unit
	handle  *C.wasm_memory_buffer_t // nil once closed
	cleanup runtime.Cleanup
}

// Buffer is memory.buffer. Growth of an unshared memory, also by 0, detaches it.
func (m *Memory) Buffer() (*Buffer, error) { return m.buffer("buffer", bufferCurrent) }

// ToResizableBuffer makes the current buffer resizable: memory.toResizableBuffer().
func (m *Memory) ToResizableBuffer() (*Buffer, error) {
	return m.buffer("toResizableBuffer", bufferResizable)
}

// ToFixedLengthBuffer makes the current buffer one of fixed length: memory.toFixedLengthBuffer().
func (m *Memory) ToFixedLengthBuffer() (*Buffer, error) {
	return m.buffer("toFixedLengthBuffer", bufferFixedLength)
}

func (m *Memory) buffer(op string, kind C.int) (*Buffer, error) {
	if !m.enter() {
		return nil, closedError(op)
	}
	defer m.leave()
	outcome := C.shim_buffer(m.handle, kind)
	if err := failure(op, &outcome); err != nil {
		return nil, err
	}
	b := &Buffer{unit: m.unit, handle: (*C.wasm_memory_buffer_t)(outcome.handle)}
	b.cleanup = runtime.AddCleanup(b, func(h *C.wasm_memory_buffer_t) { C.wasm_memory_buffer_delete(h) }, b.handle)
	return b, nil
}

// bufferBytes is what the buffer has now.
func bufferBytes(buffer *C.wasm_memory_buffer_t) []byte {
	length := uint64(C.wasm_memory_buffer_byte_length(buffer))
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(C.wasm_memory_buffer_data(buffer))), length)
	return bytes[:length:length]
}

func (b *Buffer) enter() bool {
	if b == nil || b.unit == nil {
		return false
	}
	b.unit.enter()
	if b.handle == nil {
		b.unit.leave()
		return false
	}
	return true
}

func (b *Buffer) leave() { b.unit.leave() }

// Close gives the buffer back. The error is always nil, also when it was closed before.
func (b *Buffer) Close() error {
	if b == nil || b.unit == nil {
		return nil
	}
	b.unit.enterAlone()
	defer b.unit.leaveAlone()
	if b.handle != nil {
		b.cleanup.Stop()
		C.wasm_memory_buffer_delete(b.handle)
		b.handle = nil
	}
	runtime.KeepAlive(b)
	return nil
}

// Same tells whether both are the same buffer object and open.
func (b *Buffer) Same(other *Buffer) bool {
	handle := b.identity()
	return handle != nil && handle == other.identity()
}

func (b *Buffer) identity() *C.wasm_memory_buffer_t {
	if !b.enter() {
		return nil
	}
	defer b.leave()
	return b.handle
}

// ByteLength is the length in bytes; 0 when detached or closed.
func (b *Buffer) ByteLength() uint64 {
	if !b.enter() {
		return 0
	}
	defer b.leave()
	return uint64(C.wasm_memory_buffer_byte_length(b.handle))
}

// MaxByteLength is the length that it can be resized to; 0 when detached or closed.
func (b *Buffer) MaxByteLength() uint64 {
	if !b.enter() {
		return 0
	}
	defer b.leave()
	return uint64(C.wasm_memory_buffer_max_byte_length(b.handle))
}

// Detached tells whether growth took the bytes from it.
func (b *Buffer) Detached() bool {
	if !b.enter() {
		return false
	}
	defer b.leave()
	return bool(C.wasm_memory_buffer_is_detached(b.handle))
}

// Shared tells whether its memory is shared.
func (b *Buffer) Shared() bool {
	if !b.enter() {
		return false
	}
	defer b.leave()
	return bool(C.wasm_memory_buffer_is_shared(b.handle))
}

// Resizable tells whether its length follows the memory's.
func (b *Buffer) Resizable() bool {
	if !b.enter() {
		return false
	}
	defer b.leave()
	return bool(C.wasm_memory_buffer_is_resizable(b.handle))
}

// Resize grows an unshared memory through its resizable buffer: buffer.resize(byteLength).
func (b *Buffer) Resize(byteLength uint64) error {
	return b.call("resize", func(h *C.wasm_memory_buffer_t) C.shim_outcome_t {
		return C.shim_buffer_resize(h, C.uint64_t(byteLength))
	})
}

// Grow grows a shared memory through its growable buffer: buffer.grow(byteLength).
func (b *Buffer) Grow(byteLength uint64) error {
	return b.call("grow", func(h *C.wasm_memory_buffer_t) C.shim_outcome_t {
		return C.shim_buffer_grow(h, C.uint64_t(byteLength))
	})
}

// Transfer is buffer.transfer(): always ErrType, as only the memory may detach its buffer.
func (b *Buffer) Transfer() error {
	return b.call("transfer", func(h *C.wasm_memory_buffer_t) C.shim_outcome_t { return C.shim_buffer_transfer(h) })
}

func (b *Buffer) call(op string, f func(*C.wasm_memory_buffer_t) C.shim_outcome_t) error {
	if !b.enter() {
		return closedError(op)
	}
	defer b.leave()
	outcome := f(b.handle)
	return failure(op, &outcome)
}

// ReadAt is as [Memory.ReadAt], and ErrType once the buffer is detached.
func (b *Buffer) ReadAt(p []byte, off int64) (int, error) {
	return b.transfer(opReadAt, off, len(p), func(bytes []byte) { copy(p, bytes) })
}

// WriteAt is as [Memory.WriteAt], and ErrType once the buffer is detached.
func (b *Buffer) WriteAt(p []byte, off int64) (int, error) {
	return b.transfer("write", off, len(p), func(bytes []byte) { copy(bytes, p) })
}

func (b *Buffer) transfer(op string, off int64, length int, move func([]byte)) (int, error) {
	if !b.enter() {
		return 0, closedError(op)
	}
	defer b.leave()
	if C.wasm_memory_buffer_is_detached(b.handle) {
		return 0, detachedError(op)
	}
	return transfer(op, bufferBytes(b.handle), off, length, move)
}

// WithBytes is as [Memory.WithBytes], and ErrType once the buffer is detached.
func (b *Buffer) WithBytes(f func([]byte) error) error {
	if !b.enter() {
		return closedError("bytes")
	}
	if C.wasm_memory_buffer_is_detached(b.handle) {
		b.leave()
		return detachedError("bytes")
	}
	held, bytes := C.wasm_memory_buffer_retain(b.handle), bufferBytes(b.handle)
	b.unit.pin()
	b.leave()
	return withPinned(b.unit, held, bytes, f)
}
