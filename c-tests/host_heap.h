/* A heap of the test's own: fills what it gives with garbage, surrounds it with marks, counts, and refuses when told. */
#ifndef HOST_HEAP_H
#define HOST_HEAP_H

#include "allocators.h"

#define HEAP_MARK 32u /* bytes before and after each block that nobody may write to */
enum { HEAP_GARBAGE = 0xEE, HEAP_BYTE = 0xA7 };

typedef struct host_heap {
  uint64_t allocations, reallocations, deallocations, finalized;
  uint64_t live, live_bytes, last_size;
  uint64_t most_bytes;   /* refuses a block that is larger; 0: none is */
  uint64_t off_by;       /* gives addresses that are so far off */
  bool never_larger;     /* reallocation answers NULL */
  uint64_t then_off_by;  /* reallocation answers an address that is so far off */
  bool in_place;         /* reallocation leaves the block where it is, as far as it has room */
  uint64_t room;         /* bytes behind each block that are kept for that */
  uint64_t faults;       /* a mark that was written to, a size or alignment that is wrong */
  void (*calling)(void *); /* called in each function */
  void *argument;
} host_heap;

typedef struct heap_header { uint64_t size, capacity; void *start; } heap_header;

static inline heap_header *heap_header_of(void *block) { return (heap_header *)(void *)((uint8_t *)block - HEAP_MARK - sizeof(heap_header)); }

static inline void host_heap_called(host_heap *heap, size_t size, size_t alignment) {
  if (size == 0 || alignment != 16) heap->faults++;
  if (heap->calling) heap->calling(heap->argument);
}

static inline void *host_heap_allocate(void *context, size_t size, size_t alignment) {
  host_heap *heap = context;
  host_heap_called(heap, size, alignment);
  heap->allocations++;
  heap->last_size = size;
  if (heap->most_bytes != 0 && size > heap->most_bytes) return NULL;
  const size_t capacity = size + (size_t)heap->room;
  uint8_t *start = malloc(sizeof(heap_header) + 2 * HEAP_MARK + capacity + 32);
  if (!start) return NULL;
  uint8_t *block = start + sizeof(heap_header) + HEAP_MARK;
  block += (16 - (uintptr_t)block % 16) % 16 + heap->off_by;
  heap_header header = {size, capacity, start};
  memcpy(heap_header_of(block), &header, sizeof header);
  memset(block - HEAP_MARK, HEAP_BYTE, HEAP_MARK);
  memset(block, HEAP_GARBAGE, size < 1 << 20 ? size : 1 << 20);
  memset(block + size, HEAP_BYTE, HEAP_MARK);
  heap->live++;
  heap->live_bytes += size;
  return block;
}

static inline void host_heap_check(host_heap *heap, void *block, size_t size) {
  heap_header header;
  memcpy(&header, heap_header_of(block), sizeof header);
  const uint8_t *bytes = block;
  if (header.size != size || !all_are(bytes - HEAP_MARK, HEAP_BYTE, HEAP_MARK) || !all_are(bytes + size, HEAP_BYTE, HEAP_MARK)) heap->faults++;
}

static inline void host_heap_deallocate(void *context, void *block, size_t size, size_t alignment) {
  host_heap *heap = context;
  host_heap_called(heap, size, alignment);
  heap->deallocations++;
  host_heap_check(heap, block, size);
  heap_header header;
  memcpy(&header, heap_header_of(block), sizeof header);
  heap->live--;
  heap->live_bytes -= size;
  free(header.start);
}

static inline void *host_heap_reallocate(void *context, void *block, size_t old_size, size_t new_size, size_t alignment) {
  host_heap *heap = context;
  host_heap_called(heap, old_size, alignment);
  heap->reallocations++;
  heap->last_size = new_size;
  host_heap_check(heap, block, old_size);
  if (new_size <= old_size) heap->faults++;
  if (heap->never_larger) return NULL;
  heap_header header;
  memcpy(&header, heap_header_of(block), sizeof header);
  if (heap->in_place) {
    if (new_size > header.capacity) return NULL;
    memset((uint8_t *)block + old_size, HEAP_GARBAGE, new_size - old_size);
    memset((uint8_t *)block + new_size, HEAP_BYTE, HEAP_MARK);
    heap->live_bytes += new_size - old_size;
    header.size = new_size;
    memcpy(heap_header_of(block), &header, sizeof header);
    return block;
  }
  void (*calling)(void *) = heap->calling;
  heap->calling = NULL;
  const uint64_t off_by = heap->off_by;
  heap->off_by = heap->then_off_by;
  void *larger = host_heap_allocate(heap, new_size, alignment);
  heap->off_by = off_by;
  heap->allocations--;
  if (larger) {
    memcpy(larger, block, old_size);
    host_heap_deallocate(heap, block, old_size, alignment);
    heap->deallocations--;
  }
  heap->calling = calling;
  return larger;
}

static inline void host_heap_finalize(void *context) { ((host_heap *)context)->finalized++; }

static inline wasm_memory_host_heap_t functions_of(host_heap *heap, bool reallocates) {
  return (wasm_memory_host_heap_t){.context = heap,
                                   .allocate = host_heap_allocate,
                                   .reallocate = reallocates ? host_heap_reallocate : NULL,
                                   .deallocate = host_heap_deallocate,
                                   .finalize = host_heap_finalize};
}

static inline wasm_memory_config_t *heap_config(void) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_backend(config, WASM_MEMORY_BACKEND_HEAP);
  return config;
}

/* An allocator on `heap` whose memories may move. */
static inline wasm_memory_allocator_t *movable_on(host_heap *heap, bool reallocates) {
  wasm_memory_config_t *config = heap_config();
  const wasm_memory_host_heap_t functions = functions_of(heap, reallocates);
  wasm_memory_config_set_host_heap(config, &functions);
  wasm_memory_config_set_movable(config, true);
  return allocator_of(config);
}

/* One whose memories do not. */
static inline wasm_memory_allocator_t *steady_on(host_heap *heap) {
  wasm_memory_config_t *config = heap_config();
  const wasm_memory_host_heap_t functions = functions_of(heap, true);
  wasm_memory_config_set_host_heap(config, &functions);
  wasm_memory_config_set_fallback(config, false);
  return allocator_of(config);
}

/* A library that was built without a host has no threads that could wait, and nothing but heaps. */
static inline bool has_a_host(void) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  const bool has = layout_of(memory).exact_protection;
  wasm_memory_delete(memory);
  return has;
}
#define NEEDS_A_HOST() do { if (!has_a_host()) SKIP("built without a host"); } while (0)

/* Nothing of the heap is in use any more, and nobody misused it. */
#define CHECK_HEAP_AT_REST(heap) \
  do { \
    CHECK_U64((heap)->live, 0); \
    CHECK_U64((heap)->live_bytes, 0); \
    CHECK_U64((heap)->faults, 0); \
    CHECK_U64((heap)->finalized, 1); \
  } while (0)

/* What most tests end with: the last memory goes, then its allocator, and all of the heap is free. */
#define END_AT_REST(memory, allocator, heap) \
  do { \
    wasm_memory_delete(memory); \
    wasm_memory_allocator_delete(allocator); \
    CHECK_HEAP_AT_REST(heap); \
  } while (0)

#endif
