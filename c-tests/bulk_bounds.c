/* Read, write, fill, copy and init: the whole range is checked first, without wrapping, and a trap writes nothing (semantics.md A.10). */
#include "fixtures.h"

#define TRAPS(call, end, length) CHECK_FIGURES(call, WASM_MEMORY_RUNTIME_ERROR, WASM_MEMORY_REASON_OUT_OF_BOUNDS, end, length)
#define NULL_FAILS(call) CHECK_FAILS(call, WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_NULL_ARGUMENT)

enum { LARGEST = 65536 }; /* bytes of the largest memory under test */

static const wasm_memory_descriptor_t types[] = {
    {.initial = {1, true}},
    {.initial = {1, true}, .maximum = {2, true}, .shared = true},
    {.initial = {1, true}, .maximum = {2, true}, .address = WASM_MEMORY_ADDRESS_I64},
    {.initial = {1, true}, .maximum = {2, true}, .address = WASM_MEMORY_ADDRESS_I64, .shared = true},
    {.initial = {13, true}, .page_size = 1},
    {.initial = {13, true}, .maximum = {99, true}, .page_size = 1, .shared = true},
    {.initial = {4097, true}, .page_size = 1, .address = WASM_MEMORY_ADDRESS_I64},
    {.initial = {0, true}},
    {.initial = {0, true}, .maximum = {0, true}, .shared = true},
};
enum { TYPES = sizeof types / sizeof types[0] };

/* The other side of each operation: long enough for every length that a memory under test can have, and one more. */
static uint8_t outside[LARGEST + 8], inside[LARGEST];
static wasm_memory_t *other;

/* One range of one memory; what the operation needs beyond that is in bounds, unless the length alone is too much for anything. */
typedef wasm_memory_status_t (*operation)(wasm_memory_t *memory, uint64_t index, uint64_t length);

static wasm_memory_status_t do_read(wasm_memory_t *memory, uint64_t index, uint64_t length) {
  return wasm_memory_read(memory, index, outside, (size_t)length);
}
static wasm_memory_status_t do_write(wasm_memory_t *memory, uint64_t index, uint64_t length) {
  return wasm_memory_write(memory, index, outside, (size_t)length);
}
static wasm_memory_status_t do_fill(wasm_memory_t *memory, uint64_t index, uint64_t length) {
  return wasm_memory_bulk_fill(memory, index, 0xEE, length);
}
static wasm_memory_status_t do_copy_to(wasm_memory_t *memory, uint64_t index, uint64_t length) {
  return wasm_memory_bulk_copy(memory, index, other, 0, length);
}
static wasm_memory_status_t do_copy_from(wasm_memory_t *memory, uint64_t index, uint64_t length) {
  return wasm_memory_bulk_copy(other, 0, memory, index, length);
}
static wasm_memory_status_t do_copy_within(wasm_memory_t *memory, uint64_t index, uint64_t length) {
  return wasm_memory_bulk_copy(memory, index, memory, index, length);
}
static wasm_memory_status_t do_init(wasm_memory_t *memory, uint64_t index, uint64_t length) {
  return wasm_memory_bulk_init(memory, index, outside, sizeof outside, 0, length);
}

static const operation operations[] = {do_read, do_write, do_fill, do_copy_to, do_copy_from, do_copy_within, do_init};
static const bool takes_any_length[] = {true, true, true, false, false, true, false};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

static void fill_other_sides(void) {
  memset(wasm_memory_data(other), 0xDD, 2 * PAGE);
  memset(outside, 0xCC, sizeof outside);
}

static void of_each(void (*check)(wasm_memory_t *memory, operation run, bool any_length)) {
  other = created(TYPE(.initial = PAGES(2), .address = I64));
  fill_other_sides();
  for (int i = 0; i < TYPES; i++) {
    wasm_memory_t *memory = created(types[i]);
    for (int k = 0; k < OPERATIONS; k++) check(memory, operations[k], takes_any_length[k]);
    wasm_memory_delete(memory);
  }
  wasm_memory_delete(other);
}

static bool all_are(const uint8_t *bytes, uint8_t value, uint64_t length) {
  return length == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, (size_t)length - 1) == 0);
}

/* On a trap every byte of every side is what it was. */
static void check_trap(wasm_memory_t *memory, operation run, uint64_t index, uint64_t length, bool figures_are_certain) {
  if ((size_t)length != length && (run == do_read || run == do_write)) return; /* no such length can be said on this host */
  const uint64_t byte_length = wasm_memory_byte_length(memory);
  const uint64_t end = index + length < index ? UINT64_MAX : index + length;
  uint8_t *bytes = wasm_memory_data(memory);
  memset(bytes, 0xAB, (size_t)byte_length);
  wasm_memory_error_t error = CHECK_FAILS(run(memory, index, length), WASM_MEMORY_RUNTIME_ERROR, WASM_MEMORY_REASON_OUT_OF_BOUNDS);
  if (figures_are_certain) harness_figures(__FILE__, __LINE__, "out of bounds", error, end, byte_length);
  if (error.reason != WASM_MEMORY_REASON_OUT_OF_BOUNDS)
    fprintf(stderr, "  at %" PRIu64 " + %" PRIu64 " of %" PRIu64 "\n", index, length, byte_length);
  CHECK(all_are(bytes, 0xAB, byte_length));
  CHECK(all_are(wasm_memory_data(other), 0xDD, 2 * PAGE));
  CHECK(all_are(outside, 0xCC, sizeof outside));
}

static void check_just_outside(wasm_memory_t *memory, operation run, bool any_length) {
  const uint64_t length = wasm_memory_byte_length(memory);
  (void)any_length;
  for (uint64_t past = 0; past <= 4; past++) {
    check_trap(memory, run, length + past, 1, true);
    check_trap(memory, run, length + past + 1, 0, true);
    check_trap(memory, run, 0, length + past + 1, true);
    if (length > 8) {
      check_trap(memory, run, length - 8, 9 + past, true);
      check_trap(memory, run, 1, length + past, true);
    }
  }
}

TEST(just_outside) { of_each(check_just_outside); }

/* Operands and sums at which 32 and 64 bits wrap, with lengths that every other side has. */
static void check_far_outside(wasm_memory_t *memory, operation run, bool any_length) {
  const uint64_t far[] = {UINT64_C(1) << 31, UINT32_MAX, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_C(1) << 47, UINT64_C(1) << 62,
                          UINT64_C(1) << 63, UINT64_MAX - 16, UINT64_MAX - 8, UINT64_MAX - 1, UINT64_MAX};
  const uint64_t lengths[] = {0, 1, 2, 8, 9, 16, 17};
  for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) check_trap(memory, run, far[i], lengths[k], true);
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) check_trap(memory, run, lengths[k], far[i], any_length);
    check_trap(memory, run, far[i], far[i], any_length);
    check_trap(memory, run, far[i], 0 - far[i], any_length);
    check_trap(memory, run, 0 - far[i], far[i], any_length);
  }
}

TEST(far_outside) { of_each(check_far_outside); }

static void check_just_inside(wasm_memory_t *memory, operation run, bool any_length) {
  const uint64_t length = wasm_memory_byte_length(memory);
  (void)any_length;
  CHECK_STATUS(run(memory, 0, 0), WASM_MEMORY_OK);
  CHECK_STATUS(run(memory, length, 0), WASM_MEMORY_OK);
  CHECK_STATUS(run(memory, 0, length), WASM_MEMORY_OK);
  for (uint64_t at = 0; at < 9 && at < length; at++) {
    CHECK_STATUS(run(memory, length - 1 - at, 1 + at), WASM_MEMORY_OK);
    CHECK_STATUS(run(memory, at, length - at), WASM_MEMORY_OK);
    CHECK_STATUS(run(memory, at, 0), WASM_MEMORY_OK);
  }
}

TEST(just_inside) { of_each(check_just_inside); }

/* What was out of bounds is in bounds once the memory has grown, and a length of then is none of now. */
TEST(bounds_follow_growth) {
  other = created(TYPE(.initial = PAGES(2)));
  for (int k = 0; k < 2; k++) {
    fill_other_sides();
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(0), .maximum = PAGES(1), .shared = k == 1));
    for (int i = 0; i < OPERATIONS; i++) check_trap(memory, operations[i], 0, 1, true);
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
    for (int i = 0; i < OPERATIONS; i++) {
      check_trap(memory, operations[i], PAGE, 1, true);
      CHECK_STATUS(operations[i](memory, PAGE - 1, 1), WASM_MEMORY_OK);
      fill_other_sides(); /* a copy and a read change them */
    }
    wasm_memory_delete(memory);
  }
  wasm_memory_delete(other);
}

TEST(bytes_arrive) {
  for (int i = 0; i < TYPES; i++) {
    wasm_memory_t *memory = created(types[i]);
    const uint64_t length = wasm_memory_byte_length(memory);
    uint8_t *bytes = wasm_memory_data(memory);
    for (uint64_t at = 0; at < length; at++) outside[at] = (uint8_t)(at * 7 + at / 256 + 1);
    CHECK_STATUS(wasm_memory_write(memory, 0, outside, (size_t)length), WASM_MEMORY_OK);
    CHECK(memcmp(bytes, outside, (size_t)length) == 0);
    memset(inside, 0, sizeof inside);
    CHECK_STATUS(wasm_memory_read(memory, 0, inside, (size_t)length), WASM_MEMORY_OK);
    CHECK(memcmp(inside, outside, (size_t)length) == 0);
    if (length < 13) goto next;
    CHECK_STATUS(wasm_memory_bulk_fill(memory, 3, 0xFF, 5), WASM_MEMORY_OK);
    CHECK(bytes[2] == outside[2] && all_are(bytes + 3, 0xFF, 5) && memcmp(bytes + 8, outside + 8, (size_t)length - 8) == 0);
    CHECK_STATUS(wasm_memory_bulk_init(memory, 3, outside, 8, 3, 5), WASM_MEMORY_OK);
    CHECK(memcmp(bytes, outside, (size_t)length) == 0);
    CHECK_STATUS(wasm_memory_write(memory, length - 2, "\1\2", 2), WASM_MEMORY_OK);
    memset(inside, 0x77, sizeof inside);
    CHECK_STATUS(wasm_memory_read(memory, length - 3, inside + 1, 3), WASM_MEMORY_OK);
    CHECK(inside[0] == 0x77 && inside[1] == outside[length - 3] && inside[2] == 1 && inside[3] == 2 && inside[4] == 0x77);
    CHECK_STATUS(wasm_memory_bulk_fill(memory, 0, 0, length), WASM_MEMORY_OK);
    CHECK(all_zero(bytes, (size_t)length));
  next:
    wasm_memory_delete(memory);
  }
}

/* The other range of an init: the segment's. Indexes in it do not wrap either. */
TEST(init_beyond_its_segment) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  const uint8_t segment[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  const struct { uint64_t index, length, end; } ranges[] = {
      {0, 17, 17}, {16, 1, 17}, {17, 0, 17}, {15, 2, 17}, {1, 16, 17}, {UINT32_MAX, 1, UINT64_C(1) << 32}, {UINT64_MAX, 0, UINT64_MAX},
      {UINT64_MAX, 1, UINT64_MAX}, {UINT64_MAX - 15, 16, UINT64_MAX}, {UINT64_MAX - 14, 16, UINT64_MAX}, {UINT64_MAX - 16, 16, UINT64_MAX},
  };
  memset(wasm_memory_data(memory), 0xAB, PAGE);
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
    TRAPS(wasm_memory_bulk_init(memory, 8, segment, 16, ranges[i].index, ranges[i].length), ranges[i].end, 16);
  CHECK(all_are(wasm_memory_data(memory), 0xAB, PAGE));
  CHECK_STATUS(wasm_memory_bulk_init(memory, 8, segment, 16, 16, 0), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory), 0xAB, PAGE));
  CHECK_STATUS(wasm_memory_bulk_init(memory, PAGE - 16, segment, 16, 0, 16), WASM_MEMORY_OK);
  CHECK(memcmp(wasm_memory_data(memory) + PAGE - 16, segment, 16) == 0);
  CHECK_STATUS(wasm_memory_bulk_init(memory, 0, segment, 16, 15, 1), WASM_MEMORY_OK);
  CHECK(wasm_memory_data(memory)[0] == 16 && wasm_memory_data(memory)[1] == 0xAB);
  wasm_memory_delete(memory);
}

/* A dropped segment is an empty one, and an empty one needs no address. */
TEST(init_from_a_dropped_segment) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  CHECK_STATUS(wasm_memory_bulk_init(memory, 0, NULL, 0, 0, 0), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_bulk_init(memory, PAGE, NULL, 0, 0, 0), WASM_MEMORY_OK);
  TRAPS(wasm_memory_bulk_init(memory, PAGE + 1, NULL, 0, 0, 0), PAGE + 1, PAGE);
  TRAPS(wasm_memory_bulk_init(memory, 0, NULL, 0, 0, 1), 1, 0);
  TRAPS(wasm_memory_bulk_init(memory, 0, NULL, 0, 1, 0), 1, 0);
  TRAPS(wasm_memory_bulk_init(memory, 0, NULL, 0, UINT64_MAX, 1), UINT64_MAX, 0);
  NULL_FAILS(wasm_memory_bulk_init(memory, 0, NULL, 4, 0, 4));
  CHECK(all_zero(wasm_memory_data(memory), PAGE));
  wasm_memory_delete(memory);
}

TEST(null_bytes) {
  for (int i = 0; i < TYPES; i++) {
    wasm_memory_t *memory = created(types[i]);
    const uint64_t length = wasm_memory_byte_length(memory);
    CHECK_STATUS(wasm_memory_read(memory, 0, NULL, 0), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_write(memory, 0, NULL, 0), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_read(memory, length, NULL, 0), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_write(memory, length, NULL, 0), WASM_MEMORY_OK);
    TRAPS(wasm_memory_read(memory, length + 1, NULL, 0), length + 1, length);
    TRAPS(wasm_memory_write(memory, length + 1, NULL, 0), length + 1, length);
    if (length > 0) {
      NULL_FAILS(wasm_memory_read(memory, 0, NULL, 1));
      NULL_FAILS(wasm_memory_write(memory, 0, NULL, 1));
      NULL_FAILS(wasm_memory_read(memory, 0, NULL, (size_t)length));
      NULL_FAILS(wasm_memory_write(memory, 0, NULL, (size_t)length));
      CHECK(all_zero(wasm_memory_data(memory), (size_t)length));
    }
    wasm_memory_delete(memory);
  }
}

static void check_no_memory(wasm_memory_t *handle, uint32_t reason) {
  wasm_memory_t *live = created(TYPE(.initial = PAGES(1)));
  const uint64_t indexes[] = {0, PAGE + 1, UINT64_MAX};
  for (int i = 0; i < 3; i++) {
    CHECK_FAILS(wasm_memory_read(handle, indexes[i], outside, 1), WASM_MEMORY_TYPE_ERROR, reason);
    CHECK_FAILS(wasm_memory_read(handle, indexes[i], NULL, 0), WASM_MEMORY_TYPE_ERROR, reason);
    CHECK_FAILS(wasm_memory_write(handle, indexes[i], outside, 1), WASM_MEMORY_TYPE_ERROR, reason);
    CHECK_FAILS(wasm_memory_bulk_fill(handle, indexes[i], 1, 1), WASM_MEMORY_TYPE_ERROR, reason);
    CHECK_FAILS(wasm_memory_bulk_copy(handle, indexes[i], live, 0, 1), WASM_MEMORY_TYPE_ERROR, reason);
    CHECK_FAILS(wasm_memory_bulk_copy(live, 0, handle, indexes[i], 1), WASM_MEMORY_TYPE_ERROR, reason);
    CHECK_FAILS(wasm_memory_bulk_copy(handle, 0, handle, indexes[i], 0), WASM_MEMORY_TYPE_ERROR, reason);
    CHECK_FAILS(wasm_memory_bulk_init(handle, indexes[i], outside, 1, 0, 1), WASM_MEMORY_TYPE_ERROR, reason);
    CHECK_FAILS(wasm_memory_discard(handle, indexes[i], 0), WASM_MEMORY_TYPE_ERROR, reason);
  }
  CHECK(all_zero(wasm_memory_data(live), PAGE));
  wasm_memory_delete(live);
}

TEST(handles_that_are_no_memories) {
  wasm_memory_t *dead = created(TYPE(.initial = PAGES(1)));
  wasm_memory_delete(dead);
  wasm_memory_config_t *config = config_new();
  check_no_memory(NULL, WASM_MEMORY_REASON_NULL_ARGUMENT);
  check_no_memory(dead, WASM_MEMORY_REASON_INVALID_HANDLE);
  check_no_memory((wasm_memory_t *)(void *)config, WASM_MEMORY_REASON_INVALID_HANDLE);
  wasm_memory_config_delete(config);
}

HARNESS_MAIN(LISTED(just_outside), LISTED(far_outside), LISTED(just_inside), LISTED(bounds_follow_growth), LISTED(bytes_arrive),
             LISTED(init_beyond_its_segment), LISTED(init_from_a_dropped_segment), LISTED(null_bytes), LISTED(handles_that_are_no_memories))
