/* The layout that a memory reports: defaults, explicit settings, and the arithmetic of elided checks (design.md 3, 6). */
#define _POSIX_C_SOURCE 200809L
#include "fixtures.h"

#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

/* The widest access, of 16 bytes at index 2^32 - 1, must end within the reservation and the guard after it. */
static void check_elision(const wasm_memory_layout_t *layout, bool possible) {
  const uint64_t span = layout->reservation + layout->guard_after, least = 4 * GIB + 15;
  CHECK_U64(layout->elides_i32_checks, possible && span >= least);
  CHECK_U64(layout->elidable_offset, possible && span >= least ? span - least : 0);
}

static void check_layout(wasm_memory_layout_t layout, uint64_t reservation, uint64_t before, uint64_t after) {
  CHECK_U64(layout.reservation, reservation);
  CHECK_U64(layout.guard_before, before);
  CHECK_U64(layout.guard_after, after);
  CHECK(layout.exact_protection);
  CHECK(all_zero(layout.reserved, sizeof layout.reserved));
}

static void check_default(wasm_memory_descriptor_t type, uint64_t reservation) {
  wasm_memory_t *memory = created(type);
  wasm_memory_layout_t layout = layout_of(memory);
  check_layout(layout, reservation, 0, 65536);
  CHECK(!layout.movable);
  check_elision(&layout, type.address == WASM_MEMORY_ADDRESS_I32 && type.page_size != 1);
  wasm_memory_delete(memory);
}

TEST(default_i32) {
  NEEDS_STEADY_BASE();
  check_default(TYPE(.initial = PAGES(0)), 4 * GIB);
  check_default(TYPE(.initial = PAGES(1)), 4 * GIB);
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  CHECK(layout_of(memory).elides_i32_checks);
  CHECK_U64(layout_of(memory).elidable_offset, 65536 - 15);
  wasm_memory_delete(memory);
}

TEST(default_i32_with_maximum) {
  NEEDS_STEADY_BASE();
  check_default(TYPE(.initial = PAGES(0), .maximum = PAGES(0)), 0);
  check_default(TYPE(.initial = PAGES(1), .maximum = PAGES(1)), PAGE);
  check_default(TYPE(.initial = PAGES(1), .maximum = PAGES(10)), 10 * PAGE);
  check_default(TYPE(.initial = PAGES(0), .maximum = PAGES(65535)), 65535 * PAGE);
  check_default(TYPE(.initial = PAGES(0), .maximum = PAGES(65536)), 4 * GIB);
}

TEST(default_i64) {
  NEEDS_STEADY_BASE();
  check_default(TYPE(.initial = PAGES(1), .address = I64), SIZE_LIMIT_BYTES);
  check_default(TYPE(.initial = PAGES(1), .maximum = PAGES(10), .address = I64), 10 * PAGE);
  check_default(TYPE(.initial = PAGES(1), .maximum = PAGES(262144), .address = I64), SIZE_LIMIT_BYTES);
  check_default(TYPE(.initial = PAGES(1), .maximum = PAGES(262145), .address = I64), SIZE_LIMIT_BYTES);
  check_default(TYPE(.initial = PAGES(1), .maximum = PAGES(I64_DECLARED_LIMIT), .address = I64), SIZE_LIMIT_BYTES);
}

TEST(default_shared) {
  check_default(TYPE(.initial = PAGES(1), .maximum = PAGES(10), .shared = true), 10 * PAGE);
  check_default(TYPE(.initial = PAGES(1), .maximum = PAGES(65536), .shared = true), 4 * GIB);
  check_default(TYPE(.initial = PAGES(1), .maximum = PAGES(I64_DECLARED_LIMIT), .shared = true, .address = I64), SIZE_LIMIT_BYTES);
}

/* Sizes below the host's page: the reservation may be told as it is or as the host gives it. */
TEST(default_single_byte_pages) {
  NEEDS_STEADY_BASE();
  const uint64_t host_page = (uint64_t)sysconf(_SC_PAGESIZE);
  wasm_memory_t *small = created(TYPE(.initial = PAGES(1), .maximum = PAGES(10), .page_size = 1));
  wasm_memory_layout_t layout = layout_of(small);
  CHECK(layout.reservation == 10 || layout.reservation == host_page);
  check_layout(layout, layout.reservation, 0, 65536);
  check_elision(&layout, false);
  wasm_memory_delete(small);
  check_default(TYPE(.initial = PAGES(1), .page_size = 1), 4 * GIB);
  check_default(TYPE(.initial = PAGES(1), .address = I64, .page_size = 1), SIZE_LIMIT_BYTES);
}

static wasm_memory_allocator_t *reserving(uint64_t reservation, uint64_t before, uint64_t after) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, reservation);
  wasm_memory_config_set_guards(config, before, after);
  return allocator_of(config);
}

static void check_explicit(uint64_t reservation, uint64_t before, uint64_t after, wasm_memory_descriptor_t type, bool elides, uint64_t offset) {
  wasm_memory_allocator_t *allocator = reserving(reservation, before, after);
  wasm_memory_t *memory = created_in(allocator, type);
  wasm_memory_layout_t layout = layout_of(memory);
  check_layout(layout, reservation, before, after);
  CHECK(!layout.movable);
  CHECK_U64(layout.elides_i32_checks, elides);
  CHECK_U64(layout.elidable_offset, offset);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(explicit_for_elision) {
  const wasm_memory_descriptor_t unbounded = TYPE(.initial = PAGES(1)), bounded = TYPE(.initial = PAGES(1), .maximum = PAGES(10));
  check_explicit(4 * GIB, 0, 32 * MIB, unbounded, true, 32 * MIB - 15);
  check_explicit(4 * GIB, 32 * MIB, 32 * MIB, unbounded, true, 32 * MIB - 15);
  check_explicit(4 * GIB, 32 * MIB, 32 * MIB, bounded, true, 32 * MIB - 15);
  check_explicit(4 * GIB, 2 * GIB, 2 * GIB, bounded, true, 2 * GIB - 15);
  check_explicit(8 * GIB, 0, 0, bounded, true, 4 * GIB - 15); /* the reservation alone covers the index and the offset */
  check_explicit(4 * GIB, 32 * MIB, 65536, bounded, true, 65536 - 15);
}

/* The guard before the base is no help to an index that is never negative. */
TEST(explicit_without_elision) {
  const wasm_memory_descriptor_t bounded = TYPE(.initial = PAGES(1), .maximum = PAGES(10));
  check_explicit(4 * GIB, 0, 0, bounded, false, 0);
  check_explicit(4 * GIB, 32 * MIB, 0, bounded, false, 0);
  check_explicit(4 * GIB - PAGE, 0, 65536, bounded, false, 0);
  check_explicit(GIB, 0, 2 * GIB, bounded, false, 0);
  check_explicit(4 * GIB, 0, 32 * MIB, TYPE(.initial = PAGES(1), .address = I64), false, 0);
  check_explicit(4 * GIB, 0, 32 * MIB, TYPE(.initial = PAGES(1), .page_size = 1), false, 0);
}

TEST(a_short_reservation_is_lengthened_by_guards) {
  check_explicit(GIB, 0, 3 * GIB + 65536, TYPE(.initial = PAGES(1), .maximum = PAGES(10)), true, 65536 - 15);
}

TEST(reservation_is_never_less_than_the_initial_size) {
  wasm_memory_allocator_t *allocator = reserving(PAGE, 0, 65536);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(3), .maximum = PAGES(5)));
  check_layout(layout_of(memory), 3 * PAGE, 0, 65536);
  CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED, 4 * PAGE, 3 * PAGE);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(odd_sizes_are_rounded_up) {
  const uint64_t host_page = (uint64_t)sysconf(_SC_PAGESIZE);
  wasm_memory_allocator_t *allocator = reserving(100001, 1, host_page + 1);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  wasm_memory_layout_t layout = layout_of(memory);
  CHECK(layout.reservation >= 100001 && layout.reservation < 100001 + host_page);
  CHECK(layout.guard_before >= 1 && layout.guard_before <= host_page);
  CHECK(layout.guard_after > host_page && layout.guard_after <= 2 * host_page);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(size_limit_bounds_the_reservation) {
  NEEDS_STEADY_BASE();
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_size_limit(config, GIB);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *i64 = created_in(allocator, TYPE(.initial = PAGES(1), .address = I64));
  wasm_memory_t *shared = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(65536), .shared = true));
  CHECK_U64(layout_of(i64).reservation, GIB);
  CHECK_U64(layout_of(shared).reservation, GIB);
  wasm_memory_delete(shared);
  wasm_memory_delete(i64);
  wasm_memory_allocator_delete(allocator);
}

TEST(growth_in_place_keeps_the_layout) {
  NEEDS_STEADY_BASE();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(0), .maximum = PAGES(65536)));
  const wasm_memory_layout_t before = layout_of(memory);
  for (int i = 0; i < 10; i++) {
    CHECK_STATUS(wasm_memory_grow(memory, 7, NULL), WASM_MEMORY_OK);
    wasm_memory_layout_t now = layout_of(memory);
    CHECK(now.reservation == before.reservation && now.guard_before == before.guard_before && now.guard_after == before.guard_after);
    CHECK(now.movable == before.movable && now.elides_i32_checks == before.elides_i32_checks && now.elidable_offset == before.elidable_offset);
  }
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(default_i32), LISTED(default_i32_with_maximum), LISTED(default_i64), LISTED(default_shared), LISTED(default_single_byte_pages),
             LISTED(explicit_for_elision), LISTED(explicit_without_elision), LISTED(a_short_reservation_is_lengthened_by_guards),
             LISTED(reservation_is_never_less_than_the_initial_size), LISTED(odd_sizes_are_rounded_up), LISTED(size_limit_bounds_the_reservation),
             LISTED(growth_in_place_keeps_the_layout))
