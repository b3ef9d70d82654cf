/* After fork a child has private copies of every memory, shared ones too; calls work there (design.md 8). */
#define _GNU_SOURCE
#include "fixtures.h"
#include "process.h"

#include <pthread.h>

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

static unsigned stop;

/* Holds whatever locks there are, as often as it can. */
static void *create_grow_delete(void *unused) {
  (void)unused;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
    wasm_memory_grow(memory, 1, NULL);
    wasm_memory_grow(shared, 0, NULL);
    wasm_memory_delete(memory);
  }
  return NULL;
}

static void work_in_child(void) {
  alarm(20); /* a lock that stays held would wait for ever */
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_grow(shared, 0, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_delete(shared);
}

/* Locks that other threads held at the fork have no owner in the child. */
TEST(no_lock_is_waited_for) {
  pthread_t thread;
  shared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true));
  REQUIRE(pthread_create(&thread, NULL, create_grow_delete, NULL) == 0);
  for (int i = 0; i < 100; i++) in_child(work_in_child);
  __atomic_store_n(&stop, 1u, __ATOMIC_RELAXED);
  pthread_join(thread, NULL);
  wasm_memory_delete(shared);
}

HARNESS_MAIN(LISTED(child_has_private_copies), LISTED(no_lock_is_waited_for))
