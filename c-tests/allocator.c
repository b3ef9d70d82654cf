/* Configs and allocators: who keeps whom alive, size limit, reservations that end before the maximum (design.md 6). */
#include "fixtures.h"

static wasm_memory_allocator_t *reserving(uint64_t reservation, bool movable) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, reservation);
  wasm_memory_config_set_movable(config, movable);
  return allocator_of(config);
}

static wasm_memory_allocator_t *limited(uint64_t size_limit) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_size_limit(config, size_limit);
  return allocator_of(config);
}

TEST(defaults_without_config) {
  NEEDS_STEADY_BASE();
  wasm_memory_allocator_t *without = NULL;
  CHECK_STATUS(wasm_memory_allocator_new(NULL, &without), WASM_MEMORY_OK);
  wasm_memory_allocator_t *allocators[] = {without, allocator_of(config_new()), NULL};
  for (size_t i = 0; i < 3; i++) {
    wasm_memory_t *memory = created_in(allocators[i], TYPE(.initial = PAGES(1)));
    wasm_memory_layout_t layout = layout_of(memory);
    CHECK_U64(layout.reservation, 4 * GIB);
    CHECK_U64(layout.guard_before, 0);
    CHECK_U64(layout.guard_after, 65536);
    CHECK(!layout.movable);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocators[i]);
  }
}

TEST(memory_keeps_its_allocator) {
  wasm_memory_allocator_t *allocator = limited(3 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  wasm_memory_allocator_delete(allocator);
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
  CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, 4 * PAGE, 3 * PAGE);
  wasm_memory_data(memory)[3 * PAGE - 1] = 1;
  wasm_memory_delete(memory);
}

TEST(retained_allocator_lives_on) {
  wasm_memory_allocator_t *allocator = limited(3 * PAGE);
  CHECK_POINTER(wasm_memory_allocator_retain(allocator), allocator);
  wasm_memory_allocator_delete(allocator);
  CHECK_FIGURES(refused_in(allocator, TYPE(.initial = PAGES(4))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, 4 * PAGE, 3 * PAGE);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(3))));
  wasm_memory_allocator_delete(allocator);
}

/* An allocator has the settings of the moment that it was made at. */
TEST(config_is_read_once) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_allocator_t *small = NULL, *large = NULL;
  wasm_memory_config_set_size_limit(config, 2 * PAGE);
  CHECK_STATUS(wasm_memory_allocator_new(config, &small), WASM_MEMORY_OK);
  wasm_memory_config_set_size_limit(config, 5 * PAGE);
  CHECK_STATUS(wasm_memory_allocator_new(config, &large), WASM_MEMORY_OK);
  wasm_memory_config_delete(config);
  CHECK(small != large);
  CHECK_FIGURES(refused_in(small, TYPE(.initial = PAGES(3))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, 3 * PAGE, 2 * PAGE);
  wasm_memory_delete(created_in(large, TYPE(.initial = PAGES(5))));
  CHECK_FIGURES(refused_in(large, TYPE(.initial = PAGES(6))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, 6 * PAGE, 5 * PAGE);
  wasm_memory_allocator_delete(large);
  wasm_memory_allocator_delete(small);
}

TEST(size_limit_is_of_each_memory) {
  wasm_memory_allocator_t *allocator = limited(2 * PAGE);
  wasm_memory_t *first = created_in(allocator, TYPE(.initial = PAGES(2)));
  wasm_memory_t *second = created_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(100)));
  CHECK_FIGURES(wasm_memory_grow(second, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, 3 * PAGE, 2 * PAGE);
  wasm_memory_t *of_the_default = created(TYPE(.initial = PAGES(3)));
  wasm_memory_delete(of_the_default);
  wasm_memory_delete(second);
  wasm_memory_delete(first);
  wasm_memory_allocator_delete(allocator);
}

/* The limit of the JavaScript interface is a default and no law: an engine may set more. */
TEST(size_limit_above_the_default) {
  NEEDS_STEADY_BASE();
  wasm_memory_allocator_t *allocator = limited(64 * GIB);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(64 * GIB / PAGE + 1), .address = I64));
  CHECK_U64(layout_of(memory).reservation, 64 * GIB);
  CHECK_FIGURES(wasm_memory_grow(memory, 64 * GIB / PAGE, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, 64 * GIB + PAGE, 64 * GIB);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* Without a maximum an i64 memory would reserve the whole limit: what no host has is retried smaller, as the default is. */
TEST(size_limit_that_no_host_has) {
  const uint64_t limits[] = {UINT64_C(1) << 48, UINT64_C(1) << 62, (UINT64_C(1) << 63) - 1, UINT64_C(1) << 63, UINT64_MAX - 65536, UINT64_MAX};
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    wasm_memory_allocator_t *allocator = limited(limits[i]);
    wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1), .address = I64);
    wasm_memory_t *memory = NULL;
    CHECK_STATUS(wasm_memory_new_in(allocator, &type, NULL, &memory), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_grow(memory, 100, NULL), WASM_MEMORY_OK);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocator);
  }
}

TEST(unmovable_stops_at_the_reservation) {
  wasm_memory_allocator_t *allocator = reserving(2 * PAGE, false);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(10)));
  uint8_t *base = wasm_memory_data(memory);
  uint64_t previous = 99;
  CHECK(!layout_of(memory).movable);
  memset(base, 0x42, PAGE);
  CHECK_FIGURES(wasm_memory_grow(memory, 2, &previous), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED, 3 * PAGE, 2 * PAGE);
  CHECK_U64(previous, 99);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_FIGURES(wasm_memory_grow(memory, 8, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED, 10 * PAGE, 2 * PAGE);
  CHECK_POINTER(wasm_memory_data(memory), base);
  CHECK(base[0] == 0x42 && base[PAGE - 1] == 0x42 && all_zero(base + PAGE, PAGE));
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(movable_grows_past_the_reservation) {
  wasm_memory_allocator_t *allocator = reserving(2 * PAGE, true);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(200)));
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  CHECK(layout_of(memory).movable);
  for (uint64_t size = 1; size < 200; size++) {
    uint64_t previous = 0;
    memset(wasm_memory_data(memory) + (size - 1) * PAGE, (int)size, PAGE);
    CHECK_STATUS(wasm_memory_grow(memory, 1, &previous), WASM_MEMORY_OK);
    CHECK_U64(previous, size);
    CHECK_POINTER(wasm_memory_view(memory), view);
    CHECK_POINTER(view->base, wasm_memory_data(memory));
    CHECK_U64(view->byte_length, (size + 1) * PAGE);
    CHECK(layout_of(memory).reservation >= (size + 1) * PAGE);
    CHECK(all_zero(wasm_memory_data(memory) + size * PAGE, PAGE));
  }
  for (uint64_t page = 0; page < 199; page++) {
    const uint8_t *bytes = wasm_memory_data(memory) + page * PAGE;
    CHECK(bytes[0] == page + 1 && bytes[PAGE - 1] == page + 1);
  }
  CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 201, 200);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* Within the reservation even a movable memory stays where it is: that is what a reservation is. */
TEST(movable_stays_within_the_reservation) {
  wasm_memory_allocator_t *allocator = reserving(5 * PAGE, true);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  uint8_t *base = wasm_memory_data(memory);
  CHECK_STATUS(wasm_memory_grow(memory, 4, NULL), WASM_MEMORY_OK);
  CHECK_POINTER(wasm_memory_data(memory), base);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* Growth of a shared memory never changes its base, whatever the config would allow. */
TEST(shared_never_moves) {
  wasm_memory_allocator_t *allocator = reserving(2 * PAGE, true);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(10), .shared = true));
  uint8_t *base = wasm_memory_data(memory);
  CHECK(!layout_of(memory).movable);
  CHECK_U64(layout_of(memory).reservation, 2 * PAGE);
  CHECK_FIGURES(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED, 3 * PAGE, 2 * PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_POINTER(wasm_memory_data(memory), base);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(setters_replace) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, 9 * PAGE);
  wasm_memory_config_set_reservation(config, 4 * PAGE);
  wasm_memory_config_set_guards(config, 3 * PAGE, 3 * PAGE);
  wasm_memory_config_set_guards(config, 0, 2 * PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_config_set_movable(config, false);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  wasm_memory_layout_t layout = layout_of(memory);
  CHECK_U64(layout.reservation, 4 * PAGE);
  CHECK_U64(layout.guard_before, 0);
  CHECK_U64(layout.guard_after, 2 * PAGE);
  CHECK(!layout.movable);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* A mistake in the descriptor is told in the same way by every allocator. */
TEST(creation_rules_hold_in_every_allocator) {
  wasm_memory_allocator_t *allocator = reserving(2 * PAGE, true);
  CHECK_FAILS(refused_in(allocator, (wasm_memory_descriptor_t){0}), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INITIAL_MISSING);
  CHECK_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1), .page_size = 3)), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_PAGE_SIZE);
  CHECK_FIGURES(refused_in(allocator, TYPE(.initial = PAGES(65537))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, 65537, 65536);
  CHECK_FAILS(refused_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(1))), WASM_MEMORY_RANGE_ERROR,
              WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL);
  wasm_memory_allocator_delete(allocator);
}

HARNESS_MAIN(LISTED(defaults_without_config), LISTED(memory_keeps_its_allocator), LISTED(retained_allocator_lives_on),
             LISTED(config_is_read_once), LISTED(size_limit_is_of_each_memory), LISTED(size_limit_above_the_default),
             LISTED(size_limit_that_no_host_has), LISTED(unmovable_stops_at_the_reservation), LISTED(movable_grows_past_the_reservation),
             LISTED(movable_stays_within_the_reservation), LISTED(shared_never_moves), LISTED(setters_replace),
             LISTED(creation_rules_hold_in_every_allocator))
