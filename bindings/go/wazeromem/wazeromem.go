// Package wazeromem gives wazero its linear memories from libwasm_memory.
package wazeromem

import (
	"sync"

	"github.com/tetratelabs/wazero/experimental"
	wasmmemory "libwasm_memory/bindings/go"
)

const pageSize = 65536

// A MemoryAllocator is wazero's experimental.MemoryAllocator: each memory that a module defines is one
// of this library, reserved up to its maximum, which growth never moves (so shared ones work too).
//
// wazero frees a memory as soon as any of the modules that hold it is closed, also while others still
// run on it, and keeps its bytes even then. So a freed memory stays as it is until [MemoryAllocator.Release].
//
// wazero has no error for a memory that cannot be made: the instantiation panics with the
// *wasmmemory.Error. A growth that is refused is -1 for the module.
type MemoryAllocator struct {
	allocator *wasmmemory.Allocator

	mu    sync.Mutex
	live  map[*linearMemory]struct{}
	freed []*wasmmemory.Memory
}

var _ experimental.MemoryAllocator = (*MemoryAllocator)(nil)

// Allocator makes wazero's memories by an allocator; nil is the default one. wazero checks every access
// itself, so wasmmemory.BoundsChecked is enough for it and makes growth cheap.
//
//	ctx = experimental.WithMemoryAllocator(ctx, wazeromem.Allocator(nil))
func Allocator(allocator *wasmmemory.Allocator) *MemoryAllocator {
	return &MemoryAllocator{allocator: allocator, live: make(map[*linearMemory]struct{})}
}

// Allocate is called by wazero.
func (a *MemoryAllocator) Allocate(_, max uint64) experimental.LinearMemory {
	memory, err := a.allocator.New(wasmmemory.Descriptor{
		Initial: wasmmemory.Pages(0),
		Maximum: wasmmemory.Pages((max + pageSize - 1) / pageSize),
	}, nil)
	if err != nil {
		panic(err)
	}
	linear := &linearMemory{owner: a, memory: memory}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.live[linear] = struct{}{}
	return linear
}

// Live is how many memories wazero uses and has not freed.
func (a *MemoryAllocator) Live() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.live)
}

// Release gives back the memories that wazero has freed, and tells how many. Nothing must use them any
// more: no module that shares one, and no slice that api.Memory's Read gave. After the runtime was
// closed that is so.
func (a *MemoryAllocator) Release() int {
	a.mu.Lock()
	freed := a.freed
	a.freed = nil
	a.mu.Unlock()
	for _, memory := range freed {
		memory.Close()
	}
	return len(freed)
}

type linearMemory struct {
	owner  *MemoryAllocator
	memory *wasmmemory.Memory

	mu      sync.Mutex
	started bool
}

// Reallocate is called by wazero: once for the initial size, then at each growth.
func (l *linearMemory) Reallocate(size uint64) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.resize(size)
	if err != nil && !l.started {
		panic(err)
	}
	l.started = true
	bytes := l.memory.UnsafeBytes()
	if err != nil || uint64(len(bytes)) < size {
		return nil
	}
	return bytes[:size:size]
}

func (l *linearMemory) resize(size uint64) error {
	current := l.memory.ByteLength()
	if size <= current {
		return nil
	}
	// A host with little address space may have given less than the maximum; what wazero holds must
	// not move.
	if layout := l.memory.Layout(); layout.Movable && size > layout.Reservation {
		return &wasmmemory.Error{
			Op: "grow", Status: wasmmemory.StatusRangeError, Reason: wasmmemory.ReasonReservationExceeded,
			Requested: size, Available: layout.Reservation,
		}
	}
	_, err := l.memory.Grow((size - current + pageSize - 1) / pageSize)
	return err
}

// Free is called by wazero, which may still use the bytes.
func (l *linearMemory) Free() {
	a := l.owner
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, live := a.live[l]; live {
		delete(a.live, l)
		a.freed = append(a.freed, l.memory)
	}
}
