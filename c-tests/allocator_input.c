/* Bad input to the functions of allocators and images: NULL, dead handles, handles of another kind, hostile numbers and structs
 * (design.md 6 to 8). */
#define _GNU_SOURCE
#include "buffers.h"
#include "limiter.h"

#define AS_MEMORY(handle) ((wasm_memory_t *)(void *)(handle))
#define AS_CONFIG(handle) ((wasm_memory_config_t *)(void *)(handle))
#define AS_ALLOCATOR(handle) ((wasm_memory_allocator_t *)(void *)(handle))
#define AS_IMAGE(handle) ((wasm_memory_image_t *)(void *)(handle))

/* Nothing tells of the failure: what is left in the struct must not look like figures. */
static bool is_no_stats(wasm_memory_stats_t stats) {
  wasm_memory_stats_t untouched;
  memset(&untouched, 0xA5, sizeof untouched);
  return memcmp(&stats, &untouched, sizeof stats) == 0 || all_zero(&stats, sizeof stats);
}

static bool is_no_allocator(wasm_memory_allocator_t *handle) {
  wasm_memory_allocator_trim(handle);
  return is_no_stats(stats_of(handle)) && wasm_memory_allocator_retain(handle) == NULL;
}

static wasm_memory_status_t snapshot_fails(wasm_memory_t *memory) {
  wasm_memory_image_t *image = (wasm_memory_image_t *)POISON_POINTER;
  const wasm_memory_status_t status = wasm_memory_snapshot(memory, &image);
  CHECK_POINTER(image, NULL);
  return status;
}

/* Every call that takes a memory; no_memory is NULL, dead, or another kind of handle. */
static void check_no_memory(wasm_memory_t *no_memory, uint32_t reason) {
  CHECK_FAILS(snapshot_fails(no_memory), WASM_MEMORY_TYPE_ERROR, reason);
  CHECK_FAILS(wasm_memory_reset(no_memory, NULL), WASM_MEMORY_TYPE_ERROR, reason);
  CHECK(is_no_stats(memory_stats_of(no_memory)));
}

/* Every call that takes an image and does not take NULL for none. */
static void check_no_image(wasm_memory_image_t *no_image, uint32_t reason) {
  wasm_memory_descriptor_t type, untouched;
  memset(&type, 0xA5, sizeof type);
  memset(&untouched, 0xA5, sizeof untouched);
  CHECK_FAILS(wasm_memory_image_get_type(no_image, &type), WASM_MEMORY_TYPE_ERROR, reason);
  CHECK(memcmp(&type, &untouched, sizeof type) == 0);
  CHECK_FAILS(wasm_memory_image_write_file(no_image, "/nonexistent/image"), WASM_MEMORY_TYPE_ERROR, reason);
  CHECK_POINTER(wasm_memory_image_retain(no_image), NULL);
}

/* Every setter; none of them has a status. */
static void set_everything(wasm_memory_config_t *config) {
  static limiter it;
  const wasm_memory_limiter_t callbacks = {.context = &it, .growing = limiter_growing};
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
  wasm_memory_config_set_pool(config, 1, 1);
  wasm_memory_config_set_keep_resident(config, 1);
  wasm_memory_config_set_huge_pages(config, true);
  wasm_memory_config_set_prefault(config, true);
  wasm_memory_config_set_kept_bytes(config, 1);
  wasm_memory_config_set_quota(config, 1, 1);
  wasm_memory_config_set_limiter(config, &callbacks);
}

TEST(null_everywhere) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  wasm_memory_image_t *image = (wasm_memory_image_t *)POISON_POINTER, *real = pattern_image(9, 0, 1);
  check_no_memory(NULL, WASM_MEMORY_REASON_NULL_ARGUMENT);
  check_no_image(NULL, WASM_MEMORY_REASON_NULL_ARGUMENT);
  set_everything(NULL);
  wasm_memory_image_delete(NULL);
  wasm_memory_allocator_get_stats(NULL, NULL);
  wasm_memory_get_stats(memory, NULL);
  wasm_memory_get_stats(NULL, NULL);

  TYPE_FAILS(wasm_memory_image_new((const uint8_t *)"x", 1, 0, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_image_new(NULL, 0, 0, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_image_new(NULL, 1, 0, &image), NULL_ARGUMENT);
  CHECK_POINTER(image, NULL);
  image = (wasm_memory_image_t *)POISON_POINTER;
  TYPE_FAILS(wasm_memory_image_from_file(NULL, 0, &image), NULL_ARGUMENT);
  CHECK_POINTER(image, NULL);
  TYPE_FAILS(wasm_memory_image_from_file("/nonexistent/image", 0, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_image_from_file(NULL, 0, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_snapshot(memory, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_snapshot(NULL, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_image_get_type(real, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_image_write_file(real, NULL), NULL_ARGUMENT);
  wasm_memory_image_delete(real);
  wasm_memory_delete(memory);
}

TEST(dead_handles) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1))), *living = created(TYPE(.initial = PAGES(1)));
  wasm_memory_image_t *image = pattern_image(9, 0, 1);
  wasm_memory_config_t *config = config_new();
  wasm_memory_allocator_t *allocator = allocator_of(config_new());
  wasm_memory_delete(memory);
  wasm_memory_image_delete(image);
  wasm_memory_config_delete(config);
  wasm_memory_allocator_delete(allocator);
  for (int round = 0; round < 2; round++) { /* and after a surplus delete of each */
    check_no_memory(memory, WASM_MEMORY_REASON_INVALID_HANDLE);
    check_no_image(image, WASM_MEMORY_REASON_INVALID_HANDLE);
    set_everything(config);
    CHECK(is_no_allocator(allocator));
    TYPE_FAILS(refused_from(NULL, image, TYPE(.initial = PAGES(1))), INVALID_HANDLE);
    wasm_memory_data(living)[5] = 5;
    TYPE_FAILS(wasm_memory_reset(living, image), INVALID_HANDLE);
    CHECK_U64(wasm_memory_data(living)[5], 5);
    wasm_memory_delete(memory);
    wasm_memory_image_delete(image);
    wasm_memory_config_delete(config);
    wasm_memory_allocator_delete(allocator);
  }
  wasm_memory_delete(living);
}

TEST(handles_of_another_kind) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  wasm_memory_image_t *image = pattern_image(9, 0, 1), *snapshot = snapshot_of(memory);
  wasm_memory_config_t *config = config_new();
  wasm_memory_allocator_t *allocator = NULL;
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_OK);
  void *const handles[] = {memory, image, snapshot, config, allocator, buffer};
  for (size_t i = 0; i < 6; i++) {
    void *const handle = handles[i];
    const bool is_memory = i == 0, is_image = i == 1 || i == 2, is_config = i == 3, is_allocator = i == 4;
    if (!is_memory) check_no_memory(AS_MEMORY(handle), WASM_MEMORY_REASON_INVALID_HANDLE);
    if (!is_image) {
      check_no_image(AS_IMAGE(handle), WASM_MEMORY_REASON_INVALID_HANDLE);
      TYPE_FAILS(refused_from(NULL, AS_IMAGE(handle), TYPE(.initial = PAGES(1))), INVALID_HANDLE);
      TYPE_FAILS(wasm_memory_reset(memory, AS_IMAGE(handle)), INVALID_HANDLE);
      wasm_memory_image_delete(AS_IMAGE(handle));
    }
    if (!is_config) set_everything(AS_CONFIG(handle));
    if (!is_allocator) {
      CHECK(is_no_allocator(AS_ALLOCATOR(handle)));
      TYPE_FAILS(refused_in(AS_ALLOCATOR(handle), TYPE(.initial = PAGES(1))), INVALID_HANDLE);
    }
  }
  CHECK_U64(wasm_memory_buffer_byte_length(buffer), PAGE); /* no reset came through */
  wasm_memory_delete(created_from(allocator, image, TYPE(.initial = PAGES(1))));
  wasm_memory_delete(created_from(allocator, snapshot, TYPE(.initial = PAGES(1))));
  wasm_memory_buffer_delete(buffer);
  wasm_memory_allocator_delete(allocator);
  wasm_memory_config_delete(config);
  wasm_memory_image_delete(snapshot);
  wasm_memory_image_delete(image);
  wasm_memory_delete(memory);
}

TEST(retain_never_revives_an_image) {
  wasm_memory_image_t *image = pattern_image(9, 0, 1);
  wasm_memory_image_delete(image);
  for (int i = 0; i < 10; i++) CHECK_POINTER(wasm_memory_image_retain(image), NULL);
  wasm_memory_image_t *next = pattern_image(9, 0, 2);
  CHECK(next != image);
  check_no_image(image, WASM_MEMORY_REASON_INVALID_HANDLE);
  wasm_memory_image_delete(image);
  wasm_memory_t *memory = created_from(NULL, next, TYPE(.initial = PAGES(1)));
  CHECK(is_pattern(wasm_memory_data(memory), 9, 2));
  wasm_memory_delete(memory);
  wasm_memory_image_delete(next);
}

/* ---- numbers and structs ---- */

static wasm_memory_status_t refused_allocator(const wasm_memory_config_t *config) {
  wasm_memory_allocator_t *allocator = (wasm_memory_allocator_t *)POISON_POINTER;
  const wasm_memory_status_t status = wasm_memory_allocator_new(config, &allocator);
  CHECK_POINTER(allocator, NULL);
  if (status == WASM_MEMORY_OK) wasm_memory_allocator_delete(allocator);
  return status;
}

TEST(reserved_pointers) {
  for (int at = 0; at < 4; at++) {
    limiter it = {.refuses = false};
    wasm_memory_config_t *config = config_new();
    wasm_memory_limiter_t callbacks = {.context = &it, .growing = limiter_growing};
    callbacks.reserved[at] = &it;
    wasm_memory_config_set_limiter(config, &callbacks);
    TYPE_FAILS(refused_allocator(config), RESERVED_FIELD);
    callbacks.reserved[at] = NULL;
    wasm_memory_config_set_limiter(config, &callbacks);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1))));
    CHECK_U64(it.asked, 1);
    wasm_memory_allocator_delete(allocator);
  }
}

/* Whatever a setter is given, memories come out of it, or an error. */
TEST(largest_settings) {
  const uint64_t numbers[] = {0, 1, UINT32_MAX, UINT64_C(1) << 62, UINT64_MAX - 1, UINT64_MAX};
  for (size_t i = 0; i < 6; i++) {
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_keep_resident(config, numbers[i]);
    wasm_memory_config_set_kept_bytes(config, numbers[5 - i]);
    wasm_memory_config_set_quota(config, numbers[i] == 1 ? 2 : numbers[i], 0);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    for (int round = 0; round < 3; round++) {
      wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
      CHECK(all_are(wasm_memory_data(memory), 0, PAGE));
      memset(wasm_memory_data(memory), 1, PAGE);
      CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
      wasm_memory_delete(memory);
    }
    wasm_memory_allocator_trim(allocator);
    wasm_memory_allocator_delete(allocator);
  }
}

/* As a language with whole words for booleans calls: the low byte counts, and any but 0 is true. */
typedef void (*word_setter)(wasm_memory_config_t *, unsigned);
typedef void (*any_function)(void);

TEST(odd_bool_arguments) {
  const word_setter setters[] = {(word_setter)(any_function)wasm_memory_config_set_prefault, (word_setter)(any_function)wasm_memory_config_set_huge_pages};
  const unsigned odd[] = {2, 0x80, 0xFF, 0x100};
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < 4; j++) {
      wasm_memory_config_t *config = config_new();
      setters[i](config, odd[j]);
      wasm_memory_allocator_t *allocator = allocator_of(config);
      wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(16)));
      const uint64_t resident = memory_stats_of(memory).resident_bytes;
      if (i == 0 && odd[j] != 0x100) CHECK(resident >= 16 * PAGE); /* prefaulted */
      if (odd[j] == 0x100) CHECK(resident == UINT64_MAX || resident < 16 * PAGE);
      CHECK(all_are(wasm_memory_data(memory), 0, 16 * PAGE));
      wasm_memory_delete(memory);
      wasm_memory_allocator_delete(allocator);
    }
}

TEST(hostile_indexes_and_lengths) {
  const uint64_t indexes[] = {UINT32_MAX, UINT64_C(1) << 32, UINT64_C(1) << 47, UINT64_C(1) << 63, UINT64_MAX - 8, UINT64_MAX};
  for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
    wasm_memory_image_t *image = (wasm_memory_image_t *)POISON_POINTER;
    const wasm_memory_status_t status = wasm_memory_image_new((const uint8_t *)"12345678", 8, indexes[i], &image);
    CHECK(status == WASM_MEMORY_OK ? image != NULL : status == WASM_MEMORY_RANGE_ERROR && image == NULL);
    if (status == WASM_MEMORY_OK) RANGE_FAILS(refused_from(NULL, image, TYPE(.initial = PAGES(1))), IMAGE_DOES_NOT_FIT);
    wasm_memory_image_delete(image);
  }
}

HARNESS_MAIN(LISTED(null_everywhere), LISTED(dead_handles), LISTED(handles_of_another_kind), LISTED(retain_never_revives_an_image),
             LISTED(reserved_pointers), LISTED(largest_settings), LISTED(odd_bool_arguments),
             LISTED(hostile_indexes_and_lengths))
