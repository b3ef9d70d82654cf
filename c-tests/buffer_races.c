/* Last deletes that meet: of a buffer, of its memory, of both at once, on whatever thread (design.md 4, 8). */
#define _GNU_SOURCE
#include "buffers.h"
#include "process.h"

#include <pthread.h>
#include <sched.h>

/* Handle storage and thread stacks may take a little at first, and then no more. */
#define MAPPING_SLACK 6

static unsigned scaled(unsigned full) { return getenv("WASM_MEMORY_TEST_SHORT") != NULL ? full / 20 : full; }

/* One thread that works off what the other hands over, round by round. */
typedef struct pair {
  void (*here)(struct pair *), (*there)(struct pair *);
  wasm_memory_allocator_t *allocator;
  wasm_memory_t *memory;
  wasm_memory_buffer_t *buffer, *old;
  unsigned rounds, round;
  unsigned arrived;
} pair;

static void meet(pair *it) {
  const unsigned arrived = __atomic_add_fetch(&it->arrived, 1u, __ATOMIC_SEQ_CST), enough = (arrived + 1) / 2 * 2;
  for (unsigned spins = 0; __atomic_load_n(&it->arrived, __ATOMIC_SEQ_CST) < enough; spins++)
    if (spins % 256 == 255) sched_yield();
}

static void *second_thread(void *argument) {
  pair *it = (pair *)argument;
  for (unsigned round = 0; round < it->rounds; round++) {
    meet(it);
    it->there(it);
    meet(it);
  }
  return NULL;
}

/* Makes something in every round, lets both threads loose on it, and looks at what is left. */
static void run(pair *it, void (*prepare)(pair *), void (*look)(pair *)) {
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, second_thread, it) == 0);
  for (it->round = 0; it->round < it->rounds; it->round++) {
    prepare(it);
    meet(it);
    it->here(it);
    meet(it);
    look(it);
  }
  pthread_join(thread, NULL);
}

static void run_without_leaving_anything(pair it, void (*prepare)(pair *), void (*look)(pair *)) {
  pair warm_up = it;
  warm_up.rounds = 200;
  run(&warm_up, prepare, look);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  run(&it, prepare, look);
  check_back_to(mappings, address_space, MAPPING_SLACK);
}

static void delete_memory(pair *it) { wasm_memory_delete(it->memory); }
static void delete_buffer(pair *it) { wasm_memory_buffer_delete(it->buffer); }

static void prepare_memory_and_buffer(pair *it) {
  const bool shared = it->round % 2 == 1;
  it->memory = created_in(it->allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(4), .shared = shared));
  it->buffer = it->round % 4 < 2 ? buffer_of(it->memory) : resizable_of(it->memory);
}

static void check_both_dead(pair *it) {
  CHECK_U64(wasm_memory_size(it->memory), 0);
  CHECK_POINTER(wasm_memory_data(it->memory), NULL);
  CHECK_DEAD(it->buffer);
}

TEST(memory_and_buffer_go_at_once) {
  pair it = {.here = delete_memory, .there = delete_buffer, .rounds = scaled(10000)};
  run_without_leaving_anything(it, prepare_memory_and_buffer, check_both_dead);
}

/* Exactly one of the two deletes is the last one. */
static void prepare_two_references(pair *it) {
  prepare_memory_and_buffer(it);
  CHECK_POINTER(wasm_memory_buffer_retain(it->buffer), it->buffer);
  wasm_memory_delete(it->memory);
}

TEST(two_references_to_a_buffer_go_at_once) {
  pair it = {.here = delete_buffer, .there = delete_buffer, .rounds = scaled(10000)};
  run_without_leaving_anything(it, prepare_two_references, check_both_dead);
}

/* The memory's own thread detaches and moves while another gives up the last reference to what was left behind. */
static void delete_old(pair *it) { wasm_memory_buffer_delete(it->old); }

static void grow_and_move(pair *it) {
  wasm_memory_buffer_t *between = buffer_of(it->memory);
  CHECK_STATUS(wasm_memory_grow(it->memory, 3, NULL), WASM_MEMORY_OK);
  CHECK_DETACHED(between);
  wasm_memory_buffer_delete(between);
  wasm_memory_buffer_delete(resizable_of(it->memory));
  wasm_memory_buffer_delete(fixed_of(it->memory));
  wasm_memory_data(it->memory)[4 * PAGE - 1] = 1;
}

static void prepare_current_buffer(pair *it) {
  it->memory = created_in(it->allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(40)));
  it->old = buffer_of(it->memory);
  wasm_memory_buffer_data(it->old)[0] = 0x42;
}

static void check_memory_intact(pair *it) {
  CHECK_DEAD(it->old);
  wasm_memory_buffer_t *buffer = buffer_of(it->memory);
  CHECK_FIXED(buffer, it->memory, 4 * PAGE);
  CHECK(wasm_memory_buffer_data(buffer)[0] == 0x42 && wasm_memory_buffer_data(buffer)[4 * PAGE - 1] == 1);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(it->memory);
}

static wasm_memory_allocator_t *moving(void) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  return allocator_of(config);
}

TEST(a_buffer_goes_while_its_memory_moves) {
  pair it = {.here = grow_and_move, .there = delete_old, .rounds = scaled(5000), .allocator = moving()};
  run_without_leaving_anything(it, prepare_current_buffer, check_memory_intact);
  it.allocator = NULL; /* the default: in place */
  run_without_leaving_anything(it, prepare_current_buffer, check_memory_intact);
}

/* The last reference to a range that was left goes elsewhere while the memory goes here. */
static void prepare_left_range(pair *it) {
  prepare_current_buffer(it);
  CHECK_STATUS(wasm_memory_grow(it->memory, 20, NULL), WASM_MEMORY_OK);
}

static void check_nothing_left(pair *it) {
  CHECK_DEAD(it->old);
  CHECK_U64(wasm_memory_size(it->memory), 0);
}

TEST(a_left_range_and_its_memory_go_at_once) {
  pair it = {.here = delete_memory, .there = delete_old, .rounds = scaled(5000), .allocator = moving()};
  run_without_leaving_anything(it, prepare_left_range, check_nothing_left);
}

/* Growth through a growable buffer while the last handle of the memory goes: the buffer does not need the memory for it. */
static void grow_buffer(pair *it) {
  CHECK_STATUS(wasm_memory_buffer_grow(it->buffer, 2 * PAGE), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_buffer_grow(it->buffer, 4 * PAGE), WASM_MEMORY_OK);
}

static void prepare_growable(pair *it) {
  it->memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(4), .shared = true));
  it->buffer = resizable_of(it->memory);
}

static void check_grown(pair *it) {
  CHECK_U64(wasm_memory_size(it->memory), 0);
  CHECK_U64(wasm_memory_buffer_byte_length(it->buffer), 4 * PAGE);
  wasm_memory_buffer_data(it->buffer)[4 * PAGE - 1] = 1;
  wasm_memory_buffer_delete(it->buffer);
}

TEST(a_memory_goes_while_its_buffer_grows) {
  pair it = {.here = delete_memory, .there = grow_buffer, .rounds = scaled(10000)};
  run_without_leaving_anything(it, prepare_growable, check_grown);
}

HARNESS_MAIN(LISTED(memory_and_buffer_go_at_once), LISTED(two_references_to_a_buffer_go_at_once), LISTED(a_buffer_goes_while_its_memory_moves),
             LISTED(a_left_range_and_its_memory_go_at_once), LISTED(a_memory_goes_while_its_buffer_grows))
