/* Nothing of a former tenant is ever readable, and no protection of it survives: caches of the allocator, pools, every size of
 * what stays resident, locked pages, refused system calls (reliability.md, fact 3 and rows 32 and 33). */
#define _GNU_SOURCE
#include <pthread.h>

#include "process.h"
#include "tenants.h"

#define BOUNDED 64 /* pages, and a slot */
#define WASM_PAGES(first, end) {.type = {.initial = {first, true}, .maximum = {BOUNDED, true}}, .last = (end)}
#define SHARED_PAGES(first, end) {.type = {.initial = {first, true}, .maximum = {BOUNDED, true}, .shared = true}, .last = (end)}
#define BYTE_PAGES(first, end) {.type = {.initial = {first, true}, .maximum = {BOUNDED * 65536, true}, .page_size = 1}, .last = (end)}
#define UNBOUNDED_PAGES(first, end) {.type = {.initial = {first, true}}, .last = (end)}

/* Small after large, grown after small, nothing, a full slot, odd ends within a host page. */
static const tenant mixed[] = {WASM_PAGES(1, 3), WASM_PAGES(0, 0),   WASM_PAGES(16, 64),    BYTE_PAGES(1, 1),
                               BYTE_PAGES(4095, 70001), SHARED_PAGES(2, 5), UNBOUNDED_PAGES(1, 20)};

enum { DEFAULT_KEPT = -1 };

typedef struct settings { uint32_t bounds, slots; uint64_t keep_resident; int64_t kept_bytes; } settings;

static wasm_memory_allocator_t *allocator_with(settings with) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_bounds(config, with.bounds);
  if (with.slots > 0) wasm_memory_config_set_pool(config, with.slots, BOUNDED * PAGE);
  wasm_memory_config_set_keep_resident(config, with.keep_resident);
  if (with.kept_bytes != DEFAULT_KEPT) wasm_memory_config_set_kept_bytes(config, (uint64_t)with.kept_bytes);
  return allocator_of(config);
}

/* Nothing resident, less than a small tenant, a mixture of both ways, everything. */
static const uint64_t keep_resident[] = {0, 4096, 100000, UINT64_C(1) << 40};
static const int64_t kept_bytes[] = {0, 65536, DEFAULT_KEPT};

static void every_setting(uint32_t bounds, uint32_t slots) {
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 3; j++) {
      const unsigned long failures = harness_failures;
      wasm_memory_allocator_t *allocator = allocator_with((settings){bounds, slots, keep_resident[i], kept_bytes[j]});
      for (size_t t = 0; t < sizeof mixed / sizeof mixed[0]; t++) /* a ring: each after another, and the ring twice */
        wasm_memory_delete(MOVES_IN(allocator, &mixed[t]));
      for (size_t t = sizeof mixed / sizeof mixed[0]; t-- > 0;) wasm_memory_delete(MOVES_IN(allocator, &mixed[t]));
      wasm_memory_allocator_delete(allocator);
      if (harness_failures != failures) fprintf(stderr, "  keep_resident %" PRIu64 ", kept_bytes %" PRId64 "\n", keep_resident[i], kept_bytes[j]);
    }
}

TEST(guarded_cache) { every_setting(WASM_MEMORY_BOUNDS_GUARDED, 0); }
TEST(checked_cache) { every_setting(WASM_MEMORY_BOUNDS_CHECKED, 0); }
TEST(guarded_pool) { every_setting(WASM_MEMORY_BOUNDS_GUARDED, 1); }
TEST(checked_pool) { every_setting(WASM_MEMORY_BOUNDS_CHECKED, 1); }

TEST(default_allocator) { TAKE_TURNS(NULL, mixed); }

TEST(every_pair_in_one_slot) {
  wasm_memory_allocator_t *allocator = allocator_with((settings){WASM_MEMORY_BOUNDS_GUARDED, 1, 65536, DEFAULT_KEPT});
  TAKE_TURNS(allocator, mixed);
  wasm_memory_allocator_delete(allocator);
}

TEST(sixteen_mebibytes_after_one_page) {
  const tenant sizes[] = {{.type = {.initial = {256, true}}, .last = 256}, {.type = {.initial = {1, true}}, .last = 1},
                          {.type = {.initial = {1, true}}, .last = 256}, {.type = {.initial = {2, true}}, .last = 3}};
  for (uint32_t bounds = 0; bounds < 2; bounds++) {
    wasm_memory_allocator_t *allocator = allocator_with((settings){bounds, 0, MIB, DEFAULT_KEPT});
    for (int round = 0; round < 2; round++)
      for (size_t i = 0; i < 4; i++) wasm_memory_delete(MOVES_IN(allocator, &sizes[i]));
    wasm_memory_allocator_delete(allocator);
  }
}

/* Several live at once, and go in an order that is not the one they came in. */
TEST(many_at_once) {
  enum { COUNT = 9 };
  for (uint32_t slots = 0; slots <= COUNT; slots += COUNT)
    for (uint32_t bounds = 0; bounds < 2; bounds++) {
      wasm_memory_allocator_t *allocator = allocator_with((settings){bounds, slots, 8192, DEFAULT_KEPT});
      wasm_memory_t *memories[COUNT] = {NULL};
      for (int round = 0; round < 60; round++) {
        const int at = round * 5 % COUNT;
        wasm_memory_delete(memories[at]);
        memories[at] = MOVES_IN(allocator, &mixed[(size_t)(round * 4 % 7)]);
      }
      for (int i = 0; i < COUNT; i++) wasm_memory_delete(memories[i]);
      wasm_memory_allocator_delete(allocator);
    }
}

/* ---- the kernel does not drop locked pages: madvise fails of the whole range that holds one ---- */

static void lock_and_leave(uint32_t bounds, uint32_t slots) {
  const uint64_t host = host_page();
  const tenant locker = WASM_PAGES(4, 8), next = WASM_PAGES(1, 40);
  const struct { uint64_t index, length; } locks[] = {{0, host}, {7 * PAGE - host, 2 * host}, {8 * PAGE - host, host}, {0, 8 * PAGE}};
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 4; j++) {
      wasm_memory_allocator_t *allocator = allocator_with((settings){bounds, slots, keep_resident[j], DEFAULT_KEPT});
      wasm_memory_t *memory = MOVES_IN(allocator, &locker);
      const bool locked = mlock(wasm_memory_data(memory) + locks[i].index, (size_t)locks[i].length) == 0;
      wasm_memory_delete(memory);
      for (int k = 0; k < 3; k++) wasm_memory_delete(MOVES_IN(allocator, &next));
      wasm_memory_allocator_delete(allocator);
      if (!locked) SKIP("this host locks no pages");
    }
}

TEST(locked_pages_in_a_cache) { lock_and_leave(WASM_MEMORY_BOUNDS_GUARDED, 0); }
TEST(locked_pages_in_a_checked_cache) { lock_and_leave(WASM_MEMORY_BOUNDS_CHECKED, 0); }
TEST(locked_pages_in_a_pool) { lock_and_leave(WASM_MEMORY_BOUNDS_GUARDED, 1); }
TEST(locked_pages_in_a_checked_pool) { lock_and_leave(WASM_MEMORY_BOUNDS_CHECKED, 1); }

/* ---- the kernel refuses the fast way, from the start or from one tenant to the next ---- */

static unsigned refused_ones;
static bool refused_late;

static void tenants_under_refusal(void) {
  const tenant few[] = {WASM_PAGES(1, 5), BYTE_PAGES(100, 70001), WASM_PAGES(0, 40), SHARED_PAGES(1, 2)};
  wasm_memory_allocator_t *allocators[12];
  size_t count = 0;
  if (!refused_late && !refuse_calls(refused_ones)) return;
  for (uint32_t bounds = 0; bounds < 2; bounds++)
    for (uint32_t slots = 0; slots < 2; slots++)
      for (size_t k = 0; k < 3; k++) allocators[count++] = allocator_with((settings){bounds, slots, keep_resident[k], DEFAULT_KEPT});
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < 4; j++) wasm_memory_delete(MOVES_IN(allocators[i], &few[j]));
  if (refused_late && !refuse_calls(refused_ones)) return;
  for (size_t i = 0; i < count; i++) {
    for (int round = 0; round < 2; round++)
      for (size_t j = 0; j < 4; j++) wasm_memory_delete(MOVES_IN(allocators[i], &few[j]));
    wasm_memory_allocator_delete(allocators[i]);
  }
}

static void refuse(unsigned which) {
  for (int late = 0; late < 2; late++) {
    refused_ones = which;
    refused_late = late == 1;
    in_child(tenants_under_refusal);
  }
}

TEST(madvise_is_refused) {
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_MADVISE);
}

TEST(pagemap_scan_is_refused) {
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_PAGEMAP_SCAN);
}

/* Neither dropped nor mapped anew: what is left is to write zeros, or to keep the place from everybody. */
TEST(only_writing_is_left) {
  NEEDS_REFUSED_MAPPINGS();
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_FIXED_MAPPING | REFUSE_MADVISE | REFUSE_PAGEMAP_SCAN);
  refuse(REFUSE_FIXED_MAPPING);
}

TEST(all_fast_ways_are_refused) {
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_MADVISE | REFUSE_PAGEMAP_SCAN | REFUSE_MEMFD);
}

/* ---- threads ---- */

static wasm_memory_allocator_t *of_all_threads;

/* No probe here: its pipe is of one thread. */
static void *move_in_and_out(void *argument) {
  const uint64_t own = (uint64_t)(uintptr_t)argument;
  for (uint64_t round = 0; round < 60; round++) {
    const tenant *who = &mixed[(own + round * 3) % 6];
    wasm_memory_t *memory = created_from(of_all_threads, NULL, who->type);
    const uint64_t length = wasm_memory_byte_length(memory);
    CHECK(all_are(wasm_memory_data(memory), 0, length));
    tenant_grows(__FILE__, __LINE__, memory, who->last);
    memset(wasm_memory_data(memory), (int)(own + 1), (size_t)wasm_memory_byte_length(memory));
    CHECK(all_are(wasm_memory_data(memory), (uint8_t)(own + 1), wasm_memory_byte_length(memory))); /* nobody else is here */
    wasm_memory_delete(memory);
    if (round % 16 == 5) wasm_memory_allocator_trim(of_all_threads);
  }
  return NULL;
}

static void with_threads(settings with) {
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  of_all_threads = allocator_with(with);
  for (uintptr_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, move_in_and_out, (void *)i) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_U64(stats_of(of_all_threads).memories, 0);
  wasm_memory_allocator_delete(of_all_threads);
}

TEST(threads_share_a_cache) { with_threads((settings){WASM_MEMORY_BOUNDS_GUARDED, 0, 65536, DEFAULT_KEPT}); }
TEST(threads_share_a_pool) { with_threads((settings){WASM_MEMORY_BOUNDS_GUARDED, 4, 65536, DEFAULT_KEPT}); }
TEST(threads_share_a_checked_pool) { with_threads((settings){WASM_MEMORY_BOUNDS_CHECKED, 4, 65536, DEFAULT_KEPT}); }

HARNESS_MAIN(LISTED(guarded_cache), LISTED(checked_cache), LISTED(guarded_pool), LISTED(checked_pool), LISTED(default_allocator),
             LISTED(every_pair_in_one_slot), LISTED(sixteen_mebibytes_after_one_page), LISTED(many_at_once), LISTED(locked_pages_in_a_cache),
             LISTED(locked_pages_in_a_checked_cache), LISTED(locked_pages_in_a_pool), LISTED(locked_pages_in_a_checked_pool),
             LISTED(madvise_is_refused), LISTED(pagemap_scan_is_refused), LISTED(only_writing_is_left), LISTED(all_fast_ways_are_refused),
             LISTED(threads_share_a_cache), LISTED(threads_share_a_pool), LISTED(threads_share_a_checked_pool))
