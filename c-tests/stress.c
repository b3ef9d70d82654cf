/* Everything at once: threads that grow, wait, notify, look through buffers, come and go, take snapshots and reset, while a timer's signal
 * interrupts any of them and its handler asks for addresses (design.md 3, 8; reliability.md, rows 24, 25, 28, 29). */
#define _GNU_SOURCE
#include "allocators.h"
#include "process.h"
#include "waiters.h"

#include <signal.h>
#include <sys/time.h>

enum { MOST = 1 << 20, CELL = 64, CELLS = 4 };

static unsigned stopped;
static bool stop(void) { return __atomic_load_n(&stopped, __ATOMIC_RELAXED) != 0; }

/* For how long: WASM_MEMORY_TEST_SECONDS says. */
static int64_t duration(void) {
  const char *seconds = getenv("WASM_MEMORY_TEST_SECONDS");
  if (seconds != NULL) return strtoll(seconds, NULL, 10) * 1000 * MILLISECOND;
  return (getenv("WASM_MEMORY_TEST_SHORT") != NULL ? 400 : 2500) * MILLISECOND;
}

static uint64_t below(uint64_t *state, uint64_t bound) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state % bound;
}

/* ---- one shared memory, whose pages are bytes, for growth, waits and buffers ---- */

static wasm_memory_t *common;
static uint8_t answered[MOST]; /* which sizes a growth has answered */
static uint64_t growths, given, woken, returned, looks;

/* Growths by several threads have one order: no two answer the same size. */
static void *grow(void *seed) {
  uint64_t random = *(uint64_t *)seed, count = 0;
  while (!stop()) {
    uint64_t previous = UINT64_MAX;
    if (wasm_memory_grow(common, 1, &previous) == WASM_MEMORY_OK) {
      count++;
      REQUIRE(previous < MOST);
      if (__atomic_exchange_n(&answered[previous], 1, __ATOMIC_RELAXED) != 0) CHECK(!"two growths answered one size");
      __atomic_store_n(&wasm_memory_data(common)[previous], 0x5A, __ATOMIC_RELAXED); /* what was grown is there */
    } else if (wasm_memory_size(common) != MOST) {
      CHECK(!"a growth failed before the maximum");
    }
    nap((int64_t)below(&random, 20) * 1000);
  }
  __atomic_fetch_add(&growths, count, __ATOMIC_RELAXED);
  return NULL;
}

static uint64_t cell_of(uint64_t *random) { return CELL + below(random, CELLS) * 64; }

static void *wait_and_count(void *seed) {
  uint64_t random = *(uint64_t *)seed, count = 0;
  while (!stop()) {
    uint32_t result = 99;
    const int64_t timeout = (int64_t)below(&random, 300) * 1000;
    const wasm_memory_status_t status = wait_on(below(&random, 2) == 0 ? 32 : 64, common, cell_of(&random), 0, timeout, &result);
    if (status != WASM_MEMORY_OK || (result != WOKEN && result != TIMED_OUT)) CHECK(!"a wait failed");
    count += result == WOKEN;
  }
  __atomic_fetch_add(&returned, count, __ATOMIC_RELAXED);
  return NULL;
}

static void *notify(void *seed) {
  uint64_t random = *(uint64_t *)seed;
  while (!stop()) {
    const uint32_t count = (uint32_t)below(&random, 3);
    uint32_t ended = 99;
    if (wasm_memory_atomic_notify(common, cell_of(&random), count, &ended) != WASM_MEMORY_OK || ended > count) CHECK(!"more woken than asked for");
    given += count;
    woken += ended;
  }
  return NULL;
}

/* Buffers only become longer, and every byte of one can be read. */
static void *look(void *unused) {
  uint64_t longest = 0;
  while (!stop()) {
    wasm_memory_buffer_t *buffer = NULL;
    if (wasm_memory_buffer(common, &buffer) != WASM_MEMORY_OK) CHECK(!"no buffer");
    const uint64_t length = wasm_memory_buffer_byte_length(buffer);
    const uint8_t *bytes = wasm_memory_buffer_data(buffer);
    const uint8_t last = bytes != NULL ? __atomic_load_n(&bytes[length - 1], __ATOMIC_RELAXED) : 0xFF;
    if (length < longest || bytes == NULL) CHECK(!"a shared buffer shrank or was detached");
    else if (last != 0 && last != 0x5A) CHECK(!"a byte that nobody wrote");
    longest = length;
    wasm_memory_buffer_delete(buffer);
    __atomic_fetch_add(&looks, 1u, __ATOMIC_RELAXED);
  }
  return unused;
}

/* ---- memories that come and go ---- */

static wasm_memory_allocator_t *pool, *cached;
static wasm_memory_image_t *image;
static uint64_t cycles;
static uint8_t *passing; /* an address of some memory that comes and goes */

/* What is found of an address of my own is my memory. */
static void check_found(wasm_memory_t *memory, uint64_t offset) {
  wasm_memory_location_t location;
  memset(&location, 0, sizeof location);
  const bool found = wasm_memory_find(wasm_memory_data(memory) + offset, &location);
  if (!found || location.memory != memory || location.offset != (int64_t)offset) CHECK(!"another memory was found");
}

static void one_life(uint64_t *random) {
  wasm_memory_allocator_t *allocators[] = {pool, cached, NULL};
  wasm_memory_allocator_t *allocator = allocators[below(random, 3)];
  const bool from_image = below(random, 2) == 0;
  const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1), .maximum = PAGES(4));
  wasm_memory_t *memory = NULL;
  if (wasm_memory_new_in(allocator, &type, from_image ? image : NULL, &memory) != WASM_MEMORY_OK) {
    CHECK(allocator == pool); /* all slots may be in use */
    return;
  }
  uint8_t *bytes = wasm_memory_data(memory);
  __atomic_store_n(&passing, bytes, __ATOMIC_RELAXED);
  if (from_image ? !is_pattern(bytes, 4096, 3) : !all_zero(bytes, 4096)) CHECK(!"a memory did not begin as it should");
  check_found(memory, below(random, PAGE));
  memset(bytes + below(random, PAGE / 2), 0x77, below(random, PAGE / 2));
  wasm_memory_buffer_t *buffer = NULL;
  wasm_memory_buffer(memory, &buffer);
  wasm_memory_image_t *snapshot = NULL;
  if (below(random, 4) == 0) snapshot = snapshot_of(memory);
  if (wasm_memory_grow(memory, below(random, 3), NULL) != WASM_MEMORY_OK) CHECK(!"a growth within the maximum failed");
  if (!wasm_memory_buffer_is_detached(buffer)) CHECK(!"growth detaches");
  check_found(memory, wasm_memory_byte_length(memory) - 1);
  if (below(random, 2) == 0) wasm_memory_buffer_delete(buffer), buffer = NULL;
  if (wasm_memory_reset(memory, snapshot) != WASM_MEMORY_OK || wasm_memory_size(memory) != 1) CHECK(!"a reset failed");
  if (snapshot == NULL && !all_zero(wasm_memory_data(memory), PAGE)) CHECK(!"a reset left something");
  wasm_memory_delete(memory);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_image_delete(snapshot);
}

static void *come_and_go(void *seed) {
  uint64_t random = *(uint64_t *)seed, count = 0;
  for (; !stop() && harness_failures == 0; count++) {
    one_life(&random);
    if (count % 64 == 0) wasm_memory_allocator_trim(below(&random, 2) == 0 ? cached : pool);
  }
  __atomic_fetch_add(&cycles, count, __ATOMIC_RELAXED);
  return NULL;
}

/* ---- the signal, on whichever thread it meets ---- */

static wasm_memory_t *standing;
static uint8_t *standing_base, *nobodys;
static unsigned interrupts, wrong;
static uintptr_t host_page_size; /* asked for before: sysconf is not for handlers */

static void on_alarm(int number) {
  const int error = errno;
  wasm_memory_location_t location;
  (void)number;
  bool right = wasm_memory_find(standing_base + 12345, &location) && location.memory == standing && location.offset == 12345 &&
               location.zone == WASM_MEMORY_ZONE_BODY && wasm_memory_user_data(location.memory) == &standing;
  right &= !wasm_memory_find(nobodys, NULL);
  /* Of one that may just go, only that the answer is of one piece: another memory may be there by now, with a base of its own. */
  uint8_t *address = __atomic_load_n(&passing, __ATOMIC_RELAXED);
  if (address != NULL && wasm_memory_find(address + 100, &location)) {
    const uintptr_t base = (uintptr_t)address + 100 - (uintptr_t)location.offset;
    right &= location.memory != standing && base % host_page_size == 0;
  }
  __atomic_fetch_add(&wrong, !right, __ATOMIC_RELAXED);
  __atomic_fetch_add(&interrupts, 1u, __ATOMIC_RELAXED);
  errno = error;
}

static wasm_memory_allocator_t *pool_of_slots(void) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_pool(config, 16, 4 * PAGE);
  return allocator_of(config);
}

static void begin(void) {
  common = created(TYPE(.initial = PAGES(4096), .maximum = PAGES(MOST), .shared = true, .page_size = 1));
  memset(answered, 1, 4096); /* sizes that no growth answers */
  answered[4096] = 0;
  pool = pool_of_slots();
  cached = allocator_of(config_new());
  image = pattern_image(4096, 0, 3);
  standing = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true));
  standing_base = wasm_memory_data(standing);
  host_page_size = (uintptr_t)host_page();
  wasm_memory_set_user_data(standing, &standing);
  nobodys = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(nobodys != MAP_FAILED);
}

static void check_empty(const wasm_memory_allocator_t *allocator, uint64_t memories, uint64_t bytes) {
  const wasm_memory_stats_t stats = stats_of(allocator);
  CHECK_U64(stats.memories, memories);
  CHECK_U64(stats.accessible_bytes, bytes);
}

static void end(void) {
  const uint64_t size = wasm_memory_size(common);
  CHECK_U64(growths, size - 4096);
  for (uint64_t i = 0; i < MOST; i++)
    if (answered[i] != (i < size)) CHECK(!"the sizes that were answered are not those that there were");
  CHECK_U64(returned, woken);
  CHECK(woken <= given);
  CHECK_U64(notified(common, CELL, UINT32_MAX), 0);
  CHECK_U64(wrong, 0);
  printf("%" PRIu64 " growths, %" PRIu64 " woken of %" PRIu64 ", %" PRIu64 " buffers, %" PRIu64 " memories, %u signals\n", growths, woken, given, looks,
         cycles, interrupts);
  CHECK(growths > 10 && looks > 10 && cycles > 10 && interrupts > 10); /* else it was no storm */
  wasm_memory_delete(common);
  wasm_memory_delete(standing);
  check_empty(NULL, 0, 0);
  check_empty(cached, 0, 0);
  check_empty(pool, 0, 0);
  wasm_memory_allocator_trim(pool);
  CHECK_U64(stats_of(pool).kept_bytes, 0);
  wasm_memory_allocator_delete(pool);
  wasm_memory_allocator_delete(cached);
  wasm_memory_image_delete(image);
  munmap(nobodys, 4096);
}

TEST(everything_at_once) {
  void *(*const runs[])(void *) = {grow, grow, wait_and_count, wait_and_count, notify, look, come_and_go, come_and_go};
  enum { THREADS = sizeof runs / sizeof runs[0] };
  pthread_t threads[THREADS];
  uint64_t seeds[THREADS];
  const struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  const struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
  struct sigaction before;
  const int64_t finish = now() + duration();
  begin();
  REQUIRE(sigaction(SIGALRM, &action, &before) == 0);
  for (size_t i = 0; i < THREADS; i++) {
    seeds[i] = UINT64_C(0x9E3779B97F4A7C15) * (i + 1);
    REQUIRE(pthread_create(&threads[i], NULL, runs[i], &seeds[i]) == 0);
  }
  REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
  while (now() < finish && harness_failures == 0) nap(MILLISECOND);
  __atomic_store_n(&stopped, 1u, __ATOMIC_RELAXED);
  for (size_t i = 0; i < THREADS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  REQUIRE(setitimer(ITIMER_REAL, &never, NULL) == 0);
  end();
  REQUIRE(sigaction(SIGALRM, &before, NULL) == 0);
}

HARNESS_MAIN(LISTED(everything_at_once))
