/* Litmus tests of the threads proposal (LB, SB, MP, with wait and notify) over the shared memory, and the same with its length. */
#define _GNU_SOURCE
#include "waiters.h"

#include <sched.h>

/* Far enough apart that each has its own cache line, and the prefetcher's pair of it. */
enum { X = 0, Y = 256 };

typedef struct litmus {
  wasm_memory_t *memory;
  uint32_t *x, *y;
  uint64_t meetings;          /* one for each arrival of either thread */
  uint32_t seen[2][2];        /* what each thread saw */
  unsigned rounds, round;
  void (*side[2])(struct litmus *it);
  uint64_t before;            /* length in bytes before this round */
} litmus;

static uint32_t load(uint32_t *cell) { return __atomic_load_n(cell, __ATOMIC_SEQ_CST); }
static void store(uint32_t *cell, uint32_t value) { __atomic_store_n(cell, value, __ATOMIC_SEQ_CST); }

/* Both go on when both have arrived; spinning, so that they go on together. */
static void meet(litmus *it) {
  const uint64_t arrived = __atomic_add_fetch(&it->meetings, 1u, __ATOMIC_SEQ_CST), enough = (arrived + 1) / 2 * 2;
  for (unsigned spins = 0; __atomic_load_n(&it->meetings, __ATOMIC_SEQ_CST) < enough; spins++)
    if (spins % 256 == 255) sched_yield();
}

/* Now the one is a little earlier, now the other. */
static void stagger(unsigned round, unsigned who) {
  const unsigned steps = round * 2654435761u >> 16;
  for (volatile unsigned i = who == steps % 2 ? 0 : steps / 2 % 40; i > 0; i--) continue;
}

static void *second_thread(void *argument) {
  litmus *it = (litmus *)argument;
  for (unsigned round = 0; round < it->rounds; round++) {
    meet(it);
    stagger(round, 1);
    it->side[1](it);
    meet(it);
  }
  return NULL;
}

typedef bool (*outcome)(const litmus *it);

/* Runs both sides of every round, asks after each whether what they saw is forbidden, and after all whether anything was seen at all. */
static void run(wasm_memory_descriptor_t type, unsigned rounds, void (*first)(litmus *), void (*second)(litmus *), outcome forbidden) {
  litmus it = {.memory = created(type), .rounds = rounds, .side = {first, second}};
  it.x = cell32(it.memory, X);
  it.y = cell32(it.memory, Y);
  pthread_t thread;
  unsigned violations = 0;
  alarm(100); /* a wake-up that is lost is waited for no longer than this */
  REQUIRE(pthread_create(&thread, NULL, second_thread, &it) == 0);
  for (it.round = 0; it.round < rounds; it.round++) {
    store(it.x, 0);
    store(it.y, 0);
    memset(it.seen, 0xFF, sizeof it.seen);
    it.before = wasm_memory_byte_length(it.memory);
    meet(&it);
    stagger(it.round, 0);
    it.side[0](&it);
    meet(&it);
    if (!forbidden(&it)) continue;
    if (violations++ == 0)
      fprintf(stderr, "round %u: the first saw %u %u, the second %u %u\n", it.round, (unsigned)it.seen[0][0], (unsigned)it.seen[0][1],
              (unsigned)it.seen[1][0], (unsigned)it.seen[1][1]);
  }
  pthread_join(thread, NULL);
  alarm(0);
  CHECK_U64(violations, 0);
  wasm_memory_delete(it.memory);
}

#define ONE_PAGE TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true)

/* Load buffering: neither load may see what is stored after the other. */
static void lb_first(litmus *it) {
  it->seen[0][0] = load(it->x);
  store(it->y, 1);
}
static void lb_second(litmus *it) {
  it->seen[1][0] = load(it->y);
  store(it->x, 1);
}
static bool lb_forbidden(const litmus *it) { return it->seen[0][0] == 1 && it->seen[1][0] == 1; }

TEST(load_buffering) { run(ONE_PAGE, scaled(200000), lb_first, lb_second, lb_forbidden); }

/* Store buffering: one of the stores is first, and the other thread's load sees it. */
static void sb_first(litmus *it) {
  store(it->x, 1);
  it->seen[0][0] = load(it->y);
}
static void sb_second(litmus *it) {
  store(it->y, 1);
  it->seen[1][0] = load(it->x);
}
static bool sb_forbidden(const litmus *it) { return it->seen[0][0] == 0 && it->seen[1][0] == 0; }

TEST(store_buffering) { run(ONE_PAGE, scaled(200000), sb_first, sb_second, sb_forbidden); }

/* Message passing: who sees the flag sees the message. */
static void mp_first(litmus *it) {
  __atomic_store_n(it->x, 42u, __ATOMIC_RELAXED);
  store(it->y, 1);
}
static void mp_second(litmus *it) {
  it->seen[1][0] = load(it->y);
  it->seen[1][1] = __atomic_load_n(it->x, __ATOMIC_RELAXED);
}
static bool mp_forbidden(const litmus *it) { return it->seen[1][0] == 1 && it->seen[1][1] != 42; }

TEST(message_passing) { run(ONE_PAGE, scaled(200000), mp_first, mp_second, mp_forbidden); }

/* With a wait for the flag, which has been set or is notified of: whoever comes back sees the message. */
static void mp_wait_first(litmus *it) {
  __atomic_store_n(it->x, 42u, __ATOMIC_RELAXED);
  store(it->y, 1);
  wasm_memory_atomic_notify(it->memory, Y, 1, &it->seen[0][0]);
}
static void mp_wait_second(litmus *it) {
  wasm_memory_atomic_wait32(it->memory, Y, 0, FOREVER, &it->seen[1][0]);
  it->seen[1][1] = __atomic_load_n(it->x, __ATOMIC_RELAXED);
}

/* Either the wait came first, was queued and was woken, or the store did and there was nobody to wake. */
static bool mp_wait_forbidden(const litmus *it) {
  const bool woken = it->seen[1][0] == WOKEN && it->seen[0][0] == 1, refused = it->seen[1][0] == NOT_EQUAL && it->seen[0][0] == 0;
  return it->seen[1][1] != 42 || !(woken || refused);
}

TEST(message_passing_by_wait) { run(ONE_PAGE, scaled(100000), mp_wait_first, mp_wait_second, mp_wait_forbidden); }

/* A wait that reads nothing but the flag of a notify: the message is passed by the call itself, without any store that it compares. */
static void handshake_first(litmus *it) {
  uint32_t woken = 0;
  __atomic_store_n(it->x, 42u, __ATOMIC_RELAXED);
  while (woken == 0) wasm_memory_atomic_notify(it->memory, Y, 1, &woken);
  it->seen[0][0] = woken;
}
static bool handshake_forbidden(const litmus *it) { return it->seen[0][0] != 1 || it->seen[1][0] != WOKEN || it->seen[1][1] != 42; }

TEST(message_passing_by_notify_alone) { run(ONE_PAGE, scaled(20000), handshake_first, mp_wait_second, handshake_forbidden); }

/* Both store for the other and wait for it: they must not both be left asleep, nor be woken by nothing. */
static void both_first(litmus *it) {
  store(it->x, 1);
  wasm_memory_atomic_notify(it->memory, X, 1, NULL);
  wasm_memory_atomic_wait32(it->memory, Y, 0, FOREVER, &it->seen[0][0]);
  it->seen[0][1] = load(it->y);
}
static void both_second(litmus *it) {
  store(it->y, 1);
  wasm_memory_atomic_notify(it->memory, Y, 1, NULL);
  wasm_memory_atomic_wait32(it->memory, X, 0, FOREVER, &it->seen[1][0]);
  it->seen[1][1] = load(it->x);
}
static bool both_forbidden(const litmus *it) {
  return it->seen[0][1] != 1 || it->seen[1][1] != 1 || it->seen[0][0] > NOT_EQUAL || it->seen[1][0] > NOT_EQUAL ||
         (it->seen[0][0] == WOKEN && it->seen[1][0] == WOKEN);
}

TEST(store_buffering_by_wait) { run(ONE_PAGE, scaled(100000), both_first, both_second, both_forbidden); }

/* memory.size and memory.grow of a shared memory are sequentially consistent too: the length is the cell. A byte for each round. */
#define BYTE_PAGES(rounds) TYPE(.initial = PAGES(8192), .maximum = PAGES(8192 + (rounds)), .shared = true, .page_size = 1)

static void grow_by_one(const litmus *it) { CHECK_STATUS(wasm_memory_grow(it->memory, 1, NULL), WASM_MEMORY_OK); }

static void growth_sb_first(litmus *it) {
  grow_by_one(it);
  it->seen[0][0] = load(it->y);
}
static void growth_sb_second(litmus *it) {
  store(it->y, 1);
  it->seen[1][0] = wasm_memory_size(it->memory) > it->before;
}

TEST(store_buffering_with_growth) {
  const unsigned rounds = scaled(60000);
  run(BYTE_PAGES(rounds), rounds, growth_sb_first, growth_sb_second, sb_forbidden);
}

/* Who is told of a growth finds the new byte, by every way there is to ask for the length. */
static void growth_mp_first(litmus *it) {
  grow_by_one(it);
  __atomic_store_n(it->y, 1u, __ATOMIC_RELEASE);
}
static void growth_mp_second(litmus *it) {
  it->seen[1][0] = __atomic_load_n(it->y, __ATOMIC_ACQUIRE);
  const uint64_t in_view = __atomic_load_n(&wasm_memory_view(it->memory)->byte_length, __ATOMIC_ACQUIRE);
  const bool longer = in_view > it->before && wasm_memory_byte_length(it->memory) > it->before;
  uint8_t byte = 0xFF;
  it->seen[1][1] = longer && wasm_memory_read(it->memory, it->before, &byte, 1) == WASM_MEMORY_OK && byte == 0 ? 42 : 0;
}

TEST(message_passing_of_growth) {
  const unsigned rounds = scaled(60000);
  run(BYTE_PAGES(rounds), rounds, growth_mp_first, growth_mp_second, mp_forbidden);
}

HARNESS_MAIN(LISTED(load_buffering), LISTED(store_buffering), LISTED(message_passing), LISTED(message_passing_by_wait),
             LISTED(message_passing_by_notify_alone), LISTED(store_buffering_by_wait), LISTED(store_buffering_with_growth),
             LISTED(message_passing_of_growth))
