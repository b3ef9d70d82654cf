/* Conversions, resize, grow and transfer of a buffer: their checks in order, and growth seen from both sides (semantics.md A.7). */
#define _POSIX_C_SOURCE 200809L
#include "buffers.h"

#include <pthread.h>

typedef wasm_memory_status_t (*length_setter)(wasm_memory_buffer_t *buffer, uint64_t byte_length);

/* Lengths of every sort: each check but the one of the kind would find fault with some of them. */
static const uint64_t any_length[] = {0, 1, PAGE - 1, PAGE, 2 * PAGE, 2 * PAGE + 1, 5 * PAGE, 99 * PAGE, SAFE_INTEGER, SAFE_INTEGER + 1, UINT64_MAX};
enum { ANY_LENGTHS = sizeof any_length / sizeof any_length[0] };

static void check_always(length_setter set, wasm_memory_buffer_t *buffer, uint32_t reason) {
  for (int i = 0; i < ANY_LENGTHS; i++) CHECK_FAILS(set(buffer, any_length[i]), WASM_MEMORY_TYPE_ERROR, reason);
}

static wasm_memory_t *two_of_five(bool shared) { return created(TYPE(.initial = PAGES(2), .maximum = PAGES(5), .shared = shared)); }

/* The kind is looked at before everything else: no length is acceptable, and a detached fixed buffer is a fixed one first. */
TEST(setter_of_another_kind) {
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = two_of_five(k == 1);
    wasm_memory_buffer_t *fixed = buffer_of(memory);
    check_always(wasm_memory_buffer_resize, fixed, WASM_MEMORY_REASON_BUFFER_KIND);
    check_always(wasm_memory_buffer_grow, fixed, WASM_MEMORY_REASON_BUFFER_KIND);
    wasm_memory_buffer_t *resizable = resizable_of(memory);
    check_always(k == 1 ? wasm_memory_buffer_resize : wasm_memory_buffer_grow, resizable, WASM_MEMORY_REASON_BUFFER_KIND);
    CHECK_POINTER(current(memory), resizable);
    wasm_memory_buffer_t *again = fixed_of(memory);
    check_always(wasm_memory_buffer_resize, fixed, WASM_MEMORY_REASON_BUFFER_KIND);
    check_always(wasm_memory_buffer_grow, fixed, WASM_MEMORY_REASON_BUFFER_KIND);
    check_always(k == 1 ? wasm_memory_buffer_resize : wasm_memory_buffer_grow, resizable, WASM_MEMORY_REASON_BUFFER_KIND);
    CHECK_POINTER(current(memory), again);
    CHECK_U64(wasm_memory_size(memory), 2);
    wasm_memory_buffer_delete(again);
    wasm_memory_buffer_delete(resizable);
    wasm_memory_buffer_delete(fixed);
    wasm_memory_delete(memory);
  }
}

/* What is no index at all is refused before the buffer is looked at, everything else after. */
TEST(resize_of_detached) {
  wasm_memory_t *memory = two_of_five(false);
  wasm_memory_buffer_t *detached = resizable_of(memory);
  wasm_memory_buffer_delete(fixed_of(memory));
  CHECK_DETACHED_RESIZABLE(detached);
  for (int i = 0; i < ANY_LENGTHS; i++)
    if (any_length[i] <= SAFE_INTEGER) {
      CHECK_FAILS(wasm_memory_buffer_resize(detached, any_length[i]), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_DETACHED);
    } else {
      CHECK_FAILS(wasm_memory_buffer_resize(detached, any_length[i]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH);
    }
  CHECK_DETACHED_RESIZABLE(detached);
  CHECK_U64(wasm_memory_size(memory), 2);
  wasm_memory_buffer_delete(detached);
  wasm_memory_delete(memory);
}

TEST(resize_in_its_order) {
  wasm_memory_t *memory = two_of_five(false);
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  const uint64_t above[] = {5 * PAGE + 1, 6 * PAGE, 6 * PAGE + 1, SAFE_INTEGER};                /* aligned or not: the maximum comes first */
  const uint64_t not_index[] = {SAFE_INTEGER + 1, SAFE_INTEGER + 2, UINT64_MAX - PAGE + 1, UINT64_MAX};
  const uint64_t below[] = {0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1};                      /* aligned or not: shrinking comes first */
  const uint64_t unaligned[] = {2 * PAGE + 1, 3 * PAGE - 1, 3 * PAGE + 1, 4 * PAGE + 4096, 5 * PAGE - 1};
  for (int i = 0; i < 4; i++)
    CHECK_FIGURES(wasm_memory_buffer_resize(buffer, above[i]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH, above[i], 5 * PAGE);
  for (int i = 0; i < 4; i++)
    CHECK_FAILS(wasm_memory_buffer_resize(buffer, not_index[i]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH);
  for (int i = 0; i < 6; i++)
    CHECK_FIGURES(wasm_memory_buffer_resize(buffer, below[i]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_WOULD_SHRINK, below[i], 2 * PAGE);
  for (int i = 0; i < 5; i++)
    CHECK_FAILS(wasm_memory_buffer_resize(buffer, unaligned[i]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_NOT_PAGE_MULTIPLE);
  CHECK_POINTER(current(memory), buffer);
  CHECK_RESIZABLE(buffer, memory, 5 * PAGE);
  CHECK_U64(wasm_memory_byte_length(memory), 2 * PAGE);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
}

/* The maximum comes last here. */
TEST(grow_in_its_order) {
  wasm_memory_t *memory = two_of_five(true);
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  const uint64_t above[] = {6 * PAGE, 7 * PAGE, SAFE_INTEGER - PAGE + 1};
  const uint64_t not_index[] = {SAFE_INTEGER + 1, SAFE_INTEGER + 2, UINT64_MAX - PAGE + 1, UINT64_MAX};
  const uint64_t below[] = {0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1};
  const uint64_t unaligned[] = {2 * PAGE + 1, 3 * PAGE - 1, 5 * PAGE - 1, 5 * PAGE + 1, 6 * PAGE + 1, SAFE_INTEGER};
  for (int i = 0; i < 4; i++)
    CHECK_FAILS(wasm_memory_buffer_grow(buffer, not_index[i]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH);
  for (int i = 0; i < 6; i++)
    CHECK_FIGURES(wasm_memory_buffer_grow(buffer, below[i]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_WOULD_SHRINK, below[i], 2 * PAGE);
  for (int i = 0; i < 6; i++)
    CHECK_FAILS(wasm_memory_buffer_grow(buffer, unaligned[i]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_NOT_PAGE_MULTIPLE);
  for (int i = 0; i < 3; i++)
    CHECK_FIGURES(wasm_memory_buffer_grow(buffer, above[i]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH, above[i], 5 * PAGE);
  CHECK_POINTER(current(memory), buffer);
  CHECK_RESIZABLE(buffer, memory, 5 * PAGE);
  CHECK_U64(wasm_memory_byte_length(memory), 2 * PAGE);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
}

/* Not every maximum is an index: a length above 2^53 - 1 is none even where the maximum is above it. */
TEST(length_that_is_no_index) {
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(3), .maximum = PAGES(UINT64_MAX), .shared = k == 1, .address = I64, .page_size = 1));
    wasm_memory_buffer_t *buffer = resizable_of(memory);
    length_setter set = k == 1 ? wasm_memory_buffer_grow : wasm_memory_buffer_resize;
    CHECK_RESIZABLE(buffer, memory, UINT64_MAX);
    CHECK_FAILS(set(buffer, SAFE_INTEGER + 1), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH);
    CHECK_FAILS(set(buffer, UINT64_MAX), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH);
    CHECK_FIGURES(set(buffer, SAFE_INTEGER), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, SAFE_INTEGER, SIZE_LIMIT_BYTES);
    CHECK_STATUS(set(buffer, 4), WASM_MEMORY_OK);
    CHECK_RESIZABLE(buffer, memory, UINT64_MAX);
    wasm_memory_buffer_delete(buffer);
    wasm_memory_delete(memory);
  }
}

TEST(maximum_is_shown_as_declared) {
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(I64_DECLARED_LIMIT), .shared = k == 1, .address = I64));
    wasm_memory_buffer_t *buffer = resizable_of(memory);
    length_setter set = k == 1 ? wasm_memory_buffer_grow : wasm_memory_buffer_resize;
    CHECK_RESIZABLE(buffer, memory, SAFE_INTEGER + 1 - PAGE);
    CHECK_FIGURES(set(buffer, SAFE_INTEGER + 1 - PAGE), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, SAFE_INTEGER + 1 - PAGE,
                  SIZE_LIMIT_BYTES);
    CHECK_FAILS(set(buffer, SAFE_INTEGER), WASM_MEMORY_RANGE_ERROR,
                k == 1 ? WASM_MEMORY_REASON_NOT_PAGE_MULTIPLE : WASM_MEMORY_REASON_MAX_BYTE_LENGTH);
    wasm_memory_buffer_delete(buffer);
    wasm_memory_delete(memory);
  }
}

static void check_growth_from_both_sides(wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = created(type);
  const uint64_t page = pages_of(memory, 1), maximum = maximum_of(memory);
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  length_setter set = type.shared ? wasm_memory_buffer_grow : wasm_memory_buffer_resize;
  uint64_t previous = 0;
  for (uint64_t size = type.initial.pages; size < type.maximum.pages; size++) {
    uint8_t *base = wasm_memory_buffer_data(buffer);
    memset(base, (int)size, (size_t)(size * page));
    CHECK_STATUS(set(buffer, size * page), WASM_MEMORY_OK); /* the length that it has: nothing happens, and that is no failure */
    CHECK_POINTER(current(memory), buffer);
    CHECK_U64(wasm_memory_size(memory), size);
    if (size % 2 == 0) {
      CHECK_STATUS(set(buffer, (size + 1) * page), WASM_MEMORY_OK);
    } else {
      CHECK_STATUS(wasm_memory_grow(memory, 1, &previous), WASM_MEMORY_OK);
      CHECK_U64(previous, size);
    }
    CHECK_POINTER(current(memory), buffer);
    CHECK_RESIZABLE(buffer, memory, maximum);
    CHECK_U64(wasm_memory_buffer_byte_length(buffer), (size + 1) * page);
    CHECK_U64(wasm_memory_size(memory), size + 1);
    CHECK_U64(wasm_memory_byte_length(memory), (size + 1) * page);
    CHECK_U64(view->byte_length, (size + 1) * page);
    CHECK_U64(type_of(memory).initial.pages, size + 1);
    CHECK_POINTER(wasm_memory_buffer_data(buffer), base);
    CHECK(base[0] == (uint8_t)size && base[size * page - 1] == (uint8_t)size);
    CHECK(all_zero(base + size * page, (size_t)page));
  }
  CHECK_STATUS(set(buffer, maximum), WASM_MEMORY_OK);
  CHECK_FIGURES(set(buffer, maximum + page), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH, maximum + page, maximum);
  CHECK_FAILS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
}

TEST(growth_is_seen_from_both_sides) {
  for (int k = 0; k < 2; k++) {
    check_growth_from_both_sides(TYPE(.initial = PAGES(1), .maximum = PAGES(9), .shared = k == 1));
    check_growth_from_both_sides(TYPE(.initial = PAGES(2), .maximum = PAGES(6), .shared = k == 1, .address = I64));
    check_growth_from_both_sides(TYPE(.initial = PAGES(1), .maximum = PAGES(40), .shared = k == 1, .page_size = 1));
    check_growth_from_both_sides(TYPE(.initial = PAGES(4090), .maximum = PAGES(4101), .shared = k == 1, .page_size = 1, .address = I64));
  }
}

TEST(pages_of_one_byte) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3), .maximum = PAGES(100000), .page_size = 1));
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  const uint64_t lengths[] = {4, 4095, 4097, 65535, 65537, 99999, 100000};
  for (int i = 0; i < 7; i++) {
    CHECK_STATUS(wasm_memory_buffer_resize(buffer, lengths[i]), WASM_MEMORY_OK);
    CHECK_U64(wasm_memory_byte_length(memory), lengths[i]);
    CHECK_U64(wasm_memory_size(memory), lengths[i]);
    CHECK_RESIZABLE(buffer, memory, 100000);
    wasm_memory_buffer_data(buffer)[lengths[i] - 1] = 1;
    CHECK_FIGURES(wasm_memory_buffer_resize(buffer, lengths[i] - 1), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_WOULD_SHRINK, lengths[i] - 1,
                  lengths[i]);
  }
  CHECK_FIGURES(wasm_memory_buffer_resize(buffer, 100001), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH, 100001, 100000);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
}

/* Checked before anything happens: the buffer of then is still the current one. */
TEST(no_maximum_no_resizable_buffer) {
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(1)), TYPE(.initial = PAGES(1), .address = I64),
                                            TYPE(.initial = PAGES(0), .page_size = 1)};
  for (int i = 0; i < 3; i++) {
    wasm_memory_t *memory = created(types[i]);
    wasm_memory_buffer_t *buffer = buffer_of(memory), *none = AS_BUFFER(POISON_POINTER);
    CHECK_FAILS(wasm_memory_to_resizable_buffer(memory, &none), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_NO_MAXIMUM);
    CHECK_POINTER(none, NULL);
    CHECK_POINTER(current(memory), buffer);
    CHECK_POINTER(fixed_of(memory), buffer);
    CHECK_FIXED(buffer, memory, wasm_memory_byte_length(memory));
    wasm_memory_buffer_delete(buffer);
    wasm_memory_buffer_delete(buffer);
    wasm_memory_delete(memory);
  }
}

TEST(maximum_of_nothing) {
  for (int k = 0; k < 4; k++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(0), .maximum = PAGES(0), .shared = k % 2 == 1, .page_size = k / 2 == 1));
    wasm_memory_buffer_t *buffer = resizable_of(memory);
    length_setter set = k % 2 == 1 ? wasm_memory_buffer_grow : wasm_memory_buffer_resize;
    CHECK_RESIZABLE(buffer, memory, 0);
    CHECK_STATUS(set(buffer, 0), WASM_MEMORY_OK);
    CHECK_FIGURES(set(buffer, PAGE), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH, PAGE, 0);
    CHECK_STATUS(wasm_memory_grow(memory, 0, NULL), WASM_MEMORY_OK);
    CHECK_POINTER(current(memory), buffer);
    wasm_memory_buffer_delete(buffer);
    wasm_memory_delete(memory);
  }
}

/* In its order: shared, detached, the key that only the memory has. No transfer changes anything. */
TEST(transfer_always_fails) {
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = two_of_five(k == 1);
    const uint32_t live = k == 1 ? WASM_MEMORY_REASON_BUFFER_KIND : WASM_MEMORY_REASON_NOT_TRANSFERABLE;
    const uint32_t left = k == 1 ? WASM_MEMORY_REASON_BUFFER_KIND : WASM_MEMORY_REASON_DETACHED;
    wasm_memory_buffer_t *fixed = buffer_of(memory);
    CHECK_FAILS(wasm_memory_buffer_transfer(fixed), WASM_MEMORY_TYPE_ERROR, live);
    CHECK_POINTER(current(memory), fixed);
    CHECK_FIXED(fixed, memory, 2 * PAGE);
    wasm_memory_buffer_t *resizable = resizable_of(memory);
    CHECK_FAILS(wasm_memory_buffer_transfer(resizable), WASM_MEMORY_TYPE_ERROR, live);
    CHECK_FAILS(wasm_memory_buffer_transfer(fixed), WASM_MEMORY_TYPE_ERROR, left);
    CHECK_POINTER(current(memory), resizable);
    CHECK_RESIZABLE(resizable, memory, 5 * PAGE);
    wasm_memory_buffer_delete(fixed_of(memory));
    CHECK_FAILS(wasm_memory_buffer_transfer(resizable), WASM_MEMORY_TYPE_ERROR, left);
    wasm_memory_delete(memory);
    CHECK_FAILS(wasm_memory_buffer_transfer(resizable), WASM_MEMORY_TYPE_ERROR, left);
    wasm_memory_buffer_delete(resizable);
    wasm_memory_buffer_delete(fixed);
  }
}

/* Past the checks of its own a resize is a growth of the memory, with the limits that the allocator sets. */
static void check_limited(wasm_memory_config_t *config, uint64_t limit, uint32_t reason) {
  wasm_memory_allocator_t *allocator = allocator_of(config);
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(10), .shared = k == 1));
    wasm_memory_buffer_t *buffer = resizable_of(memory);
    length_setter set = k == 1 ? wasm_memory_buffer_grow : wasm_memory_buffer_resize;
    wasm_memory_buffer_data(buffer)[PAGE - 1] = 0x42;
    CHECK_FIGURES(set(buffer, 10 * PAGE), WASM_MEMORY_RANGE_ERROR, reason, 10 * PAGE, limit);
    CHECK_RESIZABLE(buffer, memory, 10 * PAGE);
    CHECK_U64(wasm_memory_size(memory), 1);
    CHECK_STATUS(set(buffer, limit), WASM_MEMORY_OK);
    CHECK_FIGURES(set(buffer, limit + PAGE), WASM_MEMORY_RANGE_ERROR, reason, limit + PAGE, limit);
    CHECK_FIGURES(set(buffer, 11 * PAGE), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAX_BYTE_LENGTH, 11 * PAGE, 10 * PAGE);
    CHECK_RESIZABLE(buffer, memory, 10 * PAGE);
    CHECK_POINTER(current(memory), buffer);
    CHECK_U64(wasm_memory_buffer_byte_length(buffer), limit);
    CHECK_U64(wasm_memory_buffer_data(buffer)[PAGE - 1], 0x42);
    wasm_memory_buffer_delete(buffer);
    wasm_memory_delete(memory);
  }
  wasm_memory_allocator_delete(allocator);
}

TEST(limits_of_the_allocator) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_size_limit(config, 3 * PAGE);
  check_limited(config, 3 * PAGE, WASM_MEMORY_REASON_SIZE_LIMIT);
  config = config_new();
  wasm_memory_config_set_reservation(config, 4 * PAGE);
  check_limited(config, 4 * PAGE, WASM_MEMORY_REASON_RESERVATION_EXCEEDED);
}

enum { GROWERS = 4, LENGTHS = 400 };

/* A length that another thread has passed already would shrink; one that it has just set is the length that there is. */
static void *grow_by_a_page_each(void *argument) {
  wasm_memory_buffer_t *buffer = (wasm_memory_buffer_t *)argument;
  uint64_t last = 0;
  while (last < LENGTHS * PAGE) {
    uint64_t length = wasm_memory_buffer_byte_length(buffer);
    if (length < last || length % PAGE != 0 || length > LENGTHS * PAGE) CHECK(!"a length that was never set");
    if (length < LENGTHS * PAGE && wasm_memory_buffer_grow(buffer, length + PAGE) != WASM_MEMORY_OK) {
      wasm_memory_error_t error;
      wasm_memory_last_error(&error);
      CHECK_U64(error.reason, WASM_MEMORY_REASON_WOULD_SHRINK);
      CHECK(error.requested < error.available);
    }
    if (length > 0) __atomic_fetch_add(wasm_memory_buffer_data(buffer) + length - 1, 1, __ATOMIC_RELAXED);
    last = length;
  }
  return NULL;
}

TEST(grow_from_many_threads) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(LENGTHS), .shared = true));
  wasm_memory_buffer_t *first = resizable_of(memory);
  wasm_memory_buffer_delete(fixed_of(memory));
  wasm_memory_buffer_t *second = resizable_of(memory);
  pthread_t threads[GROWERS];
  for (int i = 0; i < GROWERS; i++) REQUIRE(pthread_create(&threads[i], NULL, grow_by_a_page_each, i % 2 == 0 ? first : second) == 0);
  for (int i = 0; i < GROWERS; i++) pthread_join(threads[i], NULL);
  CHECK_U64(wasm_memory_size(memory), LENGTHS);
  CHECK_RESIZABLE(first, memory, LENGTHS * PAGE);
  CHECK_RESIZABLE(second, memory, LENGTHS * PAGE);
  wasm_memory_buffer_delete(second);
  wasm_memory_buffer_delete(first);
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(setter_of_another_kind), LISTED(resize_of_detached), LISTED(resize_in_its_order), LISTED(grow_in_its_order),
             LISTED(length_that_is_no_index), LISTED(maximum_is_shown_as_declared), LISTED(growth_is_seen_from_both_sides),
             LISTED(pages_of_one_byte), LISTED(no_maximum_no_resizable_buffer), LISTED(maximum_of_nothing), LISTED(transfer_always_fails),
             LISTED(limits_of_the_allocator), LISTED(grow_from_many_threads))
