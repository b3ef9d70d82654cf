/* A limiter that takes away, in the middle of a call, what that call works on: the call holds what it needs (design.md 6). */
#include "buffers.h"
#include "limiter.h"

static wasm_memory_image_t *image_to_delete;

static bool deletes_the_image(limiter *it) {
  (void)it;
  wasm_memory_image_delete(image_to_delete);
  for (int i = 0; i < 3; i++) wasm_memory_image_delete(pattern_image(2 * PAGE, 0, 99)); /* whatever it left is written over */
  return true;
}

TEST(growing_may_delete_the_image_of_a_creation) {
  for (int which = 0; which < 2; which++) {
    limiter it = {.refuses = false};
    wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
    wasm_memory_t *source = created(TYPE(.initial = PAGES(2)));
    write_pattern(wasm_memory_data(source), 2 * PAGE, 5);
    image_to_delete = which == 0 ? pattern_image(2 * PAGE, 0, 5) : snapshot_of(source);
    wasm_memory_delete(source);
    it.when_asked = deletes_the_image;
    wasm_memory_t *memory = created_from(allocator, image_to_delete, TYPE(.initial = PAGES(2)));
    CHECK(is_pattern(wasm_memory_data(memory), 2 * PAGE, 5));
    TYPE_FAILS(wasm_memory_reset(memory, image_to_delete), INVALID_HANDLE);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocator);
  }
}

TEST(growing_may_delete_the_image_of_a_reset) {
  limiter it = {.refuses = false};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  wasm_memory_t *source = created(TYPE(.initial = PAGES(2)));
  write_pattern(wasm_memory_data(source), 2 * PAGE, 5);
  image_to_delete = snapshot_of(source);
  wasm_memory_delete(source);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  it.when_asked = deletes_the_image;
  CHECK_STATUS(wasm_memory_reset(memory, image_to_delete), WASM_MEMORY_OK);
  CHECK(is_pattern(wasm_memory_data(memory), 2 * PAGE, 5));
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

static bool deletes_the_allocator(limiter *it) {
  wasm_memory_allocator_delete(it->allocator);
  CHECK_U64(it->finalized, 0); /* not while it is being asked */
  return !it->refuses;
}

TEST(growing_may_delete_the_allocator) {
  for (int refuses = 0; refuses < 2; refuses++) {
    limiter it = {.refuses = refuses == 1, .when_asked = deletes_the_allocator};
    wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
    const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1));
    wasm_memory_t *memory = NULL;
    const wasm_memory_status_t status = wasm_memory_new_in(allocator, &type, NULL, &memory);
    if (status == WASM_MEMORY_OK) { /* the memory keeps what is left of it */
      CHECK_U64(it.finalized, 0);
      it.when_asked = NULL;
      CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
      CHECK_U64(it.asked, 2);
    }
    wasm_memory_delete(memory);
    CHECK_U64(it.finalized, 1);
    TYPE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), INVALID_HANDLE);
  }
}

static void deletes_the_allocator_when_told(limiter *it) { wasm_memory_allocator_delete(it->allocator); }

TEST(refused_may_delete_the_allocator) {
  limiter it = {.refuses = true, .when_told = deletes_the_allocator_when_told};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), LIMITER);
  CHECK_U64(it.told, 1);
  CHECK_U64(it.finalized, 1);
}

static bool resets_the_memory(limiter *it) {
  wasm_memory_t *memory = it->memory;
  it->memory = NULL;
  if (memory != NULL) it->status = wasm_memory_reset(memory, NULL);
  return true;
}

/* What growth starts from is the size after the answer. */
TEST(growing_may_shrink_the_memory) {
  limiter it = {.when_asked = resets_the_memory, .status = WASM_MEMORY_INTERNAL_ERROR};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  CHECK_STATUS(wasm_memory_grow(memory, 4, NULL), WASM_MEMORY_OK);
  memset(wasm_memory_data(memory), 0x42, 5 * PAGE);
  it.memory = memory;
  uint64_t previous = 99;
  CHECK_STATUS(wasm_memory_grow(memory, 2, &previous), WASM_MEMORY_OK);
  CHECK_STATUS(it.status, WASM_MEMORY_OK);
  CHECK_U64(previous, 1);
  CHECK_U64(wasm_memory_size(memory), 3);
  CHECK(all_are(wasm_memory_data(memory), 0, 3 * PAGE));
  CHECK_SHUT(memory);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

static bool grows_the_memory(limiter *it) {
  wasm_memory_t *memory = it->memory;
  it->memory = NULL;
  if (memory != NULL) it->status = wasm_memory_grow(memory, 3, NULL);
  return true;
}

/* A reset that enlarges, and meets a memory that has grown past its goal meanwhile. */
TEST(growing_may_grow_the_memory_of_a_reset) {
  limiter it = {.when_asked = grows_the_memory, .status = WASM_MEMORY_INTERNAL_ERROR};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  wasm_memory_t *source = created(TYPE(.initial = PAGES(2)));
  write_pattern(wasm_memory_data(source), 2 * PAGE, 5);
  wasm_memory_image_t *snapshot = snapshot_of(source);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  it.memory = memory;
  CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK);
  CHECK_STATUS(it.status, WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_size(memory), 2);
  CHECK(is_pattern(wasm_memory_data(memory), 2 * PAGE, 5));
  CHECK(wasm_memory_buffer_is_detached(buffer));
  CHECK_SHUT(memory);
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory) + 2 * PAGE, 0, 3 * PAGE));
  CHECK_U64(stats_of(allocator).accessible_bytes, 5 * PAGE);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(source);
  wasm_memory_delete(memory);
  CHECK_U64(stats_of(allocator).accessible_bytes, 0);
  wasm_memory_allocator_delete(allocator);
}

static bool deletes_the_memory(limiter *it) {
  wasm_memory_delete(it->memory);
  return true;
}

TEST(growing_may_delete_the_memory_of_a_reset) {
  limiter it = {.refuses = false};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  wasm_memory_t *source = created(TYPE(.initial = PAGES(2)));
  wasm_memory_image_t *snapshot = snapshot_of(source);
  it.memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  it.when_asked = deletes_the_memory;
  (void)wasm_memory_reset(it.memory, snapshot); /* either answer is fine */
  CHECK_U64(wasm_memory_size(it.memory), 0);
  CHECK_U64(stats_of(allocator).memories, 0);
  CHECK_U64(stats_of(allocator).accessible_bytes, 0);
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(source);
  wasm_memory_allocator_delete(allocator);
  CHECK_U64(it.finalized, 1);
}

static wasm_memory_buffer_t *buffer_to_delete;

static bool deletes_the_buffer(limiter *it) {
  wasm_memory_buffer_delete(buffer_to_delete);
  wasm_memory_delete(it->memory);
  return true;
}

/* Growth through a buffer whose last reference goes meanwhile, and its memory's with it. */
TEST(growing_may_delete_the_buffer) {
  for (int shared = 0; shared < 2; shared++) {
    limiter it = {.refuses = false};
    wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
    it.memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9), .shared = shared == 1));
    wasm_memory_buffer_t *buffer = buffer_to_delete = resizable_of(it.memory);
    it.when_asked = deletes_the_buffer;
    (void)(shared == 1 ? wasm_memory_buffer_grow(buffer, 3 * PAGE) : wasm_memory_buffer_resize(buffer, 3 * PAGE));
    CHECK_U64(wasm_memory_buffer_byte_length(buffer), 0);
    CHECK_U64(stats_of(allocator).memories, 0);
    CHECK_U64(stats_of(allocator).accessible_bytes, 0);
    wasm_memory_allocator_delete(allocator);
    CHECK_U64(it.finalized, 1);
  }
}

/* The only slot is taken, quota and all, by the callback: the outer creation or the inner one gets it, never both. */
static bool takes_a_slot(limiter *it) {
  const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1));
  it->status = wasm_memory_new_in(it->allocator, &type, NULL, &it->other);
  return true;
}

TEST(growing_may_take_the_last_slot) {
  limiter it = {.when_asked = takes_a_slot};
  wasm_memory_config_t *config = config_new();
  set_limiter(config, &it);
  wasm_memory_config_set_pool(config, 1, 4 * PAGE);
  wasm_memory_allocator_t *allocator = it.allocator = allocator_of(config);
  const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1));
  wasm_memory_t *outer = NULL;
  const wasm_memory_status_t status = HARNESS_CALL(wasm_memory_new_in(allocator, &type, NULL, &outer));
  wasm_memory_error_t error;
  wasm_memory_last_error(&error);
  CHECK((status == WASM_MEMORY_OK) != (it.status == WASM_MEMORY_OK));
  CHECK_U64(error.reason, WASM_MEMORY_REASON_POOL_EXHAUSTED); /* of whichever failed */
  wasm_memory_delete(outer);
  wasm_memory_delete(it.other);
  it.when_asked = NULL;
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(4))));
  wasm_memory_allocator_delete(allocator);
}

HARNESS_MAIN(LISTED(growing_may_delete_the_image_of_a_creation), LISTED(growing_may_delete_the_image_of_a_reset),
             LISTED(growing_may_delete_the_allocator), LISTED(refused_may_delete_the_allocator), LISTED(growing_may_shrink_the_memory),
             LISTED(growing_may_grow_the_memory_of_a_reset), LISTED(growing_may_delete_the_memory_of_a_reset),
             LISTED(growing_may_delete_the_buffer), LISTED(growing_may_take_the_last_slot))
