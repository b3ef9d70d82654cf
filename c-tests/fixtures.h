/* Descriptors and memories, said in one line. C only: C++17 has no designated initialisers. */
#ifndef FIXTURES_H
#define FIXTURES_H

#include "harness.h"

#define I64 WASM_MEMORY_ADDRESS_I64
#define PAGE UINT64_C(65536)
#define GIB (UINT64_C(1) << 30)
#define SIZE_LIMIT_BYTES (16 * GIB)                       /* design.md, defaults */
#define I64_DECLARED_LIMIT ((UINT64_C(1) << 37) - 1)      /* semantics.md, A.4 */

/* TYPE(.initial = PAGES(1), .maximum = PAGES(10), .shared = true) */
#define TYPE(...) ((wasm_memory_descriptor_t){__VA_ARGS__})
#define PAGES(n) WASM_MEMORY_PAGES(n)

/* A pointer that no call returns, so that an untouched output shows. */
#define POISON_POINTER ((void *)(uintptr_t)0x5a5a5a50)

static inline wasm_memory_t *created_in(wasm_memory_allocator_t *allocator, wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = NULL;
  CHECK_STATUS(wasm_memory_new_in(allocator, &type, NULL, &memory), WASM_MEMORY_OK);
  REQUIRE(memory != NULL);
  return memory;
}

static inline wasm_memory_t *created(wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = NULL;
  CHECK_STATUS(wasm_memory_new(&type, &memory), WASM_MEMORY_OK);
  REQUIRE(memory != NULL);
  return memory;
}

/* For tests that pin the base or the reservation: a library built for stress moves a memory with every growth. */
static inline bool base_is_steady(void) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  wasm_memory_layout_t layout;
  wasm_memory_get_layout(memory, &layout);
  wasm_memory_delete(memory);
  return !layout.movable;
}
#define NEEDS_STEADY_BASE() do { if (!base_is_steady()) SKIP("every growth moves"); } while (0)

/* A creation that must fail: the output becomes NULL whatever it held. */
static inline wasm_memory_status_t refused(wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = (wasm_memory_t *)POISON_POINTER;
  wasm_memory_status_t status = wasm_memory_new(&type, &memory);
  CHECK_POINTER(memory, NULL);
  if (status == WASM_MEMORY_OK) wasm_memory_delete(memory);
  return status;
}

/* The same in an allocator. */
static inline wasm_memory_status_t refused_in(wasm_memory_allocator_t *allocator, wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = (wasm_memory_t *)POISON_POINTER;
  wasm_memory_status_t status = wasm_memory_new_in(allocator, &type, NULL, &memory);
  CHECK_POINTER(memory, NULL);
  if (status == WASM_MEMORY_OK) wasm_memory_delete(memory);
  return status;
}

/* An allocator of this config, which is given back at once: the allocator must not need it. */
static inline wasm_memory_allocator_t *allocator_of(wasm_memory_config_t *config) {
  wasm_memory_allocator_t *allocator = NULL;
  CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_OK);
  REQUIRE(allocator != NULL);
  wasm_memory_config_delete(config);
  return allocator;
}

static inline wasm_memory_config_t *config_new(void) {
  wasm_memory_config_t *config = wasm_memory_config_new();
  REQUIRE(config != NULL);
  return config;
}

static inline wasm_memory_layout_t layout_of(const wasm_memory_t *memory) {
  wasm_memory_layout_t layout;
  memset(&layout, 0xA5, sizeof layout);
  wasm_memory_get_layout(memory, &layout);
  return layout;
}

/* A layout filled with 0xA5 was not written to; of a failure it may also be all zero, but never half a layout. */
static inline bool is_no_layout(wasm_memory_layout_t layout) {
  const uint64_t untouched = UINT64_C(0xA5A5A5A5A5A5A5A5), word = layout.reservation;
  unsigned char flags[3];
  memcpy(&flags[0], &layout.movable, 1);
  memcpy(&flags[1], &layout.exact_protection, 1);
  memcpy(&flags[2], &layout.elides_i32_checks, 1);
  for (size_t i = 0; i < 4; i++)
    if (layout.reserved[i] != word) return false;
  return (word == 0 || word == untouched) && layout.guard_before == word && layout.guard_after == word && layout.elidable_offset == word &&
         flags[0] == (word & 0xFF) && flags[1] == flags[0] && flags[2] == flags[0];
}

static inline bool all_zero(const void *bytes, size_t length) {
  const unsigned char *at = (const unsigned char *)bytes;
  for (size_t i = 0; i < length; i++)
    if (at[i] != 0) return false;
  return true;
}

#endif
