/* Reuse without being asked: what a deleted memory leaves is kept for the next one, and is no part of anything meanwhile
 * (design.md 3, 6 and 8). */
#define _GNU_SOURCE
#include "buffers.h"
#include "places.h"
#include "process.h"
#include "tenants.h"

static wasm_memory_allocator_t *keeping(uint32_t bounds, uint32_t slots, uint64_t keep_resident) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_bounds(config, bounds);
  if (slots > 0) wasm_memory_config_set_pool(config, slots, 16 * PAGE);
  wasm_memory_config_set_keep_resident(config, keep_resident);
  return allocator_of(config);
}

TEST(next_memory_reuses) {
  NEEDS_STEADY_BASE();
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(1)), TYPE(.initial = PAGES(2), .maximum = PAGES(5)),
                                            TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true),
                                            TYPE(.initial = PAGES(9), .page_size = 1), TYPE(.initial = PAGES(1), .address = I64)};
  for (uint32_t bounds = 0; bounds < 2; bounds++)
    for (size_t i = 0; i < 5; i++) {
      wasm_memory_allocator_t *allocator = keeping(bounds, 0, MIB);
      for (uint64_t round = 0; round < 5; round++) {
        wasm_memory_delete(created_in(allocator, types[i]));
        CHECK_U64(stats_of(allocator).reuses, round);
        CHECK_U64(stats_of(allocator).creations, round + 1);
      }
      wasm_memory_allocator_delete(allocator);
    }
}

TEST(default_allocator_reuses) {
  NEEDS_STEADY_BASE();
  wasm_memory_allocator_trim(NULL);
  wasm_memory_delete(created(TYPE(.initial = PAGES(1), .maximum = PAGES(1))));
  const uint64_t reuses = stats_of(NULL).reuses;
  wasm_memory_delete(created(TYPE(.initial = PAGES(1), .maximum = PAGES(1))));
  CHECK_U64(stats_of(NULL).reuses, reuses + 1);
}

/* ---- no system call when there need be none ---- */

static wasm_memory_allocator_t *quiet;
static wasm_memory_descriptor_t quiet_type;

static void cycles_in_child(void) {
#if CAN_REFUSE_CALLS
  for (int i = 0; i < 4; i++) {
    wasm_memory_t *memory = created_in(quiet, quiet_type);
    memset(wasm_memory_data(memory), 0x11, (size_t)wasm_memory_byte_length(memory));
    wasm_memory_delete(memory);
  }
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) { /* from here on all but read, write and exit kill */
    printf("no seccomp: %s\n", strerror(errno));
    return;
  }
  for (int i = 0; i < 2000; i++) {
    wasm_memory_t *memory = NULL;
    CHECK_STATUS(wasm_memory_new_in(quiet, &quiet_type, NULL, &memory), WASM_MEMORY_OK);
    uint8_t *bytes = wasm_memory_data(memory);
    const uint64_t length = wasm_memory_byte_length(memory);
    CHECK(all_are(bytes, 0, length));
    memset(bytes, i % 255 + 1, (size_t)length);
    wasm_memory_delete(memory);
  }
  syscall(SYS_exit, harness_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
#endif
}

static void check_quiet(wasm_memory_allocator_t *allocator, wasm_memory_descriptor_t type) {
  quiet = allocator;
  quiet_type = type;
  in_child(cycles_in_child);
}

TEST(small_memories_cost_no_system_call) {
  NEEDS_STEADY_BASE();
  NEEDS_HOST_COUNTS();
  NEEDS_REFUSED_CALLS();
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(1)), TYPE(.initial = PAGES(2), .maximum = PAGES(5)),
                                            TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true),
                                            TYPE(.initial = PAGES(100), .page_size = 1)};
  /* In CHECKED bounds a tenant could write to all of the reservation: there the kernel has to be asked. */
  for (uint32_t slots = 0; slots <= 2; slots += 2) {
    wasm_memory_allocator_t *allocator = keeping(WASM_MEMORY_BOUNDS_GUARDED, slots, MIB);
    for (size_t i = 0; i < 4; i++) {
      const unsigned long failures = harness_failures;
      check_quiet(allocator, types[i]);
      if (harness_failures != failures) fprintf(stderr, "  %u slots, type %zu\n", slots, i);
    }
    wasm_memory_allocator_delete(allocator);
  }
  check_quiet(NULL, types[0]);
}

/* ---- what is kept is nobody's ---- */

TEST(kept_ranges_are_not_found) {
  NEEDS_STEADY_BASE();
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(1)), TYPE(.initial = PAGES(2), .maximum = PAGES(5)),
                                            TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true)};
  for (uint32_t bounds = 0; bounds < 2; bounds++)
    for (size_t i = 0; i < 3; i++) {
      wasm_memory_allocator_t *allocator = keeping(bounds, 0, MIB);
      wasm_memory_t *memory = created_in(allocator, types[i]);
      const places it = places_of(memory);
      CHECK_PLACES(memory);
      wasm_memory_delete(memory);
      CHECK_NO_PLACES(&it);
      memory = created_in(allocator, types[i]);
      CHECK_PLACES(memory);
      wasm_memory_delete(memory);
      wasm_memory_allocator_delete(allocator);
      CHECK_NO_PLACES(&it);
    }
}

TEST(next_memory_is_new_in_all_else) {
  for (uint32_t slots = 0; slots < 2; slots++) {
    wasm_memory_allocator_t *allocator = keeping(WASM_MEMORY_BOUNDS_GUARDED, slots, MIB);
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(7)));
    wasm_memory_set_user_data(memory, &memory);
    wasm_memory_buffer_t *buffer = resizable_of(memory);
    CHECK_STATUS(wasm_memory_grow(memory, 4, NULL), WASM_MEMORY_OK);
    wasm_memory_buffer_delete(buffer);
    wasm_memory_delete(memory);
    memory = created_in(allocator, TYPE(.initial = PAGES(2), .address = I64));
    CHECK_POINTER(wasm_memory_user_data(memory), NULL);
    CHECK_U64(wasm_memory_size(memory), 2);
    CHECK_U64(wasm_memory_view(memory)->byte_length, 2 * PAGE);
    CHECK_POINTER(wasm_memory_view(memory)->base, wasm_memory_data(memory));
    const wasm_memory_descriptor_t type = type_of(memory);
    CHECK(type.address == I64 && !type.maximum.present && !type.shared && type.initial.pages == 2);
    buffer = buffer_of(memory);
    CHECK_FIXED(buffer, memory, 2 * PAGE);
    wasm_memory_buffer_delete(buffer);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocator);
  }
}

/* Bytes that a buffer holds are not given to the next memory. */
TEST(held_bytes_are_not_reused) {
  wasm_memory_allocator_t *allocator = keeping(WASM_MEMORY_BOUNDS_GUARDED, 0, MIB);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1))), *others[8];
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  uint8_t *bytes = wasm_memory_buffer_data(buffer);
  memset(bytes, 0x3C, PAGE);
  wasm_memory_delete(memory);
  for (int i = 0; i < 8; i++) {
    others[i] = created_in(allocator, TYPE(.initial = PAGES(1)));
    CHECK(wasm_memory_data(others[i]) != bytes);
    memset(wasm_memory_data(others[i]), 0xC3, PAGE);
  }
  CHECK(all_are(bytes, 0x3C, PAGE));
  for (int i = 0; i < 8; i++) wasm_memory_delete(others[i]);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_allocator_delete(allocator);
}

/* A stale handle of the former tenant reaches nothing of the next one. */
TEST(old_handles_stay_dead) {
  wasm_memory_allocator_t *allocator = keeping(WASM_MEMORY_BOUNDS_GUARDED, 1, MIB);
  wasm_memory_t *old = created_in(allocator, TYPE(.initial = PAGES(1)));
  wasm_memory_delete(old);
  wasm_memory_t *next = created_in(allocator, TYPE(.initial = PAGES(1)));
  TYPE_FAILS(wasm_memory_grow(old, 1, NULL), INVALID_HANDLE);
  TYPE_FAILS(wasm_memory_reset(old, NULL), INVALID_HANDLE);
  wasm_memory_delete(old);
  CHECK_POINTER(wasm_memory_data(old), NULL);
  CHECK_U64(wasm_memory_size(next), 1);
  wasm_memory_delete(next);
  wasm_memory_allocator_delete(allocator);
}

/* Sizes, types and images in turn, thousands of times: the process does not grow by it. */
TEST(churn_does_not_accumulate) {
  NEEDS_HOST_COUNTS();
  wasm_memory_image_t *image = pattern_image(PAGE, 0, 1);
  wasm_memory_allocator_t *allocator = keeping(WASM_MEMORY_BOUNDS_GUARDED, 0, 65536);
  uint64_t mappings = 0, address_space = 0;
  for (uint64_t i = 0; i < 3000; i++) {
    if (i == 1000) {
      mappings = mapping_count();
      address_space = process_bytes("VmSize");
    }
    const bool shared = i % 5 == 0, from_image = i % 3 == 0;
    wasm_memory_t *first = created_from(allocator, from_image ? image : NULL,
                                        TYPE(.initial = PAGES(1 + i % 4), .maximum = PAGES(8 + i % 7), .shared = shared));
    wasm_memory_t *second = created_in(allocator, TYPE(.initial = PAGES(i % 3)));
    CHECK_STATUS(wasm_memory_grow(first, i % 3, NULL), WASM_MEMORY_OK);
    wasm_memory_data(first)[i % PAGE] = 1;
    wasm_memory_delete(first);
    wasm_memory_delete(second);
  }
  /* What is kept may come and go; twice the mappings of a full cache, or the reservations of a few, would be a leak. */
  CHECK(mapping_count() <= mappings + 64);
  CHECK(process_bytes("VmSize") <= address_space + 64 * GIB);
  wasm_memory_image_delete(image);
  wasm_memory_allocator_delete(allocator);
}

HARNESS_MAIN(LISTED(next_memory_reuses), LISTED(default_allocator_reuses), LISTED(small_memories_cost_no_system_call),
             LISTED(kept_ranges_are_not_found), LISTED(next_memory_is_new_in_all_else), LISTED(held_bytes_are_not_reused),
             LISTED(old_handles_stay_dead), LISTED(churn_does_not_accumulate))
