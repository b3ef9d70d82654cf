/* How a wait ends when nobody notifies: interrupted, its memory given up by its owner, in a process that forked (design.md 5, 8). */
#define _GNU_SOURCE
#include "process.h"
#include "waiters.h"

/* ThreadSanitizer ends a child that starts a thread. */
#if defined(__SANITIZE_THREAD__)
#define CHILD_STARTS_THREADS false
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHILD_STARTS_THREADS false
#endif
#endif
#ifndef CHILD_STARTS_THREADS
#define CHILD_STARTS_THREADS true
#endif

enum { WAITERS = 6 };

static uint32_t interrupted(wasm_memory_t *memory) {
  uint32_t woken = 12345;
  CHECK_STATUS(wasm_memory_atomic_interrupt(memory, &woken), WASM_MEMORY_OK);
  return woken;
}

/* It is an error of the waiter's own thread, and writes no result. */
static void finish_interrupted(waiter *it) {
  pthread_join(it->thread, NULL);
  CHECK_STATUS(it->status, WASM_MEMORY_RUNTIME_ERROR);
  CHECK_STATUS(it->error.status, WASM_MEMORY_RUNTIME_ERROR);
  CHECK_U64(it->error.reason, WASM_MEMORY_REASON_INTERRUPTED);
  CHECK_U64(it->result, 99);
}

TEST(interrupt_ends_every_wait_of_the_memory) {
  wasm_memory_t *memory = shared_memory(), *other = shared_memory();
  waiter each[WAITERS], bystander = {.memory = other, .index = 64, .timeout = FOREVER};
  for (unsigned i = 0; i < WAITERS; i++) { /* some on one address, some with a timeout that is far off */
    each[i] = (waiter){.memory = memory, .index = i / 2 * 64, .timeout = i % 2 == 1 ? INT64_C(3600) * 1000 * MILLISECOND : FOREVER,
                       .bits = i % 3 == 0 ? 64 : 32};
    start_asleep(&each[i]);
  }
  start_asleep(&bystander);
  CHECK_U64(interrupted(memory), WAITERS);
  for (int i = 0; i < WAITERS; i++) finish_interrupted(&each[i]);
  for (uint64_t index = 0; index < 192; index += 4) CHECK_U64(notified(memory, index, UINT32_MAX), 0);
  nap(10 * MILLISECOND);
  CHECK_U64(rank_of(&bystander), 0);
  CHECK_U64(notified(other, 64, 1), 1);
  finish_waiter(&bystander, WOKEN);
  wasm_memory_delete(other);
  wasm_memory_delete(memory);
}

/* It ends the waits in progress; it is no state of the memory. */
TEST(interrupt_does_not_reach_later_waits) {
  wasm_memory_t *memory = shared_memory();
  uint32_t result = 99;
  CHECK_U64(interrupted(memory), 0);
  CHECK_STATUS(wasm_memory_atomic_wait32(memory, 64, 0, 20 * MILLISECOND, &result), WASM_MEMORY_OK);
  CHECK_U64(result, TIMED_OUT);
  for (int round = 0; round < 5; round++) {
    waiter early = {.memory = memory, .index = 64, .timeout = FOREVER}, late = early;
    start_asleep(&early);
    CHECK_U64(interrupted(memory), 1);
    CHECK_U64(interrupted(memory), 0);
    start_asleep(&late);
    finish_interrupted(&early);
    nap(5 * MILLISECOND);
    CHECK_U64(rank_of(&late), 0);
    CHECK_U64(notified(memory, 64, UINT32_MAX), 1);
    finish_waiter(&late, WOKEN);
  }
  wasm_memory_delete(memory);
}

TEST(interrupt_without_waits) {
  wasm_memory_t *shared = shared_memory(), *unshared = created(TYPE(.initial = PAGES(1)));
  CHECK_U64(interrupted(shared), 0);
  CHECK_U64(interrupted(unshared), 0);
  CHECK_STATUS(wasm_memory_atomic_interrupt(shared, NULL), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_atomic_interrupt(unshared, NULL), WASM_MEMORY_OK);
  waiter it = {.memory = shared, .index = 64, .timeout = FOREVER};
  start_asleep(&it);
  CHECK_STATUS(wasm_memory_atomic_interrupt(shared, NULL), WASM_MEMORY_OK);
  finish_interrupted(&it);
  wasm_memory_delete(unshared);
  wasm_memory_delete(shared);
}

/* An embedder that gives up its memory leaves those alone who wait with a reference of their own. */
TEST(owner_deletes_while_another_waits) {
  wasm_memory_t *owned = shared_memory(), *sent = NULL;
  CHECK_STATUS(wasm_memory_send(owned, &sent), WASM_MEMORY_OK);
  waiter it = {.memory = sent, .index = 64, .timeout = FOREVER}, timed = {.memory = sent, .index = 64, .timeout = 100 * MILLISECOND};
  start_asleep(&it);
  start_asleep(&timed);
  wasm_memory_delete(owned);
  finish_waiter(&timed, TIMED_OUT);
  nap(10 * MILLISECOND);
  CHECK_U64(rank_of(&it), 0);
  CHECK_U64(notified(sent, 64, UINT32_MAX), 1);
  finish_waiter(&it, WOKEN);
  wasm_memory_delete(sent);
  CHECK_U64(wasm_memory_size(sent), 0);
}

/* The wait itself is a reference: what it waits on stays until it ends, and its end is its own. */
TEST(last_reference_goes_while_a_thread_waits) {
  for (unsigned bits = 32; bits <= 64; bits += 32) {
    wasm_memory_t *memory = shared_memory();
    waiter each[3];
    for (int i = 0; i < 3; i++) {
      each[i] = (waiter){.memory = memory, .index = 64, .timeout = (100 + 20 * i) * MILLISECOND, .bits = bits};
      start_asleep(&each[i]);
    }
    wasm_memory_delete(memory);
    for (int i = 0; i < 3; i++) {
      /* Not so the handle: it is dead at once, as after any last delete. */
      CHECK_U64(wasm_memory_size(memory), 0);
      CHECK_POINTER(wasm_memory_retain(memory), NULL);
      CHECK_FAILS(wasm_memory_atomic_notify(memory, 64, 1, NULL), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INVALID_HANDLE);
      finish_waiter(&each[i], TIMED_OUT);
      CHECK(each[i].waited >= each[i].timeout);
    }
  }
}

/* Before the wait, amid it, at its very end: a wait that did not begin was told so, any other one had its time. */
TEST(last_reference_goes_at_any_moment) {
  for (unsigned i = 0; i < scaled(1000); i++) {
    wasm_memory_t *memory = shared_memory();
    waiter it = {.memory = memory, .index = 64, .timeout = (int64_t)(i % 7) * 20000, .bits = i % 2 == 1 ? 64 : 32};
    start_waiter(&it);
    nap((int64_t)(i % 11) * 15000);
    wasm_memory_delete(memory);
    pthread_join(it.thread, NULL);
    if (it.status == WASM_MEMORY_OK) {
      CHECK_U64(it.result, TIMED_OUT);
      CHECK(it.waited >= it.timeout);
    } else {
      CHECK_STATUS(it.status, WASM_MEMORY_TYPE_ERROR);
      CHECK_U64(it.error.reason, WASM_MEMORY_REASON_INVALID_HANDLE);
    }
    CHECK_U64(wasm_memory_size(memory), 0);
  }
}

static wasm_memory_t *inherited;

static void check_child_waits_alone(void) {
  alarm(30); /* a lock that stays held would wait for ever */
  uint32_t result = 99;
  for (uint64_t index = 0; index < 256; index += 4) CHECK_U64(notified(inherited, index, UINT32_MAX), 0);
  CHECK_U64(interrupted(inherited), 0);
  CHECK_STATUS(wasm_memory_atomic_wait32(inherited, 64, 0, 10 * MILLISECOND, &result), WASM_MEMORY_OK);
  CHECK_U64(result, TIMED_OUT);
  waiters_returned = 0;
  waiter each[2] = {{.memory = inherited, .index = 64, .timeout = FOREVER}, {.memory = inherited, .index = 64, .timeout = FOREVER}};
  if (CHILD_STARTS_THREADS) {
    for (int i = 0; i < 2; i++) start_asleep(&each[i]);
    CHECK_U64(notified(inherited, 64, UINT32_MAX), 2);
    for (int i = 0; i < 2; i++) finish_waiter(&each[i], WOKEN);
  }
  wasm_memory_delete(inherited);
  CHECK_U64(wasm_memory_size(inherited), 0);
}

/* The child has the memory and not the threads that wait on it: neither their queue nor their references keep anything there. */
TEST(waiters_do_not_exist_after_fork) {
  inherited = shared_memory();
  waiter each[WAITERS];
  for (unsigned i = 0; i < WAITERS; i++) {
    each[i] = (waiter){.memory = inherited, .index = 64 * (i % 3), .timeout = FOREVER};
    start_asleep(&each[i]);
  }
  in_child(check_child_waits_alone);
  for (uint64_t i = 0; i < 3; i++) CHECK_U64(notified(inherited, 64 * i, UINT32_MAX), WAITERS / 3);
  for (int i = 0; i < WAITERS; i++) finish_waiter(&each[i], WOKEN);
  wasm_memory_delete(inherited);
}

static unsigned stop;

static void *wait_and_notify(void *argument) {
  uint64_t index = (uint64_t)(uintptr_t)argument;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    wasm_memory_atomic_notify(inherited, index, 1, NULL);
    wasm_memory_atomic_wait32(inherited, index, 0, MILLISECOND / 20, NULL);
  }
  return NULL;
}

static void check_child_meets_no_lock(void) {
  alarm(30);
  uint32_t result = 99;
  CHECK_U64(notified(inherited, 64, UINT32_MAX), 0);
  CHECK_STATUS(wasm_memory_atomic_wait64(inherited, 64, 0, MILLISECOND, &result), WASM_MEMORY_OK);
  CHECK_U64(result, TIMED_OUT);
  CHECK_U64(interrupted(inherited), 0);
  wasm_memory_delete(inherited);
}

/* Forked at any moment: with the queue's lock held, with a waiter half in it or half out. */
TEST(fork_amid_waits_and_notifies) {
  inherited = shared_memory();
  pthread_t threads[3];
  for (uintptr_t i = 0; i < 3; i++) REQUIRE(pthread_create(&threads[i], NULL, wait_and_notify, (void *)(i < 2 ? 64 : i * 64)) == 0);
  for (unsigned i = 0; i < scaled(100); i++) in_child(check_child_meets_no_lock);
  __atomic_store_n(&stop, 1u, __ATOMIC_RELAXED);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  wasm_memory_delete(inherited);
}

HARNESS_MAIN(LISTED(interrupt_ends_every_wait_of_the_memory), LISTED(interrupt_does_not_reach_later_waits), LISTED(interrupt_without_waits),
             LISTED(owner_deletes_while_another_waits), LISTED(last_reference_goes_while_a_thread_waits),
             LISTED(last_reference_goes_at_any_moment), LISTED(waiters_do_not_exist_after_fork), LISTED(fork_amid_waits_and_notifies))
