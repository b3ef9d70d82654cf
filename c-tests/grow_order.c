/* Growth, order of checks and figures: 13, 20, 15, 21, 25; of two violations the earlier one (design.md 2). */
#include "fixtures.h"

#define GROWTH_TYPE_ERROR(memory, delta, cause, requested, available) \
  CHECK_FIGURES(wasm_memory_grow(memory, delta, NULL), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_##cause, requested, available)
#define GROWTH_RANGE_ERROR(memory, delta, cause, requested, available) \
  CHECK_FIGURES(wasm_memory_grow(memory, delta, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_##cause, requested, available)

static wasm_memory_allocator_t *limited(uint64_t size_limit, uint64_t reservation) {
  wasm_memory_config_t *config = config_new();
  if (size_limit) wasm_memory_config_set_size_limit(config, size_limit);
  if (reservation) wasm_memory_config_set_reservation(config, reservation);
  return allocator_of(config);
}

TEST(delta_outside_the_type) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  wasm_memory_t *bounded = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1)));
  wasm_memory_t *bytes = created(TYPE(.initial = PAGES(1), .page_size = 1));
  const uint64_t outside[] = {UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_C(1) << 63, UINT64_MAX};
  for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
    GROWTH_TYPE_ERROR(memory, outside[i], COUNT_OUTSIDE_TYPE, outside[i], UINT32_MAX);
    GROWTH_TYPE_ERROR(bounded, outside[i], COUNT_OUTSIDE_TYPE, outside[i], UINT32_MAX);
    GROWTH_TYPE_ERROR(bytes, outside[i], COUNT_OUTSIDE_TYPE, outside[i], UINT32_MAX);
  }
  wasm_memory_delete(bytes);
  wasm_memory_delete(bounded);
  wasm_memory_delete(memory);
}

TEST(declared_maximum_before_address_type) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3), .maximum = PAGES(65536)));
  GROWTH_RANGE_ERROR(memory, 65534, MAXIMUM_EXCEEDED, 65537, 65536);
  GROWTH_RANGE_ERROR(memory, UINT32_MAX, MAXIMUM_EXCEEDED, UINT32_MAX + UINT64_C(3), 65536);
  wasm_memory_delete(memory);
}

TEST(address_type_without_maximum) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3)));
  wasm_memory_t *bytes = created(TYPE(.initial = PAGES(3), .page_size = 1));
  GROWTH_RANGE_ERROR(memory, 65534, ABOVE_LIMIT, 65537, 65536);
  GROWTH_RANGE_ERROR(memory, UINT32_MAX, ABOVE_LIMIT, UINT32_MAX + UINT64_C(3), 65536);
  GROWTH_RANGE_ERROR(bytes, UINT32_MAX - UINT64_C(2), ABOVE_LIMIT, UINT64_C(1) << 32, UINT32_MAX);
  GROWTH_RANGE_ERROR(bytes, UINT32_MAX, ABOVE_LIMIT, UINT32_MAX + UINT64_C(3), UINT32_MAX);
  wasm_memory_delete(bytes);
  wasm_memory_delete(memory);
}

TEST(address_type_before_size_limit) {
  wasm_memory_allocator_t *allocator = limited(2 * PAGE, 0);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  GROWTH_RANGE_ERROR(memory, 65536, ABOVE_LIMIT, 65537, 65536);
  GROWTH_RANGE_ERROR(memory, 65535, SIZE_LIMIT, 65536 * PAGE, 2 * PAGE);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(maximum_before_size_limit) {
  wasm_memory_allocator_t *allocator = limited(4 * PAGE, 0);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(10)));
  GROWTH_RANGE_ERROR(memory, 10, MAXIMUM_EXCEEDED, 11, 10);
  GROWTH_RANGE_ERROR(memory, 4, SIZE_LIMIT, 5 * PAGE, 4 * PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(size_limit_before_reservation) {
  wasm_memory_allocator_t *allocator = limited(4 * PAGE, 2 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(10)));
  GROWTH_RANGE_ERROR(memory, 10, MAXIMUM_EXCEEDED, 11, 10);
  GROWTH_RANGE_ERROR(memory, 4, SIZE_LIMIT, 5 * PAGE, 4 * PAGE);
  GROWTH_RANGE_ERROR(memory, 3, RESERVATION_EXCEEDED, 4 * PAGE, 2 * PAGE);
  GROWTH_RANGE_ERROR(memory, 2, RESERVATION_EXCEEDED, 3 * PAGE, 2 * PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(default_size_limit) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .address = I64));
  GROWTH_RANGE_ERROR(memory, 262144, SIZE_LIMIT, 262145 * PAGE, SIZE_LIMIT_BYTES);
  GROWTH_RANGE_ERROR(memory, I64_DECLARED_LIMIT - 1, SIZE_LIMIT, I64_DECLARED_LIMIT * PAGE, SIZE_LIMIT_BYTES);
  wasm_memory_delete(memory);
  memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(I64_DECLARED_LIMIT), .address = I64));
  GROWTH_RANGE_ERROR(memory, 262144, SIZE_LIMIT, 262145 * PAGE, SIZE_LIMIT_BYTES);
  GROWTH_RANGE_ERROR(memory, I64_DECLARED_LIMIT, MAXIMUM_EXCEEDED, I64_DECLARED_LIMIT + 1, I64_DECLARED_LIMIT);
  wasm_memory_delete(memory);
}

TEST(sum_past_2_to_64_against_the_maximum) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3), .maximum = PAGES(10), .address = I64));
  GROWTH_RANGE_ERROR(memory, UINT64_MAX - 3, MAXIMUM_EXCEEDED, UINT64_MAX, 10);
  GROWTH_RANGE_ERROR(memory, UINT64_MAX - 2, MAXIMUM_EXCEEDED, UINT64_MAX, 10);
  GROWTH_RANGE_ERROR(memory, UINT64_MAX, MAXIMUM_EXCEEDED, UINT64_MAX, 10);
  GROWTH_RANGE_ERROR(memory, UINT64_MAX - 4, MAXIMUM_EXCEEDED, UINT64_MAX - 1, 10);
  CHECK_U64(wasm_memory_size(memory), 3);
  wasm_memory_delete(memory);
}

/* A wrapped sum would be 2 pages, less than there are: it must not look like a growth. */
TEST(sum_past_2_to_64_against_the_address_type) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3), .address = I64));
  const uint64_t deltas[] = {UINT64_MAX - 3, UINT64_MAX - 2, UINT64_MAX - 1, UINT64_MAX};
  for (size_t i = 0; i < sizeof deltas / sizeof deltas[0]; i++) {
    wasm_memory_error_t error =
        CHECK_FAILS(wasm_memory_grow(memory, deltas[i], NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT);
    CHECK_U64(error.requested, UINT64_MAX);
    /* Two limits of the type are written down, that of validity and that of a declaration. */
    CHECK(error.available == UINT64_C(1) << 48 || error.available == I64_DECLARED_LIMIT);
  }
  wasm_memory_error_t error =
      CHECK_FAILS(wasm_memory_grow(memory, (UINT64_C(1) << 48) - 2, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT);
  CHECK_U64(error.requested, (UINT64_C(1) << 48) + 1);
  wasm_memory_delete(memory);
}

/* With pages of one byte the type reaches 2^64 - 1, so that the sums in pages and in bytes both end there. */
TEST(sum_past_2_to_64_in_bytes) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3), .address = I64, .page_size = 1));
  GROWTH_RANGE_ERROR(memory, UINT64_MAX - 4, SIZE_LIMIT, UINT64_MAX - 1, SIZE_LIMIT_BYTES);
  GROWTH_RANGE_ERROR(memory, UINT64_MAX - 3, SIZE_LIMIT, UINT64_MAX, SIZE_LIMIT_BYTES);
  GROWTH_RANGE_ERROR(memory, UINT64_MAX - 2, ABOVE_LIMIT, UINT64_MAX, UINT64_MAX);
  GROWTH_RANGE_ERROR(memory, UINT64_MAX, ABOVE_LIMIT, UINT64_MAX, UINT64_MAX);
  wasm_memory_delete(memory);
}

/* The limit holds in bytes and need not be a whole number of pages. */
TEST(size_limit_between_pages) {
  wasm_memory_allocator_t *allocator = limited(3 * PAGE - 1, 0);
  CHECK_FIGURES(refused_in(allocator, TYPE(.initial = PAGES(3))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, 3 * PAGE, 3 * PAGE - 1);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  GROWTH_RANGE_ERROR(memory, 2, SIZE_LIMIT, 3 * PAGE, 3 * PAGE - 1);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

HARNESS_MAIN(LISTED(delta_outside_the_type), LISTED(declared_maximum_before_address_type), LISTED(address_type_without_maximum),
             LISTED(address_type_before_size_limit), LISTED(maximum_before_size_limit), LISTED(size_limit_before_reservation),
             LISTED(default_size_limit), LISTED(sum_past_2_to_64_against_the_maximum), LISTED(sum_past_2_to_64_against_the_address_type),
             LISTED(sum_past_2_to_64_in_bytes), LISTED(size_limit_between_pages))
