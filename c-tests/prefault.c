/* Prefaulting makes the initial pages resident, huge pages are as good as others, and nobody gets them unasked (design.md 6). */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "process.h"
#include "tenants.h"

static wasm_memory_config_t *prefaulting(uint32_t bounds) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_bounds(config, bounds);
  wasm_memory_config_set_prefault(config, true);
  return config;
}

static uint64_t resident_bytes(uint8_t *bytes, uint64_t length) {
  static unsigned char pages[1 << 16];
  uint64_t resident = 0;
  REQUIRE(length / host_page() <= sizeof pages);
  REQUIRE(mincore(bytes, (size_t)length, pages) == 0);
  for (uint64_t i = 0; i < length / host_page(); i++) resident += (pages[i] & 1) != 0 ? host_page() : 0;
  return resident;
}

TEST(initial_pages_are_resident) {
  NEEDS_HOST_COUNTS();
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(20)), TYPE(.initial = PAGES(20), .maximum = PAGES(40), .shared = true),
                                            TYPE(.initial = PAGES(20), .address = I64), TYPE(.initial = PAGES(20 * PAGE - 5), .page_size = 1)};
  for (uint32_t bounds = 0; bounds < 2; bounds++)
    for (uint32_t slots = 0; slots < 2; slots++)
      for (size_t i = 0; i < 4; i++)
        for (int round = 0; round < 2; round++) {
          wasm_memory_config_t *config = prefaulting(bounds);
          if (slots > 0) wasm_memory_config_set_pool(config, slots, 64 * PAGE);
          wasm_memory_allocator_t *allocator = allocator_of(config);
          wasm_memory_delete(created_in(allocator, types[i])); /* the second one of a place as well as the first */
          wasm_memory_t *memory = created_in(allocator, types[i]);
          uint8_t *bytes = wasm_memory_data(memory);
          CHECK_U64(resident_bytes(bytes, 20 * PAGE), 20 * PAGE);
          CHECK(all_are(bytes, 0, 20 * PAGE));
          if (bounds == WASM_MEMORY_BOUNDS_CHECKED) CHECK_U64(resident_bytes(bytes + 24 * PAGE, 16 * PAGE), 0); /* no more than those */
          wasm_memory_delete(memory);
          wasm_memory_allocator_delete(allocator);
        }
}

TEST(not_without_being_asked) {
  NEEDS_HOST_COUNTS();
  wasm_memory_config_t *config = prefaulting(WASM_MEMORY_BOUNDS_GUARDED);
  wasm_memory_config_set_prefault(config, false);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(20)));
  CHECK_U64(resident_bytes(wasm_memory_data(memory), 20 * PAGE), 0);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* An image keeps its bytes, nothing at all has nothing to be resident, and what cannot be is no crash. */
TEST(prefault_of_images_and_of_nothing) {
  for (uint32_t bounds = 0; bounds < 2; bounds++) {
    wasm_memory_allocator_t *allocator = allocator_of(prefaulting(bounds));
    const tenant_image image = tenant_image_of(PAGE + 77, 100, 3);
    const tenant tenants[] = {{.type = TYPE(.initial = PAGES(2)), .last = 4, .from = &image}, {.type = TYPE(.initial = PAGES(0)), .last = 2},
                              {.type = TYPE(.initial = PAGES(3), .page_size = 1), .last = 5000}, {.type = TYPE(.initial = PAGES(9)), .last = 9}};
    TAKE_TURNS(allocator, tenants);
    wasm_memory_image_delete(image.image);
    wasm_memory_allocator_delete(allocator);
  }
}

static void without_madvise(void) {
  wasm_memory_allocator_t *allocator = allocator_of(prefaulting(WASM_MEMORY_BOUNDS_GUARDED));
  if (!refuse_calls(REFUSE_MADVISE)) return;
  for (int i = 0; i < 3; i++) {
    const tenant who = {.type = TYPE(.initial = PAGES(3)), .last = 5};
    wasm_memory_delete(MOVES_IN(allocator, &who));
  }
  wasm_memory_allocator_delete(allocator);
}

TEST(prefault_when_madvise_is_refused) {
  NEEDS_REFUSED_CALLS();
  in_child(without_madvise);
}

/* ---- huge pages ---- */

/* The sum of a field such as "AnonHugePages:" over the mappings that lie in the range. */
static uint64_t mapped_bytes(const char *field, const uint8_t *begin, uint64_t length) {
  uint64_t sum = 0, kib;
  bool inside = false;
  char line[512];
  FILE *maps = fopen("/proc/self/smaps", "r");
  REQUIRE(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long from, to;
    if (sscanf(line, "%lx-%lx %*4s", &from, &to) == 2 && strchr(line, '-') < strchr(line, ' '))
      inside = from < (uintptr_t)begin + length && to > (uintptr_t)begin;
    else if (inside && strncmp(line, field, strlen(field)) == 0 && sscanf(line + strlen(field), "%" SCNu64, &kib) == 1)
      sum += kib * 1024;
  }
  fclose(maps);
  return sum;
}

TEST(memories_of_huge_pages) {
  for (uint32_t bounds = 0; bounds < 2; bounds++)
    for (uint32_t slots = 0; slots < 2; slots++) {
      wasm_memory_config_t *config = config_new();
      wasm_memory_config_set_bounds(config, bounds);
      wasm_memory_config_set_huge_pages(config, true);
      wasm_memory_config_set_keep_resident(config, slots * MIB);
      if (slots > 0) wasm_memory_config_set_pool(config, slots, 128 * PAGE);
      wasm_memory_allocator_t *allocator = allocator_of(config);
      const tenant tenants[] = {{.type = TYPE(.initial = PAGES(1)), .last = 128}, {.type = TYPE(.initial = PAGES(1)), .last = 2},
                                {.type = TYPE(.initial = PAGES(33)), .last = 33}};
      TAKE_TURNS(allocator, tenants);
      wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(128)));
      memset(wasm_memory_data(memory), 1, 128 * PAGE);
      CHECK_STATUS(wasm_memory_discard(memory, 3 * PAGE, 70 * PAGE), WASM_MEMORY_OK); /* in the middle of some */
      CHECK(all_are(wasm_memory_data(memory), 1, 3 * PAGE) && all_are(wasm_memory_data(memory) + 3 * PAGE, 0, 70 * PAGE));
      CHECK(all_are(wasm_memory_data(memory) + 73 * PAGE, 1, 55 * PAGE));
      wasm_memory_delete(memory);
      wasm_memory_allocator_delete(allocator);
    }
}

/* One byte touched is one small page resident: open ranges of gibibytes must not become huge pages by themselves. */
TEST(no_huge_pages_unasked) {
  NEEDS_HOST_COUNTS();
  for (uint32_t slots = 0; slots < 2; slots++) {
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
    if (slots > 0) wasm_memory_config_set_pool(config, slots, 512 * PAGE);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(512)));
    uint8_t *bytes = wasm_memory_data(memory);
    for (uint64_t at = 0; at < 512 * PAGE; at += 2 * MIB) bytes[at] = 1;
    CHECK_U64(resident_bytes(bytes, 512 * PAGE), 16 * host_page());
    memset(bytes, 1, 512 * PAGE);
    CHECK_U64(mapped_bytes("AnonHugePages:", bytes, 512 * PAGE), 0);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocator);
  }
}

HARNESS_MAIN(LISTED(initial_pages_are_resident), LISTED(not_without_being_asked), LISTED(prefault_of_images_and_of_nothing),
             LISTED(prefault_when_madvise_is_refused), LISTED(memories_of_huge_pages), LISTED(no_huge_pages_unasked))
