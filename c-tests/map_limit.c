/* The process has as many mappings as vm.max_map_count allows: what lives goes on, and what fails says why
 * (reliability.md, fact 1 and row 11). */
#define _GNU_SOURCE
#include "fixtures.h"
#include "islands.h"
#include "places.h"
#include "probe.h"
#include "process.h"

/* A growth that may be refused, but for this reason only. */
static bool grown_or_map_count(wasm_memory_t *memory, uint64_t delta, uint64_t *previous) {
  wasm_memory_error_t error;
  const wasm_memory_status_t status = HARNESS_CALL(wasm_memory_grow(memory, delta, previous));
  if (status == WASM_MEMORY_OK) return true;
  wasm_memory_last_error(&error);
  CHECK_STATUS(status, WASM_MEMORY_RANGE_ERROR);
  CHECK_U64(error.reason, WASM_MEMORY_REASON_MAP_COUNT);
  check_map_count(error);
  return false;
}

static void creation_in_child(void) {
  wasm_memory_config_t *config = config_new(), *checked = config_new();
  wasm_memory_config_set_guards(config, PAGE, PAGE);
  wasm_memory_config_set_bounds(checked, WASM_MEMORY_BOUNDS_CHECKED);
  wasm_memory_allocator_t *allocators[] = {NULL, allocator_of(config), allocator_of(checked)};
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(1)), TYPE(.initial = PAGES(1), .maximum = PAGES(1)),
                                            TYPE(.initial = PAGES(2), .maximum = PAGES(9), .shared = true),
                                            TYPE(.initial = PAGES(1), .address = I64)};
  islands filled;
  for (size_t a = 0; a < 3; a++) { /* what it needs for itself, it has; what it keeps would be used again */
    wasm_memory_delete(created_in(allocators[a], types[0]));
    wasm_memory_allocator_trim(allocators[a]);
  }
  fill(&filled);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  for (int round = 0; round < 20; round++)
    for (size_t a = 0; a < 3; a++)
      for (size_t t = 0; t < 4; t++)
        check_map_count(CHECK_FAILS(refused_in(allocators[a], types[t]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAP_COUNT));
  CHECK_U64(mapping_count(), mappings);
  CHECK_U64(process_bytes("VmSize"), address_space); /* nothing is left behind by a failure */
  remove_islands(&filled);
  for (size_t a = 0; a < 3; a++) {
    wasm_memory_t *memory = created_in(allocators[a], types[0]);
    CHECK(all_zero(wasm_memory_data(memory), PAGE));
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocators[a]);
  }
}

TEST(creation_says_map_count) {
  NEEDS_THE_LIMIT();
  in_child(creation_in_child);
}

/* Of the first memory ever it may be the library's own storage that the host refuses: then that is the reason. */
static void first_creation_in_child(void) {
  islands filled;
  fill(&filled);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  for (int i = 0; i < 100; i++) {
    wasm_memory_error_t error;
    CHECK_STATUS(HARNESS_CALL(refused(TYPE(.initial = PAGES(1)))), WASM_MEMORY_RANGE_ERROR);
    wasm_memory_last_error(&error);
    CHECK(error.reason == WASM_MEMORY_REASON_MAP_COUNT || error.reason == WASM_MEMORY_REASON_OUT_OF_MEMORY);
    CHECK(error.requested > error.available);
  }
  CHECK_U64(mapping_count(), mappings);
  CHECK_U64(process_bytes("VmSize"), address_space);
  remove_islands(&filled);
  wasm_memory_delete(created(TYPE(.initial = PAGES(1))));
}

TEST(the_first_creation_is_refused) {
  NEEDS_THE_LIMIT();
  in_child(first_creation_in_child);
}

static void growth_in_child(void) {
  wasm_memory_t *memories[] = {created(TYPE(.initial = PAGES(1))), created(TYPE(.initial = PAGES(3), .maximum = PAGES(100))),
                               created(TYPE(.initial = PAGES(1), .maximum = PAGES(100), .shared = true)),
                               created(TYPE(.initial = PAGES(1), .address = I64)), created(TYPE(.initial = PAGES(65536), .page_size = 1))};
  islands filled;
  for (size_t i = 0; i < 5; i++) memset(wasm_memory_data(memories[i]), 0x2B, PAGE);
  fill(&filled);
  for (size_t i = 0; i < 5; i++) {
    uint8_t *base = wasm_memory_data(memories[i]);
    const uint64_t delta = i == 4 ? 3 * PAGE : 3, length = wasm_memory_byte_length(memories[i]);
    for (int growth = 0; growth < 30; growth++) CHECK_STATUS(wasm_memory_grow(memories[i], delta, NULL), WASM_MEMORY_OK);
    CHECK_POINTER(wasm_memory_data(memories[i]), base);
    CHECK_U64(wasm_memory_byte_length(memories[i]), length + 90 * PAGE);
    CHECK(base[0] == 0x2B && base[PAGE - 1] == 0x2B && all_zero(base + length, 90 * PAGE));
    base[length + 90 * PAGE - 1] = 1;
    CHECK_PLACES(memories[i]);
  }
  remove_islands(&filled);
  for (size_t i = 0; i < 5; i++) wasm_memory_delete(memories[i]);
}

/* The edge between body and reservation only moves: that takes no mapping. */
TEST(growth_in_place_goes_on) {
  NEEDS_THE_LIMIT();
  NEEDS_STEADY_BASE();
  in_child(growth_in_child);
}

static void first_growth_in_child(void) {
  enum { COUNT = 6 };
  wasm_memory_t *memories[COUNT];
  islands filled;
  for (int i = 0; i < COUNT; i++) memories[i] = created(TYPE(.initial = PAGES(0), .maximum = PAGES(50), .shared = i % 2 == 1));
  fill(&filled);
  for (int i = 0; i < COUNT; i++) {
    uint64_t previous = 99;
    if (grown_or_map_count(memories[i], 2, &previous)) {
      CHECK_U64(previous, 0);
      CHECK(all_zero(wasm_memory_data(memories[i]), 2 * PAGE));
    } else {
      CHECK_U64(previous, 99);
      CHECK_U64(wasm_memory_size(memories[i]), 0);
      CHECK(is_out_of_reach(wasm_memory_data(memories[i])));
    }
    CHECK_PLACES(memories[i]);
  }
  remove_islands(&filled);
  for (int i = 0; i < COUNT; i++) {
    const uint64_t size = wasm_memory_size(memories[i]);
    CHECK_STATUS(wasm_memory_grow(memories[i], 2, NULL), WASM_MEMORY_OK);
    CHECK(all_zero(wasm_memory_data(memories[i]), (size + 2) * PAGE));
    wasm_memory_delete(memories[i]);
  }
}

/* The first byte makes an edge where there was none, for which there may be no room. */
TEST(first_growth_works_or_says_map_count) {
  NEEDS_STEADY_BASE();
  NEEDS_THE_LIMIT();
  in_child(first_growth_in_child);
}

static void deletion_in_child(void) {
  enum { COUNT = 40 };
  wasm_memory_t *memories[COUNT];
  places gone[COUNT];
  islands filled;
  for (int i = 0; i < COUNT; i++) memories[i] = created(TYPE(.initial = PAGES(1 + (uint64_t)i % 3)));
  for (int i = 0; i < COUNT; i++) gone[i] = places_of(memories[i]);
  fill(&filled);
  for (int i = 0; i < COUNT; i += 2) {
    const uint64_t before = process_bytes("VmSize");
    wasm_memory_delete(memories[i]);
    wasm_memory_allocator_trim(NULL);
    CHECK(process_bytes("VmSize") <= before - 4 * GIB); /* a range with a body is whole mappings: back at once */
    CHECK_U64(wasm_memory_size(memories[i]), 0);
    CHECK_NO_PLACES(&gone[i]);
  }
  /* And the mappings came back with it. */
  wasm_memory_t *again = created(TYPE(.initial = PAGES(1)));
  CHECK(all_zero(wasm_memory_data(again), PAGE));
  wasm_memory_delete(again);
  for (int i = 1; i < COUNT; i += 2) wasm_memory_delete(memories[i]);
  remove_islands(&filled);
}

TEST(deletion_gives_the_address_space_back) {
  NEEDS_THE_LIMIT();
  in_child(deletion_in_child);
}

static void deletion_of_empty_in_child(void) {
  enum { COUNT = 30 };
  wasm_memory_t *memories[COUNT];
  places gone[COUNT];
  islands filled;
  wasm_memory_delete(created(TYPE(.initial = PAGES(0)))); /* what the library keeps for itself, it has from here on */
  wasm_memory_allocator_trim(NULL);
  const uint64_t at_first = process_bytes("VmSize");
  for (int i = 0; i < COUNT; i++) memories[i] = created(TYPE(.initial = PAGES(0)));
  for (int i = 0; i < COUNT; i++) gone[i] = places_of(memories[i]);
  fill(&filled);
  for (int i = 1; i < COUNT; i += 2) { /* every other one, whose neighbours stay */
    wasm_memory_delete(memories[i]);
    CHECK_U64(wasm_memory_size(memories[i]), 0);
    CHECK_NO_PLACES(&gone[i]);
    if (i % 4 == 3) wasm_memory_allocator_trim(NULL);
    CHECK(is_out_of_reach(gone[i].base));
  }
  for (int i = 0; i < COUNT; i += 2) CHECK_PLACES(memories[i]);
  for (int i = 0; i < COUNT; i += 2) wasm_memory_delete(memories[i]);
  for (int i = 0; i < COUNT; i++) CHECK_NO_PLACES(&gone[i]);
  remove_islands(&filled);
  wasm_memory_allocator_trim(NULL);
  wasm_memory_delete(created(TYPE(.initial = PAGES(1)))); /* the next occasion, at which what was refused is offered again */
  wasm_memory_allocator_trim(NULL);
  CHECK(process_bytes("VmSize") < at_first + GIB);
}

/* Without bodies they are one mapping with their neighbours, and to unmap one is a split, which the host may refuse. */
TEST(deletion_of_empty_memories) {
  NEEDS_STEADY_BASE();
  NEEDS_THE_LIMIT();
  in_child(deletion_of_empty_in_child);
}

static void fill_body(wasm_memory_t *memory) {
  for (uint64_t at = 0; at < wasm_memory_byte_length(memory); at += 4096) wasm_memory_data(memory)[at] = (uint8_t)(at / 4096 % 251 + 1);
}

static uint64_t lost_bytes(const wasm_memory_t *memory, uint64_t length) {
  uint64_t lost = 0;
  for (uint64_t at = 0; at < length; at += 4096) lost += wasm_memory_data(memory)[at] != (uint8_t)(at / 4096 % 251 + 1);
  return lost;
}

/* Room for so many mappings: a move that stops halfway must find its way back. */
static void check_move_with_room(wasm_memory_allocator_t *allocator, islands *filled, size_t room, bool split) {
  make_room(filled, 100);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(8)));
  fill_body(memory);
  for (uint64_t page = 1; split && page < 8; page += 2) REQUIRE(madvise(wasm_memory_data(memory) + page * PAGE, PAGE, MADV_RANDOM) == 0);
  const places before = places_of(memory);
  uint64_t previous = 99;
  refill(filled);
  make_room(filled, room);
  const uint64_t address_space = process_bytes("VmSize");
  const bool moved = grown_or_map_count(memory, 8, &previous);
  CHECK_U64(lost_bytes(memory, 8 * PAGE), 0);
  CHECK_PLACES(memory);
  if (moved) {
    CHECK_U64(previous, 8);
    CHECK(all_zero(wasm_memory_data(memory) + 8 * PAGE, 8 * PAGE));
  } else {
    CHECK_U64(previous, 99);
    CHECK_U64(wasm_memory_size(memory), 8);
    CHECK_POINTER(wasm_memory_data(memory), before.base);
    CHECK_U64((uint64_t)places_of(memory).reservation, (uint64_t)before.reservation);
    CHECK(is_guarded(before.base + before.length, places_address(before.base, before.end)));
    CHECK(process_bytes("VmSize") <= address_space);
    fill_body(memory); /* every page can still be written */
  }
  make_room(filled, 100);
  CHECK_STATUS(wasm_memory_grow(memory, 30, NULL), WASM_MEMORY_OK);
  CHECK_U64(lost_bytes(memory, 8 * PAGE), 0);
  wasm_memory_delete(memory);
}

static void moves_in_child(void) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, 8 * PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  islands filled = {.pages = NULL};
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(8))));
  wasm_memory_allocator_trim(allocator);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  for (size_t room = 0; room <= 24; room++) {
    check_move_with_room(allocator, &filled, room, false);
    check_move_with_room(allocator, &filled, room, true);
  }
  remove_islands(&filled);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(8)))); /* the next occasion, as above */
  wasm_memory_allocator_trim(allocator);
  CHECK_U64(mapping_count(), mappings);
  CHECK_U64(process_bytes("VmSize"), address_space);
  wasm_memory_allocator_delete(allocator);
}

TEST(a_move_near_the_limit_is_whole_or_not_at_all) {
  NEEDS_THE_LIMIT();
  in_child(moves_in_child);
}

HARNESS_MAIN(LISTED(creation_says_map_count), LISTED(the_first_creation_is_refused), LISTED(growth_in_place_goes_on),
             LISTED(first_growth_works_or_says_map_count), LISTED(deletion_gives_the_address_space_back), LISTED(deletion_of_empty_memories),
             LISTED(a_move_near_the_limit_is_whole_or_not_at_all))
