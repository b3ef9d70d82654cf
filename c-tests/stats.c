/* Statistics, field by field, of an allocator, of the default one and of a memory (design.md 6). */
#define _GNU_SOURCE
#include <pthread.h>

#include "buffers.h"
#include "limiter.h"
#include "process.h"

static wasm_memory_allocator_t *plain(void) { return allocator_of(config_new()); }

TEST(new_allocator_has_none) {
  wasm_memory_allocator_t *allocator = plain();
  const wasm_memory_stats_t stats = stats_of(allocator);
  CHECK(stats.memories == 0 && stats.peak_memories == 0 && stats.accessible_bytes == 0 && stats.peak_accessible_bytes == 0);
  CHECK(stats.resident_bytes == 0 || stats.resident_bytes == UINT64_MAX);
  CHECK(stats.kept_bytes == 0 && stats.creations == 0 && stats.reuses == 0 && stats.growths == 0 && stats.moves == 0);
  CHECK(stats.refusals == 0 && stats.discarded_bytes == 0);
  CHECK(all_zero(stats.reserved, sizeof stats.reserved));
  wasm_memory_allocator_delete(allocator);
}

TEST(memories_and_their_peak) {
  wasm_memory_allocator_t *allocator = plain(), *other = plain();
  wasm_memory_t *memories[5];
  for (uint64_t i = 0; i < 5; i++) {
    memories[i] = created_in(allocator, TYPE(.initial = PAGES(i)));
    CHECK_U64(stats_of(allocator).memories, i + 1);
    CHECK_U64(stats_of(allocator).peak_memories, i + 1);
    CHECK_U64(stats_of(allocator).creations, i + 1);
  }
  CHECK_POINTER(wasm_memory_retain(memories[0]), memories[0]);
  wasm_memory_delete(memories[0]);
  CHECK_U64(stats_of(allocator).memories, 5); /* a reference is no memory */
  for (uint64_t i = 0; i < 5; i++) {
    wasm_memory_delete(memories[i]);
    CHECK_U64(stats_of(allocator).memories, 4 - i);
  }
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1))));
  CHECK_U64(stats_of(allocator).peak_memories, 5);
  CHECK_U64(stats_of(allocator).creations, 6);
  CHECK(stats_of(other).creations == 0 && stats_of(other).peak_memories == 0);
  wasm_memory_allocator_delete(other);
  wasm_memory_allocator_delete(allocator);
}

TEST(bytes_and_their_peak) {
  wasm_memory_allocator_t *allocator = plain();
  wasm_memory_t *first = created_in(allocator, TYPE(.initial = PAGES(3)));
  wasm_memory_t *second = created_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(20), .shared = true));
  CHECK_U64(stats_of(allocator).accessible_bytes, 5 * PAGE);
  CHECK_U64(memory_stats_of(first).accessible_bytes, 3 * PAGE);
  CHECK_U64(memory_stats_of(second).accessible_bytes, 2 * PAGE);
  CHECK_STATUS(wasm_memory_grow(second, 8, NULL), WASM_MEMORY_OK);
  CHECK_U64(stats_of(allocator).accessible_bytes, 13 * PAGE);
  CHECK_U64(memory_stats_of(second).accessible_bytes, 10 * PAGE);
  CHECK_U64(memory_stats_of(second).peak_accessible_bytes, 10 * PAGE);
  wasm_memory_delete(second);
  CHECK_U64(stats_of(allocator).accessible_bytes, 3 * PAGE);
  CHECK_U64(stats_of(allocator).peak_accessible_bytes, 13 * PAGE);
  CHECK_STATUS(wasm_memory_grow(first, 4, NULL), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_reset(first, NULL), WASM_MEMORY_OK);
  CHECK_U64(memory_stats_of(first).accessible_bytes, 3 * PAGE);
  CHECK_U64(memory_stats_of(first).peak_accessible_bytes, 7 * PAGE);
  CHECK_U64(stats_of(allocator).accessible_bytes, 3 * PAGE);
  wasm_memory_delete(first);
  CHECK_U64(stats_of(allocator).accessible_bytes, 0);
  CHECK_U64(stats_of(allocator).peak_accessible_bytes, 13 * PAGE);
  wasm_memory_allocator_delete(allocator);
}

TEST(reserved_bytes) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_guards(config, 3 * PAGE, 5 * PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  uint64_t sum = 0;
  wasm_memory_t *memories[3] = {created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(10))),
                                created_in(allocator, TYPE(.initial = PAGES(0))),
                                created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(2), .shared = true))};
  for (int i = 0; i < 3; i++) {
    const wasm_memory_layout_t layout = layout_of(memories[i]);
    const uint64_t all = layout.reservation + layout.guard_before + layout.guard_after;
    CHECK_U64(memory_stats_of(memories[i]).reserved_bytes, all);
    sum += all;
  }
  CHECK_U64(stats_of(allocator).reserved_bytes, sum);
  for (int i = 0; i < 3; i++) wasm_memory_delete(memories[i]);
  wasm_memory_allocator_trim(allocator);
  CHECK_U64(stats_of(allocator).reserved_bytes, 0);
  wasm_memory_allocator_delete(allocator);
}

TEST(growths) {
  wasm_memory_allocator_t *allocator = plain();
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  for (uint64_t i = 1; i <= 3; i++) {
    CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
    CHECK_U64(stats_of(allocator).growths, i);
    CHECK_U64(memory_stats_of(memory).growths, i);
  }
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  CHECK_STATUS(wasm_memory_buffer_resize(buffer, 9 * PAGE), WASM_MEMORY_OK);
  CHECK_U64(memory_stats_of(memory).growths, 4);
  CHECK_FAILS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED);
  CHECK_U64(stats_of(allocator).growths, 4);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
  CHECK_U64(stats_of(allocator).growths, 4); /* of all memories there ever were */
  wasm_memory_allocator_delete(allocator);
}

TEST(moves) {
  NEEDS_STEADY_BASE();
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, 2 * PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_U64(memory_stats_of(memory).moves, 0);
  wasm_memory_buffer_t *buffer = buffer_of(memory); /* the old range stays, so that the new one is another */
  CHECK_STATUS(wasm_memory_grow(memory, 100, NULL), WASM_MEMORY_OK);
  CHECK_U64(memory_stats_of(memory).moves, 1);
  CHECK_U64(stats_of(allocator).moves, 1);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
  CHECK_U64(stats_of(allocator).moves, 1);
  CHECK_U64(stats_of(allocator).growths, 2);
  wasm_memory_allocator_delete(allocator);
}

/* The refusals that a limiter hears of. */
TEST(refusals) {
  limiter it = {.refuses = true};
  wasm_memory_config_t *config = config_new();
  set_limiter(config, &it);
  wasm_memory_config_set_size_limit(config, 9 * PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), LIMITER);
  CHECK_U64(stats_of(allocator).refusals, 1);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(10))), SIZE_LIMIT);
  CHECK_U64(stats_of(allocator).refusals, 2);
  TYPE_FAILS(refused_in(allocator, TYPE(.maximum = PAGES(1))), INITIAL_MISSING);
  CHECK_U64(stats_of(allocator).refusals, 2);
  it.refuses = false;
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(8)));
  RANGE_FAILS(wasm_memory_grow(memory, 8, NULL), MAXIMUM_EXCEEDED);
  it.refuses = true;
  RANGE_FAILS(wasm_memory_grow(memory, 1, NULL), LIMITER);
  CHECK_U64(memory_stats_of(memory).refusals, 2);
  CHECK_U64(stats_of(allocator).refusals, 4);
  CHECK_U64(it.told, 4);
  CHECK_U64(stats_of(allocator).creations, 1);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* A peak is of what there was: bytes that were asked for and refused were never there. */
TEST(refusals_raise_no_peak) {
  limiter it = {.refuses = true};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(5))), LIMITER);
  CHECK(stats_of(allocator).peak_accessible_bytes == 0 && stats_of(allocator).peak_memories == 0);
  it.refuses = false;
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  it.refuses = true;
  RANGE_FAILS(wasm_memory_grow(memory, 7, NULL), LIMITER);
  CHECK_U64(stats_of(allocator).peak_accessible_bytes, PAGE);
  CHECK_U64(memory_stats_of(memory).peak_accessible_bytes, PAGE);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(discarded_bytes) {
  wasm_memory_allocator_t *allocator = plain();
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(8)));
  memset(wasm_memory_data(memory), 1, 8 * PAGE);
  CHECK_STATUS(wasm_memory_discard(memory, PAGE, 2 * PAGE), WASM_MEMORY_OK);
  CHECK_U64(memory_stats_of(memory).discarded_bytes, 2 * PAGE);
  CHECK_STATUS(wasm_memory_discard(memory, 5 * PAGE, 3 * PAGE), WASM_MEMORY_OK);
  CHECK_U64(memory_stats_of(memory).discarded_bytes, 5 * PAGE);
  CHECK_U64(stats_of(allocator).discarded_bytes, 5 * PAGE);
  CHECK_FAILS(wasm_memory_discard(memory, 8 * PAGE, PAGE), WASM_MEMORY_RUNTIME_ERROR, WASM_MEMORY_REASON_OUT_OF_BOUNDS);
  CHECK_U64(stats_of(allocator).discarded_bytes, 5 * PAGE);
  wasm_memory_delete(memory);
  CHECK_U64(stats_of(allocator).discarded_bytes, 5 * PAGE);
  wasm_memory_allocator_delete(allocator);
}

#define NEEDS_RESIDENT(memory) do { if (memory_stats_of(memory).resident_bytes == UINT64_MAX) SKIP("this host cannot tell what is resident"); } while (0)

/* Asked of the kernel at the call: it follows what is touched through the raw pointer. */
TEST(resident_bytes) {
  NEEDS_HOST_COUNTS();
  for (uint32_t bounds = 0; bounds < 2; bounds++)
    for (int shared = 0; shared < 2; shared++) {
      wasm_memory_config_t *config = config_new();
      wasm_memory_config_set_bounds(config, bounds);
      wasm_memory_allocator_t *allocator = allocator_of(config);
      wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(64), .maximum = PAGES(64), .shared = shared == 1));
      NEEDS_RESIDENT(memory);
      CHECK(memory_stats_of(memory).resident_bytes <= host_page());
      memset(wasm_memory_data(memory) + 8 * PAGE, 1, 16 * PAGE);
      CHECK_U64(memory_stats_of(memory).resident_bytes, 16 * PAGE);
      CHECK(stats_of(allocator).resident_bytes >= 16 * PAGE && stats_of(allocator).resident_bytes <= 17 * PAGE);
      CHECK_STATUS(wasm_memory_discard(memory, 8 * PAGE, 12 * PAGE), WASM_MEMORY_OK);
      CHECK_U64(memory_stats_of(memory).resident_bytes, 4 * PAGE);
      wasm_memory_delete(memory);
      wasm_memory_allocator_trim(allocator);
      CHECK_U64(stats_of(allocator).resident_bytes, 0);
      wasm_memory_allocator_delete(allocator);
    }
}

/* More than any buffer of a page map that the library may read in one go. */
TEST(resident_bytes_of_a_large_memory) {
  NEEDS_HOST_COUNTS();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(65536)));
  NEEDS_RESIDENT(memory);
  for (uint64_t at = 0; at < 4 * GIB; at += 64 * MIB) wasm_memory_data(memory)[at] = 1;
  CHECK_U64(memory_stats_of(memory).resident_bytes, 64 * host_page());
  wasm_memory_delete(memory);
}

TEST(null_is_the_default_allocator) {
  const wasm_memory_stats_t before = stats_of(NULL);
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2)));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  const wasm_memory_stats_t during = stats_of(NULL);
  CHECK_U64(during.memories, before.memories + 1);
  CHECK_U64(during.creations, before.creations + 1);
  CHECK_U64(during.growths, before.growths + 1);
  CHECK_U64(during.accessible_bytes, before.accessible_bytes + 3 * PAGE);
  wasm_memory_delete(memory);
  CHECK_U64(stats_of(NULL).memories, before.memories);
  wasm_memory_allocator_t *own = plain(); /* not the default one, though its settings are */
  wasm_memory_delete(created_in(own, TYPE(.initial = PAGES(1))));
  CHECK_U64(stats_of(NULL).creations, before.creations + 1);
  wasm_memory_allocator_delete(own);
}

/* A memory that takes over a place takes over none of its figures. */
TEST(figures_are_of_the_memory_not_of_its_place) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_pool(config, 1, 16 * PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  CHECK_STATUS(wasm_memory_grow(memory, 8, NULL), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_discard(memory, 0, PAGE), WASM_MEMORY_OK);
  RANGE_FAILS(wasm_memory_grow(memory, 8, NULL), MAXIMUM_EXCEEDED);
  wasm_memory_delete(memory);
  memory = created_in(allocator, TYPE(.initial = PAGES(2)));
  const wasm_memory_stats_t stats = memory_stats_of(memory);
  CHECK(stats.growths == 0 && stats.refusals == 0 && stats.discarded_bytes == 0 && stats.moves == 0);
  CHECK_U64(stats.accessible_bytes, 2 * PAGE);
  CHECK_U64(stats.peak_accessible_bytes, 2 * PAGE);
  CHECK_U64(stats_of(allocator).growths, 1);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

static unsigned stop;
static void *asks_all_the_time(void *allocator) {
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    const wasm_memory_stats_t stats = stats_of((wasm_memory_allocator_t *)allocator);
    CHECK(stats.memories <= 2 && stats.memories <= stats.peak_memories && stats.accessible_bytes <= 10 * PAGE);
  }
  return NULL;
}

TEST(asked_from_another_thread_meanwhile) {
  wasm_memory_allocator_t *allocator = plain();
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, asks_all_the_time, allocator) == 0);
  for (int i = 0; i < 300; i++) {
    wasm_memory_t *first = created_in(allocator, TYPE(.initial = PAGES(1))), *second = created_in(allocator, TYPE(.initial = PAGES(2)));
    CHECK_STATUS(wasm_memory_grow(first, 4, NULL), WASM_MEMORY_OK);
    wasm_memory_data(first)[5 * PAGE - 1] = 1;
    wasm_memory_delete(first);
    wasm_memory_delete(second);
  }
  __atomic_store_n(&stop, 1u, __ATOMIC_RELAXED);
  pthread_join(thread, NULL);
  CHECK_U64(stats_of(allocator).memories, 0);
  CHECK_U64(stats_of(allocator).creations, 600);
  wasm_memory_allocator_delete(allocator);
}

HARNESS_MAIN(LISTED(new_allocator_has_none), LISTED(memories_and_their_peak), LISTED(bytes_and_their_peak), LISTED(reserved_bytes),
             LISTED(growths), LISTED(moves), LISTED(refusals), LISTED(refusals_raise_no_peak), LISTED(discarded_bytes),
             LISTED(resident_bytes), LISTED(resident_bytes_of_a_large_memory), LISTED(null_is_the_default_allocator),
             LISTED(figures_are_of_the_memory_not_of_its_place), LISTED(asked_from_another_thread_meanwhile))
