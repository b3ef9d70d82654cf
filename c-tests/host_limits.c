/* Limits of the host, each met for real in a child: RLIMIT_AS, RLIMIT_DATA, vm.max_map_count (reliability.md, rows 1-11). */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "fixtures.h"
#include "process.h"

static void check_host_refusal(wasm_memory_error_t error) {
  CHECK_U64((uint64_t)error.os_error, ENOMEM);
  CHECK(error.requested > 0);
}

static void address_space_in_child(void) {
  wasm_memory_t *before = created(TYPE(.initial = PAGES(1)));
  limit(RLIMIT_AS, process_bytes("VmSize") + (UINT64_C(64) << 20));
  const uint64_t initials[] = {65536, 30000, 2000};
  for (size_t i = 0; i < 3; i++) {
    wasm_memory_error_t error =
        CHECK_FAILS(refused(TYPE(.initial = PAGES(initials[i]))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ADDRESS_SPACE);
    check_host_refusal(error);
    CHECK(error.requested >= initials[i] * PAGE); /* no rung of the ladder is shorter than the initial size */
  }
  CHECK_STATUS(wasm_memory_grow(before, 100, NULL), WASM_MEMORY_OK); /* reserved long ago */
  CHECK_U64(wasm_memory_data(before)[101 * PAGE - 1], 0);
  wasm_memory_delete(before);
  wasm_memory_delete(created(TYPE(.initial = PAGES(1), .maximum = PAGES(2))));
}

TEST(address_space) {
  NEEDS_HOST_COUNTS();
  in_child(address_space_in_child);
}

static void commit_in_child(void) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  uint8_t *base = wasm_memory_data(memory);
  uint64_t previous = 99;
  memset(base, 0x6D, PAGE);
  limit(RLIMIT_DATA, process_bytes("VmData") + (UINT64_C(4) << 20));
  wasm_memory_error_t error = CHECK_FAILS(wasm_memory_grow(memory, 1000, &previous), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_COMMIT);
  check_host_refusal(error);
  CHECK(error.requested == 1000 * PAGE || error.requested == 1001 * PAGE); /* the new bytes or all of them: not written down */
  CHECK_U64(previous, 99);
  CHECK_U64(wasm_memory_size(memory), 1);
  CHECK_U64(wasm_memory_view(memory)->byte_length, PAGE);
  CHECK_POINTER(wasm_memory_data(memory), base);
  CHECK(base[0] == 0x6D && base[PAGE - 1] == 0x6D);
  check_host_refusal(CHECK_FAILS(refused(TYPE(.initial = PAGES(1000))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_COMMIT));

  CHECK_STATUS(wasm_memory_grow(memory, 1, &previous), WASM_MEMORY_OK); /* what fits still works */
  CHECK_U64(previous, 1);
  CHECK(all_zero(base + PAGE, PAGE));
  limit(RLIMIT_DATA, UINT64_MAX);
  CHECK_STATUS(wasm_memory_grow(memory, 1000, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 2);
  CHECK(all_zero(base + PAGE, 1001 * PAGE));
  wasm_memory_delete(memory);
}

TEST(commit) {
  NEEDS_STEADY_BASE();
  NEEDS_HOST_COUNTS();
  in_child(commit_in_child);
}

static uint64_t max_map_count(void) {
  uint64_t count = 0;
  FILE *sysctl = fopen("/proc/sys/vm/max_map_count", "r");
  REQUIRE(sysctl != NULL);
  REQUIRE(fscanf(sysctl, "%" SCNu64, &count) == 1);
  fclose(sysctl);
  return count;
}

/* Readable islands among pages without access, until the kernel gives no mapping more: then every split fails too. */
static uint8_t *fill_mappings(size_t *length) {
  const size_t host_page = (size_t)sysconf(_SC_PAGESIZE);
  *length = 2 * max_map_count() * host_page;
  uint8_t *islands = (uint8_t *)mmap(NULL, *length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(islands != MAP_FAILED);
  size_t split = host_page;
  while (split < *length && mprotect(islands + split, host_page, PROT_NONE) == 0) split += 2 * host_page;
  REQUIRE(split < *length && errno == ENOMEM);
  /* A split costs two mappings and a new range one; different access keeps the new ones from merging. */
  int accesses[] = {PROT_READ, PROT_READ | PROT_EXEC};
  for (int i = 0; mmap(NULL, host_page, accesses[i % 2], MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED; i++) REQUIRE(i < 100);
  return islands;
}

static void map_count_in_child(void) {
  const uint64_t available = max_map_count();
  wasm_memory_t *grown = created(TYPE(.initial = PAGES(1)));
  wasm_memory_t *deleted = created(TYPE(.initial = PAGES(1)));
  wasm_memory_t *empty = created(TYPE(.initial = PAGES(0)));
  uint8_t *base = wasm_memory_data(grown);
  uint64_t previous = 99;
  size_t length = 0;
  memset(base, 0x2B, PAGE);
  uint8_t *islands = fill_mappings(&length);

  wasm_memory_error_t error = CHECK_FAILS(refused(TYPE(.initial = PAGES(1))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAP_COUNT);
  check_host_refusal(error);
  CHECK_U64(error.available, available);
  error = CHECK_FAILS(refused(TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true)), WASM_MEMORY_RANGE_ERROR,
                      WASM_MEMORY_REASON_MAP_COUNT);
  CHECK_U64(error.available, available);

  /* The edge between body and reservation only moves: that takes no mapping. */
  CHECK_STATUS(wasm_memory_grow(grown, 5, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 1);
  CHECK(base[0] == 0x2B && base[PAGE - 1] == 0x2B && all_zero(base + PAGE, 5 * PAGE));

  /* The first byte of an empty memory makes an edge, for which the host may have no room. */
  previous = 99;
  wasm_memory_status_t status = wasm_memory_grow(empty, 1, &previous);
  if (status != WASM_MEMORY_OK) {
    wasm_memory_last_error(&error);
    CHECK_STATUS(status, WASM_MEMORY_RANGE_ERROR);
    CHECK_U64(error.reason, WASM_MEMORY_REASON_MAP_COUNT);
    CHECK_U64(previous, 99);
    CHECK_U64(wasm_memory_size(empty), 0);
  }

  wasm_memory_delete(deleted);
  CHECK_U64(wasm_memory_size(deleted), 0);
  CHECK_STATUS(wasm_memory_grow(grown, 1, NULL), WASM_MEMORY_OK);
  munmap(islands, length);
  CHECK_STATUS(wasm_memory_grow(empty, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_t *again = created(TYPE(.initial = PAGES(1)));
  CHECK(all_zero(wasm_memory_data(again), PAGE));
  wasm_memory_delete(again);
  wasm_memory_delete(empty);
  wasm_memory_delete(grown);
}

TEST(map_count) {
  NEEDS_STEADY_BASE();
  NEEDS_HOST_COUNTS();
  if (max_map_count() > 2000000) SKIP("vm.max_map_count is too high to be reached");
  in_child(map_count_in_child);
}

static void delete_at_the_map_count_in_child(void) {
  enum { COUNT = 12 };
  wasm_memory_allocator_t *allocator = allocator_of(config_new());
  wasm_memory_t *memories[COUNT];
  size_t length = 0;
  /* Empty ones have no body that would keep the mappings of neighbours apart: to unmap one of them is a split. */
  for (int i = 0; i < COUNT; i++) memories[i] = created_in(allocator, TYPE(.initial = PAGES(i % 3 == 0 ? 1 : 0), .maximum = PAGES(2)));
  uint8_t *islands = fill_mappings(&length);
  for (int i = 1; i < COUNT; i += 2) {
    wasm_memory_delete(memories[i]);
    CHECK_U64(wasm_memory_size(memories[i]), 0);
  }
  for (int i = 0; i < COUNT; i += 6) {
    CHECK_STATUS(wasm_memory_grow(memories[i], 1, NULL), WASM_MEMORY_OK);
    wasm_memory_data(memories[i])[2 * PAGE - 1] = 1;
  }
  munmap(islands, length);
  for (int i = 0; i < COUNT; i += 2) wasm_memory_delete(memories[i]);
  wasm_memory_t *again = created_in(allocator, TYPE(.initial = PAGES(1)));
  CHECK(all_zero(wasm_memory_data(again), PAGE));
  wasm_memory_delete(again);
  wasm_memory_allocator_delete(allocator);
}

/* Deletion has no status to fail with, and the next memory must not meet what the last one left. */
TEST(delete_at_the_map_count) {
  NEEDS_STEADY_BASE();
  NEEDS_HOST_COUNTS();
  if (max_map_count() > 2000000) SKIP("vm.max_map_count is too high to be reached");
  in_child(delete_at_the_map_count_in_child);
}

HARNESS_MAIN(LISTED(address_space), LISTED(commit), LISTED(map_count), LISTED(delete_at_the_map_count))
