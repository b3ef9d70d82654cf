/* wasm_memory_find against a model, while memories are made, grown, moved and deleted in any order. */
#define _GNU_SOURCE
#include "fixtures.h"
#include "places.h"

enum { SLOTS = 64, ALLOCATORS = 4 };

static uint64_t state;

static uint64_t below(uint64_t bound) { /* xorshift: the same sequence on every host */
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state % bound;
}

static wasm_memory_allocator_t *allocators[ALLOCATORS];
static wasm_memory_t *memories[SLOTS];
static places live[SLOTS], gone[SLOTS]; /* what is, and where something was */

static void make_allocators(void) {
  for (uint64_t i = 1; i < ALLOCATORS; i++) {
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_reservation(config, i * PAGE);
    wasm_memory_config_set_guards(config, (i - 1) * 4096, i % 2 * PAGE);
    wasm_memory_config_set_movable(config, true);
    if (i == 3) wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
    allocators[i] = allocator_of(config);
  }
}

static void create(size_t slot) {
  const uint64_t initial = below(9);
  wasm_memory_descriptor_t type = TYPE(.initial = PAGES(initial), .maximum = PAGES(initial + below(30)), .shared = below(4) == 0);
  if (below(4) == 0) type.page_size = 1;
  memories[slot] = created_in(allocators[below(ALLOCATORS)], type);
  wasm_memory_set_user_data(memories[slot], &memories[slot]);
  live[slot] = places_of(memories[slot]);
}

static void grow(size_t slot) {
  const places before = live[slot];
  wasm_memory_grow(memories[slot], below(9), NULL); /* refused or not: what counts is what find then says */
  live[slot] = places_of(memories[slot]);
  if (live[slot].base != before.base) gone[slot] = before;
}

static void remove_slot(size_t slot) {
  gone[slot] = live[slot];
  wasm_memory_delete(memories[slot]);
  memories[slot] = NULL;
}

/* The model: at most one living memory's places contain an address. */
static void check_address(const void *address) {
  for (size_t i = 0; i < SLOTS; i++) {
    if (memories[i] == NULL || !places_contains(&live[i], address)) continue;
    const int64_t offset = (int64_t)((uintptr_t)address - (uintptr_t)live[i].base);
    CHECK_FOUND(address, memories[i], offset, places_zone(&live[i], offset));
    CHECK_POINTER(wasm_memory_user_data(memories[i]), &memories[i]);
    return;
  }
  CHECK_NOT_FOUND(address);
}

static void check_slot(const places *it) {
  if (it->base == NULL) return;
  const int64_t edges[] = {it->begin, 0, it->length, it->reservation, it->end};
  check_address(places_address(it->base, edges[below(5)] - (int64_t)below(2)));
  check_address(places_address(it->base, it->begin + (int64_t)below((uint64_t)(it->end - it->begin) + 1)));
}

TEST(against_a_model) {
  NEEDS_STEADY_BASE();
  const int steps = getenv("WASM_MEMORY_TEST_SHORT") != NULL ? 3000 : 30000;
  state = UINT64_C(0x9E3779B97F4A7C15);
  make_allocators();
  for (int step = 0; step < steps && harness_failures == 0; step++) { /* after one wrong answer the rest is noise */
    const size_t slot = below(SLOTS);
    if (memories[slot] == NULL) create(slot);
    else if (below(3) == 0) remove_slot(slot);
    else grow(slot);
    for (int i = 0; i < 4; i++) {
      const size_t other = i == 0 ? slot : below(SLOTS);
      check_slot(&gone[other]);
      if (memories[other] != NULL) check_slot(&live[other]);
    }
  }
  for (size_t i = 0; i < SLOTS; i++) {
    if (memories[i] == NULL) continue;
    remove_slot(i);
  }
  for (size_t i = 0; i < SLOTS; i++) check_slot(&gone[i]);
  for (size_t i = 1; i < ALLOCATORS; i++) wasm_memory_allocator_delete(allocators[i]);
}

HARNESS_MAIN(LISTED(against_a_model))
