/* What went wrong in other implementations of linear memory, one test each, named after the advisory or the issue. The table is
 * docs/advisories.md, which also says of the others why they cannot happen here. */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#include "buffers.h"
#include "places.h"
#include "process.h"
#include "tenants.h"
#include "wasm_memory_access.h"

#define OUT_OF_BOUNDS(call) CHECK_FAILS(call, WASM_MEMORY_RUNTIME_ERROR, WASM_MEMORY_REASON_OUT_OF_BOUNDS)

static wasm_memory_allocator_t *pool_of(uint32_t slots, uint64_t pages, uint64_t guard) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_pool(config, slots, pages * PAGE);
  wasm_memory_config_set_guards(config, 0, guard);
  return allocator_of(config);
}

static wasm_memory_allocator_t *movable_of(uint64_t pages) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, pages * PAGE);
  wasm_memory_config_set_movable(config, true);
  return allocator_of(config);
}

/* ---- what a place leaves to its next tenant ---- */

/* Wasmtime: with 0 pages at most in the pool's config there was no guard, which compiled code counted on. */
TEST(cve_2022_39392_no_guard_behind_nothing) {
  wasm_memory_allocator_t *allocators[] = {NULL, allocator_of(config_new()), pool_of(2, 1, PAGE)};
  for (size_t i = 0; i < 3; i++) {
    wasm_memory_t *memory = created_in(allocators[i], TYPE(.initial = PAGES(0), .maximum = PAGES(0)));
    const wasm_memory_layout_t layout = layout_of(memory);
    uint8_t *base = wasm_memory_data(memory);
    CHECK(layout.guard_after >= PAGE);
    CHECK(is_guarded(base, base + layout.reservation + layout.guard_after));
    CHECK(is_out_of_reach(base));
    CHECK_FAILS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocators[i]);
  }
}

/* Wasmtime: a slot last used with an image kept it for a tenant that had none. */
TEST(cve_2022_39393_image_of_the_former_tenant) {
  const tenant_image images[] = {tenant_image_of(2 * PAGE, 0, 1), tenant_image_of(5000, 70000, 2), {.image = NULL}};
  wasm_memory_allocator_t *allocator = pool_of(1, 8, PAGE);
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 3; j++) {
      const tenant former = {.type = TYPE(.initial = PAGES(2), .maximum = PAGES(8)), .last = 5, .from = &images[i]};
      const tenant next = {.type = TYPE(.initial = PAGES(2), .maximum = PAGES(8)), .last = 8, .from = &images[j]};
      wasm_memory_delete(created_from(allocator, images[i].image, TYPE(.initial = PAGES(2), .maximum = PAGES(8)))); /* untouched */
      wasm_memory_delete(MOVES_IN(allocator, &next));
      wasm_memory_delete(MOVES_IN(allocator, &former));
      wasm_memory_delete(MOVES_IN(allocator, &next));
    }
  wasm_memory_allocator_delete(allocator);
  for (size_t i = 0; i < 3; i++) wasm_memory_image_delete(images[i].image);
}

/* Wasmtime: what the former tenant had grown to stayed accessible, where bounds checks could not be left out. */
TEST(cve_2026_34988_access_of_the_former_tenant) {
  for (int guard = 0; guard < 2; guard++)
    for (int bytes = 0; bytes < 2; bytes++) {
      wasm_memory_allocator_t *allocator = pool_of(1, 8, guard == 0 ? 0 : PAGE);
      const uint32_t page_size = bytes == 1 ? 1 : 65536;
      const uint64_t few = PAGE / page_size, all = 8 * few;
      wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(few), .maximum = PAGES(all), .page_size = page_size));
      CHECK_STATUS(wasm_memory_grow(memory, all - few, NULL), WASM_MEMORY_OK);
      memset(wasm_memory_data(memory), TENANT_BYTE, 8 * PAGE);
      wasm_memory_delete(memory);
      memory = created_in(allocator, TYPE(.initial = PAGES(few), .maximum = PAGES(all), .page_size = page_size));
      for (uint64_t at = PAGE; at < 8 * PAGE; at += host_page()) CHECK(is_out_of_reach(wasm_memory_data(memory) + at));
      CHECK_STATUS(wasm_memory_grow(memory, all - few, NULL), WASM_MEMORY_OK);
      CHECK(all_are(wasm_memory_data(memory), 0, 8 * PAGE));
      wasm_memory_delete(memory);
      wasm_memory_allocator_delete(allocator);
    }
}

/* Wasmtime: an instantiation that failed in a pool dropped what was not there yet. Here: the slot is free again, and clean. */
TEST(cve_2022_23636_creation_that_fails_in_a_pool) {
  wasm_memory_allocator_t *allocator = pool_of(2, 4, PAGE);
  const tenant next = {.type = TYPE(.initial = PAGES(1), .maximum = PAGES(4)), .last = 4};
  wasm_memory_image_t *late = pattern_image(100, 3 * PAGE, 1); /* ends behind the initial size */
  for (int round = 0; round < 10; round++) {
    CHECK_STATUS(refused_from(allocator, late, TYPE(.initial = PAGES(1))), WASM_MEMORY_RANGE_ERROR);
    CHECK_STATUS(refused_in(allocator, TYPE(.initial = PAGES(5))), WASM_MEMORY_RANGE_ERROR);
    CHECK_STATUS(refused_in(allocator, TYPE(.initial = PAGES(3), .maximum = PAGES(2))), WASM_MEMORY_RANGE_ERROR);
    CHECK_U64(stats_of(allocator).memories, 0);
    wasm_memory_t *one = MOVES_IN(allocator, &next), *other = MOVES_IN(allocator, &next);
    CHECK_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_POOL_EXHAUSTED);
    wasm_memory_delete(one);
    wasm_memory_delete(other);
  }
  wasm_memory_image_delete(late);
  wasm_memory_allocator_delete(allocator);
}

static wasm_memory_allocator_t *one_slot;

static void *take_turns_in_one_slot(void *argument) {
  const uint8_t own = (uint8_t)(uintptr_t)argument;
  const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1), .maximum = PAGES(2));
  for (int round = 0; round < 3000; round++) {
    wasm_memory_t *memory;
    if (wasm_memory_new_in(one_slot, &type, NULL, &memory) != WASM_MEMORY_OK) continue;
    uint8_t *bytes = wasm_memory_data(memory);
    CHECK(bytes[0] == 0 && bytes[PAGE - 1] == 0);
    bytes[0] = bytes[PAGE - 1] = own;
    CHECK(bytes[0] == own && bytes[PAGE - 1] == own);
    wasm_memory_delete(memory);
  }
  return NULL;
}

/* lucet: the slot was given back before the rest of the instance was gone, and another thread had it by then. */
TEST(cve_2021_43790_slot_given_back_too_early) {
  pthread_t threads[4];
  one_slot = pool_of(1, 2, PAGE);
  for (uintptr_t i = 0; i < 4; i++) REQUIRE(pthread_create(&threads[i], NULL, take_turns_in_one_slot, (void *)(i + 1)) == 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  CHECK_U64(stats_of(one_slot).memories, 0);
  wasm_memory_allocator_delete(one_slot);
}

/* WAMR: pages of the platform's mmap were taken for zero, and were not. The heap here hands out what it was given back. */
static uint8_t heap_block[8 * 65536 + 16];
static void *dirty_block(void *context, size_t size, size_t alignment) {
  (void)context;
  uintptr_t at = ((uintptr_t)heap_block + alignment - 1) / alignment * alignment;
  return size <= 8 * PAGE ? (void *)at : NULL;
}
static void leave_block(void *context, void *block, size_t size, size_t alignment) { (void)context, (void)block, (void)size, (void)alignment; }

static wasm_memory_allocator_t *heap_of(wasm_memory_host_heap_t heap) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_backend(config, WASM_MEMORY_BACKEND_HEAP);
  wasm_memory_config_set_host_heap(config, &heap);
  return allocator_of(config);
}

TEST(wamr_3132_fresh_memory_is_not_zero) {
  wasm_memory_allocator_t *allocator = heap_of((wasm_memory_host_heap_t){.allocate = dirty_block, .deallocate = leave_block});
  for (int round = 0; round < 3; round++) {
    memset(heap_block, TENANT_BYTE, sizeof heap_block);
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(8)));
    CHECK(all_are(wasm_memory_data(memory), 0, 2 * PAGE));
    CHECK_STATUS(wasm_memory_grow(memory, 6, NULL), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memory), 0, 8 * PAGE));
    wasm_memory_delete(memory);
  }
  wasm_memory_allocator_delete(allocator);
}

/* ---- who uses what, from the C side ---- */

/* Wasmtime: a shared memory could be had by the functions for unshared ones, as plain bytes. */
TEST(cve_2025_64345_shared_memory_by_the_unshared_functions) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(4), .shared = true));
  wasm_memory_image_t *image = (wasm_memory_image_t *)POISON_POINTER;
  wasm_memory_buffer_t *growable = resizable_of(memory);
  TYPE_FAILS(wasm_memory_snapshot(memory, &image), SHARED_MEMORY);
  CHECK_POINTER(image, NULL);
  TYPE_FAILS(wasm_memory_reset(memory, NULL), SHARED_MEMORY);
  TYPE_FAILS(wasm_memory_buffer_resize(growable, 2 * PAGE), BUFFER_KIND);
  CHECK_STATUS(wasm_memory_buffer_grow(growable, 2 * PAGE), WASM_MEMORY_OK);
  CHECK(!wasm_memory_buffer_is_detached(growable));
  wasm_memory_buffer_delete(growable);
  wasm_memory_delete(memory);
}

/* An output with bytes around it that must stay. */
#define WITH_CANARIES(type) struct { uint8_t before[32]; type out; uint8_t after[32]; }
#define CHECK_CANARIES(it) CHECK(all_are((it).before, 0xC7, 32) && all_are((it).after, 0xC7, 32))

/* Wasmtime's C API: a function wrote three bytes more than its header said. */
TEST(cve_2022_39394_output_larger_than_the_header_says) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(2), .shared = true));
  WITH_CANARIES(uint64_t) previous;
  WITH_CANARIES(uint32_t) word;
  WITH_CANARIES(wasm_memory_t *) handle;
  WITH_CANARIES(wasm_memory_buffer_t *) buffer;
  WITH_CANARIES(wasm_memory_descriptor_t) type;
  WITH_CANARIES(wasm_memory_layout_t) layout;
  WITH_CANARIES(wasm_memory_location_t) location;
  WITH_CANARIES(wasm_memory_stats_t) stats;
  WITH_CANARIES(wasm_memory_error_t) error;
  typedef uint8_t sixteen[16];
  WITH_CANARIES(sixteen) bytes;
#define SET(it) memset(&it, 0xC7, sizeof it)
  SET(previous), SET(word), SET(handle), SET(buffer), SET(type), SET(layout), SET(location), SET(stats), SET(error), SET(bytes);
  CHECK_STATUS(wasm_memory_grow(memory, 1, &previous.out), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_atomic_wait32(memory, 0, 1, 0, &word.out), WASM_MEMORY_OK);
  CHECK_CANARIES(word);
  CHECK_STATUS(wasm_memory_atomic_notify(memory, 0, 1, &word.out), WASM_MEMORY_OK);
  CHECK_CANARIES(word);
  CHECK_STATUS(wasm_memory_atomic_interrupt(memory, &word.out), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_send(memory, &handle.out), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_buffer(memory, &buffer.out), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_get_type(memory, &type.out), WASM_MEMORY_OK);
  wasm_memory_get_layout(memory, &layout.out);
  CHECK(wasm_memory_find(wasm_memory_data(memory), &location.out));
  wasm_memory_get_stats(memory, &stats.out);
  wasm_memory_last_error(&error.out);
  CHECK_STATUS(wasm_memory_read(memory, 0, bytes.out, 16), WASM_MEMORY_OK);
  CHECK_CANARIES(previous), CHECK_CANARIES(word), CHECK_CANARIES(handle), CHECK_CANARIES(buffer), CHECK_CANARIES(type);
  CHECK_CANARIES(layout), CHECK_CANARIES(location), CHECK_CANARIES(stats), CHECK_CANARIES(error), CHECK_CANARIES(bytes);
  for (size_t capacity = 0; capacity < 8; capacity++) {
    SET(bytes);
    wasm_memory_last_error_message((char *)bytes.out, capacity);
    CHECK(all_are(bytes.out + capacity, 0xC7, 16 - capacity));
    CHECK_CANARIES(bytes);
  }
  wasm_memory_buffer_delete(buffer.out);
  wasm_memory_delete(handle.out);
  wasm_memory_delete(memory);
}

static unsigned finalized;
static void count_finalizer(void *context) { (void)context, finalized++; }

/* Wasmtime's C and C++ API: objects leaked after a change of who owns what. */
TEST(cve_2025_61670_leak_across_the_c_api) {
  const wasm_memory_limiter_t limiter = {.finalize = count_finalizer};
  uint64_t mappings = 0, address_space = 0;
  for (unsigned round = 0; round < 400; round++) {
    if (round == 200) { /* storage of the library's own has been used again by now */
      wasm_memory_allocator_trim(NULL);
      mappings = mapping_count();
      address_space = process_bytes("VmSize");
    }
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_limiter(config, &limiter);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    wasm_memory_image_t *image = pattern_image(100, 0, 1);
    wasm_memory_t *memory = created_from(allocator, image, TYPE(.initial = PAGES(1), .maximum = PAGES(2)));
    wasm_memory_buffer_t *buffer = buffer_of(memory);
    wasm_memory_image_t *snapshot = snapshot_of(memory);
    wasm_memory_allocator_delete(allocator);
    CHECK_U64(finalized, round);
    wasm_memory_image_delete(image);
    wasm_memory_delete(memory);
    wasm_memory_image_delete(snapshot);
    wasm_memory_buffer_delete(buffer); /* the last that keeps anything */
    CHECK_U64(finalized, round + 1);
  }
  check_back_to(mappings, address_space, 2);
}

/* A safe function made a slice of whatever pointer and length its caller had. Here NULL is answered. */
TEST(rustsec_2024_0442_null_with_a_length) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  wasm_memory_image_t *image = NULL;
  CHECK_STATUS(wasm_memory_read(memory, 0, NULL, 0), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_write(memory, PAGE, NULL, 0), WASM_MEMORY_OK);
  TYPE_FAILS(wasm_memory_read(memory, 0, NULL, 1), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_write(memory, 0, NULL, 1), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_bulk_init(memory, 0, NULL, 1, 0, 1), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_image_new(NULL, 1, 0, &image), NULL_ARGUMENT);
  wasm_memory_delete(memory);
}

static void *misaligned_block(void *context, size_t size, size_t alignment) {
  char *block = (char *)dirty_block(context, size, alignment);
  return block == NULL ? NULL : block + 1;
}

/* vm-memory: what a callback returned was trusted. Here a block at an odd address counts as none. */
TEST(cve_2023_41051_callback_that_returns_nonsense) {
  wasm_memory_allocator_t *allocator = heap_of((wasm_memory_host_heap_t){.allocate = misaligned_block, .deallocate = leave_block});
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(1))), OUT_OF_MEMORY);
  wasm_memory_allocator_delete(allocator);
}

/* ---- addresses, and what compiled code counts on ---- */

/* Cranelift reached 34 GiB past the base, past a guard that nobody had measured. */
TEST(cve_2023_26489_guard_shorter_than_told) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_guards(config, 3 * PAGE, 5 * PAGE + 1);
  wasm_memory_allocator_t *allocators[] = {NULL, allocator_of(config)};
  for (size_t i = 0; i < 2; i++) {
    wasm_memory_t *memory = created_in(allocators[i], TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
    const wasm_memory_layout_t layout = layout_of(memory);
    uint8_t *base = wasm_memory_data(memory), *end = base + layout.reservation + layout.guard_after;
    CHECK(is_guarded(base + PAGE, end));
    CHECK(is_guarded(base - layout.guard_before, base));
    if (layout.elides_i32_checks) CHECK((UINT64_C(1) << 32) + layout.elidable_offset + 16 <= layout.reservation + layout.guard_after + 1);
    CHECK_PLACES(memory);
    CHECK_NOT_FOUND(end);
    CHECK_NOT_FOUND(base - layout.guard_before - 1);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocators[i]);
  }
}

/* Cranelift extended an index as if it had a sign, and read below the base. */
TEST(cve_2021_32629_access_below_the_base) {
  wasm_memory_config_t *config = config_new();
  const uint64_t guard = sizeof(void *) > 4 ? UINT64_C(2) << 30 : UINT64_C(16) << 20; /* as much as there may be room for */
  wasm_memory_config_set_guards(config, guard, PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  uint8_t *base = wasm_memory_data(memory);
  CHECK(layout_of(memory).guard_before >= guard);
  CHECK(is_out_of_reach(base - 1) && is_out_of_reach(base - guard));
  CHECK_FOUND(base - 1, memory, -1, WASM_MEMORY_ZONE_GUARD_BEFORE);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* Cranelift on AArch64 and Winch used an index with bits that it should not have had. */
TEST(cve_2026_34971_34987_index_with_bits_above_32) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .maximum = PAGES(2)));
  const uint64_t indexes[] = {(UINT64_C(1) << 32) + 8, (UINT64_C(1) << 63) + 8, UINT64_MAX - 7, (UINT64_C(1) << 35) - 8, 2 * PAGE - 7};
  uint64_t value = 7;
  for (size_t i = 0; i < 5; i++) {
    OUT_OF_BOUNDS(wasm_memory_read(memory, indexes[i], &value, 8));
    OUT_OF_BOUNDS(wasm_memory_write(memory, indexes[i], &value, 8));
    OUT_OF_BOUNDS(wasm_memory_bulk_fill(memory, indexes[i], 1, 8));
    CHECK(!wasm_memory_load_i64(wasm_memory_view(memory), indexes[i], 0, &value));
    CHECK(!wasm_memory_load_i64(wasm_memory_view(memory), 8, indexes[i] - 8, &value));
    CHECK(!wasm_memory_store_i64(wasm_memory_view(memory), indexes[i], 8, 1));
  }
  CHECK_U64(value, 7);
  CHECK(all_are(wasm_memory_data(memory), 0, 2 * PAGE));
  wasm_memory_delete(memory);
}

/* Cranelift loaded 16 bytes where 8 were asked for, past the end where there is no guard. */
TEST(cve_2026_24116_34944_access_past_the_last_byte) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true));
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  static uint8_t all[65536];
  bool aligned;
  uint64_t value = 0;
  uint32_t small = 0;
  CHECK(is_out_of_reach(wasm_memory_data(memory) + PAGE)); /* whoever touches it dies */
  for (uint64_t length = 0; length < 70; length++) {
    CHECK_STATUS(wasm_memory_write(memory, PAGE - length, all, length), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_read(memory, PAGE - length, all, length), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_bulk_fill(memory, PAGE - length, 3, length), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_bulk_copy(memory, PAGE - length, memory, 5, length), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_bulk_copy(memory, 5, memory, PAGE - length, length), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_bulk_init(memory, PAGE - length, all, sizeof all, 0, length), WASM_MEMORY_OK);
  }
  CHECK_STATUS(wasm_memory_read(memory, 0, all, PAGE), WASM_MEMORY_OK);
  CHECK(wasm_memory_load_i64(view, PAGE - 8, 0, &value) && wasm_memory_store_i64(view, PAGE - 8, 0, value));
  CHECK(wasm_memory_load_i32_u8(view, PAGE - 1, 0, &small));
  CHECK(wasm_memory_atomic_load_i64(view, PAGE - 8, 0, &value, &aligned));
  CHECK(!wasm_memory_load_i64(view, PAGE - 7, 0, &value));
  wasm_memory_delete(memory);
}

/* Wasmtime 11977: an atomic access at the very end was refused, one behind it let through. */
TEST(wasmtime_11977_atomic_at_the_very_end) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true));
  uint32_t result = 9;
  CHECK_STATUS(wasm_memory_atomic_wait32(memory, PAGE - 4, 1, 0, &result), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_atomic_wait64(memory, PAGE - 8, 1, 0, &result), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_atomic_notify(memory, PAGE - 4, 1, &result), WASM_MEMORY_OK);
  OUT_OF_BOUNDS(wasm_memory_atomic_wait32(memory, PAGE, 1, 0, &result));
  OUT_OF_BOUNDS(wasm_memory_atomic_wait64(memory, PAGE, 1, 0, &result));
  OUT_OF_BOUNDS(wasm_memory_atomic_notify(memory, PAGE, 1, &result));
  wasm_memory_delete(memory);
}

/* WasmEdge: compiled code left out checks of 64-bit indexes, as a guard allows for 32-bit ones only. */
TEST(wasmedge_5282_guard_taken_for_64_bit_indexes) {
  wasm_memory_t *narrow = created(TYPE(.initial = PAGES(1))), *wide = created(TYPE(.initial = PAGES(1), .address = I64));
  CHECK(!layout_of(wide).elides_i32_checks);
  CHECK(layout_of(narrow).elides_i32_checks || !base_is_steady());
  wasm_memory_delete(narrow);
  wasm_memory_delete(wide);
}

/* Wasmer: an access outside was a crash and not a trap. Every zone is told apart, up to both ends. */
TEST(wasmer_5672_fault_not_known_as_one) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(3)));
  CHECK_PLACES(memory);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_PLACES(memory);
  wasm_memory_delete(memory);
}

/* ---- sizes that wrap ---- */

static bool can_be_created(wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = (wasm_memory_t *)POISON_POINTER;
  const bool created_it = wasm_memory_new(&type, &memory) == WASM_MEMORY_OK;
  CHECK(created_it || memory == NULL);
  wasm_memory_delete(memory);
  return created_it;
}

/* Wasmtime: a size of the largest numbers was a panic. Each is an error of every function that takes one. */
TEST(cve_2026_44216_sizes_of_the_largest_numbers) {
  const uint64_t sizes[] = {65536, 65537, UINT32_MAX, UINT64_C(1) << 32, (UINT64_C(1) << 48) - 1, UINT64_C(1) << 48, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX};
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(4))), *shared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(4), .shared = true));
  wasm_memory_buffer_t *resizable = resizable_of(memory), *growable = resizable_of(shared);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    const uint64_t size = sizes[i];
    wasm_memory_image_t *image = NULL;
    wasm_memory_allocator_t *allocator = NULL;
    CHECK(!can_be_created(TYPE(.initial = PAGES(size), .address = I64)) || size <= 65537);
    CHECK(!can_be_created(TYPE(.initial = PAGES(0), .maximum = PAGES(size), .shared = true)) || size <= 65536);
    CHECK(wasm_memory_grow(memory, size, NULL) != WASM_MEMORY_OK);
    CHECK(wasm_memory_buffer_resize(resizable, size) != WASM_MEMORY_OK || size == PAGE);
    CHECK(wasm_memory_buffer_grow(growable, size) != WASM_MEMORY_OK || size == PAGE);
    CHECK(wasm_memory_image_new((const uint8_t *)"x", 1, size, &image) == WASM_MEMORY_OK || size > INTPTR_MAX - 65536);
    wasm_memory_image_delete(image);
    OUT_OF_BOUNDS(wasm_memory_bulk_fill(memory, 1, 0, size));
    OUT_OF_BOUNDS(wasm_memory_bulk_copy(memory, size, memory, 0, size));
    CHECK_STATUS(wasm_memory_discard(memory, 0, size), size == PAGE ? WASM_MEMORY_OK : WASM_MEMORY_RUNTIME_ERROR);
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_reservation(config, size);
    wasm_memory_config_set_guards(config, size, size);
    wasm_memory_config_set_pool(config, UINT32_MAX, size);
    CHECK(wasm_memory_allocator_new(config, &allocator) == WASM_MEMORY_OK || allocator == NULL);
    wasm_memory_allocator_delete(allocator);
    wasm_memory_config_delete(config);
  }
  CHECK_U64(wasm_memory_size(memory), 1);
  CHECK_U64(wasm_memory_size(shared), 1);
  wasm_memory_buffer_delete(resizable);
  wasm_memory_buffer_delete(growable);
  wasm_memory_delete(memory);
  wasm_memory_delete(shared);
}

/* wabt and wasm3: pages times their size wrapped to 0, and the memory was freed under the engine. */
TEST(wabt_2783_wasm3_554_pages_times_size_wrap_to_zero) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .address = I64));
  const uint64_t wraps[] = {UINT64_C(1) << 48, (UINT64_C(1) << 48) - 1, UINT64_C(3) << 47, UINT64_MAX};
  memset(wasm_memory_data(memory), TENANT_BYTE, PAGE);
  for (size_t i = 0; i < 4; i++) {
    CHECK_STATUS(wasm_memory_grow(memory, wraps[i], NULL), WASM_MEMORY_RANGE_ERROR);
    CHECK_STATUS(refused(TYPE(.initial = PAGES(wraps[i]), .address = I64)), WASM_MEMORY_RANGE_ERROR);
  }
  CHECK_U64(wasm_memory_byte_length(memory), PAGE);
  CHECK(all_are(wasm_memory_data(memory), TENANT_BYTE, PAGE));
  wasm_memory_delete(memory);
}

/* Firefox: the new size of a resize wrapped. */
TEST(cve_2018_5093_resize_that_wraps) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3), .maximum = PAGES(9)));
  CHECK(wasm_memory_grow(memory, UINT32_MAX - 1, NULL) != WASM_MEMORY_OK);
  CHECK(wasm_memory_grow(memory, UINT64_MAX - 1, NULL) != WASM_MEMORY_OK); /* 3 + that is 1 */
  CHECK_U64(wasm_memory_size(memory), 3);
  CHECK(can_write(wasm_memory_data(memory) + 3 * PAGE - 1));
  wasm_memory_delete(memory);
}

/* WAMR: 65,536 pages are 4 GiB, which no 32-bit number of bytes holds. */
TEST(wamr_4064_exactly_four_gibibytes) {
  NEEDS_STEADY_BASE();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  RANGE_FAILS(wasm_memory_grow(memory, 65536, NULL), ABOVE_LIMIT);
  if (wasm_memory_grow(memory, 65535, NULL) != WASM_MEMORY_OK) {
    wasm_memory_delete(memory);
    SKIP("this host commits no 4 GiB");
  }
  CHECK_U64(wasm_memory_byte_length(memory), 4 * GIB);
  CHECK_U64(wasm_memory_size(memory), 65536);
  CHECK_U64(wasm_memory_view(memory)->byte_length, 4 * GIB);
  uint8_t byte = 0x5E;
  CHECK_STATUS(wasm_memory_write(memory, 4 * GIB - 1, &byte, 1), WASM_MEMORY_OK);
  OUT_OF_BOUNDS(wasm_memory_write(memory, 4 * GIB, &byte, 1));
  CHECK_U64(wasm_memory_data(memory)[0], 0);
  RANGE_FAILS(wasm_memory_grow(memory, 1, NULL), ABOVE_LIMIT);
  CHECK(is_out_of_reach(wasm_memory_data(memory) + 4 * GIB));
  wasm_memory_delete(memory);
}

/* Wasmtime: a size of 64 bits was handled as one of 32. Byte 2^32 + 5 is not byte 5. */
TEST(cve_2026_34945_size_of_64_bits_as_one_of_32) {
  NEEDS_STEADY_BASE();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .address = I64));
  if (wasm_memory_grow(memory, 65537, NULL) != WASM_MEMORY_OK) {
    wasm_memory_delete(memory);
    SKIP("this host commits no 4 GiB");
  }
  const uint64_t index = 4 * GIB + 5;
  uint8_t byte = 0x5F, seen = 0;
  CHECK_STATUS(wasm_memory_write(memory, index, &byte, 1), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_data(memory)[5], 0);
  CHECK_STATUS(wasm_memory_bulk_copy(memory, 9, memory, index, 1), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_read(memory, 9, &seen, 1), WASM_MEMORY_OK);
  CHECK_U64(seen, byte);
  CHECK_STATUS(wasm_memory_discard(memory, 4 * GIB, PAGE), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_data(memory)[index], 0);
  CHECK_U64(wasm_memory_data(memory)[9], byte);
  wasm_memory_delete(memory);
}

/* memmap2: a range was handed to madvise unchecked. */
TEST(rustsec_2026_0186_range_handed_to_madvise_unchecked) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3), .maximum = PAGES(5)));
  const uint64_t refused_ranges[][2] = {{3 * PAGE, PAGE}, {2 * PAGE, 2 * PAGE}, {0, 4 * PAGE}, {UINT64_MAX - PAGE + 1, PAGE}, {PAGE, UINT64_MAX - PAGE + 1}, {4 * PAGE, 0}};
  memset(wasm_memory_data(memory), TENANT_BYTE, 3 * PAGE);
  for (size_t i = 0; i < 6; i++) OUT_OF_BOUNDS(wasm_memory_discard(memory, refused_ranges[i][0], refused_ranges[i][1]));
  CHECK(all_are(wasm_memory_data(memory), TENANT_BYTE, 3 * PAGE));
  CHECK_STATUS(wasm_memory_discard(memory, 3 * PAGE, 0), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_discard(memory, 2 * PAGE, PAGE), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory), TENANT_BYTE, 2 * PAGE) && all_are(wasm_memory_data(memory) + 2 * PAGE, 0, PAGE));
  wasm_memory_delete(memory);
}

/* Wasmtime's components: a length or a pointer of the guest's was used for a copy without a look. */
TEST(cve_2026_35195_34942_34941_range_that_the_guest_names) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1))), *other = created(TYPE(.initial = PAGES(1)));
  struct { uint8_t before[64], bytes[64], after[64]; } host;
  memset(&host, 0xC7, sizeof host);
  memset(wasm_memory_data(memory), TENANT_BYTE, PAGE);
  const uint64_t indexes[] = {PAGE - 63, PAGE, PAGE + 1, UINT32_MAX, UINT64_MAX - 63, UINT64_MAX};
  for (size_t i = 0; i < 6; i++) {
    OUT_OF_BOUNDS(wasm_memory_read(memory, indexes[i], host.bytes, 64));
    OUT_OF_BOUNDS(wasm_memory_write(memory, indexes[i], host.bytes, 64));
    OUT_OF_BOUNDS(wasm_memory_bulk_copy(other, 0, memory, indexes[i], 64));
    OUT_OF_BOUNDS(wasm_memory_bulk_copy(other, indexes[i], memory, 0, 64));
    OUT_OF_BOUNDS(wasm_memory_bulk_init(memory, 0, host.bytes, 64, indexes[i], 64));
  }
  CHECK(all_are((const uint8_t *)&host, 0xC7, sizeof host));
  CHECK(all_are(wasm_memory_data(memory), TENANT_BYTE, PAGE) && all_are(wasm_memory_data(other), 0, PAGE));
  wasm_memory_delete(memory);
  wasm_memory_delete(other);
}

/* lucet: a rounded size showed the guest what lay behind it. */
TEST(cve_2020_35859_rounded_size) {
  const uint64_t sizes[] = {1, 4095, 4096, 4097, 65535, 65537, 100001};
  for (size_t i = 0; i < 7; i++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(sizes[i]), .maximum = PAGES(sizes[i] + 9), .page_size = 1));
    uint8_t *base = wasm_memory_data(memory), byte;
    const uint64_t end = rounded_to_host_page(sizes[i]);
    CHECK_U64(wasm_memory_byte_length(memory), sizes[i]);
    CHECK(all_are(base, 0, end) && is_out_of_reach(base + end));
    OUT_OF_BOUNDS(wasm_memory_read(memory, sizes[i], &byte, 1));
    CHECK_SHUT(memory);
    wasm_memory_delete(memory);
  }
}

/* Wasmtime 9533 and 8918: sizes that are no multiple of the host page reached system calls, and neighbours were overwritten. */
TEST(wasmtime_8918_9533_neighbours_of_odd_sizes) {
  wasm_memory_allocator_t *allocator = pool_of(3, 2, 0);
  wasm_memory_t *memories[3];
  for (int i = 0; i < 3; i++) memories[i] = created_in(allocator, TYPE(.initial = PAGES(5000), .maximum = PAGES(2 * PAGE), .page_size = 1));
  for (int i = 0; i < 3; i++) memset(wasm_memory_data(memories[i]), 0x10 + i, 5000);
  CHECK_STATUS(wasm_memory_grow(memories[1], 2 * PAGE - 5000, NULL), WASM_MEMORY_OK);
  memset(wasm_memory_data(memories[1]), 0x77, 2 * PAGE);
  CHECK_STATUS(wasm_memory_reset(memories[1], NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memories[1]), 0, 5000));
  wasm_memory_delete(memories[1]);
  CHECK(all_are(wasm_memory_data(memories[0]), 0x10, 5000) && all_are(wasm_memory_data(memories[2]), 0x12, 5000));
  wasm_memory_delete(memories[0]);
  wasm_memory_delete(memories[2]);
  wasm_memory_allocator_delete(allocator);
}

/* ---- growth: what is stale after it, and what a refusal leaves ---- */

static wasm_memory_t *reentered;
static unsigned reentries;

static bool grow_again(void *context, uint64_t current, uint64_t desired, uint64_t maximum) {
  (void)context, (void)current, (void)desired, (void)maximum;
  if (reentered != NULL && reentries++ == 0) CHECK_STATUS(wasm_memory_grow(reentered, 3, NULL), WASM_MEMORY_OK);
  return true;
}

/* V8, wasmi 1837, WAMR 2898 and 3872: whoever had looked at base and size before a growth, even one from inside a callback, used them
 * after it. */
TEST(cve_2017_15399_wasmi_1837_stale_base_after_growth) {
  const wasm_memory_limiter_t limiter = {.growing = grow_again};
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_config_set_limiter(config, &limiter);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  wasm_memory_buffer_t *old = buffer_of(memory);
  const uint8_t *base = wasm_memory_data(memory);
  uint64_t previous = 99;
  memset(wasm_memory_data(memory), TENANT_BYTE, PAGE);
  reentered = memory;
  CHECK_STATUS(wasm_memory_grow(memory, 40, &previous), WASM_MEMORY_OK);
  reentered = NULL;
  CHECK_U64(previous, 4); /* the growth in the middle came first */
  CHECK_U64(wasm_memory_size(memory), 44);
  CHECK(wasm_memory_data(memory) != base);
  CHECK_POINTER(view->base, wasm_memory_data(memory));
  CHECK_U64(view->byte_length, 44 * PAGE);
  CHECK(all_are(wasm_memory_data(memory), TENANT_BYTE, PAGE) && all_are(wasm_memory_data(memory) + PAGE, 0, 43 * PAGE));
  CHECK(can_write((uint8_t *)(uintptr_t)base)); /* a pointer from a buffer that is held is stale, and never dangling */
  CHECK_DETACHED(old);
  wasm_memory_buffer_delete(old);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* txiki.js over WAMR: the old ArrayBuffer went on over memory that growth had moved away. */
TEST(txiki_938_buffer_not_detached_by_growth) {
  wasm_memory_allocator_t *allocator = movable_of(1);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  for (uint64_t delta = 0; delta < 40; delta += 13) {
    wasm_memory_buffer_t *old = buffer_of(memory);
    CHECK_STATUS(wasm_memory_grow(memory, delta, NULL), WASM_MEMORY_OK);
    CHECK_DETACHED(old);
    wasm_memory_buffer_t *now = buffer_of(memory);
    CHECK_FIXED(now, memory, wasm_memory_byte_length(memory));
    wasm_memory_buffer_delete(now);
    wasm_memory_buffer_delete(old);
  }
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

static bool heap_is_empty;
static void *block_or_none(void *context, size_t size, size_t alignment) {
  return heap_is_empty ? NULL : dirty_block(context, size, alignment);
}

/* wasmi: growth that the system had no memory for left a buffer that was gone; Wasmtime: code that was to handle it freed twice. */
TEST(cve_2025_66627_cve_2026_34983_growth_without_memory) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_backend(config, WASM_MEMORY_BACKEND_HEAP);
  const wasm_memory_host_heap_t heap = {.allocate = block_or_none, .deallocate = leave_block};
  wasm_memory_config_set_host_heap(config, &heap);
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  heap_is_empty = false;
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  uint8_t *base = wasm_memory_data(memory);
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  memset(base, TENANT_BYTE, PAGE);
  heap_is_empty = true;
  for (int i = 0; i < 5; i++) {
    uint64_t previous = 99;
    RANGE_FAILS(wasm_memory_grow(memory, 3, &previous), OUT_OF_MEMORY);
    CHECK_U64(previous, 99);
    CHECK_POINTER(wasm_memory_data(memory), base);
    CHECK(all_are(base, TENANT_BYTE, PAGE));
    CHECK_FIXED(buffer, memory, PAGE);
    memset(base, TENANT_BYTE, PAGE);
  }
  heap_is_empty = false;
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

/* Wasmtime: a trap in the middle of a bulk operation left half of it done. */
TEST(rustsec_2026_0223_trap_in_the_middle_of_a_bulk_operation) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  static uint8_t segment[65536];
  memset(segment, 1, sizeof segment);
  OUT_OF_BOUNDS(wasm_memory_bulk_fill(memory, 1, 1, PAGE));
  OUT_OF_BOUNDS(wasm_memory_bulk_init(memory, 1, segment, sizeof segment, 0, PAGE));
  OUT_OF_BOUNDS(wasm_memory_bulk_init(memory, 0, segment, 100, 1, 100));
  OUT_OF_BOUNDS(wasm_memory_write(memory, PAGE - 99, segment, 100));
  memset(wasm_memory_data(memory), 2, 10);
  OUT_OF_BOUNDS(wasm_memory_bulk_copy(memory, PAGE - 5, memory, 0, 10));
  CHECK(all_are(wasm_memory_data(memory) + 10, 0, PAGE - 10));
  wasm_memory_delete(memory);
}

/* ---- threads ---- */

static wasm_memory_t *passed_round;

static void *retain_and_delete(void *unused) {
  for (int i = 0; i < 20000; i++) {
    wasm_memory_t *mine = wasm_memory_retain(passed_round);
    CHECK_POINTER(mine, passed_round);
    if (i % 7 == 0) CHECK(wasm_memory_find(wasm_memory_data(mine), NULL));
    wasm_memory_delete(mine);
  }
  return unused;
}

/* Wasmtime: two threads gave the last reference to a type back at once, and it was unregistered twice. */
TEST(cve_2024_47813_last_reference_given_back_twice) {
  for (int round = 0; round < 4; round++) {
    pthread_t threads[3];
    const uint64_t before = stats_of(NULL).memories;
    passed_round = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true));
    for (int i = 0; i < 3; i++) REQUIRE(pthread_create(&threads[i], NULL, retain_and_delete, NULL) == 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK_U64(wasm_memory_size(passed_round), 1);
    wasm_memory_delete(passed_round);
    wasm_memory_delete(passed_round); /* one too many */
    CHECK_U64(stats_of(NULL).memories, before);
  }
}

static unsigned torn_stop;

static void *store_both_halves(void *argument) {
  bool aligned;
  for (uint64_t i = 0; !__atomic_load_n(&torn_stop, __ATOMIC_RELAXED); i++)
    wasm_memory_atomic_store_i64((const wasm_memory_view_t *)argument, 64, 0, i % 2 == 0 ? 0 : UINT64_MAX, &aligned);
  return NULL;
}

/* vm-memory: a word was copied byte by byte, and another thread saw half of it. */
TEST(cve_2020_13759_torn_access) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true));
  pthread_t thread;
  uint64_t torn = 0, value = 0;
  bool aligned;
  torn_stop = 0;
  REQUIRE(pthread_create(&thread, NULL, store_both_halves, (void *)(uintptr_t)wasm_memory_view(memory)) == 0);
  for (int i = 0; i < 300000; i++) {
    CHECK(wasm_memory_atomic_load_i64(wasm_memory_view(memory), 64, 0, &value, &aligned));
    torn += value != 0 && value != UINT64_MAX;
  }
  __atomic_store_n(&torn_stop, 1u, __ATOMIC_RELAXED);
  pthread_join(thread, NULL);
  CHECK_U64(torn, 0);
  wasm_memory_delete(memory);
}

static wasm_memory_t *waited_on;
static uint32_t how_it_ended;

static void *wait_for_ever(void *timeout) {
  CHECK_STATUS(wasm_memory_atomic_wait32(waited_on, 0, 0, *(const int64_t *)timeout, &how_it_ended), WASM_MEMORY_OK);
  return NULL;
}

/* WAMR 1767 and Wasmtime 13038: a negative timeout ended at once, the largest one was a panic. Both wait until somebody notifies. */
TEST(wamr_1767_wasmtime_13038_timeouts_at_the_ends) {
  static const int64_t for_ever[] = {-1, INT64_MIN, INT64_MAX};
  waited_on = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true));
  for (size_t i = 0; i < 3; i++) {
    pthread_t thread;
    uint32_t woken = 0;
    how_it_ended = 9;
    REQUIRE(pthread_create(&thread, NULL, wait_for_ever, (void *)(uintptr_t)&for_ever[i]) == 0);
    while (woken == 0) CHECK_STATUS(wasm_memory_atomic_notify(waited_on, 0, 1, &woken), WASM_MEMORY_OK);
    pthread_join(thread, NULL);
    CHECK_U64(how_it_ended, 0);
  }
  for (int64_t timeout = 0; timeout < 2; timeout++) {
    CHECK_STATUS(wasm_memory_atomic_wait32(waited_on, 0, 0, timeout, &how_it_ended), WASM_MEMORY_OK);
    CHECK_U64(how_it_ended, 2);
  }
  wasm_memory_delete(waited_on);
}

/* ---- the test of the tests: what they look for is planted ---- */

static void another_image_is_left(void) {
  const tenant_image image = tenant_image_of(5000, 70000, 2);
  const tenant next = {.type = TYPE(.initial = PAGES(2), .maximum = PAGES(8)), .last = 8, .from = &image};
  wasm_memory_image_t *other = pattern_image(5000, 70000, 3), *own = image.image;
  tenant_image wrong = image;
  wrong.image = other;
  const tenant mistaken = {.type = next.type, .last = next.last, .from = &wrong};
  wasm_memory_delete(MOVES_IN(NULL, &mistaken));
  wasm_memory_image_delete(own);
}

static void a_page_is_left_open(void) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(4)));
  REQUIRE(mprotect(wasm_memory_data(memory) + PAGE, (size_t)host_page(), PROT_READ) == 0);
  CHECK_SHUT(memory);
}

static void an_output_is_too_long(void) {
  WITH_CANARIES(uint32_t) word;
  SET(word);
  memset((uint8_t *)&word + 32, 0, 7);
  CHECK_CANARIES(word);
}

TEST(what_is_planted_is_noticed) {
  CHECK(fails_in_child(another_image_is_left));
  CHECK(fails_in_child(a_page_is_left_open));
  CHECK(fails_in_child(an_output_is_too_long));
}

HARNESS_MAIN(LISTED(cve_2022_39392_no_guard_behind_nothing), LISTED(cve_2022_39393_image_of_the_former_tenant),
             LISTED(cve_2026_34988_access_of_the_former_tenant), LISTED(cve_2022_23636_creation_that_fails_in_a_pool),
             LISTED(cve_2021_43790_slot_given_back_too_early), LISTED(wamr_3132_fresh_memory_is_not_zero),
             LISTED(cve_2025_64345_shared_memory_by_the_unshared_functions), LISTED(cve_2022_39394_output_larger_than_the_header_says),
             LISTED(cve_2025_61670_leak_across_the_c_api), LISTED(rustsec_2024_0442_null_with_a_length),
             LISTED(cve_2023_41051_callback_that_returns_nonsense), LISTED(cve_2023_26489_guard_shorter_than_told),
             LISTED(cve_2021_32629_access_below_the_base), LISTED(cve_2026_34971_34987_index_with_bits_above_32),
             LISTED(cve_2026_24116_34944_access_past_the_last_byte), LISTED(wasmtime_11977_atomic_at_the_very_end),
             LISTED(wasmedge_5282_guard_taken_for_64_bit_indexes), LISTED(wasmer_5672_fault_not_known_as_one),
             LISTED(cve_2026_44216_sizes_of_the_largest_numbers), LISTED(wabt_2783_wasm3_554_pages_times_size_wrap_to_zero),
             LISTED(cve_2018_5093_resize_that_wraps), LISTED(wamr_4064_exactly_four_gibibytes),
             LISTED(cve_2026_34945_size_of_64_bits_as_one_of_32), LISTED(rustsec_2026_0186_range_handed_to_madvise_unchecked),
             LISTED(cve_2026_35195_34942_34941_range_that_the_guest_names), LISTED(cve_2020_35859_rounded_size),
             LISTED(wasmtime_8918_9533_neighbours_of_odd_sizes), LISTED(cve_2017_15399_wasmi_1837_stale_base_after_growth),
             LISTED(txiki_938_buffer_not_detached_by_growth), LISTED(cve_2025_66627_cve_2026_34983_growth_without_memory),
             LISTED(rustsec_2026_0223_trap_in_the_middle_of_a_bulk_operation), LISTED(cve_2024_47813_last_reference_given_back_twice),
             LISTED(cve_2020_13759_torn_access), LISTED(wamr_1767_wasmtime_13038_timeouts_at_the_ends), LISTED(what_is_planted_is_noticed))
