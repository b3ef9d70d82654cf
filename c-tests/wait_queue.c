/* Who is woken: one queue for each byte address of each memory, first in, first out, never more than the count (semantics.md A.11). */
#define _GNU_SOURCE
#include "waiters.h"

#include <limits.h>

enum { QUEUE = 8 };

static void start_queue(wasm_memory_t *memory, waiter *queue, unsigned count, uint64_t index) {
  for (unsigned i = 0; i < count; i++) {
    queue[i] = (waiter){.memory = memory, .index = index, .timeout = FOREVER, .bits = i % 3 == 1 ? 64 : 32};
    start_asleep(&queue[i]);
  }
}

static void check_still_waiting(const waiter *queue, unsigned from, unsigned count) {
  nap(10 * MILLISECOND);
  for (unsigned i = from; i < count; i++) CHECK_U64(rank_of(&queue[i]), 0);
}

TEST(first_in_first_out) {
  wasm_memory_t *memory = shared_memory();
  waiter queue[QUEUE];
  start_queue(memory, queue, QUEUE, 64);
  for (unsigned i = 0; i < QUEUE; i++) {
    CHECK_U64(notified(memory, 64, 1), 1);
    finish_waiter(&queue[i], WOKEN); /* the oldest; another one's return leaves this waiting for ever */
    for (unsigned k = i + 1; k < QUEUE; k++) CHECK_U64(rank_of(&queue[k]), 0);
  }
  CHECK_U64(notified(memory, 64, 1), 0);
  wasm_memory_delete(memory);
}

TEST(a_count_takes_the_first_ones) {
  wasm_memory_t *memory = shared_memory();
  waiter queue[QUEUE];
  start_queue(memory, queue, QUEUE, 64);
  CHECK_U64(notified(memory, 64, 3), 3);
  for (int i = 0; i < 3; i++) finish_waiter(&queue[i], WOKEN);
  check_still_waiting(queue, 3, QUEUE);
  CHECK_U64(notified(memory, 64, 2), 2);
  for (int i = 3; i < 5; i++) finish_waiter(&queue[i], WOKEN);
  check_still_waiting(queue, 5, QUEUE);
  CHECK_U64(notified(memory, 64, 100), 3); /* no more than there are */
  for (int i = 5; i < QUEUE; i++) finish_waiter(&queue[i], WOKEN);
  CHECK_U64(notified(memory, 64, UINT32_MAX), 0);
  wasm_memory_delete(memory);
}

TEST(count_of_none_and_of_all) {
  wasm_memory_t *memory = shared_memory();
  waiter queue[QUEUE];
  start_queue(memory, queue, QUEUE, 64);
  for (int i = 0; i < 5; i++) CHECK_U64(notified(memory, 64, 0), 0);
  check_still_waiting(queue, 0, QUEUE);
  CHECK_U64(notified(memory, 64, UINT32_MAX), QUEUE);
  for (int i = 0; i < QUEUE; i++) finish_waiter(&queue[i], WOKEN);
  wasm_memory_delete(memory);
}

/* Who waits again goes to the end. */
TEST(a_second_wait_queues_anew) {
  wasm_memory_t *memory = shared_memory();
  waiter first = {.memory = memory, .index = 64, .timeout = FOREVER}, second = first, again = first;
  start_asleep(&first);
  start_asleep(&second);
  CHECK_U64(notified(memory, 64, 1), 1);
  finish_waiter(&first, WOKEN);
  start_asleep(&again);
  CHECK_U64(notified(memory, 64, 1), 1);
  finish_waiter(&second, WOKEN);
  check_still_waiting(&again, 0, 1);
  CHECK_U64(notified(memory, 64, 1), 1);
  finish_waiter(&again, WOKEN);
  wasm_memory_delete(memory);
}

/* Who timed out is not counted, and takes no notification from those behind it. */
TEST(a_timeout_leaves_the_queue) {
  wasm_memory_t *memory = shared_memory();
  for (int place = 0; place < 3; place++) { /* first, in the middle, last */
    waiter queue[3];
    for (int i = 0; i < 3; i++) {
      queue[i] = (waiter){.memory = memory, .index = 64, .timeout = i == place ? 150 * MILLISECOND : FOREVER, .bits = i == 1 ? 64 : 32};
      start_asleep(&queue[i]);
    }
    finish_waiter(&queue[place], TIMED_OUT);
    CHECK(queue[place].waited >= 150 * MILLISECOND);
    for (int i = 0; i < 3; i++)
      if (i != place) {
        CHECK_U64(notified(memory, 64, 1), 1);
        finish_waiter(&queue[i], WOKEN);
      }
    CHECK_U64(notified(memory, 64, UINT32_MAX), 0);
  }
  wasm_memory_delete(memory);
}

/* The widths of two waits differ, their address does not. */
TEST(both_widths_in_one_queue) {
  wasm_memory_t *memory = shared_memory();
  for (unsigned bits = 32; bits <= 64; bits += 32) {
    waiter first = {.memory = memory, .index = 128, .timeout = FOREVER, .bits = bits}, second = first;
    second.bits = 96 - bits;
    start_asleep(&first);
    start_asleep(&second);
    CHECK_U64(notified(memory, 132, UINT32_MAX), 0); /* the upper half of a 64-bit wait is another address */
    check_still_waiting(&first, 0, 1);
    CHECK_U64(notified(memory, 128, 1), 1);
    finish_waiter(&first, WOKEN);
    CHECK_U64(rank_of(&second), 0);
    CHECK_U64(notified(memory, 128, 1), 1);
    finish_waiter(&second, WOKEN);
  }
  wasm_memory_delete(memory);
}

/* Neighbours, equal low bits, equal remainders: whatever a table of queues may be indexed by. */
TEST(addresses_are_separate) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(40), .maximum = PAGES(40), .shared = true));
  waiter it = {.memory = memory, .index = 4096, .timeout = FOREVER};
  start_asleep(&it);
  for (uint64_t index = 0; index < wasm_memory_byte_length(memory); index += 4)
    if (index != it.index && notified(memory, index, UINT32_MAX) != 0) CHECK(!"a notify of another address woke somebody");
  check_still_waiting(&it, 0, 1);
  CHECK_U64(notified(memory, it.index, UINT32_MAX), 1);
  finish_waiter(&it, WOKEN);
  wasm_memory_delete(memory);
}

TEST(waiters_on_many_addresses) {
  wasm_memory_t *memory = shared_memory();
  enum { ADDRESSES = 24 };
  waiter each[ADDRESSES];
  for (unsigned i = 0; i < ADDRESSES; i++) {
    each[i] = (waiter){.memory = memory, .index = i * 8 * (i % 2 == 1 ? 256 : 1), .timeout = FOREVER, .bits = i % 2 == 1 ? 64 : 32};
    start_waiter(&each[i]);
  }
  for (unsigned i = 0; i < ADDRESSES; i++) await_asleep(&each[i]);
  for (unsigned i = 0; i < ADDRESSES; i++) {
    waiter *it = &each[i * 7 % ADDRESSES];
    CHECK_U64(notified(memory, it->index, UINT32_MAX), 1);
    finish_waiter(it, WOKEN);
    CHECK_U64(notified(memory, it->index, UINT32_MAX), 0);
  }
  wasm_memory_delete(memory);
}

/* The same index of another memory is another address, and another handle of the same memory is none. */
TEST(memories_are_separate) {
  wasm_memory_t *first = shared_memory(), *second = shared_memory(), *sent = NULL;
  CHECK_STATUS(wasm_memory_send(first, &sent), WASM_MEMORY_OK);
  waiter on_first = {.memory = first, .index = 64, .timeout = FOREVER}, on_second = {.memory = second, .index = 64, .timeout = FOREVER};
  start_asleep(&on_first);
  CHECK_U64(notified(second, 64, UINT32_MAX), 0);
  start_asleep(&on_second);
  CHECK_U64(notified(sent, 64, UINT32_MAX), 1);
  finish_waiter(&on_first, WOKEN);
  check_still_waiting(&on_second, 0, 1);
  CHECK_U64(notified(first, 64, UINT32_MAX), 0);
  CHECK_U64(notified(second, 64, UINT32_MAX), 1);
  finish_waiter(&on_second, WOKEN);
  wasm_memory_delete(sent);
  wasm_memory_delete(second);
  wasm_memory_delete(first);
}

/* A notify that came first is not remembered. */
TEST(notify_before_wait_is_lost) {
  wasm_memory_t *memory = shared_memory();
  uint32_t result = 99;
  CHECK_U64(notified(memory, 64, 5), 0);
  CHECK_STATUS(wasm_memory_atomic_wait32(memory, 64, 0, 20 * MILLISECOND, &result), WASM_MEMORY_OK);
  CHECK_U64(result, TIMED_OUT);
  wasm_memory_delete(memory);
}

/* Nobody is forgotten and nobody is counted twice, however many they are and whenever they come. */
TEST(thousands_of_waiters) {
  enum { MOST = 2000 };
  static waiter all[MOST];
  const unsigned wanted = scaled(MOST) < MOST ? scaled(MOST) : MOST;
  wasm_memory_t *memory = shared_memory();
  pthread_attr_t small;
  pthread_attr_init(&small);
  REQUIRE(pthread_attr_setstacksize(&small, (size_t)PTHREAD_STACK_MIN + 128 * 1024) == 0);
  unsigned started = 0;
  uint64_t woken = 0;
  for (; started < wanted; started++) {
    all[started] = (waiter){.memory = memory, .index = 64, .timeout = FOREVER, .bits = started % 2 == 1 ? 64 : 32};
    if (pthread_create(&all[started].thread, &small, waiter_run, &all[started]) != 0) break;
    if (started % 100 == 99) woken += notified(memory, 64, 10); /* while others are still coming */
  }
  if (started < wanted) printf("this host has no more than %u threads\n", started);
  REQUIRE(started > 20);
  while (woken < started) {
    const uint32_t some = notified(memory, 64, 700);
    CHECK(some <= 700);
    woken += some;
    if (some == 0) nap(MILLISECOND);
  }
  CHECK_U64(woken, started);
  for (unsigned i = 0; i < started; i++) finish_waiter(&all[i], WOKEN);
  CHECK_U64(notified(memory, 64, UINT32_MAX), 0);
  pthread_attr_destroy(&small);
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(first_in_first_out), LISTED(a_count_takes_the_first_ones), LISTED(count_of_none_and_of_all),
             LISTED(a_second_wait_queues_anew), LISTED(a_timeout_leaves_the_queue), LISTED(both_widths_in_one_queue),
             LISTED(addresses_are_separate), LISTED(waiters_on_many_addresses), LISTED(memories_are_separate),
             LISTED(notify_before_wait_is_lost), LISTED(thousands_of_waiters))
