/* Pools: a fixed number of slots, what fits into one, when one is free again, and a layout that says what is there
 * (design.md 6; reliability.md, rows 1 to 3, 17 and 34). */
#define _GNU_SOURCE
#include <pthread.h>

#include "buffers.h"
#include "limiter.h"
#include "places.h"
#include "process.h"

static wasm_memory_config_t *pool_config(uint32_t bounds, uint32_t slots, uint64_t slot_bytes) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_bounds(config, bounds);
  wasm_memory_config_set_pool(config, slots, slot_bytes);
  return config;
}

static wasm_memory_allocator_t *pool_of(uint32_t bounds, uint32_t slots, uint64_t slot_bytes) {
  return allocator_of(pool_config(bounds, slots, slot_bytes));
}

static void check_exhausted(const char *file, int line, wasm_memory_error_t error, uint64_t slots) {
  harness_u64(file, line, "available", error.available, slots);
  harness_true(file, line, "more was requested", error.requested > slots);
}
#define EXHAUSTED(call, slots) check_exhausted(__FILE__, __LINE__, RANGE_FAILS(call, POOL_EXHAUSTED), (slots))

TEST(as_many_memories_as_slots) {
  for (uint32_t bounds = 0; bounds < 2; bounds++)
    for (uint32_t slots = 1; slots <= 7; slots += 3) {
      wasm_memory_allocator_t *allocator = pool_of(bounds, slots, 4 * PAGE);
      wasm_memory_t *memories[7];
      for (uint32_t i = 0; i < slots; i++) memories[i] = created_in(allocator, TYPE(.initial = PAGES(i % 5)));
      for (int round = 0; round < 3; round++) {
        EXHAUSTED(refused_in(allocator, TYPE(.initial = PAGES(0))), slots);
        const uint32_t at = (uint32_t)round % slots;
        wasm_memory_delete(memories[at]);
        memories[at] = created_in(allocator, TYPE(.initial = PAGES(1)));
      }
      EXHAUSTED(refused_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(2), .shared = true)), slots);
      for (uint32_t i = 0; i < slots; i++) wasm_memory_delete(memories[i]);
      for (uint32_t i = 0; i < slots; i++) memories[i] = created_in(allocator, TYPE(.initial = PAGES(4)));
      EXHAUSTED(refused_in(allocator, TYPE(.initial = PAGES(4))), slots);
      for (uint32_t i = 0; i < slots; i++) wasm_memory_delete(memories[i]);
      wasm_memory_allocator_delete(allocator);
    }
}

/* The slots are all that there is: memories of a pool use the same few places for ever. */
TEST(slots_are_used_again) {
  enum { SLOTS = 3 };
  wasm_memory_allocator_t *allocator = pool_of(WASM_MEMORY_BOUNDS_GUARDED, SLOTS, 4 * PAGE);
  uint8_t *bases[SLOTS];
  wasm_memory_t *memories[SLOTS];
  for (int i = 0; i < SLOTS; i++) bases[i] = wasm_memory_data(memories[i] = created_in(allocator, TYPE(.initial = PAGES(1))));
  for (int round = 0; round < 50; round++) {
    const int at = round % SLOTS;
    wasm_memory_delete(memories[at]);
    memories[at] = created_in(allocator, TYPE(.initial = PAGES(1)));
    CHECK_POINTER(wasm_memory_data(memories[at]), bases[at]); /* it is the only free one */
  }
  CHECK_U64(stats_of(allocator).reuses, 50);
  for (int i = 0; i < SLOTS; i++) wasm_memory_delete(memories[i]);
  wasm_memory_allocator_delete(allocator);
}

TEST(initial_size_must_fit) {
  for (uint32_t bounds = 0; bounds < 2; bounds++) {
    wasm_memory_allocator_t *allocator = pool_of(bounds, 2, 4 * PAGE);
    CHECK_FIGURES(refused_in(allocator, TYPE(.initial = PAGES(5))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SLOT_SIZE, 5 * PAGE, 4 * PAGE);
    CHECK_FIGURES(refused_in(allocator, TYPE(.initial = PAGES(4 * PAGE + 1), .page_size = 1)), WASM_MEMORY_RANGE_ERROR,
                  WASM_MEMORY_REASON_SLOT_SIZE, 4 * PAGE + 1, 4 * PAGE);
    /* A maximum is no promise of the pool's. */
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(4), .maximum = PAGES(60000), .shared = true));
    wasm_memory_t *other = created_in(allocator, TYPE(.initial = PAGES(4), .address = I64));
    wasm_memory_data(memory)[4 * PAGE - 1] = 1;
    wasm_memory_data(other)[4 * PAGE - 1] = 1;
    wasm_memory_delete(other);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocator);
  }
}

TEST(growth_stops_at_the_slot) {
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(1)), TYPE(.initial = PAGES(1), .maximum = PAGES(50)),
                                            TYPE(.initial = PAGES(1), .maximum = PAGES(50), .shared = true),
                                            TYPE(.initial = PAGES(1), .address = I64)};
  for (uint32_t bounds = 0; bounds < 2; bounds++) {
    wasm_memory_config_t *config = pool_config(bounds, 1, 4 * PAGE);
    wasm_memory_config_set_movable(config, true); /* a slot is no reservation to move out of */
    wasm_memory_allocator_t *allocator = allocator_of(config);
    for (size_t i = 0; i < 4; i++) {
      wasm_memory_t *memory = created_in(allocator, types[i]);
      uint8_t *base = wasm_memory_data(memory);
      uint64_t previous = 99;
      CHECK(!layout_of(memory).movable);
      CHECK_FIGURES(wasm_memory_grow(memory, 4, &previous), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SLOT_SIZE, 5 * PAGE, 4 * PAGE);
      CHECK_U64(previous, 99);
      CHECK_STATUS(wasm_memory_grow(memory, 3, &previous), WASM_MEMORY_OK);
      CHECK_U64(previous, 1);
      CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SLOT_SIZE, 5 * PAGE, 4 * PAGE);
      CHECK_POINTER(wasm_memory_data(memory), base);
      memset(base, 0x77, 4 * PAGE);
      wasm_memory_delete(memory);
    }
    wasm_memory_allocator_delete(allocator);
  }
}

TEST(order_of_checks) {
  limiter it = {.refuses = true};
  wasm_memory_config_t *config = pool_config(WASM_MEMORY_BOUNDS_GUARDED, 2, 4 * PAGE);
  wasm_memory_config_set_size_limit(config, 6 * PAGE);
  wasm_memory_config_set_quota(config, 1, 3 * PAGE);
  set_limiter(config, &it);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(7))), SIZE_LIMIT);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(5))), SLOT_SIZE);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(4))), QUOTA_BYTES);
  CHECK_NOT_ASKED(&it);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(3))), LIMITER);
  it.refuses = false;
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  it.asked = 0;
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(5))), SLOT_SIZE);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(4))), QUOTA_MEMORIES);
  RANGE_FAILS(wasm_memory_grow(memory, 9, NULL), MAXIMUM_EXCEEDED);
  RANGE_FAILS(wasm_memory_grow(memory, 6, NULL), SIZE_LIMIT);
  RANGE_FAILS(wasm_memory_grow(memory, 4, NULL), SLOT_SIZE);
  RANGE_FAILS(wasm_memory_grow(memory, 3, NULL), QUOTA_BYTES);
  CHECK_NOT_ASKED(&it);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(exhaustion_is_heard) {
  limiter it = {.refuses = false};
  wasm_memory_config_t *config = pool_config(WASM_MEMORY_BOUNDS_GUARDED, 1, PAGE);
  set_limiter(config, &it);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  EXHAUSTED(refused_in(allocator, TYPE(.initial = PAGES(1))), 1);
  CHECK_TOLD(&it, POOL_EXHAUSTED);
  RANGE_FAILS(wasm_memory_grow(memory, 1, NULL), SLOT_SIZE);
  CHECK_TOLD(&it, SLOT_SIZE);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* A creation that fails after it was given a slot gives it back. */
TEST(failures_take_no_slot) {
  limiter it = {.refuses = true};
  wasm_memory_config_t *config = pool_config(WASM_MEMORY_BOUNDS_GUARDED, 1, 4 * PAGE);
  set_limiter(config, &it);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_image_t *image = pattern_image(100, 0, 3);
  for (int i = 0; i < 10; i++) {
    RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), LIMITER);
    RANGE_FAILS(refused_from(allocator, image, TYPE(.initial = PAGES(0))), IMAGE_DOES_NOT_FIT);
    RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(5))), SLOT_SIZE);
  }
  it.refuses = false;
  wasm_memory_delete(created_from(allocator, image, TYPE(.initial = PAGES(1))));
  wasm_memory_image_delete(image);
  wasm_memory_allocator_delete(allocator);
}

/* ---- free again when the last handle and buffer are gone ---- */

TEST(slot_is_held_by_every_reference) {
  wasm_memory_allocator_t *allocator = pool_of(WASM_MEMORY_BOUNDS_GUARDED, 1, 4 * PAGE);
  for (int shared = 0; shared < 2; shared++) {
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(4), .shared = shared == 1));
    wasm_memory_buffer_t *old = buffer_of(memory);
    uint8_t *bytes = wasm_memory_buffer_data(old);
    memset(bytes, 0x5D, 2 * PAGE);
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK); /* detaches it, or leaves it short */
    wasm_memory_buffer_t *now = buffer_of(memory);
    CHECK_POINTER(wasm_memory_retain(memory), memory);
    wasm_memory_delete(memory);
    EXHAUSTED(refused_in(allocator, TYPE(.initial = PAGES(1))), 1);
    wasm_memory_delete(memory);
    EXHAUSTED(refused_in(allocator, TYPE(.initial = PAGES(1))), 1);
    wasm_memory_buffer_delete(now);
    EXHAUSTED(refused_in(allocator, TYPE(.initial = PAGES(1))), 1);
    CHECK(all_are(bytes, 0x5D, 2 * PAGE));
    wasm_memory_buffer_delete(old);
    memory = created_in(allocator, TYPE(.initial = PAGES(1)));
    CHECK(all_are(wasm_memory_data(memory), 0, PAGE));
    wasm_memory_delete(memory);
  }
  wasm_memory_allocator_delete(allocator);
}

TEST(memories_outlive_the_handle_of_their_pool) {
  wasm_memory_allocator_t *allocator = pool_of(WASM_MEMORY_BOUNDS_GUARDED, 2, 4 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  wasm_memory_allocator_delete(allocator);
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  memset(wasm_memory_data(memory), 0x31, 4 * PAGE);
  RANGE_FAILS(wasm_memory_grow(memory, 1, NULL), SLOT_SIZE);
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  wasm_memory_delete(memory);
  CHECK(all_are(wasm_memory_buffer_data(buffer), 0x31, 4 * PAGE));
  wasm_memory_buffer_delete(buffer);
}

/* ---- threads ---- */

static wasm_memory_allocator_t *narrow;

static void *take_and_give_back(void *own) {
  const uint8_t byte = (uint8_t)(uintptr_t)own;
  for (int i = 0; i < 300; i++) {
    const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1));
    wasm_memory_t *memory = NULL;
    if (wasm_memory_new_in(narrow, &type, NULL, &memory) != WASM_MEMORY_OK) continue;
    uint8_t *bytes = wasm_memory_data(memory);
    CHECK(all_are(bytes, 0, PAGE));
    memset(bytes, byte, PAGE);
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
    CHECK(all_are(bytes, byte, PAGE) && all_are(bytes + PAGE, 0, PAGE)); /* a slot has one tenant at a time */
    wasm_memory_delete(memory);
  }
  return NULL;
}

TEST(threads_for_too_few_slots) {
  enum { THREADS = 4 };
  for (uint32_t bounds = 0; bounds < 2; bounds++) {
    pthread_t threads[THREADS];
    narrow = pool_of(bounds, 2, 2 * PAGE);
    for (uintptr_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, take_and_give_back, (void *)(i + 1)) == 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    wasm_memory_t *first = created_in(narrow, TYPE(.initial = PAGES(2))), *second = created_in(narrow, TYPE(.initial = PAGES(2)));
    EXHAUSTED(refused_in(narrow, TYPE(.initial = PAGES(0))), 2); /* none was lost, none was made up */
    wasm_memory_delete(first);
    wasm_memory_delete(second);
    wasm_memory_allocator_delete(narrow);
  }
}

HARNESS_MAIN(LISTED(as_many_memories_as_slots), LISTED(slots_are_used_again), LISTED(initial_size_must_fit), LISTED(growth_stops_at_the_slot),
             LISTED(order_of_checks), LISTED(exhaustion_is_heard), LISTED(failures_take_no_slot), LISTED(slot_is_held_by_every_reference),
             LISTED(memories_outlive_the_handle_of_their_pool), LISTED(threads_for_too_few_slots))
