/* Creation: what a fresh memory is, and each reason to refuse one (semantics.md A.2, A.3). */
#define _POSIX_C_SOURCE 200809L
#include "fixtures.h"

#include <unistd.h>

TEST(fresh_memory_is_zero) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3)));
  CHECK_U64(wasm_memory_size(memory), 3);
  CHECK_U64(wasm_memory_byte_length(memory), 3 * PAGE);
  CHECK(all_zero(wasm_memory_data(memory), 3 * PAGE));
  memset(wasm_memory_data(memory), 0xEE, 3 * PAGE);
  wasm_memory_delete(memory);
}

/* What one tenant wrote must never reach the next, however the address space is reused. */
TEST(reused_memory_is_zero) {
  for (int round = 0; round < 100; round++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .maximum = PAGES(4)));
    CHECK(all_zero(wasm_memory_data(memory), 2 * PAGE));
    CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
    CHECK(all_zero(wasm_memory_data(memory), 4 * PAGE));
    memset(wasm_memory_data(memory), 0xEE, 4 * PAGE);
    wasm_memory_delete(memory);
  }
}

TEST(base_is_aligned_to_the_host_page) {
  uintptr_t host_page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (uint64_t pages = 0; pages < 4; pages++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(pages)));
    CHECK(wasm_memory_data(memory) != NULL);
    CHECK_U64((uintptr_t)wasm_memory_data(memory) % host_page, 0);
    wasm_memory_delete(memory);
  }
}

TEST(empty_memory_has_a_base) {
  wasm_memory_t *growable = created(TYPE(.initial = PAGES(0)));
  wasm_memory_t *fixed = created(TYPE(.initial = PAGES(0), .maximum = PAGES(0)));
  wasm_memory_t *shared = created(TYPE(.initial = PAGES(0), .maximum = PAGES(0), .shared = true));
  wasm_memory_t *memories[] = {growable, fixed, shared};
  for (size_t i = 0; i < 3; i++) {
    CHECK(wasm_memory_data(memories[i]) != NULL);
    CHECK_U64(wasm_memory_size(memories[i]), 0);
    CHECK_U64(wasm_memory_byte_length(memories[i]), 0);
    wasm_memory_delete(memories[i]);
  }
}

TEST(view_shows_base_and_length) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2)));
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  REQUIRE(view != NULL);
  CHECK_POINTER(view->base, wasm_memory_data(memory));
  CHECK_U64(view->byte_length, 2 * PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_POINTER(wasm_memory_view(memory), view);
  CHECK_POINTER(view->base, wasm_memory_data(memory));
  CHECK_U64(view->byte_length, 3 * PAGE);
  wasm_memory_delete(memory);
}

TEST(memories_are_apart) {
  wasm_memory_t *first = created(TYPE(.initial = PAGES(1)));
  wasm_memory_t *second = created(TYPE(.initial = PAGES(1)));
  CHECK(first != second);
  memset(wasm_memory_data(first), 0x11, PAGE);
  CHECK(all_zero(wasm_memory_data(second), PAGE));
  wasm_memory_delete(first);
  wasm_memory_delete(second);
}

/* Absent is another thing than 0: a count that is not marked present does not exist, whatever it says. */
TEST(presence_and_not_value_decides) {
  CHECK_FAILS(refused(TYPE(.initial = {5, false})), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INITIAL_MISSING);
  CHECK_FAILS(refused(TYPE(.initial = PAGES(1), .maximum = {5, false}, .shared = true)), WASM_MEMORY_TYPE_ERROR,
              WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM);
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .maximum = {1, false}));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
}

TEST(null_descriptor) {
  wasm_memory_t *memory = (wasm_memory_t *)POISON_POINTER;
  CHECK_FAILS(wasm_memory_new(NULL, &memory), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_NULL_ARGUMENT);
  CHECK_POINTER(memory, NULL);
}

TEST(null_out) {
  wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1));
  CHECK_FAILS(wasm_memory_new(&type, NULL), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_NULL_ARGUMENT);
}

TEST(reserved_field) {
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(1), .reserved = {7, 0})), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_RESERVED_FIELD, 7, 0);
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(1), .reserved = {0, UINT64_MAX})), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_RESERVED_FIELD,
                UINT64_MAX, 0);
}

TEST(address_type) {
  const uint32_t unknown[] = {2, 3, 0x100, 0x80000000, UINT32_MAX};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    wasm_memory_error_t error =
        CHECK_FAILS(refused(TYPE(.initial = PAGES(1), .address = unknown[i])), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_ADDRESS_TYPE);
    CHECK_U64(error.requested, unknown[i]);
  }
}

TEST(initial_missing) {
  CHECK_FAILS(refused((wasm_memory_descriptor_t){0}), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INITIAL_MISSING);
  CHECK_FAILS(refused(TYPE(.maximum = PAGES(1))), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INITIAL_MISSING);
}

TEST(shared_without_maximum) {
  CHECK_FAILS(refused(TYPE(.initial = PAGES(1), .shared = true)), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM);
  CHECK_FAILS(refused(TYPE(.initial = PAGES(1), .shared = true, .address = I64)), WASM_MEMORY_TYPE_ERROR,
              WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM);
}

TEST(page_size) {
  const uint32_t sizes[] = {2, 3, 4, 4096, 32768, 65535, 65537, 131072, 0x80000000, UINT32_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    wasm_memory_error_t error =
        CHECK_FAILS(refused(TYPE(.initial = PAGES(1), .page_size = sizes[i])), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_PAGE_SIZE);
    CHECK_U64(error.requested, sizes[i]);
  }
}

TEST(maximum_below_initial) {
  const struct { uint64_t initial, maximum; } pairs[] = {{1, 0}, {2, 1}, {65536, 65535}, {65536, 0}};
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    wasm_memory_error_t error = CHECK_FAILS(refused(TYPE(.initial = PAGES(pairs[i].initial), .maximum = PAGES(pairs[i].maximum))),
                                            WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL);
    /* Which of the two was asked for and which is the limit is not written down. */
    CHECK((error.requested == pairs[i].initial && error.available == pairs[i].maximum) ||
          (error.requested == pairs[i].maximum && error.available == pairs[i].initial));
  }
}

TEST(host_error_is_absent_from_a_rule) {
  wasm_memory_error_t error = CHECK_FAILS(refused(TYPE(.initial = PAGES(65537))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT);
  CHECK_U64((uint64_t)error.os_error, 0);
  CHECK(error.reserved[0] == 0 && error.reserved[1] == 0);
}

HARNESS_MAIN(LISTED(fresh_memory_is_zero), LISTED(reused_memory_is_zero), LISTED(base_is_aligned_to_the_host_page),
             LISTED(empty_memory_has_a_base), LISTED(view_shows_base_and_length), LISTED(memories_are_apart),
             LISTED(presence_and_not_value_decides), LISTED(null_descriptor), LISTED(null_out), LISTED(reserved_field), LISTED(address_type),
             LISTED(initial_missing), LISTED(shared_without_maximum), LISTED(page_size), LISTED(maximum_below_initial),
             LISTED(host_error_is_absent_from_a_rule))
