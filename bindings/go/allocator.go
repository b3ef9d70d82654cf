package wasmmemory

// #include "shim.h"
import "C"

import (
	"runtime"
	"sync"
)

// An Allocator makes memories that follow the same settings; nil is the one with the default settings.
// Memories outlive it. Any goroutine may use it.
type Allocator struct {
	mu      sync.RWMutex
	handle  *C.wasm_memory_allocator_t // nil once closed
	cleanup runtime.Cleanup
}

// NewAllocator makes an allocator with the default settings, changed by options.
func NewAllocator(options ...Option) (*Allocator, error) {
	const op = "new allocator"
	config := C.wasm_memory_config_new()
	if config == nil {
		return nil, &Error{Op: op, Status: StatusRangeError, Reason: ReasonOutOfMemory, Message: "no memory for the settings"}
	}
	defer C.wasm_memory_config_delete(config)
	for _, option := range options {
		option(config)
	}
	outcome := C.shim_allocator_new(config)
	if err := failure(op, &outcome); err != nil {
		return nil, err
	}
	a := &Allocator{handle: (*C.wasm_memory_allocator_t)(outcome.handle)}
	a.cleanup = runtime.AddCleanup(a, func(h *C.wasm_memory_allocator_t) { C.wasm_memory_allocator_delete(h) }, a.handle)
	return a, nil
}

// use runs f with the handle, NULL for the default allocator; false when closed.
func (a *Allocator) use(f func(*C.wasm_memory_allocator_t)) bool {
	if a == nil {
		f(nil)
		return true
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.handle == nil {
		return false
	}
	f(a.handle)
	return true
}

// New makes a memory that starts from an image, or from zeros when image is nil.
func (a *Allocator) New(d Descriptor, image *Image) (*Memory, error) {
	const op = "new"
	var outcome C.shim_outcome_t
	imageOpen := true
	allocatorOpen := a.use(func(allocator *C.wasm_memory_allocator_t) {
		imageOpen = image.use(func(image *C.wasm_memory_image_t) {
			outcome = C.shim_new(allocator, d.c(), image)
		})
	})
	if !allocatorOpen || !imageOpen {
		return nil, closedError(op)
	}
	if err := failure(op, &outcome); err != nil {
		return nil, err
	}
	return newMemory((*C.wasm_memory_t)(outcome.handle), newUnit(d.Shared)), nil
}

// Close gives the allocator back; its memories stay. The error is always nil, also when it was
// closed before.
func (a *Allocator) Close() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.handle != nil {
		a.cleanup.Stop()
		C.wasm_memory_allocator_delete(a.handle)
		a.handle = nil
	}
	runtime.KeepAlive(a)
	return nil
}

// Trim gives back to the host all that is kept for reuse.
func (a *Allocator) Trim() {
	a.use(func(h *C.wasm_memory_allocator_t) { C.wasm_memory_allocator_trim(h) })
}

// Stats are figures of one memory, or of all of an allocator.
type Stats struct {
	Memories, PeakMemories               uint64 // alive
	ReservedBytes                        uint64 // address space, guards included
	AccessibleBytes, PeakAccessibleBytes uint64
	ResidentBytes                        uint64 // asked of the host now; the largest number where it cannot tell
	KeptBytes                            uint64 // resident in what is kept for reuse
	Creations, Reuses, Growths, Moves    uint64
	Refusals, DiscardedBytes             uint64
}

func stats(c *C.wasm_memory_stats_t) Stats {
	return Stats{
		Memories: uint64(c.memories), PeakMemories: uint64(c.peak_memories),
		ReservedBytes:   uint64(c.reserved_bytes),
		AccessibleBytes: uint64(c.accessible_bytes), PeakAccessibleBytes: uint64(c.peak_accessible_bytes),
		ResidentBytes: uint64(c.resident_bytes), KeptBytes: uint64(c.kept_bytes),
		Creations: uint64(c.creations), Reuses: uint64(c.reuses), Growths: uint64(c.growths), Moves: uint64(c.moves),
		Refusals: uint64(c.refusals), DiscardedBytes: uint64(c.discarded_bytes),
	}
}

// Stats are the figures of all memories of the allocator; zero when closed.
func (a *Allocator) Stats() Stats {
	var c C.wasm_memory_stats_t
	a.use(func(h *C.wasm_memory_allocator_t) { C.wasm_memory_allocator_get_stats(h, &c) })
	return stats(&c)
}

// Stats are the figures of this memory; zero when closed.
func (m *Memory) Stats() Stats {
	var c C.wasm_memory_stats_t
	if m.enter() {
		defer m.leave()
		C.wasm_memory_get_stats(m.handle, &c)
	}
	return stats(&c)
}
