/* The type of a memory: what was declared, with the current size as its initial (semantics.md A.8). */
#include "fixtures.h"

static wasm_memory_descriptor_t type_of(const wasm_memory_t *memory) {
  wasm_memory_descriptor_t type;
  memset(&type, 0xA5, sizeof type);
  CHECK_STATUS(wasm_memory_get_type(memory, &type), WASM_MEMORY_OK);
  return type;
}

/* A bool that this library writes is one in C: 0 or 1 in memory. */
static unsigned byte_of(const bool *flag) {
  unsigned char byte;
  memcpy(&byte, flag, 1);
  return byte;
}

static void check_round_trip(wasm_memory_descriptor_t declared) {
  wasm_memory_t *memory = created(declared);
  wasm_memory_descriptor_t type = type_of(memory);
  CHECK_U64(byte_of(&type.initial.present), 1);
  CHECK_U64(type.initial.pages, declared.initial.pages);
  CHECK_U64(byte_of(&type.maximum.present), declared.maximum.present);
  CHECK_U64(type.maximum.pages, declared.maximum.present ? declared.maximum.pages : 0);
  CHECK_U64(byte_of(&type.shared), declared.shared);
  CHECK_U64(type.address, declared.address);
  CHECK_U64(type.page_size, declared.page_size ? declared.page_size : 65536);
  CHECK(type.reserved[0] == 0 && type.reserved[1] == 0);
  wasm_memory_delete(memory);
}

TEST(shows_what_was_declared) {
  const uint32_t page_sizes[] = {0, 1, 65536};
  for (uint32_t address = 0; address < 2; address++) {
    for (size_t i = 0; i < 3; i++) {
      const uint32_t page_size = page_sizes[i];
      check_round_trip(TYPE(.initial = PAGES(0), .address = address, .page_size = page_size));
      check_round_trip(TYPE(.initial = PAGES(3), .address = address, .page_size = page_size));
      check_round_trip(TYPE(.initial = PAGES(0), .maximum = PAGES(0), .address = address, .page_size = page_size));
      check_round_trip(TYPE(.initial = PAGES(2), .maximum = PAGES(9), .address = address, .page_size = page_size));
      check_round_trip(TYPE(.initial = PAGES(2), .maximum = PAGES(9), .shared = true, .address = address, .page_size = page_size));
    }
  }
}

TEST(initial_is_the_current_size) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
  CHECK_U64(type_of(memory).initial.pages, 3);
  CHECK_U64(type_of(memory).maximum.pages, 5);
  CHECK(wasm_memory_grow(memory, 3, NULL) != WASM_MEMORY_OK);
  CHECK_U64(type_of(memory).initial.pages, 3);
  wasm_memory_delete(memory);
}

TEST(maximum_without_presence_is_zeroed) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = {77, false}));
  wasm_memory_descriptor_t type = type_of(memory);
  CHECK(!type.maximum.present);
  CHECK_U64(type.maximum.pages, 0);
  wasm_memory_delete(memory);
}

/* The reservation may be clamped; the maximum that was declared may not. */
TEST(maximum_is_unclamped) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(0), .maximum = PAGES(I64_DECLARED_LIMIT), .address = I64));
  CHECK_U64(type_of(memory).maximum.pages, I64_DECLARED_LIMIT);
  wasm_memory_delete(memory);
  memory = created(TYPE(.initial = PAGES(0), .maximum = PAGES(UINT64_MAX), .address = I64, .page_size = 1));
  CHECK_U64(type_of(memory).maximum.pages, UINT64_MAX);
  wasm_memory_delete(memory);

  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_size_limit(config, 4 * PAGE);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  memory = created_in(allocator, TYPE(.initial = PAGES(0), .maximum = PAGES(10)));
  CHECK_U64(type_of(memory).maximum.pages, 10);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(makes_an_equal_memory) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = true));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_t *twin = created(type_of(memory));
  wasm_memory_descriptor_t type = type_of(twin);
  CHECK_U64(type.initial.pages, 2);
  CHECK_STATUS(wasm_memory_match(memory, &type), WASM_MEMORY_OK);
  wasm_memory_delete(twin);
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(shows_what_was_declared), LISTED(initial_is_the_current_size), LISTED(maximum_without_presence_is_zeroed),
             LISTED(maximum_is_unclamped), LISTED(makes_an_equal_memory))
