/* Pools, images and reset at the limits of the host, each met for real in a child: a refusal says why, loses nothing, and leaves
 * no place unclean (reliability.md, facts 1 and 3 and rows 9 to 14). */
#define _GNU_SOURCE
#include "buffers.h"
#include "islands.h"
#include "tenants.h"

/* A call that the host may refuse, for one of these reasons only. */
static bool went_well(const char *file, int line, wasm_memory_status_t status, uint32_t reason, uint32_t other) {
  wasm_memory_error_t error;
  wasm_memory_last_error(&error);
  if (status == WASM_MEMORY_OK) return true;
  harness_status(file, line, "status", status, WASM_MEMORY_RANGE_ERROR);
  harness_true(file, line, "the reason is the host's limit", error.reason == reason || error.reason == other);
  if (error.reason != reason && error.reason != other) fprintf(stderr, "  reason %" PRIu32 "\n", error.reason);
  return false;
}
#define OK_OR(call, cause) \
  went_well(__FILE__, __LINE__, HARNESS_CALL(call), WASM_MEMORY_REASON_##cause, WASM_MEMORY_REASON_OUT_OF_MEMORY)

/* ---- address space ---- */

static void pool_in_little_address_space(void) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_allocator_t *allocator = (wasm_memory_allocator_t *)POISON_POINTER;
  wasm_memory_config_set_pool(config, 1000, 64 * MIB);
  limit(RLIMIT_AS, process_bytes("VmSize") + 64 * MIB);
  const wasm_memory_error_t error = RANGE_FAILS(wasm_memory_allocator_new(config, &allocator), ADDRESS_SPACE);
  CHECK_POINTER(allocator, NULL);
  CHECK(error.requested >= 1000 * 64 * MIB);
  CHECK_U64((uint64_t)error.os_error, ENOMEM);
  limit(RLIMIT_AS, UINT64_MAX);
  allocator = allocator_of(config); /* the config is as good as before */
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1000))));
  wasm_memory_allocator_delete(allocator);
}

TEST(pool_without_address_space) {
  NEEDS_HOST_COUNTS();
  in_child(pool_in_little_address_space);
}

static void images_in_little_address_space(void) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2000)));
  memset(wasm_memory_data(memory), 0x5E, 2000 * PAGE);
  uint8_t *bytes = (uint8_t *)malloc(100 * MIB);
  REQUIRE(bytes != NULL);
  memset(bytes, 0x5D, 100 * MIB);
  wasm_memory_image_t *image = NULL, *snapshot = NULL;
  wasm_memory_allocator_trim(NULL);
  limit(RLIMIT_AS, process_bytes("VmSize") + 16 * MIB);
  (void)OK_OR(wasm_memory_image_new(bytes, 100 * MIB, 0, &image), ADDRESS_SPACE);
  (void)OK_OR(wasm_memory_snapshot(memory, &snapshot), ADDRESS_SPACE);
  CHECK(all_are(wasm_memory_data(memory), 0x5E, 2000 * PAGE));
  limit(RLIMIT_AS, UINT64_MAX);
  if (image == NULL) image = image_of(bytes, 100 * MIB, 0);
  if (snapshot == NULL) snapshot = snapshot_of(memory);
  wasm_memory_t *child = created_from(NULL, image, TYPE(.initial = PAGES(2000))), *copy = created_from(NULL, snapshot, TYPE(.initial = PAGES(2000)));
  CHECK(all_are(wasm_memory_data(child), 0x5D, 100 * MIB));
  CHECK(all_are(wasm_memory_data(copy), 0x5E, 2000 * PAGE));
  wasm_memory_delete(copy);
  wasm_memory_delete(child);
  wasm_memory_image_delete(snapshot);
  wasm_memory_image_delete(image);
  wasm_memory_delete(memory);
  free(bytes);
}

TEST(images_without_address_space) {
  NEEDS_HOST_COUNTS();
  in_child(images_in_little_address_space);
}

/* ---- RLIMIT_DATA, which counts what is open ---- */

static void creations_in_little_data(void) {
  wasm_memory_image_t *image = pattern_image(1000 * PAGE, 0, 1);
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_pool(config, 2, 2000 * PAGE);
  wasm_memory_allocator_t *pool = allocator_of(config), *cache = allocator_of(config_new());
  wasm_memory_allocator_t *allocators[] = {pool, cache};
  for (size_t i = 0; i < 2; i++) {
    const tenant next = {.type = TYPE(.initial = PAGES(1)), .last = 30};
    limit(RLIMIT_DATA, process_bytes("VmData") + 8 * MIB);
    for (int round = 0; round < 3; round++) {
      RANGE_FAILS(refused_from(allocators[i], image, TYPE(.initial = PAGES(1000))), COMMIT);
      RANGE_FAILS(refused_in(allocators[i], TYPE(.initial = PAGES(1000))), COMMIT);
      wasm_memory_delete(MOVES_IN(allocators[i], &next)); /* the place of the failure, or another: clean, and usable */
    }
    CHECK_U64(stats_of(allocators[i]).memories, 0);
    CHECK_U64(stats_of(allocators[i]).accessible_bytes, 0);
    limit(RLIMIT_DATA, UINT64_MAX);
    wasm_memory_t *memory = created_from(allocators[i], image, TYPE(.initial = PAGES(1000))), *second;
    second = created_from(allocators[i], image, TYPE(.initial = PAGES(1000)));
    CHECK(is_pattern(wasm_memory_data(memory), 1000 * PAGE, 1));
    wasm_memory_delete(second);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocators[i]);
  }
  wasm_memory_image_delete(image);
}

TEST(creations_without_data) {
  NEEDS_STEADY_BASE();
  NEEDS_HOST_COUNTS();
  in_child(creations_in_little_data);
}

/* ---- vm.max_map_count ---- */

enum { KINDS = 3 };

/* A cache, a pool, and bounds that the engine checks. */
static wasm_memory_allocator_t *allocator_of_kind(int kind) {
  wasm_memory_config_t *config = config_new();
  if (kind == 1) wasm_memory_config_set_pool(config, 8, 32 * PAGE);
  if (kind == 2) wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
  wasm_memory_config_set_keep_resident(config, 65536);
  return allocator_of(config);
}

static void reset_at_the_map_count(void) {
  const tenant_image image = tenant_image_of(PAGE + 100, 4096, 3);
  wasm_memory_allocator_t *allocators[KINDS];
  wasm_memory_t *memories[KINDS];
  wasm_memory_image_t *snapshots[KINDS];
  islands filled;
  for (int i = 0; i < KINDS; i++) {
    allocators[i] = allocator_of_kind(i);
    memories[i] = created_in(allocators[i], TYPE(.initial = PAGES(4), .maximum = PAGES(20)));
    CHECK_STATUS(wasm_memory_grow(memories[i], 6, NULL), WASM_MEMORY_OK);
    memset(wasm_memory_data(memories[i]), 0x15, 10 * PAGE);
    snapshots[i] = snapshot_of(memories[i]);
  }
  fill(&filled);
  for (size_t room = 0; room < 6; room++) { /* none, and then one mapping more at a time */
    for (int i = 0; i < KINDS; i++) {
      wasm_memory_t *memory = memories[i];
      const uint64_t size = wasm_memory_size(memory);
      memset(wasm_memory_data(memory), 0x42, (size_t)(size * PAGE));
      if (OK_OR(wasm_memory_reset(memory, image.image), MAP_COUNT)) {
        CHECK_U64(wasm_memory_size(memory), 4);
        tenant_sees_only(__FILE__, __LINE__, memory, &image);
      } else {
        CHECK_U64(wasm_memory_size(memory), size);
        CHECK(all_are(wasm_memory_data(memory), 0x42, size * PAGE));
      }
      memset(wasm_memory_data(memory), 0x43, (size_t)wasm_memory_byte_length(memory));
      if (OK_OR(wasm_memory_reset(memory, snapshots[i]), MAP_COUNT)) {
        CHECK_U64(wasm_memory_size(memory), 10);
        CHECK(all_are(wasm_memory_data(memory), 0x15, 10 * PAGE));
      } else {
        CHECK(all_are(wasm_memory_data(memory), 0x43, wasm_memory_byte_length(memory)));
      }
      memset(wasm_memory_data(memory), 0x44, (size_t)wasm_memory_byte_length(memory));
      if (OK_OR(wasm_memory_reset(memory, NULL), MAP_COUNT)) CHECK(all_are(wasm_memory_data(memory), 0, 4 * PAGE));
      else CHECK(all_are(wasm_memory_data(memory), 0x44, wasm_memory_byte_length(memory)));
    }
    make_room(&filled, 1);
  }
  remove_islands(&filled);
  for (int i = 0; i < KINDS; i++) {
    const tenant next = {.type = TYPE(.initial = PAGES(1)), .last = 20};
    CHECK_STATUS(wasm_memory_reset(memories[i], snapshots[i]), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memories[i]), 0x15, 10 * PAGE));
    wasm_memory_delete(memories[i]);
    wasm_memory_delete(MOVES_IN(allocators[i], &next));
    wasm_memory_image_delete(snapshots[i]);
    wasm_memory_allocator_delete(allocators[i]);
  }
  wasm_memory_image_delete(image.image);
}

TEST(reset_without_mappings) {
  NEEDS_STEADY_BASE();
  NEEDS_THE_LIMIT();
  in_child(reset_at_the_map_count);
}

/* Memories of images go, and others come, while no mapping is to be had: a place that could not be cleaned is not given out. */
static void tenants_at_the_map_count(void) {
  enum { EACH = 6 };
  const tenant_image image = tenant_image_of(PAGE + 100, 4096, 3);
  wasm_memory_allocator_t *allocators[KINDS];
  wasm_memory_t *memories[KINDS][EACH];
  islands filled;
  for (int i = 0; i < KINDS; i++) {
    allocators[i] = allocator_of_kind(i);
    for (int j = 0; j < EACH; j++) {
      const tenant who = {.type = TYPE(.initial = PAGES(3), .maximum = PAGES(20)), .last = 3 + (uint64_t)j, .from = j % 2 == 0 ? &image : NULL};
      memories[i][j] = MOVES_IN(allocators[i], &who);
    }
  }
  fill(&filled);
  for (int j = 0; j < EACH; j++)
    for (int i = 0; i < KINDS; i++) {
      wasm_memory_delete(memories[i][j]);
      memories[i][j] = NULL;
      for (int again = 0; again < 2; again++) {
        const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(2), .maximum = PAGES(20));
        const tenant_image *from = (again + j) % 2 == 0 ? &image : &tenant_no_image;
        wasm_memory_t *next = NULL;
        if (!OK_OR(wasm_memory_new_in(allocators[i], &type, from->image, &next), MAP_COUNT)) continue;
        tenant_sees_only(__FILE__, __LINE__, next, from);
        if (OK_OR(wasm_memory_grow(next, 8, NULL), MAP_COUNT)) CHECK(all_are(wasm_memory_data(next) + 2 * PAGE, 0, 8 * PAGE));
        CHECK_SHUT(next);
        tenant_writes(next);
        wasm_memory_delete(next);
      }
    }
  remove_islands(&filled);
  for (int i = 0; i < KINDS; i++) {
    for (int j = 0; j < EACH; j++) {
      const tenant who = {.type = TYPE(.initial = PAGES(1), .maximum = PAGES(20)), .last = 20};
      memories[i][j] = MOVES_IN(allocators[i], &who); /* of a pool: no slot was lost either */
    }
    for (int j = 0; j < EACH; j++) wasm_memory_delete(memories[i][j]);
    wasm_memory_allocator_delete(allocators[i]);
  }
  wasm_memory_image_delete(image.image);
}

TEST(tenants_without_mappings) {
  NEEDS_STEADY_BASE();
  NEEDS_THE_LIMIT();
  in_child(tenants_at_the_map_count);
}

/* ---- everything locked: madvise fails everywhere, for the superuser too ---- */

static void everything_locked_in_child(void) {
  const tenant_image image = tenant_image_of(PAGE + 100, 4096, 3);
  const tenant tenants[] = {{.type = TYPE(.initial = PAGES(3), .maximum = PAGES(20)), .last = 9, .from = &image},
                            {.type = TYPE(.initial = PAGES(1), .maximum = PAGES(20)), .last = 5},
                            {.type = TYPE(.initial = PAGES(5000), .maximum = PAGES(20 * PAGE), .page_size = 1), .last = 70000}};
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
    printf("this host locks no pages\n");
    return;
  }
  for (int i = 0; i < KINDS; i++) {
    wasm_memory_allocator_t *allocator = allocator_of_kind(i);
    TAKE_TURNS(allocator, tenants);
    wasm_memory_t *memory = MOVES_IN(allocator, &tenants[0]);
    CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
    tenant_sees_only(__FILE__, __LINE__, memory, &tenant_no_image);
    tenant_grows(__FILE__, __LINE__, memory, 15);
    tenant_writes(memory);
    CHECK_STATUS(wasm_memory_reset(memory, image.image), WASM_MEMORY_OK);
    tenant_sees_only(__FILE__, __LINE__, memory, &image);
    wasm_memory_delete(memory);
    wasm_memory_allocator_trim(allocator);
    wasm_memory_delete(MOVES_IN(allocator, &tenants[1]));
    wasm_memory_allocator_delete(allocator);
  }
  wasm_memory_image_delete(image.image);
}

TEST(everything_is_locked) {
  NEEDS_HOST_COUNTS();
  in_child(everything_locked_in_child);
}

HARNESS_MAIN(LISTED(pool_without_address_space), LISTED(images_without_address_space), LISTED(creations_without_data),
             LISTED(reset_without_mappings), LISTED(tenants_without_mappings), LISTED(everything_is_locked))
