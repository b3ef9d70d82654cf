/* Growth past the reservation of a memory that may move: the bytes go along, everything else follows (design.md 3 and 6). */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "fixtures.h"
#include "places.h"
#include "probe.h"
#include "process.h"

#define MIB (UINT64_C(1) << 20)

static wasm_memory_allocator_t *moving_with(uint64_t reservation, uint64_t before, uint64_t after, uint32_t bounds) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, reservation);
  wasm_memory_config_set_guards(config, before, after);
  wasm_memory_config_set_bounds(config, bounds);
  wasm_memory_config_set_movable(config, true);
  return allocator_of(config);
}

static wasm_memory_allocator_t *moving(uint64_t reservation) { return moving_with(reservation, 0, 65536, WASM_MEMORY_BOUNDS_GUARDED); }

/* A different value in each page, none of them zero, at enough places to notice a page that is lost, doubled or moved. */
static uint8_t mark(uint64_t at) { return (uint8_t)(at / 4096 * 37 % 251 + 1); }

static void put_marks(uint8_t *base, uint64_t from, uint64_t to) {
  for (uint64_t at = from; at < to; at += 1024) base[at] = mark(at);
  if (to > from) base[to - 1] = mark(to - 1);
}

static uint64_t lost_marks(const uint8_t *base, uint64_t to) {
  uint64_t lost = 0;
  for (uint64_t at = 0; at < to; at += 1024) lost += base[at] != mark(at);
  return lost + (to > 0 && base[to - 1] != mark(to - 1));
}

static uint64_t pages_past_the_reservation(const wasm_memory_t *memory) {
  return (layout_of(memory).reservation - wasm_memory_byte_length(memory)) / PAGE + 1;
}

/* One growth past the reservation, with all that must be true after it. The memory is filled with marks, before and after. */
static void check_move(wasm_memory_t *memory, uint64_t delta) {
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  const wasm_memory_layout_t old_layout = layout_of(memory);
  const places old = places_of(memory);
  const uint64_t old_length = wasm_memory_byte_length(memory), length = old_length + delta * PAGE;
  uint64_t previous = 99;
  CHECK(length > old_layout.reservation);
  CHECK_STATUS(wasm_memory_grow(memory, delta, &previous), WASM_MEMORY_OK);
  const places now = places_of(memory);
  if (!places_contains(&now, old.base)) CHECK(is_out_of_reach(old.base)); /* no stale pointer reads stale bytes */
  CHECK_U64(previous, old_length / PAGE);
  CHECK_POINTER(wasm_memory_view(memory), view);
  CHECK_POINTER(view->base, wasm_memory_data(memory));
  CHECK_U64(view->byte_length, length);
  CHECK_U64(wasm_memory_size(memory), length / PAGE);

  uint8_t *base = view->base;
  const wasm_memory_layout_t layout = layout_of(memory);
  CHECK_U64(lost_marks(base, old_length), 0);
  CHECK(all_zero(base + old_length, length - old_length));
  CHECK(layout.movable);
  CHECK(layout.reservation >= length && layout.reservation > old_layout.reservation);
  CHECK_U64(layout.guard_before, old_layout.guard_before);
  CHECK_U64(layout.guard_after, old_layout.guard_after);
  CHECK(layout.exact_protection == old_layout.exact_protection);
  if (layout.exact_protection) CHECK(is_guarded(base + length, base + layout.reservation));
  CHECK(is_guarded(base + layout.reservation, base + layout.reservation + layout.guard_after));
  CHECK(is_guarded(base - layout.guard_before, base));
  CHECK_PLACES(memory);
  put_marks(base, old_length, length);
}

TEST(by_one_page_past_the_reservation) {
  const uint64_t guards[][2] = {{0, 65536}, {0, 0}, {PAGE, 3 * PAGE}};
  for (uint32_t bounds = WASM_MEMORY_BOUNDS_GUARDED; bounds <= WASM_MEMORY_BOUNDS_CHECKED; bounds++) {
    for (size_t i = 0; i < 3; i++) {
      wasm_memory_allocator_t *allocator = moving_with(3 * PAGE, guards[i][0], guards[i][1], bounds);
      wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2)));
      CHECK(layout_of(memory).movable);
      CHECK_U64(layout_of(memory).reservation, 3 * PAGE);
      put_marks(wasm_memory_data(memory), 0, 2 * PAGE);
      while (wasm_memory_size(memory) < 1500) check_move(memory, pages_past_the_reservation(memory));
      wasm_memory_delete(memory);
      wasm_memory_allocator_delete(allocator);
    }
  }
}

TEST(far_past_the_reservation) {
  wasm_memory_allocator_t *allocator = moving(PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  put_marks(wasm_memory_data(memory), 0, PAGE);
  check_move(memory, 3000);
  wasm_memory_t *whole = created_in(allocator, TYPE(.initial = PAGES(1)));
  wasm_memory_data(whole)[0] = 9;
  CHECK_STATUS(wasm_memory_grow(whole, 65535, NULL), WASM_MEMORY_OK);
  CHECK(wasm_memory_data(whole)[0] == 9 && wasm_memory_data(whole)[UINT32_MAX] == 0);
  CHECK_FAILS(wasm_memory_grow(whole, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT);
  wasm_memory_delete(whole);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* Up to the reservation the base stays, unless the build moves on every growth. */
TEST(within_the_reservation_it_stays) {
  NEEDS_STEADY_BASE();
  wasm_memory_allocator_t *allocator = moving(40 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(0)));
  uint8_t *base = wasm_memory_data(memory);
  for (uint64_t size = 0; size < 40; size++) {
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
    CHECK_POINTER(wasm_memory_data(memory), base);
    CHECK_U64(layout_of(memory).reservation, 40 * PAGE);
    put_marks(base, size * PAGE, (size + 1) * PAGE);
  }
  check_move(memory, 1);
  const wasm_memory_layout_t layout = layout_of(memory); /* and then up to the new one */
  base = wasm_memory_data(memory);
  CHECK_STATUS(wasm_memory_grow(memory, layout.reservation / PAGE - 41, NULL), WASM_MEMORY_OK);
  CHECK_POINTER(wasm_memory_data(memory), base);
  CHECK_U64(lost_marks(base, 41 * PAGE), 0);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(up_to_the_maximum) {
  wasm_memory_allocator_t *allocator = moving(2 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(11)));
  put_marks(wasm_memory_data(memory), 0, 2 * PAGE);
  const places before = places_of(memory);
  CHECK_FIGURES(wasm_memory_grow(memory, 10, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 12, 11);
  CHECK_POINTER(wasm_memory_data(memory), before.base);
  check_move(memory, 9);
  CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 12, 11);
  CHECK_U64(lost_marks(wasm_memory_data(memory), 11 * PAGE), 0);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(an_empty_memory) {
  const uint64_t reservations[] = {PAGE, 4096, 1, 0};
  for (size_t i = 0; i < 4; i++) {
    wasm_memory_allocator_t *allocator = moving(reservations[i]);
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(0)));
    CHECK(wasm_memory_data(memory) != NULL);
    CHECK_PLACES(memory);
    check_move(memory, 5);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocator);
  }
}

TEST(pages_of_one_byte) {
  wasm_memory_allocator_t *allocator = moving(4096);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(4000), .page_size = 1));
  put_marks(wasm_memory_data(memory), 0, 4000);
  for (uint64_t length = 4000; length < 300000; length += 997) {
    CHECK_STATUS(wasm_memory_grow(memory, 997, NULL), WASM_MEMORY_OK);
    uint8_t *base = wasm_memory_data(memory);
    CHECK(base[0] == mark(0) && base[length - 1] == mark(length - 1) && all_zero(base + length, 997));
    put_marks(base, length, length + 997);
  }
  CHECK_PLACES(memory);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* Other threads hold its address: a shared memory stays, and grows no further. */
TEST(a_shared_memory_stays) {
  wasm_memory_allocator_t *allocator = moving(4 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(100), .shared = true));
  const places before = places_of(memory);
  uint64_t previous = 99;
  CHECK(!layout_of(memory).movable);
  put_marks(before.base, 0, 2 * PAGE);
  CHECK_FIGURES(wasm_memory_grow(memory, 3, &previous), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED, 5 * PAGE, 4 * PAGE);
  CHECK_U64(previous, 99);
  CHECK_STATUS(wasm_memory_grow(memory, 2, &previous), WASM_MEMORY_OK);
  CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED, 5 * PAGE, 4 * PAGE);
  CHECK_FIGURES(wasm_memory_grow(memory, 97, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 101, 100);
  CHECK_U64(wasm_memory_size(memory), 4);
  CHECK_POINTER(wasm_memory_data(memory), before.base);
  CHECK_U64(layout_of(memory).reservation, 4 * PAGE);
  CHECK_U64(lost_marks(before.base, 2 * PAGE), 0);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* An engine may advise or lock a part of a body, which makes it several mappings, and one mremap moves only one. */
static void split(uint8_t *base, int way) {
  switch (way) {
    case 0: REQUIRE(madvise(base + PAGE, PAGE, MADV_RANDOM) == 0); break;
    case 1: REQUIRE(madvise(base, PAGE, MADV_SEQUENTIAL) == 0 && madvise(base + 6 * PAGE, 2 * PAGE, MADV_SEQUENTIAL) == 0); break;
    case 2: REQUIRE(mlock(base + 3 * PAGE, 4096) == 0); break;
    case 3: REQUIRE(mlock(base, 4096) == 0 && mlock(base + 8 * PAGE - 4096, 4096) == 0); break;
    default:
      for (uint64_t page = 0; page < 8; page += 2) REQUIRE(madvise(base + page * PAGE, PAGE, MADV_RANDOM) == 0);
  }
}
enum { WAYS = 5 };

TEST(a_body_of_several_mappings) {
  wasm_memory_allocator_t *allocator = moving_with(8 * PAGE, PAGE, PAGE, WASM_MEMORY_BOUNDS_GUARDED);
  for (int way = 0; way < WAYS; way++) {
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(8)));
    put_marks(wasm_memory_data(memory), 0, 8 * PAGE);
    split(wasm_memory_data(memory), way);
    check_move(memory, 3);
    split(wasm_memory_data(memory), (way + 1) % WAYS);
    check_move(memory, pages_past_the_reservation(memory));
    wasm_memory_delete(memory);
  }
  wasm_memory_allocator_delete(allocator);
}

/* ---- refused moves, and what many moves leave behind ---- */

static void check_refused_move(wasm_memory_t *memory, uint64_t delta) {
  const places before = places_of(memory);
  const wasm_memory_layout_t layout = layout_of(memory);
  const uint64_t address_space = process_bytes("VmSize");
  uint64_t previous = 99;
  const wasm_memory_error_t error =
      CHECK_FAILS(wasm_memory_grow(memory, delta, &previous), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ADDRESS_SPACE);
  CHECK_U64((uint64_t)error.os_error, ENOMEM);
  CHECK(error.requested >= delta * PAGE);
  CHECK_U64(previous, 99);
  CHECK_U64(wasm_memory_byte_length(memory), (uint64_t)before.length);
  CHECK_POINTER(wasm_memory_data(memory), before.base);
  CHECK_POINTER(wasm_memory_view(memory)->base, before.base);
  CHECK_U64(layout_of(memory).reservation, layout.reservation);
  CHECK_U64(lost_marks(before.base, (uint64_t)before.length), 0);
  CHECK(is_body(before.base) && is_body(before.base + before.length - 1));
  CHECK(is_guarded(before.base + before.length, places_address(before.base, before.end)));
  CHECK_U64(process_bytes("VmSize"), address_space);
  CHECK_PLACES(memory);
}

static void refused_in_child(void) {
  wasm_memory_allocator_t *allocator = moving(8 * PAGE);
  wasm_memory_t *memories[WAYS + 1];
  for (int way = 0; way <= WAYS; way++) {
    memories[way] = created_in(allocator, TYPE(.initial = PAGES(8)));
    put_marks(wasm_memory_data(memories[way]), 0, 8 * PAGE);
    if (way < WAYS) split(wasm_memory_data(memories[way]), way);
  }
  for (uint64_t room = 0; room <= 16 * MIB; room += 4 * MIB) {
    limit(RLIMIT_AS, process_bytes("VmSize") + room);
    for (int way = 0; way <= WAYS; way++) check_refused_move(memories[way], 1000);
  }
  for (int way = 0; way <= WAYS; way++) check_move(memories[way], 10); /* for which there is room */
  limit(RLIMIT_AS, UINT64_MAX);
  for (int way = 0; way <= WAYS; way++) {
    check_move(memories[way], pages_past_the_reservation(memories[way]) + 1000);
    wasm_memory_delete(memories[way]);
  }
  wasm_memory_allocator_delete(allocator);
}

TEST(a_refused_move_changes_nothing) {
  NEEDS_HOST_COUNTS();
  in_child(refused_in_child);
}

/* A limit that is met at any step of the move: all of the growth, or nothing of it. */
static void check_move_under(int resource, const char *counted, uint64_t room, wasm_memory_allocator_t *allocator, int way) {
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(8)));
  const places before = places_of(memory);
  put_marks(before.base, 0, 8 * PAGE);
  if (way < WAYS) split(before.base, way);
  limit(resource, process_bytes(counted) + room);
  const wasm_memory_status_t status = HARNESS_CALL(wasm_memory_grow(memory, 8, NULL));
  limit(resource, UINT64_MAX);
  CHECK_U64(lost_marks(wasm_memory_data(memory), 8 * PAGE), 0);
  CHECK_PLACES(memory);
  if (status == WASM_MEMORY_OK) {
    CHECK(all_zero(wasm_memory_data(memory) + 8 * PAGE, 8 * PAGE));
  } else {
    wasm_memory_error_t error;
    wasm_memory_last_error(&error);
    CHECK_U64(error.reason, resource == RLIMIT_AS ? WASM_MEMORY_REASON_ADDRESS_SPACE : WASM_MEMORY_REASON_COMMIT);
    CHECK_POINTER(wasm_memory_data(memory), before.base);
    CHECK_U64(wasm_memory_size(memory), 8);
    CHECK(is_guarded(before.base + before.length, places_address(before.base, before.end)));
    put_marks(before.base, 0, 8 * PAGE); /* every page can still be written */
    check_move(memory, 8);
  }
  wasm_memory_delete(memory);
}

static void moves_under_limits_in_child(void) {
  wasm_memory_allocator_t *allocator = moving(8 * PAGE);
  uint64_t mappings = 0, address_space = 0;
  for (uint64_t room = 0; room <= 64 * PAGE; room += PAGE) {
    for (int way = 0; way <= WAYS; way++) {
      check_move_under(RLIMIT_AS, "VmSize", room, allocator, way);
      check_move_under(RLIMIT_DATA, "VmData", room, allocator, way);
    }
    if (room == 0) { /* by then the library has what it keeps for itself */
      wasm_memory_allocator_trim(allocator);
      mappings = mapping_count();
      address_space = process_bytes("VmSize");
    }
  }
  wasm_memory_allocator_trim(allocator);
  CHECK_U64(mapping_count(), mappings);
  CHECK_U64(process_bytes("VmSize"), address_space);
  wasm_memory_allocator_delete(allocator);
}

TEST(a_move_is_whole_or_not_at_all) {
  NEEDS_HOST_COUNTS();
  in_child(moves_under_limits_in_child);
}

TEST(thousands_of_moves_leave_nothing) {
  NEEDS_HOST_COUNTS();
  const int rounds = getenv("WASM_MEMORY_TEST_SHORT") != NULL ? 100 : 1000;
  wasm_memory_allocator_t *allocator = moving(PAGE);
  uint64_t mappings = 0, address_space = 0, moves = 0;
  for (int round = 0; round < rounds + 2; round++) {
    if (round == 2) { /* by then the library has what it keeps for itself */
      wasm_memory_allocator_trim(allocator);
      mappings = mapping_count();
      address_space = process_bytes("VmSize");
    }
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES((uint64_t)round % 2)));
    if (round % 2 == 1) wasm_memory_data(memory)[PAGE - 1] = 0x66;
    while (wasm_memory_size(memory) < 200) {
      const uint8_t *base = wasm_memory_data(memory);
      const uint64_t size = wasm_memory_size(memory);
      CHECK_STATUS(wasm_memory_grow(memory, pages_past_the_reservation(memory), NULL), WASM_MEMORY_OK);
      moves += wasm_memory_data(memory) != base;
      CHECK(size == 0 || wasm_memory_data(memory)[size * PAGE - 1] == 0x66);
      wasm_memory_data(memory)[wasm_memory_byte_length(memory) - 1] = 0x66;
    }
    wasm_memory_delete(memory);
  }
  printf("%" PRIu64 " moves\n", moves);
  CHECK(moves > (uint64_t)rounds);
  wasm_memory_allocator_trim(allocator);
  CHECK_U64(mapping_count(), mappings);
  CHECK_U64(process_bytes("VmSize"), address_space);
  wasm_memory_allocator_delete(allocator);
}

HARNESS_MAIN(LISTED(by_one_page_past_the_reservation), LISTED(far_past_the_reservation), LISTED(within_the_reservation_it_stays),
             LISTED(up_to_the_maximum), LISTED(an_empty_memory), LISTED(pages_of_one_byte), LISTED(a_shared_memory_stays),
             LISTED(a_body_of_several_mappings), LISTED(a_refused_move_changes_nothing), LISTED(a_move_is_whole_or_not_at_all),
             LISTED(thousands_of_moves_leave_nothing))
