/* wasm_memory_find and user data, one thread: every zone and edge, through growth, moves and deletion (design.md 3). */
#define _GNU_SOURCE
#include <errno.h>

#include "fixtures.h"
#include "places.h"
#include "process.h"

static wasm_memory_allocator_t *guarded(uint64_t reservation, uint64_t before, uint64_t after) {
  wasm_memory_config_t *config = config_new();
  if (reservation != 0) wasm_memory_config_set_reservation(config, reservation);
  wasm_memory_config_set_guards(config, before, after);
  return allocator_of(config);
}

/* The only memory of the process: one byte outside of either end is nobody's. */
static void check_alone(int line, wasm_memory_allocator_t *allocator, wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = created_in(allocator, type);
  const places it = places_of(memory);
  check_places(__FILE__, line, memory);
  places_not_found(__FILE__, line, "one byte before", places_address(it.base, it.begin - 1));
  places_not_found(__FILE__, line, "one byte after", places_address(it.base, it.end));
  wasm_memory_delete(memory);
  check_no_places(__FILE__, line, &it);
}

TEST(every_edge) {
  NEEDS_STEADY_BASE();
  const uint64_t guards[][2] = {{0, 65536}, {0, 0}, {65536, 0}, {4096, 8192}, {3 * PAGE, 5 * PAGE}, {2 * GIB, 32 << 20}};
  const wasm_memory_descriptor_t types[] = {
      TYPE(.initial = PAGES(1)), TYPE(.initial = PAGES(0)), TYPE(.initial = PAGES(0), .maximum = PAGES(0)),
      TYPE(.initial = PAGES(3), .maximum = PAGES(3)), TYPE(.initial = PAGES(65536)), TYPE(.initial = PAGES(1), .address = I64),
      TYPE(.initial = PAGES(2), .maximum = PAGES(9), .shared = true), TYPE(.initial = PAGES(0), .page_size = 1),
      TYPE(.initial = PAGES(5), .maximum = PAGES(10), .page_size = 1), TYPE(.initial = PAGES(4097), .page_size = 1),
      TYPE(.initial = PAGES(4096), .maximum = PAGES(4096), .page_size = 1)};
  for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
    check_alone(__LINE__, NULL, types[t]);
    for (size_t g = 0; g < sizeof guards / sizeof guards[0]; g++) {
      wasm_memory_allocator_t *allocator = guarded(0, guards[g][0], guards[g][1]);
      check_alone(__LINE__, allocator, types[t]);
      wasm_memory_allocator_delete(allocator);
    }
  }
}

/* Said in numbers, since the other tests take them from the layout. */
TEST(the_zones_of_one_memory) {
  wasm_memory_allocator_t *allocator = guarded(10 * PAGE, 2 * PAGE, 3 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(4)));
  uint8_t *base = wasm_memory_data(memory);
  CHECK_NOT_FOUND(base - 2 * PAGE - 1);
  CHECK_FOUND(base - 2 * PAGE, memory, -2 * (int64_t)PAGE, WASM_MEMORY_ZONE_GUARD_BEFORE);
  CHECK_FOUND(base - 1, memory, -1, WASM_MEMORY_ZONE_GUARD_BEFORE);
  CHECK_FOUND(base, memory, 0, WASM_MEMORY_ZONE_BODY);
  CHECK_FOUND(base + 4 * PAGE - 1, memory, 4 * PAGE - 1, WASM_MEMORY_ZONE_BODY);
  CHECK_FOUND(base + 4 * PAGE, memory, 4 * PAGE, WASM_MEMORY_ZONE_RESERVED);
  CHECK_FOUND(base + 10 * PAGE - 1, memory, 10 * PAGE - 1, WASM_MEMORY_ZONE_RESERVED);
  CHECK_FOUND(base + 10 * PAGE, memory, 10 * PAGE, WASM_MEMORY_ZONE_GUARD_AFTER);
  CHECK_FOUND(base + 13 * PAGE - 1, memory, 13 * PAGE - 1, WASM_MEMORY_ZONE_GUARD_AFTER);
  CHECK_NOT_FOUND(base + 13 * PAGE);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* The rest of the last host page can be touched, and is not body all the same. */
TEST(single_byte_pages) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(5), .maximum = PAGES(10), .page_size = 1));
  for (int64_t length = 5; length <= 10; length++) {
    uint8_t *base = wasm_memory_data(memory);
    CHECK_FOUND(base + length - 1, memory, length - 1, WASM_MEMORY_ZONE_BODY);
    CHECK_FOUND(base + length, memory, length,
                (uint64_t)length < layout_of(memory).reservation ? WASM_MEMORY_ZONE_RESERVED : WASM_MEMORY_ZONE_GUARD_AFTER);
    CHECK_PLACES(memory);
    if (length < 10) CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  }
  wasm_memory_delete(memory);
}

static void check_unrelated(void) {
  static int in_static;
  int on_stack = 0;
  void *small = malloc(16), *large = malloc(1 << 20);
  REQUIRE(small != NULL && large != NULL);
  const uintptr_t numbers[] = {0, 1, 4095, 4096, UINTPTR_MAX / 2, UINTPTR_MAX / 2 + 1, UINTPTR_MAX - 65535, UINTPTR_MAX - 1, UINTPTR_MAX};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) CHECK_NOT_FOUND((void *)numbers[i]);
  CHECK_NOT_FOUND(&in_static);
  CHECK_NOT_FOUND(&on_stack);
  CHECK_NOT_FOUND(small);
  CHECK_NOT_FOUND(large);
  CHECK_NOT_FOUND((void *)(uintptr_t)&check_unrelated);
  free(large);
  free(small);
}

TEST(unrelated_addresses) {
  wasm_memory_t *memories[7];
  check_unrelated();
  for (int i = 0; i < 7; i++) memories[i] = created(TYPE(.initial = PAGES((uint64_t)i)));
  check_unrelated();
  for (int i = 0; i < 7; i++) {
    CHECK_NOT_FOUND(memories[i]); /* the handle itself, and what compiled code loads through, are not in the memory */
    CHECK_NOT_FOUND(wasm_memory_view(memories[i]));
  }
  for (int i = 0; i < 7; i++) wasm_memory_delete(memories[i]);
  check_unrelated();
}

TEST(growth_makes_reserved_bytes_body) {
  NEEDS_STEADY_BASE();
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(1), .maximum = PAGES(9)),
                                            TYPE(.initial = PAGES(0), .maximum = PAGES(9), .shared = true)};
  for (size_t i = 0; i < 2; i++) {
    wasm_memory_t *memory = created(types[i]);
    for (int64_t length = (int64_t)wasm_memory_byte_length(memory); length < 9 * (int64_t)PAGE; length += 2 * PAGE) {
      CHECK_FOUND(wasm_memory_data(memory) + length, memory, length, WASM_MEMORY_ZONE_RESERVED);
      if (wasm_memory_grow(memory, 2, NULL) != WASM_MEMORY_OK) break;
      CHECK_FOUND(wasm_memory_data(memory) + length, memory, length, WASM_MEMORY_ZONE_BODY);
      CHECK_PLACES(memory);
    }
    const places before = places_of(memory);
    CHECK_FAILS(wasm_memory_grow(memory, 10, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED);
    CHECK_U64((uint64_t)places_of(memory).length, (uint64_t)before.length);
    CHECK_PLACES(memory);
    wasm_memory_delete(memory);
  }
}

TEST(a_move_takes_the_places_along) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, 2 * PAGE);
  wasm_memory_config_set_guards(config, PAGE, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2)));
  int instance;
  wasm_memory_set_user_data(memory, &instance);
  int moves = 0;
  while (layout_of(memory).reservation < GIB) {
    const places before = places_of(memory);
    CHECK_STATUS(wasm_memory_grow(memory, (uint64_t)(before.reservation - before.length) / PAGE + 1, NULL), WASM_MEMORY_OK);
    const places now = places_of(memory);
    CHECK_PLACES(memory);
    CHECK_POINTER(wasm_memory_user_data(memory), &instance);
    moves += now.base != before.base;
    const int64_t offsets[] = {before.begin, -1, 0, before.length / 2, before.length - 1, before.end - 1};
    for (size_t j = 0; j < sizeof offsets / sizeof offsets[0]; j++) {
      void *address = places_address(before.base, offsets[j]);
      if (!places_contains(&now, address)) CHECK_NOT_FOUND(address);
    }
  }
  CHECK(moves > 0); /* else nothing above was tried */
  const places last = places_of(memory);
  wasm_memory_delete(memory);
  CHECK_NO_PLACES(&last);
  wasm_memory_allocator_delete(allocator);
}

TEST(the_last_reference_takes_the_places) {
  NEEDS_STEADY_BASE();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .maximum = PAGES(3)));
  const places it = places_of(memory);
  CHECK_POINTER(wasm_memory_retain(memory), memory);
  wasm_memory_delete(memory);
  CHECK_PLACES(memory);
  wasm_memory_delete(memory);
  CHECK_NO_PLACES(&it);
  wasm_memory_delete(memory); /* a surplus one does nothing */
  CHECK_NO_PLACES(&it);
}

/* A buffer keeps its bytes when the memory is gone, or has moved away from them: they are found, as nobody's. */
static void check_kept_by_a_buffer(uint8_t *bytes, uint64_t length, wasm_memory_buffer_t *buffer) {
  CHECK_FOUND(bytes, NULL, 0, WASM_MEMORY_ZONE_BODY);
  CHECK_FOUND(bytes + length - 1, NULL, (int64_t)length - 1, WASM_MEMORY_ZONE_BODY);
  wasm_memory_buffer_delete(buffer);
  CHECK_NOT_FOUND(bytes);
  CHECK_NOT_FOUND(bytes + length - 1);
}

TEST(bytes_that_only_a_buffer_keeps) {
  NEEDS_STEADY_BASE();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .maximum = PAGES(5)));
  wasm_memory_buffer_t *buffer = NULL;
  const places it = places_of(memory);
  CHECK_STATUS(wasm_memory_buffer(memory, &buffer), WASM_MEMORY_OK);
  CHECK_PLACES(memory);
  wasm_memory_delete(memory);
  check_kept_by_a_buffer(it.base, 2 * PAGE, buffer);
  CHECK_NO_PLACES(&it);

  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, 2 * PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  memory = created_in(allocator, TYPE(.initial = PAGES(2)));
  const places old = places_of(memory);
  CHECK_STATUS(wasm_memory_buffer(memory, &buffer), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  CHECK_PLACES(memory);
  if (wasm_memory_data(memory) != old.base) check_kept_by_a_buffer(old.base, 2 * PAGE, buffer);
  CHECK_PLACES(memory);
  wasm_memory_delete(memory);
  CHECK_NO_PLACES(&old);
  wasm_memory_allocator_delete(allocator);
}

TEST(two_thousand_memories) {
  NEEDS_STEADY_BASE();
  enum { COUNT = 2000 };
  static wasm_memory_t *memories[COUNT];
  static places all[COUNT];
  wasm_memory_allocator_t *allocators[] = {NULL, guarded(0, PAGE, PAGE), guarded(0, 0, 0)};
  for (uint64_t i = 0; i < COUNT; i++) {
    const uint64_t initial = i * 7 % 31;
    memories[i] = created_in(allocators[i % 3], TYPE(.initial = PAGES(initial), .maximum = PAGES(initial + i % 5)));
    wasm_memory_set_user_data(memories[i], &all[i]);
  }
  for (size_t i = 0; i < COUNT; i++) {
    all[i] = places_of(memories[i]);
    CHECK_PLACES(memories[i]);
    CHECK_POINTER(wasm_memory_user_data(memories[i]), &all[i]);
  }
  for (size_t i = 0; i < COUNT; i += 2) wasm_memory_delete(memories[i]);
  for (size_t i = 0; i < COUNT; i++) {
    if (i % 2 == 0) CHECK_NO_PLACES(&all[i]);
    else CHECK_PLACES(memories[i]);
  }
  for (size_t i = 1; i < COUNT; i += 2) wasm_memory_delete(memories[i]);
  for (size_t i = 0; i < COUNT; i++) CHECK_NO_PLACES(&all[i]);
  for (size_t i = 0; i < 3; i++) wasm_memory_allocator_delete(allocators[i]);
}

static void in_the_child(void) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  CHECK_PLACES(memory);
  wasm_memory_delete(memory);
}

static wasm_memory_t *inherited;

static void inherited_in_child(void) {
  const places it = places_of(inherited);
  CHECK_PLACES(inherited);
  in_the_child();
  wasm_memory_delete(inherited);
  CHECK_NO_PLACES(&it);
  in_the_child();
}

TEST(a_child_finds_what_it_inherits) {
  NEEDS_STEADY_BASE();
  inherited = created(TYPE(.initial = PAGES(1), .maximum = PAGES(2), .shared = true));
  in_child(inherited_in_child);
  CHECK_PLACES(inherited);
  wasm_memory_delete(inherited);
}

TEST(errno_and_last_error_stay) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(4)));
  CHECK_FAILS(wasm_memory_grow(memory, 9, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED);
  wasm_memory_error_t before, after;
  wasm_memory_last_error(&before);
  for (int number = 0; number < 200; number += 199) {
    errno = number;
    bool all = wasm_memory_find(wasm_memory_data(memory), NULL) && !wasm_memory_find(&before, NULL) && !wasm_memory_find(NULL, NULL);
    wasm_memory_set_user_data(memory, &before);
    all = all && wasm_memory_user_data(memory) == &before && wasm_memory_user_data(NULL) == NULL;
    CHECK_U64((uint64_t)errno, (uint64_t)number);
    CHECK(all);
  }
  wasm_memory_last_error(&after);
  CHECK_STATUS(after.status, before.status);
  CHECK_U64(after.reason, before.reason);
  CHECK_U64((uint64_t)after.os_error, (uint64_t)before.os_error);
  CHECK_U64(after.requested, before.requested);
  CHECK_U64(after.available, before.available);
  wasm_memory_delete(memory);
}

TEST(user_data) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1))), *other = created(TYPE(.initial = PAGES(1)));
  wasm_memory_config_t *config = config_new();
  wasm_memory_allocator_t *allocator = NULL;
  CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_OK);
  int first, second;
  CHECK_POINTER(wasm_memory_user_data(memory), NULL);
  wasm_memory_set_user_data(memory, &first);
  wasm_memory_set_user_data(other, &second);
  CHECK_POINTER(wasm_memory_user_data(memory), &first);
  CHECK_POINTER(wasm_memory_user_data(other), &second);
  wasm_memory_set_user_data(memory, POISON_POINTER); /* never looked at */
  CHECK_POINTER(wasm_memory_user_data(memory), POISON_POINTER);
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  CHECK_POINTER(wasm_memory_user_data(memory), POISON_POINTER);
  CHECK_POINTER(wasm_memory_retain(memory), memory);
  wasm_memory_delete(memory);
  CHECK_POINTER(wasm_memory_user_data(memory), POISON_POINTER);
  wasm_memory_set_user_data(memory, NULL);
  CHECK_POINTER(wasm_memory_user_data(memory), NULL);
  CHECK_POINTER(wasm_memory_user_data(other), &second);

  wasm_memory_t *bad[] = {NULL, memory, (wasm_memory_t *)(void *)config, (wasm_memory_t *)(void *)allocator};
  wasm_memory_set_user_data(memory, &first);
  wasm_memory_delete(memory);
  for (size_t i = 0; i < 4; i++) {
    wasm_memory_set_user_data(bad[i], &second);
    CHECK_POINTER(wasm_memory_user_data(bad[i]), NULL);
  }
  wasm_memory_t *later[100]; /* a handle in the place of a dead one starts anew */
  for (int i = 0; i < 100; i++) {
    later[i] = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1)));
    CHECK_POINTER(wasm_memory_user_data(later[i]), NULL);
  }
  for (int i = 0; i < 100; i++) wasm_memory_delete(later[i]);
  wasm_memory_delete(other);
  wasm_memory_allocator_delete(allocator);
  wasm_memory_config_delete(config);
}

HARNESS_MAIN(LISTED(every_edge), LISTED(the_zones_of_one_memory), LISTED(single_byte_pages), LISTED(unrelated_addresses),
             LISTED(growth_makes_reserved_bytes_body), LISTED(a_move_takes_the_places_along), LISTED(the_last_reference_takes_the_places),
             LISTED(bytes_that_only_a_buffer_keeps), LISTED(two_thousand_memories),
             LISTED(a_child_finds_what_it_inherits), LISTED(errno_and_last_error_stay), LISTED(user_data))
