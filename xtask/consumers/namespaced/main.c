/* Memories of the engine, of this library, and of a second copy of it, side by side. */
#include <a_wasm_memory/wasm_memory.h>
#ifdef TWO
#include <b_wasm_memory/wasm_memory.h>
uint32_t other_seven(void);
#endif
#include "wasm_h.h"

#include <stdio.h>

#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) {                                              \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                      \
    }                                                                \
  } while (0)

int main(void) {
  wasm_engine_t *engine = wasm_engine_new();
  wasm_store_t *store = wasm_store_new(engine);
  const wasm_limits_t limits = {1, 3};
  wasm_memorytype_t *type = wasm_memorytype_new(&limits);
  wasm_memory_t *engines = wasm_memory_new(store, type);
  CHECK(engines != NULL);

  a_wasm_memory_descriptor_t descriptor = {.initial = A_WASM_MEMORY_PAGES(2), .maximum = A_WASM_MEMORY_PAGES(9)};
  a_wasm_memory_t *ours = NULL;
  CHECK(a_wasm_memory_new(&descriptor, &ours) == A_WASM_MEMORY_OK);

  wasm_memory_data(engines)[65535] = 1;
  a_wasm_memory_data(ours)[65535] = 2;
  CHECK(wasm_memory_grow(engines, 2) && !wasm_memory_grow(engines, 1));
  uint64_t previous = 0;
  CHECK(a_wasm_memory_grow(ours, 5, &previous) == A_WASM_MEMORY_OK && previous == 2);
  CHECK(wasm_memory_size(engines) == 3 && wasm_memory_data_size(engines) == 3 * 65536);
  CHECK(a_wasm_memory_size(ours) == 7 && a_wasm_memory_byte_length(ours) == 7 * 65536);
  CHECK(wasm_memory_data(engines)[65535] == 1 && a_wasm_memory_data(ours)[65535] == 2);
  CHECK(a_wasm_memory_find(a_wasm_memory_data(ours), NULL));
  CHECK(!a_wasm_memory_find(wasm_memory_data(engines), NULL));
  CHECK(a_wasm_memory_grow(ours, 5, NULL) == A_WASM_MEMORY_RANGE_ERROR);
  a_wasm_memory_error_t error;
  a_wasm_memory_last_error(&error);
  CHECK(error.requested == 12 && error.available == 9);

#ifdef TWO
  b_wasm_memory_descriptor_t second = {.initial = B_WASM_MEMORY_PAGES(4)};
  b_wasm_memory_t *others = NULL;
  CHECK(b_wasm_memory_new(&second, &others) == B_WASM_MEMORY_OK);
  b_wasm_memory_data(others)[65535] = 3;
  CHECK(a_wasm_memory_data(ours)[65535] == 2);
  CHECK(b_wasm_memory_find(b_wasm_memory_data(others), NULL));
  CHECK(!b_wasm_memory_find(a_wasm_memory_data(ours), NULL));
  CHECK(!a_wasm_memory_find(b_wasm_memory_data(others), NULL));
  /* Each copy has its own last error and its own figures. */
  b_wasm_memory_error_t others_error;
  b_wasm_memory_last_error(&others_error);
  CHECK(others_error.status == B_WASM_MEMORY_OK);
  a_wasm_memory_stats_t stats;
  b_wasm_memory_stats_t others_stats;
  a_wasm_memory_allocator_get_stats(NULL, &stats);
  b_wasm_memory_allocator_get_stats(NULL, &others_stats);
  CHECK(stats.memories == 1 && stats.accessible_bytes == 7 * 65536);
  CHECK(others_stats.memories == 1 && others_stats.accessible_bytes == 4 * 65536);
  CHECK(other_seven() == 7);
  b_wasm_memory_delete(others);
#endif

  a_wasm_memory_delete(ours);
  wasm_memory_delete(engines);
  wasm_memorytype_delete(type);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  return 0;
}
