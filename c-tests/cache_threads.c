/* Caches of threads at awkward moments: memories that go in a thread's last breath, made here and deleted there, hundreds of
 * allocators on one thread (design.md 6 and 8; reliability.md, rows 16 and 17). */
#define _GNU_SOURCE
#include <pthread.h>

#include "process.h"
#include "tenants.h"

static wasm_memory_allocator_t *plain(void) { return allocator_of(config_new()); }

/* ---- destructors of a thread's own data, which may run after the library's ---- */

static wasm_memory_allocator_t *last_breath;
static pthread_key_t key;
static unsigned destroyed;

typedef struct belongings { wasm_memory_t *memory; int rounds; } belongings;

/* Runs as often as it sets the key again, in whichever order with others. */
static void give_back(void *argument) {
  belongings *it = (belongings *)argument;
  CHECK(it->memory != NULL && wasm_memory_data(it->memory)[0] == 0x61);
  wasm_memory_delete(it->memory);
  it->memory = created_in(last_breath, TYPE(.initial = PAGES(1)));
  CHECK(all_are(wasm_memory_data(it->memory), 0, PAGE));
  memset(wasm_memory_data(it->memory), 0x61, PAGE);
  RANGE_FAILS(refused_in(last_breath, TYPE(.initial = PAGES(2), .maximum = PAGES(1))), MAXIMUM_BELOW_INITIAL);
  if (--it->rounds > 0) {
    pthread_setspecific(key, it);
    return;
  }
  wasm_memory_delete(it->memory);
  free(it);
  __atomic_add_fetch(&destroyed, 1u, __ATOMIC_SEQ_CST);
}

static void *leaves_a_memory(void *key_first) {
  belongings *it = (belongings *)malloc(sizeof *it);
  REQUIRE(it != NULL);
  it->rounds = 3;
  if (key_first != NULL) pthread_setspecific(key, it); /* before or after the library has anything of this thread */
  it->memory = created_in(last_breath, TYPE(.initial = PAGES(1)));
  memset(wasm_memory_data(it->memory), 0x61, PAGE);
  wasm_memory_delete(created_in(last_breath, TYPE(.initial = PAGES(1))));
  pthread_setspecific(key, it);
  return NULL;
}

TEST(memories_in_destructors_of_a_thread) {
  last_breath = plain();
  REQUIRE(pthread_key_create(&key, give_back) == 0);
  for (int i = 0; i < 20; i++) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, leaves_a_memory, i % 2 == 0 ? NULL : &key) == 0);
    pthread_join(thread, NULL);
  }
  CHECK_U64(destroyed, 20);
  CHECK_U64(stats_of(last_breath).memories, 0);
  wasm_memory_allocator_trim(last_breath); /* nothing is stranded in a thread that is gone */
  CHECK_U64(stats_of(last_breath).reserved_bytes, 0);
  CHECK_U64(stats_of(last_breath).kept_bytes, 0);
  wasm_memory_allocator_delete(last_breath);
  pthread_key_delete(key);
}

/* ---- made by one thread, deleted by another ---- */

enum { HANDED = 200 };
static wasm_memory_allocator_t *handing;
static wasm_memory_t *volatile slot_between;

static void *deletes_what_it_gets(void *unused) {
  (void)unused;
  for (int i = 0; i < HANDED; i++) {
    wasm_memory_t *memory;
    while ((memory = __atomic_exchange_n(&slot_between, NULL, __ATOMIC_ACQ_REL)) == NULL) sched_yield();
    CHECK(all_are(wasm_memory_data(memory), (uint8_t)(i + 1), 2 * PAGE));
    wasm_memory_delete(memory);
  }
  return NULL;
}

TEST(handed_from_thread_to_thread) {
  NEEDS_HOST_COUNTS();
  pthread_t thread;
  handing = plain();
  wasm_memory_delete(created_in(handing, TYPE(.initial = PAGES(1))));
  const uint64_t address_space = process_bytes("VmSize");
  REQUIRE(pthread_create(&thread, NULL, deletes_what_it_gets, NULL) == 0);
  for (int i = 0; i < HANDED; i++) {
    wasm_memory_t *memory = created_in(handing, TYPE(.initial = PAGES(1)));
    CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memory), 0, 2 * PAGE));
    memset(wasm_memory_data(memory), i + 1, 2 * PAGE);
    while (__atomic_load_n(&slot_between, __ATOMIC_ACQUIRE) != NULL) sched_yield();
    __atomic_store_n(&slot_between, memory, __ATOMIC_RELEASE);
  }
  pthread_join(thread, NULL);
  /* One side only fills its cache, the other only empties it: neither may grow without bound. */
  CHECK(process_bytes("VmSize") <= address_space + 100 * 4 * GIB);
  CHECK(stats_of(handing).kept_bytes <= 64 * MIB);
  wasm_memory_allocator_trim(handing);
  CHECK_U64(stats_of(handing).reserved_bytes, 0);
  wasm_memory_allocator_delete(handing);
}

/* ---- many allocators ---- */

TEST(hundreds_of_allocators_on_a_thread) {
  enum { COUNT = 300 };
  static wasm_memory_allocator_t *allocators[COUNT];
  const tenant who = {.type = TYPE(.initial = PAGES(1), .maximum = PAGES(3)), .last = 2};
  for (int i = 0; i < COUNT; i++) allocators[i] = plain();
  for (int round = 0; round < 3; round++)
    for (int i = 0; i < COUNT; i++) wasm_memory_delete(MOVES_IN(allocators[i * 7 % COUNT], &who));
  for (int i = 0; i < COUNT; i++) {
    CHECK_U64(stats_of(allocators[i]).creations, 3);
    CHECK_U64(stats_of(allocators[i]).memories, 0);
  }
  for (int i = 0; i < COUNT; i++) wasm_memory_allocator_delete(allocators[i * 11 % COUNT]);
}

TEST(allocators_come_and_go) {
  NEEDS_HOST_COUNTS();
  const tenant who = {.type = TYPE(.initial = PAGES(1), .maximum = PAGES(3)), .last = 2};
  uint64_t mappings = 0, address_space = 0;
  for (int i = 0; i < 600; i++) {
    if (i == 100) {
      mappings = mapping_count();
      address_space = process_bytes("VmSize");
    }
    wasm_memory_allocator_t *allocator = plain();
    wasm_memory_t *memory = MOVES_IN(allocator, &who);
    if (i % 2 == 0) wasm_memory_allocator_delete(allocator);
    wasm_memory_delete(memory);
    if (i % 2 == 1) wasm_memory_allocator_delete(allocator);
  }
  check_back_to(mappings, address_space, 4);
}

/* ---- an allocator that goes while others use what it kept ---- */

static wasm_memory_allocator_t *const *passing;
static unsigned stop;

static void *asks_and_trims(void *unused) {
  (void)unused;
  while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
    wasm_memory_allocator_t *allocator = __atomic_load_n(passing, __ATOMIC_ACQUIRE);
    wasm_memory_allocator_t *own = wasm_memory_allocator_retain(allocator); /* NULL once it is gone */
    if (own == NULL) continue;
    wasm_memory_t *memory = created_in(own, TYPE(.initial = PAGES(1)));
    CHECK(all_are(wasm_memory_data(memory), 0, PAGE));
    wasm_memory_data(memory)[0] = 1;
    wasm_memory_delete(memory);
    wasm_memory_allocator_trim(own);
    wasm_memory_allocator_delete(own);
  }
  return NULL;
}

TEST(last_reference_goes_on_another_thread) {
  wasm_memory_allocator_t *now = plain();
  pthread_t threads[2];
  passing = &now;
  for (int i = 0; i < 2; i++) REQUIRE(pthread_create(&threads[i], NULL, asks_and_trims, NULL) == 0);
  for (int i = 0; i < 150; i++) {
    wasm_memory_allocator_t *next = plain(), *old = now;
    wasm_memory_delete(created_in(old, TYPE(.initial = PAGES(1))));
    __atomic_store_n(&now, next, __ATOMIC_RELEASE);
    wasm_memory_allocator_delete(old);
  }
  __atomic_store_n(&stop, 1u, __ATOMIC_RELEASE);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  CHECK_U64(stats_of(now).memories, 0);
  wasm_memory_allocator_delete(now);
}

/* ---- the cap is of all threads together ---- */

typedef struct holder { pthread_barrier_t *filled, *seen; wasm_memory_allocator_t *allocator; } holder;

static void *fills_its_cache(void *argument) {
  const holder *it = (const holder *)argument;
  wasm_memory_t *memories[4];
  for (int i = 0; i < 4; i++) {
    memories[i] = created_in(it->allocator, TYPE(.initial = PAGES(8)));
    memset(wasm_memory_data(memories[i]), 1, 8 * PAGE);
  }
  for (int i = 0; i < 4; i++) wasm_memory_delete(memories[i]);
  pthread_barrier_wait(it->filled);
  pthread_barrier_wait(it->seen); /* alive, and with all that it has */
  return NULL;
}

TEST(cap_is_of_all_threads_together) {
  enum { THREADS = 6 };
  const uint64_t caps[] = {0, 3 * PAGE, 20 * PAGE, 48 * PAGE};
  for (size_t i = 0; i < 4; i++) {
    pthread_t threads[THREADS];
    pthread_barrier_t filled, seen;
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_kept_bytes(config, caps[i]);
    wasm_memory_config_set_keep_resident(config, 16 * PAGE);
    holder it = {&filled, &seen, allocator_of(config)};
    REQUIRE(pthread_barrier_init(&filled, NULL, THREADS + 1) == 0 && pthread_barrier_init(&seen, NULL, THREADS + 1) == 0);
    for (int j = 0; j < THREADS; j++) REQUIRE(pthread_create(&threads[j], NULL, fills_its_cache, &it) == 0);
    pthread_barrier_wait(&filled);
    const wasm_memory_stats_t stats = stats_of(it.allocator);
    CHECK(stats.kept_bytes <= caps[i]);
    if (stats.kept_bytes > caps[i]) fprintf(stderr, "  %" PRIu64 " bytes are kept of %" PRIu64 "\n", stats.kept_bytes, caps[i]);
    if (stats.resident_bytes != UINT64_MAX && !host_counts_mean_nothing()) CHECK(stats.resident_bytes <= caps[i] + 32 * host_page());
    pthread_barrier_wait(&seen);
    for (int j = 0; j < THREADS; j++) pthread_join(threads[j], NULL);
    CHECK(stats_of(it.allocator).kept_bytes <= caps[i]);
    wasm_memory_allocator_delete(it.allocator);
    pthread_barrier_destroy(&filled);
    pthread_barrier_destroy(&seen);
  }
}

/* ---- images are anybody's ---- */

enum { SHARED_IMAGES = 3 };
static wasm_memory_image_t *shared_images[SHARED_IMAGES], *passed_on;
static wasm_memory_allocator_t *of_all;

static void *starts_from_images(void *own) {
  const size_t first = (size_t)(uintptr_t)own;
  for (size_t i = 0; i < 100; i++) {
    const size_t which = (first + i) % SHARED_IMAGES, next = (first + 2 * i) % SHARED_IMAGES;
    wasm_memory_t *memory = NULL;
    const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(2), .maximum = PAGES(4));
    if (wasm_memory_new_in(of_all, &type, shared_images[which], &memory) != WASM_MEMORY_OK) continue; /* all slots are taken */
    CHECK(is_pattern(wasm_memory_data(memory), PAGE + 9, (uint8_t)which));
    CHECK(all_are(wasm_memory_data(memory) + PAGE + 9, 0, PAGE - 9));
    memset(wasm_memory_data(memory), 0xEE, 2 * PAGE);
    CHECK_STATUS(wasm_memory_reset(memory, shared_images[next]), WASM_MEMORY_OK);
    CHECK(is_pattern(wasm_memory_data(memory), PAGE + 9, (uint8_t)next));
    wasm_memory_image_t *passing = wasm_memory_image_retain(__atomic_load_n(&passed_on, __ATOMIC_ACQUIRE)); /* NULL once it is gone */
    if (passing != NULL) {
      CHECK_STATUS(wasm_memory_reset(memory, passing), WASM_MEMORY_OK);
      wasm_memory_image_delete(passing);
      CHECK(is_pattern(wasm_memory_data(memory), 2 * PAGE, 77));
    }
    wasm_memory_delete(memory);
  }
  return NULL;
}

TEST(threads_share_images) {
  enum { THREADS = 3 };
  for (uint32_t slots = 0; slots <= 2; slots += 2) {
    pthread_t threads[THREADS];
    wasm_memory_config_t *config = config_new();
    if (slots > 0) wasm_memory_config_set_pool(config, slots, 4 * PAGE);
    of_all = allocator_of(config);
    for (int i = 0; i < SHARED_IMAGES; i++) shared_images[i] = pattern_image(PAGE + 9, 0, (uint8_t)i);
    passed_on = pattern_image(2 * PAGE, 0, 77);
    for (uintptr_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, starts_from_images, (void *)i) == 0);
    for (int i = 0; i < 50; i++) {
      wasm_memory_image_t *next = pattern_image(2 * PAGE, 0, 77);
      wasm_memory_image_delete(__atomic_exchange_n(&passed_on, next, __ATOMIC_ACQ_REL));
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    wasm_memory_image_delete(passed_on);
    for (int i = 0; i < SHARED_IMAGES; i++) wasm_memory_image_delete(shared_images[i]);
    CHECK_U64(stats_of(of_all).memories, 0);
    wasm_memory_allocator_delete(of_all);
  }
}

HARNESS_MAIN(LISTED(memories_in_destructors_of_a_thread), LISTED(handed_from_thread_to_thread), LISTED(hundreds_of_allocators_on_a_thread),
             LISTED(allocators_come_and_go), LISTED(last_reference_goes_on_another_thread), LISTED(cap_is_of_all_threads_together),
             LISTED(threads_share_images))
