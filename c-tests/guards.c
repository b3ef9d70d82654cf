/* What lies around the bytes: nothing can be read or written from byte_length on, nor before the base (design.md 3). */
#define _POSIX_C_SOURCE 200809L
#include "fixtures.h"
#include "probe.h"

static uint64_t rounded_to_host_page(uint64_t bytes) {
  const uint64_t host_page = (uint64_t)sysconf(_SC_PAGESIZE);
  return (bytes + host_page - 1) / host_page * host_page;
}

/* The body to its last byte, and all that the layout says of the rest: by what the kernel lists, and by trying at the edges. */
static void check_surroundings(const wasm_memory_t *memory) {
  uint8_t *base = wasm_memory_data(memory);
  const uint64_t length = wasm_memory_byte_length(memory);
  const wasm_memory_layout_t layout = layout_of(memory);
  uint8_t *body_end = base + rounded_to_host_page(length);
  uint8_t *end = base + rounded_to_host_page(layout.reservation) + layout.guard_after;

  if (length > 0) CHECK(is_body(base) && is_body(base + length / 2) && is_body(base + length - 1));
  CHECK(is_guarded(body_end, end));
  CHECK(is_guarded(base - layout.guard_before, base));
  for (uint64_t step = 1; step <= (uint64_t)(end - body_end); step *= 2) {
    CHECK(is_out_of_reach(body_end + step - 1));
    CHECK(is_out_of_reach(end - step));
  }
  for (uint64_t step = 1; step <= layout.guard_before; step *= 2) {
    CHECK(is_out_of_reach(base - step));
    CHECK(is_out_of_reach(base - layout.guard_before + step - 1));
  }
}

static void check_as_it_grows(wasm_memory_t *memory, uint64_t delta, int times) {
  check_surroundings(memory);
  for (int i = 0; i < times; i++) {
    CHECK_STATUS(wasm_memory_grow(memory, delta, NULL), WASM_MEMORY_OK);
    check_surroundings(memory);
  }
  wasm_memory_delete(memory);
}

TEST(default_i32) { check_as_it_grows(created(TYPE(.initial = PAGES(1))), 3, 4); }
TEST(default_i32_with_maximum) { check_as_it_grows(created(TYPE(.initial = PAGES(1), .maximum = PAGES(5))), 1, 4); }
TEST(default_i64) { check_as_it_grows(created(TYPE(.initial = PAGES(1), .address = I64)), 3, 4); }
TEST(shared) { check_as_it_grows(created(TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true)), 1, 4); }

TEST(empty_memory) {
  check_as_it_grows(created(TYPE(.initial = PAGES(0))), 1, 2);
  check_as_it_grows(created(TYPE(.initial = PAGES(0), .maximum = PAGES(0))), 0, 2);
  check_as_it_grows(created(TYPE(.initial = PAGES(0), .maximum = PAGES(0), .shared = true)), 0, 2);
}

/* Around the edges of the host's page. */
TEST(single_byte_pages) {
  check_as_it_grows(created(TYPE(.initial = PAGES(0), .page_size = 1)), 1, 3);
  check_as_it_grows(created(TYPE(.initial = PAGES(4094), .page_size = 1)), 1, 4);
  check_as_it_grows(created(TYPE(.initial = PAGES(1), .maximum = PAGES(5000), .page_size = 1)), 4999, 1);
  check_as_it_grows(created(TYPE(.initial = PAGES(65535), .address = I64, .page_size = 1)), 1, 3);
}

static wasm_memory_allocator_t *reserving(uint64_t reservation, uint64_t before, uint64_t after) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, reservation);
  wasm_memory_config_set_guards(config, before, after);
  return allocator_of(config);
}

TEST(explicit_guards_on_both_sides) {
  const uint64_t guards[] = {4096, 65536, UINT64_C(32) << 20};
  for (size_t i = 0; i < 3; i++) {
    wasm_memory_allocator_t *allocator = reserving(4 * GIB, guards[i], guards[i]);
    check_as_it_grows(created_in(allocator, TYPE(.initial = PAGES(0))), 1, 2);
    check_as_it_grows(created_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(4))), 1, 2);
    wasm_memory_allocator_delete(allocator);
  }
}

/* A reservation that is used up ends at its guard and not one host page later. */
TEST(full_reservation) {
  wasm_memory_allocator_t *allocator = reserving(3 * PAGE, 65536, 65536);
  check_as_it_grows(created_in(allocator, TYPE(.initial = PAGES(1))), 1, 2);
  check_as_it_grows(created_in(allocator, TYPE(.initial = PAGES(0), .maximum = PAGES(0))), 0, 1);
  wasm_memory_allocator_delete(allocator);
}

TEST(failed_growth_opens_nothing) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(3)));
  CHECK(wasm_memory_grow(memory, 3, NULL) != WASM_MEMORY_OK);
  check_surroundings(memory);
  CHECK(wasm_memory_grow(memory, UINT64_MAX, NULL) != WASM_MEMORY_OK);
  check_surroundings(memory);
  wasm_memory_delete(memory);
}

/* What one memory opened must be shut when the place is taken by the next. */
TEST(reused_place_is_shut) {
  for (int round = 0; round < 50; round++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(0), .maximum = PAGES(64)));
    check_surroundings(memory);
    CHECK_STATUS(wasm_memory_grow(memory, 64, NULL), WASM_MEMORY_OK);
    memset(wasm_memory_data(memory), 0x5C, 64 * PAGE);
    wasm_memory_delete(memory);
  }
}

/* Memories side by side: a store past the end of one must not be a store into another. */
TEST(neighbours_have_guards_between) {
  enum { COUNT = 50 };
  wasm_memory_t *memories[COUNT];
  for (int i = 0; i < COUNT; i++) memories[i] = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1)));
  for (int i = 0; i < COUNT; i++) check_surroundings(memories[i]);
  for (int i = 0; i < COUNT; i += 2) wasm_memory_delete(memories[i]);
  for (int i = 1; i < COUNT; i += 2) {
    check_surroundings(memories[i]);
    wasm_memory_delete(memories[i]);
  }
}

HARNESS_MAIN(LISTED(default_i32), LISTED(default_i32_with_maximum), LISTED(default_i64), LISTED(shared), LISTED(empty_memory),
             LISTED(single_byte_pages), LISTED(explicit_guards_on_both_sides), LISTED(full_reservation), LISTED(failed_growth_opens_nothing),
             LISTED(reused_place_is_shut), LISTED(neighbours_have_guards_between))
