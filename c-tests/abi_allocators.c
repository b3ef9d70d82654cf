/* The structs of allocators as C sees them: where the fields lie, and that the library writes within them. */
#include "abi.h"
#include "fixtures.h"

#ifdef __LP64__
ABI_SIZE(wasm_memory_host_heap_t, 72);
ABI_FIELD(wasm_memory_host_heap_t, context, 0);
ABI_FIELD(wasm_memory_host_heap_t, allocate, 8);
ABI_FIELD(wasm_memory_host_heap_t, reallocate, 16);
ABI_FIELD(wasm_memory_host_heap_t, deallocate, 24);
ABI_FIELD(wasm_memory_host_heap_t, finalize, 32);
ABI_FIELD(wasm_memory_host_heap_t, reserved, 40);
ABI_NUMBER(BACKEND_VIRTUAL, 0);
ABI_NUMBER(BACKEND_HEAP, 1);
ABI_SIZE(wasm_memory_limiter_t, 64);
ABI_FIELD(wasm_memory_limiter_t, context, 0);
ABI_FIELD(wasm_memory_limiter_t, growing, 8);
ABI_FIELD(wasm_memory_limiter_t, refused, 16);
ABI_FIELD(wasm_memory_limiter_t, finalize, 24);
ABI_FIELD(wasm_memory_limiter_t, reserved, 32);
#endif

ABI_SIZE(wasm_memory_stats_t, 168);
ABI_FIELD(wasm_memory_stats_t, memories, 0);
ABI_FIELD(wasm_memory_stats_t, peak_memories, 8);
ABI_FIELD(wasm_memory_stats_t, reserved_bytes, 16);
ABI_FIELD(wasm_memory_stats_t, accessible_bytes, 24);
ABI_FIELD(wasm_memory_stats_t, peak_accessible_bytes, 32);
ABI_FIELD(wasm_memory_stats_t, resident_bytes, 40);
ABI_FIELD(wasm_memory_stats_t, kept_bytes, 48);
ABI_FIELD(wasm_memory_stats_t, creations, 56);
ABI_FIELD(wasm_memory_stats_t, reuses, 64);
ABI_FIELD(wasm_memory_stats_t, growths, 72);
ABI_FIELD(wasm_memory_stats_t, moves, 80);
ABI_FIELD(wasm_memory_stats_t, refusals, 88);
ABI_FIELD(wasm_memory_stats_t, discarded_bytes, 96);
ABI_FIELD(wasm_memory_stats_t, reserved, 104);

ABI_NUMBER(BOUNDS_GUARDED, 0);
ABI_NUMBER(BOUNDS_CHECKED, 1);
ABI_NUMBER(REASON_QUOTA_BYTES, 22);
ABI_NUMBER(REASON_LIMITER, 23);
ABI_NUMBER(REASON_SLOT_SIZE, 24);
ABI_NUMBER(REASON_QUOTA_MEMORIES, 26);
ABI_NUMBER(REASON_POOL_EXHAUSTED, 27);
ABI_NUMBER(REASON_SHARED_MEMORY, 71);
ABI_NUMBER(REASON_IMAGE_DOES_NOT_FIT, 80);
ABI_NUMBER(REASON_FILE, 81);

TEST(library_writes_within_the_stats) {
  struct { wasm_memory_stats_t value; unsigned char after[16]; } stats;
  wasm_memory_t *memory = NULL;
  const wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(3), .maximum = WASM_MEMORY_PAGES(9)};
  CHECK_STATUS(wasm_memory_new(&type, &memory), WASM_MEMORY_OK);
  for (int i = 0; i < 2; i++) {
    memset(&stats, 0x5A, sizeof stats);
    if (i == 0) wasm_memory_allocator_get_stats(NULL, &stats.value);
    else wasm_memory_get_stats(memory, &stats.value);
    for (int at = 0; at < 16; at++) CHECK(stats.after[at] == 0x5A);
    CHECK(all_zero(stats.value.reserved, sizeof stats.value.reserved));
    CHECK_U64(stats.value.accessible_bytes, 3 * PAGE); /* the field that lies there, and not its neighbour */
    CHECK_U64(stats.value.growths, 0);
  }
  wasm_memory_delete(memory);
}

TEST(library_writes_within_the_type_of_a_snapshot) {
  struct { wasm_memory_descriptor_t value; unsigned char after[16]; } type;
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3)));
  wasm_memory_image_t *image = NULL;
  memset(&type, 0x5A, sizeof type);
  CHECK_STATUS(wasm_memory_snapshot(memory, &image), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_image_get_type(image, &type.value), WASM_MEMORY_OK);
  for (int at = 0; at < 16; at++) CHECK(type.after[at] == 0x5A);
  CHECK_U64(type.value.initial.pages, 3);
  CHECK_U64(type.value.page_size, 65536);
  CHECK(all_zero(type.value.reserved, sizeof type.value.reserved));
  wasm_memory_image_delete(image);
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(library_writes_within_the_stats), LISTED(library_writes_within_the_type_of_a_snapshot))
