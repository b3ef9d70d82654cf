/* Memories in a fixed array of 640 KiB, for a host that has no virtual memory. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <wasm_memory.h>

/* The host's own heap, as simple as can be: blocks one after the other; the last one can be given
   back or extended. The functions may run on any thread at once; a host with threads takes a lock. */
typedef struct arena_t { size_t used, live; max_align_t align; uint8_t bytes[640 * 1024]; } arena_t;

static void *allocate(void *context, size_t size, size_t alignment) {
  arena_t *arena = context;
  const uintptr_t start = (uintptr_t)arena->bytes;
  const size_t at = ((start + arena->used + alignment - 1) & ~(uintptr_t)(alignment - 1)) - start;
  if (at > sizeof arena->bytes || size > sizeof arena->bytes - at) return NULL; /* RangeError, OUT_OF_MEMORY */
  arena->used = at + size;
  arena->live++;
  return arena->bytes + at; /* not zeroed: the library does that as bytes become usable */
}

static bool is_last(const arena_t *arena, const void *block, size_t size) {
  return (const uint8_t *)block + size == arena->bytes + arena->used;
}

static void *reallocate(void *context, void *block, size_t old_size, size_t new_size, size_t alignment) {
  arena_t *arena = context;
  if (is_last(arena, block, old_size) && new_size - old_size <= sizeof arena->bytes - arena->used) {
    arena->used += new_size - old_size;
    return block;
  }
  void *moved = allocate(context, new_size, alignment);
  if (moved != NULL) {
    memcpy(moved, block, old_size);
    arena->live--; /* the old block is given back by this, and no deallocate follows */
  }
  return moved;
}

static void deallocate(void *context, void *block, size_t size, size_t alignment) {
  arena_t *arena = context;
  (void)alignment;
  if (is_last(arena, block, size)) arena->used = (size_t)((uint8_t *)block - arena->bytes);
  if (--arena->live == 0) arena->used = 0;
}

static void finalize(void *context) {
  printf("finalized with %zu blocks\n", ((arena_t *)context)->live);
}

int main(void) {
  static arena_t arena;
  const wasm_memory_host_heap_t heap = {.context = &arena, .allocate = allocate,
    .reallocate = reallocate, .deallocate = deallocate, .finalize = finalize};
  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_backend(config, WASM_MEMORY_BACKEND_HEAP);
  wasm_memory_config_set_host_heap(config, &heap);
  wasm_memory_config_set_movable(config, true); /* take what is needed now, not the maximum */
  wasm_memory_allocator_t *allocator;
  if (wasm_memory_allocator_new(config, &allocator) != WASM_MEMORY_OK) return 1;
  wasm_memory_config_delete(config);

  const wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(2), .maximum = WASM_MEMORY_PAGES(100)};
  wasm_memory_t *memory;
  if (wasm_memory_new_in(allocator, &type, NULL, &memory) != WASM_MEMORY_OK) return 1;
  wasm_memory_layout_t layout;
  wasm_memory_get_layout(memory, &layout);
  printf("movable %d, exact protection %d, guards %" PRIu64 " and %" PRIu64 ", base aligned to 16: %d\n",
         layout.movable, layout.exact_protection, layout.guard_before, layout.guard_after,
         (uintptr_t)wasm_memory_data(memory) % 16 == 0);

  const char greeting[] = "still here";
  wasm_memory_write(memory, 70000, greeting, sizeof greeting);
  if (wasm_memory_grow(memory, 4, NULL) != WASM_MEMORY_OK) return 1;
  printf("%" PRIu64 " pages: \"%s\"\n", wasm_memory_size(memory),
         (const char *)wasm_memory_data(memory) + 70000); /* the base is asked again after growth */

  /* Nothing faults here, so every access is compared: by the library, or by the engine. */
  char last[8];
  if (wasm_memory_read(memory, 6 * 65536 - 4, last, sizeof last) == WASM_MEMORY_RUNTIME_ERROR) puts("out of bounds");

  /* More than the array has: the memory stays as it is. */
  const wasm_memory_status_t status = wasm_memory_grow(memory, 20, NULL);
  wasm_memory_error_t error;
  wasm_memory_last_error(&error);
  printf("%s, out of memory: %d, still %" PRIu64 " pages\n", wasm_memory_status_name(status),
         error.reason == WASM_MEMORY_REASON_OUT_OF_MEMORY, wasm_memory_size(memory));
  wasm_memory_delete(memory);
  wasm_memory_allocator_trim(allocator);
  wasm_memory_allocator_delete(allocator); /* the last of all that used the heap */
  return 0;
}
