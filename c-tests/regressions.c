/* Faults that were found by review once: each test failed before it was mended. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixtures.h"

/* In checked bounds growth past a reservation that is all open was taken for done. */
TEST(checked_growth_stops_at_the_reservation) {
  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
  wasm_memory_config_set_reservation(config, 2 * PAGE);
  wasm_memory_allocator_t *allocator;
  CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_OK);
  wasm_memory_config_delete(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(100)));
  wasm_memory_error_t error =
      CHECK_FAILS(wasm_memory_grow(memory, 49, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED);
  CHECK_U64(error.requested, 50 * PAGE);
  CHECK_U64(error.available, 2 * PAGE);
  CHECK_U64(wasm_memory_size(memory), 1);
  wasm_memory_buffer_t *buffer;
  CHECK_STATUS(wasm_memory_to_resizable_buffer(memory, &buffer), WASM_MEMORY_OK);
  CHECK_FAILS(wasm_memory_buffer_resize(buffer, 50 * PAGE), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_RESERVATION_EXCEEDED);
  CHECK_STATUS(wasm_memory_buffer_resize(buffer, 2 * PAGE), WASM_MEMORY_OK);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

enum { STEPS = 30000 };
static wasm_memory_t *growing;
static _Atomic uint64_t turn;

static void *grow_in_turn(void *unused) {
  for (uint64_t step = 0; step < STEPS; step++) {
    while (atomic_load(&turn) < step) continue;
    for (volatile uint64_t pause = 0; pause < step % 40; pause = pause + 1) continue;
    wasm_memory_grow(growing, 1, NULL);
  }
  return unused;
}

/* The length was looked at twice, so a write that raced with growth could pass the check and store nothing. */
TEST(a_write_at_the_growing_edge_traps_or_writes) {
  growing = created(TYPE(.initial = PAGES(0), .maximum = PAGES(STEPS), .shared = true, .page_size = 1));
  volatile uint8_t *bytes = wasm_memory_data(growing);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, grow_in_turn, NULL) == 0);
  uint64_t lost = 0;
  for (uint64_t index = 0; index < STEPS; index++) {
    uint8_t value = 0x5a;
    atomic_store(&turn, index);
    while (wasm_memory_write(growing, index, &value, 1) != WASM_MEMORY_OK) continue;
    if (bytes[index] != 0x5a) lost++;
  }
  pthread_join(thread, NULL);
  CHECK_U64(lost, 0);
  wasm_memory_delete(growing);
}

static wasm_memory_allocator_t *mover;
static wasm_memory_t *_Atomic moving;
static _Atomic bool stop;

static void *move_for_ever(void *unused) {
  while (!atomic_load(&stop)) {
    wasm_memory_t *memory = created_in(mover, TYPE(.initial = PAGES(1)));
    memset(wasm_memory_data(memory), 0x77, PAGE);
    atomic_store(&moving, memory);
    for (int growth = 0; growth < 12; growth++) wasm_memory_grow(memory, 30u << (growth / 3), NULL);
    atomic_store(&moving, NULL);
    wasm_memory_delete(memory);
  }
  return unused;
}

/* A fork in the middle of another thread's move left the child with a memory that read zero. */
TEST(a_fork_does_not_cut_through_a_move) {
  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  CHECK_STATUS(wasm_memory_allocator_new(config, &mover), WASM_MEMORY_OK);
  wasm_memory_config_delete(config);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, move_for_ever, NULL) == 0);
  int wrong = 0;
  for (int round = 0; round < 600; round++) {
    while (!atomic_load(&moving)) continue;
    pid_t child = fork();
    if (child == 0) {
      alarm(10);
      wasm_memory_t *memory = atomic_load(&moving);
      uint8_t byte = 0x77;
      if (memory && wasm_memory_read(memory, 100, &byte, 1) == WASM_MEMORY_OK) {
        wasm_memory_grow(memory, 1, NULL);
        wasm_memory_read(memory, 100, &byte, 1);
      }
      _exit(byte != 0x77);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (status != 0) wrong++;
  }
  CHECK_U64(wrong, 0);
  atomic_store(&stop, true);
  pthread_join(thread, NULL);
  wasm_memory_allocator_delete(mover);
}

/* Creations that were refused counted towards the rest of a freed place. */
TEST(refused_creations_do_not_bring_a_dead_handle_back) {
  wasm_memory_t *dead = created(TYPE(.initial = PAGES(1)));
  wasm_memory_delete(dead);
  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_reservation(config, UINT64_C(1) << 60);
  wasm_memory_allocator_t *impossible;
  CHECK_STATUS(wasm_memory_allocator_new(config, &impossible), WASM_MEMORY_OK);
  wasm_memory_config_delete(config);
  for (int round = 0; round < 64; round++)
    CHECK_STATUS(refused_in(impossible, TYPE(.initial = PAGES(1))), WASM_MEMORY_RANGE_ERROR);
  wasm_memory_t *next = created(TYPE(.initial = PAGES(7)));
  CHECK(next != dead);
  CHECK_U64(wasm_memory_size(dead), 0);
  wasm_memory_delete(next);
  wasm_memory_allocator_delete(impossible);
}

HARNESS_MAIN(LISTED(checked_growth_stops_at_the_reservation), LISTED(a_write_at_the_growing_edge_traps_or_writes),
             LISTED(a_fork_does_not_cut_through_a_move), LISTED(refused_creations_do_not_bring_a_dead_handle_back))
