/* A memory in a fixed arena, as firmware without virtual memory has it: no mmap, no threads, no files.
 *
 * The arena holds one block, so growth happens inside it: `reallocate` answers the same address as long
 * as there is room. The library's own objects, a few KiB, come from the C library's heap. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wasm_memory.h"

#define ARENA_BYTES (96u * 1024u)

static _Alignas(16) uint8_t arena[ARENA_BYTES];
static size_t used;

static void *arena_allocate(void *context, size_t size, size_t alignment) {
  (void)context, (void)alignment; /* the arena is aligned to 16 */
  if (used != 0 || size > ARENA_BYTES) return NULL;
  used = size;
  return arena;
}

static void *arena_reallocate(void *context, void *block, size_t old_size, size_t new_size, size_t alignment) {
  (void)context, (void)old_size, (void)alignment;
  if (new_size > ARENA_BYTES) return NULL;
  used = new_size;
  return block;
}

static void arena_deallocate(void *context, void *block, size_t size, size_t alignment) {
  (void)context, (void)block, (void)size, (void)alignment;
  used = 0;
}

int main(void) {
  const wasm_memory_host_heap_t heap = {
      .allocate = arena_allocate, .reallocate = arena_reallocate, .deallocate = arena_deallocate};
  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_backend(config, WASM_MEMORY_BACKEND_HEAP);
  wasm_memory_config_set_host_heap(config, &heap);
  wasm_memory_config_set_movable(config, true); /* take what is needed, not the maximum */
  wasm_memory_allocator_t *allocator = NULL;
  wasm_memory_status_t status = wasm_memory_allocator_new(config, &allocator);
  wasm_memory_config_delete(config);
  assert(status == WASM_MEMORY_OK);

  /* Pages of one byte (the custom-page-sizes proposal): 64 KiB would be most of the arena. */
  const wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(1000), .page_size = 1};
  wasm_memory_t *memory = NULL;
  status = wasm_memory_new_in(allocator, &type, NULL, &memory);
  assert(status == WASM_MEMORY_OK);
  printf("%llu bytes at the start of the arena: %s\n", (unsigned long long)wasm_memory_byte_length(memory),
         wasm_memory_data(memory) == arena ? "yes" : "no");

  uint64_t before = 0;
  status = wasm_memory_grow(memory, 50000, &before);
  printf("grown from %llu to %llu bytes, in place: %s\n", (unsigned long long)before,
         (unsigned long long)wasm_memory_size(memory), wasm_memory_data(memory) == arena ? "yes" : "no");
  assert(status == WASM_MEMORY_OK);

  char why[128];
  status = wasm_memory_grow(memory, 80000, NULL);
  wasm_memory_last_error_message(why, sizeof why);
  printf("%s: %s\n", wasm_memory_status_name(status), why);

  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
  printf("the arena is free: %s\n", used == 0 ? "yes" : "no");
  return 0;
}
