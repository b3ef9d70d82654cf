/* Atomic accesses of wasm_memory_access.h (semantics.md A.11). */
#define _POSIX_C_SOURCE 200809L
#include "access_model.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

static _Alignas(16) uint8_t bytes[32];
static wasm_memory_view_t view = {bytes, sizeof bytes};

TEST(each_function_against_the_model) {
  check_atomics_against_model();
}

TEST(narrow_add) {
  uint32_t old = 0;
  uint64_t wide = 0;
  bool aligned = false;
  memset(bytes, 0xFF, 8);
  CHECK(wasm_memory_atomic_rmw_add_i32_u8(&view, 0, 1, 0xFFFFFF02, &old, &aligned) && old == 0xFF && aligned);
  CHECK(memcmp(bytes, "\xFF\x01\xFF\xFF", 4) == 0);
  CHECK(wasm_memory_atomic_rmw_add_i64_u32(&view, 4, 0, UINT64_C(0xFFFFFFFF00000001), &wide, &aligned) && wide == 0xFFFFFFFF);
  CHECK(memcmp(bytes, "\xFF\x01\xFF\xFF\0\0\0\0\0", 9) == 0);
}

/* The operand `expected` is wrapped to the width, as the tests of the threads proposal have it in atomic.wast. */
TEST(narrow_cmpxchg_wraps_what_it_expects) {
  uint32_t old = 0;
  uint64_t wide = 0;
  memset(bytes, 0x11, 8);
  CHECK(wasm_memory_atomic_rmw_cmpxchg_i32_u8(&view, 0, 0, 0x11111111, 0xCDCDCDCD, &old, NULL) && old == 0x11);
  CHECK(memcmp(bytes, "\xCD\x11\x11\x11\x11\x11\x11\x11", 8) == 0);
  memset(bytes, 0x11, 8);
  CHECK(wasm_memory_atomic_rmw_cmpxchg_i32_u16(&view, 0, 0, 0x11111111, 0xCAFECAFE, &old, NULL) && old == 0x1111);
  CHECK(memcmp(bytes, "\xFE\xCA\x11\x11\x11\x11\x11\x11", 8) == 0);
  memset(bytes, 0x11, 8);
  CHECK(wasm_memory_atomic_rmw_cmpxchg_i64_u32(&view, 0, 0, UINT64_C(0x1111111111111111), UINT64_C(0xCABBA6E5CABBA6E5), &wide, NULL));
  CHECK(wide == 0x11111111 && memcmp(bytes, "\xE5\xA6\xBB\xCA\x11\x11\x11\x11", 8) == 0);
  memset(bytes, 0, 8);
  CHECK(wasm_memory_atomic_rmw_cmpxchg_i64_u8(&view, 0, 0, 0x100, 7, &wide, NULL) && wide == 0 && bytes[0] == 7);
}

TEST(cmpxchg_that_does_not_match) {
  uint32_t old = 0;
  uint64_t wide = 0;
  memset(bytes, 0x11, 8);
  CHECK(wasm_memory_atomic_rmw_cmpxchg_i32(&view, 0, 0, 0x11111110, 5, &old, NULL) && old == 0x11111111);
  CHECK(wasm_memory_atomic_rmw_cmpxchg_i32_u8(&view, 0, 0, 0, 0x111111CD, &old, NULL) && old == 0x11);
  CHECK(wasm_memory_atomic_rmw_cmpxchg_i64(&view, 0, 0, 0x11111111, 5, &wide, NULL) && wide == UINT64_C(0x1111111111111111));
  for (int i = 0; i < 8; i++) CHECK(bytes[i] == 0x11);
}

/* ---- Traps ---- */

typedef struct trap {
  uint64_t index, offset;
} trap;

static void check_trap(const atomic_case *atomic, trap at, uint64_t length, bool expect_aligned) {
  wasm_memory_view_t small = {bytes, (size_t)length};
  uint64_t old = POISON;
  bool aligned = !expect_aligned;
  memset(bytes, MARK, sizeof bytes);
  CHECK(!atomic->run(&small, at.index, at.offset, UINT64_C(0x5C5C5C5C5C5C5C5C), 3, &old, &aligned));
  CHECK(aligned == expect_aligned && old == POISON);
  CHECK(!atomic->run(&small, at.index, at.offset, UINT64_C(0x5C5C5C5C5C5C5C5C), 3, &old, NULL));
  for (size_t i = 0; i < sizeof bytes; i++) CHECK(bytes[i] == MARK);
}

/* The alignment is that of the sum; it is checked before the bounds. */
TEST(unaligned) {
  const uint64_t top = UINT64_MAX;
  EACH_CASE(atomic_case, atomic, atomic_cases) {
    unsigned long before = harness_failures;
    for (uint64_t low = 1; low < atomic->width; low++) {
      const trap sums[] = {{low, 0}, {0, low}, {8, low}, {16 + low, 8}, {1000, low}, {0, top - low + 1}, {top, low + 1},
                           {top, top - atomic->width + 2 + low}, {UINT64_C(1) << 63, (UINT64_C(1) << 63) + low}};
      for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        check_trap(atomic, sums[i], 32, false);
        check_trap(atomic, sums[i], 0, false);
      }
    }
    name_failures(before, atomic->name);
  }
}

TEST(out_of_bounds) {
  const uint64_t top = UINT64_MAX, half = UINT64_C(1) << 63;
  EACH_CASE(atomic_case, atomic, atomic_cases) {
    unsigned long before = harness_failures;
    const uint64_t width = atomic->width;
    const trap sums[] = {{16, 0}, {0, 16}, {9, 7}, {64, 64}, {0xFFFFFFFF, 1}, {top - width + 1, 0}, {0, top - width + 1}, {top, 1}, {1, top},
                         {half, half}, {top, 9}, {top, width + 1}, {top - width + 1, width}};
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++)
      for (uint64_t cut = 0; cut <= 16; cut += 4) check_trap(atomic, sums[i], 16 - cut, true);
    for (uint64_t missing = 1; missing <= width; missing++) check_trap(atomic, (trap){8, 0}, 8 + width - missing, true);
    name_failures(before, atomic->name);
  }
}

/* A sum whose index and offset are both unaligned. */
TEST(aligned_by_the_offset) {
  EACH_CASE(atomic_case, atomic, atomic_cases) {
    uint64_t old = 0;
    bool aligned = false;
    CHECK(atomic->run(&view, 8 + atomic->width / 2, atomic->width - atomic->width / 2, 0, 0, &old, &aligned) && aligned);
  }
}

TEST(outputs_may_be_null) {
  memset(bytes, 0, sizeof bytes);
  CHECK(wasm_memory_atomic_rmw_add_i64(&view, 8, 0, 5, NULL, NULL));
  CHECK(wasm_memory_atomic_rmw_cmpxchg_i64(&view, 8, 0, 5, 6, NULL, NULL));
  CHECK_U64(model_read(bytes + 8, 8), 6);
}

/* ---- Threads ---- */

enum { THREADS = 4, ROUNDS = 100000 };

typedef struct arena {
  wasm_memory_t *memory;
  const wasm_memory_view_t *view;
  pthread_barrier_t start;
  unsigned next, stop;
} arena;

static arena *arena_new(uint64_t maximum) {
  arena *all = (arena *)calloc(1, sizeof *all);
  REQUIRE(all != NULL);
  all->memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(maximum), .shared = true));
  all->view = wasm_memory_view(all->memory);
  return all;
}

static void arena_delete(arena *all) {
  wasm_memory_delete(all->memory);
  free(all);
}

static void on_threads(arena *all, unsigned count, void *(*work)(void *)) {
  pthread_t threads[THREADS];
  pthread_barrier_init(&all->start, NULL, count);
  for (unsigned i = 0; i < count; i++) REQUIRE(pthread_create(&threads[i], NULL, work, all) == 0);
  for (unsigned i = 0; i < count; i++) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&all->start);
}

/* The number of this thread, once all of them are there. */
static unsigned started(arena *all) {
  pthread_barrier_wait(&all->start);
  return __atomic_fetch_add(&all->next, 1u, __ATOMIC_RELAXED);
}

static void *add_everywhere(void *argument) {
  arena *all = (arena *)argument;
  const wasm_memory_view_t *at = all->view;
  const unsigned self = started(all);
  uint64_t own = 0;
  bool done = true;
  for (int i = 0; i < ROUNDS; i++) {
    done = wasm_memory_atomic_rmw_add_i32(at, 0, 0, 1, NULL, NULL) && done;
    done = wasm_memory_atomic_rmw_add_i32_u8(at, 4, 0, 1, NULL, NULL) && done;
    done = wasm_memory_atomic_rmw_add_i32_u16(at, 6, 0, 1, NULL, NULL) && done;
    done = wasm_memory_atomic_rmw_add_i64(at, 8, 0, UINT64_C(0x100000001), NULL, NULL) && done;
    done = wasm_memory_atomic_rmw_add_i64_u8(at, 5, 0, 3, NULL, NULL) && done;
    done = wasm_memory_atomic_rmw_sub_i64_u16(at, 16, 0, 1, NULL, NULL) && done;
    done = wasm_memory_atomic_rmw_sub_i64_u32(at, 20, 0, 1, NULL, NULL) && done;
    /* A byte of its own between those of the others: nobody may write a neighbour back. */
    done = wasm_memory_atomic_rmw_add_i64_u8(at, 24, self, 1, &own, NULL) && own == (uint8_t)i && done;
    done = wasm_memory_atomic_rmw_xor_i32(at, 28, 0, UINT32_C(1) << self, NULL, NULL) && done;
  }
  CHECK(done);
  return NULL;
}

TEST(sums_of_threads) {
  arena *all = arena_new(1);
  const uint64_t total = (uint64_t)THREADS * ROUNDS;
  on_threads(all, THREADS, add_everywhere);
  const uint8_t *at = wasm_memory_data(all->memory);
  CHECK_U64(model_read(at, 4), total);
  CHECK_U64(at[4], (uint8_t)total);
  CHECK_U64(at[5], (uint8_t)(3 * total));
  CHECK_U64(model_read(at + 6, 2), (uint16_t)total);
  CHECK_U64(model_read(at + 8, 8), total * UINT64_C(0x100000001));
  CHECK_U64(model_read(at + 16, 2), (uint16_t)(0 - total));
  CHECK_U64(model_read(at + 18, 2), 0);
  CHECK_U64(model_read(at + 20, 4), (uint32_t)(0 - total));
  for (int i = 0; i < THREADS; i++) CHECK_U64(at[24 + i], (uint8_t)ROUNDS);
  CHECK_U64(model_read(at + 28, 4), 0);
  arena_delete(all);
}

#define INCREMENT(suffix, type, index) \
  do { \
    type old = 0, expected; \
    done = wasm_memory_atomic_load_##suffix(at, index, 0, &old, NULL) && done; \
    do { \
      expected = old; \
      done = wasm_memory_atomic_rmw_cmpxchg_##suffix(at, index, 0, expected, expected + 1, &old, NULL) && done; \
    } while (old != expected); \
  } while (0)

static void *increment_by_cmpxchg(void *argument) {
  arena *all = (arena *)argument;
  const wasm_memory_view_t *at = all->view;
  bool done = true;
  started(all);
  for (int i = 0; i < ROUNDS / 4; i++) {
    INCREMENT(i32, uint32_t, 0);
    INCREMENT(i32_u8, uint32_t, 4);
    INCREMENT(i64_u8, uint64_t, 5);
    INCREMENT(i32_u16, uint32_t, 6);
    INCREMENT(i64, uint64_t, 8);
    INCREMENT(i64_u16, uint64_t, 16);
    INCREMENT(i64_u32, uint64_t, 20);
  }
  CHECK(done);
  return NULL;
}

TEST(cmpxchg_loops_of_threads) {
  arena *all = arena_new(1);
  const uint64_t total = (uint64_t)THREADS * (ROUNDS / 4);
  static const struct { unsigned at, width; } places[] = {{0, 4}, {4, 1}, {5, 1}, {6, 2}, {8, 8}, {16, 2}, {20, 4}};
  on_threads(all, THREADS, increment_by_cmpxchg);
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
    CHECK_U64(model_read(wasm_memory_data(all->memory) + places[i].at, places[i].width), low_bits(total, places[i].width));
  arena_delete(all);
}

/* What exchange takes out is what another thread put in: no value is lost or seen twice. */
static void *exchange_tokens(void *argument) {
  arena *all = (arena *)argument;
  const uint64_t self = started(all) + 1u;
  uint64_t sum = 0, held = 0;
  bool done = true;
  for (uint64_t i = 1; i <= ROUNDS; i++) {
    done = wasm_memory_atomic_rmw_xchg_i64(all->view, 0, 0, i * self, &held, NULL) && done;
    sum += i * self - held;
  }
  done = wasm_memory_atomic_rmw_add_i64(all->view, 8, 0, sum, NULL, NULL) && done;
  CHECK(done);
  return NULL;
}

TEST(exchanges_of_threads) {
  arena *all = arena_new(1);
  on_threads(all, THREADS, exchange_tokens);
  CHECK_U64(model_read(wasm_memory_data(all->memory) + 8, 8), model_read(wasm_memory_data(all->memory), 8));
  arena_delete(all);
}

/* Two threads that each store to a place, then look at the other's: at least one of them sees the other's store. They run
 * beside each other over many places, with nothing between the two accesses that would order them anyway. */
enum { PLACES = 500, BATCHES = 400, OTHERS_PLACES = 64 * PLACES, GATE = 2 * OTHERS_PLACES, RESULTS = GATE + 64 };

static void meet(const wasm_memory_view_t *view, uint32_t together) {
  uint32_t arrived = 0;
  wasm_memory_atomic_rmw_add_i32(view, GATE, 0, 1, NULL, NULL);
  for (unsigned turn = 1; wasm_memory_atomic_load_i32(view, GATE, 0, &arrived, NULL) && arrived < together; turn++)
    if (turn % 1024 == 0) sched_yield();
}

static void *store_then_load(void *argument) {
  arena *all = (arena *)argument;
  const uint64_t self = started(all), own = self * OTHERS_PLACES, other = OTHERS_PLACES - own;
  for (uint32_t batch = 1; batch <= BATCHES; batch++) {
    meet(all->view, 4 * batch - 2);
    for (uint64_t i = 0; i < PLACES; i++) {
      uint32_t seen = 0;
      wasm_memory_atomic_store_i32(all->view, 64 * i, own, batch, NULL);
      wasm_memory_atomic_load_i32(all->view, 64 * i, other, &seen, NULL);
      wasm_memory_store_i32_8(all->view, RESULTS + 2 * i, self, seen == batch);
    }
    meet(all->view, 4 * batch);
    for (uint64_t i = 0; self == 0 && i < PLACES; i++) {
      uint32_t both = 0;
      wasm_memory_load_i32_u16(all->view, RESULTS + 2 * i, 0, &both);
      CHECK(both != 0);
    }
  }
  return NULL;
}

TEST(stores_and_loads_are_sequentially_consistent) {
  arena *all = arena_new(2);
  CHECK_STATUS(wasm_memory_grow(all->memory, 1, NULL), WASM_MEMORY_OK);
  on_threads(all, 2, store_then_load);
  CHECK_U64(model_read(wasm_memory_data(all->memory) + GATE, 4), 4 * BATCHES);
  arena_delete(all);
}

/* ---- Growth under the access ---- */

static void *use_the_last_bytes(void *argument) {
  arena *all = (arena *)argument;
  uint64_t length = 0;
  while (!__atomic_load_n(&all->stop, __ATOMIC_ACQUIRE)) {
    const uint64_t seen = wasm_memory_view_byte_length(all->view);
    uint64_t value = POISON;
    CHECK(seen >= length);
    CHECK(wasm_memory_load_i64(all->view, seen - 8, 0, &value) && value == 0);
    CHECK(wasm_memory_atomic_rmw_add_i64(all->view, 4, seen - 20, 0, &value, NULL) && value == 0);
    length = seen;
  }
  return NULL;
}

TEST(growth_by_another_thread) {
  arena *all = arena_new(2000);
  pthread_t readers[2];
  for (int i = 0; i < 2; i++) REQUIRE(pthread_create(&readers[i], NULL, use_the_last_bytes, all) == 0);
  for (int i = 1; i < 2000; i++) CHECK_STATUS(wasm_memory_grow(all->memory, 1, NULL), WASM_MEMORY_OK);
  __atomic_store_n(&all->stop, 1u, __ATOMIC_RELEASE);
  for (int i = 0; i < 2; i++) pthread_join(readers[i], NULL);
  CHECK_U64(wasm_memory_view_byte_length(all->view), 2000 * PAGE);
  arena_delete(all);
}

/* Nothing in the loop but the access: a length that a compiler reads once before the loop is never enough. */
static void *wait_for_a_page(void *argument) {
  arena *all = (arena *)argument;
  uint32_t value = 9;
  started(all);
  while (!wasm_memory_load_i32_u8(all->view, PAGE, 0, &value)) continue;
  CHECK_U64(value, 0);
  return NULL;
}

TEST(trap_until_another_thread_grows) {
  arena *all = arena_new(2);
  pthread_t waiting;
  pthread_barrier_init(&all->start, NULL, 2);
  REQUIRE(pthread_create(&waiting, NULL, wait_for_a_page, all) == 0);
  started(all);
  nanosleep(&(struct timespec){0, 20000000}, NULL); /* it is in the loop by then */
  CHECK_STATUS(wasm_memory_grow(all->memory, 1, NULL), WASM_MEMORY_OK);
  pthread_join(waiting, NULL);
  pthread_barrier_destroy(&all->start);
  arena_delete(all);
}

HARNESS_MAIN(LISTED(each_function_against_the_model), LISTED(narrow_add), LISTED(narrow_cmpxchg_wraps_what_it_expects),
             LISTED(cmpxchg_that_does_not_match), LISTED(unaligned), LISTED(out_of_bounds), LISTED(aligned_by_the_offset),
             LISTED(outputs_may_be_null), LISTED(sums_of_threads), LISTED(cmpxchg_loops_of_threads), LISTED(exchanges_of_threads),
             LISTED(stores_and_loads_are_sequentially_consistent), LISTED(growth_by_another_thread),
             LISTED(trap_until_another_thread_grows))
