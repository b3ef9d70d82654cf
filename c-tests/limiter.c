/* The limiter: what it is asked and when, what it is told of, and that its word counts (design.md 6). */
#define _GNU_SOURCE
#include "buffers.h"
#include "limiter.h"
#include "process.h"

TEST(asked_at_creation) {
  limiter it = {.refuses = false};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  CHECK_NOT_ASKED(&it);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(3))));
  CHECK_ASKED(&it, 0, 3 * PAGE, UINT64_MAX);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(7))));
  CHECK_ASKED(&it, 0, PAGE, 7 * PAGE);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(9), .shared = true)));
  CHECK_ASKED(&it, 0, 2 * PAGE, 9 * PAGE);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(5), .maximum = PAGES(11), .page_size = 1)));
  CHECK_ASKED(&it, 0, 5, 11);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(I64_DECLARED_LIMIT), .address = I64)));
  CHECK_ASKED(&it, 0, PAGE, I64_DECLARED_LIMIT * PAGE);
  CHECK_NOT_TOLD(&it);
  wasm_memory_allocator_delete(allocator);
}

static void check_asked_at_growth(wasm_memory_descriptor_t type, uint64_t page_size) {
  limiter it = {.refuses = false};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  wasm_memory_t *memory = created_in(allocator, type);
  const uint64_t maximum = type.maximum.present ? type.maximum.pages * page_size : UINT64_MAX;
  CHECK_ASKED(&it, 0, 2 * page_size, maximum);
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  CHECK_ASKED(&it, 2 * page_size, 5 * page_size, maximum);
  CHECK_STATUS(wasm_memory_grow(memory, 0, NULL), WASM_MEMORY_OK);
  CHECK_NOT_ASKED(&it);

  it.refuses = true;
  uint64_t previous = 99;
  const wasm_memory_error_t error = RANGE_FAILS(wasm_memory_grow(memory, 1, &previous), LIMITER);
  CHECK_U64(error.requested, 6 * page_size);
  CHECK_U64(previous, 99);
  CHECK_U64(wasm_memory_size(memory), 5);
  CHECK_ASKED(&it, 5 * page_size, 6 * page_size, maximum);
  CHECK_TOLD(&it, LIMITER);
  CHECK_STATUS(wasm_memory_grow(memory, 0, NULL), WASM_MEMORY_OK); /* not asked, so not refused */
  CHECK_NOT_ASKED(&it);
  CHECK_NOT_TOLD(&it);
  it.refuses = false;
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(asked_at_growth) {
  check_asked_at_growth(TYPE(.initial = PAGES(2)), PAGE);
  check_asked_at_growth(TYPE(.initial = PAGES(2), .maximum = PAGES(9)), PAGE);
  check_asked_at_growth(TYPE(.initial = PAGES(2), .maximum = PAGES(9), .address = I64), PAGE);
  check_asked_at_growth(TYPE(.initial = PAGES(2), .page_size = 1), 1);
}

TEST(asked_at_growth_of_shared_memory) {
  check_asked_at_growth(TYPE(.initial = PAGES(2), .maximum = PAGES(9), .shared = true), PAGE);
  check_asked_at_growth(TYPE(.initial = PAGES(2), .maximum = PAGES(9), .shared = true, .page_size = 1), 1);
}

TEST(asked_at_growth_through_buffers) {
  limiter it = {.refuses = false};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  for (int shared = 0; shared < 2; shared++) {
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(4), .shared = shared == 1));
    wasm_memory_buffer_t *buffer = resizable_of(memory);
    wasm_memory_status_t (*resize)(wasm_memory_buffer_t *, uint64_t) = shared == 1 ? wasm_memory_buffer_grow : wasm_memory_buffer_resize;
    it.asked = 0;
    CHECK_STATUS(resize(buffer, 2 * PAGE), WASM_MEMORY_OK);
    CHECK_ASKED(&it, PAGE, 2 * PAGE, 4 * PAGE);
    it.refuses = true;
    RANGE_FAILS(resize(buffer, 3 * PAGE), LIMITER);
    CHECK_TOLD(&it, LIMITER);
    CHECK_U64(wasm_memory_buffer_byte_length(buffer), 2 * PAGE);
    it.asked = 0;
    wasm_memory_delete(memory); /* the limiter is not gone while the buffer can grow */
    RANGE_FAILS(resize(buffer, 3 * PAGE), LIMITER);
    CHECK_ASKED(&it, 2 * PAGE, 3 * PAGE, 4 * PAGE);
    it.told = 0;
    it.refuses = false;
    wasm_memory_buffer_delete(buffer);
  }
  wasm_memory_allocator_delete(allocator);
  CHECK_U64(it.finalized, 1);
}

TEST(refused_creation) {
  limiter it = {.refuses = true};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  const wasm_memory_error_t error = RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(3))), LIMITER);
  CHECK_U64(error.requested, 3 * PAGE);
  CHECK_U64((uint64_t)error.os_error, 0);
  CHECK_TOLD(&it, LIMITER);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(0), .maximum = PAGES(1), .shared = true)), LIMITER);
  CHECK_TOLD(&it, LIMITER);
  CHECK_U64(stats_of(allocator).memories, 0);
  wasm_memory_allocator_delete(allocator);
}

/* ---- after every limit of the library's own; and told of each of them ---- */

TEST(asked_last_at_creation) {
  limiter it = {.refuses = true};
  wasm_memory_config_t *config = config_new();
  set_limiter(config, &it);
  wasm_memory_config_set_size_limit(config, 5 * PAGE);
  wasm_memory_config_set_quota(config, 0, 3 * PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1), .page_size = 3)), PAGE_SIZE);
  CHECK_TOLD(&it, PAGE_SIZE);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(65537))), ABOVE_LIMIT);
  CHECK_TOLD(&it, ABOVE_LIMIT);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(1))), MAXIMUM_BELOW_INITIAL);
  CHECK_TOLD(&it, MAXIMUM_BELOW_INITIAL);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(6))), SIZE_LIMIT);
  CHECK_TOLD(&it, SIZE_LIMIT);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(4))), QUOTA_BYTES);
  CHECK_TOLD(&it, QUOTA_BYTES);
  CHECK_NOT_ASKED(&it);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(3))), LIMITER);
  CHECK_ASKED(&it, 0, 3 * PAGE, UINT64_MAX);
  CHECK_TOLD(&it, LIMITER);
  wasm_memory_allocator_delete(allocator);
}

TEST(told_of_the_number_of_memories) {
  limiter it = {.refuses = false};
  wasm_memory_config_t *config = config_new();
  set_limiter(config, &it);
  wasm_memory_config_set_quota(config, 1, 0);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  it.asked = 0;
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), QUOTA_MEMORIES);
  CHECK_TOLD(&it, QUOTA_MEMORIES);
  CHECK_NOT_ASKED(&it);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(asked_last_at_growth) {
  limiter it = {.refuses = false};
  wasm_memory_config_t *config = config_new();
  set_limiter(config, &it);
  wasm_memory_config_set_size_limit(config, 7 * PAGE);
  wasm_memory_config_set_reservation(config, 5 * PAGE);
  wasm_memory_config_set_quota(config, 0, 3 * PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  it.asked = 0;
  it.refuses = true;
  RANGE_FAILS(wasm_memory_grow(memory, 9, NULL), MAXIMUM_EXCEEDED);
  CHECK_TOLD(&it, MAXIMUM_EXCEEDED);
  RANGE_FAILS(wasm_memory_grow(memory, 7, NULL), SIZE_LIMIT);
  CHECK_TOLD(&it, SIZE_LIMIT);
  RANGE_FAILS(wasm_memory_grow(memory, 5, NULL), RESERVATION_EXCEEDED);
  CHECK_TOLD(&it, RESERVATION_EXCEEDED);
  RANGE_FAILS(wasm_memory_grow(memory, 3, NULL), QUOTA_BYTES);
  CHECK_TOLD(&it, QUOTA_BYTES);
  CHECK_NOT_ASKED(&it);
  RANGE_FAILS(wasm_memory_grow(memory, 2, NULL), LIMITER);
  CHECK_TOLD(&it, LIMITER);
  CHECK_ASKED(&it, PAGE, 3 * PAGE, 9 * PAGE);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* A TypeError is the caller's mistake and no refusal. */
TEST(not_told_of_type_errors) {
  limiter it = {.refuses = true};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  TYPE_FAILS(refused_in(allocator, TYPE(.maximum = PAGES(1))), INITIAL_MISSING);
  TYPE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1), .shared = true)), SHARED_WITHOUT_MAXIMUM);
  TYPE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(UINT64_MAX))), COUNT_OUTSIDE_TYPE);
  TYPE_FAILS(wasm_memory_new_in(allocator, NULL, NULL, &it.memory), NULL_ARGUMENT);
  it.refuses = false;
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  it.asked = 0;
  it.refuses = true;
  TYPE_FAILS(wasm_memory_grow(memory, UINT64_MAX, NULL), COUNT_OUTSIDE_TYPE);
  CHECK_NOT_ASKED(&it);
  CHECK_NOT_TOLD(&it);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

static void told_of_the_host_in_child(void) {
  limiter it = {.refuses = false};
  wasm_memory_config_t *config = config_new();
  set_limiter(config, &it);
  wasm_memory_config_set_fallback(config, false);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(10000)));
  it.asked = 0;
  wasm_memory_allocator_trim(NULL); /* what another allocator keeps may be given back for it */
  limit(RLIMIT_AS, process_bytes("VmSize") + 64 * MIB);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), ADDRESS_SPACE); /* the host is after the limiter */
  CHECK_ASKED(&it, 0, PAGE, UINT64_MAX);
  CHECK_TOLD(&it, ADDRESS_SPACE);
  limit(RLIMIT_AS, UINT64_MAX);
  limit(RLIMIT_DATA, process_bytes("VmData") + 4 * MIB);
  RANGE_FAILS(wasm_memory_grow(memory, 5000, NULL), COMMIT);
  CHECK_ASKED(&it, PAGE, 5001 * PAGE, 10000 * PAGE);
  CHECK_TOLD(&it, COMMIT);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(told_of_the_host) {
  NEEDS_STEADY_BASE();
  NEEDS_HOST_COUNTS();
  in_child(told_of_the_host_in_child);
}

TEST(image_that_does_not_fit) {
  limiter it = {.refuses = false};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  wasm_memory_image_t *image = pattern_image(5, PAGE, 1);
  RANGE_FAILS(refused_from(allocator, image, TYPE(.initial = PAGES(1))), IMAGE_DOES_NOT_FIT);
  CHECK_TOLD(&it, IMAGE_DOES_NOT_FIT);
  wasm_memory_image_delete(image);
  wasm_memory_allocator_delete(allocator);
}

/* ---- reset ---- */

TEST(asked_before_a_reset_that_enlarges) {
  limiter it = {.refuses = false};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  memset(wasm_memory_data(memory), 0x21, 4 * PAGE);
  it.asked = 0;
  wasm_memory_image_t *snapshot = snapshot_of(memory);
  CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK); /* the same size */
  CHECK_NOT_ASKED(&it);
  CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK); /* a smaller one */
  CHECK_NOT_ASKED(&it);
  memset(wasm_memory_data(memory), 0x42, PAGE);
  it.refuses = true;
  RANGE_FAILS(wasm_memory_reset(memory, snapshot), LIMITER);
  CHECK_ASKED(&it, PAGE, 4 * PAGE, 9 * PAGE);
  CHECK_TOLD(&it, LIMITER);
  CHECK_U64(wasm_memory_size(memory), 1);
  CHECK(all_are(wasm_memory_data(memory), 0x42, PAGE));
  it.refuses = false;
  CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK);
  CHECK_ASKED(&it, PAGE, 4 * PAGE, 9 * PAGE);
  CHECK(all_are(wasm_memory_data(memory), 0x21, 4 * PAGE));
  CHECK_NOT_TOLD(&it);
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* ---- callbacks of other languages ---- */

/* The register of a callee that has whole words for booleans. */
typedef unsigned (*word_callback)(void *, uint64_t, uint64_t, uint64_t);
typedef bool (*bool_callback)(void *, uint64_t, uint64_t, uint64_t);
typedef void (*any_function)(void);

static unsigned word_answer(void *context, uint64_t current, uint64_t desired, uint64_t maximum) {
  (void)current, (void)desired, (void)maximum;
  return *(unsigned *)context;
}

/* True is any byte that is not zero; what else is in the register is nobody's. */
TEST(odd_answers) {
  const word_callback words = word_answer;
  unsigned answer = 1;
  wasm_memory_config_t *config = config_new();
  const wasm_memory_limiter_t callbacks = {.context = &answer, .growing = (bool_callback)(any_function)words};
  wasm_memory_config_set_limiter(config, &callbacks);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(0)));
  const unsigned yes[] = {2, 3, 0x10, 0x80, 0xFE, 0xFF, 0x1234FF80}, no[] = {0, 0x100, 0xFFFFFF00};
  for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
    answer = yes[i];
    wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1))));
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  }
  for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
    answer = no[i];
    RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), LIMITER);
    RANGE_FAILS(wasm_memory_grow(memory, 1, NULL), LIMITER); /* `refused` is NULL, and may be */
  }
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

HARNESS_MAIN(LISTED(asked_at_creation), LISTED(asked_at_growth), LISTED(asked_at_growth_of_shared_memory),
             LISTED(asked_at_growth_through_buffers), LISTED(refused_creation), LISTED(asked_last_at_creation),
             LISTED(told_of_the_number_of_memories), LISTED(asked_last_at_growth), LISTED(not_told_of_type_errors), LISTED(told_of_the_host),
             LISTED(image_that_does_not_fit), LISTED(asked_before_a_reset_that_enlarges), LISTED(odd_answers))
