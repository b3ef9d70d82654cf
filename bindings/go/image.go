package wasmmemory

// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"runtime"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

// An Image is a frozen run of bytes that memories start from without copying. Any goroutine may use
// it. Close gives it back, the garbage collector as for a Memory; memories made from it stay.
type Image struct {
	mu      sync.RWMutex
	handle  *C.wasm_memory_image_t // nil once closed
	cleanup runtime.Cleanup
}

// NewImage makes an image of these bytes, which lie at byte index of a memory. They are copied.
func NewImage(bytes []byte, index uint64) (*Image, error) {
	outcome := C.shim_image_new((*C.uint8_t)(unsafe.SliceData(bytes)), C.size_t(len(bytes)), C.uint64_t(index))
	return newImage("new image", &outcome)
}

// ImageFromFile makes an image of a file's bytes as they are now.
func ImageFromFile(path string, index uint64) (*Image, error) {
	const op = "image from file"
	name, err := cPath(op, path)
	if err != nil {
		return nil, err
	}
	defer C.free(unsafe.Pointer(name))
	outcome := C.shim_image_from_file(name, C.uint64_t(index))
	return newImage(op, &outcome)
}

// Snapshot makes an image of the whole memory, its size included. The memory must be unshared.
func (m *Memory) Snapshot() (*Image, error) {
	const op = "snapshot"
	if !m.enter() {
		return nil, closedError(op)
	}
	defer m.leave()
	outcome := C.shim_snapshot(m.handle)
	return newImage(op, &outcome)
}

// Reset brings an unshared memory back in place: to a snapshot and its size; or to another image, or
// zeros when image is nil, and the size that it was created with. Its buffers are detached. It
// waits for the WithBytes in progress, so it must not be called from within one.
func (m *Memory) Reset(image *Image) error {
	const op = "reset"
	if !m.enter() {
		return closedError(op)
	}
	defer m.leave()
	m.unit.waitUnpinned()
	if m.handle == nil { // closed while it waited
		return closedError(op)
	}
	var outcome C.shim_outcome_t
	if !image.use(func(h *C.wasm_memory_image_t) { outcome = C.shim_reset(m.handle, h) }) {
		return closedError(op)
	}
	return failure(op, &outcome)
}

func newImage(op string, outcome *C.shim_outcome_t) (*Image, error) {
	if err := failure(op, outcome); err != nil {
		return nil, err
	}
	i := &Image{handle: (*C.wasm_memory_image_t)(outcome.handle)}
	i.cleanup = runtime.AddCleanup(i, func(h *C.wasm_memory_image_t) { C.wasm_memory_image_delete(h) }, i.handle)
	return i, nil
}

// use runs f with the handle, NULL for nil; false when closed.
func (i *Image) use(f func(*C.wasm_memory_image_t)) bool {
	if i == nil {
		f(nil)
		return true
	}
	i.mu.RLock()
	defer i.mu.RUnlock()
	if i.handle == nil {
		return false
	}
	f(i.handle)
	return true
}

// WriteFile writes the image's bytes, without its index.
func (i *Image) WriteFile(path string) error {
	const op = "write file"
	name, err := cPath(op, path)
	if err != nil {
		return err
	}
	defer C.free(unsafe.Pointer(name))
	var outcome C.shim_outcome_t
	if !i.use(func(h *C.wasm_memory_image_t) { outcome = C.shim_image_write_file(h, name) }) {
		return closedError(op)
	}
	return failure(op, &outcome)
}

// GetType is the type of the memory that a snapshot was taken of; without an initial size for other
// images.
func (i *Image) GetType() (Descriptor, error) {
	const op = "image type"
	var c C.wasm_memory_descriptor_t
	var outcome C.shim_outcome_t
	if !i.use(func(h *C.wasm_memory_image_t) { outcome = C.shim_image_get_type(h, &c) }) {
		return Descriptor{}, closedError(op)
	}
	if err := failure(op, &outcome); err != nil {
		return Descriptor{}, err
	}
	return descriptor(&c), nil
}

// Close gives the image back. The error is always nil, also when it was closed before.
func (i *Image) Close() error {
	if i == nil {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.handle != nil {
		i.cleanup.Stop()
		C.wasm_memory_image_delete(i.handle)
		i.handle = nil
	}
	runtime.KeepAlive(i)
	return nil
}

// cPath refuses what C would cut short.
func cPath(op, path string) (*C.char, error) {
	if strings.ContainsRune(path, 0) {
		return nil, &Error{
			Op: op, Status: StatusHostError, Reason: ReasonFile, OSError: syscall.EINVAL, Message: "a NUL in the path",
		}
	}
	return C.CString(path), nil
}
