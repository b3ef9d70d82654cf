/* When is a memory's buffer the same object, when a new one, and what becomes of the old one? (semantics.md A.6) */
#define _POSIX_C_SOURCE 200809L
#include "buffers.h"

#include <pthread.h>

/* Each starts with 2 pages and may have 12. */
static const wasm_memory_descriptor_t unshared[] = {
    {.initial = {2, true}, .maximum = {12, true}},
    {.initial = {2, true}, .maximum = {12, true}, .address = WASM_MEMORY_ADDRESS_I64},
    {.initial = {2, true}, .maximum = {12, true}, .page_size = 1},
};
static const wasm_memory_descriptor_t shared[] = {
    {.initial = {2, true}, .maximum = {12, true}, .shared = true},
    {.initial = {2, true}, .maximum = {12, true}, .shared = true, .address = WASM_MEMORY_ADDRESS_I64},
    {.initial = {2, true}, .maximum = {12, true}, .shared = true, .page_size = 1},
};
enum { UNSHARED = sizeof unshared / sizeof unshared[0], SHARED = sizeof shared / sizeof shared[0] };

static void of_each(const wasm_memory_descriptor_t *types, size_t count, void (*check)(wasm_memory_t *memory)) {
  for (size_t i = 0; i < count; i++) {
    wasm_memory_t *memory = created(types[i]);
    check(memory);
    wasm_memory_delete(memory);
  }
}

static void grown(wasm_memory_t *memory, uint64_t delta) { CHECK_STATUS(wasm_memory_grow(memory, delta, NULL), WASM_MEMORY_OK); }

/* Any memory: read twice without an event. */
static void check_same_object(wasm_memory_t *memory, buffer_getter get) {
  wasm_memory_buffer_t *first = gotten(get, memory);
  CHECK_POINTER(gotten(get, memory), first);
  CHECK_POINTER(buffer_of(memory), first);
  for (int i = 0; i < 100; i++) CHECK_POINTER(current(memory), first);
  if (wasm_memory_buffer_is_resizable(first)) CHECK_RESIZABLE(first, memory, maximum_of(memory));
  else CHECK_FIXED(first, memory, wasm_memory_byte_length(memory));
  /* Each of the three reads counted: the object is there until the third reference is given back. */
  wasm_memory_buffer_delete(first);
  wasm_memory_buffer_delete(first);
  CHECK_POINTER(wasm_memory_buffer_data(first), wasm_memory_data(memory));
  CHECK_POINTER(current(memory), first);
  wasm_memory_buffer_delete(first);
  CHECK_DEAD(first);
}

static void check_fixed_is_same_object(wasm_memory_t *memory) {
  check_same_object(memory, wasm_memory_buffer);
  check_same_object(memory, wasm_memory_to_fixed_length_buffer);
}

static void check_resizable_is_same_object(wasm_memory_t *memory) { check_same_object(memory, wasm_memory_to_resizable_buffer); }

TEST(two_reads_give_one_object) {
  of_each(unshared, UNSHARED, check_fixed_is_same_object);
  of_each(shared, SHARED, check_fixed_is_same_object);
  of_each(unshared, UNSHARED, check_resizable_is_same_object);
  of_each(shared, SHARED, check_resizable_is_same_object);
}

/* Unshared, fixed, growth: every success detaches, one by nothing as well. */
static void check_growth_detaches(wasm_memory_t *memory) {
  const uint64_t deltas[] = {1, 0, 0, 3, 0, 1};
  uint64_t size = 2;
  wasm_memory_buffer_t *old[6];
  wasm_memory_data(memory)[1] = 0x42;
  for (int i = 0; i < 6; i++) {
    old[i] = buffer_of(memory);
    CHECK_FIXED(old[i], memory, pages_of(memory, size));
    grown(memory, deltas[i]);
    size += deltas[i];
    wasm_memory_buffer_t *fresh = buffer_of(memory);
    for (int k = 0; k <= i; k++) {
      CHECK(fresh != old[k]);
      CHECK_DETACHED(old[k]);
    }
    CHECK_FIXED(fresh, memory, pages_of(memory, size));
    CHECK_U64(wasm_memory_buffer_data(fresh)[1], 0x42);
    wasm_memory_buffer_delete(fresh);
  }
  for (int i = 0; i < 6; i++) wasm_memory_buffer_delete(old[i]);
}

TEST(growth_detaches_an_unshared_fixed_buffer) { of_each(unshared, UNSHARED, check_growth_detaches); }

/* A buffer that was never read detaches nothing and costs nothing: the first read after growth has the length of then. */
static void check_first_read_after_growth(wasm_memory_t *memory) {
  grown(memory, 4);
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  CHECK_FIXED(buffer, memory, pages_of(memory, 6));
  wasm_memory_buffer_delete(buffer);
}

TEST(first_read_after_growth) {
  of_each(unshared, UNSHARED, check_first_read_after_growth);
  of_each(shared, SHARED, check_first_read_after_growth);
}

/* Unshared and resizable, shared and growable: the object stays, its length follows, whatever the delta. */
static void check_growth_is_followed(wasm_memory_t *memory) {
  const uint64_t deltas[] = {1, 0, 3, 0, 6};
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  uint64_t size = 2;
  for (int i = 0; i < 5; i++) {
    grown(memory, deltas[i]);
    size += deltas[i];
    CHECK_POINTER(current(memory), buffer);
    CHECK_RESIZABLE(buffer, memory, pages_of(memory, 12));
    CHECK_U64(wasm_memory_buffer_byte_length(buffer), pages_of(memory, size));
    wasm_memory_buffer_data(buffer)[pages_of(memory, size) - 1] = 1;
  }
  wasm_memory_buffer_delete(buffer);
}

TEST(growth_keeps_a_resizable_buffer) {
  of_each(unshared, UNSHARED, check_growth_is_followed);
  of_each(shared, SHARED, check_growth_is_followed);
}

static void check_conversions_detach(wasm_memory_t *memory) {
  wasm_memory_buffer_t *held[8];
  wasm_memory_data(memory)[1] = 0x42;
  held[0] = buffer_of(memory);
  for (int i = 1; i < 8; i++) {
    bool to_resizable = i % 2 == 1;
    held[i] = to_resizable ? resizable_of(memory) : fixed_of(memory);
    if (to_resizable) CHECK_RESIZABLE(held[i], memory, pages_of(memory, 12));
    else CHECK_FIXED(held[i], memory, pages_of(memory, 2));
    for (int k = 0; k < i; k++) {
      CHECK(held[k] != held[i]);
      if (k % 2 == 1) CHECK_DETACHED_RESIZABLE(held[k]);
      else CHECK_DETACHED(held[k]);
    }
    CHECK_POINTER(current(memory), held[i]);
    CHECK_U64(wasm_memory_buffer_data(held[i])[1], 0x42);
    CHECK_U64(wasm_memory_size(memory), 2);
  }
  /* Growth updates the current one and nothing that is detached. */
  grown(memory, 1);
  CHECK_RESIZABLE(held[7], memory, pages_of(memory, 12));
  for (int i = 0; i < 7; i += 2) CHECK_DETACHED(held[i]);
  for (int i = 1; i < 7; i += 2) CHECK_DETACHED_RESIZABLE(held[i]);
  for (int i = 0; i < 8; i++) wasm_memory_buffer_delete(held[i]);
}

TEST(conversions_of_unshared_detach) { of_each(unshared, UNSHARED, check_conversions_detach); }

/* Shared, fixed: what is left behind keeps its length for ever and shows the same bytes. */
static void check_shared_fixed_keeps_length(wasm_memory_t *memory) {
  wasm_memory_buffer_t *held[5];
  for (int i = 0; i < 5; i++) {
    held[i] = buffer_of(memory);
    for (int k = 0; k < i; k++) CHECK(held[k] != held[i]);
    for (int k = 0; k <= i; k++) CHECK_FIXED(held[k], memory, pages_of(memory, 2 + (uint64_t)k * 2));
    wasm_memory_buffer_data(held[i])[1] = (uint8_t)(i + 1);
    for (int k = 0; k <= i; k++) CHECK_U64(wasm_memory_buffer_data(held[k])[1], (uint64_t)i + 1);
    grown(memory, 2);
    CHECK(!wasm_memory_buffer_is_detached(held[i]));
  }
  for (int i = 0; i < 5; i++) {
    CHECK_FIXED(held[i], memory, pages_of(memory, 2 + (uint64_t)i * 2));
    wasm_memory_buffer_delete(held[i]);
  }
}

TEST(shared_fixed_buffer_keeps_its_length) { of_each(shared, SHARED, check_shared_fixed_keeps_length); }

static void check_shared_growth_by_nothing(wasm_memory_t *memory) {
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  for (int i = 0; i < 3; i++) grown(memory, 0);
  CHECK_POINTER(current(memory), buffer);
  CHECK_POINTER(fixed_of(memory), buffer);
  CHECK_FIXED(buffer, memory, pages_of(memory, 2));
  wasm_memory_buffer_delete(buffer);
  wasm_memory_buffer_delete(buffer);
}

/* The threads text of 2023 would make a new object; the overview and the engines keep it (semantics.md A.6, note). */
TEST(shared_growth_by_nothing_keeps_the_object) { of_each(shared, SHARED, check_shared_growth_by_nothing); }

static void *grow_by_three(void *memory) {
  grown((wasm_memory_t *)memory, 3);
  return NULL;
}

static void grow_elsewhere(wasm_memory_t *memory) {
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, grow_by_three, memory) == 0);
  pthread_join(thread, NULL);
}

static void check_growth_elsewhere(wasm_memory_t *memory) {
  wasm_memory_buffer_t *first = buffer_of(memory);
  grow_elsewhere(memory);
  CHECK_FIXED(first, memory, pages_of(memory, 2));
  wasm_memory_buffer_t *second = buffer_of(memory);
  CHECK(second != first);
  CHECK_FIXED(second, memory, pages_of(memory, 5));
  /* to_fixed_length_buffer of a fixed one is a read too, so it looks at the length as well. */
  grow_elsewhere(memory);
  wasm_memory_buffer_t *third = fixed_of(memory);
  CHECK(third != second && third != first);
  CHECK_FIXED(third, memory, pages_of(memory, 8));
  CHECK_POINTER(current(memory), third);
  grow_elsewhere(memory);
  wasm_memory_buffer_t *growable = resizable_of(memory);
  CHECK_RESIZABLE(growable, memory, pages_of(memory, 12));
  CHECK_U64(wasm_memory_buffer_byte_length(growable), pages_of(memory, 11));
  CHECK_FIXED(first, memory, pages_of(memory, 2));
  CHECK_FIXED(second, memory, pages_of(memory, 5));
  CHECK_FIXED(third, memory, pages_of(memory, 8));
  wasm_memory_buffer_delete(growable);
  wasm_memory_buffer_delete(third);
  wasm_memory_buffer_delete(second);
  wasm_memory_buffer_delete(first);
}

TEST(growth_by_another_thread_is_seen_when_read) { of_each(shared, SHARED, check_growth_elsewhere); }

static void check_conversions_of_shared(wasm_memory_t *memory) {
  wasm_memory_buffer_t *fixed = buffer_of(memory), *growable = resizable_of(memory);
  CHECK(growable != fixed);
  CHECK_POINTER(current(memory), growable);
  CHECK_FIXED(fixed, memory, pages_of(memory, 2));
  CHECK_RESIZABLE(growable, memory, pages_of(memory, 12));

  wasm_memory_buffer_t *fixed_again = fixed_of(memory);
  CHECK(fixed_again != fixed && fixed_again != growable);
  CHECK_POINTER(current(memory), fixed_again);
  CHECK_FIXED(fixed_again, memory, pages_of(memory, 2));

  /* The abandoned growable one keeps following; the fixed ones do not begin to. */
  grown(memory, 3);
  CHECK_RESIZABLE(growable, memory, pages_of(memory, 12));
  CHECK_U64(wasm_memory_buffer_byte_length(growable), pages_of(memory, 5));
  CHECK_FIXED(fixed, memory, pages_of(memory, 2));
  CHECK_FIXED(fixed_again, memory, pages_of(memory, 2));

  wasm_memory_buffer_t *growable_again = resizable_of(memory);
  CHECK(growable_again != growable && growable_again != fixed && growable_again != fixed_again);
  CHECK_RESIZABLE(growable_again, memory, pages_of(memory, 12));
  grown(memory, 1);
  CHECK_POINTER(current(memory), growable_again);
  CHECK_RESIZABLE(growable, memory, pages_of(memory, 12));
  CHECK_RESIZABLE(growable_again, memory, pages_of(memory, 12));
  wasm_memory_buffer_delete(growable_again);
  wasm_memory_buffer_delete(fixed_again);
  wasm_memory_buffer_delete(growable);
  wasm_memory_buffer_delete(fixed);
}

TEST(conversions_of_shared_detach_nothing) { of_each(shared, SHARED, check_conversions_of_shared); }

/* Any memory, any buffer: a growth that fails is no event. */
static void check_failed_growth(wasm_memory_t *memory, buffer_getter get) {
  wasm_memory_buffer_t *buffer = gotten(get, memory);
  const uint64_t deltas[] = {11, 65535, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
  for (int i = 0; i < 5; i++) {
    CHECK(wasm_memory_grow(memory, deltas[i], NULL) != WASM_MEMORY_OK);
    CHECK_POINTER(current(memory), buffer);
    if (wasm_memory_buffer_is_resizable(buffer)) CHECK_RESIZABLE(buffer, memory, pages_of(memory, 12));
    else CHECK_FIXED(buffer, memory, pages_of(memory, 2));
  }
  CHECK_U64(wasm_memory_size(memory), 2);
  wasm_memory_buffer_delete(buffer);
}

static void check_failed_growth_of_both(wasm_memory_t *memory) {
  check_failed_growth(memory, wasm_memory_buffer);
  check_failed_growth(memory, wasm_memory_to_resizable_buffer);
}

TEST(failed_growth_keeps_the_object) {
  of_each(unshared, UNSHARED, check_failed_growth_of_both);
  of_each(shared, SHARED, check_failed_growth_of_both);
}

/* What kind of buffer a memory has is the memory's, whether or not anybody holds one. */
static void check_kind_without_handles(wasm_memory_t *memory) {
  for (int round = 0; round < 3; round++) {
    wasm_memory_buffer_delete(resizable_of(memory));
    grown(memory, 1);
    wasm_memory_buffer_t *buffer = buffer_of(memory);
    CHECK_RESIZABLE(buffer, memory, pages_of(memory, 12));
    wasm_memory_buffer_delete(buffer);
    wasm_memory_buffer_delete(fixed_of(memory));
    buffer = buffer_of(memory);
    CHECK_FIXED(buffer, memory, pages_of(memory, 3 + (uint64_t)round));
    wasm_memory_buffer_delete(buffer);
  }
}

TEST(kind_outlives_the_handles) {
  of_each(unshared, UNSHARED, check_kind_without_handles);
  of_each(shared, SHARED, check_kind_without_handles);
}

static void check_alone(const wasm_memory_descriptor_t *type) {
  wasm_memory_t *memory = created(*type), *other = created(*type);
  wasm_memory_buffer_t *fixed = buffer_of(other), *resizable = resizable_of(memory);
  CHECK(fixed != resizable);
  grown(memory, 2);
  wasm_memory_buffer_delete(fixed_of(memory));
  grown(memory, 0);
  CHECK_POINTER(current(other), fixed);
  CHECK_FIXED(fixed, other, pages_of(other, 2));
  wasm_memory_buffer_delete(resizable);
  wasm_memory_delete(memory);
  CHECK_FIXED(fixed, other, pages_of(other, 2));
  wasm_memory_buffer_delete(fixed);
  wasm_memory_delete(other);
}

TEST(other_memories_are_not_touched) {
  for (int i = 0; i < UNSHARED; i++) check_alone(&unshared[i]);
  for (int i = 0; i < SHARED; i++) check_alone(&shared[i]);
}

TEST(buffers_of_nothing) {
  for (int k = 0; k < 2; k++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(0), .maximum = PAGES(2), .shared = k == 1));
    wasm_memory_buffer_t *empty = buffer_of(memory);
    CHECK_FIXED(empty, memory, 0);
    CHECK(wasm_memory_buffer_data(empty) != NULL);
    grown(memory, 0);
    if (k == 0) CHECK_DETACHED(empty);
    else CHECK_POINTER(current(memory), empty);
    grown(memory, 2);
    wasm_memory_buffer_t *full = buffer_of(memory);
    CHECK(full != empty);
    CHECK_FIXED(full, memory, 2 * PAGE);
    wasm_memory_buffer_delete(full);
    wasm_memory_buffer_delete(empty);
    wasm_memory_delete(memory);
  }
}

HARNESS_MAIN(LISTED(two_reads_give_one_object), LISTED(growth_detaches_an_unshared_fixed_buffer), LISTED(first_read_after_growth),
             LISTED(growth_keeps_a_resizable_buffer), LISTED(conversions_of_unshared_detach), LISTED(shared_fixed_buffer_keeps_its_length),
             LISTED(shared_growth_by_nothing_keeps_the_object), LISTED(growth_by_another_thread_is_seen_when_read),
             LISTED(conversions_of_shared_detach_nothing), LISTED(failed_growth_keeps_the_object), LISTED(kind_outlives_the_handles),
             LISTED(other_memories_are_not_touched), LISTED(buffers_of_nothing))
