/* One wait, one notify: the order of their checks, results, timeouts, signals meanwhile (semantics.md A.11). */
#define _GNU_SOURCE
#include "waiters.h"

#include <signal.h>
#include <sys/time.h>

#define TRAPS(call, reason) CHECK_FAILS(call, WASM_MEMORY_RUNTIME_ERROR, WASM_MEMORY_REASON_##reason)
#define TRAPS_AT(call, end, length) CHECK_FIGURES(call, WASM_MEMORY_RUNTIME_ERROR, WASM_MEMORY_REASON_OUT_OF_BOUNDS, end, length)

static const int64_t timeouts[] = {0, 1, MILLISECOND, -1, -2, INT64_MAX, INT64_MIN};
enum { TIMEOUTS = sizeof timeouts / sizeof timeouts[0] };
static const unsigned widths[] = {32, 64};

static wasm_memory_t *unshared_memory(void) { return created(TYPE(.initial = PAGES(1), .maximum = PAGES(4))); }

/* Every trap comes before the bytes are looked at, and long before anybody sleeps, whatever the timeout. */
TEST(traps_of_wait_in_order) {
  wasm_memory_t *shared = shared_memory(), *unshared = unshared_memory();
  uint32_t result = 99;
  for (int w = 0; w < 2; w++)
    for (int i = 0; i < TIMEOUTS; i++) {
      const unsigned bits = widths[w], bytes = bits / 8;
      for (uint64_t odd = 1; odd < bytes; odd++) {
        TRAPS(wait_on(bits, shared, odd, 0, timeouts[i], &result), UNALIGNED);
        TRAPS(wait_on(bits, shared, PAGE + odd, 0, timeouts[i], &result), UNALIGNED);
        TRAPS(wait_on(bits, shared, UINT64_MAX - odd + 1, 0, timeouts[i], &result), UNALIGNED);
        TRAPS(wait_on(bits, unshared, odd, 0, timeouts[i], &result), UNALIGNED);
        TRAPS(wait_on(bits, unshared, PAGE + odd, 1, timeouts[i], &result), UNALIGNED);
      }
      const uint64_t aligned[] = {0, PAGE - bytes, PAGE, PAGE + bytes, UINT64_C(1) << 32, UINT64_MAX - bytes + 1};
      for (int k = 0; k < 6; k++) {
        TRAPS(wait_on(bits, unshared, aligned[k], 0, timeouts[i], &result), WAIT_UNSHARED);
        TRAPS(wait_on(bits, unshared, aligned[k], 1, timeouts[i], &result), WAIT_UNSHARED);
      }
      for (int k = 2; k < 6; k++)
        for (uint64_t expected = 0; expected < 2; expected++) {
          const uint64_t end = aligned[k] + bytes < bytes ? UINT64_MAX : aligned[k] + bytes;
          TRAPS_AT(wait_on(bits, shared, aligned[k], expected, timeouts[i], &result), end, PAGE);
        }
      CHECK_STATUS(wait_on(bits, shared, PAGE - bytes, 1, timeouts[i], &result), WASM_MEMORY_OK);
      CHECK_U64(result, NOT_EQUAL);
      result = 99;
    }
  CHECK_U64(result, 99);
  wasm_memory_delete(unshared);
  wasm_memory_delete(shared);
}

TEST(traps_of_notify_in_order) {
  wasm_memory_t *shared = shared_memory(), *unshared = unshared_memory();
  uint32_t woken = 99;
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = k == 1 ? shared : unshared;
    const uint32_t counts[] = {0, 1, UINT32_MAX};
    for (int i = 0; i < 3; i++) {
      for (uint64_t odd = 1; odd < 4; odd++) {
        TRAPS(wasm_memory_atomic_notify(memory, odd, counts[i], &woken), UNALIGNED);
        TRAPS(wasm_memory_atomic_notify(memory, PAGE + odd, counts[i], &woken), UNALIGNED);
        TRAPS(wasm_memory_atomic_notify(memory, UINT64_MAX - odd + 1, counts[i], &woken), UNALIGNED);
      }
      TRAPS_AT(wasm_memory_atomic_notify(memory, PAGE, counts[i], &woken), PAGE + 4, PAGE);
      TRAPS_AT(wasm_memory_atomic_notify(memory, UINT64_C(1) << 32, counts[i], &woken), (UINT64_C(1) << 32) + 4, PAGE);
      TRAPS_AT(wasm_memory_atomic_notify(memory, UINT64_MAX - 3, counts[i], &woken), UINT64_MAX, PAGE);
      CHECK_U64(woken, 99);
      /* Of a wait that an unshared memory can never have, nobody is woken; 4 is as good an index as 8. */
      CHECK_U64(notified(memory, 0, counts[i]), 0);
      CHECK_U64(notified(memory, 4, counts[i]), 0);
      CHECK_U64(notified(memory, PAGE - 4, counts[i]), 0);
    }
    CHECK_STATUS(wasm_memory_atomic_notify(memory, 0, 1, NULL), WASM_MEMORY_OK);
    TRAPS(wasm_memory_atomic_notify(memory, 1, 1, NULL), UNALIGNED);
  }
  wasm_memory_delete(unshared);
  wasm_memory_delete(shared);
}

/* Lengths that are no multiple of a width, and none at all. */
TEST(bounds_of_odd_lengths) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(15), .maximum = PAGES(16), .shared = true, .page_size = 1));
  uint32_t result = 99;
  TRAPS_AT(wait_on(64, memory, 8, 0, 0, &result), 16, 15);
  TRAPS_AT(wait_on(32, memory, 12, 0, 0, &result), 16, 15);
  TRAPS_AT(wasm_memory_atomic_notify(memory, 12, 1, NULL), 16, 15);
  CHECK_STATUS(wait_on(32, memory, 8, 0, 0, &result), WASM_MEMORY_OK);
  CHECK_U64(result, TIMED_OUT);
  CHECK_U64(notified(memory, 8, 1), 0);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_STATUS(wait_on(64, memory, 8, 0, 0, &result), WASM_MEMORY_OK);
  CHECK_STATUS(wait_on(32, memory, 12, 0, 0, &result), WASM_MEMORY_OK);
  CHECK_U64(notified(memory, 12, 1), 0);
  wasm_memory_delete(memory);
  memory = created(TYPE(.initial = PAGES(0), .maximum = PAGES(0), .shared = true));
  TRAPS_AT(wait_on(32, memory, 0, 0, -1, &result), 4, 0);
  TRAPS_AT(wait_on(64, memory, 0, 0, -1, &result), 8, 0);
  TRAPS_AT(wasm_memory_atomic_notify(memory, 0, 1, NULL), 4, 0);
  wasm_memory_delete(memory);
}

/* All bits are compared, in the memory's byte order, and an unequal value ends any wait at once. */
TEST(unequal_values) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true, .address = I64));
  const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  CHECK_STATUS(wasm_memory_write(memory, 64, bytes, 8), WASM_MEMORY_OK);
  const uint64_t wide = UINT64_C(0x0807060504030201), narrow = wide & UINT32_MAX;
  for (int i = 0; i < TIMEOUTS; i++)
    for (int w = 0; w < 2; w++)
      for (unsigned bit = 0; bit < widths[w]; bit++) {
        uint32_t result = 99;
        CHECK_STATUS(wait_on(widths[w], memory, 64, (w == 1 ? wide : narrow) ^ UINT64_C(1) << bit, timeouts[i], &result), WASM_MEMORY_OK);
        CHECK_U64(result, NOT_EQUAL);
      }
  uint32_t result = 99;
  CHECK_STATUS(wait_on(32, memory, 64, narrow, 0, &result), WASM_MEMORY_OK);
  CHECK_U64(result, TIMED_OUT);
  CHECK_STATUS(wait_on(32, memory, 68, wide >> 32, 0, &result), WASM_MEMORY_OK);
  CHECK_U64(result, TIMED_OUT);
  CHECK_STATUS(wait_on(64, memory, 64, wide, 0, &result), WASM_MEMORY_OK);
  CHECK_U64(result, TIMED_OUT);
  wasm_memory_delete(memory);
}

TEST(finite_timeouts) {
  wasm_memory_t *memory = shared_memory();
  const int64_t finite[] = {0, 1, 2, 999, 1000, 100000, MILLISECOND, 20 * MILLISECOND, 120 * MILLISECOND};
  for (int w = 0; w < 2; w++)
    for (size_t i = 0; i < sizeof finite / sizeof finite[0]; i++) {
      uint32_t result = 99;
      const int64_t start = now();
      CHECK_STATUS(wait_on(widths[w], memory, 8, 0, finite[i], &result), WASM_MEMORY_OK);
      const int64_t waited = now() - start;
      CHECK_U64(result, TIMED_OUT);
      CHECK(waited >= finite[i]);
      CHECK(waited < 10000 * MILLISECOND);
      CHECK_STATUS(wait_on(widths[w], memory, 8, 0, finite[i], NULL), WASM_MEMORY_OK);
    }
  CHECK_U64(notified(memory, 8, UINT32_MAX), 0); /* who timed out is gone */
  wasm_memory_delete(memory);
}

/* Negative is for ever, and so, for all that a test can see, is what no clock can count to. */
TEST(endless_timeouts) {
  wasm_memory_t *memory = shared_memory();
  const int64_t endless[] = {-1, -2, INT64_MIN, INT64_MIN + 1, -1000 * MILLISECOND, INT64_MAX, INT64_MAX - 1, INT64_MAX / 2, INT64_C(1) << 62};
  for (int w = 0; w < 2; w++)
    for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
      waiter it = {.memory = memory, .index = 8, .timeout = endless[i], .bits = widths[w]};
      start_asleep(&it);
      nap(5 * MILLISECOND);
      CHECK_U64(rank_of(&it), 0);
      CHECK_U64(notified(memory, 8, 1), 1);
      finish_waiter(&it, WOKEN);
    }
  wasm_memory_delete(memory);
}

/* A store alone wakes nobody, and a value that has changed meanwhile is not compared again. */
TEST(woken_by_notify_only) {
  wasm_memory_t *memory = shared_memory();
  waiter it = {.memory = memory, .index = 16, .timeout = FOREVER};
  start_asleep(&it);
  __atomic_store_n(cell32(memory, 16), 7u, __ATOMIC_SEQ_CST);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  nap(20 * MILLISECOND);
  CHECK_U64(rank_of(&it), 0);
  CHECK_U64(notified(memory, 16, 1), 1);
  finish_waiter(&it, WOKEN);
  __atomic_store_n(cell32(memory, 16), 0u, __ATOMIC_SEQ_CST);
  wasm_memory_delete(memory);
}

static unsigned signals;

static void count_signal(int number) {
  (void)number;
  __atomic_fetch_add(&signals, 1u, __ATOMIC_RELAXED);
}

/* Without SA_RESTART, so that every system call it meets fails with EINTR. */
static void interrupt_calls(int number) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = count_signal;
  sigemptyset(&action.sa_mask);
  REQUIRE(sigaction(number, &action, NULL) == 0);
}

/* Neither may a signal end a wait early, nor may each one begin the timeout anew. */
TEST(signals_do_not_end_a_timeout) {
  wasm_memory_t *memory = shared_memory();
  const struct itimerval storm = {.it_interval = {.tv_usec = 300}, .it_value = {.tv_usec = 300}}, calm = {.it_value = {.tv_usec = 0}};
  interrupt_calls(SIGALRM);
  for (int w = 0; w < 2; w++) {
    uint32_t result = 99;
    const unsigned before = __atomic_load_n(&signals, __ATOMIC_RELAXED);
    REQUIRE(setitimer(ITIMER_REAL, &storm, NULL) == 0);
    const int64_t start = now();
    CHECK_STATUS(wait_on(widths[w], memory, 8, 0, 300 * MILLISECOND, &result), WASM_MEMORY_OK);
    const int64_t waited = now() - start;
    REQUIRE(setitimer(ITIMER_REAL, &calm, NULL) == 0);
    CHECK_U64(result, TIMED_OUT);
    CHECK(waited >= 300 * MILLISECOND);
    CHECK(waited < 10000 * MILLISECOND);
    CHECK(__atomic_load_n(&signals, __ATOMIC_RELAXED) > before + 10);
  }
  wasm_memory_delete(memory);
}

TEST(signals_do_not_end_an_endless_wait) {
  wasm_memory_t *memory = shared_memory();
  interrupt_calls(SIGUSR1);
  waiter it = {.memory = memory, .index = 8, .timeout = FOREVER};
  start_asleep(&it);
  for (unsigned i = 0; i < scaled(2000); i++) {
    pthread_kill(it.thread, SIGUSR1);
    if (i % 50 == 0) nap(MILLISECOND);
  }
  CHECK(__atomic_load_n(&signals, __ATOMIC_RELAXED) > 0);
  await_asleep(&it);
  CHECK_U64(notified(memory, 8, UINT32_MAX), 1); /* still queued, and only once */
  finish_waiter(&it, WOKEN);
  wasm_memory_delete(memory);
}

static void check_no_memory(wasm_memory_t *handle, uint32_t reason) {
  const uint64_t indexes[] = {0, 1, PAGE, UINT64_MAX};
  uint32_t output = 99;
  for (int i = 0; i < 4; i++) {
    CHECK_FAILS(wait_on(32, handle, indexes[i], 0, -1, &output), WASM_MEMORY_TYPE_ERROR, reason);
    CHECK_FAILS(wait_on(64, handle, indexes[i], 0, -1, &output), WASM_MEMORY_TYPE_ERROR, reason);
    CHECK_FAILS(wasm_memory_atomic_notify(handle, indexes[i], 1, &output), WASM_MEMORY_TYPE_ERROR, reason);
  }
  CHECK_FAILS(wasm_memory_atomic_interrupt(handle, &output), WASM_MEMORY_TYPE_ERROR, reason);
  CHECK_U64(output, 99);
}

TEST(handles_that_are_no_memories) {
  wasm_memory_t *dead = shared_memory();
  wasm_memory_delete(dead);
  wasm_memory_config_t *config = config_new();
  check_no_memory(NULL, WASM_MEMORY_REASON_NULL_ARGUMENT);
  check_no_memory(dead, WASM_MEMORY_REASON_INVALID_HANDLE);
  check_no_memory((wasm_memory_t *)(void *)config, WASM_MEMORY_REASON_INVALID_HANDLE);
  wasm_memory_config_delete(config);
}

HARNESS_MAIN(LISTED(traps_of_wait_in_order), LISTED(traps_of_notify_in_order), LISTED(bounds_of_odd_lengths), LISTED(unequal_values),
             LISTED(finite_timeouts), LISTED(endless_timeouts), LISTED(woken_by_notify_only), LISTED(signals_do_not_end_a_timeout),
             LISTED(signals_do_not_end_an_endless_wait), LISTED(handles_that_are_no_memories))
