package wasmmemory

// #include "shim.h"
import "C"

// An Option is a setting of an allocator that is not the default one. What is wrong with a setting is
// an error of [NewAllocator].
type Option func(*C.wasm_memory_config_t)

// Bounds is who sees to it that no access passes the byte length.
type Bounds uint32

// The bounds.
const (
	BoundsGuarded Bounds = C.WASM_MEMORY_BOUNDS_GUARDED // the page protection
	BoundsChecked Bounds = C.WASM_MEMORY_BOUNDS_CHECKED // the engine; growth is a store
)

// Backend is where memories come from.
type Backend uint32

// The backends.
const (
	BackendVirtual Backend = C.WASM_MEMORY_BACKEND_VIRTUAL // reservations of address space
	BackendHeap    Backend = C.WASM_MEMORY_BACKEND_HEAP    // blocks of the C heap
)

// WithBackend sets where memories come from. A heap implies BoundsChecked.
func WithBackend(backend Backend) Option {
	return func(c *C.wasm_memory_config_t) { C.wasm_memory_config_set_backend(c, C.uint32_t(backend)) }
}

// WithReservation sets the address space of each memory. From then on the host's refusal is an error,
// unless WithFallback(true).
func WithReservation(bytes uint64) Option {
	return func(c *C.wasm_memory_config_t) { C.wasm_memory_config_set_reservation(c, C.uint64_t(bytes)) }
}

// WithGuards sets the inaccessible bytes before the base and after the reservation; refusals as for
// WithReservation.
func WithGuards(before, after uint64) Option {
	return func(c *C.wasm_memory_config_t) {
		C.wasm_memory_config_set_guards(c, C.uint64_t(before), C.uint64_t(after))
	}
}

// WithBounds sets who checks bounds.
func WithBounds(bounds Bounds) Option {
	return func(c *C.wasm_memory_config_t) { C.wasm_memory_config_set_bounds(c, C.uint32_t(bounds)) }
}

// WithMovable sets whether growth past the reservation may change the base.
func WithMovable(movable bool) Option {
	return func(c *C.wasm_memory_config_t) { C.wasm_memory_config_set_movable(c, C.bool(movable)) }
}

// WithFallback sets whether a refused reservation may be retried smaller.
func WithFallback(fallback bool) Option {
	return func(c *C.wasm_memory_config_t) { C.wasm_memory_config_set_fallback(c, C.bool(fallback)) }
}

// WithPool makes memories from so many slots of so many bytes.
func WithPool(slots uint32, slotBytes uint64) Option {
	return func(c *C.wasm_memory_config_t) {
		C.wasm_memory_config_set_pool(c, C.uint32_t(slots), C.uint64_t(slotBytes))
	}
}

// WithKeepResident sets up to where a reset writes zeros; beyond, the host's pages are given back.
func WithKeepResident(bytes uint64) Option {
	return func(c *C.wasm_memory_config_t) { C.wasm_memory_config_set_keep_resident(c, C.uint64_t(bytes)) }
}

// WithHugePages asks the host for huge pages.
func WithHugePages(huge bool) Option {
	return func(c *C.wasm_memory_config_t) { C.wasm_memory_config_set_huge_pages(c, C.bool(huge)) }
}

// WithPrefault makes the initial pages resident at creation.
func WithPrefault(prefault bool) Option {
	return func(c *C.wasm_memory_config_t) { C.wasm_memory_config_set_prefault(c, C.bool(prefault)) }
}

// WithSizeLimit sets the most bytes that a memory may have.
func WithSizeLimit(bytes uint64) Option {
	return func(c *C.wasm_memory_config_t) { C.wasm_memory_config_set_size_limit(c, C.uint64_t(bytes)) }
}

// WithKeptBytes sets the most bytes that stay resident in all that waits for reuse.
func WithKeptBytes(bytes uint64) Option {
	return func(c *C.wasm_memory_config_t) { C.wasm_memory_config_set_kept_bytes(c, C.uint64_t(bytes)) }
}

// WithQuota limits all memories of the allocator together, in number and bytes; 0 is no limit.
func WithQuota(memories, bytes uint64) Option {
	return func(c *C.wasm_memory_config_t) {
		C.wasm_memory_config_set_quota(c, C.uint64_t(memories), C.uint64_t(bytes))
	}
}
