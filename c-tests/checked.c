/* Bounds that the engine checks: the reservation is open ahead of the length, so that growth is arithmetic and a store
 * (design.md 6; reliability.md, facts 5 and 6). */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>

#include "fixtures.h"
#include "probe.h"
#include "process.h"

#ifdef __linux__
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#define MIB (UINT64_C(1) << 20)

static wasm_memory_allocator_t *checked_with(uint64_t reservation, uint64_t before, uint64_t after) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
  if (reservation != 0) wasm_memory_config_set_reservation(config, reservation);
  wasm_memory_config_set_guards(config, before, after);
  return allocator_of(config);
}

/* Is a byte that is open, and never touched, free of charge here? */
static bool host_charges_for_open_bytes(void) {
  int mode = 2;
  struct rlimit data;
  FILE *sysctl = fopen("/proc/sys/vm/overcommit_memory", "r");
  if (sysctl == NULL || fscanf(sysctl, "%d", &mode) != 1) mode = 2;
  if (sysctl != NULL) fclose(sysctl);
  return mode == 2 || getrlimit(RLIMIT_DATA, &data) != 0 || data.rlim_cur != RLIM_INFINITY;
}

static void check_layout(const wasm_memory_t *memory, uint64_t reservation, uint64_t before, uint64_t after) {
  const wasm_memory_layout_t layout = layout_of(memory);
  uint8_t *base = wasm_memory_data(memory);
  CHECK_U64(layout.reservation, reservation);
  CHECK_U64(layout.guard_before, before);
  CHECK_U64(layout.guard_after, after);
  CHECK(!layout.exact_protection);
  CHECK(!layout.elides_i32_checks); /* an access past the length may succeed, however long the guard is */
  CHECK_U64(layout.elidable_offset, 0);
  CHECK(all_zero(layout.reserved, sizeof layout.reserved));
  CHECK(is_guarded(base - before, base));
  CHECK(is_guarded(base + reservation, base + reservation + after));
  if (before > 0) CHECK(is_out_of_reach(base - 1) && is_out_of_reach(base - before));
  if (after > 0) CHECK(is_out_of_reach(base + reservation) && is_out_of_reach(base + reservation + after - 1));
  if (wasm_memory_byte_length(memory) > 0) CHECK(is_body(base) && is_body(base + wasm_memory_byte_length(memory) - 1));
}

TEST(layout) {
  const uint64_t guards[][2] = {{0, 65536}, {0, 0}, {PAGE, 2 * PAGE}, {2 * GIB, 2 * GIB}};
  for (size_t i = 0; i < 4; i++) {
    const uint64_t before = guards[i][0], after = guards[i][1];
    wasm_memory_allocator_t *standard = checked_with(0, before, after), *wide = checked_with(8 * GIB, before, after);
    wasm_memory_t *memories[] = {
        created_in(standard, TYPE(.initial = PAGES(1))), created_in(standard, TYPE(.initial = PAGES(0), .maximum = PAGES(7))),
        created_in(standard, TYPE(.initial = PAGES(1), .maximum = PAGES(9), .shared = true)),
        created_in(standard, TYPE(.initial = PAGES(1), .address = I64)), created_in(wide, TYPE(.initial = PAGES(1))),
        created_in(standard, TYPE(.initial = PAGES(5), .page_size = 1))};
    const uint64_t reservations[] = {4 * GIB, 7 * PAGE, 9 * PAGE, SIZE_LIMIT_BYTES, 8 * GIB, 4 * GIB};
    for (size_t j = 0; j < 6; j++) {
      check_layout(memories[j], reservations[j], before, after);
      wasm_memory_delete(memories[j]);
    }
    wasm_memory_allocator_delete(wide);
    wasm_memory_allocator_delete(standard);
  }
}

TEST(unknown_bounds) {
  const uint32_t values[] = {2, 3, 255, 256, 257, 65536, 65537, UINT32_MAX};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    wasm_memory_config_t *config = config_new();
    wasm_memory_allocator_t *allocator = (wasm_memory_allocator_t *)POISON_POINTER;
    wasm_memory_config_set_bounds(config, values[i]);
    const wasm_memory_error_t error =
        CHECK_FAILS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_UNKNOWN_VALUE);
    CHECK_U64(error.requested, values[i]);
    CHECK_POINTER(allocator, NULL);
    wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED); /* set right, it is a config like any other */
    wasm_memory_allocator_delete(allocator_of(config));
  }
}

/* All of it at once, where that costs nothing. */
TEST(open_ahead) {
  if (host_charges_for_open_bytes()) SKIP("the host charges for bytes that nobody touched");
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(1)), TYPE(.initial = PAGES(0), .maximum = PAGES(50), .shared = true),
                                            TYPE(.initial = PAGES(1), .address = I64), TYPE(.initial = PAGES(5), .page_size = 1)};
  wasm_memory_allocator_t *allocator = checked_with(0, 0, 65536);
  for (size_t i = 0; i < 4; i++) {
    wasm_memory_t *memory = created_in(allocator, types[i]);
    uint8_t *base = wasm_memory_data(memory);
    const uint64_t reservation = layout_of(memory).reservation;
    CHECK(is_body(base + wasm_memory_byte_length(memory)));
    CHECK(is_body(base + reservation / 2));
    CHECK(is_body(base + reservation - 1));
    CHECK(is_out_of_reach(base + reservation));
    wasm_memory_delete(memory);
  }
  wasm_memory_allocator_delete(allocator);
}

TEST(grows_to_the_maximum_with_zeros) {
  wasm_memory_allocator_t *allocator = checked_with(0, 0, 65536);
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(0), .maximum = PAGES(33)),
                                            TYPE(.initial = PAGES(3), .maximum = PAGES(33), .shared = true)};
  for (size_t i = 0; i < 2; i++) {
    wasm_memory_t *memory = created_in(allocator, types[i]);
    const wasm_memory_view_t *view = wasm_memory_view(memory);
    const bool movable = layout_of(memory).movable;
    uint8_t *base = wasm_memory_data(memory);
    memset(base, 0x4B, wasm_memory_byte_length(memory));
    for (uint64_t size = wasm_memory_size(memory); size < 33; size += 3) {
      uint64_t previous = 99;
      CHECK_STATUS(wasm_memory_grow(memory, 3, &previous), WASM_MEMORY_OK);
      CHECK_U64(previous, size);
      CHECK_U64(view->byte_length, (size + 3) * PAGE);
      if (!movable) CHECK_POINTER(view->base, base);
      CHECK(all_zero(view->base + size * PAGE, 3 * PAGE));
      memset(view->base + size * PAGE, 0x4B, 3 * PAGE);
      CHECK(size == 0 || (view->base[size * PAGE - 1] == 0x4B && view->base[0] == 0x4B));
    }
    CHECK_FIGURES(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 34, 33);
    wasm_memory_delete(memory);
  }
  wasm_memory_t *whole = created_in(allocator, TYPE(.initial = PAGES(1)));
  CHECK_STATUS(wasm_memory_grow(whole, 65535, NULL), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_data(whole)[UINT32_MAX], 0);
  wasm_memory_data(whole)[UINT32_MAX] = 1;
  CHECK_FIGURES(wasm_memory_grow(whole, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, 65537, 65536);
  wasm_memory_delete(whole);
  wasm_memory_allocator_delete(allocator);
}

/* More than the machine has, which nobody will touch: an open byte must not be counted against it. */
TEST(reserves_more_than_the_machine_has) {
  NEEDS_HOST_COUNTS();
  if (host_charges_for_open_bytes()) SKIP("the host charges for bytes that nobody touched");
  const uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE), reservation = (machine / GIB + 1) * 2 * GIB;
  wasm_memory_allocator_t *allocator = checked_with(reservation, 0, 65536);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .address = I64));
  CHECK_U64(layout_of(memory).reservation, reservation);
  CHECK_STATUS(wasm_memory_grow(memory, 4 * GIB / PAGE, NULL), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_data(memory)[4 * GIB], 0);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* Thousands of growths by one page, of three memories, of which none may make a system call. */
static void grow_without_system_calls(uint64_t initial) {
#ifdef __linux__
  enum { GROWTHS = 5000 };
  wasm_memory_allocator_t *allocator = checked_with(0, 0, 65536);
  wasm_memory_t *memories[] = {created_in(allocator, TYPE(.initial = PAGES(initial))),
                               created_in(allocator, TYPE(.initial = PAGES(initial), .maximum = PAGES(65536), .shared = true)),
                               created_in(allocator, TYPE(.initial = PAGES(initial), .address = I64))};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) { /* from here on all but read, write and exit kill */
    printf("no seccomp: %s\n", strerror(errno));
    return;
  }
  for (size_t i = 0; i < 3; i++) {
    for (uint64_t size = initial; size < initial + GROWTHS; size++) {
      uint64_t previous = UINT64_MAX;
      CHECK_STATUS(wasm_memory_grow(memories[i], 1, &previous), WASM_MEMORY_OK);
      CHECK_U64(previous, size);
      CHECK_U64(wasm_memory_data(memories[i])[(size + 1) * PAGE - 1], 0);
      wasm_memory_data(memories[i])[(size + 1) * PAGE - 1] = 1;
    }
    CHECK_U64(wasm_memory_size(memories[i]), initial + GROWTHS);
  }
  syscall(SYS_exit, harness_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
#else
  (void)initial;
#endif
}

static void growth_in_child(void) { grow_without_system_calls(3); }
static void first_growth_in_child(void) { grow_without_system_calls(0); }

#ifdef __linux__
#define NEEDS_STORES() do { \
    NEEDS_HOST_COUNTS(); \
    if (host_charges_for_open_bytes()) SKIP("the host charges for bytes that nobody touched"); \
    NEEDS_STEADY_BASE(); \
  } while (0)
#else
#define NEEDS_STORES() SKIP("needs seccomp")
#endif

TEST(growth_is_a_store) {
  NEEDS_STORES();
  in_child(growth_in_child);
}

TEST(growth_from_empty_is_a_store) {
  NEEDS_STORES();
  in_child(first_growth_in_child);
}

/* ---- under RLIMIT_DATA, which counts what is open ---- */

#define ROOM (64 * MIB)

static void check_refused_growth(wasm_memory_t *memory, uint64_t delta, uint64_t room) {
  uint8_t *base = wasm_memory_data(memory);
  const uint64_t size = wasm_memory_size(memory);
  uint64_t previous = 99;
  base[0] = 0x3D;
  base[size * PAGE - 1] = 0x3E;
  const wasm_memory_error_t error =
      CHECK_FAILS(wasm_memory_grow(memory, delta, &previous), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_COMMIT);
  CHECK_U64((uint64_t)error.os_error, ENOMEM);
  CHECK(error.requested > 0 && error.requested <= (size + delta) * PAGE); /* never more than what the growth needs */
  CHECK(error.available == 0 || error.available == room);
  CHECK_U64(previous, 99);
  CHECK_U64(wasm_memory_size(memory), size);
  CHECK_U64(wasm_memory_view(memory)->byte_length, size * PAGE);
  CHECK_POINTER(wasm_memory_data(memory), base);
  CHECK(base[0] == 0x3D && base[size * PAGE - 1] == 0x3E);
}

static void opens_steps_in_child(void) {
  wasm_memory_allocator_t *allocator = checked_with(4 * GIB, 0, 65536);
  const uint64_t before = process_bytes("VmData"), room = before + ROOM;
  limit(RLIMIT_DATA, room);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  check_layout(memory, 4 * GIB, 0, 65536);
  CHECK(process_bytes("VmData") < room);
  CHECK(is_out_of_reach(wasm_memory_data(memory) + GIB)); /* not open: it would have been charged */

  uint64_t size = 1;
  while (wasm_memory_grow(memory, 1, NULL) == WASM_MEMORY_OK) {
    CHECK(all_zero(wasm_memory_data(memory) + size * PAGE, PAGE));
    memset(wasm_memory_data(memory) + size * PAGE, 0x55, PAGE);
    size++;
  }
  CHECK(size * PAGE > ROOM - 2 * MIB); /* a step that does not fit is no reason to refuse a page that does */
  check_refused_growth(memory, 1, room);
  check_refused_growth(memory, 20000, room);

  limit(RLIMIT_DATA, UINT64_MAX);
  uint64_t previous = 99;
  CHECK_STATUS(wasm_memory_grow(memory, 65536 - size, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, size);
  CHECK(wasm_memory_data(memory)[size * PAGE - 2] == 0x55 && all_zero(wasm_memory_data(memory) + size * PAGE, 64 * PAGE));
  CHECK_U64(wasm_memory_data(memory)[UINT32_MAX], 0);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
  CHECK(process_bytes("VmData") < before + MIB);
}

TEST(opens_steps_where_open_bytes_are_charged) {
  NEEDS_HOST_COUNTS();
  in_child(opens_steps_in_child);
}

/* Room for the whole reservation is no reason to take it all. */
static void leaves_room_in_child(void) {
  wasm_memory_allocator_t *allocator = checked_with(4 * GIB, 0, 65536);
  const uint64_t before = process_bytes("VmData");
  limit(RLIMIT_DATA, before + 6 * GIB);
  wasm_memory_t *memories[20];
  for (int i = 0; i < 20; i++) memories[i] = created_in(allocator, TYPE(.initial = PAGES(1)));
  CHECK(process_bytes("VmData") < before + 3 * GIB);
  for (int i = 0; i < 20; i++) {
    for (int j = 0; j < 100; j++) CHECK_STATUS(wasm_memory_grow(memories[i], 2, NULL), WASM_MEMORY_OK);
    CHECK(all_zero(wasm_memory_data(memories[i]) + 200 * PAGE, PAGE));
  }
  for (int i = 0; i < 20; i++) wasm_memory_delete(memories[i]);
  wasm_memory_allocator_delete(allocator);
}

TEST(leaves_room_for_others) {
  NEEDS_HOST_COUNTS();
  in_child(leaves_room_in_child);
}

/* The limit comes later: what was opened before it stays usable. */
static void limit_comes_later_in_child(void) {
  wasm_memory_allocator_t *allocator = checked_with(4 * GIB, 0, 65536);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  limit(RLIMIT_DATA, process_bytes("VmData"));
  CHECK_STATUS(wasm_memory_grow(memory, 1000, NULL), WASM_MEMORY_OK);
  CHECK(all_zero(wasm_memory_data(memory), 1001 * PAGE));
  CHECK_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1000))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_COMMIT);
  wasm_memory_delete(memory); /* and its bytes make room */
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1000))));
  wasm_memory_allocator_delete(allocator);
}

TEST(limit_comes_later) {
  NEEDS_HOST_COUNTS();
  if (host_charges_for_open_bytes()) SKIP("the host charges for bytes that nobody touched");
  in_child(limit_comes_later_in_child);
}

/* ---- threads ---- */

enum { THREADS = 4, GROWTHS = 2000 };

static wasm_memory_t *grown;
static uint8_t previous_sizes[1 + THREADS * GROWTHS]; /* how often each was the size before a growth */

static void *grow_in_a_loop(void *unused) {
  (void)unused;
  uint8_t *base = wasm_memory_data(grown);
  for (int i = 0; i < GROWTHS; i++) {
    uint64_t previous = 0;
    CHECK_STATUS(wasm_memory_grow(grown, 1, &previous), WASM_MEMORY_OK);
    REQUIRE(previous <= THREADS * GROWTHS);
    __atomic_fetch_add(&previous_sizes[previous], 1, __ATOMIC_RELAXED);
    const uint64_t length = wasm_memory_byte_length(grown);
    CHECK(length >= (previous + 1) * PAGE);
    CHECK_U64(base[previous * PAGE + 5], 0); /* nobody else writes there */
    base[previous * PAGE + 5] = 1;
    (void)*(volatile uint8_t *)(base + length - 1); /* a length that was seen can be used */
  }
  return NULL;
}

static void threads_grow(void) {
  pthread_t threads[THREADS];
  wasm_memory_allocator_t *allocator = checked_with(0, 0, 65536);
  grown = created_in(allocator, TYPE(.initial = PAGES(0), .maximum = PAGES(65536), .shared = true));
  memset(previous_sizes, 0, sizeof previous_sizes);
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, grow_in_a_loop, NULL) == 0);
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  for (size_t size = 0; size < THREADS * GROWTHS; size++) CHECK_U64(previous_sizes[size], 1);
  CHECK_U64(wasm_memory_size(grown), THREADS * GROWTHS);
  wasm_memory_delete(grown);
  wasm_memory_allocator_delete(allocator);
}

TEST(threads_grow_a_shared_memory) { threads_grow(); }

static void threads_grow_in_steps_in_child(void) {
  limit(RLIMIT_DATA, process_bytes("VmData") + 2 * THREADS * GROWTHS * PAGE);
  threads_grow();
}

TEST(threads_grow_in_steps) {
  NEEDS_HOST_COUNTS();
  in_child(threads_grow_in_steps_in_child);
}

HARNESS_MAIN(LISTED(layout), LISTED(unknown_bounds), LISTED(open_ahead), LISTED(grows_to_the_maximum_with_zeros),
             LISTED(reserves_more_than_the_machine_has), LISTED(growth_is_a_store), LISTED(growth_from_empty_is_a_store),
             LISTED(opens_steps_where_open_bytes_are_charged),
             LISTED(leaves_room_for_others), LISTED(limit_comes_later), LISTED(threads_grow_a_shared_memory), LISTED(threads_grow_in_steps))
