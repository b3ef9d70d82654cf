/* Handles of buffers: dead ones, wrong kinds, many threads, and whose bytes an address belongs to (design.md 3, 4, 8). */
#define _POSIX_C_SOURCE 200809L
#include "buffers.h"

#include <pthread.h>

#define HANDLE_FAILS(call) CHECK_FAILS(call, WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INVALID_HANDLE)
#define NULL_FAILS(call) CHECK_FAILS(call, WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_NULL_ARGUMENT)
#define AS_MEMORY(handle) ((wasm_memory_t *)(void *)(handle))

static wasm_memory_t *any_memory(bool shared) { return created(TYPE(.initial = PAGES(1), .maximum = PAGES(9), .shared = shared)); }

static const buffer_getter getters[] = {wasm_memory_buffer, wasm_memory_to_resizable_buffer, wasm_memory_to_fixed_length_buffer};

/* Every call that takes a buffer, with lengths that a real one would refuse for other reasons. */
static void check_answered_as_no_buffer(wasm_memory_buffer_t *handle) {
  const uint64_t lengths[] = {0, PAGE, PAGE + 1, UINT64_MAX};
  for (int i = 0; i < 4; i++) {
    HANDLE_FAILS(wasm_memory_buffer_resize(handle, lengths[i]));
    HANDLE_FAILS(wasm_memory_buffer_grow(handle, lengths[i]));
  }
  HANDLE_FAILS(wasm_memory_buffer_transfer(handle));
  CHECK_DEAD(handle);
  CHECK_POINTER(wasm_memory_buffer_retain(handle), NULL);
}

static void check_gives_no_buffer(wasm_memory_t *handle) {
  for (int i = 0; i < 3; i++) {
    wasm_memory_buffer_t *buffer = AS_BUFFER(POISON_POINTER);
    HANDLE_FAILS(getters[i](handle, &buffer));
    CHECK_POINTER(buffer, NULL);
  }
}

TEST(null_is_answered) {
  wasm_memory_t *memory = any_memory(false);
  for (int i = 0; i < 3; i++) {
    wasm_memory_buffer_t *buffer = AS_BUFFER(POISON_POINTER);
    NULL_FAILS(getters[i](NULL, &buffer));
    CHECK_POINTER(buffer, NULL);
    NULL_FAILS(getters[i](memory, NULL));
  }
  /* A conversion that could not be handed out did not happen. */
  CHECK(!wasm_memory_buffer_is_resizable(current(memory)));
  NULL_FAILS(wasm_memory_buffer_resize(NULL, 0));
  NULL_FAILS(wasm_memory_buffer_grow(NULL, UINT64_MAX));
  NULL_FAILS(wasm_memory_buffer_transfer(NULL));
  CHECK_DEAD((wasm_memory_buffer_t *)NULL);
  CHECK_POINTER(wasm_memory_buffer_retain(NULL), NULL);
  wasm_memory_buffer_delete(NULL);
  wasm_memory_delete(memory);
}

TEST(buffer_after_its_last_delete) {
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = any_memory(k == 1);
    for (int i = 0; i < 3; i++) {
      wasm_memory_buffer_t *dead = gotten(getters[i], memory);
      CHECK_POINTER(wasm_memory_buffer_retain(dead), dead);
      wasm_memory_buffer_delete(dead);
      CHECK_POINTER(wasm_memory_buffer_data(dead), wasm_memory_data(memory));
      wasm_memory_buffer_delete(dead);
      check_answered_as_no_buffer(dead);
      wasm_memory_buffer_delete(dead);
      check_answered_as_no_buffer(dead);
    }
    wasm_memory_buffer_t *last = buffer_of(memory);
    wasm_memory_delete(memory);
    check_gives_no_buffer(memory);
    CHECK_U64(wasm_memory_buffer_byte_length(last), PAGE);
    wasm_memory_buffer_delete(last);
    check_answered_as_no_buffer(last);
    wasm_memory_buffer_delete(last);
    check_answered_as_no_buffer(last);
  }
}

TEST(detached_buffer_after_its_last_delete) {
  wasm_memory_t *memory = any_memory(false);
  wasm_memory_buffer_t *detached = buffer_of(memory);
  CHECK_POINTER(wasm_memory_buffer_retain(detached), detached);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_POINTER(wasm_memory_buffer_retain(detached), detached);
  for (int i = 0; i < 3; i++) {
    CHECK_DETACHED(detached);
    wasm_memory_buffer_delete(detached);
  }
  check_answered_as_no_buffer(detached);
  wasm_memory_delete(memory);
}

TEST(handles_of_another_kind) {
  wasm_memory_t *memory = any_memory(true);
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  wasm_memory_config_t *config = config_new();
  wasm_memory_allocator_t *allocator = allocator_of(config_new());
  check_answered_as_no_buffer(AS_BUFFER(memory));
  check_answered_as_no_buffer(AS_BUFFER(config));
  check_answered_as_no_buffer(AS_BUFFER(allocator));
  check_gives_no_buffer(AS_MEMORY(buffer));
  check_gives_no_buffer(AS_MEMORY(config));
  HANDLE_FAILS(wasm_memory_grow(AS_MEMORY(buffer), 0, NULL));
  HANDLE_FAILS(refused_in((wasm_memory_allocator_t *)(void *)buffer, TYPE(.initial = PAGES(1))));
  CHECK_POINTER(wasm_memory_data(AS_MEMORY(buffer)), NULL);
  CHECK_U64(wasm_memory_byte_length(AS_MEMORY(buffer)), 0);
  CHECK_POINTER(wasm_memory_view(AS_MEMORY(buffer)), NULL);
  CHECK_POINTER(wasm_memory_retain(AS_MEMORY(buffer)), NULL);

  /* A delete of the wrong kind deletes nothing. */
  for (int i = 0; i < 3; i++) {
    wasm_memory_delete(AS_MEMORY(buffer));
    wasm_memory_buffer_delete(AS_BUFFER(memory));
    wasm_memory_buffer_delete(AS_BUFFER(config));
    wasm_memory_buffer_delete(AS_BUFFER(allocator));
  }
  CHECK_POINTER(current(memory), buffer);
  CHECK_FIXED(buffer, memory, PAGE);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1))));
  wasm_memory_allocator_delete(allocator);
  wasm_memory_config_delete(config);
  wasm_memory_delete(memory);
  wasm_memory_buffer_delete(buffer);
}

enum { LATER = 64 }; /* so many creations of a kind come before a freed place is given out again */

TEST(freed_buffer_place_rests) {
  wasm_memory_t *memory = any_memory(false), *other = any_memory(true);
  wasm_memory_buffer_t *dead = buffer_of(memory);
  wasm_memory_buffer_delete(dead);
  for (int i = 0; i < LATER; i++) {
    wasm_memory_buffer_t *later = i % 2 == 0 ? buffer_of(memory) : i % 4 == 1 ? resizable_of(other) : fixed_of(other);
    CHECK(later != dead);
    CHECK_DEAD(dead);
    wasm_memory_buffer_delete(dead); /* surplus, and must not meet another buffer */
    CHECK(wasm_memory_buffer_byte_length(later) == PAGE);
    wasm_memory_buffer_delete(later);
  }
  wasm_memory_delete(other);
  wasm_memory_delete(memory);
}

/* A free list that took the same place in twice would give it out twice. */
TEST(surplus_deletes_do_nothing) {
  enum { COUNT = 200 };
  wasm_memory_t *memory = any_memory(true), *each[COUNT];
  wasm_memory_buffer_t *bystander = buffer_of(memory), *buffers[COUNT];
  for (int i = 0; i < 20; i++) {
    wasm_memory_t *short_lived = any_memory(false);
    wasm_memory_buffer_t *dead = buffer_of(short_lived);
    for (int k = 0; k < 10; k++) wasm_memory_buffer_delete(dead);
    wasm_memory_delete(short_lived);
    for (int k = 0; k < 10; k++) wasm_memory_buffer_delete(dead);
  }
  for (int i = 0; i < COUNT; i++) buffers[i] = buffer_of(each[i] = any_memory(false));
  for (int i = 0; i < COUNT; i++) {
    for (int k = 0; k < i; k++)
      if (buffers[i] == buffers[k]) CHECK(!"one place was given out twice");
    CHECK(buffers[i] != bystander);
    CHECK_FIXED(buffers[i], each[i], PAGE);
  }
  for (int i = 0; i < COUNT; i++) {
    wasm_memory_delete(each[i]);
    wasm_memory_buffer_delete(buffers[i]);
  }
  CHECK_POINTER(current(memory), bystander);
  CHECK_FIXED(bystander, memory, PAGE);
  wasm_memory_buffer_delete(bystander);
  wasm_memory_delete(memory);
}

static void check_found(const uint8_t *address, const wasm_memory_t *memory, int64_t offset) {
  wasm_memory_location_t location;
  memset(&location, 0xA5, sizeof location);
  CHECK(wasm_memory_find(address, &location));
  CHECK_POINTER(location.memory, memory);
  CHECK_U64((uint64_t)location.offset, (uint64_t)offset);
  CHECK_U64(location.zone, WASM_MEMORY_ZONE_BODY);
  CHECK(location.reserved[0] == 0 && location.reserved[1] == 0);
  CHECK(wasm_memory_find(address, NULL));
}

/* Bytes that only a buffer keeps belong to no memory, and are still nobody else's. */
TEST(find_of_a_deleted_memory) {
  for (int k = 0; k < 4; k++) {
    wasm_memory_t *memory = any_memory(k % 2 == 1);
    wasm_memory_buffer_t *buffer = k / 2 == 1 ? resizable_of(memory) : buffer_of(memory);
    uint8_t *bytes = wasm_memory_data(memory);
    check_found(bytes, memory, 0);
    check_found(bytes + PAGE - 1, memory, (int64_t)PAGE - 1);
    wasm_memory_delete(memory);
    check_found(bytes, NULL, 0);
    check_found(bytes + PAGE - 1, NULL, (int64_t)PAGE - 1);
    if (k / 2 == 1) {
      CHECK_STATUS((k % 2 == 1 ? wasm_memory_buffer_grow : wasm_memory_buffer_resize)(buffer, 4 * PAGE), WASM_MEMORY_OK);
      check_found(bytes + 4 * PAGE - 1, NULL, (int64_t)(4 * PAGE) - 1);
    }
    wasm_memory_buffer_delete(buffer);
    CHECK(!wasm_memory_find(bytes, NULL));
    CHECK(!wasm_memory_find(bytes + PAGE - 1, NULL));
  }
}

TEST(find_of_a_range_that_was_left) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  wasm_memory_buffer_t *old = buffer_of(memory);
  const uint8_t *left = wasm_memory_buffer_data(old);
  CHECK_STATUS(wasm_memory_grow(memory, 100, NULL), WASM_MEMORY_OK);
  check_found(wasm_memory_data(memory) + 100 * PAGE, memory, (int64_t)(100 * PAGE));
  if (left != wasm_memory_data(memory)) {
    wasm_memory_location_t location = {.memory = memory};
    CHECK(wasm_memory_find(left, &location));
    CHECK_POINTER(location.memory, NULL);
    CHECK(wasm_memory_find(left + PAGE - 1, &location));
    CHECK_POINTER(location.memory, NULL);
    wasm_memory_buffer_delete(old);
    CHECK(!wasm_memory_find(left, NULL));
  } else {
    wasm_memory_buffer_delete(old);
  }
  check_found(wasm_memory_data(memory), memory, 0);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

enum { THREADS = 4, MAXIMUM = 300 };

typedef struct arena {
  wasm_memory_t *memory;
  wasm_memory_buffer_t *buffer;
  unsigned turns, stop;
} arena;

/* What a buffer answers at any moment while others grow and convert: a length that the memory had, in the one place. */
static void check_sound(const arena *shared, const wasm_memory_buffer_t *buffer, uint64_t least) {
  uint64_t length = wasm_memory_buffer_byte_length(buffer);
  uint64_t maximum = wasm_memory_buffer_max_byte_length(buffer);
  CHECK(length >= least && length % PAGE == 0 && length <= maximum && maximum <= MAXIMUM * PAGE);
  CHECK_POINTER(wasm_memory_buffer_data(buffer), wasm_memory_data(shared->memory));
  CHECK(!wasm_memory_buffer_is_detached(buffer) && wasm_memory_buffer_is_shared(buffer));
  if (!wasm_memory_buffer_is_resizable(buffer)) CHECK_U64(length, maximum);
  __atomic_fetch_add(wasm_memory_buffer_data(buffer) + length - 1, 1, __ATOMIC_RELAXED);
}

static void *convert_and_retain(void *argument) {
  arena *shared = (arena *)argument;
  for (unsigned i = 0; i < shared->turns; i++) {
    const uint64_t least = wasm_memory_byte_length(shared->memory);
    wasm_memory_buffer_t *buffer = gotten(getters[(i + i / 3) % 3], shared->memory);
    check_sound(shared, buffer, least);
    CHECK_POINTER(wasm_memory_buffer_retain(buffer), buffer);
    wasm_memory_buffer_delete(buffer);
    CHECK_POINTER(wasm_memory_buffer_retain(shared->buffer), shared->buffer);
    if (i % 16 == 0) CHECK_STATUS(wasm_memory_grow(shared->memory, i % 32 / 16, NULL), WASM_MEMORY_OK);
    check_sound(shared, buffer, least);
    wasm_memory_buffer_delete(shared->buffer);
    wasm_memory_buffer_delete(buffer);
  }
  return NULL;
}

TEST(buffers_of_a_shared_memory_from_many_threads) {
  arena shared = {.memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(MAXIMUM), .shared = true)), .turns = 2000};
  if (getenv("WASM_MEMORY_TEST_SHORT") != NULL) shared.turns = 200;
  shared.buffer = buffer_of(shared.memory);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, convert_and_retain, &shared) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_FIXED(shared.buffer, shared.memory, PAGE);
  wasm_memory_delete(shared.memory);
  CHECK_U64(wasm_memory_buffer_byte_length(shared.buffer), PAGE);
  wasm_memory_buffer_delete(shared.buffer);
  CHECK_DEAD(shared.buffer);
}

static void *retain_and_delete(void *argument) {
  arena *shared = (arena *)argument;
  while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
    if (wasm_memory_buffer_retain(shared->buffer) != shared->buffer) CHECK(!"a held buffer could not be retained");
    wasm_memory_buffer_delete(shared->buffer);
  }
  return NULL;
}

/* Of an unshared memory's buffers others may do this much, while its own thread detaches them. */
TEST(references_to_an_unshared_buffer_from_another_thread) {
  arena shared = {.memory = any_memory(false)};
  shared.buffer = buffer_of(shared.memory);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, retain_and_delete, &shared) == 0);
  for (int i = 0; i < 2000; i++) {
    CHECK_STATUS(wasm_memory_grow(shared.memory, 0, NULL), WASM_MEMORY_OK);
    wasm_memory_buffer_delete(resizable_of(shared.memory));
    wasm_memory_buffer_delete(fixed_of(shared.memory));
    CHECK_DETACHED(shared.buffer);
  }
  wasm_memory_delete(shared.memory);
  CHECK_DETACHED(shared.buffer);
  __atomic_store_n(&shared.stop, 1u, __ATOMIC_RELEASE);
  pthread_join(thread, NULL);
  CHECK_DETACHED(shared.buffer);
  wasm_memory_buffer_delete(shared.buffer);
  CHECK_DEAD(shared.buffer);
}

HARNESS_MAIN(LISTED(null_is_answered), LISTED(buffer_after_its_last_delete), LISTED(detached_buffer_after_its_last_delete),
             LISTED(handles_of_another_kind), LISTED(freed_buffer_place_rests), LISTED(surplus_deletes_do_nothing),
             LISTED(find_of_a_deleted_memory), LISTED(find_of_a_range_that_was_left), LISTED(buffers_of_a_shared_memory_from_many_threads),
             LISTED(references_to_an_unshared_buffer_from_another_thread))
