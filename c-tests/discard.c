/* Discard: zeros from then on, host pages given back, neighbours untouched, unaligned before out of bounds (semantics.md A.14). */
#define _GNU_SOURCE
#include "fixtures.h"
#include "process.h"

#include <sys/mman.h>

#define UNALIGNED WASM_MEMORY_REASON_UNALIGNED
#define TRAPS(call, reason) CHECK_FAILS(call, WASM_MEMORY_RUNTIME_ERROR, reason)
#define TRAPS_AT(call, end, length) CHECK_FIGURES(call, WASM_MEMORY_RUNTIME_ERROR, WASM_MEMORY_REASON_OUT_OF_BOUNDS, end, length)

enum { FILL = 0xAB };

static bool all_are(const uint8_t *bytes, uint8_t value, uint64_t length) {
  return length == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, (size_t)length - 1) == 0);
}

/* A memory full of FILL, unshared or shared. */
static wasm_memory_t *filled(bool shared, uint64_t pages, uint32_t page_size) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(pages), .maximum = PAGES(pages + 9), .shared = shared, .page_size = page_size));
  memset(wasm_memory_data(memory), FILL, (size_t)wasm_memory_byte_length(memory));
  return memory;
}

static bool is_full(const wasm_memory_t *memory) { return all_are(wasm_memory_data(memory), FILL, wasm_memory_byte_length(memory)); }

TEST(unaligned_comes_first) {
  const uint64_t odd[] = {1, 4096, PAGE - 1, PAGE + 1, 3 * PAGE + 1, 99 * PAGE + 1, UINT64_C(1) << 15, UINT64_MAX, UINT64_MAX - PAGE};
  const uint64_t any[] = {0, 1, PAGE, 3 * PAGE, 4 * PAGE, 99 * PAGE, UINT64_MAX - PAGE + 1, UINT64_MAX};
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = filled(k == 1, 3, 0);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
      for (size_t j = 0; j < sizeof any / sizeof any[0]; j++) {
        TRAPS(wasm_memory_discard(memory, odd[i], any[j]), UNALIGNED);
        TRAPS(wasm_memory_discard(memory, any[j], odd[i]), UNALIGNED);
      }
    CHECK(is_full(memory));
    wasm_memory_delete(memory);
  }
}

TEST(out_of_bounds) {
  const uint64_t last = UINT64_MAX - PAGE + 1; /* the last page of 64 bits */
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = filled(k == 1, 3, 0);
    TRAPS_AT(wasm_memory_discard(memory, 0, 4 * PAGE), 4 * PAGE, 3 * PAGE);
    TRAPS_AT(wasm_memory_discard(memory, 2 * PAGE, 2 * PAGE), 4 * PAGE, 3 * PAGE);
    TRAPS_AT(wasm_memory_discard(memory, 3 * PAGE, PAGE), 4 * PAGE, 3 * PAGE);
    TRAPS_AT(wasm_memory_discard(memory, 4 * PAGE, 0), 4 * PAGE, 3 * PAGE);
    TRAPS_AT(wasm_memory_discard(memory, 0, last), last, 3 * PAGE);
    TRAPS_AT(wasm_memory_discard(memory, last, 0), last, 3 * PAGE);
    TRAPS_AT(wasm_memory_discard(memory, last, PAGE), UINT64_MAX, 3 * PAGE);
    TRAPS_AT(wasm_memory_discard(memory, PAGE, last), UINT64_MAX, 3 * PAGE);
    TRAPS_AT(wasm_memory_discard(memory, last, last), UINT64_MAX, 3 * PAGE);
    CHECK(is_full(memory));
    wasm_memory_delete(memory);
    memory = filled(k == 1, 10, 1);
    TRAPS_AT(wasm_memory_discard(memory, 0, 11), 11, 10);
    TRAPS_AT(wasm_memory_discard(memory, 11, 0), 11, 10);
    TRAPS_AT(wasm_memory_discard(memory, 10, 1), 11, 10);
    TRAPS_AT(wasm_memory_discard(memory, UINT64_MAX, 1), UINT64_MAX, 10);
    TRAPS_AT(wasm_memory_discard(memory, 3, UINT64_MAX), UINT64_MAX, 10);
    CHECK(is_full(memory));
    wasm_memory_delete(memory);
  }
}

TEST(nothing_to_discard) {
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = filled(k == 1, 3, 0);
    for (uint64_t page = 0; page <= 3; page++) CHECK_STATUS(wasm_memory_discard(memory, page * PAGE, 0), WASM_MEMORY_OK);
    CHECK(is_full(memory));
    wasm_memory_delete(memory);
    memory = filled(k == 1, 5000, 1);
    for (uint64_t at = 0; at <= 5000; at += 625) CHECK_STATUS(wasm_memory_discard(memory, at, 0), WASM_MEMORY_OK);
    CHECK(is_full(memory));
    wasm_memory_delete(memory);
    memory = filled(k == 1, 0, 0);
    CHECK_STATUS(wasm_memory_discard(memory, 0, 0), WASM_MEMORY_OK);
    TRAPS_AT(wasm_memory_discard(memory, 0, PAGE), PAGE, 0);
    wasm_memory_delete(memory);
  }
}

/* The bytes before, in and after the range, and then the range used again like any other. */
static void check_discards(wasm_memory_t *memory, uint64_t index, uint64_t length) {
  uint8_t *bytes = wasm_memory_data(memory);
  const uint64_t byte_length = wasm_memory_byte_length(memory);
  CHECK_STATUS(wasm_memory_discard(memory, index, length), WASM_MEMORY_OK);
  const bool right = all_are(bytes, FILL, index) && all_zero(bytes + index, (size_t)length) &&
                     all_are(bytes + index + length, FILL, byte_length - index - length);
  CHECK(right);
  if (!right) fprintf(stderr, "  %" PRIu64 " bytes at %" PRIu64 " of %" PRIu64 "\n", length, index, byte_length);
  CHECK_U64(wasm_memory_byte_length(memory), byte_length);
  CHECK_POINTER(wasm_memory_data(memory), bytes);
  memset(bytes + index, FILL, (size_t)length);
  CHECK(is_full(memory));
}

TEST(pages_read_zero_and_can_be_used_again) {
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = filled(k == 1, 6, 0);
    for (uint64_t from = 0; from < 6; from++)
      for (uint64_t to = from + 1; to <= 6; to++) check_discards(memory, from * PAGE, (to - from) * PAGE);
    check_discards(memory, 0, PAGE);
    CHECK_STATUS(wasm_memory_discard(memory, 0, 6 * PAGE), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_discard(memory, 0, 6 * PAGE), WASM_MEMORY_OK); /* what is gone already */
    CHECK(all_zero(wasm_memory_data(memory), 6 * PAGE));
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
    CHECK(all_zero(wasm_memory_data(memory), 7 * PAGE));
    wasm_memory_delete(memory);
  }
}

/* Pages of one byte: a range need not have anything to do with the host's pages. */
TEST(ranges_within_and_across_host_pages) {
  const uint64_t host = (uint64_t)sysconf(_SC_PAGESIZE);
  const struct { uint64_t index, length; } ranges[] = {
      {0, 1}, {1, 1}, {5, 100}, {0, host - 1}, {1, host - 1}, {0, host}, {host, host}, {host - 1, 1}, {host - 1, 2}, {host, 1}, {1, host},
      {1, 2 * host - 1}, {0, host + 1}, {host - 1, host + 2}, {3, 3 * host}, {2 * host, 3 * host + 7}, {4 * host + 9, 2 * host},
      {host / 2, 5 * host}, {0, 8 * host + 33}, {8 * host, 33}, {8 * host + 1, 32}, {8 * host - 1, 34}, {7 * host, host + 33},
  };
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = filled(k == 1, 8 * host + 33, 1);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) check_discards(memory, ranges[i].index, ranges[i].length);
    uint64_t random = 88172645463325252u; /* xorshift64: the same ranges in every run */
    for (int i = 0; i < 2000; i++) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      const uint64_t index = random % (8 * host + 34), length = (random >> 20) % (8 * host + 34 - index);
      check_discards(memory, index, length);
    }
    wasm_memory_delete(memory);
  }
}

/* The end of the memory within a host page: what lies behind it there must be zero when growth uncovers it. */
TEST(growth_after_a_discard_of_the_end) {
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = filled(k == 1, 4099, 1);
    CHECK_STATUS(wasm_memory_discard(memory, 4090, 9), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_grow(memory, 9, NULL), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memory), FILL, 4090) && all_zero(wasm_memory_data(memory) + 4090, 18));
    wasm_memory_delete(memory);
  }
}

static uint64_t resident_bytes(uint8_t *bytes, uint64_t length) {
  static unsigned char pages[1 << 16];
  const uint64_t host = (uint64_t)sysconf(_SC_PAGESIZE);
  uint64_t resident = 0;
  REQUIRE(length % host == 0 && length / host <= sizeof pages);
  REQUIRE(mincore(bytes, (size_t)length, pages) == 0);
  for (uint64_t i = 0; i < length / host; i++) resident += (pages[i] & 1) != 0 ? host : 0;
  return resident;
}

/* Asked before the zeros are read: reading may bring pages back. */
TEST(host_gets_its_pages_back) {
  NEEDS_HOST_COUNTS();
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = filled(k == 1, 64, 0);
    uint8_t *bytes = wasm_memory_data(memory);
    CHECK_U64(resident_bytes(bytes, 64 * PAGE), 64 * PAGE);
    CHECK_STATUS(wasm_memory_discard(memory, 8 * PAGE, 48 * PAGE), WASM_MEMORY_OK);
    CHECK_U64(resident_bytes(bytes + 8 * PAGE, 48 * PAGE), 0);
    CHECK_U64(resident_bytes(bytes, 8 * PAGE), 8 * PAGE);
    CHECK_U64(resident_bytes(bytes + 56 * PAGE, 8 * PAGE), 8 * PAGE);
    CHECK(all_are(bytes, FILL, 8 * PAGE) && all_zero(bytes + 8 * PAGE, 48 * PAGE) && all_are(bytes + 56 * PAGE, FILL, 8 * PAGE));
    wasm_memory_delete(memory);
  }
}

/* Whole host pages of a range with odd ends go back too. */
TEST(host_gets_pages_of_odd_ranges_back) {
  NEEDS_HOST_COUNTS();
  const uint64_t host = (uint64_t)sysconf(_SC_PAGESIZE);
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = filled(k == 1, 100 * host, 1);
    uint8_t *bytes = wasm_memory_data(memory);
    CHECK_STATUS(wasm_memory_discard(memory, 10 * host - 5, 80 * host + 10), WASM_MEMORY_OK);
    CHECK_U64(resident_bytes(bytes + 10 * host, 80 * host), 0);
    CHECK_U64(resident_bytes(bytes, 10 * host), 10 * host);
    CHECK(all_are(bytes, FILL, 10 * host - 5) && all_zero(bytes + 10 * host - 5, 80 * host + 10));
    CHECK(all_are(bytes + 90 * host + 5, FILL, 10 * host - 5));
    wasm_memory_delete(memory);
  }
}

/* Pages that were never touched need no giving back, and none of them may become resident by it. */
TEST(discard_of_untouched_pages_touches_nothing) {
  NEEDS_HOST_COUNTS();
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(4000), .maximum = PAGES(4000), .shared = k == 1));
    CHECK_STATUS(wasm_memory_discard(memory, 0, 4000 * PAGE), WASM_MEMORY_OK);
    CHECK_U64(resident_bytes(wasm_memory_data(memory), 4000 * PAGE), 0);
    wasm_memory_delete(memory);
  }
}

/* The kernel does not drop locked pages (madvise fails, of whole ranges that hold one), and they must read zero all the same. */
TEST(locked_pages) {
  const uint64_t host = (uint64_t)sysconf(_SC_PAGESIZE);
  const struct { uint64_t index, length; } locks[] = {{0, 1}, {PAGE, PAGE}, {2 * PAGE + host, host}, {3 * PAGE - host, 2 * host}};
  for (int k = 0; k < 2; k++)
    for (size_t i = 0; i < sizeof locks / sizeof locks[0]; i++) {
      wasm_memory_t *memory = filled(k == 1, 5, 0);
      uint8_t *bytes = wasm_memory_data(memory);
      if (mlock(bytes + locks[i].index, (size_t)locks[i].length) != 0) {
        wasm_memory_delete(memory);
        SKIP("this host locks no pages");
      }
      check_discards(memory, PAGE, 2 * PAGE);
      check_discards(memory, 0, 4 * PAGE);
      check_discards(memory, 0, 5 * PAGE);
      CHECK(munlock(bytes + locks[i].index, (size_t)locks[i].length) == 0);
      check_discards(memory, 0, 5 * PAGE);
      wasm_memory_delete(memory);
    }
}

TEST(locked_bytes) {
  const uint64_t host = (uint64_t)sysconf(_SC_PAGESIZE);
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = filled(k == 1, 6 * host, 1);
    if (mlock(wasm_memory_data(memory) + 2 * host, (size_t)host) != 0) {
      wasm_memory_delete(memory);
      SKIP("this host locks no pages");
    }
    check_discards(memory, 1, 6 * host - 2);
    check_discards(memory, 2 * host, host);
    check_discards(memory, 2 * host + 1, host);
    wasm_memory_delete(memory);
    /* A place that is used again must not bring the bytes of locked pages along. */
    memory = created(TYPE(.initial = PAGES(6 * host), .maximum = PAGES(6 * host + 9), .shared = k == 1, .page_size = 1));
    CHECK(all_zero(wasm_memory_data(memory), (size_t)(6 * host)));
    wasm_memory_delete(memory);
  }
}

TEST(moved_memory) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  for (int i = 0; i < 5; i++) {
    CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
    memset(wasm_memory_data(memory), FILL, (size_t)wasm_memory_byte_length(memory));
    check_discards(memory, PAGE, 2 * PAGE);
    check_discards(memory, 0, wasm_memory_byte_length(memory));
  }
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

HARNESS_MAIN(LISTED(unaligned_comes_first), LISTED(out_of_bounds), LISTED(nothing_to_discard), LISTED(pages_read_zero_and_can_be_used_again),
             LISTED(ranges_within_and_across_host_pages), LISTED(growth_after_a_discard_of_the_end), LISTED(host_gets_its_pages_back),
             LISTED(host_gets_pages_of_odd_ranges_back), LISTED(discard_of_untouched_pages_touches_nothing), LISTED(locked_pages),
             LISTED(locked_bytes), LISTED(moved_memory))
