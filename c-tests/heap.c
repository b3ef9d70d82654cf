/* Memories without virtual memory: the heap backend (design.md 6). */
#define _GNU_SOURCE
#include "buffers.h"
#include "host_heap.h"

TEST(the_layout_tells_that_nothing_is_guarded) {
  wasm_memory_config_t *config = heap_config();
  wasm_memory_config_set_guards(config, 65536, 65536);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(3)));
  const wasm_memory_layout_t layout = layout_of(memory);
  CHECK_U64(layout.reservation, base_is_steady() ? 3 * PAGE : layout.reservation);
  CHECK_U64(layout.guard_before, 0);
  CHECK(!layout.exact_protection);
  CHECK(!layout.elides_i32_checks);
  CHECK_U64(layout.elidable_offset, 0);
  CHECK_U64((uintptr_t)wasm_memory_data(memory) % 16, 0);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(a_memory_that_may_not_move_takes_its_maximum) {
  host_heap heap = {0};
  wasm_memory_allocator_t *allocator = steady_on(&heap);
  for (int shared = 0; shared < 2; shared++) {
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = shared == 1));
    CHECK_U64(heap.last_size, 5 * PAGE);
    CHECK_U64(heap.live, 1);
    const wasm_memory_layout_t layout = layout_of(memory);
    CHECK(!layout.movable);
    CHECK_U64(layout.reservation, 5 * PAGE);
    CHECK_U64(layout.guard_after, 0);
    uint8_t *base = wasm_memory_data(memory);
    CHECK(all_are(base, 0, PAGE));
    CHECK_U64(base[PAGE], HEAP_GARBAGE); /* what is not usable yet was not touched */
    memset(base, 1, PAGE);
    CHECK_STATUS(wasm_memory_grow(memory, 4, NULL), WASM_MEMORY_OK);
    CHECK_POINTER(wasm_memory_data(memory), base);
    CHECK(all_are(base, 1, PAGE));
    CHECK(all_are(base + PAGE, 0, 4 * PAGE));
    RANGE_FAILS(wasm_memory_grow(memory, 1, NULL), MAXIMUM_EXCEEDED);
    CHECK_U64(heap.allocations, (uint64_t)shared + 1);
    wasm_memory_delete(memory);
    CHECK_U64(heap.live, 0);
  }
  wasm_memory_allocator_delete(allocator);
  CHECK_HEAP_AT_REST(&heap);
}

static void check_that_growth_moves(bool reallocates) {
  host_heap heap = {0};
  wasm_memory_allocator_t *allocator = movable_on(&heap, reallocates);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  CHECK_U64(heap.last_size, PAGE); /* no more than it needs */
  CHECK(layout_of(memory).movable);
  memset(wasm_memory_data(memory), 7, PAGE);
  uint64_t before = 0;
  CHECK_STATUS(wasm_memory_grow(memory, 2, &before), WASM_MEMORY_OK);
  CHECK_U64(before, 1);
  CHECK_U64(reallocates ? heap.reallocations : heap.allocations, reallocates ? 1 : 2);
  CHECK_U64(heap.live, 1);
  const uint8_t *base = wasm_memory_data(memory);
  CHECK_POINTER(wasm_memory_view(memory)->base, base);
  CHECK(all_are(base, 7, PAGE));
  CHECK(all_are(base + PAGE, 0, 2 * PAGE));
  CHECK_U64(memory_stats_of(memory).moves, 1);
  CHECK_U64(stats_of(allocator).moves, 1);
  wasm_memory_location_t location;
  CHECK(wasm_memory_find(base + 9, &location));
  CHECK_POINTER(location.memory, memory);
  CHECK_U64((uint64_t)location.offset, 9);
  CHECK_U64(location.zone, WASM_MEMORY_ZONE_BODY);
  wasm_memory_delete(memory);
  CHECK(!wasm_memory_find(base + 9, NULL));
  wasm_memory_allocator_delete(allocator);
  CHECK_HEAP_AT_REST(&heap);
}

TEST(growth_moves_by_reallocate) { check_that_growth_moves(true); }
TEST(growth_moves_by_a_copy) { check_that_growth_moves(false); }

TEST(growth_within_an_arena_stays_where_it_is) {
  NEEDS_STEADY_BASE();
  host_heap heap = {.in_place = true, .room = 100 * PAGE};
  wasm_memory_allocator_t *allocator = movable_on(&heap, true);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  uint8_t *base = wasm_memory_data(memory);
  for (uint64_t size = 1; size < 60; size++) {
    memset(base + (size - 1) * PAGE, (int)size, PAGE);
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
    CHECK_POINTER(wasm_memory_data(memory), base);
    CHECK(all_are(base + size * PAGE, 0, PAGE));
  }
  for (uint64_t page = 1; page < 60; page++) CHECK(all_are(base + (page - 1) * PAGE, (uint8_t)page, PAGE));
  CHECK_U64(memory_stats_of(memory).moves, 0);
  CHECK(heap.reallocations < 20); /* with some slack each time */
  END_AT_REST(memory, allocator, &heap);
}

TEST(a_buffer_keeps_the_block_that_growth_leaves) {
  host_heap heap = {0};
  wasm_memory_allocator_t *allocator = movable_on(&heap, true);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  wasm_memory_buffer_t *buffer = NULL;
  CHECK_STATUS(wasm_memory_buffer(memory, &buffer), WASM_MEMORY_OK);
  uint8_t *old = wasm_memory_buffer_data(buffer);
  memset(old, 3, PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 9, NULL), WASM_MEMORY_OK);
  CHECK(wasm_memory_buffer_is_detached(buffer));
  CHECK_U64(heap.live, 2);
  CHECK_U64(heap.reallocations, 0);
  memset(old, 4, PAGE); /* unspecified, but there */
  CHECK(all_are(wasm_memory_data(memory), 3, PAGE));
  wasm_memory_buffer_delete(buffer);
  CHECK_U64(heap.live, 1);
  END_AT_REST(memory, allocator, &heap);
}

TEST(a_resizable_buffer_holds_the_block_where_it_is) {
  host_heap heap = {0};
  wasm_memory_allocator_t *allocator = movable_on(&heap, true);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  RANGE_FAILS(wasm_memory_buffer_resize(buffer, 5 * PAGE), RESERVATION_EXCEEDED);
  CHECK_U64(wasm_memory_size(memory), 1);
  wasm_memory_buffer_delete(buffer);
  END_AT_REST(memory, allocator, &heap);
}

TEST(a_refusal_changes_nothing) {
  for (int reallocates = 0; reallocates < 2; reallocates++) {
    host_heap heap = {.most_bytes = 4 * PAGE};
    wasm_memory_allocator_t *allocator = movable_on(&heap, reallocates == 1);
    const wasm_memory_error_t error = RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(5))), OUT_OF_MEMORY);
    CHECK_U64(error.requested, 5 * PAGE);
    CHECK_U64(error.os_error, 0);
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(3)));
    memset(wasm_memory_data(memory), 7, 3 * PAGE);
    uint8_t *base = wasm_memory_data(memory);
    uint64_t before = 99;
    RANGE_FAILS(wasm_memory_grow(memory, 2, &before), OUT_OF_MEMORY);
    CHECK_U64(before, 99);
    CHECK_U64(wasm_memory_size(memory), 3);
    CHECK_POINTER(wasm_memory_data(memory), base);
    CHECK(all_are(base, 7, 3 * PAGE));
    CHECK(wasm_memory_find(base, NULL));
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK); /* without slack it fits */
    CHECK(all_are(wasm_memory_data(memory), 7, 3 * PAGE));
    CHECK(all_are(wasm_memory_data(memory) + 3 * PAGE, 0, PAGE));
    END_AT_REST(memory, allocator, &heap);
  }
}

/* A growth that keeps the bytes, adds zeros, and leaves one block. */
static void grow_to_four_pages(const host_heap *heap, wasm_memory_t *memory) {
  memset(wasm_memory_data(memory), 7, PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  CHECK_U64(heap->live, 1);
  CHECK(all_are(wasm_memory_data(memory), 7, PAGE));
  CHECK(all_are(wasm_memory_data(memory) + PAGE, 0, 3 * PAGE));
}

TEST(growth_takes_another_block_where_one_cannot_become_larger) {
  host_heap heap = {.never_larger = true};
  wasm_memory_allocator_t *allocator = movable_on(&heap, true);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  grow_to_four_pages(&heap, memory);
  CHECK(heap.reallocations >= 1);
  END_AT_REST(memory, allocator, &heap);
}

TEST(a_larger_block_that_is_not_aligned_is_replaced) {
  host_heap heap = {.then_off_by = 8};
  wasm_memory_allocator_t *allocator = movable_on(&heap, true);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  grow_to_four_pages(&heap, memory);
  CHECK_U64((uintptr_t)wasm_memory_data(memory) % 16, 0);
  END_AT_REST(memory, allocator, &heap);
}

TEST(what_a_reset_gives_up_is_zero_when_it_comes_back) {
  host_heap heap = {0};
  wasm_memory_allocator_t *allocator = steady_on(&heap);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(3)));
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
  uint8_t *base = wasm_memory_data(memory);
  CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
  memset(base + PAGE, 9, 2 * PAGE); /* by a stale pointer */
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
  CHECK(all_are(base, 0, 3 * PAGE));
  END_AT_REST(memory, allocator, &heap);
}

TEST(with_fallback_a_small_heap_gives_a_memory_that_moves) {
  host_heap heap = {.most_bytes = 3 * PAGE};
  wasm_memory_config_t *config = heap_config();
  const wasm_memory_host_heap_t functions = functions_of(&heap, true);
  wasm_memory_config_set_host_heap(config, &functions);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  CHECK(layout_of(memory).movable);
  CHECK(heap.live_bytes <= 3 * PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
  RANGE_FAILS(wasm_memory_grow(memory, 1, NULL), OUT_OF_MEMORY);
  wasm_memory_delete(memory);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(4), .maximum = PAGES(9), .shared = true)), OUT_OF_MEMORY);
  memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9), .shared = true));
  CHECK(!layout_of(memory).movable);
  RANGE_FAILS(wasm_memory_grow(memory, 3, NULL), RESERVATION_EXCEEDED);
  END_AT_REST(memory, allocator, &heap);
}

TEST(an_address_that_is_not_aligned_counts_as_none) {
  host_heap heap = {.off_by = 8};
  wasm_memory_allocator_t *allocator = steady_on(&heap);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(1))), OUT_OF_MEMORY);
  CHECK_U64(heap.allocations, 1);
  CHECK_U64(heap.live, 0);
  wasm_memory_allocator_delete(allocator);
  CHECK_HEAP_AT_REST(&heap);
}

TEST(pages_of_one_byte_take_their_bytes_and_no_more) {
  host_heap heap = {0};
  wasm_memory_allocator_t *allocator = steady_on(&heap);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(5), .maximum = PAGES(100), .page_size = 1));
  CHECK_U64(heap.last_size, 100);
  CHECK_U64(wasm_memory_byte_length(memory), 5);
  uint8_t bytes[6] = {1, 2, 3, 4, 5, 6};
  CHECK_STATUS(wasm_memory_write(memory, 0, bytes, 5), WASM_MEMORY_OK);
  CHECK_FAILS(wasm_memory_write(memory, 0, bytes, 6), WASM_MEMORY_RUNTIME_ERROR, WASM_MEMORY_REASON_OUT_OF_BOUNDS);
  CHECK_STATUS(wasm_memory_grow(memory, 95, NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory) + 5, 0, 95));
  CHECK_STATUS(wasm_memory_discard(memory, 1, 3), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_read(memory, 0, bytes, 5), WASM_MEMORY_OK);
  CHECK(bytes[0] == 1 && bytes[1] == 0 && bytes[3] == 0 && bytes[4] == 5);
  wasm_memory_delete(memory);
  memory = created_in(allocator, TYPE(.initial = PAGES(0), .maximum = PAGES(0), .page_size = 1));
  CHECK(wasm_memory_data(memory) != NULL);
  CHECK_U64(heap.last_size, 1);
  END_AT_REST(memory, allocator, &heap);
}

TEST(images_snapshots_and_reset_copy) {
  host_heap heap = {0};
  wasm_memory_allocator_t *allocator = steady_on(&heap);
  wasm_memory_image_t *image = pattern_image(5, 3, 9);
  /* Of 10 bytes: what an image's last host page has behind it must not be written. */
  wasm_memory_t *memory = created_from(allocator, image, TYPE(.initial = PAGES(10), .maximum = PAGES(20), .page_size = 1));
  uint8_t *base = wasm_memory_data(memory);
  CHECK(all_are(base, 0, 3));
  CHECK(is_pattern(base + 3, 5, 9));
  CHECK(all_are(base + 8, 0, 2));
  memset(base, 1, 10);
  CHECK_STATUS(wasm_memory_grow(memory, 5, NULL), WASM_MEMORY_OK);
  wasm_memory_image_t *snapshot = snapshot_of(memory);
  memset(base, 2, 15);
  CHECK_STATUS(wasm_memory_grow(memory, 5, NULL), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_size(memory), 15);
  CHECK(all_are(base, 1, 10));
  CHECK(all_are(base + 10, 0, 5));
  memset(base, 2, 15);
  CHECK_STATUS(wasm_memory_reset(memory, image), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_size(memory), 10);
  CHECK(is_pattern(base + 3, 5, 9));
  CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
  CHECK(all_are(base, 0, 10));
  CHECK_STATUS(wasm_memory_grow(memory, 10, NULL), WASM_MEMORY_OK);
  CHECK(all_are(base, 0, 20)); /* no byte of an earlier use comes back */
  wasm_memory_delete(memory);
  memory = created_from(allocator, snapshot, TYPE(.initial = PAGES(15), .maximum = PAGES(15), .page_size = 1));
  CHECK(all_are(wasm_memory_data(memory), 1, 10));
  wasm_memory_delete(memory);
  wasm_memory_image_delete(snapshot);
  wasm_memory_image_delete(image);
  wasm_memory_allocator_delete(allocator);
  CHECK_HEAP_AT_REST(&heap);
}

TEST(a_tenant_meets_zeros_on_a_heap_that_gives_garbage) {
  host_heap heap = {0};
  wasm_memory_allocator_t *allocator = movable_on(&heap, true);
  for (uint64_t round = 0; round < 20; round++) {
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1 + round % 3)));
    CHECK(all_are(wasm_memory_data(memory), 0, wasm_memory_byte_length(memory)));
    CHECK_STATUS(wasm_memory_grow(memory, 1 + round % 5, NULL), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memory), 0, wasm_memory_byte_length(memory)));
    memset(wasm_memory_data(memory), 0xD5, wasm_memory_byte_length(memory));
    wasm_memory_delete(memory);
  }
  wasm_memory_allocator_delete(allocator);
  CHECK_HEAP_AT_REST(&heap);
}

TEST(the_process_heap_works_alike) {
  wasm_memory_config_t *config = heap_config();
  wasm_memory_config_set_movable(config, true);
  wasm_memory_config_set_prefault(config, true);
  wasm_memory_config_set_huge_pages(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2)));
  for (uint64_t size = 2; size < 40; size += 3) {
    CHECK(all_are(wasm_memory_data(memory) + (size - 2) * PAGE, 0, 2 * PAGE));
    memset(wasm_memory_data(memory), (int)size, size * PAGE);
    CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memory), (uint8_t)size, size * PAGE));
    CHECK(all_are(wasm_memory_data(memory) + size * PAGE, 0, 3 * PAGE));
    CHECK_U64((uintptr_t)wasm_memory_data(memory) % 16, 0);
  }
  const wasm_memory_stats_t stats = stats_of(allocator);
  CHECK_U64(stats.memories, 1);
  CHECK_U64(stats.accessible_bytes, 41 * PAGE);
  CHECK(stats.reserved_bytes >= 41 * PAGE);
  CHECK_U64(stats.resident_bytes, UINT64_MAX); /* nobody tells */
  CHECK_U64(memory_stats_of(memory).resident_bytes, UINT64_MAX);
  CHECK_U64(stats.kept_bytes, 0);
  wasm_memory_delete(memory);
  CHECK_U64(stats_of(allocator).reserved_bytes, 0);
  CHECK_U64(stats_of(allocator).reuses, 0);
  wasm_memory_allocator_trim(allocator);
  wasm_memory_allocator_delete(allocator);
}

TEST(shared_memories_wait_and_notify) {
  NEEDS_A_HOST();
  wasm_memory_allocator_t *allocator = allocator_of(heap_config());
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(2), .shared = true));
  uint32_t result = 9;
  CHECK_STATUS(wasm_memory_atomic_wait32(memory, 64, 1, -1, &result), WASM_MEMORY_OK);
  CHECK_U64(result, 1);
  CHECK_STATUS(wasm_memory_atomic_wait64(memory, 64, 0, 1000, &result), WASM_MEMORY_OK);
  CHECK_U64(result, 2);
  CHECK_STATUS(wasm_memory_atomic_notify(memory, 64, 1, &result), WASM_MEMORY_OK);
  CHECK_U64(result, 0);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

HARNESS_MAIN(
    LISTED(the_layout_tells_that_nothing_is_guarded),
    LISTED(a_memory_that_may_not_move_takes_its_maximum),
    LISTED(growth_moves_by_reallocate),
    LISTED(growth_moves_by_a_copy),
    LISTED(growth_within_an_arena_stays_where_it_is),
    LISTED(a_buffer_keeps_the_block_that_growth_leaves),
    LISTED(a_resizable_buffer_holds_the_block_where_it_is),
    LISTED(a_refusal_changes_nothing),
    LISTED(growth_takes_another_block_where_one_cannot_become_larger),
    LISTED(a_larger_block_that_is_not_aligned_is_replaced),
    LISTED(what_a_reset_gives_up_is_zero_when_it_comes_back),
    LISTED(with_fallback_a_small_heap_gives_a_memory_that_moves),
    LISTED(an_address_that_is_not_aligned_counts_as_none),
    LISTED(pages_of_one_byte_take_their_bytes_and_no_more),
    LISTED(images_snapshots_and_reset_copy),
    LISTED(a_tenant_meets_zeros_on_a_heap_that_gives_garbage),
    LISTED(the_process_heap_works_alike),
    LISTED(shared_memories_wait_and_notify))
