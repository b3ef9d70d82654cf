/* What is kept belongs to the allocator: any thread can give all of it back, a thread's exit returns its share, and there is a cap
 * (design.md 6 and 8). */
#define _GNU_SOURCE
#include <pthread.h>

#include "process.h"
#include "tenants.h"

enum { DEFAULT_KEPT = -1 };

static wasm_memory_allocator_t *keeping(int64_t kept_bytes, uint64_t keep_resident) {
  wasm_memory_config_t *config = config_new();
  if (kept_bytes != DEFAULT_KEPT) wasm_memory_config_set_kept_bytes(config, (uint64_t)kept_bytes);
  wasm_memory_config_set_keep_resident(config, keep_resident);
  return allocator_of(config);
}

/* Some live at once, all of them written to, all of them gone. */
static void come_and_go(wasm_memory_allocator_t *allocator, uint64_t pages) {
  enum { COUNT = 6 };
  wasm_memory_t *memories[COUNT];
  for (int i = 0; i < COUNT; i++) {
    memories[i] = created_in(allocator, TYPE(.initial = PAGES(1)));
    CHECK_STATUS(wasm_memory_grow(memories[i], pages - 1, NULL), WASM_MEMORY_OK);
    memset(wasm_memory_data(memories[i]), 0x77, (size_t)(pages * PAGE));
  }
  for (int i = 0; i < COUNT; i++) wasm_memory_delete(memories[i]);
}

/* ---- all of it goes back ---- */

TEST(trim_gives_all_of_it_back) {
  wasm_memory_allocator_t *warm = keeping(DEFAULT_KEPT, MIB);
  come_and_go(warm, 2); /* storage of handles, and what else the library needs once */
  wasm_memory_allocator_delete(warm);
  wasm_memory_allocator_t *allocator = keeping(DEFAULT_KEPT, MIB);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  for (int round = 0; round < 3; round++) {
    come_and_go(allocator, 4);
    wasm_memory_allocator_trim(allocator);
    check_back_to(mappings, address_space, 4);
    CHECK_U64(stats_of(allocator).kept_bytes, 0);
    CHECK_U64(stats_of(allocator).reserved_bytes, 0);
  }
  wasm_memory_allocator_delete(allocator);
}

TEST(trim_of_the_default_allocator) {
  come_and_go(NULL, 2);
  wasm_memory_allocator_trim(NULL);
  CHECK_U64(stats_of(NULL).kept_bytes, 0);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  come_and_go(NULL, 9);
  wasm_memory_allocator_trim(NULL);
  check_back_to(mappings, address_space, 4);
  CHECK_U64(stats_of(NULL).kept_bytes, 0);
}

TEST(deletion_of_the_allocator_gives_it_back) {
  wasm_memory_allocator_t *warm = keeping(DEFAULT_KEPT, MIB);
  come_and_go(warm, 2);
  wasm_memory_allocator_delete(warm);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  for (int i = 0; i < 5; i++) {
    wasm_memory_allocator_t *allocator = keeping(DEFAULT_KEPT, MIB);
    come_and_go(allocator, 4);
    wasm_memory_allocator_delete(allocator);
  }
  check_back_to(mappings, address_space, 4);
}

/* What lives is not touched by it. */
TEST(trim_leaves_memories_alone) {
  wasm_memory_allocator_t *allocator = keeping(DEFAULT_KEPT, MIB);
  wasm_memory_image_t *image = pattern_image(PAGE, 0, 5);
  wasm_memory_t *plain = created_in(allocator, TYPE(.initial = PAGES(3))), *mapped = created_from(allocator, image, TYPE(.initial = PAGES(2)));
  memset(wasm_memory_data(plain), 0x66, 3 * PAGE);
  come_and_go(allocator, 2);
  wasm_memory_allocator_trim(allocator);
  wasm_memory_allocator_trim(allocator);
  CHECK(all_are(wasm_memory_data(plain), 0x66, 3 * PAGE));
  CHECK(is_pattern(wasm_memory_data(mapped), PAGE, 5) && all_are(wasm_memory_data(mapped) + PAGE, 0, PAGE));
  CHECK_STATUS(wasm_memory_grow(plain, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(mapped);
  wasm_memory_delete(plain);
  wasm_memory_image_delete(image);
  wasm_memory_allocator_delete(allocator);
}

/* Of a pool the slots stay, and what they have resident goes. */
TEST(trim_of_a_pool) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_pool(config, 6, 16 * PAGE);
  wasm_memory_config_set_keep_resident(config, 16 * PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  for (int round = 0; round < 3; round++) {
    come_and_go(allocator, 16);
    wasm_memory_allocator_trim(allocator);
    CHECK_U64(stats_of(allocator).kept_bytes, 0);
    const tenant next = {.type = TYPE(.initial = PAGES(1)), .last = 16};
    wasm_memory_delete(MOVES_IN(allocator, &next));
  }
  wasm_memory_allocator_delete(allocator);
}

/* ---- other threads' share ---- */

typedef struct worker {
  pthread_t thread;
  pthread_barrier_t filled, go_on;
  wasm_memory_allocator_t *allocator;
} worker;

static void *fills_and_waits(void *argument) {
  worker *it = (worker *)argument;
  come_and_go(it->allocator, 4);
  pthread_barrier_wait(&it->filled);
  pthread_barrier_wait(&it->go_on);
  come_and_go(it->allocator, 4); /* its cache was emptied under it, and works */
  return NULL;
}

static void start(worker *it) {
  REQUIRE(pthread_barrier_init(&it->filled, NULL, 2) == 0 && pthread_barrier_init(&it->go_on, NULL, 2) == 0);
  REQUIRE(pthread_create(&it->thread, NULL, fills_and_waits, it) == 0);
}

static void finish(worker *it) {
  pthread_barrier_wait(&it->go_on);
  pthread_join(it->thread, NULL);
  pthread_barrier_destroy(&it->filled);
  pthread_barrier_destroy(&it->go_on);
}

/* The heap of the C library has an arena for each thread: reserved space of it is not this library's. */
#define ARENAS (UINT64_C(1) << 30)

/* The thread lives, and does nothing for it. */
TEST(trim_empties_caches_of_other_threads) {
  worker workers[3];
  wasm_memory_allocator_t *allocator = keeping(DEFAULT_KEPT, MIB);
  const uint64_t address_space = process_bytes("VmSize");
  for (int i = 0; i < 3; i++) {
    workers[i].allocator = allocator;
    start(&workers[i]);
  }
  for (int i = 0; i < 3; i++) pthread_barrier_wait(&workers[i].filled);
  wasm_memory_allocator_trim(allocator);
  CHECK_U64(stats_of(allocator).kept_bytes, 0);
  CHECK_U64(stats_of(allocator).reserved_bytes, 0);
  if (!host_counts_mean_nothing()) CHECK(process_bytes("VmSize") <= address_space + ARENAS); /* one reservation has 4 GiB */
  for (int i = 0; i < 3; i++) finish(&workers[i]);
  wasm_memory_allocator_delete(allocator);
  if (!host_counts_mean_nothing()) CHECK(process_bytes("VmSize") <= address_space + ARENAS);
}

TEST(deletion_empties_caches_of_other_threads) {
  worker it = {.allocator = keeping(DEFAULT_KEPT, MIB)};
  wasm_memory_allocator_t *second = keeping(DEFAULT_KEPT, MIB), *first = it.allocator;
  const uint64_t address_space = process_bytes("VmSize");
  start(&it);
  pthread_barrier_wait(&it.filled);
  it.allocator = second; /* from here on the thread uses another one */
  wasm_memory_allocator_delete(first);
  if (!host_counts_mean_nothing()) CHECK(process_bytes("VmSize") <= address_space + ARENAS);
  finish(&it);
  wasm_memory_allocator_delete(second);
}

static void *one_memory(void *allocator) {
  wasm_memory_t *memory = created_in((wasm_memory_allocator_t *)allocator, TYPE(.initial = PAGES(1)));
  wasm_memory_data(memory)[0] = 1;
  wasm_memory_delete(memory);
  return NULL;
}

/* What a thread had for itself is there for all once it has ended. */
TEST(exit_of_a_thread_returns_its_cache) {
  NEEDS_STEADY_BASE();
  wasm_memory_allocator_t *allocator = keeping(DEFAULT_KEPT, MIB);
  const uint64_t address_space = process_bytes("VmSize");
  for (uint64_t i = 0; i < 20; i++) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, one_memory, allocator) == 0);
    pthread_join(thread, NULL);
    CHECK_U64(stats_of(allocator).creations, i + 1);
    CHECK_U64(stats_of(allocator).reuses, i);
  }
  one_memory(allocator);
  CHECK_U64(stats_of(allocator).reuses, 20);
  wasm_memory_allocator_trim(allocator);
  CHECK_U64(stats_of(allocator).reserved_bytes, 0);
  if (!host_counts_mean_nothing()) CHECK(process_bytes("VmSize") <= address_space + ARENAS);
  wasm_memory_allocator_delete(allocator);
}

/* A thread that ends after its allocator: nothing of it is left to return. */
static void *outlives_the_allocator(void *argument) {
  worker *it = (worker *)argument;
  come_and_go(it->allocator, 2);
  pthread_barrier_wait(&it->filled);
  pthread_barrier_wait(&it->go_on);
  return NULL;
}

TEST(thread_ends_after_its_allocator) {
  for (int i = 0; i < 20; i++) {
    worker it = {.allocator = keeping(DEFAULT_KEPT, MIB)};
    REQUIRE(pthread_barrier_init(&it.filled, NULL, 2) == 0 && pthread_barrier_init(&it.go_on, NULL, 2) == 0);
    REQUIRE(pthread_create(&it.thread, NULL, outlives_the_allocator, &it) == 0);
    pthread_barrier_wait(&it.filled);
    wasm_memory_allocator_delete(it.allocator);
    wasm_memory_allocator_t *next = keeping(DEFAULT_KEPT, MIB); /* perhaps where the old one was */
    finish(&it);
    come_and_go(next, 2);
    wasm_memory_allocator_delete(next);
  }
}

static unsigned stop;
static void *trims_all_the_time(void *allocator) {
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) wasm_memory_allocator_trim((wasm_memory_allocator_t *)allocator);
  return NULL;
}

TEST(trim_while_memories_come_and_go) {
  wasm_memory_allocator_t *allocator = keeping(DEFAULT_KEPT, 65536);
  const tenant who[] = {{.type = TYPE(.initial = PAGES(1)), .last = 3}, {.type = TYPE(.initial = PAGES(4)), .last = 4}};
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, trims_all_the_time, allocator) == 0);
  for (int i = 0; i < 100; i++) wasm_memory_delete(MOVES_IN(allocator, &who[i % 2]));
  __atomic_store_n(&stop, 1u, __ATOMIC_RELAXED);
  pthread_join(thread, NULL);
  wasm_memory_allocator_delete(allocator);
}

/* ---- the cap ---- */

static void check_cap(int64_t cap, uint64_t keep_resident, uint32_t slots) {
  wasm_memory_config_t *config = config_new();
  if (cap != DEFAULT_KEPT) wasm_memory_config_set_kept_bytes(config, (uint64_t)cap);
  if (slots > 0) wasm_memory_config_set_pool(config, slots, 32 * PAGE);
  wasm_memory_config_set_keep_resident(config, keep_resident);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  const uint64_t most = cap == DEFAULT_KEPT ? 64 * MIB : (uint64_t)cap;
  for (int round = 0; round < 2; round++) {
    come_and_go(allocator, 32);
    const wasm_memory_stats_t stats = stats_of(allocator);
    CHECK(stats.kept_bytes <= most);
    if (stats.resident_bytes != UINT64_MAX && !host_counts_mean_nothing()) CHECK(stats.resident_bytes <= most + 16 * host_page());
    if (stats.kept_bytes > most) fprintf(stderr, "  %" PRIu64 " bytes are kept of %" PRIu64 "\n", stats.kept_bytes, most);
  }
  wasm_memory_allocator_delete(allocator);
}

TEST(kept_bytes_have_a_cap) {
  const int64_t caps[] = {0, 1, 65536, 1 << 20, 3 << 20, DEFAULT_KEPT};
  for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++)
    for (uint32_t slots = 0; slots <= 6; slots += 6) {
      check_cap(caps[i], 0, slots);
      check_cap(caps[i], 64 * MIB, slots);
    }
}

/* The process really has less: 12 MiB were touched, none of it may stay. */
TEST(nothing_stays_resident_without_kept_bytes) {
  NEEDS_HOST_COUNTS();
  wasm_memory_allocator_t *allocator = keeping(0, 64 * MIB);
  come_and_go(allocator, 1);
  const uint64_t resident = process_bytes("RssAnon");
  come_and_go(allocator, 32);
  CHECK(process_bytes("RssAnon") <= resident + 2 * MIB);
  wasm_memory_allocator_delete(allocator);
}

/* ---- fork ---- */

static wasm_memory_allocator_t *inherited;

static void uses_the_inherited_cache(void) {
  const tenant who = {.type = TYPE(.initial = PAGES(1)), .last = 5};
  alarm(20); /* a lock that stays held would wait for ever */
  for (int i = 0; i < 4; i++) wasm_memory_delete(MOVES_IN(inherited, &who));
  come_and_go(inherited, 3);
  wasm_memory_allocator_trim(inherited);
  for (int i = 0; i < 4; i++) wasm_memory_delete(MOVES_IN(inherited, &who));
  wasm_memory_allocator_delete(inherited);
}

TEST(child_has_a_cache_of_its_own) {
  worker it = {.allocator = inherited = keeping(DEFAULT_KEPT, 65536)};
  const tenant who = {.type = TYPE(.initial = PAGES(1)), .last = 5};
  wasm_memory_t *living = created_in(inherited, TYPE(.initial = PAGES(1)));
  memset(wasm_memory_data(living), 0x19, PAGE);
  start(&it); /* a thread that the child does not have, with a cache that the child has */
  pthread_barrier_wait(&it.filled);
  come_and_go(inherited, 2);
  for (int i = 0; i < 3; i++) in_child(uses_the_inherited_cache);
  CHECK(all_are(wasm_memory_data(living), 0x19, PAGE));
  finish(&it);
  for (int i = 0; i < 4; i++) wasm_memory_delete(MOVES_IN(inherited, &who));
  wasm_memory_delete(living);
  wasm_memory_allocator_delete(inherited);
}

static void *churns_all_the_time(void *allocator) {
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    one_memory(allocator);
    wasm_memory_allocator_trim((wasm_memory_allocator_t *)allocator);
    (void)stats_of((wasm_memory_allocator_t *)allocator);
  }
  return NULL;
}

/* Forked at any moment of a creation, a deletion or a trim of another thread. */
TEST(child_waits_for_no_lock) {
  pthread_t thread;
  inherited = keeping(DEFAULT_KEPT, 65536);
  REQUIRE(pthread_create(&thread, NULL, churns_all_the_time, inherited) == 0);
  for (int i = 0; i < 40; i++) in_child(uses_the_inherited_cache);
  __atomic_store_n(&stop, 1u, __ATOMIC_RELAXED);
  pthread_join(thread, NULL);
  wasm_memory_allocator_delete(inherited);
}

HARNESS_MAIN(LISTED(trim_gives_all_of_it_back), LISTED(trim_of_the_default_allocator), LISTED(deletion_of_the_allocator_gives_it_back),
             LISTED(trim_leaves_memories_alone), LISTED(trim_of_a_pool), LISTED(trim_empties_caches_of_other_threads),
             LISTED(deletion_empties_caches_of_other_threads), LISTED(exit_of_a_thread_returns_its_cache),
             LISTED(thread_ends_after_its_allocator), LISTED(trim_while_memories_come_and_go), LISTED(kept_bytes_have_a_cap),
             LISTED(nothing_stays_resident_without_kept_bytes), LISTED(child_has_a_cache_of_its_own), LISTED(child_waits_for_no_lock))
