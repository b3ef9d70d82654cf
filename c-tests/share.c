/* References and threads: send, retain, and one shared memory that many threads grow (design.md 8, semantics.md A.10). */
#define _POSIX_C_SOURCE 200809L
#include "fixtures.h"

#include <pthread.h>

TEST(send_of_shared_is_one_more_reference) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(2), .shared = true));
  wasm_memory_t *sent = NULL;
  CHECK_STATUS(wasm_memory_send(memory, &sent), WASM_MEMORY_OK);
  CHECK_POINTER(sent, memory);
  wasm_memory_delete(memory);
  CHECK_U64(wasm_memory_size(sent), 1);
  CHECK_STATUS(wasm_memory_grow(sent, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_data(sent)[2 * PAGE - 1] = 1;
  wasm_memory_delete(sent);
}

TEST(send_of_unshared_fails) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(2)));
  wasm_memory_t *sent = (wasm_memory_t *)POISON_POINTER;
  CHECK_FAILS(wasm_memory_send(memory, &sent), WASM_MEMORY_DATA_CLONE_ERROR, WASM_MEMORY_REASON_NOT_CLONEABLE);
  CHECK_POINTER(sent, NULL);
  CHECK_U64(wasm_memory_size(memory), 1);
  wasm_memory_delete(memory);
}

TEST(retain_counts) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  for (int i = 0; i < 1000; i++) CHECK_POINTER(wasm_memory_retain(memory), memory);
  for (int i = 0; i < 1000; i++) wasm_memory_delete(memory);
  CHECK_U64(wasm_memory_size(memory), 1);
  wasm_memory_data(memory)[0] = 1;
  wasm_memory_delete(memory);
}

enum { THREADS = 6, GROWTHS = 150, SIZES = 1 + THREADS * GROWTHS };

typedef struct arena {
  wasm_memory_t *memory;
  pthread_barrier_t start;
  unsigned char taken[SIZES + 1]; /* how often each previous size was returned */
  unsigned successes;
  unsigned stop;
} arena;

static void on_threads(arena *shared, void *(*grower)(void *), void *(*reader)(void *)) {
  pthread_t growers[THREADS], readers[2];
  pthread_barrier_init(&shared->start, NULL, THREADS + (reader ? 2 : 0));
  for (int i = 0; reader && i < 2; i++) REQUIRE(pthread_create(&readers[i], NULL, reader, shared) == 0);
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&growers[i], NULL, grower, shared) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(growers[i], NULL);
  __atomic_store_n(&shared->stop, 1u, __ATOMIC_RELEASE);
  for (int i = 0; reader && i < 2; i++) pthread_join(readers[i], NULL);
  pthread_barrier_destroy(&shared->start);
}

static void *grow_by_one(void *argument) {
  arena *shared = (arena *)argument;
  pthread_barrier_wait(&shared->start);
  for (int i = 0; i < GROWTHS; i++) {
    uint64_t previous = UINT64_MAX;
    wasm_memory_status_t status = wasm_memory_grow(shared->memory, 1, &previous);
    if (status == WASM_MEMORY_OK) {
      __atomic_fetch_add(&shared->successes, 1u, __ATOMIC_RELAXED);
      CHECK(previous < SIZES);
      if (previous < SIZES) CHECK_U64(__atomic_fetch_add(&shared->taken[previous], 1, __ATOMIC_RELAXED), 0);
    } else {
      wasm_memory_error_t error; /* this thread's own, whatever the others meet meanwhile */
      wasm_memory_last_error(&error);
      CHECK_STATUS(status, WASM_MEMORY_RANGE_ERROR);
      CHECK_U64(error.reason, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED);
      CHECK_U64(previous, UINT64_MAX);
    }
  }
  return NULL;
}

/* A length that can be read is a length that can be used: the last byte of it exists, and the base is where it was. */
static void *use_published_length(void *argument) {
  arena *shared = (arena *)argument;
  const wasm_memory_view_t *view = wasm_memory_view(shared->memory);
  uint8_t *base = wasm_memory_data(shared->memory);
  size_t last = 0;
  pthread_barrier_wait(&shared->start);
  do {
    size_t length = __atomic_load_n(&view->byte_length, __ATOMIC_ACQUIRE);
    if (length < last) CHECK(!"the length went backwards");
    if (length % PAGE != 0) CHECK(!"half a page was published");
    if (__atomic_load_n(&view->base, __ATOMIC_RELAXED) != base || wasm_memory_data(shared->memory) != base) CHECK(!"the base moved");
    if (wasm_memory_byte_length(shared->memory) < length) CHECK(!"the function is behind the view");
    __atomic_fetch_add(base + length - 1, 1, __ATOMIC_RELAXED);
    last = length;
  } while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE));
  CHECK(last != 0);
  return NULL;
}

TEST(concurrent_growth_is_totally_ordered) {
  arena shared = {.memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(SIZES), .shared = true))};
  on_threads(&shared, grow_by_one, use_published_length);
  CHECK_U64(shared.successes, THREADS * GROWTHS);
  CHECK_U64(wasm_memory_size(shared.memory), SIZES);
  for (int size = 1; size < SIZES; size++) CHECK_U64(shared.taken[size], 1);
  CHECK_U64(shared.taken[0], 0);
  wasm_memory_delete(shared.memory);
}

TEST(concurrent_growth_stops_at_the_maximum) {
  arena shared = {.memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(SIZES / 2), .shared = true))};
  on_threads(&shared, grow_by_one, use_published_length);
  CHECK_U64(shared.successes, SIZES / 2 - 1);
  CHECK_U64(wasm_memory_size(shared.memory), SIZES / 2);
  wasm_memory_delete(shared.memory);
}

TEST(concurrent_growth_by_single_bytes) {
  arena shared = {.memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(SIZES), .shared = true, .page_size = 1))};
  on_threads(&shared, grow_by_one, NULL);
  CHECK_U64(shared.successes, THREADS * GROWTHS);
  CHECK_U64(wasm_memory_byte_length(shared.memory), SIZES);
  CHECK(all_zero(wasm_memory_data(shared.memory), SIZES));
  wasm_memory_delete(shared.memory);
}

/* A reference of one's own is enough: growth goes on while others give theirs back. */
static void *retain_grow_delete(void *argument) {
  arena *shared = (arena *)argument;
  pthread_barrier_wait(&shared->start);
  for (int i = 0; i < GROWTHS; i++) {
    wasm_memory_t *own = NULL;
    CHECK_STATUS(wasm_memory_send(shared->memory, &own), WASM_MEMORY_OK);
    CHECK_POINTER(own, shared->memory);
    CHECK_STATUS(wasm_memory_grow(own, 1, NULL), WASM_MEMORY_OK);
    wasm_memory_delete(own);
    CHECK_POINTER(wasm_memory_retain(shared->memory), shared->memory);
    wasm_memory_delete(shared->memory);
  }
  return NULL;
}

TEST(references_from_many_threads) {
  arena shared = {.memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(SIZES), .shared = true))};
  on_threads(&shared, retain_grow_delete, NULL);
  CHECK_U64(wasm_memory_size(shared.memory), SIZES);
  wasm_memory_delete(shared.memory);
  CHECK_U64(wasm_memory_size(shared.memory), 0);
}

static void *last_delete(void *argument) {
  wasm_memory_delete((wasm_memory_t *)argument);
  return NULL;
}

/* Only deletes may run on another thread for an unshared memory; the last of them frees it there. */
TEST(unshared_is_deleted_by_another_thread) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, last_delete, memory) == 0);
  pthread_join(thread, NULL);
  CHECK_U64(wasm_memory_size(memory), 0);
}

/* Creation and deletion by all threads at once, in the one default allocator. */
static void *create_and_delete(void *argument) {
  arena *shared = (arena *)argument;
  pthread_barrier_wait(&shared->start);
  for (int i = 0; i < GROWTHS; i++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(3)));
    uint8_t *base = wasm_memory_data(memory);
    CHECK(base[0] == 0 && base[PAGE - 1] == 0);
    base[0] = base[PAGE - 1] = 0xAB;
    CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
    CHECK(base[0] == 0xAB && base[3 * PAGE - 1] == 0);
    wasm_memory_delete(memory);
  }
  return NULL;
}

TEST(creation_from_many_threads) {
  NEEDS_STEADY_BASE();
  arena shared = {.memory = NULL};
  on_threads(&shared, create_and_delete, NULL);
}

HARNESS_MAIN(LISTED(send_of_shared_is_one_more_reference), LISTED(send_of_unshared_fails), LISTED(retain_counts),
             LISTED(concurrent_growth_is_totally_ordered), LISTED(concurrent_growth_stops_at_the_maximum),
             LISTED(concurrent_growth_by_single_bytes), LISTED(references_from_many_threads), LISTED(unshared_is_deleted_by_another_thread),
             LISTED(creation_from_many_threads))
