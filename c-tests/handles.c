/* Misuse of handles is answered and harms nobody: after the last delete, of another kind, deleted too often (design.md 8). */
#include "fixtures.h"

#define HANDLE_FAILS(call) CHECK_FAILS(call, WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INVALID_HANDLE)
#define AS_MEMORY(handle) ((wasm_memory_t *)(void *)(handle))
#define AS_CONFIG(handle) ((wasm_memory_config_t *)(void *)(handle))
#define AS_ALLOCATOR(handle) ((wasm_memory_allocator_t *)(void *)(handle))

static wasm_memory_t *any_memory(void) { return created(TYPE(.initial = PAGES(1), .maximum = PAGES(9), .shared = true)); }

static wasm_memory_t *dead_memory(void) {
  wasm_memory_t *memory = any_memory();
  wasm_memory_delete(memory);
  return memory;
}

/* Every call that takes a memory. */
static void check_answered_as_no_memory(wasm_memory_t *handle) {
  uint64_t previous = 99;
  wasm_memory_descriptor_t type, untouched_type;
  memset(&type, 0xA5, sizeof type);
  memset(&untouched_type, 0xA5, sizeof type);
  wasm_memory_t *sent = (wasm_memory_t *)POISON_POINTER;
  HANDLE_FAILS(wasm_memory_grow(handle, 1, &previous));
  HANDLE_FAILS(wasm_memory_grow(handle, 0, &previous));
  CHECK_U64(previous, 99);
  HANDLE_FAILS(wasm_memory_get_type(handle, &type));
  CHECK(memcmp(&type, &untouched_type, sizeof type) == 0);
  HANDLE_FAILS(wasm_memory_match(handle, &TYPE(.initial = PAGES(1))));
  HANDLE_FAILS(wasm_memory_send(handle, &sent));
  CHECK_POINTER(sent, NULL);
  CHECK_POINTER(wasm_memory_data(handle), NULL);
  CHECK_U64(wasm_memory_size(handle), 0);
  CHECK_U64(wasm_memory_byte_length(handle), 0);
  CHECK_POINTER(wasm_memory_view(handle), NULL);
  CHECK_POINTER(wasm_memory_retain(handle), NULL);
  CHECK(is_no_layout(layout_of(handle)));
}

static void check_answered_as_no_allocator(wasm_memory_allocator_t *handle) {
  HANDLE_FAILS(refused_in(handle, TYPE(.initial = PAGES(1))));
  CHECK_POINTER(wasm_memory_allocator_retain(handle), NULL);
}

static void check_answered_as_no_config(wasm_memory_config_t *handle) {
  wasm_memory_allocator_t *allocator = (wasm_memory_allocator_t *)POISON_POINTER;
  wasm_memory_config_set_reservation(handle, 1);
  wasm_memory_config_set_guards(handle, 1, 1);
  wasm_memory_config_set_movable(handle, true);
  wasm_memory_config_set_fallback(handle, true);
  wasm_memory_config_set_size_limit(handle, 1);
  HANDLE_FAILS(wasm_memory_allocator_new(handle, &allocator));
  CHECK_POINTER(allocator, NULL);
}

TEST(memory_after_its_last_delete) {
  wasm_memory_t *dead = dead_memory();
  check_answered_as_no_memory(dead);
  wasm_memory_delete(dead);
  check_answered_as_no_memory(dead);
}

TEST(allocator_after_its_last_delete) {
  wasm_memory_allocator_t *dead = allocator_of(config_new());
  wasm_memory_allocator_delete(dead);
  check_answered_as_no_allocator(dead);
  wasm_memory_allocator_delete(dead);
  check_answered_as_no_allocator(dead);
}

TEST(config_after_its_delete) {
  wasm_memory_config_t *dead = config_new();
  wasm_memory_config_delete(dead);
  check_answered_as_no_config(dead);
  wasm_memory_config_delete(dead);
  check_answered_as_no_config(dead);
}

TEST(handles_of_another_kind) {
  wasm_memory_t *memory = any_memory();
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_size_limit(config, 3 * PAGE);
  wasm_memory_allocator_t *allocator = NULL;
  CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_OK);
  check_answered_as_no_memory(AS_MEMORY(config));
  check_answered_as_no_memory(AS_MEMORY(allocator));
  check_answered_as_no_allocator(AS_ALLOCATOR(memory));
  check_answered_as_no_allocator(AS_ALLOCATOR(config));
  check_answered_as_no_config(AS_CONFIG(memory));
  check_answered_as_no_config(AS_CONFIG(allocator));

  /* A delete of the wrong kind deletes nothing. */
  wasm_memory_delete(AS_MEMORY(config));
  wasm_memory_delete(AS_MEMORY(allocator));
  wasm_memory_allocator_delete(AS_ALLOCATOR(memory));
  wasm_memory_allocator_delete(AS_ALLOCATOR(config));
  wasm_memory_config_delete(AS_CONFIG(memory));
  wasm_memory_config_delete(AS_CONFIG(allocator));
  CHECK_U64(wasm_memory_size(memory), 1);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(3))));
  CHECK_FAILS(refused_in(allocator, TYPE(.initial = PAGES(4))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT);
  wasm_memory_allocator_delete(allocator);
  CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_OK);
  CHECK_FAILS(refused_in(allocator, TYPE(.initial = PAGES(4))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT);
  wasm_memory_allocator_delete(allocator);
  wasm_memory_config_delete(config);
  wasm_memory_delete(memory);
}

TEST(retain_never_revives) {
  wasm_memory_t *dead = dead_memory();
  for (int i = 0; i < 10; i++) CHECK_POINTER(wasm_memory_retain(dead), NULL);
  check_answered_as_no_memory(dead);
  wasm_memory_t *next = any_memory();
  CHECK(next != dead);
  wasm_memory_delete(next);
}

/* A free list that took the same place in twice would give it out twice. */
TEST(surplus_deletes_do_nothing) {
  enum { COUNT = 300 };
  static wasm_memory_t *memories[COUNT];
  wasm_memory_t *bystander = any_memory();
  for (int i = 0; i < 20; i++) {
    wasm_memory_t *dead = dead_memory();
    for (int k = 0; k < 10; k++) wasm_memory_delete(dead);
  }
  for (int i = 0; i < COUNT; i++) memories[i] = any_memory();
  for (int i = 0; i < COUNT; i++) {
    for (int k = 0; k < i; k++)
      if (memories[i] == memories[k] || wasm_memory_data(memories[i]) == wasm_memory_data(memories[k])) CHECK(!"one place was given out twice");
    CHECK(memories[i] != bystander);
  }
  for (int i = 0; i < COUNT; i++) wasm_memory_delete(memories[i]);
  CHECK_U64(wasm_memory_size(bystander), 1);
  CHECK_STATUS(wasm_memory_grow(bystander, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(bystander);
}

TEST(each_reference_is_deleted_once) {
  wasm_memory_t *memory = any_memory(), *sent = NULL;
  CHECK_POINTER(wasm_memory_retain(memory), memory);
  CHECK_STATUS(wasm_memory_send(memory, &sent), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  wasm_memory_delete(memory);
  CHECK_U64(wasm_memory_size(memory), 1);
  wasm_memory_delete(memory);
  check_answered_as_no_memory(memory);
}

TEST(stale_use_does_not_reach_later_memories) {
  wasm_memory_t *dead = dead_memory();
  wasm_memory_t *later[32];
  for (int i = 0; i < 32; i++) later[i] = any_memory();
  HANDLE_FAILS(wasm_memory_grow(dead, 3, NULL));
  wasm_memory_delete(dead);
  for (int i = 0; i < 32; i++) {
    CHECK_U64(wasm_memory_size(later[i]), 1);
    wasm_memory_delete(later[i]);
  }
}

enum { LATER = 64 }; /* so many creations of a kind come before a freed place is given out again */

TEST(freed_memory_place_rests_while_others_live) {
  wasm_memory_t *dead = dead_memory(), *later[LATER];
  for (int i = 0; i < LATER; i++) {
    later[i] = any_memory();
    CHECK(later[i] != dead);
    CHECK_U64(wasm_memory_size(dead), 0);
  }
  for (int i = 0; i < LATER; i++) wasm_memory_delete(later[i]);
}

TEST(freed_memory_place_rests_while_others_die) {
  wasm_memory_t *dead[4 * LATER];
  for (int i = 0; i < 4 * LATER; i++) {
    dead[i] = dead_memory();
    for (int age = 1; age <= LATER && age <= i; age++) CHECK(dead[i - age] != dead[i]);
  }
}

TEST(freed_allocator_place_rests) {
  wasm_memory_allocator_t *dead = allocator_of(config_new());
  wasm_memory_allocator_delete(dead);
  for (int i = 0; i < LATER; i++) {
    wasm_memory_allocator_t *later = allocator_of(config_new());
    CHECK(later != dead);
    wasm_memory_allocator_delete(later);
    check_answered_as_no_allocator(dead);
  }
}

TEST(freed_config_place_rests) {
  wasm_memory_config_t *dead = config_new();
  wasm_memory_config_delete(dead);
  for (int i = 0; i < LATER; i++) {
    wasm_memory_config_t *later = config_new();
    CHECK(later != dead);
    wasm_memory_config_delete(later);
    check_answered_as_no_config(dead);
  }
}

/* Type-stable storage: a place is never given to another kind, so a stale handle never becomes one of another kind. */
TEST(places_keep_their_kind) {
  wasm_memory_t *dead = dead_memory();
  for (int i = 0; i < 300; i++) {
    wasm_memory_config_t *config = config_new();
    CHECK((void *)config != (void *)dead);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    CHECK((void *)allocator != (void *)dead && (void *)allocator != (void *)config);
    wasm_memory_allocator_delete(allocator);
  }
  check_answered_as_no_memory(dead);
}

HARNESS_MAIN(LISTED(memory_after_its_last_delete), LISTED(allocator_after_its_last_delete), LISTED(config_after_its_delete),
             LISTED(handles_of_another_kind), LISTED(retain_never_revives), LISTED(surplus_deletes_do_nothing),
             LISTED(each_reference_is_deleted_once), LISTED(stale_use_does_not_reach_later_memories),
             LISTED(freed_memory_place_rests_while_others_live), LISTED(freed_memory_place_rests_while_others_die),
             LISTED(freed_allocator_place_rests), LISTED(freed_config_place_rests), LISTED(places_keep_their_kind))
