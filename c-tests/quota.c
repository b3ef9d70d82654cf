/* Quotas, in memories and in bytes: at creation and growth, until the bytes are gone, in their place among the checks
 * (design.md 2 and 6). */
#include <pthread.h>

#include "allocators.h"
#include "buffers.h"

static wasm_memory_allocator_t *with_quota(uint64_t memories, uint64_t bytes) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_quota(config, memories, bytes);
  return allocator_of(config);
}

/* The limit that was met is in the error, and more than it is what was asked for. */
static void check_quota_error(const char *file, int line, wasm_memory_error_t error, uint64_t available) {
  harness_u64(file, line, "available", error.available, available);
  harness_true(file, line, "more was requested", error.requested > available);
  harness_u64(file, line, "os_error", (uint64_t)error.os_error, 0);
}
#define OVER_BYTES(call, quota) check_quota_error(__FILE__, __LINE__, RANGE_FAILS(call, QUOTA_BYTES), (quota))
#define OVER_MEMORIES(call, quota) check_quota_error(__FILE__, __LINE__, RANGE_FAILS(call, QUOTA_MEMORIES), (quota))

TEST(memories) {
  wasm_memory_allocator_t *allocator = with_quota(3, 0);
  wasm_memory_t *memories[3];
  for (int i = 0; i < 3; i++) memories[i] = created_in(allocator, TYPE(.initial = PAGES((uint64_t)i)));
  for (int round = 0; round < 3; round++) {
    OVER_MEMORIES(refused_in(allocator, TYPE(.initial = PAGES(0))), 3);
    OVER_MEMORIES(refused_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true)), 3);
    wasm_memory_delete(memories[round]);
    memories[round] = created_in(allocator, TYPE(.initial = PAGES(100))); /* bytes have no quota */
    CHECK_STATUS(wasm_memory_grow(memories[round], 100, NULL), WASM_MEMORY_OK);
  }
  wasm_memory_t *elsewhere = created(TYPE(.initial = PAGES(1))); /* it is this allocator's only */
  wasm_memory_delete(elsewhere);
  for (int i = 0; i < 3; i++) wasm_memory_delete(memories[i]);
  wasm_memory_allocator_delete(allocator);
}

TEST(bytes_at_creation) {
  wasm_memory_allocator_t *allocator = with_quota(0, 5 * PAGE);
  OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(6))), 5 * PAGE);
  wasm_memory_t *three = created_in(allocator, TYPE(.initial = PAGES(3)));
  OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(3))), 5 * PAGE);
  wasm_memory_t *two = created_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(9), .shared = true));
  OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(1))), 5 * PAGE);
  OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(1), .page_size = 1)), 5 * PAGE);
  for (int i = 0; i < 50; i++) wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(0)))); /* memories have no quota */
  wasm_memory_delete(three);
  three = created_in(allocator, TYPE(.initial = PAGES(3), .address = I64));
  OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(1))), 5 * PAGE);
  wasm_memory_delete(two);
  wasm_memory_delete(three);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(5))));
  wasm_memory_allocator_delete(allocator);
}

/* Byte lengths are counted, not host pages and not what is reserved. */
TEST(bytes_are_byte_lengths) {
  wasm_memory_allocator_t *allocator = with_quota(0, 10);
  wasm_memory_t *seven = created_in(allocator, TYPE(.initial = PAGES(7), .page_size = 1));
  OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(4), .page_size = 1)), 10);
  OVER_BYTES(wasm_memory_grow(seven, 4, NULL), 10);
  wasm_memory_t *three = created_in(allocator, TYPE(.initial = PAGES(3), .page_size = 1));
  OVER_BYTES(wasm_memory_grow(seven, 1, NULL), 10);
  wasm_memory_delete(three);
  CHECK_STATUS(wasm_memory_grow(seven, 3, NULL), WASM_MEMORY_OK);
  OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(1))), 10);
  wasm_memory_delete(seven);
  wasm_memory_allocator_delete(allocator);
}

static void check_growth_is_counted(wasm_memory_descriptor_t type) {
  wasm_memory_allocator_t *allocator = with_quota(0, 5 * PAGE);
  wasm_memory_t *first = created_in(allocator, type), *second = created_in(allocator, type);
  uint64_t previous = 99;
  OVER_BYTES(wasm_memory_grow(first, 4, &previous), 5 * PAGE);
  CHECK_U64(previous, 99);
  CHECK_U64(wasm_memory_size(first), 1);
  CHECK_STATUS(wasm_memory_grow(first, 2, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 1);
  OVER_BYTES(wasm_memory_grow(second, 2, NULL), 5 * PAGE);
  CHECK_STATUS(wasm_memory_grow(second, 1, NULL), WASM_MEMORY_OK);
  OVER_BYTES(wasm_memory_grow(first, 1, NULL), 5 * PAGE);
  CHECK_STATUS(wasm_memory_grow(first, 0, NULL), WASM_MEMORY_OK); /* a full quota does not mind */
  wasm_memory_delete(second);
  CHECK_STATUS(wasm_memory_grow(first, 2, NULL), WASM_MEMORY_OK);
  OVER_BYTES(wasm_memory_grow(first, 1, NULL), 5 * PAGE);
  wasm_memory_delete(first);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(5))));
  wasm_memory_allocator_delete(allocator);
}

TEST(bytes_at_growth) { check_growth_is_counted(TYPE(.initial = PAGES(1))); }
TEST(bytes_at_growth_of_shared_memory) { check_growth_is_counted(TYPE(.initial = PAGES(1), .maximum = PAGES(9), .shared = true)); }

TEST(growth_through_buffers_is_counted) {
  wasm_memory_allocator_t *allocator = with_quota(0, 3 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  OVER_BYTES(wasm_memory_buffer_resize(buffer, 4 * PAGE), 3 * PAGE);
  CHECK_U64(wasm_memory_buffer_byte_length(buffer), PAGE);
  CHECK_STATUS(wasm_memory_buffer_resize(buffer, 2 * PAGE), WASM_MEMORY_OK);
  wasm_memory_delete(memory); /* the buffer goes on */
  OVER_BYTES(wasm_memory_buffer_resize(buffer, 4 * PAGE), 3 * PAGE);
  CHECK_STATUS(wasm_memory_buffer_resize(buffer, 3 * PAGE), WASM_MEMORY_OK);
  OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(1))), 3 * PAGE);
  wasm_memory_buffer_delete(buffer);
  memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9), .shared = true));
  buffer = resizable_of(memory);
  OVER_BYTES(wasm_memory_buffer_grow(buffer, 4 * PAGE), 3 * PAGE);
  CHECK_STATUS(wasm_memory_buffer_grow(buffer, 3 * PAGE), WASM_MEMORY_OK);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* Bytes that a buffer keeps mapped are bytes that the process still has. */
TEST(held_bytes_are_counted) {
  wasm_memory_allocator_t *allocator = with_quota(0, 4 * PAGE);
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(3)), TYPE(.initial = PAGES(3), .maximum = PAGES(3), .shared = true)};
  for (size_t i = 0; i < 2; i++) {
    wasm_memory_t *memory = created_in(allocator, types[i]);
    wasm_memory_buffer_t *buffer = buffer_of(memory);
    wasm_memory_delete(memory);
    OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(2))), 4 * PAGE);
    wasm_memory_t *one = created_in(allocator, TYPE(.initial = PAGES(1)));
    OVER_BYTES(wasm_memory_grow(one, 1, NULL), 4 * PAGE);
    wasm_memory_delete(one);
    wasm_memory_buffer_delete(buffer);
    wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(4))));
  }
  wasm_memory_allocator_delete(allocator);
}

TEST(references_are_one_memory) {
  wasm_memory_allocator_t *allocator = with_quota(1, PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true)), *sent = NULL;
  CHECK_POINTER(wasm_memory_retain(memory), memory);
  CHECK_STATUS(wasm_memory_send(memory, &sent), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_delete(memory);
  OVER_MEMORIES(refused_in(allocator, TYPE(.initial = PAGES(0))), 1);
  wasm_memory_delete(sent);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1))));
  wasm_memory_allocator_delete(allocator);
}

/* Discarding gives pages back and no quota: the length is what it was. */
TEST(discard_frees_no_quota) {
  wasm_memory_allocator_t *allocator = with_quota(0, 2 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2)));
  CHECK_STATUS(wasm_memory_discard(memory, 0, 2 * PAGE), WASM_MEMORY_OK);
  OVER_BYTES(wasm_memory_grow(memory, 1, NULL), 2 * PAGE);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(reset_gives_back_and_asks_for_more) {
  wasm_memory_allocator_t *allocator = with_quota(0, 5 * PAGE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  memset(wasm_memory_data(memory), 0x21, 4 * PAGE);
  wasm_memory_image_t *snapshot = snapshot_of(memory); /* an image is no memory: it counts nothing */
  OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(2))), 5 * PAGE);
  CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
  wasm_memory_t *other = created_in(allocator, TYPE(.initial = PAGES(2)));
  memset(wasm_memory_data(memory), 0x42, PAGE);
  OVER_BYTES(wasm_memory_reset(memory, snapshot), 5 * PAGE);
  CHECK_U64(wasm_memory_size(memory), 1);
  CHECK(all_are(wasm_memory_data(memory), 0x42, PAGE));
  wasm_memory_delete(other);
  CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory), 0x21, 4 * PAGE));
  OVER_BYTES(wasm_memory_grow(memory, 2, NULL), 5 * PAGE);
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* ---- the order of checks ---- */

TEST(order_at_creation) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_quota(config, 1, 3 * PAGE);
  wasm_memory_config_set_size_limit(config, 5 * PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2)));
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(9), .maximum = PAGES(8))), MAXIMUM_BELOW_INITIAL);
  CHECK_FIGURES(refused_in(allocator, TYPE(.initial = PAGES(6))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, 6 * PAGE, 5 * PAGE);
  OVER_MEMORIES(refused_in(allocator, TYPE(.initial = PAGES(4))), 1);
  wasm_memory_delete(memory);
  OVER_BYTES(refused_in(allocator, TYPE(.initial = PAGES(4))), 3 * PAGE);
  wasm_memory_allocator_delete(allocator);
}

TEST(order_at_growth) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_quota(config, 0, 3 * PAGE);
  wasm_memory_config_set_size_limit(config, 7 * PAGE);
  wasm_memory_config_set_reservation(config, 5 * PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  RANGE_FAILS(wasm_memory_grow(memory, 9, NULL), MAXIMUM_EXCEEDED);
  RANGE_FAILS(wasm_memory_grow(memory, 7, NULL), SIZE_LIMIT);
  RANGE_FAILS(wasm_memory_grow(memory, 5, NULL), RESERVATION_EXCEEDED);
  OVER_BYTES(wasm_memory_grow(memory, 4, NULL), 3 * PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* ---- hostile numbers ---- */

TEST(sums_past_2_to_64) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_size_limit(config, UINT64_MAX);
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_config_set_quota(config, 0, UINT64_MAX - 1);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2), .address = I64, .page_size = 1));
  CHECK_FIGURES(refused_in(allocator, TYPE(.initial = PAGES(UINT64_MAX), .address = I64, .page_size = 1)), WASM_MEMORY_RANGE_ERROR,
                WASM_MEMORY_REASON_QUOTA_BYTES, UINT64_MAX, UINT64_MAX - 1);
  OVER_BYTES(wasm_memory_grow(memory, UINT64_MAX - 2, NULL), UINT64_MAX - 1);
  CHECK_U64(wasm_memory_size(memory), 2);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(no_quota_and_the_largest) {
  const uint64_t quotas[][2] = {{0, 0}, {UINT64_MAX, UINT64_MAX}, {0, UINT64_MAX}, {UINT64_MAX, 0}};
  for (size_t i = 0; i < 4; i++) {
    wasm_memory_allocator_t *allocator = with_quota(quotas[i][0], quotas[i][1]);
    wasm_memory_t *first = created_in(allocator, TYPE(.initial = PAGES(70))), *second = created_in(allocator, TYPE(.initial = PAGES(0)));
    CHECK_STATUS(wasm_memory_grow(second, 300, NULL), WASM_MEMORY_OK);
    wasm_memory_delete(first);
    wasm_memory_delete(second);
    wasm_memory_allocator_delete(allocator);
  }
}

/* What was refused for another reason, of the library or of the host, has taken nothing from the quota. */
TEST(failures_take_nothing) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_quota(config, 2, UINT64_C(1) << 62);
  wasm_memory_config_set_size_limit(config, UINT64_MAX);
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .address = I64, .page_size = 1));
  for (int i = 0; i < 100; i++) { /* each is half of the quota, and none of it is there */
    RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES((UINT64_C(1) << 61)), .address = I64, .page_size = 1)), ADDRESS_SPACE);
    RANGE_FAILS(wasm_memory_grow(memory, UINT64_C(1) << 61, NULL), ADDRESS_SPACE);
  }
  CHECK_U64(stats_of(allocator).memories, 1);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1))));
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 400 };
static wasm_memory_allocator_t *narrow;
static uint64_t bytes_now;

static void *create_and_grow(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    wasm_memory_t *memory = NULL;
    const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1));
    if (wasm_memory_new_in(narrow, &type, NULL, &memory) != WASM_MEMORY_OK) continue;
    uint64_t own = PAGE;
    CHECK(__atomic_add_fetch(&bytes_now, own, __ATOMIC_SEQ_CST) <= 5 * PAGE);
    if (wasm_memory_grow(memory, 2, NULL) == WASM_MEMORY_OK) {
      own = 3 * PAGE;
      CHECK(__atomic_add_fetch(&bytes_now, 2 * PAGE, __ATOMIC_SEQ_CST) <= 5 * PAGE);
    }
    __atomic_sub_fetch(&bytes_now, own, __ATOMIC_SEQ_CST);
    wasm_memory_delete(memory);
  }
  return NULL;
}

TEST(threads_never_pass_it) {
  pthread_t threads[THREADS];
  narrow = with_quota(3, 5 * PAGE);
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, create_and_grow, NULL) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK(stats_of(narrow).peak_memories <= 3);
  CHECK_U64(stats_of(narrow).memories, 0);
  wasm_memory_delete(created_in(narrow, TYPE(.initial = PAGES(5)))); /* all of it is back */
  wasm_memory_allocator_delete(narrow);
}

HARNESS_MAIN(LISTED(memories), LISTED(bytes_at_creation), LISTED(bytes_are_byte_lengths), LISTED(bytes_at_growth),
             LISTED(bytes_at_growth_of_shared_memory), LISTED(growth_through_buffers_is_counted), LISTED(held_bytes_are_counted),
             LISTED(references_are_one_memory), LISTED(discard_frees_no_quota), LISTED(reset_gives_back_and_asks_for_more),
             LISTED(order_at_creation), LISTED(order_at_growth), LISTED(sums_past_2_to_64), LISTED(no_quota_and_the_largest),
             LISTED(failures_take_nothing), LISTED(threads_never_pass_it))
