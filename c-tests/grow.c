/* Growth: what a success gives and what a failure leaves alone (semantics.md A.5). */
#include "fixtures.h"

TEST(returns_previous_size) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(10)));
  uint64_t previous = 99;
  CHECK_STATUS(wasm_memory_grow(memory, 2, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 1);
  CHECK_U64(wasm_memory_size(memory), 3);
  CHECK_U64(wasm_memory_byte_length(memory), 3 * PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 7, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 3);
  CHECK_U64(wasm_memory_size(memory), 10);
  wasm_memory_delete(memory);
}

TEST(by_zero) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .maximum = PAGES(2)));
  wasm_memory_t *empty = created(TYPE(.initial = PAGES(0), .maximum = PAGES(0)));
  uint64_t previous = 99;
  CHECK_STATUS(wasm_memory_grow(memory, 0, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 2);
  CHECK_U64(wasm_memory_size(memory), 2);
  CHECK_STATUS(wasm_memory_grow(empty, 0, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 0);
  CHECK_STATUS(wasm_memory_grow(empty, 0, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(empty);
  wasm_memory_delete(memory);
}

TEST(from_empty) {
  NEEDS_STEADY_BASE();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(0)));
  uint8_t *base = wasm_memory_data(memory);
  uint64_t previous = 99;
  CHECK_STATUS(wasm_memory_grow(memory, 1, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 0);
  CHECK_POINTER(wasm_memory_data(memory), base);
  CHECK(all_zero(base, PAGE));
  base[PAGE - 1] = 1;
  wasm_memory_delete(memory);
}

TEST(keeps_bytes_and_base_and_adds_zeros) {
  NEEDS_STEADY_BASE();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  uint8_t *base = wasm_memory_data(memory);
  memset(base, 0xC3, PAGE);
  for (uint64_t size = 1; size < 40; size++) {
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
    CHECK_POINTER(wasm_memory_data(memory), base);
    CHECK(all_zero(base + size * PAGE, PAGE));
    CHECK(base[size * PAGE - 1] == 0xC3 && base[0] == 0xC3);
    memset(base + size * PAGE, 0xC3, PAGE);
  }
  wasm_memory_delete(memory);
}

TEST(to_exactly_the_maximum) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
  CHECK_FIGURES(wasm_memory_grow(memory, 5, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 6, 5);
  CHECK_STATUS(wasm_memory_grow(memory, 4, NULL), WASM_MEMORY_OK);
  CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 6, 5);
  CHECK_STATUS(wasm_memory_grow(memory, 0, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
}

TEST(to_the_whole_address_space) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  uint64_t previous = 99;
  CHECK_FIGURES(wasm_memory_grow(memory, 65536, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, 65537, 65536);
  CHECK_STATUS(wasm_memory_grow(memory, 65535, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 1);
  CHECK_U64(wasm_memory_byte_length(memory), UINT64_C(1) << 32);
  CHECK_U64(wasm_memory_data(memory)[UINT32_MAX], 0);
  CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, 65537, 65536);
  wasm_memory_delete(memory);
}

/* Everything that can be seen of a memory, to find any change. */
typedef struct snapshot { uint64_t size, byte_length; uint8_t *base; const wasm_memory_view_t *view; wasm_memory_layout_t layout; } snapshot;

static snapshot look(const wasm_memory_t *memory) {
  snapshot seen;
  memset(&seen, 0, sizeof seen);
  seen.size = wasm_memory_size(memory);
  seen.byte_length = wasm_memory_byte_length(memory);
  seen.base = wasm_memory_data(memory);
  seen.view = wasm_memory_view(memory);
  seen.layout = layout_of(memory);
  return seen;
}

static void check_unchanged(const wasm_memory_t *memory, const snapshot *before, uint8_t fill) {
  snapshot now = look(memory);
  CHECK_U64(now.size, before->size);
  CHECK_U64(now.byte_length, before->byte_length);
  CHECK_POINTER(now.base, before->base);
  CHECK_POINTER(now.view, before->view);
  CHECK_POINTER(now.view->base, before->base);
  CHECK_U64(now.view->byte_length, before->byte_length);
  CHECK_U64(now.layout.reservation, before->layout.reservation);
  size_t kept = 0;
  while (kept < now.byte_length && now.base[kept] == fill) kept++;
  CHECK_U64(kept, now.byte_length);
}

TEST(failure_changes_nothing) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .maximum = PAGES(4)));
  memset(wasm_memory_data(memory), 0x77, 2 * PAGE);
  const snapshot before = look(memory);
  const uint64_t deltas[] = {3, 65535, 65536, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX - 1, UINT64_MAX};
  for (size_t i = 0; i < sizeof deltas / sizeof deltas[0]; i++) {
    uint64_t previous = 99;
    CHECK(wasm_memory_grow(memory, deltas[i], &previous) != WASM_MEMORY_OK);
    CHECK_U64(previous, 99);
    check_unchanged(memory, &before, 0x77);
  }
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
  CHECK(all_zero(wasm_memory_data(memory) + 2 * PAGE, 2 * PAGE));
  wasm_memory_delete(memory);
}

/* Pages of one byte: the tail of a host page is not yet body, and must be zero once it is. */
TEST(by_single_bytes) {
  NEEDS_STEADY_BASE();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(0), .page_size = 1));
  uint8_t *base = wasm_memory_data(memory);
  for (uint64_t size = 0; size < 9000; size++) {
    uint64_t previous = UINT64_MAX;
    if (wasm_memory_grow(memory, 1, &previous) != WASM_MEMORY_OK || previous != size || wasm_memory_byte_length(memory) != size + 1 ||
        wasm_memory_data(memory) != base || base[size] != 0) {
      CHECK_U64(previous, size);
      CHECK(!"a growth by one byte failed");
      break;
    }
    base[size] = 0xFF;
  }
  CHECK_U64(wasm_memory_size(memory), 9000);
  wasm_memory_delete(memory);
}

/* In band the result would be 2^32 - 2 here, one short of the failure value: a status has no such trouble. */
TEST(largest_sizes_of_single_bytes) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(5), .page_size = 1));
  uint64_t previous = 0;
  CHECK_STATUS(wasm_memory_grow(memory, UINT32_MAX - UINT64_C(6), &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 5);
  CHECK_STATUS(wasm_memory_grow(memory, 0, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, UINT32_MAX - UINT64_C(1));
  CHECK_FIGURES(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, UINT64_C(1) << 32, UINT32_MAX);
  wasm_memory_delete(memory);
}

TEST(shared) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(4), .shared = true));
  uint8_t *base = wasm_memory_data(memory);
  uint64_t previous = 99;
  base[0] = 7;
  CHECK_STATUS(wasm_memory_grow(memory, 3, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 1);
  CHECK_POINTER(wasm_memory_data(memory), base);
  CHECK(base[0] == 7 && all_zero(base + PAGE, 3 * PAGE));
  CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 5, 4);
  wasm_memory_delete(memory);
}

TEST(i64_past_4_gib) {
  NEEDS_STEADY_BASE();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(65535), .address = I64));
  uint8_t *base = wasm_memory_data(memory);
  base[0] = 7;
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_byte_length(memory), 65537 * PAGE);
  CHECK_POINTER(wasm_memory_data(memory), base);
  CHECK(base[0] == 7 && base[65537 * PAGE - 1] == 0);
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(returns_previous_size), LISTED(by_zero), LISTED(from_empty), LISTED(keeps_bytes_and_base_and_adds_zeros),
             LISTED(to_exactly_the_maximum), LISTED(to_the_whole_address_space), LISTED(failure_changes_nothing), LISTED(by_single_bytes),
             LISTED(largest_sizes_of_single_bytes), LISTED(shared), LISTED(i64_past_4_gib))
