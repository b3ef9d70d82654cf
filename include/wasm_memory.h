/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * libwasm_memory: the linear memory of a WebAssembly engine.
 *
 * Made from src/capi by `cargo xtask header`. Do not edit.
 *
 * Sizes are in bytes or in WebAssembly pages of the memory's own page size, as each name says.
 * Functions may be called from any thread unless they say otherwise. A failed call returns a status
 * other than WASM_MEMORY_OK, sets a pointer result to NULL, writes no other result and changes
 * nothing; wasm_memory_last_error tells why. No function unwinds, aborts or installs a signal
 * handler.
 */

#ifndef WASM_MEMORY_H_INCLUDED
#define WASM_MEMORY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The wasm-c-api (wasm.h) declares wasm_memory_new, _grow, _data, _size and _delete with other
 * signatures: a program that needs both uses a namespaced build of this library, or keeps them in
 * different translation units and different shared objects. Including wasm.h after this header
 * fails too, with the compiler's own message about conflicting types. */
#if defined(WASM_H) || defined(_WASM_C_API_H_)
#error "wasm_memory.h and wasm.h declare functions of the same names and cannot be included together: see 'Beside wasm.h' in the README of libwasm_memory"
#endif

/* A wasm_memory_page_count_t of n pages, usable in expressions and initializers. */
#ifdef __cplusplus
#define WASM_MEMORY_PAGES(n) (wasm_memory_page_count_t{static_cast<uint64_t>(n), true})
#else
#define WASM_MEMORY_PAGES(n) ((wasm_memory_page_count_t){(uint64_t)(n), true})
#endif

/**
 * Number of the C ABI that this header describes: raised when a function, struct or constant
 * changes incompatibly, and part of the shared library's SONAME.
 */
#define WASM_MEMORY_ABI_VERSION 1

/**
 * No call of this thread has failed.
 */
#define WASM_MEMORY_REASON_NONE 0

/**
 * A required pointer is NULL.
 */
#define WASM_MEMORY_REASON_NULL_ARGUMENT 1

/**
 * A handle was deleted or is of another kind. requested: its address.
 */
#define WASM_MEMORY_REASON_INVALID_HANDLE 2

/**
 * A reserved field is not zero. requested: its value.
 */
#define WASM_MEMORY_REASON_RESERVED_FIELD 3

/**
 * A number names no known value. requested: the number.
 */
#define WASM_MEMORY_REASON_UNKNOWN_VALUE 4

/**
 * Two settings exclude each other. requested and available: their values.
 */
#define WASM_MEMORY_REASON_SETTINGS_CONFLICT 5

/**
 * The descriptor has no initial size.
 */
#define WASM_MEMORY_REASON_INITIAL_MISSING 10

/**
 * The address type is neither i32 nor i64. requested: its number.
 */
#define WASM_MEMORY_REASON_ADDRESS_TYPE 11

/**
 * A shared memory without a maximum.
 */
#define WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM 12

/**
 * A page count outside the integer type of the address type. Pages.
 */
#define WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE 13

/**
 * A page size other than 1 and 65536. Bytes.
 */
#define WASM_MEMORY_REASON_PAGE_SIZE 14

/**
 * A page count above the limit of the address type. Pages.
 */
#define WASM_MEMORY_REASON_ABOVE_LIMIT 15

/**
 * The maximum is below the initial size. Pages.
 */
#define WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL 16

/**
 * Growth past the declared maximum: the size it would reach, and the maximum. Pages.
 */
#define WASM_MEMORY_REASON_MAXIMUM_EXCEEDED 20

/**
 * A size above the size limit of the allocator. Bytes.
 */
#define WASM_MEMORY_REASON_SIZE_LIMIT 21

/**
 * The quota in bytes of the allocator. Bytes.
 */
#define WASM_MEMORY_REASON_QUOTA_BYTES 22

/**
 * The limiter of the allocator refused. Bytes.
 */
#define WASM_MEMORY_REASON_LIMITER 23

/**
 * A size above what a slot of the pool holds. Bytes.
 */
#define WASM_MEMORY_REASON_SLOT_SIZE 24

/**
 * Growth past the reservation of a memory that may not move. Bytes.
 */
#define WASM_MEMORY_REASON_RESERVATION_EXCEEDED 25

/**
 * The quota of memories of the allocator. Memories.
 */
#define WASM_MEMORY_REASON_QUOTA_MEMORIES 26

/**
 * Every slot of the pool is in use. Memories.
 */
#define WASM_MEMORY_REASON_POOL_EXHAUSTED 27

/**
 * The host refused address space (mmap, RLIMIT_AS). Bytes.
 */
#define WASM_MEMORY_REASON_ADDRESS_SPACE 30

/**
 * The host refused to make bytes usable (a protection change or commit, RLIMIT_DATA). Bytes.
 */
#define WASM_MEMORY_REASON_COMMIT 31

/**
 * The library could not get memory for its own use, or a heap has no block for a memory. Bytes.
 */
#define WASM_MEMORY_REASON_OUT_OF_MEMORY 32

/**
 * The host's limit on the mappings of one process (vm.max_map_count). Mappings.
 */
#define WASM_MEMORY_REASON_MAP_COUNT 33

/**
 * The buffer is detached.
 */
#define WASM_MEMORY_REASON_DETACHED 40

/**
 * Not possible on a buffer of this kind.
 */
#define WASM_MEMORY_REASON_BUFFER_KIND 41

/**
 * A buffer cannot shrink. Bytes.
 */
#define WASM_MEMORY_REASON_WOULD_SHRINK 42

/**
 * A resize by a part of a page. Bytes.
 */
#define WASM_MEMORY_REASON_NOT_PAGE_MULTIPLE 43

/**
 * A memory without a maximum has no resizable buffer.
 */
#define WASM_MEMORY_REASON_NO_MAXIMUM 44

/**
 * A resize past the maximum length of the buffer. Bytes.
 */
#define WASM_MEMORY_REASON_MAX_BYTE_LENGTH 45

/**
 * The buffer of a memory cannot be transferred.
 */
#define WASM_MEMORY_REASON_NOT_TRANSFERABLE 46

/**
 * The import asks for another address type: its number, and the memory's.
 */
#define WASM_MEMORY_REASON_IMPORT_ADDRESS 50

/**
 * The import asks for another page size. Bytes.
 */
#define WASM_MEMORY_REASON_IMPORT_PAGE_SIZE 51

/**
 * The import asks for the other kind of sharing: 0 or 1, and the memory's.
 */
#define WASM_MEMORY_REASON_IMPORT_SHARED 52

/**
 * The memory is smaller than the import asks. Pages.
 */
#define WASM_MEMORY_REASON_IMPORT_INITIAL 53

/**
 * The memory may become larger than the import allows. Pages.
 */
#define WASM_MEMORY_REASON_IMPORT_MAXIMUM 54

/**
 * An access past the end: where it ends, and the byte length. Bytes.
 */
#define WASM_MEMORY_REASON_OUT_OF_BOUNDS 60

/**
 * An address that is not a multiple of the access width. Bytes.
 */
#define WASM_MEMORY_REASON_UNALIGNED 61

/**
 * A wait on a memory that is not shared.
 */
#define WASM_MEMORY_REASON_WAIT_UNSHARED 62

/**
 * More waiters than an address can have.
 */
#define WASM_MEMORY_REASON_TOO_MANY_WAITERS 63

/**
 * The wait was interrupted.
 */
#define WASM_MEMORY_REASON_INTERRUPTED 64

/**
 * An unshared memory cannot be sent to another agent.
 */
#define WASM_MEMORY_REASON_NOT_CLONEABLE 70

/**
 * Not possible on a shared memory.
 */
#define WASM_MEMORY_REASON_SHARED_MEMORY 71

/**
 * The image does not fit the memory. Bytes.
 */
#define WASM_MEMORY_REASON_IMAGE_DOES_NOT_FIT 80

/**
 * A file that cannot be read or written. Bytes.
 */
#define WASM_MEMORY_REASON_FILE 81

/**
 * A fault of the library itself, caught at the boundary.
 */
#define WASM_MEMORY_REASON_PANIC 90

/**
 * The address type of 32-bit indexes: "i32".
 */
#define WASM_MEMORY_ADDRESS_I32 0

/**
 * The address type of 64-bit indexes: "i64".
 */
#define WASM_MEMORY_ADDRESS_I64 1

/**
 * wasm_memory_location_t.zone: below the byte length.
 */
#define WASM_MEMORY_ZONE_BODY 0

/**
 * wasm_memory_location_t.zone: from the byte length to the end of the reservation.
 */
#define WASM_MEMORY_ZONE_RESERVED 1

/**
 * wasm_memory_location_t.zone: in the guard after the reservation.
 */
#define WASM_MEMORY_ZONE_GUARD_AFTER 2

/**
 * wasm_memory_location_t.zone: in the guard before the base.
 */
#define WASM_MEMORY_ZONE_GUARD_BEFORE 3

/**
 * A wait was woken by a notify.
 */
#define WASM_MEMORY_WAIT_WOKEN 0

/**
 * A wait found another value than the expected one.
 */
#define WASM_MEMORY_WAIT_NOT_EQUAL 1

/**
 * The time of a wait was over.
 */
#define WASM_MEMORY_WAIT_TIMED_OUT 2

/**
 * Bounds: growth changes the protection of pages, and an access past the byte length faults.
 */
#define WASM_MEMORY_BOUNDS_GUARDED 0

/**
 * Bounds: the engine compares every access with the byte length. The reservation is opened ahead
 * of the length, so that growth is as a rule only arithmetic and a store.
 */
#define WASM_MEMORY_BOUNDS_CHECKED 1

/**
 * Backend: memories are reservations of address space.
 */
#define WASM_MEMORY_BACKEND_VIRTUAL 0

/**
 * Backend: memories are blocks on a heap, for hosts without virtual memory.
 */
#define WASM_MEMORY_BACKEND_HEAP 1

/**
 * Makes memories that follow the same settings. Made by wasm_memory_allocator_new, given back by
 * wasm_memory_allocator_delete. Any thread, at once. A NULL allocator means the default one
 * everywhere.
 */
typedef struct wasm_memory_allocator_t wasm_memory_allocator_t;

/**
 * The bytes of a memory as an object of their own: what ArrayBuffer (of an unshared memory) and
 * SharedArrayBuffer (of a shared one) are to JavaScript. Given back by wasm_memory_buffer_delete.
 *
 * A buffer keeps its bytes mapped, also when its memory is deleted. An unshared memory and all its
 * buffers are one unit: one thread at a time uses any of them; buffers of a shared memory may be
 * used by any thread at once. Retain and delete are safe from any thread meanwhile.
 */
typedef struct wasm_memory_buffer_t wasm_memory_buffer_t;

/**
 * The settings of an allocator to be. Made by wasm_memory_config_new with the defaults, one setter
 * for each setting, given back by wasm_memory_config_delete. One thread at a time. A setter with
 * NULL, a deleted config or a handle of another kind does nothing.
 */
typedef struct wasm_memory_config_t wasm_memory_config_t;

/**
 * A frozen run of bytes that a new memory can start from, and an unshared one come back to. Made by
 * wasm_memory_image_new, wasm_memory_image_from_file and wasm_memory_snapshot, given back by
 * wasm_memory_image_delete. Memories that started from it keep the bytes. Any thread, at once.
 */
typedef struct wasm_memory_image_t wasm_memory_image_t;

/**
 * A linear memory: what `WebAssembly.Memory` is to JavaScript. Made by wasm_memory_new and
 * wasm_memory_new_in, given back by wasm_memory_delete.
 *
 * A shared memory may be used by any thread at once; of an unshared memory one thread at a time.
 * wasm_memory_retain and wasm_memory_delete are safe from any thread meanwhile. A handle that was
 * deleted, or of another kind, is answered with WASM_MEMORY_TYPE_ERROR
 * (WASM_MEMORY_REASON_INVALID_HANDLE), or NULL, 0 or false from a function without a status.
 */
typedef struct wasm_memory_t wasm_memory_t;

/**
 * Whether a call succeeded, and if not, which JavaScript exception it corresponds to: one of the
 * WASM_MEMORY_OK, _TYPE_ERROR, … below. wasm_memory_last_error tells why.
 */
typedef int32_t wasm_memory_status_t;

/**
 * Why a call failed.
 */
typedef struct wasm_memory_error_t {
  /**
   * What the failed call returned.
   */
  wasm_memory_status_t status;
  /**
   * One of WASM_MEMORY_REASON_*: a stable number for each distinguishable cause.
   */
  uint32_t reason;
  /**
   * errno (or GetLastError) of the operating-system call that refused, or 0.
   */
  int32_t os_error;
  /**
   * What was asked for, in the unit that the reason names; UINT64_MAX where it is more.
   */
  uint64_t requested;
  /**
   * The limit that it met, in the same unit, or 0 where none is known.
   */
  uint64_t available;
  /**
   * Zero.
   */
  uint64_t reserved[2];
} wasm_memory_error_t;

/**
 * A count of WebAssembly pages that may be absent (a WebIDL optional). Zeroed it is absent, and 0
 * pages can still be said: WASM_MEMORY_PAGES(0).
 */
typedef struct wasm_memory_page_count_t {
  /**
   * The count in pages of the memory's own page size.
   */
  uint64_t pages;
  /**
   * Whether there is a count. Any byte that is not zero means true.
   */
  bool present;
} wasm_memory_page_count_t;

/**
 * What a memory is to be, or is. Zeroed it is JavaScript's `{}`; a NULL pointer to one is "not an
 * object".
 */
typedef struct wasm_memory_descriptor_t {
  /**
   * Size at creation in pages; required.
   */
  struct wasm_memory_page_count_t initial;
  /**
   * Most pages that it may ever have; required when shared.
   */
  struct wasm_memory_page_count_t maximum;
  /**
   * Whether several threads may use it at once. Any byte that is not zero means true.
   */
  bool shared;
  /**
   * WASM_MEMORY_ADDRESS_I32 or WASM_MEMORY_ADDRESS_I64.
   */
  uint32_t address;
  /**
   * Bytes of a page: 1 or 65536; 0 means 65536.
   */
  uint32_t page_size;
  /**
   * Must be zero.
   */
  uint64_t reserved[2];
} wasm_memory_descriptor_t;

/**
 * Base and byte length of a memory, at one address for as long as the memory lives: compiled code
 * may load through it. Read only. For a shared memory byte_length changes under other threads:
 * read it with an atomic load, acquire or sequentially consistent.
 */
typedef struct wasm_memory_view_t {
  /**
   * Address of byte 0; changes only when a movable memory grows.
   */
  uint8_t *base;
  /**
   * Length in bytes, published only after the bytes can be used.
   */
  size_t byte_length;
} wasm_memory_view_t;

/**
 * What the address space around a memory looks like: what compiled code may rely on. Constant for
 * the life of a memory, unless growth moves it.
 */
typedef struct wasm_memory_layout_t {
  /**
   * Bytes from the base within which the base never moves; a multiple of the host page, but on a heap.
   */
  uint64_t reservation;
  /**
   * Inaccessible bytes before the base.
   */
  uint64_t guard_before;
  /**
   * Inaccessible bytes after the reservation.
   */
  uint64_t guard_after;
  /**
   * Growth past the reservation may change the base.
   */
  bool movable;
  /**
   * Every byte at or past the byte length, rounded up to the host page, faults.
   */
  bool exact_protection;
  /**
   * An access of at most 16 bytes at any 32-bit index plus a static offset up to the next field
   * is in bounds or faults, so compiled code needs no check.
   */
  bool elides_i32_checks;
  /**
   * The largest such static offset; 0 when there is none.
   */
  uint64_t elidable_offset;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} wasm_memory_layout_t;

/**
 * Where an address lies.
 */
typedef struct wasm_memory_location_t {
  /**
   * The memory: it identifies and is no reference. NULL when only a buffer keeps the bytes.
   */
  const struct wasm_memory_t *memory;
  /**
   * Distance from the base in bytes; negative in the guard before.
   */
  int64_t offset;
  /**
   * One of WASM_MEMORY_ZONE_*.
   */
  uint32_t zone;
  /**
   * Zero.
   */
  uint64_t reserved[2];
} wasm_memory_location_t;

/**
 * The embedder's own say in how large memories become. The functions may run on any thread and at
 * once, must not unwind or longjmp, and may call the library: none of its locks is held.
 */
typedef struct wasm_memory_limiter_t {
  /**
   * Handed to each function.
   */
  void *context;
  /**
   * May a memory of current_bytes become one of desired_bytes? Asked last, after every limit of the
   * library's own, before each creation (current_bytes is 0) and each growth by more than 0;
   * maximum_bytes is the declared maximum, UINT64_MAX without one. False refuses:
   * WASM_MEMORY_RANGE_ERROR, LIMITER. NULL allows everything.
   */
  bool (*growing)(void *context,
                  uint64_t current_bytes,
                  uint64_t desired_bytes,
                  uint64_t maximum_bytes);
  /**
   * Told of each WASM_MEMORY_RANGE_ERROR of creation, growth and an enlarging reset, whatever its
   * cause. error is valid during the call. May be NULL.
   */
  void (*refused)(void *context, const struct wasm_memory_error_t *error);
  /**
   * Called once, when the config and every allocator made from it are gone, or the setting was
   * replaced and no allocator uses it. May be NULL.
   */
  void (*finalize)(void *context);
  /**
   * NULL.
   */
  void *reserved[4];
} wasm_memory_limiter_t;

/**
 * The embedder's own heap, for WASM_MEMORY_BACKEND_HEAP. It holds the bytes of memories only, and need not
 * zero them. The functions may run on any thread and at once, must not unwind, longjmp or fork, and may
 * call the library: none of its locks is held. What needs the bytes of the memory that is being moved (a
 * buffer, a snapshot, a reset, a discard, growth) is refused meanwhile; the functions must not read or write
 * them.
 */
typedef struct wasm_memory_host_heap_t {
  /**
   * Handed to each function.
   */
  void *context;
  /**
   * A block of size bytes, at least 1, at a multiple of alignment, which is 16; NULL when there is
   * none: then the creation or growth is WASM_MEMORY_RANGE_ERROR, OUT_OF_MEMORY, or tried smaller. A
   * block at another address is given back and counts as none. Must not be NULL.
   */
  void *(*allocate)(void *context, size_t size, size_t alignment);
  /**
   * Makes a block of old_size bytes one of new_size bytes, which is more, with the first old_size
   * bytes as they were, at the same address or another one. NULL when it cannot; the block is then
   * as it was, and growth allocates, copies and deallocates, as it does where this is NULL. The address is
   * a multiple of alignment too. Never called while a buffer of the block is held.
   */
  void *(*reallocate)(void *context, void *block, size_t old_size, size_t new_size, size_t alignment);
  /**
   * Takes a block of size bytes back. Must not be NULL.
   */
  void (*deallocate)(void *context, void *block, size_t size, size_t alignment);
  /**
   * Called once, when the config and every allocator that uses it are gone and no block is left, or
   * the setting was replaced and no allocator uses it. May be NULL.
   */
  void (*finalize)(void *context);
  /**
   * NULL.
   */
  void *reserved[4];
} wasm_memory_host_heap_t;

/**
 * What an allocator, or one memory, has and has done. Sizes are in bytes.
 */
typedef struct wasm_memory_stats_t {
  /**
   * Memories that are alive: until the last handle and buffer are gone.
   */
  uint64_t memories;
  /**
   * The most that ever were at once.
   */
  uint64_t peak_memories;
  /**
   * Address space: guards, pools and what is kept for reuse included.
   */
  uint64_t reserved_bytes;
  /**
   * Byte lengths of the memories.
   */
  uint64_t accessible_bytes;
  /**
   * The most that they ever were at once.
   */
  uint64_t peak_accessible_bytes;
  /**
   * Of this process's mappings, in memory now, asked of the kernel; UINT64_MAX where it cannot tell.
   */
  uint64_t resident_bytes;
  /**
   * In memory, in what is kept for reuse. 0 for a memory.
   */
  uint64_t kept_bytes;
  /**
   * Memories that were made.
   */
  uint64_t creations;
  /**
   * Those among them that were given what another memory had left.
   */
  uint64_t reuses;
  /**
   * Growths by more than 0.
   */
  uint64_t growths;
  /**
   * Those among them that changed the base.
   */
  uint64_t moves;
  /**
   * WASM_MEMORY_RANGE_ERRORs of creation, growth and reset.
   */
  uint64_t refusals;
  /**
   * Bytes that were discarded.
   */
  uint64_t discarded_bytes;
  /**
   * Zero.
   */
  uint64_t reserved[8];
} wasm_memory_stats_t;

/**
 * The call did what it says.
 */
#define WASM_MEMORY_OK 0

/**
 * JavaScript TypeError: an argument has the wrong shape or is outside its integer type.
 */
#define WASM_MEMORY_TYPE_ERROR 1

/**
 * JavaScript RangeError: a value fits its integer type but is not allowed, or the host refused.
 */
#define WASM_MEMORY_RANGE_ERROR 2

/**
 * WebAssembly.LinkError: an import does not match.
 */
#define WASM_MEMORY_LINK_ERROR 3

/**
 * WebAssembly.RuntimeError: a trap.
 */
#define WASM_MEMORY_RUNTIME_ERROR 4

/**
 * DataCloneError: an unshared memory cannot be sent to another agent.
 */
#define WASM_MEMORY_DATA_CLONE_ERROR 5

/**
 * A fault of the library itself, caught at the boundary.
 */
#define WASM_MEMORY_INTERNAL_ERROR 6

/**
 * The host refused what has no JavaScript counterpart: a file that cannot be read or written.
 */
#define WASM_MEMORY_HOST_ERROR 7

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The name of a status: "OK", or the JavaScript exception ("TypeError", "RangeError", …).
 *
 * status: any number. Returns a static NUL-terminated string, never NULL; "unknown" for a number
 * that is no status. Never fails. Any thread.
 */
const char *wasm_memory_status_name(wasm_memory_status_t status);

/**
 * The version of the library that is running, as "major.minor.patch".
 *
 * Returns a static NUL-terminated string. Never fails. Any thread.
 */
const char *wasm_memory_version(void);

/**
 * The number of the C ABI of the library that is running. It works with a program that was
 * compiled against a header with the same WASM_MEMORY_ABI_VERSION.
 *
 * Never fails. Any thread.
 */
uint32_t wasm_memory_abi_version(void);

/**
 * Why the last failed call of this thread failed, as errno would tell it.
 *
 * out: where to write; NULL is allowed and does nothing. Zero in every field when no call of this
 * thread has failed. Only a call that returns a status other than WASM_MEMORY_OK changes it:
 * success and functions without a status leave it alone. Each thread has its own; a binding whose
 * tasks change threads fetches it in the same foreign call.
 */
void wasm_memory_last_error(struct wasm_memory_error_t *out);

/**
 * The same in English, as snprintf writes it.
 *
 * buffer: where to write, at most capacity bytes with the terminating NUL; NULL is allowed and
 * writes nothing. Returns the length of the whole message in bytes without the NUL, so a result
 * of capacity or more means that it was cut off. The text is not part of the ABI; empty when no
 * call of this thread has failed. Never fails; leaves the error as it is.
 */
size_t wasm_memory_last_error_message(char *buffer, size_t capacity);

/**
 * Makes a memory, zero-filled, from the default allocator: `new WebAssembly.Memory(descriptor)`.
 *
 * descriptor: read once, not kept. out: receives the new memory, one reference that the caller
 * gives back with wasm_memory_delete; NULL after a failure.
 *
 * WASM_MEMORY_TYPE_ERROR, checked in this order: out is NULL, descriptor is NULL (NULL_ARGUMENT);
 * a reserved field is not zero (RESERVED_FIELD); the address type is unknown (ADDRESS_TYPE); initial
 * is absent (INITIAL_MISSING); initial, then maximum, is outside the integer type of the address
 * type (COUNT_OUTSIDE_TYPE); shared without a maximum (SHARED_WITHOUT_MAXIMUM).
 * WASM_MEMORY_RANGE_ERROR, after those and in this order: the page size is not 1 or 65536
 * (PAGE_SIZE); initial, then maximum, is above the limit: 65536 pages for i32, 2^37 - 1 for i64,
 * and with pages of 1 byte 2^32 - 1 for i32 (ABOVE_LIMIT); maximum is below initial
 * (MAXIMUM_BELOW_INITIAL); initial is above 16 GiB (SIZE_LIMIT); the host refuses (ADDRESS_SPACE,
 * COMMIT, MAP_COUNT, OUT_OF_MEMORY). Nothing is left behind by a failure.
 *
 * What an earlier memory has left may be used again: it reads zero.
 *
 * Any thread. Specification: JS API, the Memory constructor.
 */
wasm_memory_status_t wasm_memory_new(const struct wasm_memory_descriptor_t *descriptor,
                                     struct wasm_memory_t **out);

/**
 * Grows a memory by delta_pages pages, which read zero: `memory.grow(delta)`.
 *
 * delta_pages: pages of the memory's own page size; 0 is allowed and succeeds. previous_pages:
 * receives the size before in pages; may be NULL.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE); delta_pages is outside the
 * integer type of an i32 memory (COUNT_OUTSIDE_TYPE). WASM_MEMORY_RANGE_ERROR, in this order: past
 * the declared maximum (MAXIMUM_EXCEEDED), past what the address type can index (ABOVE_LIMIT),
 * past the size limit (SIZE_LIMIT), past the reservation of a memory that may not move
 * (RESERVATION_EXCEEDED), refused by the host (ADDRESS_SPACE, COMMIT, MAP_COUNT, OUT_OF_MEMORY). A
 * failure changes nothing: size, base, contents and *previous_pages are what they were.
 *
 * The base stays where it is, unless wasm_memory_get_layout says that the memory is movable. Any
 * thread may grow a shared memory; growths are totally ordered, every success has a different
 * previous size, and the new length is published after the pages can be used.
 * Specification: JS API, Memory.prototype.grow.
 */
wasm_memory_status_t wasm_memory_grow(struct wasm_memory_t *memory,
                                      uint64_t delta_pages,
                                      uint64_t *previous_pages);

/**
 * The base of a memory: the address of byte 0.
 *
 * Returns an address that is aligned to the host page (on a heap: to 16 bytes) and not NULL also at
 * size 0; NULL for a bad handle. The bytes up to wasm_memory_byte_length can be read and written for as long as the
 * memory lives; the base changes only when a movable memory grows (wasm_memory_get_layout). Whoever
 * changes the protection or kernel advice of these pages himself puts it back before he deletes the
 * memory: the next memory of the allocator may be there.
 */
uint8_t *wasm_memory_data(const struct wasm_memory_t *memory);

/**
 * The size of a memory in pages of its own page size; 0 for a bad handle.
 *
 * Any thread, also while another grows a shared memory. Specification: memory.size.
 */
uint64_t wasm_memory_size(const struct wasm_memory_t *memory);

/**
 * The size of a memory in bytes; 0 for a bad handle.
 *
 * Any thread, also while another grows a shared memory: all bytes up to the answer can be used.
 */
uint64_t wasm_memory_byte_length(const struct wasm_memory_t *memory);

/**
 * Gives back one reference to a memory. With the last one the handle is dead. As soon as no buffer is
 * held and no wait runs any more, the bytes are cleaned and the address space is kept for the next
 * memory of the allocator, or goes back to the host; wasm_memory_allocator_trim gives back what is kept.
 *
 * memory: NULL, a dead handle and one of another kind do nothing. Never fails; where the host will
 * not take the address space back it is emptied, closed and offered again later. Any thread.
 */
void wasm_memory_delete(struct wasm_memory_t *memory);

/**
 * Counts one more reference to a memory, to be given back with wasm_memory_delete.
 *
 * Returns the same pointer; NULL for a bad handle: a dead one is never revived. Any thread.
 */
struct wasm_memory_t *wasm_memory_retain(struct wasm_memory_t *memory);

/**
 * The type of a memory: `memory.type()`.
 *
 * out: receives the type. Its initial is the current size in pages, its maximum the declared one
 * (absent and 0 pages when none was), its page size 1 or 65536.
 *
 * WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
 * Specification: JS type reflection.
 */
wasm_memory_status_t wasm_memory_get_type(const struct wasm_memory_t *memory,
                                          struct wasm_memory_descriptor_t *out);

/**
 * Does a memory match what an import asks for?
 *
 * import: its initial and maximum are the declared limits, which are compared and not validated;
 * an absent initial counts as 0.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle or import is NULL (NULL_ARGUMENT, INVALID_HANDLE), a
 * reserved field is not zero (RESERVED_FIELD), the address type (ADDRESS_TYPE) or page size
 * (UNKNOWN_VALUE) is unknown. WASM_MEMORY_LINK_ERROR, in this order: another address type
 * (IMPORT_ADDRESS), another page size (IMPORT_PAGE_SIZE), shared against unshared (IMPORT_SHARED),
 * the current size is less than initial (IMPORT_INITIAL), the import has a maximum and the memory
 * has none or a larger one (IMPORT_MAXIMUM).
 * Specification: core, import matching of memory types.
 */
wasm_memory_status_t wasm_memory_match(const struct wasm_memory_t *memory,
                                       const struct wasm_memory_descriptor_t *import);

/**
 * What posting a memory to another agent does: a shared memory is retained, an unshared one
 * cannot be sent.
 *
 * out: receives memory itself with one more reference, to be given back with wasm_memory_delete;
 * NULL after a failure.
 *
 * WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
 * WASM_MEMORY_DATA_CLONE_ERROR: the memory is unshared (NOT_CLONEABLE). Any thread.
 */
wasm_memory_status_t wasm_memory_send(struct wasm_memory_t *memory, struct wasm_memory_t **out);

/**
 * The base and byte length of a memory where compiled code can load them.
 *
 * Returns an address that is the same for as long as the memory lives; NULL for a bad handle. Any
 * thread.
 */
const struct wasm_memory_view_t *wasm_memory_view(const struct wasm_memory_t *memory);

/**
 * What the address space around a memory looks like.
 *
 * out: receives the layout; NULL does nothing. Zero in every field for a bad handle. Any thread.
 */
void wasm_memory_get_layout(const struct wasm_memory_t *memory, struct wasm_memory_layout_t *out);

/**
 * Which memory, and where in it, does an address belong to?
 *
 * address: any address; it is not read. out: receives the answer; may be NULL; written only when
 * the result is true. Returns whether the address lies in the body, the reservation or a guard of
 * a memory. Ranges that the library keeps for reuse are not found.
 *
 * Async-signal-safe: a fault handler may call it while any thread, the interrupted one included, is
 * inside any function of this library. It takes no lock, allocates nothing, touches no thread-local
 * and leaves errno and the last error alone. A memory that another thread deletes meanwhile may be
 * found or not.
 */
bool wasm_memory_find(const void *address, struct wasm_memory_location_t *out);

/**
 * Keeps an address of the embedder's with a memory, to be had back in a fault handler.
 *
 * user_data: never looked at; NULL at first. Nothing happens for a bad handle. Any thread.
 */
void wasm_memory_set_user_data(struct wasm_memory_t *memory, void *user_data);

/**
 * The address that wasm_memory_set_user_data was last given; NULL for a bad handle.
 *
 * Async-signal-safe. Any thread.
 */
void *wasm_memory_user_data(const struct wasm_memory_t *memory);

/**
 * The current buffer of a memory: `memory.buffer`.
 *
 * out: receives the buffer with one more reference, to be given back with
 * wasm_memory_buffer_delete; NULL after a failure. The same pointer as before while that is held,
 * unless an event in between replaced the buffer: growth of an unshared memory by any delta, also 0
 * (which detaches it, unless it is resizable); growth of a shared memory by more than 0, also by
 * another thread
 * (unless it is growable); a conversion.
 *
 * A pointer into the buffer stays readable and writable over the length it had while the buffer is
 * held, even once it is detached, its memory deleted or moved.
 *
 * WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
 * WASM_MEMORY_RANGE_ERROR: no memory for the object (OUT_OF_MEMORY).
 * Specification: JS API, Memory.prototype.buffer and "refresh the memory buffer".
 */
wasm_memory_status_t wasm_memory_buffer(struct wasm_memory_t *memory,
                                        struct wasm_memory_buffer_t **out);

/**
 * The current buffer, made resizable (growable, for a shared memory): `memory.toResizableBuffer()`.
 *
 * out: as for wasm_memory_buffer. A resizable buffer that is current already is returned as it is;
 * else a new one is made, and that of an unshared memory is detached. Its maximum length is the
 * memory's maximum. A memory whose current buffer is resizable does not move: growth that would
 * need it is WASM_MEMORY_RANGE_ERROR, RESERVATION_EXCEEDED.
 *
 * WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE); the memory
 * has no maximum (NO_MAXIMUM). WASM_MEMORY_RANGE_ERROR: OUT_OF_MEMORY.
 * Specification: JS API, Memory.prototype.toResizableBuffer.
 */
wasm_memory_status_t wasm_memory_to_resizable_buffer(struct wasm_memory_t *memory,
                                                     struct wasm_memory_buffer_t **out);

/**
 * The current buffer, made one of fixed length: `memory.toFixedLengthBuffer()`.
 *
 * out: as for wasm_memory_buffer. One of fixed length that is current already is returned as
 * wasm_memory_buffer returns it; else a new one is made, and that of an unshared memory is detached.
 *
 * WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
 * WASM_MEMORY_RANGE_ERROR: OUT_OF_MEMORY.
 * Specification: JS API, Memory.prototype.toFixedLengthBuffer.
 */
wasm_memory_status_t wasm_memory_to_fixed_length_buffer(struct wasm_memory_t *memory,
                                                        struct wasm_memory_buffer_t **out);

/**
 * Counts one more reference to a buffer, to be given back with wasm_memory_buffer_delete.
 *
 * Returns the same pointer; NULL for a bad handle. Any thread.
 */
struct wasm_memory_buffer_t *wasm_memory_buffer_retain(struct wasm_memory_buffer_t *buffer);

/**
 * Gives back one reference to a buffer. The bytes go with the last of the memory and its buffers.
 *
 * buffer: NULL, a dead handle and one of another kind do nothing. Never fails. Any thread.
 */
void wasm_memory_buffer_delete(struct wasm_memory_buffer_t *buffer);

/**
 * Address of the first byte of a buffer; NULL once it is detached, and for a bad handle.
 */
uint8_t *wasm_memory_buffer_data(const struct wasm_memory_buffer_t *buffer);

/**
 * Length of a buffer in bytes: `buffer.byteLength`. 0 once it is detached, and for a bad handle. A
 * resizable one follows its memory; one of fixed length of a shared memory keeps its length.
 */
uint64_t wasm_memory_buffer_byte_length(const struct wasm_memory_buffer_t *buffer);

/**
 * Length in bytes that a buffer can be resized to: `buffer.maxByteLength`. Its own length when it
 * is of fixed length, 0 once it is detached, and for a bad handle.
 */
uint64_t wasm_memory_buffer_max_byte_length(const struct wasm_memory_buffer_t *buffer);

/**
 * Is a buffer detached: `buffer.detached`? Never true for a shared one; false for a bad handle.
 */
bool wasm_memory_buffer_is_detached(const struct wasm_memory_buffer_t *buffer);

/**
 * Is it the buffer of a shared memory, a SharedArrayBuffer? False for a bad handle.
 */
bool wasm_memory_buffer_is_shared(const struct wasm_memory_buffer_t *buffer);

/**
 * Is a buffer resizable (growable, for a shared one)? Never changes for a buffer, also when it is
 * detached; false for a bad handle.
 */
bool wasm_memory_buffer_is_resizable(const struct wasm_memory_buffer_t *buffer);

/**
 * Grows an unshared memory through its resizable buffer: `buffer.resize(byteLength)`.
 *
 * byte_length: the new length; the current one is allowed and succeeds.
 *
 * In this order. WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE), the buffer
 * is of fixed length or shared (BUFFER_KIND). WASM_MEMORY_RANGE_ERROR: more than 2^53 - 1
 * (MAX_BYTE_LENGTH). WASM_MEMORY_TYPE_ERROR: the buffer is detached (DETACHED).
 * WASM_MEMORY_RANGE_ERROR: more than its maximum (MAX_BYTE_LENGTH), less than its length
 * (WOULD_SHRINK), not whole pages more (NOT_PAGE_MULTIPLE), or what growth is refused for
 * (wasm_memory_grow). A failure changes nothing.
 * Specification: ECMAScript, ArrayBuffer.prototype.resize; JS API, HostResizeArrayBuffer.
 */
wasm_memory_status_t wasm_memory_buffer_resize(struct wasm_memory_buffer_t *buffer,
                                               uint64_t byte_length);

/**
 * Grows a shared memory through its growable buffer: `buffer.grow(byteLength)`.
 *
 * byte_length: the new length; the current one is allowed and succeeds.
 *
 * In this order. WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE), the buffer
 * is of fixed length or unshared (BUFFER_KIND). WASM_MEMORY_RANGE_ERROR: more than 2^53 - 1
 * (MAX_BYTE_LENGTH), less than its length (WOULD_SHRINK), not whole pages more
 * (NOT_PAGE_MULTIPLE), more than its maximum (MAX_BYTE_LENGTH), or what growth is refused for
 * (wasm_memory_grow). A failure changes nothing. Any thread.
 * Specification: ECMAScript, SharedArrayBuffer.prototype.grow; threads JS API.
 */
wasm_memory_status_t wasm_memory_buffer_grow(struct wasm_memory_buffer_t *buffer,
                                             uint64_t byte_length);

/**
 * `ArrayBuffer.prototype.transfer`: never possible, since only the memory may detach its buffer.
 *
 * WASM_MEMORY_TYPE_ERROR, always: a bad handle (NULL_ARGUMENT, INVALID_HANDLE), a shared buffer
 * (BUFFER_KIND), a detached one (DETACHED), else NOT_TRANSFERABLE.
 */
wasm_memory_status_t wasm_memory_buffer_transfer(struct wasm_memory_buffer_t *buffer);

/**
 * Copies bytes out of a memory.
 *
 * index: of the first byte. destination: receives length bytes; NULL is fine when length is 0; it
 * may lie in a memory.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle or NULL destination (NULL_ARGUMENT, INVALID_HANDLE).
 * WASM_MEMORY_RUNTIME_ERROR: index + length, never wrapped, is past the end (OUT_OF_BOUNDS: where
 * the access ends, and the byte length); nothing is written. Any thread for a shared memory: bytes
 * that race are old or new ones.
 */
wasm_memory_status_t wasm_memory_read(const struct wasm_memory_t *memory,
                                      uint64_t index,
                                      void *destination,
                                      size_t length);

/**
 * Copies bytes into a memory.
 *
 * index: of the first byte. source: length bytes; NULL is fine when length is 0; it may lie in a
 * memory.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle or NULL source (NULL_ARGUMENT, INVALID_HANDLE).
 * WASM_MEMORY_RUNTIME_ERROR: index + length, never wrapped, is past the end (OUT_OF_BOUNDS);
 * nothing is written. Any thread for a shared memory.
 */
wasm_memory_status_t wasm_memory_write(struct wasm_memory_t *memory,
                                       uint64_t index,
                                       const void *source,
                                       size_t length);

/**
 * Sets length bytes from index on to value: memory.fill.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
 * WASM_MEMORY_RUNTIME_ERROR: index + length, never wrapped, is past the end (OUT_OF_BOUNDS), also
 * when length is 0; nothing is written. Any thread for a shared memory.
 */
wasm_memory_status_t wasm_memory_bulk_fill(struct wasm_memory_t *memory,
                                           uint64_t index,
                                           uint8_t value,
                                           uint64_t length);

/**
 * Copies length bytes between memories, or within one: memory.copy. The ranges may overlap, the
 * address types and page sizes may differ.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
 * WASM_MEMORY_RUNTIME_ERROR: either range, its sum never wrapped, is past the end (OUT_OF_BOUNDS, of
 * the target first), also when length is 0; nothing is written. Any thread for shared memories.
 */
wasm_memory_status_t wasm_memory_bulk_copy(struct wasm_memory_t *to,
                                           uint64_t to_index,
                                           const struct wasm_memory_t *from,
                                           uint64_t from_index,
                                           uint64_t length);

/**
 * Copies length bytes of a data segment, from segment_index on, into a memory: memory.init.
 *
 * segment: segment_length bytes; a dropped segment is NULL and 0.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle or NULL segment (NULL_ARGUMENT, INVALID_HANDLE).
 * WASM_MEMORY_RUNTIME_ERROR: the range of the memory or of the segment, its sum never wrapped, is
 * past the end (OUT_OF_BOUNDS, of the memory first), also when length is 0; nothing is written.
 */
wasm_memory_status_t wasm_memory_bulk_init(struct wasm_memory_t *memory,
                                           uint64_t index,
                                           const uint8_t *segment,
                                           size_t segment_length,
                                           uint64_t segment_index,
                                           uint64_t length);

/**
 * Sets a range to zero and gives its host pages back: what resides falls by it. On a heap, and for what is
 * shared on Windows, it is only set to zero.
 *
 * index, length: bytes, multiples of the memory's page size.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE). WASM_MEMORY_RUNTIME_ERROR:
 * index or length is not a multiple of the page size (UNALIGNED: the number, and the page size),
 * checked before the range is past the end (OUT_OF_BOUNDS). Any thread for a shared memory.
 * Where the host will not take the pages back the range still reads zero.
 * Specification: memory-control proposal, memory.discard, in its strict form.
 */
wasm_memory_status_t wasm_memory_discard(struct wasm_memory_t *memory,
                                         uint64_t index,
                                         uint64_t length);

/**
 * Waits at index until it is notified, if the 32-bit little-endian value there is expected:
 * memory.atomic.wait32.
 *
 * index: a multiple of 4. timeout: nanoseconds; negative waits for ever. result: receives
 * WASM_MEMORY_WAIT_WOKEN, _NOT_EQUAL or _TIMED_OUT; may be NULL.
 *
 * Waiters at one address, of either width, are woken first in first out; there are no spurious
 * wake-ups. The wait holds a reference: deleting the memory meanwhile wakes nobody and harms
 * nobody. A value that differs costs no system call.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE). WASM_MEMORY_RUNTIME_ERROR, in
 * this order: index is not a multiple of 4 (UNALIGNED), the memory is unshared (WAIT_UNSHARED), the
 * value is past the end (OUT_OF_BOUNDS), 2^32 - 1 wait already (TOO_MANY_WAITERS); while waiting:
 * wasm_memory_atomic_interrupt was called (INTERRUPTED). Any thread.
 * Specification: threads proposal, memory.atomic.wait32.
 */
wasm_memory_status_t wasm_memory_atomic_wait32(struct wasm_memory_t *memory,
                                               uint64_t index,
                                               uint32_t expected,
                                               int64_t timeout,
                                               uint32_t *result);

/**
 * Waits at index until it is notified, if the 64-bit little-endian value there is expected:
 * memory.atomic.wait64. As wasm_memory_atomic_wait32; index is a multiple of 8.
 */
wasm_memory_status_t wasm_memory_atomic_wait64(struct wasm_memory_t *memory,
                                               uint64_t index,
                                               uint64_t expected,
                                               int64_t timeout,
                                               uint32_t *result);

/**
 * Wakes those that wait at index, the longest waiting first: memory.atomic.notify.
 *
 * index: a multiple of 4. count: the most to wake; UINT32_MAX wakes all, 0 nobody. woken: receives
 * how many; may be NULL. Nobody waits on an unshared memory. Without a waiter it costs no system
 * call.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE). WASM_MEMORY_RUNTIME_ERROR, in
 * this order: index is not a multiple of 4 (UNALIGNED), 4 bytes there are past the end
 * (OUT_OF_BOUNDS). Any thread. Specification: threads proposal, memory.atomic.notify.
 */
wasm_memory_status_t wasm_memory_atomic_notify(struct wasm_memory_t *memory,
                                               uint64_t index,
                                               uint32_t count,
                                               uint32_t *woken);

/**
 * Ends every wait in progress on a memory: each returns WASM_MEMORY_RUNTIME_ERROR, INTERRUPTED.
 * Later waits are not affected.
 *
 * woken: receives how many; may be NULL.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE). Any thread.
 */
wasm_memory_status_t wasm_memory_atomic_interrupt(struct wasm_memory_t *memory, uint32_t *woken);

/**
 * Makes a config with the defaults: bounds GUARDED, reservation the least of the maximum and the size limit
 * (4 GiB for i32 without a maximum), guards 0 before and 65536 after, not movable, with fallback,
 * backend VIRTUAL, no pool, 1 MiB of a memory written over when it is cleaned (16 MiB at a reset), 64 MiB kept for reuse, no large pages,
 * no prefault, size limit 16 GiB, no quota, no limiter.
 *
 * Returns a config to be given back with wasm_memory_config_delete; NULL when there is no memory
 * for one.
 */
struct wasm_memory_config_t *wasm_memory_config_new(void);

/**
 * Gives a config back. Allocators made from it stay as they are. NULL does nothing. A limiter that no
 * allocator uses is finalized.
 */
void wasm_memory_config_delete(struct wasm_memory_config_t *config);

/**
 * Sets the address space of each memory, instead of the default.
 *
 * bytes: from the base, rounded up to the host page; never less than a memory's initial size. It
 * may be more than the memory's maximum. From here on a refused reservation is an error and not
 * retried smaller, unless wasm_memory_config_set_fallback(config, true) is called too.
 */
void wasm_memory_config_set_reservation(struct wasm_memory_config_t *config, uint64_t bytes);

/**
 * Sets how many bytes before the base and after the reservation are inaccessible, also at size 0.
 *
 * before, after: bytes, each rounded up to the host page. From here on a refused reservation is an
 * error and not retried smaller, unless wasm_memory_config_set_fallback(config, true) is called
 * too.
 */
void wasm_memory_config_set_guards(struct wasm_memory_config_t *config,
                                   uint64_t before,
                                   uint64_t after);

/**
 * Sets who sees to it that no access passes the byte length: WASM_MEMORY_BOUNDS_GUARDED (the
 * default) or WASM_MEMORY_BOUNDS_CHECKED. Another number is an error of
 * wasm_memory_allocator_new.
 *
 * With CHECKED all of the reservation is opened at once where the host charges only for bytes that
 * are touched, and in large growing steps where it charges for what is open (overcommit off,
 * RLIMIT_DATA). The layout then has no exact_protection and elides no checks; the guards are there.
 */
void wasm_memory_config_set_bounds(struct wasm_memory_config_t *config, uint32_t bounds);

/**
 * Sets whether growth past the reservation may change the base of an unshared memory. Without it
 * such a growth is WASM_MEMORY_RANGE_ERROR, RESERVATION_EXCEEDED.
 */
void wasm_memory_config_set_movable(struct wasm_memory_config_t *config, bool movable);

/**
 * Sets whether a reservation that the host refuses may be retried smaller: with the memory's
 * maximum, then with what it needs now and some slack, then without slack. An unshared memory that
 * got less than its maximum is movable. wasm_memory_get_layout tells what a memory was given.
 */
void wasm_memory_config_set_fallback(struct wasm_memory_config_t *config, bool fallback);

/**
 * Sets the most bytes that a memory may have, at creation and after growth. Default: 16 GiB, the
 * limit of the JavaScript interface.
 */
void wasm_memory_config_set_size_limit(struct wasm_memory_config_t *config, uint64_t bytes);

/**
 * Sets a pool: memories are slots of one reservation, which wasm_memory_allocator_new makes. A memory
 * whose initial size is more than a slot is WASM_MEMORY_RANGE_ERROR, SLOT_SIZE, and so is growth past
 * it; when all slots are in use, creation is POOL_EXHAUSTED. A slot is free again when the last handle
 * and buffer of its memory are gone; it is then cleaned, and as a rule goes to the next memory that
 * starts from the same image.
 *
 * slots: 0 is an error of wasm_memory_allocator_new. slot_bytes: bytes of each, rounded up to the host
 * page; it is the reservation in the layout of every memory. Between two slots lies the longer of the
 * two guards, which serves both. With WASM_MEMORY_BOUNDS_CHECKED, and unless guards are set, there are
 * none between them, and all slots are one mapping. A pool never moves a memory.
 */
void wasm_memory_config_set_pool(struct wasm_memory_config_t *config,
                                 uint32_t slots,
                                 uint64_t slot_bytes);

/**
 * Sets up to how many bytes of a memory are written over, and so stay in memory, when it is reset or
 * cleaned for the next one. Where more than that was used, the kernel drops all of it. Default: 1 MiB
 * for the next one, 16 MiB at a reset.
 *
 * bytes: 0 has the kernel drop the pages always.
 */
void wasm_memory_config_set_keep_resident(struct wasm_memory_config_t *config,
                                          uint64_t bytes);

/**
 * Sets whether the host is asked for large pages. Where it is, a byte that is touched may take
 * 2 MiB. Default: no; pools and memories with WASM_MEMORY_BOUNDS_CHECKED then get none even where the
 * host gives them unasked.
 */
void wasm_memory_config_set_huge_pages(struct wasm_memory_config_t *config,
                                       bool wanted);

/**
 * Sets whether the initial pages of a memory are made resident at creation, which is cheaper than a
 * fault for each and costs the memory even where they are never used. As far as it can be had: no
 * creation fails for want of it. Default: no.
 */
void wasm_memory_config_set_prefault(struct wasm_memory_config_t *config, bool wanted);

/**
 * Sets the most bytes that stay in memory over all that waits for reuse: the reservations that
 * memories have left, or the free slots of a pool. Default: 64 MiB. What lies for ten seconds is given
 * back by later calls, all of it by wasm_memory_allocator_trim.
 */
void wasm_memory_config_set_kept_bytes(struct wasm_memory_config_t *config,
                                       uint64_t bytes);

/**
 * Sets how many memories of the allocator there may be at once, and how many bytes they may have
 * together. Byte lengths are counted, at creation and growth, until the bytes are gone: a deleted
 * memory counts as long as a buffer keeps it. Past it, creation is WASM_MEMORY_RANGE_ERROR,
 * QUOTA_MEMORIES; creation and growth are QUOTA_BYTES.
 *
 * memories, bytes: 0 is no limit, the default.
 */
void wasm_memory_config_set_quota(struct wasm_memory_config_t *config,
                                  uint64_t memories,
                                  uint64_t bytes);

/**
 * Sets who is asked before each creation and growth, and told of each refusal.
 *
 * limiter: copied; NULL sets none, the default. One whose reserved fields are not NULL (RESERVED_FIELD),
 * or for which there is no memory (OUT_OF_MEMORY), is not set and not finalized: it is an error of
 * wasm_memory_allocator_new.
 */
void wasm_memory_config_set_limiter(struct wasm_memory_config_t *config,
                                    const struct wasm_memory_limiter_t *limiter);

/**
 * Sets where memories come from: WASM_MEMORY_BACKEND_VIRTUAL (the default) or WASM_MEMORY_BACKEND_HEAP.
 * Another number, or a pool on a heap, is an error of wasm_memory_allocator_new.
 *
 * With HEAP a memory is one block, of the process's heap or of the one that
 * wasm_memory_config_set_host_heap names. It implies WASM_MEMORY_BOUNDS_CHECKED: nothing around a block
 * faults, whatever guards were set, and the layout says so. The base is aligned to 16 bytes. A memory
 * that must not move (shared, or not movable) takes its maximum, or the reservation that was set, at
 * creation; with fallback, an unshared one that does not get it starts small and moves. One that may
 * move takes what it needs, and growth past its block takes another one. Bytes are set to zero when they
 * become usable, not before. Snapshots, images and reset copy; a reset does not move, so one to a larger
 * snapshot than the block is RESERVATION_EXCEEDED. Large pages do not apply. The library's own objects and
 * images are where they always are: a host without virtual memory takes a build without the feature `host`.
 */
void wasm_memory_config_set_backend(struct wasm_memory_config_t *config,
                                    uint32_t backend);

/**
 * Sets the heap that memories come from with WASM_MEMORY_BACKEND_HEAP.
 *
 * heap: copied; NULL is the process's own heap, the default. One whose reserved fields are not NULL
 * (RESERVED_FIELD), without allocate or deallocate (NULL_ARGUMENT), or for which there is no memory
 * (OUT_OF_MEMORY), is not set and not finalized: it is an error of wasm_memory_allocator_new.
 */
void wasm_memory_config_set_host_heap(struct wasm_memory_config_t *config,
                                      const struct wasm_memory_host_heap_t *heap);

/**
 * Makes an image of a copy of bytes.
 *
 * bytes: length of them, read before the call returns; NULL is fine when length is 0. index: the byte
 * of a memory at which they belong; any. out: receives the image, one reference that the caller gives
 * back with wasm_memory_image_delete; NULL after a failure.
 *
 * WASM_MEMORY_TYPE_ERROR: out or bytes is NULL (NULL_ARGUMENT). WASM_MEMORY_RANGE_ERROR: no memory of
 * this host ends at index + length (IMAGE_DOES_NOT_FIT), no memory for the bytes (OUT_OF_MEMORY). Any
 * thread.
 */
wasm_memory_status_t wasm_memory_image_new(const uint8_t *bytes,
                                           size_t length,
                                           uint64_t index,
                                           struct wasm_memory_image_t **out);

/**
 * Makes an image of the bytes that a file has now. The file is read and not mapped: what becomes of
 * it later does not matter.
 *
 * path: NUL-terminated, of a regular file; in UTF-8 on Windows. index, out: as for wasm_memory_image_new.
 *
 * WASM_MEMORY_TYPE_ERROR: out or path is NULL (NULL_ARGUMENT). WASM_MEMORY_HOST_ERROR: the file cannot
 * be read (FILE, with errno). WASM_MEMORY_RANGE_ERROR: as for wasm_memory_image_new. Any thread.
 */
wasm_memory_status_t wasm_memory_image_from_file(const char *path,
                                                 uint64_t index,
                                                 struct wasm_memory_image_t **out);

/**
 * Makes an image of the whole of an unshared memory as it is now, its size included.
 *
 * out: receives the image, one reference that the caller gives back with wasm_memory_image_delete;
 * NULL after a failure. It outlives the memory.
 *
 * WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE), a shared memory
 * (SHARED_MEMORY). WASM_MEMORY_RANGE_ERROR: no memory for the bytes (OUT_OF_MEMORY). One thread at a
 * time uses the memory.
 */
wasm_memory_status_t wasm_memory_snapshot(struct wasm_memory_t *memory,
                                          struct wasm_memory_image_t **out);

/**
 * Brings an unshared memory back in place. The base stays; every buffer of the memory is detached.
 *
 * image: a snapshot of a memory of the same address type and page size brings back its size and
 * bytes. Another image, or NULL for zeros, brings back the size that the memory was created with.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle or image (NULL_ARGUMENT, INVALID_HANDLE), a shared memory
 * (SHARED_MEMORY). WASM_MEMORY_RANGE_ERROR: the image does not lie within that size, or is a snapshot
 * of another type (IMAGE_DOES_NOT_FIT); where the memory becomes larger, what wasm_memory_grow
 * refuses: the maximum, limits, quota and limiter; what the host refuses (COMMIT, MAP_COUNT). A
 * failure changes nothing. Where the memory becomes smaller, bytes past the new size fault (in GUARDED
 * bounds), also through the pointer of a buffer. One thread at a time uses the memory.
 */
wasm_memory_status_t wasm_memory_reset(struct wasm_memory_t *memory,
                                       const struct wasm_memory_image_t *image);

/**
 * Writes the bytes of an image to a file, without their index. The file is made or replaced.
 *
 * path: NUL-terminated; in UTF-8 on Windows.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad handle, or path is NULL (NULL_ARGUMENT, INVALID_HANDLE).
 * WASM_MEMORY_HOST_ERROR: the file cannot be written (FILE, with errno); it may be incomplete. Any
 * thread.
 */
wasm_memory_status_t wasm_memory_image_write_file(const struct wasm_memory_image_t *image,
                                                  const char *path);

/**
 * Counts one more reference to an image, to be given back with wasm_memory_image_delete.
 *
 * Returns the same pointer; NULL for NULL and a bad handle. Any thread.
 */
struct wasm_memory_image_t *wasm_memory_image_retain(struct wasm_memory_image_t *image);

/**
 * The type of the memory that an image is a snapshot of: a descriptor that wasm_memory_new_in takes
 * with this image.
 *
 * out: receives the type, with the size that the memory had as initial. For an image that is no
 * snapshot every field is zero, so initial is absent.
 *
 * WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE). Any thread.
 */
wasm_memory_status_t wasm_memory_image_get_type(const struct wasm_memory_image_t *image,
                                                struct wasm_memory_descriptor_t *out);

/**
 * Gives back one reference to an image. Memories that started from it keep their bytes. NULL does
 * nothing. Any thread.
 */
void wasm_memory_image_delete(struct wasm_memory_image_t *image);

/**
 * Makes an allocator.
 *
 * config: its settings, copied; NULL means the defaults. out: receives the allocator, one
 * reference that the caller gives back with wasm_memory_allocator_delete; NULL after a failure.
 *
 * WASM_MEMORY_TYPE_ERROR: out is NULL (NULL_ARGUMENT), a bad config (INVALID_HANDLE), unknown bounds or
 * backend (UNKNOWN_VALUE), a pool of 0 slots or on a heap (SETTINGS_CONFLICT), a limiter or heap with
 * reserved fields (RESERVED_FIELD), a heap without allocate or deallocate (NULL_ARGUMENT).
 * WASM_MEMORY_RANGE_ERROR: reservation and guards together are more than any host has, or the host
 * refuses the pool (ADDRESS_SPACE, MAP_COUNT), no memory for the allocator (OUT_OF_MEMORY). Any
 * thread.
 */
wasm_memory_status_t wasm_memory_allocator_new(const struct wasm_memory_config_t *config,
                                               struct wasm_memory_allocator_t **out);

/**
 * Counts one more reference to an allocator, to be given back with wasm_memory_allocator_delete.
 *
 * Returns the same pointer; NULL for NULL and a bad handle. Any thread.
 */
struct wasm_memory_allocator_t *wasm_memory_allocator_retain(struct wasm_memory_allocator_t *allocator);

/**
 * Gives back one reference to an allocator. Memories keep their allocator alive, so it may go
 * before they do; the handle is dead after the last reference. NULL does nothing. Any thread.
 */
void wasm_memory_allocator_delete(struct wasm_memory_allocator_t *allocator);

/**
 * Makes a memory from an allocator: wasm_memory_new with that allocator's settings.
 *
 * allocator: NULL means the default one. image: what the memory starts from, NULL for zeros; its bytes
 * are mapped copy-on-write; on a heap, and where the host maps no such files, copied. The rest, and the order of checks, is as for wasm_memory_new; the size
 * limit is the allocator's.
 *
 * WASM_MEMORY_TYPE_ERROR: also for a bad allocator or image (INVALID_HANDLE), checked after out.
 * WASM_MEMORY_RANGE_ERROR: also, after MAXIMUM_BELOW_INITIAL, an image that does not lie within the
 * initial size, or a snapshot whose size, address type or page size is another (IMAGE_DOES_NOT_FIT);
 * after SIZE_LIMIT a size above the slots of the pool (SLOT_SIZE), the quota of memories
 * (QUOTA_MEMORIES) and of bytes (QUOTA_BYTES), the limiter (LIMITER), and a pool that is all in use
 * (POOL_EXHAUSTED). Any thread, different memories of one allocator at once.
 */
wasm_memory_status_t wasm_memory_new_in(struct wasm_memory_allocator_t *allocator,
                                        const struct wasm_memory_descriptor_t *descriptor,
                                        const struct wasm_memory_image_t *image,
                                        struct wasm_memory_t **out);

/**
 * Gives back to the host all that the allocator keeps for reuse: reservations that memories have
 * left, by whichever thread, and what free slots of a pool hold in memory.
 *
 * allocator: NULL means the default one. Nothing for a bad handle. Any thread.
 */
void wasm_memory_allocator_trim(struct wasm_memory_allocator_t *allocator);

/**
 * What an allocator has and has done.
 *
 * allocator: NULL means the default one. out: where to write; NULL is allowed and does nothing; zero
 * in every field for a bad handle. Counts that other threads change meanwhile are each right at some
 * moment of the call. Any thread.
 */
void wasm_memory_allocator_get_stats(const struct wasm_memory_allocator_t *allocator,
                                     struct wasm_memory_stats_t *out);

/**
 * What one memory has and has done: memories, peak_memories and creations are 1, kept_bytes is 0.
 *
 * out: where to write; NULL is allowed and does nothing; zero in every field for a bad handle. One
 * thread at a time for an unshared memory.
 */
void wasm_memory_get_stats(const struct wasm_memory_t *memory, struct wasm_memory_stats_t *out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WASM_MEMORY_H_INCLUDED */
