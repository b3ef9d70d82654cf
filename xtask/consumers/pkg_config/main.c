/* A program that knows of the library what pkg-config says. */
#include <wasm_memory.h>

int main(void) {
  wasm_memory_descriptor_t descriptor = {.initial = WASM_MEMORY_PAGES(1)};
  wasm_memory_t *memory = NULL;
  if (wasm_memory_new(&descriptor, &memory) != WASM_MEMORY_OK) return 1;
  uint64_t pages = wasm_memory_size(memory);
  wasm_memory_delete(memory);
  return pages == 1 ? 0 : 2;
}
