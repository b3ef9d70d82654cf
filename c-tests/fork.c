/* After fork a child has private copies of every memory, shared ones too; calls work there (design.md 8). */
#define _GNU_SOURCE
#include "allocators.h"
#include "process.h"
#include "waiters.h"

static wasm_memory_t *unshared, *shared;

static void use_copies_in_child(void) {
  wasm_memory_t *memories[] = {unshared, shared};
  for (int i = 0; i < 2; i++) {
    uint8_t *bytes = wasm_memory_data(memories[i]);
    uint64_t previous = 99;
    CHECK_U64(bytes[0], 0x51);
    bytes[0] = 0xEE;
    CHECK_STATUS(wasm_memory_grow(memories[i], 2, &previous), WASM_MEMORY_OK);
    CHECK_U64(previous, 1);
    CHECK_POINTER(wasm_memory_data(memories[i]), bytes);
    bytes[3 * PAGE - 1] = 0xEE;
    CHECK_FIGURES(wasm_memory_grow(memories[i], 99, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 102, 5);
    wasm_memory_delete(memories[i]);
    CHECK_U64(wasm_memory_size(memories[i]), 0);
  }
  wasm_memory_delete(created(TYPE(.initial = PAGES(1))));
}

TEST(child_has_private_copies) {
  NEEDS_STEADY_BASE();
  unshared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
  shared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true));
  wasm_memory_t *memories[] = {unshared, shared};
  for (int i = 0; i < 2; i++) wasm_memory_data(memories[i])[0] = 0x51;
  in_child(use_copies_in_child);
  for (int i = 0; i < 2; i++) {
    CHECK_U64(wasm_memory_size(memories[i]), 1);
    CHECK_U64(wasm_memory_data(memories[i])[0], 0x51);
    CHECK_STATUS(wasm_memory_grow(memories[i], 4, NULL), WASM_MEMORY_OK);
    CHECK_U64(wasm_memory_data(memories[i])[3 * PAGE - 1], 0);
    wasm_memory_delete(memories[i]);
  }
}

/* ---- addresses ---- */

static void check_found(wasm_memory_t *memory, uint64_t offset, uint32_t zone) {
  wasm_memory_location_t location;
  memset(&location, 0, sizeof location);
  CHECK(wasm_memory_find(wasm_memory_data(memory) + offset, &location));
  CHECK_POINTER(location.memory, memory);
  CHECK_U64((uint64_t)location.offset, offset);
  CHECK_U64(location.zone, zone);
}

static void find_in_child(void) {
  alarm(20);
  uint8_t *base = wasm_memory_data(shared);
  check_found(shared, 5, WASM_MEMORY_ZONE_BODY);
  check_found(shared, PAGE, WASM_MEMORY_ZONE_RESERVED);
  CHECK_STATUS(wasm_memory_grow(shared, 1, NULL), WASM_MEMORY_OK);
  check_found(shared, PAGE, WASM_MEMORY_ZONE_BODY);
  wasm_memory_delete(shared);
  CHECK(!wasm_memory_find(base, NULL));
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2)));
  check_found(memory, 2 * PAGE - 1, WASM_MEMORY_ZONE_BODY);
  wasm_memory_delete(memory);
}

TEST(addresses_are_found_in_the_child) {
  NEEDS_STEADY_BASE();
  shared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true));
  in_child(find_in_child);
  check_found(shared, 5, WASM_MEMORY_ZONE_BODY);
  check_found(shared, PAGE, WASM_MEMORY_ZONE_RESERVED);
  wasm_memory_delete(shared);
}

/* ---- waiters ---- */

static void wait_in_child(void) {
  alarm(20);
  uint32_t result = 99, ended = 99;
  CHECK_U64(notified(shared, 64, UINT32_MAX), 0); /* the parent's thread is not here */
  CHECK_STATUS(wasm_memory_atomic_interrupt(shared, &ended), WASM_MEMORY_OK);
  CHECK_U64(ended, 0);
  CHECK_STATUS(wasm_memory_atomic_wait32(shared, 64, 0, MILLISECOND, &result), WASM_MEMORY_OK);
  CHECK_U64(result, TIMED_OUT);
  waiter own = {.memory = shared, .index = 64, .timeout = FOREVER};
  start_asleep(&own);
  CHECK_U64(notified(shared, 64, UINT32_MAX), 1);
  finish_waiter(&own, WOKEN);
}

TEST(waiters_of_the_parent_do_not_exist) {
  shared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true));
  waiter parents = {.memory = shared, .index = 64, .timeout = FOREVER};
  start_asleep(&parents);
  in_child(wait_in_child);
  CHECK_U64(rank_of(&parents), 0);
  CHECK_U64(notified(shared, 64, UINT32_MAX), 1);
  finish_waiter(&parents, WOKEN);
  wasm_memory_delete(shared);
}

/* ---- buffers, images, pools ---- */

static wasm_memory_buffer_t *buffer;
static wasm_memory_image_t *image;
static wasm_memory_allocator_t *allocator;

static void use_buffer_in_child(void) {
  alarm(20);
  wasm_memory_buffer_t *same = NULL;
  uint8_t *bytes = wasm_memory_buffer_data(buffer);
  CHECK_STATUS(wasm_memory_buffer(unshared, &same), WASM_MEMORY_OK);
  CHECK_POINTER(same, buffer);
  wasm_memory_buffer_delete(same);
  CHECK_STATUS(wasm_memory_grow(unshared, 1, NULL), WASM_MEMORY_OK);
  CHECK(wasm_memory_buffer_is_detached(buffer));
  CHECK_STATUS(wasm_memory_buffer(unshared, &same), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_buffer_byte_length(same), 2 * PAGE);
  wasm_memory_delete(unshared);
  CHECK_U64(wasm_memory_buffer_data(same)[7], 0x51);
  bytes[7] = 0xEE; /* usable over its length while it is held */
  wasm_memory_buffer_delete(buffer);
  wasm_memory_buffer_delete(same);
}

TEST(buffers_are_the_childs_own) {
  unshared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
  wasm_memory_data(unshared)[7] = 0x51;
  CHECK_STATUS(wasm_memory_buffer(unshared, &buffer), WASM_MEMORY_OK);
  in_child(use_buffer_in_child);
  CHECK(!wasm_memory_buffer_is_detached(buffer));
  CHECK_U64(wasm_memory_buffer_data(buffer)[7], 0x51);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(unshared);
}

static void use_image_in_child(void) {
  alarm(20);
  CHECK_STATUS(wasm_memory_reset(unshared, image), WASM_MEMORY_OK);
  CHECK(is_pattern(wasm_memory_data(unshared), PAGE, 9));
  wasm_memory_t *memory = created_from(NULL, image, TYPE(.initial = PAGES(1)));
  CHECK(is_pattern(wasm_memory_data(memory), PAGE, 9));
  wasm_memory_data(memory)[0] = 0xEE;
  wasm_memory_image_t *own = snapshot_of(memory);
  CHECK_STATUS(wasm_memory_reset(memory, image), WASM_MEMORY_OK);
  CHECK(is_pattern(wasm_memory_data(memory), PAGE, 9));
  CHECK_STATUS(wasm_memory_reset(memory, own), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_data(memory)[0], 0xEE);
  wasm_memory_image_delete(own);
  wasm_memory_delete(memory);
  wasm_memory_delete(unshared);
  wasm_memory_image_delete(image);
}

TEST(images_are_the_childs_own) {
  unshared = created(TYPE(.initial = PAGES(1)));
  write_pattern(wasm_memory_data(unshared), PAGE, 9);
  image = snapshot_of(unshared);
  memset(wasm_memory_data(unshared), 0x22, PAGE);
  in_child(use_image_in_child);
  CHECK(all_are(wasm_memory_data(unshared), 0x22, PAGE));
  CHECK_STATUS(wasm_memory_reset(unshared, image), WASM_MEMORY_OK);
  CHECK(is_pattern(wasm_memory_data(unshared), PAGE, 9));
  wasm_memory_delete(unshared);
  wasm_memory_image_delete(image);
}

static void use_pool_in_child(void) {
  alarm(20);
  wasm_memory_t *second = created_in(allocator, TYPE(.initial = PAGES(1)));
  CHECK(all_zero(wasm_memory_data(second), PAGE));
  CHECK_STATUS(refused_in(allocator, TYPE(.initial = PAGES(1))), WASM_MEMORY_RANGE_ERROR);
  CHECK_U64(wasm_memory_data(unshared)[7], 0x51);
  wasm_memory_delete(unshared);
  wasm_memory_t *third = created_in(allocator, TYPE(.initial = PAGES(1)));
  CHECK(all_zero(wasm_memory_data(third), PAGE));
  wasm_memory_delete(second);
  wasm_memory_delete(third);
  CHECK_U64(stats_of(allocator).memories, 0);
  wasm_memory_allocator_trim(allocator);
  wasm_memory_allocator_delete(allocator);
}

TEST(a_pool_is_the_childs_own) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_pool(config, 2, PAGE);
  allocator = allocator_of(config);
  unshared = created_in(allocator, TYPE(.initial = PAGES(1)));
  memset(wasm_memory_data(unshared), 0x51, PAGE);
  wasm_memory_delete(unshared); /* a slot that is cleaned by the pagemap descriptor which the child inherits */
  unshared = created_in(allocator, TYPE(.initial = PAGES(1)));
  memset(wasm_memory_data(unshared), 0x51, PAGE);
  in_child(use_pool_in_child);
  CHECK_U64(stats_of(allocator).memories, 1);
  CHECK(all_are(wasm_memory_data(unshared), 0x51, PAGE));
  wasm_memory_delete(unshared);
  wasm_memory_allocator_delete(allocator);
}

/* What the child wrote is found by the child: a descriptor of /proc/self/pagemap that it inherits tells of its parent. */
static void reuse_in_child(void) {
  alarm(20);
  for (uint64_t pages = 1; pages <= 32; pages *= 2) {
    for (int turn = 0; turn < 4; turn++) {
      wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(pages), .maximum = PAGES(32)));
      CHECK(all_zero(wasm_memory_data(memory), pages * PAGE));
      if (turn % 2 == 0) memset(wasm_memory_data(memory), 0xEE, pages * PAGE);
      else wasm_memory_data(memory)[pages * PAGE - 1] = 0xEE;
      wasm_memory_delete(memory);
    }
  }
  if (base_is_steady()) CHECK(stats_of(allocator).reuses > 0); /* what every growth moves is not kept */
}

static void reuse_in_grandchild(void) {
  reuse_in_child();
  in_child(reuse_in_child);
  reuse_in_child();
}

TEST(what_the_child_wrote_is_cleaned_in_the_child) {
  allocator = allocator_of(config_new());
  reuse_in_child();
  alarm(0);
  in_child(reuse_in_grandchild);
  reuse_in_child();
  alarm(0);
  wasm_memory_allocator_delete(allocator);
}

/* ---- ranges of others ---- */

static void delete_twice_in_child(void) {
  alarm(20);
  uint8_t *base = wasm_memory_data(unshared);
  wasm_memory_delete(unshared);
  wasm_memory_allocator_trim(NULL);
  /* The range is free now: somebody else takes it. */
  uint8_t *foreign = mmap(base, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  CHECK_POINTER(foreign, base);
  if (foreign != base) return;
  memset(foreign, 0x33, PAGE);
  CHECK(!wasm_memory_find(foreign, NULL));
  wasm_memory_delete(unshared);
  CHECK_FAILS(wasm_memory_grow(unshared, 1, NULL), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INVALID_HANDLE);
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  CHECK(wasm_memory_data(memory) != foreign);
  wasm_memory_delete(memory);
  wasm_memory_allocator_trim(NULL);
  CHECK(all_are(foreign, 0x33, PAGE));
}

TEST(a_foreign_range_is_left_alone) {
  NEEDS_STEADY_BASE();
  wasm_memory_allocator_trim(NULL);
  unshared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
  memset(wasm_memory_data(unshared), 0x51, PAGE);
  in_child(delete_twice_in_child);
  CHECK(all_are(wasm_memory_data(unshared), 0x51, PAGE));
  wasm_memory_delete(unshared);
}

/* ---- a limiter that is asked at the fork ---- */

static unsigned asked, answer;

static bool growing(void *context, uint64_t current, uint64_t desired, uint64_t maximum) {
  const pid_t *parent = (const pid_t *)context;
  (void)desired, (void)maximum;
  if (current == 0 || getpid() != *parent) return true;
  __atomic_store_n(&asked, 1u, __ATOMIC_RELEASE);
  while (!__atomic_load_n(&answer, __ATOMIC_ACQUIRE)) nap(MILLISECOND / 10);
  return true;
}

static void *grow_and_be_asked(void *unused) {
  CHECK_STATUS(wasm_memory_grow(shared, 1, NULL), WASM_MEMORY_OK);
  return unused;
}

static void grow_meanwhile_in_child(void) {
  alarm(20);
  uint64_t previous = 99;
  CHECK_STATUS(wasm_memory_grow(shared, 1, &previous), WASM_MEMORY_OK);
  CHECK_U64(previous, 1);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_delete(shared);
}

TEST(a_limiter_that_was_being_asked_is_not_waited_for) {
  pthread_t thread;
  pid_t parent = getpid();
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_limiter(config, &(wasm_memory_limiter_t){.context = &parent, .growing = growing});
  allocator = allocator_of(config);
  shared = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true));
  REQUIRE(pthread_create(&thread, NULL, grow_and_be_asked, NULL) == 0);
  while (!__atomic_load_n(&asked, __ATOMIC_ACQUIRE)) nap(MILLISECOND / 10);
  in_child(grow_meanwhile_in_child);
  __atomic_store_n(&answer, 1u, __ATOMIC_RELEASE);
  pthread_join(thread, NULL);
  CHECK_U64(wasm_memory_size(shared), 2);
  wasm_memory_delete(shared);
  wasm_memory_allocator_delete(allocator);
}

/* ---- forks while other threads are anywhere in the library ---- */

static unsigned stop;
static wasm_memory_allocator_t *pool;

/* Holds whatever locks there are, as often as it can. */
static void *create_grow_delete(void *unused) {
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
    wasm_memory_grow(memory, 1, NULL);
    wasm_memory_grow(shared, 0, NULL);
    wasm_memory_delete(memory);
  }
  return unused;
}

static void *pool_image_buffer(void *unused) {
  for (unsigned round = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); round++) {
    wasm_memory_t *memory = created_from(pool, round % 2 == 0 ? image : NULL, TYPE(.initial = PAGES(1)));
    wasm_memory_buffer_t *own = NULL, *common = NULL;
    wasm_memory_buffer(memory, &own);
    wasm_memory_buffer(shared, &common);
    wasm_memory_data(memory)[0] = 1;
    if (round % 8 == 0) wasm_memory_image_delete(snapshot_of(memory));
    wasm_memory_reset(memory, image);
    wasm_memory_delete(memory);
    wasm_memory_buffer_delete(own);
    wasm_memory_buffer_delete(common);
    if (round % 16 == 0) wasm_memory_allocator_trim(pool);
    if (round % 32 == 0) wasm_memory_allocator_delete(allocator_of(config_new()));
  }
  return unused;
}

static void *wait_and_notify(void *unused) {
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    wasm_memory_atomic_wait32(shared, 64, 0, 50000, NULL);
    wasm_memory_atomic_notify(shared, 64, 1, NULL);
  }
  return unused;
}

static void work_in_child(void) {
  alarm(20); /* a lock that stays held would wait for ever */
  uint32_t result = 99;
  check_found(shared, 9, WASM_MEMORY_ZONE_BODY);
  CHECK_U64(wasm_memory_data(shared)[9], 0x51);
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  CHECK(all_zero(wasm_memory_data(memory), PAGE));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  memory = created_from(pool, image, TYPE(.initial = PAGES(1)));
  CHECK(is_pattern(wasm_memory_data(memory), 4096, 3));
  CHECK(all_zero(wasm_memory_data(memory) + 4096, PAGE - 4096));
  CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
  CHECK(all_zero(wasm_memory_data(memory), PAGE));
  wasm_memory_image_delete(snapshot_of(memory));
  CHECK_STATUS(wasm_memory_buffer(memory, &buffer), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_buffer_delete(buffer);
  CHECK_STATUS(wasm_memory_buffer(shared, &buffer), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_buffer_byte_length(buffer), wasm_memory_byte_length(shared));
  CHECK_STATUS(wasm_memory_atomic_wait32(shared, 64, 0, 1000, &result), WASM_MEMORY_OK);
  CHECK_U64(result, TIMED_OUT);
  CHECK_U64(notified(shared, 64, 9), 0);
  CHECK_STATUS(wasm_memory_grow(shared, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_allocator_trim(pool);
  wasm_memory_allocator_trim(NULL);
  (void)stats_of(pool);
  wasm_memory_allocator_delete(allocator_of(config_new()));
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(shared);
  wasm_memory_image_delete(image);
}

/* Locks that other threads held at the fork have no owner in the child. */
TEST(no_lock_is_waited_for) {
  void *(*const runs[])(void *) = {create_grow_delete, pool_image_buffer, wait_and_notify};
  enum { THREADS = sizeof runs / sizeof runs[0] };
  pthread_t threads[THREADS];
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_pool(config, 64, PAGE);
  pool = allocator_of(config);
  image = pattern_image(4096, 0, 3);
  shared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true));
  wasm_memory_data(shared)[9] = 0x51;
  stop = 0;
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, runs[i], NULL) == 0);
  for (unsigned i = 0; i < scaled(200) && harness_failures == 0; i++) in_child(work_in_child);
  __atomic_store_n(&stop, 1u, __ATOMIC_RELAXED);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  wasm_memory_delete(shared);
  wasm_memory_image_delete(image);
  wasm_memory_allocator_delete(pool);
}

HARNESS_MAIN(LISTED(child_has_private_copies), LISTED(addresses_are_found_in_the_child), LISTED(waiters_of_the_parent_do_not_exist),
             LISTED(buffers_are_the_childs_own), LISTED(images_are_the_childs_own), LISTED(a_pool_is_the_childs_own),
             LISTED(what_the_child_wrote_is_cleaned_in_the_child), LISTED(a_foreign_range_is_left_alone),
             LISTED(a_limiter_that_was_being_asked_is_not_waited_for), LISTED(no_lock_is_waited_for))
