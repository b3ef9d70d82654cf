/* The embedder's heap as the library calls it: settings, finalization, calls back into the library. */
#define _GNU_SOURCE
#include "buffers.h"
#include "host_heap.h"

TEST(a_backend_that_stands_for_nothing_is_refused) {
  static const uint32_t numbers[] = {2, 3, UINT32_MAX};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_backend(config, numbers[i]);
    wasm_memory_allocator_t *allocator = (wasm_memory_allocator_t *)POISON_POINTER;
    const wasm_memory_error_t error = TYPE_FAILS(wasm_memory_allocator_new(config, &allocator), UNKNOWN_VALUE);
    CHECK_U64(error.requested, numbers[i]);
    CHECK_POINTER(allocator, NULL);
    wasm_memory_config_set_backend(config, WASM_MEMORY_BACKEND_VIRTUAL);
    wasm_memory_allocator_delete(allocator_of(config));
  }
}

TEST(a_pool_needs_virtual_memory) {
  wasm_memory_config_t *config = heap_config();
  wasm_memory_config_set_pool(config, 4, PAGE);
  wasm_memory_allocator_t *allocator = NULL;
  TYPE_FAILS(wasm_memory_allocator_new(config, &allocator), SETTINGS_CONFLICT);
  wasm_memory_config_delete(config);
}

TEST(functions_that_are_missing_and_reserved_fields_are_refused) {
  for (int fault = 0; fault < 6; fault++) {
    host_heap heap = {0};
    wasm_memory_host_heap_t functions = functions_of(&heap, true);
    if (fault == 0) functions.allocate = NULL;
    if (fault == 1) functions.deallocate = NULL;
    if (fault >= 2) functions.reserved[fault - 2] = &heap;
    wasm_memory_config_t *config = heap_config();
    wasm_memory_config_set_host_heap(config, &functions);
    wasm_memory_allocator_t *allocator = NULL;
    if (fault < 2)
      TYPE_FAILS(wasm_memory_allocator_new(config, &allocator), NULL_ARGUMENT);
    else
      TYPE_FAILS(wasm_memory_allocator_new(config, &allocator), RESERVED_FIELD);
    CHECK_U64(heap.finalized, 0);
    wasm_memory_config_set_host_heap(config, NULL);
    wasm_memory_allocator_delete(allocator_of(config));
    CHECK_U64(heap.allocations, 0);
  }
}

TEST(a_heap_is_finalized_when_the_last_block_is_gone) {
  host_heap heap = {0};
  wasm_memory_config_t *config = heap_config();
  const wasm_memory_host_heap_t functions = functions_of(&heap, false);
  wasm_memory_config_set_host_heap(config, &functions);
  wasm_memory_allocator_t *allocator = NULL;
  CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_OK);
  wasm_memory_config_set_host_heap(config, NULL); /* replaced, but in use */
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(2)));
  wasm_memory_buffer_t *buffer = NULL;
  CHECK_STATUS(wasm_memory_buffer(memory, &buffer), WASM_MEMORY_OK);
  wasm_memory_allocator_delete(allocator);
  wasm_memory_config_delete(config);
  wasm_memory_delete(memory);
  CHECK_U64(heap.finalized, 0);
  memset(wasm_memory_buffer_data(buffer), 1, PAGE);
  wasm_memory_buffer_delete(buffer);
  CHECK_HEAP_AT_REST(&heap);

  host_heap unused = {0};
  config = config_new();
  const wasm_memory_host_heap_t others = functions_of(&unused, false);
  wasm_memory_config_set_host_heap(config, &others);
  wasm_memory_config_set_host_heap(config, &others); /* the first time is finalized here */
  CHECK_U64(unused.finalized, 1);
  wasm_memory_config_delete(config);
  CHECK_U64(unused.finalized, 2);
}

TEST(without_the_backend_the_heap_is_not_used) {
  NEEDS_A_HOST();
  host_heap heap = {0};
  wasm_memory_config_t *config = config_new();
  const wasm_memory_host_heap_t functions = functions_of(&heap, true);
  wasm_memory_config_set_host_heap(config, &functions);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1))));
  wasm_memory_allocator_delete(allocator);
  CHECK_U64(heap.allocations, 0);
  CHECK_U64(heap.finalized, 1);
}

typedef struct caller { wasm_memory_t *memory; wasm_memory_allocator_t *allocator; uint64_t calls, during_growth; bool inside; } caller;

/* What a function of the heap may do: everything that needs a lock of the library. */
static void calls_the_library(void *argument) {
  caller *it = argument;
  if (it->inside) return;
  it->inside = true;
  it->calls++;
  stats_of(it->allocator);
  wasm_memory_find(it, NULL);
  wasm_memory_t *other = created_in(it->allocator, TYPE(.initial = PAGES(1)));
  CHECK_STATUS(wasm_memory_grow(other, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(other);
  if (it->memory) {
    memory_stats_of(it->memory);
    wasm_memory_delete(wasm_memory_retain(it->memory));
  }
  if (it->memory && wasm_memory_size(it->memory) == 1) { /* not yet grown */
    it->during_growth++;
    const wasm_memory_layout_t layout = layout_of(it->memory);
    CHECK(layout.movable && !layout.exact_protection); /* whoever asks now is told the truth */
    CHECK_U64(layout.guard_after, 0);
    /* Its bytes are on their way. */
    RANGE_FAILS(wasm_memory_grow(it->memory, 1, NULL), RESERVATION_EXCEEDED);
    wasm_memory_buffer_t *buffer = NULL;
    RANGE_FAILS(wasm_memory_buffer(it->memory, &buffer), OUT_OF_MEMORY);
    wasm_memory_image_t *image = NULL;
    RANGE_FAILS(wasm_memory_snapshot(it->memory, &image), OUT_OF_MEMORY);
    RANGE_FAILS(wasm_memory_reset(it->memory, NULL), OUT_OF_MEMORY);
    RANGE_FAILS(wasm_memory_discard(it->memory, 0, PAGE), OUT_OF_MEMORY);
  }
  it->inside = false;
}

TEST(functions_of_the_heap_may_call_the_library) {
  for (int reallocates = 0; reallocates < 2; reallocates++) {
    caller it = {0};
    host_heap heap = {0};
    wasm_memory_allocator_t *allocator = movable_on(&heap, reallocates == 1);
    it.allocator = allocator;
    heap.argument = &it;
    heap.calling = calls_the_library;
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
    CHECK_U64(it.calls, 1);
    memset(wasm_memory_data(memory), 5, PAGE);
    it.memory = memory;
    CHECK_STATUS(wasm_memory_grow(memory, 4, NULL), WASM_MEMORY_OK);
    it.memory = NULL;
    CHECK_U64(it.during_growth, 1);
    CHECK_U64(wasm_memory_size(memory), 5);
    CHECK(all_are(wasm_memory_data(memory), 5, PAGE));
    heap.most_bytes = 1;
    it.inside = true;
    RANGE_FAILS(wasm_memory_grow(memory, 40, NULL), OUT_OF_MEMORY);
    CHECK(all_are(wasm_memory_data(memory), 5, PAGE));
    wasm_memory_delete(memory);
    heap.calling = NULL;
    wasm_memory_allocator_delete(allocator);
    CHECK_HEAP_AT_REST(&heap);
  }
}

TEST(quota_and_size_limit_hold_on_a_heap) {
  host_heap heap = {0};
  wasm_memory_config_t *config = heap_config();
  const wasm_memory_host_heap_t functions = functions_of(&heap, true);
  wasm_memory_config_set_host_heap(config, &functions);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_config_set_quota(config, 2, 6 * PAGE);
  wasm_memory_config_set_size_limit(config, 5 * PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *one = created_in(allocator, TYPE(.initial = PAGES(1)));
  RANGE_FAILS(wasm_memory_grow(one, 5, NULL), SIZE_LIMIT);
  wasm_memory_t *two = created_in(allocator, TYPE(.initial = PAGES(3)));
  RANGE_FAILS(wasm_memory_grow(one, 3, NULL), QUOTA_BYTES);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(0))), QUOTA_MEMORIES);
  CHECK_STATUS(wasm_memory_grow(one, 2, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(one);
  wasm_memory_delete(two);
  wasm_memory_allocator_delete(allocator);
  CHECK_HEAP_AT_REST(&heap);
}

HARNESS_MAIN(
    LISTED(a_backend_that_stands_for_nothing_is_refused),
    LISTED(a_pool_needs_virtual_memory),
    LISTED(functions_that_are_missing_and_reserved_fields_are_refused),
    LISTED(a_heap_is_finalized_when_the_last_block_is_gone),
    LISTED(without_the_backend_the_heap_is_not_used),
    LISTED(functions_of_the_heap_may_call_the_library),
    LISTED(quota_and_size_limit_hold_on_a_heap))
