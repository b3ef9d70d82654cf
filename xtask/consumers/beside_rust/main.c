/* Two static libraries written in Rust in one program. */
#include "wasm_memory.h"

uint32_t other_seven(void);

int main(void) {
  wasm_memory_descriptor_t descriptor = {.initial = WASM_MEMORY_PAGES(1)};
  wasm_memory_t *memory = NULL;
  if (wasm_memory_new(&descriptor, &memory) != WASM_MEMORY_OK) return 1;
  uint64_t previous = 0;
  if (wasm_memory_grow(memory, 1, &previous) != WASM_MEMORY_OK || previous != 1) return 2;
  wasm_memory_delete(memory);
  return other_seven() == 7 ? 0 : 3;
}
