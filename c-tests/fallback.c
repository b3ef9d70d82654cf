/* A reservation that the host refuses: retried smaller by default, never silently where it was asked for (design.md 6). */
#define _GNU_SOURCE
#include <errno.h>

#include "fixtures.h"
#include "process.h"

#define HEADROOM (UINT64_C(64) << 20)

static void leave_little_address_space(void) { limit(RLIMIT_AS, process_bytes("VmSize") + HEADROOM); }

/* The figures of a refused reservation: its bytes, guards included or not, and the error of the refusing call. */
static void check_address_space_error(wasm_memory_error_t error, uint64_t reservation, uint64_t guards) {
  CHECK(error.requested >= reservation && error.requested <= reservation + guards + 65536);
  CHECK_U64((uint64_t)error.os_error, ENOMEM);
}

static void default_falls_back_in_child(void) {
  leave_little_address_space();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  const wasm_memory_layout_t layout = layout_of(memory);
  CHECK(layout.reservation >= PAGE && layout.reservation < HEADROOM);
  CHECK(!layout.elides_i32_checks);
  CHECK_U64(layout.elidable_offset, 0);
  memset(wasm_memory_data(memory), 0x31, PAGE);
  limit(RLIMIT_AS, UINT64_MAX);
  if (layout.movable) {
    CHECK_STATUS(wasm_memory_grow(memory, 2000, NULL), WASM_MEMORY_OK); /* more than any reservation below 64 MiB */
    CHECK(all_zero(wasm_memory_data(memory) + PAGE, 2000 * PAGE));
  } else {
    CHECK_FIGURES(wasm_memory_grow(memory, 2000, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED, 2001 * PAGE,
                  layout.reservation);
  }
  CHECK(wasm_memory_data(memory)[0] == 0x31 && wasm_memory_data(memory)[PAGE - 1] == 0x31);
  wasm_memory_delete(memory);
}

/* Room for the initial size and a guard, and for no reservation beyond. */
static void last_rung_in_child(void) {
  limit(RLIMIT_AS, process_bytes("VmSize") + 200 * PAGE);
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(180)));
  CHECK(layout_of(memory).movable);
  CHECK(layout_of(memory).reservation >= 180 * PAGE && layout_of(memory).reservation < 200 * PAGE);
  memset(wasm_memory_data(memory), 0x31, 180 * PAGE);
  CHECK_FAILS(wasm_memory_grow(memory, 100, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ADDRESS_SPACE);
  CHECK_U64(wasm_memory_size(memory), 180);
  limit(RLIMIT_AS, UINT64_MAX);
  CHECK_STATUS(wasm_memory_grow(memory, 100, NULL), WASM_MEMORY_OK);
  const uint8_t *base = wasm_memory_data(memory);
  CHECK(base[0] == 0x31 && base[180 * PAGE - 1] == 0x31 && all_zero(base + 180 * PAGE, 100 * PAGE));
  wasm_memory_delete(memory);
}

TEST(default_falls_back) {
  NEEDS_HOST_COUNTS();
  in_child(default_falls_back_in_child);
}

TEST(last_rung_is_movable) {
  NEEDS_HOST_COUNTS();
  in_child(last_rung_in_child);
}

static void shared_in_child(void) {
  leave_little_address_space();
  wasm_memory_t *memory = NULL;
  wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1), .maximum = PAGES(65536), .shared = true);
  wasm_memory_status_t status = wasm_memory_new(&type, &memory);
  if (status == WASM_MEMORY_OK) {
    CHECK(!layout_of(memory).movable);
    CHECK(!layout_of(memory).elides_i32_checks);
    limit(RLIMIT_AS, UINT64_MAX);
    CHECK_FAILS(wasm_memory_grow(memory, 65535, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED);
    wasm_memory_delete(memory);
  } else {
    CHECK_STATUS(status, WASM_MEMORY_RANGE_ERROR);
    CHECK_POINTER(memory, NULL);
    check_address_space_error(CHECK_FAILS(refused(type), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ADDRESS_SPACE), PAGE, 4 * GIB);
  }
}

/* A smaller reservation or none, but never one that moves. */
TEST(shared_falls_back_unmovable) {
  NEEDS_HOST_COUNTS();
  in_child(shared_in_child);
}

static void explicit_is_refused_in_child(void) {
  wasm_memory_config_t *reservation = config_new(), *guards = config_new(), *wide_guards = config_new(), *off = config_new();
  wasm_memory_config_set_reservation(reservation, 4 * GIB);
  wasm_memory_config_set_guards(guards, 0, 65536);
  wasm_memory_config_set_guards(wide_guards, 0, 4 * GIB);
  wasm_memory_config_set_fallback(off, false);
  wasm_memory_allocator_t *with_reservation = allocator_of(reservation), *with_guards = allocator_of(guards);
  wasm_memory_allocator_t *with_wide_guards = allocator_of(wide_guards), *without = allocator_of(off);
  const wasm_memory_descriptor_t small = TYPE(.initial = PAGES(1), .maximum = PAGES(2)), unbounded = TYPE(.initial = PAGES(1));
  leave_little_address_space();
  check_address_space_error(CHECK_FAILS(refused_in(with_reservation, small), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ADDRESS_SPACE), 4 * GIB,
                            65536);
  check_address_space_error(CHECK_FAILS(refused_in(with_guards, unbounded), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ADDRESS_SPACE), 4 * GIB,
                            65536);
  check_address_space_error(CHECK_FAILS(refused_in(with_wide_guards, small), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ADDRESS_SPACE), 2 * PAGE,
                            4 * GIB);
  check_address_space_error(CHECK_FAILS(refused_in(without, unbounded), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ADDRESS_SPACE), 4 * GIB, 65536);
  wasm_memory_t *fits = created_in(without, small);
  wasm_memory_delete(fits);
  limit(RLIMIT_AS, UINT64_MAX);
  wasm_memory_t *later = created_in(with_reservation, small); /* a refusal leaves the allocator as it was */
  CHECK_U64(layout_of(later).reservation, 4 * GIB);
  wasm_memory_delete(later);
  wasm_memory_allocator_delete(without);
  wasm_memory_allocator_delete(with_wide_guards);
  wasm_memory_allocator_delete(with_guards);
  wasm_memory_allocator_delete(with_reservation);
}

TEST(explicit_is_refused) {
  NEEDS_HOST_COUNTS();
  in_child(explicit_is_refused_in_child);
}

static void explicit_with_consent_in_child(void) {
  wasm_memory_config_t *before = config_new(), *after = config_new();
  wasm_memory_config_set_fallback(before, true);
  wasm_memory_config_set_reservation(before, 4 * GIB);
  wasm_memory_config_set_guards(after, 2 * PAGE, 3 * PAGE);
  wasm_memory_config_set_reservation(after, 4 * GIB);
  wasm_memory_config_set_fallback(after, true);
  wasm_memory_allocator_t *allocators[] = {allocator_of(before), allocator_of(after)};
  const uint64_t guards[2][2] = {{0, 65536}, {2 * PAGE, 3 * PAGE}}; /* the reservation is what may be smaller */
  leave_little_address_space();
  for (size_t i = 0; i < 2; i++) {
    wasm_memory_t *memory = created_in(allocators[i], TYPE(.initial = PAGES(1)));
    CHECK(layout_of(memory).reservation < HEADROOM);
    CHECK_U64(layout_of(memory).guard_before, guards[i][0]);
    CHECK_U64(layout_of(memory).guard_after, guards[i][1]);
    CHECK(!layout_of(memory).elides_i32_checks);
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocators[i]);
  }
}

/* In whichever order the two are called. */
TEST(explicit_falls_back_with_consent) {
  NEEDS_STEADY_BASE();
  NEEDS_HOST_COUNTS();
  in_child(explicit_with_consent_in_child);
}

static void movable_growth_is_refused_in_child(void) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, 2 * PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2)));
  memset(wasm_memory_data(memory), 0x31, 2 * PAGE);
  uint8_t *base = wasm_memory_data(memory);
  uint64_t previous = 99;
  leave_little_address_space();
  wasm_memory_error_t error =
      CHECK_FAILS(wasm_memory_grow(memory, 60000, &previous), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ADDRESS_SPACE);
  CHECK(error.requested >= 60000 * PAGE);
  CHECK_U64((uint64_t)error.os_error, ENOMEM);
  CHECK_U64(previous, 99);
  CHECK_U64(wasm_memory_size(memory), 2);
  CHECK_POINTER(wasm_memory_data(memory), base);
  CHECK(base[0] == 0x31 && base[2 * PAGE - 1] == 0x31);
  CHECK_STATUS(wasm_memory_grow(memory, 100, &previous), WASM_MEMORY_OK); /* a move that the host has room for */
  CHECK_U64(previous, 2);
  CHECK(wasm_memory_data(memory)[0] == 0x31 && wasm_memory_data(memory)[102 * PAGE - 1] == 0);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(movable_growth_is_refused) {
  NEEDS_HOST_COUNTS();
  in_child(movable_growth_is_refused_in_child);
}

HARNESS_MAIN(LISTED(default_falls_back), LISTED(last_rung_is_movable), LISTED(shared_falls_back_unmovable), LISTED(explicit_is_refused),
             LISTED(explicit_falls_back_with_consent), LISTED(movable_growth_is_refused))
