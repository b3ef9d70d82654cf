#include "adapter.h"

#include <stdlib.h>

static wasm_memory_allocator_t *allocator;

bool adapter_init(void) {
  wasm_memory_config_t *config = wasm_memory_config_new();
  if (config == NULL) {
    return false;
  }
  /* With hardware bounds checks the engine takes 8 GiB from the base on for the memory's, though it
   * asks for the initial size only. */
  wasm_memory_config_set_reservation(config, UINT64_C(8) << 30);
  wasm_memory_config_set_guards(config, 0, 65536);
  wasm_memory_status_t status = wasm_memory_allocator_new(config, &allocator);
  wasm_memory_config_delete(config);
  return status == WASM_MEMORY_OK;
}

void adapter_destroy(void) {
  wasm_memory_allocator_delete(allocator);
  allocator = NULL;
}

const wasm_memory_allocator_t *adapter_allocator(void) { return allocator; }

/* The engine has only the base. */
static wasm_memory_t *memory_at(const void *base) {
  wasm_memory_location_t location;
  if (!wasm_memory_find(base, &location) || location.offset != 0) {
    return NULL;
  }
  return (wasm_memory_t *)location.memory;
}

static void *new_memory(unsigned int size) {
  /* Sizes are whole pages, unless the engine put a heap of its own behind the module's data. What is
   * past the end must fault, so the size is never rounded up. */
  wasm_memory_descriptor_t descriptor = {.page_size = size % 65536 == 0 ? 65536 : 1};
  descriptor.initial = WASM_MEMORY_PAGES(size / descriptor.page_size);
  wasm_memory_t *memory = NULL;
  /* The engine knows the maximum, and enforces it. */
  if (wasm_memory_new_in(allocator, &descriptor, NULL, &memory) != WASM_MEMORY_OK) {
    return NULL;
  }
  return wasm_memory_data(memory);
}

static void *grow_memory(void *base, unsigned int size) {
  wasm_memory_t *memory = memory_at(base);
  wasm_memory_descriptor_t type;
  /* 4 GiB arrive as 0, as sizes have 32 bits here. */
  if (wasm_memory_get_type(memory, &type) != WASM_MEMORY_OK ||
      size < wasm_memory_byte_length(memory)) {
    return NULL;
  }
  uint64_t delta = size - wasm_memory_byte_length(memory);
  if (delta % type.page_size != 0 ||
      wasm_memory_grow(memory, delta / type.page_size, NULL) != WASM_MEMORY_OK) {
    return NULL;
  }
  return wasm_memory_data(memory);
}

void *adapter_malloc(int usage, unsigned int size) {
  return usage == USAGE_LINEAR_MEMORY ? new_memory(size) : malloc(size);
}

/* full_size_mmaped: it must not move, and never does. */
void *adapter_realloc(int usage, bool full_size_mmaped, void *block, unsigned int size) {
  (void)full_size_mmaped;
  return usage == USAGE_LINEAR_MEMORY ? grow_memory(block, size) : realloc(block, size);
}

void adapter_free(int usage, void *block) {
  if (usage == USAGE_LINEAR_MEMORY) {
    wasm_memory_delete(memory_at(block));
  } else {
    free(block);
  }
}
