/* A buffer keeps its bytes: past the memory's end, past its own detaching, past a move of the memory (design.md 4). */
#define _POSIX_C_SOURCE 200809L
#include "buffers.h"
#include "probe.h"
#include "process.h"

/* Handle storage and stdio may take a little at first, and then no more. */
#define MAPPING_SLACK 4

static unsigned rounds(unsigned full) { return getenv("WASM_MEMORY_TEST_SHORT") != NULL ? full / 20 : full; }

/* Every byte can be written and keeps what was written. The kernel is asked first, so that a failure is no signal. */
static void check_usable(uint8_t *bytes, uint64_t length, uint8_t value) {
  for (uint64_t at = 0; at < length; at += 4096) {
    if (is_body(bytes + at)) continue;
    fprintf(stderr, "byte %" PRIu64 " of %" PRIu64 ": ", at, length);
    CHECK(!"bytes of a held buffer are out of reach");
    return;
  }
  memset(bytes, value, (size_t)length);
  uint64_t differing = 0;
  for (uint64_t i = 0; i < length; i++) differing += bytes[i] != value;
  CHECK_U64(differing, 0);
}

static wasm_memory_allocator_t *moving(uint64_t reservation) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, reservation);
  wasm_memory_config_set_movable(config, true);
  return allocator_of(config);
}

static void check_outlives(wasm_memory_descriptor_t type, buffer_getter get) {
  wasm_memory_t *memory = created(type);
  wasm_memory_buffer_t *buffer = gotten(get, memory);
  uint8_t *bytes = wasm_memory_buffer_data(buffer);
  uint64_t length = wasm_memory_buffer_byte_length(buffer), maximum = wasm_memory_buffer_max_byte_length(buffer);
  const bool resizable = wasm_memory_buffer_is_resizable(buffer);
  bytes[length - 1] = 0x42;
  wasm_memory_delete(memory);
  CHECK_U64(wasm_memory_size(memory), 0);
  CHECK_FAILS(wasm_memory_grow(memory, 0, NULL), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INVALID_HANDLE);
  CHECK_BUFFER(buffer, .data = bytes, .byte_length = length, .max_byte_length = maximum, .shared = type.shared, .resizable = resizable);
  CHECK_U64(bytes[length - 1], 0x42);
  check_usable(bytes, length, 0x51);
  if (resizable) {
    wasm_memory_status_t (*set)(wasm_memory_buffer_t *, uint64_t) = type.shared ? wasm_memory_buffer_grow : wasm_memory_buffer_resize;
    const uint64_t page = type.page_size == 1 ? 1 : PAGE;
    CHECK_STATUS(set(buffer, length), WASM_MEMORY_OK);
    CHECK_FAILS(set(buffer, length - 1), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_WOULD_SHRINK);
    CHECK_STATUS(set(buffer, length + page), WASM_MEMORY_OK);
    CHECK_STATUS(set(buffer, maximum), WASM_MEMORY_OK);
    CHECK_FIGURES(set(buffer, maximum + page), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH, maximum + page, maximum);
    CHECK_BUFFER(buffer, .data = bytes, .byte_length = maximum, .max_byte_length = maximum, .shared = type.shared, .resizable = true);
    CHECK(bytes[0] == 0x51 && bytes[length - 1] == 0x51);
    CHECK(all_zero(bytes + length, (size_t)(maximum - length)));
    check_usable(bytes, maximum, 0x52);
  }
  wasm_memory_buffer_delete(buffer);
  CHECK_DEAD(buffer);
}

TEST(buffer_outlives_its_memory) {
  for (int k = 0; k < 2; k++) {
    const wasm_memory_descriptor_t types[] = {
        TYPE(.initial = PAGES(2), .maximum = PAGES(7), .shared = k == 1),
        TYPE(.initial = PAGES(2), .maximum = PAGES(7), .shared = k == 1, .address = I64),
        TYPE(.initial = PAGES(5000), .maximum = PAGES(70001), .shared = k == 1, .page_size = 1),
    };
    for (int i = 0; i < 3; i++) {
      check_outlives(types[i], wasm_memory_buffer);
      check_outlives(types[i], wasm_memory_to_resizable_buffer);
    }
  }
  check_outlives(TYPE(.initial = PAGES(2)), wasm_memory_buffer);
}

/* The memory's other buffers go on as well: what is left behind stays what it was, growable ones follow each other. */
TEST(buffers_of_a_deleted_shared_memory) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true));
  wasm_memory_buffer_t *growable = resizable_of(memory), *fixed = fixed_of(memory), *second = resizable_of(memory);
  uint8_t *bytes = wasm_memory_data(memory);
  wasm_memory_delete(memory);
  CHECK_STATUS(wasm_memory_buffer_grow(second, 3 * PAGE), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_buffer_grow(growable, 4 * PAGE), WASM_MEMORY_OK);
  CHECK_FAILS(wasm_memory_buffer_grow(second, 3 * PAGE), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_WOULD_SHRINK);
  CHECK_BUFFER(second, .data = bytes, .byte_length = 4 * PAGE, .max_byte_length = 5 * PAGE, .shared = true, .resizable = true);
  CHECK_BUFFER(growable, .data = bytes, .byte_length = 4 * PAGE, .max_byte_length = 5 * PAGE, .shared = true, .resizable = true);
  CHECK_BUFFER(fixed, .data = bytes, .byte_length = PAGE, .max_byte_length = PAGE, .shared = true);
  wasm_memory_buffer_delete(growable);
  wasm_memory_buffer_delete(second);
  check_usable(bytes, PAGE, 0x53);
  wasm_memory_buffer_delete(fixed);
}

enum { GENERATIONS = 12 };

/* A buffer of each size that a memory had, all but the last one detached. */
typedef struct history {
  wasm_memory_t *memory;
  wasm_memory_buffer_t *buffers[GENERATIONS];
  uint8_t *bytes[GENERATIONS];
  uint64_t lengths[GENERATIONS];
} history;

static history grown_with_history(wasm_memory_t *memory) {
  history past = {.memory = memory};
  for (int i = 0; i < GENERATIONS; i++) {
    past.buffers[i] = buffer_of(memory);
    past.bytes[i] = wasm_memory_buffer_data(past.buffers[i]);
    past.lengths[i] = wasm_memory_buffer_byte_length(past.buffers[i]);
    memset(past.bytes[i] + past.lengths[i] - PAGE, i + 1, PAGE);
    if (i + 1 < GENERATIONS) CHECK_STATUS(wasm_memory_grow(memory, (uint64_t)i % 3 + 1, NULL), WASM_MEMORY_OK);
    for (int k = 0; k < i; k++) CHECK_DETACHED(past.buffers[k]);
  }
  /* What the memory holds came along through every growth, whoever holds which buffer. */
  for (int i = 0; i < GENERATIONS; i++) {
    const uint8_t *page = wasm_memory_data(memory) + past.lengths[i] - PAGE;
    CHECK(page[0] == i + 1 && page[PAGE - 1] == i + 1);
  }
  return past;
}

static void check_history_usable(const history *past, int first) {
  for (int i = first; i < GENERATIONS; i++)
    if (past->buffers[i] != NULL) check_usable(past->bytes[i], past->lengths[i], (uint8_t)(0x80 + i));
}

static void give_back(history *past, int i) {
  wasm_memory_buffer_delete(past->buffers[i]);
  past->buffers[i] = NULL;
}

/* In whatever order memory and buffers go, what is still held can still be used. */
static void check_histories(wasm_memory_allocator_t *allocator) {
  for (int order = 0; order < 3; order++) {
    history past = grown_with_history(created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(200))));
    check_history_usable(&past, 0);
    if (order == 1) wasm_memory_delete(past.memory);
    for (int i = 0; i < GENERATIONS; i++) {
      give_back(&past, order == 0 ? i : order == 1 ? GENERATIONS - 1 - i : i * 5 % GENERATIONS);
      if (order == 2 && i == 4) wasm_memory_delete(past.memory);
      check_history_usable(&past, 0);
    }
    if (order != 0) continue;
    const uint64_t length = wasm_memory_byte_length(past.memory);
    check_usable(wasm_memory_data(past.memory), length, 0x77);
    wasm_memory_delete(past.memory);
  }
}

TEST(generations_grown_in_place) { check_histories(NULL); }

TEST(generations_that_moved) {
  wasm_memory_allocator_t *allocator = moving(PAGE);
  check_histories(allocator);
  wasm_memory_allocator_delete(allocator);
}

/* The old range and the new one go separately: neither takes the other along. */
TEST(old_range_goes_before_the_new_one) {
  wasm_memory_allocator_t *allocator = moving(2 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2)));
  wasm_memory_buffer_t *old = buffer_of(memory);
  uint8_t *old_bytes = wasm_memory_buffer_data(old);
  memset(old_bytes, 0x42, 2 * PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  wasm_memory_buffer_t *fresh = buffer_of(memory);
  check_usable(old_bytes, 2 * PAGE, 0x11);
  check_usable(wasm_memory_data(memory), 5 * PAGE, 0x22);
  wasm_memory_buffer_delete(old);
  CHECK_FIXED(fresh, memory, 5 * PAGE);
  uint8_t *bytes = wasm_memory_buffer_data(fresh);
  CHECK(bytes[0] == 0x22 && bytes[5 * PAGE - 1] == 0x22);
  wasm_memory_delete(memory);
  check_usable(bytes, 5 * PAGE, 0x33);
  wasm_memory_buffer_delete(fresh);
  wasm_memory_allocator_delete(allocator);
}

/* The JavaScript interface is built on resizable buffers that stay where they are. */
TEST(resizable_buffer_does_not_move) {
  wasm_memory_allocator_t *allocator = moving(2 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(50)));
  const uint64_t reservation = layout_of(memory).reservation;
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  uint8_t *base = wasm_memory_buffer_data(buffer);
  CHECK_RESIZABLE(buffer, memory, 50 * PAGE);
  const uint64_t target = reservation + PAGE;
  for (int round = 0; round < 2; round++) {
    CHECK_FIGURES(wasm_memory_grow(memory, target / PAGE - wasm_memory_size(memory), NULL), WASM_MEMORY_RANGE_ERROR,
                  WASM_MEMORY_REASON_RESERVATION_EXCEEDED, target, reservation);
    CHECK_FIGURES(wasm_memory_buffer_resize(buffer, target), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED, target, reservation);
    CHECK_POINTER(current(memory), buffer);
    CHECK_RESIZABLE(buffer, memory, 50 * PAGE);
    CHECK_STATUS(wasm_memory_buffer_resize(buffer, reservation), WASM_MEMORY_OK);
    CHECK_POINTER(wasm_memory_data(memory), base);
  }
  /* The current buffer is resizable, whether or not anybody holds it. */
  wasm_memory_buffer_delete(buffer);
  CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED, target, reservation);
  CHECK_POINTER(wasm_memory_data(memory), base);

  buffer = buffer_of(memory);
  wasm_memory_buffer_t *fixed = fixed_of(memory);
  CHECK_STATUS(wasm_memory_grow(memory, 10, NULL), WASM_MEMORY_OK);
  CHECK_DETACHED_RESIZABLE(buffer);
  CHECK_DETACHED(fixed);
  check_usable(base, reservation, 0x61);
  check_usable(wasm_memory_data(memory), wasm_memory_byte_length(memory), 0x62);
  wasm_memory_buffer_delete(fixed);
  check_usable(base, reservation, 0x63);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(resize_after_the_memory_does_not_move_either) {
  wasm_memory_allocator_t *allocator = moving(2 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(50)));
  const uint64_t reservation = layout_of(memory).reservation;
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  uint8_t *base = wasm_memory_buffer_data(buffer);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
  CHECK_FIGURES(wasm_memory_buffer_resize(buffer, reservation + PAGE), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED,
                reservation + PAGE, reservation);
  CHECK_STATUS(wasm_memory_buffer_resize(buffer, reservation), WASM_MEMORY_OK);
  CHECK_BUFFER(buffer, .data = base, .byte_length = reservation, .max_byte_length = 50 * PAGE, .resizable = true);
  check_usable(base, reservation, 0x64);
  wasm_memory_buffer_delete(buffer);
}

/* Memories of every sort that leave a buffer, which goes last. */
static void live_and_die(wasm_memory_allocator_t *allocator, unsigned times) {
  for (unsigned i = 0; i < times; i++) {
    const bool shared = i % 3 == 0;
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9), .shared = shared));
    wasm_memory_buffer_t *first = buffer_of(memory), *second = NULL;
    wasm_memory_grow(memory, i % 5, NULL); /* refused where a shared memory would have to move */
    if (i % 2 == 0) second = resizable_of(memory);
    wasm_memory_data(memory)[wasm_memory_byte_length(memory) - 1] = 1;
    if (i % 7 < 4) wasm_memory_buffer_delete(first);
    wasm_memory_delete(memory);
    if (second != NULL && shared) wasm_memory_buffer_grow(second, 9 * PAGE);
    if (second != NULL && !shared) wasm_memory_buffer_resize(second, 9 * PAGE); /* refused where it would have to move */
    wasm_memory_buffer_delete(second);
    if (i % 7 >= 4) wasm_memory_buffer_delete(first);
  }
}

TEST(last_buffer_gives_the_address_space_back) {
  live_and_die(NULL, 200);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  live_and_die(NULL, rounds(5000));
  check_back_to(mappings, address_space, MAPPING_SLACK);
}

TEST(last_buffer_gives_moved_ranges_back) {
  live_and_die(NULL, 200);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  wasm_memory_allocator_t *allocator = moving(PAGE);
  for (unsigned i = 0; i < rounds(200); i++) {
    history past = grown_with_history(created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(200))));
    if (i % 2 == 0) wasm_memory_delete(past.memory);
    for (int k = 0; k < GENERATIONS; k++) give_back(&past, k * 5 % GENERATIONS);
    if (i % 2 == 1) wasm_memory_delete(past.memory);
  }
  live_and_die(allocator, rounds(2000));
  wasm_memory_allocator_delete(allocator);
  check_back_to(mappings, address_space, MAPPING_SLACK);
}

HARNESS_MAIN(LISTED(buffer_outlives_its_memory), LISTED(buffers_of_a_deleted_shared_memory), LISTED(generations_grown_in_place),
             LISTED(generations_that_moved), LISTED(old_range_goes_before_the_new_one), LISTED(resizable_buffer_does_not_move),
             LISTED(resize_after_the_memory_does_not_move_either), LISTED(last_buffer_gives_the_address_space_back),
             LISTED(last_buffer_gives_moved_ranges_back))
