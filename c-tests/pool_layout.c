/* Where the slots of a pool lie: guards that are there, mappings that are few, places that find knows, configs that are refused
 * (design.md 3 and 6; reliability.md, rows 2, 7 and 34). */
#define _GNU_SOURCE
#include "allocators.h"
#include "places.h"
#include "process.h"

static wasm_memory_config_t *pool_config(uint32_t bounds, uint32_t slots, uint64_t slot_bytes) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_bounds(config, bounds);
  wasm_memory_config_set_pool(config, slots, slot_bytes);
  return config;
}

/* All of what the layout claims for i32: an access at any index and static offset is in the body or where nothing is open. */
static void check_elision(const wasm_memory_t *memory) {
  const wasm_memory_layout_t layout = layout_of(memory);
  if (!layout.elides_i32_checks) return;
  CHECK(layout.exact_protection);
  const uint64_t reach = (UINT64_C(1) << 32) - 1 + layout.elidable_offset + 16;
  CHECK(reach <= layout.reservation + layout.guard_after);
  uint8_t *base = wasm_memory_data(memory);
  CHECK(is_guarded(base + rounded_to_host_page(wasm_memory_byte_length(memory)), base + reach));
}

static void check_neighbours(wasm_memory_allocator_t *allocator, uint64_t slot_bytes, const uint64_t guards[2]) {
  enum { SLOTS = 4 };
  wasm_memory_t *memories[SLOTS];
  for (int i = 0; i < SLOTS; i++) memories[i] = created_in(allocator, TYPE(.initial = PAGES(i % 2 == 0 ? 0 : 1)));
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < SLOTS; i++) {
      const wasm_memory_layout_t layout = layout_of(memories[i]);
      CHECK(layout.reservation >= slot_bytes);
      CHECK(layout.guard_before >= guards[0] && layout.guard_after >= guards[1]);
      CHECK_SHUT(memories[i]);
      check_elision(memories[i]);
      for (int j = 0; j < i; j++) { /* no slot lies in another one */
        const uint8_t *low = wasm_memory_data(memories[i]), *high = wasm_memory_data(memories[j]);
        const uint64_t between = (uint64_t)(low < high ? high - low : low - high);
        CHECK(between >= slot_bytes + (guards[0] > guards[1] ? guards[0] : guards[1]));
      }
    }
    for (int i = 0; i < SLOTS; i++) { /* and then each of them full */
      CHECK_STATUS(wasm_memory_grow(memories[i], slot_bytes / PAGE - wasm_memory_size(memories[i]), NULL), WASM_MEMORY_OK);
      wasm_memory_data(memories[i])[slot_bytes - 1] = 1;
    }
  }
  for (int i = 0; i < SLOTS; i++) wasm_memory_delete(memories[i]);
}

TEST(guards_between_slots) {
  const uint64_t guards[][2] = {{0, 65536}, {0, 4096}, {65536, 65536}, {2 * MIB, 65536}, {65536, 2 * MIB}};
  for (size_t i = 0; i < 5; i++) {
    wasm_memory_config_t *config = pool_config(WASM_MEMORY_BOUNDS_GUARDED, 4, 3 * PAGE);
    wasm_memory_config_set_guards(config, guards[i][0], guards[i][1]);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    check_neighbours(allocator, 3 * PAGE, guards[i]);
    wasm_memory_allocator_delete(allocator);
  }
  const uint64_t defaults[2] = {0, 65536};
  wasm_memory_allocator_t *allocator = allocator_of(pool_config(WASM_MEMORY_BOUNDS_GUARDED, 4, 2 * PAGE));
  check_neighbours(allocator, 2 * PAGE, defaults);
  wasm_memory_allocator_delete(allocator);
}

/* Slots of the whole of i32: whatever the layout promises to compiled code holds beside full neighbours. */
TEST(slots_of_four_gibibytes) {
  wasm_memory_allocator_t *allocator = allocator_of(pool_config(WASM_MEMORY_BOUNDS_GUARDED, 3, 4 * GIB));
  wasm_memory_t *memories[3];
  for (int i = 0; i < 3; i++) memories[i] = created_in(allocator, TYPE(.initial = PAGES(i == 1 ? 1 : 65536)));
  for (int i = 0; i < 3; i++) {
    CHECK_SHUT(memories[i]);
    check_elision(memories[i]);
  }
  for (int i = 0; i < 3; i++) wasm_memory_delete(memories[i]);
  wasm_memory_allocator_delete(allocator);
}

/* A size of zero has its guard too: not one byte of an empty memory is open, nor of one whose maximum is 0. */
TEST(empty_memories_are_shut) {
  wasm_memory_allocator_t *allocator = allocator_of(pool_config(WASM_MEMORY_BOUNDS_GUARDED, 2, 2 * PAGE));
  wasm_memory_t *full = created_in(allocator, TYPE(.initial = PAGES(2)));
  for (int round = 0; round < 3; round++) {
    wasm_memory_t *empty = created_in(allocator, TYPE(.initial = PAGES(0), .maximum = PAGES(0)));
    CHECK_SHUT(empty);
    CHECK(is_out_of_reach(wasm_memory_data(empty)));
    wasm_memory_delete(empty);
    memset(wasm_memory_data(full), 1, 2 * PAGE);
    wasm_memory_delete(full);
    full = created_in(allocator, TYPE(.initial = PAGES(2)));
  }
  wasm_memory_delete(full);
  wasm_memory_allocator_delete(allocator);
}

/* Slots that are no multiple of any page: at least the bytes that were asked for, at most the host page more. */
TEST(odd_slot_sizes) {
  const uint64_t sizes[] = {1, 4095, 4097, PAGE - 1, PAGE + 1, 3 * PAGE + 77};
  for (uint32_t bounds = 0; bounds < 2; bounds++)
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
      wasm_memory_allocator_t *allocator = allocator_of(pool_config(bounds, 3, sizes[i]));
      wasm_memory_t *memories[3];
      for (int j = 0; j < 3; j++) {
        memories[j] = created_in(allocator, TYPE(.initial = PAGES(0), .page_size = 1));
        CHECK_STATUS(wasm_memory_grow(memories[j], sizes[i], NULL), WASM_MEMORY_OK);
        memset(wasm_memory_data(memories[j]), j + 1, (size_t)sizes[i]);
        RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(rounded_to_host_page(sizes[i]) + 1), .page_size = 1)), SLOT_SIZE);
      }
      for (int j = 0; j < 3; j++) {
        CHECK(all_are(wasm_memory_data(memories[j]), (uint8_t)(j + 1), sizes[i]));
        CHECK_SHUT(memories[j]);
        wasm_memory_delete(memories[j]);
      }
      wasm_memory_allocator_delete(allocator);
    }
}

/* ---- mappings ---- */

static uint64_t mappings_of_full_pool(uint32_t bounds, uint32_t slots) {
  const uint64_t before = mapping_count();
  wasm_memory_t **memories = (wasm_memory_t **)calloc(slots, sizeof *memories);
  wasm_memory_allocator_t *allocator = allocator_of(pool_config(bounds, slots, 4 * PAGE));
  REQUIRE(memories != NULL);
  for (uint32_t i = 0; i < slots; i++) {
    memories[i] = created_in(allocator, TYPE(.initial = PAGES(1)));
    wasm_memory_data(memories[i])[i % PAGE] = 1;
  }
  for (uint32_t i = 0; i < slots; i += 2) CHECK_STATUS(wasm_memory_grow(memories[i], 3, NULL), WASM_MEMORY_OK);
  const uint64_t taken = mapping_count() - before;
  for (uint32_t i = 0; i < slots; i++) wasm_memory_delete(memories[i]);
  wasm_memory_allocator_delete(allocator);
  free(memories);
  return taken;
}

TEST(checked_pool_is_one_mapping) {
  NEEDS_HOST_COUNTS();
  struct rlimit data;
  if (getrlimit(RLIMIT_DATA, &data) != 0 || data.rlim_cur != RLIM_INFINITY) SKIP("the host charges for bytes that nobody touched");
  const uint64_t few = mappings_of_full_pool(WASM_MEMORY_BOUNDS_CHECKED, 2);
  const uint64_t many = mappings_of_full_pool(WASM_MEMORY_BOUNDS_CHECKED, 1000);
  CHECK(many <= few + 16); /* the heap of 1000 handles may take a few */
  if (many > few + 16) fprintf(stderr, "  %" PRIu64 " mappings for 2 slots, %" PRIu64 " for 1000\n", few, many);
}

TEST(pool_gives_all_of_it_back) {
  NEEDS_HOST_COUNTS();
  for (uint32_t bounds = 0; bounds < 2; bounds++) {
    (void)mappings_of_full_pool(bounds, 50); /* what the library needs for itself, it has */
    const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
    for (int i = 0; i < 5; i++) (void)mappings_of_full_pool(bounds, 50);
    check_back_to(mappings, address_space, 4);
  }
}

/* ---- find ---- */

TEST(find_works_in_slots) {
  for (uint32_t bounds = 0; bounds < 2; bounds++) {
    wasm_memory_config_t *config = pool_config(bounds, 3, 4 * PAGE);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    wasm_memory_t *memories[3];
    for (int i = 0; i < 3; i++) memories[i] = created_in(allocator, TYPE(.initial = PAGES(1)));
    for (int i = 0; i < 3; i++) { /* a shared guard is one of two neighbours': bodies and reservations are not */
      uint8_t *base = wasm_memory_data(memories[i]);
      CHECK_FOUND(base, memories[i], 0, WASM_MEMORY_ZONE_BODY);
      CHECK_FOUND(base + PAGE - 1, memories[i], PAGE - 1, WASM_MEMORY_ZONE_BODY);
      CHECK_FOUND(base + PAGE, memories[i], PAGE, WASM_MEMORY_ZONE_RESERVED);
      CHECK_FOUND(base + 4 * PAGE - 1, memories[i], 4 * PAGE - 1, WASM_MEMORY_ZONE_RESERVED);
      CHECK_STATUS(wasm_memory_grow(memories[i], 1, NULL), WASM_MEMORY_OK);
      CHECK_FOUND(base + PAGE, memories[i], PAGE, WASM_MEMORY_ZONE_BODY);
    }
    uint8_t *bases[3];
    for (int i = 0; i < 3; i++) bases[i] = wasm_memory_data(memories[i]);
    wasm_memory_delete(memories[1]); /* free, and its pages still there: not found */
    const uint64_t offsets[] = {0, 1, PAGE, 2 * PAGE, 4 * PAGE - 1};
    for (size_t i = 0; i < 5; i++) CHECK_NOT_FOUND(bases[1] + offsets[i]);
    CHECK_FOUND(bases[0], memories[0], 0, WASM_MEMORY_ZONE_BODY);
    CHECK_FOUND(bases[2] + 1, memories[2], 1, WASM_MEMORY_ZONE_BODY);
    memories[1] = created_in(allocator, TYPE(.initial = PAGES(0)));
    CHECK_FOUND(wasm_memory_data(memories[1]), memories[1], 0, WASM_MEMORY_ZONE_RESERVED);
    for (int i = 0; i < 3; i++) wasm_memory_delete(memories[i]);
    for (int i = 0; i < 3; i++) CHECK_NOT_FOUND(bases[i]);
    wasm_memory_allocator_delete(allocator);
  }
}

/* ---- affinity ---- */

/* Among free slots the one that had this image last is taken: in whichever order they became free. */
TEST(slot_of_the_same_image) {
  enum { SLOTS = 4 };
  wasm_memory_allocator_t *allocator = allocator_of(pool_config(WASM_MEMORY_BOUNDS_GUARDED, SLOTS, 4 * PAGE));
  wasm_memory_image_t *images[SLOTS];
  uint8_t *bases[SLOTS];
  for (int i = 0; i < SLOTS; i++) images[i] = pattern_image(2 * PAGE, 0, (uint8_t)(i + 1));
  for (int round = 0; round < 6; round++) {
    wasm_memory_t *memories[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
      const int which = (round + i * 3) % SLOTS;
      memories[which] = created_from(allocator, images[which], TYPE(.initial = PAGES(2)));
      if (round == 0) bases[which] = wasm_memory_data(memories[which]);
      CHECK_POINTER(wasm_memory_data(memories[which]), bases[which]);
      CHECK(is_pattern(wasm_memory_data(memories[which]), 2 * PAGE, (uint8_t)(which + 1)));
      memset(wasm_memory_data(memories[which]), 0xEE, 2 * PAGE);
    }
    for (int i = 0; i < SLOTS; i++) wasm_memory_delete(memories[(round / 2 + i) % SLOTS]);
  }
  for (int i = 0; i < SLOTS; i++) wasm_memory_image_delete(images[i]);
  wasm_memory_allocator_delete(allocator);
}

/* ---- configs ---- */

static wasm_memory_status_t refused_allocator(wasm_memory_config_t *config) {
  wasm_memory_allocator_t *allocator = (wasm_memory_allocator_t *)POISON_POINTER;
  const wasm_memory_status_t status = wasm_memory_allocator_new(config, &allocator);
  CHECK_POINTER(allocator, NULL);
  if (status == WASM_MEMORY_OK) wasm_memory_allocator_delete(allocator);
  wasm_memory_config_delete(config);
  return status;
}

TEST(no_slots) {
  CHECK_STATUS(refused_allocator(pool_config(WASM_MEMORY_BOUNDS_GUARDED, 0, PAGE)), WASM_MEMORY_TYPE_ERROR);
  CHECK_STATUS(refused_allocator(pool_config(WASM_MEMORY_BOUNDS_CHECKED, 0, 0)), WASM_MEMORY_TYPE_ERROR);
  CHECK_STATUS(refused_allocator(pool_config(WASM_MEMORY_BOUNDS_GUARDED, 0, UINT64_MAX)), WASM_MEMORY_TYPE_ERROR);
}

TEST(sizes_that_overflow) {
  const struct { uint32_t slots; uint64_t bytes; } pools[] = {{1, UINT64_MAX}, {2, UINT64_C(1) << 63}, {UINT32_MAX, UINT64_C(1) << 40},
                                                              {3, UINT64_MAX / 3}, {65536, (UINT64_C(1) << 48) - 1}};
  for (uint32_t bounds = 0; bounds < 2; bounds++)
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
      wasm_memory_config_t *config = pool_config(bounds, pools[i].slots, pools[i].bytes);
      wasm_memory_config_set_guards(config, 65536, 65536);
      CHECK_STATUS(refused_allocator(config), WASM_MEMORY_RANGE_ERROR);
    }
}

HARNESS_MAIN(LISTED(guards_between_slots), LISTED(slots_of_four_gibibytes), LISTED(empty_memories_are_shut), LISTED(odd_slot_sizes),
             LISTED(checked_pool_is_one_mapping), LISTED(pool_gives_all_of_it_back), LISTED(find_works_in_slots),
             LISTED(slot_of_the_same_image), LISTED(no_slots), LISTED(sizes_that_overflow))
