/* Deletion gives everything back: mappings and address space of the process return to where they were. */
#define _POSIX_C_SOURCE 200809L
#include "fixtures.h"
#include "process.h"

/* Handle storage and stdio may take a little at first, and then no more. */
#define MAPPING_SLACK 4

static const wasm_memory_descriptor_t types[] = {
    {.initial = {1, true}},
    {.initial = {0, true}},
    {.initial = {0, true}, .maximum = {0, true}},
    {.initial = {2, true}, .maximum = {9, true}},
    {.initial = {1, true}, .maximum = {9, true}, .shared = true},
    {.initial = {1, true}, .maximum = {9, true}, .address = WASM_MEMORY_ADDRESS_I64},
    {.initial = {5, true}, .maximum = {70000, true}, .page_size = 1},
};
enum { TYPES = sizeof types / sizeof types[0] };

static void live_and_die(wasm_memory_allocator_t *allocator, int times) {
  for (int i = 0; i < times; i++) {
    wasm_memory_t *memory = created_in(allocator, types[i % TYPES]);
    wasm_memory_grow(memory, i % 5, NULL); /* some of them fail, and must leave nothing behind either */
    if (wasm_memory_byte_length(memory) > 0) wasm_memory_data(memory)[wasm_memory_byte_length(memory) - 1] = 1;
    wasm_memory_delete(memory);
  }
}

TEST(thousands_in_an_allocator) {
  live_and_die(NULL, 1);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  wasm_memory_allocator_t *allocator = allocator_of(config_new());
  live_and_die(allocator, 5000);
  wasm_memory_allocator_delete(allocator);
  check_back_to(mappings, address_space, MAPPING_SLACK);
}

/* The default allocator may keep places for reuse; more and more of them would be a leak. */
TEST(thousands_in_the_default_allocator) {
  live_and_die(NULL, 500);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  live_and_die(NULL, 5000);
  check_back_to(mappings, address_space, MAPPING_SLACK);
}

static void many_alive_at_once(wasm_memory_allocator_t *allocator) {
  enum { COUNT = 500 };
  static wasm_memory_t *memories[COUNT];
  for (int i = 0; i < COUNT; i++) memories[i] = created_in(allocator, types[i % TYPES]);
  for (int i = 0; i < COUNT; i += 2) wasm_memory_delete(memories[i]);
  for (int i = COUNT - 1; i > 0; i -= 2) wasm_memory_delete(memories[i]);
}

TEST(many_alive_at_once_in_an_allocator) {
  many_alive_at_once(NULL); /* the handle storage that so many need is never given back */
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  for (int round = 0; round < 10; round++) {
    wasm_memory_allocator_t *allocator = allocator_of(config_new());
    many_alive_at_once(allocator);
    wasm_memory_allocator_delete(allocator);
  }
  check_back_to(mappings, address_space, MAPPING_SLACK);
}

TEST(memory_outlives_its_allocator) {
  live_and_die(NULL, 1);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  for (int i = 0; i < 1000; i++) {
    wasm_memory_allocator_t *allocator = allocator_of(config_new());
    wasm_memory_t *first = created_in(allocator, types[0]), *second = created_in(allocator, types[4]);
    wasm_memory_allocator_delete(allocator);
    wasm_memory_delete(first);
    wasm_memory_delete(second);
  }
  check_back_to(mappings, address_space, MAPPING_SLACK);
}

TEST(failed_creations_leave_nothing) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_size_limit(config, UINT64_MAX);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  const wasm_memory_descriptor_t too_large = TYPE(.initial = PAGES(UINT64_C(1) << 34), .address = I64);
  CHECK_STATUS(refused_in(allocator, too_large), WASM_MEMORY_RANGE_ERROR);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  for (int i = 0; i < 1000; i++) {
    CHECK_STATUS(refused_in(allocator, too_large), WASM_MEMORY_RANGE_ERROR);
    CHECK_STATUS(refused(TYPE(.initial = PAGES(65537))), WASM_MEMORY_RANGE_ERROR);
  }
  check_back_to(mappings, address_space, MAPPING_SLACK);
  wasm_memory_allocator_delete(allocator);
}

/* Growth that moves leaves the old place, and must give it back. */
TEST(moves_leave_nothing) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  live_and_die(NULL, 1);
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  for (int round = 0; round < 20; round++) {
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
    for (int i = 0; i < 60; i++) CHECK_STATUS(wasm_memory_grow(memory, 1 + (uint64_t)i, NULL), WASM_MEMORY_OK);
    wasm_memory_delete(memory);
  }
  wasm_memory_allocator_delete(allocator);
  check_back_to(mappings, address_space, MAPPING_SLACK);
}

TEST(configs_and_allocators) {
  for (int i = 0; i < 200; i++) wasm_memory_allocator_delete(allocator_of(config_new()));
  const uint64_t mappings = mapping_count(), address_space = process_bytes("VmSize");
  for (int i = 0; i < 100000; i++) wasm_memory_allocator_delete(allocator_of(config_new()));
  check_back_to(mappings, address_space, MAPPING_SLACK);
}

HARNESS_MAIN(LISTED(thousands_in_an_allocator), LISTED(thousands_in_the_default_allocator), LISTED(many_alive_at_once_in_an_allocator),
             LISTED(memory_outlives_its_allocator), LISTED(failed_creations_leave_nothing), LISTED(moves_leave_nothing),
             LISTED(configs_and_allocators))
