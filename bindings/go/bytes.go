package wasmmemory

// #include "shim.h"
import "C"

import (
	"encoding/binary"
	"math"
	"runtime"
	"unsafe"
)

const opReadAt = "read"

// all is every byte of the open memory, valid until leave.
func (m *Memory) all() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(m.view.base)), m.byteLength())
}

func span(bytes []byte, index, length uint64) ([]byte, bool) {
	available := uint64(len(bytes))
	if index > available || length > available-index {
		return nil, false
	}
	return bytes[index : index+length : index+length], true
}

// ReadAt is io.ReaderAt, of all bytes or none: a range that is not within the memory is ErrTrap (and
// io.EOF), a negative offset ErrRange.
func (m *Memory) ReadAt(p []byte, off int64) (int, error) {
	return m.transfer(opReadAt, off, len(p), func(bytes []byte) { copy(p, bytes) })
}

// WriteAt is io.WriterAt, of all bytes or none: a range that is not within the memory is ErrTrap, a
// negative offset ErrRange.
func (m *Memory) WriteAt(p []byte, off int64) (int, error) {
	return m.transfer("write", off, len(p), func(bytes []byte) { copy(bytes, p) })
}

func (m *Memory) transfer(op string, off int64, length int, move func([]byte)) (int, error) {
	if !m.enter() {
		return 0, closedError(op)
	}
	defer m.leave()
	return transfer(op, m.all(), off, length, move)
}

func transfer(op string, bytes []byte, off int64, length int, move func([]byte)) (int, error) {
	if off < 0 {
		return 0, &Error{Op: op, Status: StatusRangeError, Reason: ReasonCountOutsideType, Message: "a negative offset"}
	}
	part, ok := span(bytes, uint64(off), uint64(length))
	if !ok {
		return 0, outOfBounds(op, uint64(off), uint64(length), uint64(len(bytes)))
	}
	move(part)
	return length, nil
}

// WithBytes lets f read and write the memory's bytes in place, without copying. They are those that
// the memory has when it is called, and must not be used after f returned.
//
// Other operations go on meanwhile: a growth in place leaves f's bytes as they are, and after Close
// they stay until f returns. What would take them away, Reset and a growth that may move, waits
// for f, so f must not call it. What f and others do to the same bytes at once is not ordered.
func (m *Memory) WithBytes(f func([]byte) error) error {
	if !m.enter() {
		return closedError("bytes")
	}
	buffer, bytes, err := m.pinned()
	m.leave()
	if err != nil {
		return err
	}
	return withPinned(m.unit, buffer, bytes, f)
}

// pinned takes the current buffer: as long as it is held, its bytes stay.
func (m *Memory) pinned() (*C.wasm_memory_buffer_t, []byte, error) {
	outcome := C.shim_buffer(m.handle, bufferCurrent)
	if err := failure("bytes", &outcome); err != nil {
		return nil, nil, err
	}
	m.unit.pin()
	buffer := (*C.wasm_memory_buffer_t)(outcome.handle)
	return buffer, bufferBytes(buffer), nil
}

func withPinned(u *unit, buffer *C.wasm_memory_buffer_t, bytes []byte, f func([]byte) error) error {
	defer func() {
		C.wasm_memory_buffer_delete(buffer)
		u.unpin()
	}()
	return f(bytes)
}

// UnsafeBytes is the memory's bytes in place, nil when closed. Nothing keeps them: using the slice
// after Close, a Reset, a growth that moves, or once the Memory is unreachable ends the process.
// After a growth in place it has the old length.
func (m *Memory) UnsafeBytes() []byte {
	if !m.enter() {
		return nil
	}
	defer m.leave()
	bytes := m.all()
	return bytes[:len(bytes):len(bytes)]
}

// The typed accesses have the names and results of wazero's api.Memory, and 64-bit offsets: false
// means that the access is out of bounds, or the memory closed, and nothing was written. ReadUint8
// and WriteUint8 are its ReadByte and WriteByte, names that go vet keeps for package io.

func load[T any](m *Memory, offset, width uint64, decode func([]byte) T) (value T, ok bool) {
	if !m.enter() {
		return value, false
	}
	defer m.leave()
	bytes, ok := span(m.all(), offset, width)
	if ok {
		value = decode(bytes)
	}
	return value, ok
}

func (m *Memory) store(offset, width uint64, encode func([]byte)) bool {
	if !m.enter() {
		return false
	}
	defer m.leave()
	bytes, ok := span(m.all(), offset, width)
	if ok {
		encode(bytes)
	}
	return ok
}

// ReadUint8 reads a byte.
func (m *Memory) ReadUint8(offset uint64) (byte, bool) {
	return load(m, offset, 1, func(b []byte) byte { return b[0] })
}

// ReadUint16Le reads a little-endian uint16.
func (m *Memory) ReadUint16Le(offset uint64) (uint16, bool) {
	return load(m, offset, 2, binary.LittleEndian.Uint16)
}

// ReadUint32Le reads a little-endian uint32.
func (m *Memory) ReadUint32Le(offset uint64) (uint32, bool) {
	return load(m, offset, 4, binary.LittleEndian.Uint32)
}

// ReadUint64Le reads a little-endian uint64.
func (m *Memory) ReadUint64Le(offset uint64) (uint64, bool) {
	return load(m, offset, 8, binary.LittleEndian.Uint64)
}

// ReadFloat32Le reads a little-endian float32.
func (m *Memory) ReadFloat32Le(offset uint64) (float32, bool) {
	bits, ok := m.ReadUint32Le(offset)
	return math.Float32frombits(bits), ok
}

// ReadFloat64Le reads a little-endian float64.
func (m *Memory) ReadFloat64Le(offset uint64) (float64, bool) {
	bits, ok := m.ReadUint64Le(offset)
	return math.Float64frombits(bits), ok
}

// Read gives a copy of byteCount bytes; wazero gives the bytes in place, which here WithBytes does.
func (m *Memory) Read(offset, byteCount uint64) ([]byte, bool) {
	return load(m, offset, byteCount, func(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) })
}

// WriteUint8 writes a byte.
func (m *Memory) WriteUint8(offset uint64, v byte) bool {
	return m.store(offset, 1, func(b []byte) { b[0] = v })
}

// WriteUint16Le writes a little-endian uint16.
func (m *Memory) WriteUint16Le(offset uint64, v uint16) bool {
	return m.store(offset, 2, func(b []byte) { binary.LittleEndian.PutUint16(b, v) })
}

// WriteUint32Le writes a little-endian uint32.
func (m *Memory) WriteUint32Le(offset uint64, v uint32) bool {
	return m.store(offset, 4, func(b []byte) { binary.LittleEndian.PutUint32(b, v) })
}

// WriteUint64Le writes a little-endian uint64.
func (m *Memory) WriteUint64Le(offset uint64, v uint64) bool {
	return m.store(offset, 8, func(b []byte) { binary.LittleEndian.PutUint64(b, v) })
}

// WriteFloat32Le writes a little-endian float32.
func (m *Memory) WriteFloat32Le(offset uint64, v float32) bool {
	return m.WriteUint32Le(offset, math.Float32bits(v))
}

// WriteFloat64Le writes a little-endian float64.
func (m *Memory) WriteFloat64Le(offset uint64, v float64) bool {
	return m.WriteUint64Le(offset, math.Float64bits(v))
}

// Write writes all of v or nothing.
func (m *Memory) Write(offset uint64, v []byte) bool {
	return m.store(offset, uint64(len(v)), func(b []byte) { copy(b, v) })
}

// WriteString writes all of v or nothing.
func (m *Memory) WriteString(offset uint64, v string) bool {
	return m.store(offset, uint64(len(v)), func(b []byte) { copy(b, v) })
}

// Fill sets length bytes to value: memory.fill.
func (m *Memory) Fill(index uint64, value byte, length uint64) error {
	_, err := m.call("fill", func(h *C.wasm_memory_t) C.shim_outcome_t {
		return C.shim_fill(h, C.uint64_t(index), C.uint8_t(value), C.uint64_t(length))
	})
	return err
}

// Init copies length bytes of a data segment, from segmentIndex on: memory.init.
func (m *Memory) Init(index uint64, segment []byte, segmentIndex, length uint64) error {
	_, err := m.call("init", func(h *C.wasm_memory_t) C.shim_outcome_t {
		return C.shim_init(h, C.uint64_t(index), (*C.uint8_t)(unsafe.SliceData(segment)), C.size_t(len(segment)),
			C.uint64_t(segmentIndex), C.uint64_t(length))
	})
	runtime.KeepAlive(segment)
	return err
}

// Discard sets whole pages to zero and gives the host's memory behind them back. Index and length are
// in bytes.
func (m *Memory) Discard(index, length uint64) error {
	_, err := m.call("discard", func(h *C.wasm_memory_t) C.shim_outcome_t {
		return C.shim_discard(h, C.uint64_t(index), C.uint64_t(length))
	})
	return err
}

// Copy copies length bytes between memories, or within one: memory.copy.
func Copy(to *Memory, toIndex uint64, from *Memory, fromIndex, length uint64) error {
	const op = "copy"
	target, source := to.held(), from.held()
	defer C.wasm_memory_delete(target)
	defer C.wasm_memory_delete(source)
	if target == nil || source == nil {
		return closedError(op)
	}
	enterBoth(to.unit, from.unit)
	defer leaveBoth(to.unit, from.unit)
	outcome := C.shim_copy(target, C.uint64_t(toIndex), source, C.uint64_t(fromIndex), C.uint64_t(length))
	return failure(op, &outcome)
}

// held is one more reference to the memory, nil when closed.
func (m *Memory) held() *C.wasm_memory_t {
	if !m.enter() {
		return nil
	}
	defer m.leave()
	return C.wasm_memory_retain(m.handle)
}

// enterBoth enters in one order, whoever asks.
func enterBoth(a, b *unit) {
	if uintptr(unsafe.Pointer(b)) < uintptr(unsafe.Pointer(a)) {
		a, b = b, a
	}
	a.enter()
	if a != b {
		b.enter()
	}
}

func leaveBoth(a, b *unit) {
	a.leave()
	if a != b {
		b.leave()
	}
}
