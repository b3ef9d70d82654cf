/* A plug-in that has the library inside it. */
#include <wasm_memory.h>

uint64_t plugin_pages(void);

uint64_t plugin_pages(void) {
  wasm_memory_descriptor_t descriptor = {.initial = WASM_MEMORY_PAGES(1)};
  wasm_memory_t *memory = NULL;
  if (wasm_memory_new(&descriptor, &memory) != WASM_MEMORY_OK) return 0;
  uint64_t pages = wasm_memory_size(memory);
  wasm_memory_delete(memory);
  return pages;
}
