/* Waits and notifies by many threads at once: nothing is lost, nobody is counted who was not woken (semantics.md A.11). */
#define _GNU_SOURCE
#include "waiters.h"

#include <sched.h>

/* A lost wake-up is a test that never ends: the signal ends it, with a failure. */
static void begin_watchdog(void) { alarm(100); }
static void end_watchdog(void) { alarm(0); }

static void run_in(pthread_t *thread, void *(*run)(void *), void *argument) { REQUIRE(pthread_create(thread, NULL, run, argument) == 0); }

typedef struct players {
  wasm_memory_t *memory;
  uint64_t index;
  unsigned rounds, bits;
  unsigned stop;
} players;

/* Whose turn it is stands in the memory, as numbers that are the same in either byte order. */
static const uint32_t turns[2] = {0, 0x01010101};

/* Waits for its turn, then gives it to the other. */
static void play(const players *game, int who) {
  const uint32_t me = turns[who], other = turns[1 - who];
  uint32_t *turn = cell32(game->memory, game->index);
  for (unsigned round = 0; round < game->rounds; round++) {
    while (__atomic_load_n(turn, __ATOMIC_SEQ_CST) != me) {
      uint32_t result = 99;
      if (wait_on(game->bits, game->memory, game->index, other, FOREVER, &result) != WASM_MEMORY_OK) CHECK(!"a wait failed");
      if (result != WOKEN && result != NOT_EQUAL) CHECK(!"an endless wait timed out");
    }
    __atomic_store_n(turn, other, __ATOMIC_SEQ_CST);
    if (wasm_memory_atomic_notify(game->memory, game->index, 1, NULL) != WASM_MEMORY_OK) CHECK(!"a notify failed");
  }
}

static void *play_second(void *argument) {
  play((const players *)argument, 1);
  return NULL;
}

static void play_both(const players *game) {
  pthread_t second;
  run_in(&second, play_second, (void *)game);
  play(game, 0);
  pthread_join(second, NULL);
  CHECK_U64(notified(game->memory, game->index, UINT32_MAX), 0);
}

TEST(ping_pong) {
  begin_watchdog();
  players game = {.memory = shared_memory(), .index = 64, .rounds = scaled(100000), .bits = 32};
  play_both(&game);
  game.bits = 64; /* the upper half stays 0 */
  game.rounds = scaled(20000);
  play_both(&game);
  wasm_memory_delete(game.memory);
  end_watchdog();
}

/* Two games in two memories, which must not wait for each other. */
static void *play_alone(void *argument) {
  play_both((const players *)argument);
  return NULL;
}

TEST(ping_pong_in_two_memories) {
  begin_watchdog();
  players games[2] = {{.memory = shared_memory(), .index = 64, .rounds = scaled(20000), .bits = 32},
                      {.memory = shared_memory(), .index = 64, .rounds = scaled(20000), .bits = 32}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) run_in(&threads[i], play_alone, &games[i]);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < 2; i++) wasm_memory_delete(games[i].memory);
  end_watchdog();
}

static void *grow_all_along(void *argument) {
  players *game = (players *)argument;
  while (!__atomic_load_n(&game->stop, __ATOMIC_RELAXED))
    if (wasm_memory_grow(game->memory, 1, NULL) != WASM_MEMORY_OK) wasm_memory_grow(game->memory, 0, NULL);
  return NULL;
}

TEST(ping_pong_while_the_memory_grows) {
  begin_watchdog();
  players game = {.memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(3000), .shared = true)), .index = 64, .bits = 32};
  game.rounds = scaled(20000);
  pthread_t grower;
  run_in(&grower, grow_all_along, &game);
  play_both(&game);
  __atomic_store_n(&game.stop, 1u, __ATOMIC_RELAXED);
  pthread_join(grower, NULL);
  CHECK(wasm_memory_size(game.memory) > 1);
  wasm_memory_delete(game.memory);
  end_watchdog();
}

/* A wait that began before a growth is woken after it, and the new bytes can be waited on at once. */
TEST(waits_across_growth) {
  begin_watchdog();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(20), .shared = true));
  for (uint64_t size = 1; size < 20; size++) {
    waiter old = {.memory = memory, .index = size * PAGE - 8, .timeout = FOREVER}, fresh = {.memory = memory, .timeout = FOREVER, .bits = 64};
    start_asleep(&old);
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
    fresh.index = (size + 1) * PAGE - 16;
    start_asleep(&fresh);
    CHECK_U64(notified(memory, fresh.index, UINT32_MAX), 1);
    CHECK_U64(notified(memory, old.index, UINT32_MAX), 1);
    finish_waiter(&fresh, WOKEN);
    finish_waiter(&old, WOKEN);
  }
  wasm_memory_delete(memory);
  end_watchdog();
}

enum { ITEMS = 64, PRODUCERS = 3, CONSUMERS = 4 };

typedef struct market {
  wasm_memory_t *memory;
  unsigned produced_each;
  uint64_t allowed;   /* sum of all counts */
  uint64_t woken;     /* sum of all answers of notify */
  uint64_t returned;  /* waits that answered WOKEN */
  uint64_t timed_out;
  uint64_t consumed;
  unsigned closed, gone;
} market;

static void notify_market(market *it, uint32_t count) {
  __atomic_fetch_add(&it->allowed, count, __ATOMIC_RELAXED);
  const uint32_t woken = notified(it->memory, ITEMS, count);
  if (woken > count) CHECK(!"more were woken than the count allows");
  __atomic_fetch_add(&it->woken, woken, __ATOMIC_RELAXED);
}

static void *produce(void *argument) {
  market *it = (market *)argument;
  for (unsigned i = 0; i < it->produced_each; i++) {
    const uint32_t some = i % 3 == 0 ? 2 : 1;
    __atomic_fetch_add(cell32(it->memory, ITEMS), some, __ATOMIC_SEQ_CST);
    notify_market(it, some);
    if (i % 64 == 0) sched_yield();
  }
  return NULL;
}

/* Takes one where there is one, and sleeps only where there is none. Some waits are short, so that timeouts meet notifies. */
static void *consume(void *argument) {
  market *it = (market *)argument;
  uint32_t *items = cell32(it->memory, ITEMS);
  for (unsigned i = 0;; i++) {
    uint32_t there = __atomic_load_n(items, __ATOMIC_SEQ_CST);
    if (there > 0) {
      if (__atomic_compare_exchange_n(items, &there, there - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        __atomic_fetch_add(&it->consumed, 1u, __ATOMIC_RELAXED);
      continue;
    }
    if (__atomic_load_n(&it->closed, __ATOMIC_SEQ_CST)) break;
    uint32_t result = 99;
    const int64_t timeout = i % 4 == 3 ? MILLISECOND / 50 : FOREVER;
    if (wasm_memory_atomic_wait32(it->memory, ITEMS, 0, timeout, &result) != WASM_MEMORY_OK) CHECK(!"a wait failed");
    if (result == WOKEN) __atomic_fetch_add(&it->returned, 1u, __ATOMIC_RELAXED);
    else if (result == TIMED_OUT && timeout != FOREVER) __atomic_fetch_add(&it->timed_out, 1u, __ATOMIC_RELAXED);
    else if (result != NOT_EQUAL) CHECK(!"an endless wait timed out");
  }
  __atomic_fetch_add(&it->gone, 1u, __ATOMIC_SEQ_CST);
  return NULL;
}

TEST(every_notification_is_answered_for) {
  begin_watchdog();
  market it = {.memory = shared_memory(), .produced_each = scaled(40000)};
  pthread_t producers[PRODUCERS], consumers[CONSUMERS];
  for (int i = 0; i < CONSUMERS; i++) run_in(&consumers[i], consume, &it);
  for (int i = 0; i < PRODUCERS; i++) run_in(&producers[i], produce, &it);
  for (int i = 0; i < PRODUCERS; i++) pthread_join(producers[i], NULL);
  const uint64_t produced = PRODUCERS * ((uint64_t)it.produced_each + (it.produced_each + 2) / 3);
  while (__atomic_load_n(&it.consumed, __ATOMIC_RELAXED) < produced) nap(MILLISECOND); /* for ever, should a wake-up have been lost */
  __atomic_store_n(&it.closed, 1u, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&it.gone, __ATOMIC_SEQ_CST) < CONSUMERS) notify_market(&it, UINT32_MAX); /* some are only about to wait */
  for (int i = 0; i < CONSUMERS; i++) pthread_join(consumers[i], NULL);
  CHECK_U64(it.consumed, produced);
  CHECK(it.woken <= it.allowed);
  CHECK_U64(it.returned, it.woken);
  CHECK_U64(notified(it.memory, ITEMS, UINT32_MAX), 0);
  wasm_memory_delete(it.memory);
  end_watchdog();
}

/* Timeouts that end at the moment of a notify: a wait is woken and counted, or timed out and not counted, never half of each. */
static void *wait_briefly(void *argument) {
  market *it = (market *)argument;
  for (unsigned i = 0; i < it->produced_each; i++) {
    uint32_t result = 99;
    if (wait_on(i % 2 == 1 ? 64 : 32, it->memory, ITEMS, 0, i % 32 * 1000, &result) != WASM_MEMORY_OK) CHECK(!"a wait failed");
    if (result == WOKEN) __atomic_fetch_add(&it->returned, 1u, __ATOMIC_RELAXED);
    else if (result != TIMED_OUT) CHECK(!"the value never changes");
  }
  __atomic_fetch_add(&it->gone, 1u, __ATOMIC_SEQ_CST);
  return NULL;
}

TEST(timeouts_race_with_notifies) {
  begin_watchdog();
  market it = {.memory = shared_memory(), .produced_each = scaled(5000)};
  pthread_t threads[CONSUMERS];
  for (int i = 0; i < CONSUMERS; i++) run_in(&threads[i], wait_briefly, &it);
  for (uint32_t i = 0; __atomic_load_n(&it.gone, __ATOMIC_SEQ_CST) < CONSUMERS; i++) {
    notify_market(&it, i % 3);
    if (i % 16 == 0) nap(1000);
  }
  for (int i = 0; i < CONSUMERS; i++) pthread_join(threads[i], NULL);
  CHECK_U64(it.returned, it.woken);
  CHECK(it.woken <= it.allowed);
  wasm_memory_delete(it.memory);
  end_watchdog();
}

/* The same of interrupts: each ended wait was counted by exactly one of the two that end waits. */
static void *wait_to_be_ended(void *argument) {
  market *it = (market *)argument;
  for (unsigned i = 0; i < it->produced_each; i++) {
    uint32_t result = 99;
    const wasm_memory_status_t status = wasm_memory_atomic_wait32(it->memory, ITEMS, 0, i % 2 == 0 ? FOREVER : 20000, &result);
    if (status == WASM_MEMORY_RUNTIME_ERROR) __atomic_fetch_add(&it->consumed, 1u, __ATOMIC_RELAXED);
    else if (status != WASM_MEMORY_OK) CHECK(!"a wait failed");
    else if (result == WOKEN) __atomic_fetch_add(&it->returned, 1u, __ATOMIC_RELAXED);
    else if (result != TIMED_OUT) CHECK(!"the value never changes");
  }
  __atomic_fetch_add(&it->gone, 1u, __ATOMIC_SEQ_CST);
  return NULL;
}

TEST(interrupts_race_with_notifies) {
  begin_watchdog();
  market it = {.memory = shared_memory(), .produced_each = scaled(4000)};
  uint64_t ended = 0;
  pthread_t threads[CONSUMERS];
  for (int i = 0; i < CONSUMERS; i++) run_in(&threads[i], wait_to_be_ended, &it);
  for (unsigned i = 0; __atomic_load_n(&it.gone, __ATOMIC_SEQ_CST) < CONSUMERS; i++) {
    uint32_t woken = 0;
    if (i % 4 == 0) CHECK_STATUS(wasm_memory_atomic_interrupt(it.memory, &woken), WASM_MEMORY_OK);
    ended += woken;
    notify_market(&it, 1);
    if (i % 16 == 0) nap(1000);
  }
  for (int i = 0; i < CONSUMERS; i++) pthread_join(threads[i], NULL);
  CHECK_U64(it.returned, it.woken);
  CHECK_U64(it.consumed, ended);
  CHECK(ended > 0);
  wasm_memory_delete(it.memory);
  end_watchdog();
}

HARNESS_MAIN(LISTED(ping_pong), LISTED(ping_pong_in_two_memories), LISTED(ping_pong_while_the_memory_grows), LISTED(waits_across_growth),
             LISTED(every_notification_is_answered_for), LISTED(timeouts_race_with_notifies), LISTED(interrupts_race_with_notifies))
