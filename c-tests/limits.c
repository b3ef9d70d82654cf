/* The limits on each side of their edge: address type x page size (semantics.md A.4). */
#include "fixtures.h"

#define BYTES(address_type) .address = (address_type), .page_size = 1
#define TWO_TO(n) (UINT64_C(1) << (n))

/* A type may be declared with this maximum, and keeps it unclamped. */
static void accepts_maximum(wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = created(type);
  wasm_memory_descriptor_t seen = {0};
  CHECK_STATUS(wasm_memory_get_type(memory, &seen), WASM_MEMORY_OK);
  CHECK(seen.maximum.present);
  CHECK_U64(seen.maximum.pages, type.maximum.pages);
  wasm_memory_delete(memory);
}

/* No rule forbids this size; a small host may, and then names itself as the cause. */
static void allows_initial(wasm_memory_descriptor_t type, uint64_t byte_length) {
  wasm_memory_t *memory = NULL;
  wasm_memory_status_t status = wasm_memory_new(&type, &memory);
  if (status == WASM_MEMORY_OK) {
    CHECK_U64(wasm_memory_size(memory), type.initial.pages);
    CHECK_U64(wasm_memory_byte_length(memory), byte_length);
    CHECK_U64(wasm_memory_data(memory)[byte_length - 1], 0);
    wasm_memory_data(memory)[byte_length - 1] = 1;
    wasm_memory_delete(memory);
  } else {
    wasm_memory_error_t error;
    wasm_memory_last_error(&error);
    CHECK_STATUS(status, WASM_MEMORY_RANGE_ERROR);
    CHECK(error.reason == WASM_MEMORY_REASON_ADDRESS_SPACE || error.reason == WASM_MEMORY_REASON_COMMIT);
    CHECK(error.os_error != 0);
  }
}

TEST(i32_initial) {
  allows_initial(TYPE(.initial = PAGES(65536)), TWO_TO(32));
  allows_initial(TYPE(.initial = PAGES(65536), .maximum = PAGES(65536)), TWO_TO(32));
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(65537))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, 65537, 65536);
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(UINT32_MAX))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, UINT32_MAX, 65536);
}

TEST(i32_maximum) {
  accepts_maximum(TYPE(.initial = PAGES(0), .maximum = PAGES(0)));
  accepts_maximum(TYPE(.initial = PAGES(0), .maximum = PAGES(65536)));
  accepts_maximum(TYPE(.initial = PAGES(0), .maximum = PAGES(65536), .shared = true));
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(0), .maximum = PAGES(65537))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, 65537, 65536);
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(0), .maximum = PAGES(UINT32_MAX))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT,
                UINT32_MAX, 65536);
}

/* Outside the integer type is TYPE_ERROR, inside it but too much is RANGE_ERROR: 2^32 - 1 and 2^32 differ. */
TEST(i32_integer_type) {
  const uint64_t outside[] = {TWO_TO(32), TWO_TO(32) + 1, TWO_TO(48), TWO_TO(63), UINT64_MAX};
  for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
    CHECK_FIGURES(refused(TYPE(.initial = PAGES(outside[i]))), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE, outside[i], UINT32_MAX);
    CHECK_FIGURES(refused(TYPE(.initial = PAGES(0), .maximum = PAGES(outside[i]))), WASM_MEMORY_TYPE_ERROR,
                  WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE, outside[i], UINT32_MAX);
    CHECK_FIGURES(refused(TYPE(.initial = PAGES(outside[i]), .page_size = 1)), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE,
                  outside[i], UINT32_MAX);
  }
}

TEST(i64_initial) {
  allows_initial(TYPE(.initial = PAGES(65537), .address = I64), 65537 * PAGE);
  allows_initial(TYPE(.initial = PAGES(262144), .address = I64), SIZE_LIMIT_BYTES);
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(262145), .address = I64)), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, 262145 * PAGE,
                SIZE_LIMIT_BYTES);
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(I64_DECLARED_LIMIT), .address = I64)), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT,
                I64_DECLARED_LIMIT * PAGE, SIZE_LIMIT_BYTES);
}

TEST(i64_declared_limit) {
  const uint64_t above[] = {TWO_TO(37), TWO_TO(48), TWO_TO(48) + 1, UINT64_MAX};
  accepts_maximum(TYPE(.initial = PAGES(0), .maximum = PAGES(262145), .address = I64));
  accepts_maximum(TYPE(.initial = PAGES(0), .maximum = PAGES(I64_DECLARED_LIMIT), .address = I64));
  accepts_maximum(TYPE(.initial = PAGES(0), .maximum = PAGES(I64_DECLARED_LIMIT), .address = I64, .shared = true));
  for (size_t i = 0; i < sizeof above / sizeof above[0]; i++) {
    CHECK_FIGURES(refused(TYPE(.initial = PAGES(0), .maximum = PAGES(above[i]), .address = I64)), WASM_MEMORY_RANGE_ERROR,
                  WASM_MEMORY_REASON_ABOVE_LIMIT, above[i], I64_DECLARED_LIMIT);
    CHECK_FIGURES(refused(TYPE(.initial = PAGES(above[i]), .address = I64)), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, above[i],
                  I64_DECLARED_LIMIT);
  }
}

/* One byte short of 4 GiB: the limit is 2^32 - 1 pages, and the integer type ends there too. */
TEST(i32_bytes) {
  accepts_maximum(TYPE(.initial = PAGES(0), .maximum = PAGES(UINT32_MAX), BYTES(WASM_MEMORY_ADDRESS_I32)));
  allows_initial(TYPE(.initial = PAGES(65537), BYTES(WASM_MEMORY_ADDRESS_I32)), 65537);
  allows_initial(TYPE(.initial = PAGES(UINT32_MAX - 1), BYTES(WASM_MEMORY_ADDRESS_I32)), UINT32_MAX - UINT64_C(1));
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(0), .maximum = PAGES(TWO_TO(32)), BYTES(WASM_MEMORY_ADDRESS_I32))), WASM_MEMORY_TYPE_ERROR,
                WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE, TWO_TO(32), UINT32_MAX);
}

TEST(i64_bytes) {
  accepts_maximum(TYPE(.initial = PAGES(0), .maximum = PAGES(UINT64_MAX), BYTES(I64)));
  allows_initial(TYPE(.initial = PAGES(TWO_TO(32)), BYTES(I64)), TWO_TO(32));
  allows_initial(TYPE(.initial = PAGES(SIZE_LIMIT_BYTES), BYTES(I64)), SIZE_LIMIT_BYTES);
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(SIZE_LIMIT_BYTES + 1), BYTES(I64))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT,
                SIZE_LIMIT_BYTES + 1, SIZE_LIMIT_BYTES);
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(UINT64_MAX), .maximum = PAGES(UINT64_MAX), BYTES(I64))), WASM_MEMORY_RANGE_ERROR,
                WASM_MEMORY_REASON_SIZE_LIMIT, UINT64_MAX, SIZE_LIMIT_BYTES);
}

/* A page of one byte makes odd byte lengths, which the host can only protect in pages of its own. */
TEST(bytes_are_counted_exactly) {
  const uint64_t lengths[] = {1, 3, 4095, 4096, 4097, 65535, 65536, 65537};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(lengths[i]), .page_size = 1));
    CHECK_U64(wasm_memory_size(memory), lengths[i]);
    CHECK_U64(wasm_memory_byte_length(memory), lengths[i]);
    CHECK_U64(wasm_memory_view(memory)->byte_length, lengths[i]);
    CHECK(all_zero(wasm_memory_data(memory), lengths[i]));
    wasm_memory_data(memory)[lengths[i] - 1] = 1;
    wasm_memory_delete(memory);
  }
}

TEST(page_size_zero_is_65536) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .page_size = 0));
  CHECK_U64(wasm_memory_byte_length(memory), 2 * PAGE);
  wasm_memory_delete(memory);
  memory = created(TYPE(.initial = PAGES(2), .page_size = 65536));
  CHECK_U64(wasm_memory_byte_length(memory), 2 * PAGE);
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(i32_initial), LISTED(i32_maximum), LISTED(i32_integer_type), LISTED(i64_initial), LISTED(i64_declared_limit),
             LISTED(i32_bytes), LISTED(i64_bytes), LISTED(bytes_are_counted_exactly), LISTED(page_size_zero_is_65536))
