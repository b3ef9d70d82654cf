// The second translation unit of two_units_a.cpp.
#include "wasm_memory.h"

wasm_memory_t *made_in_another_unit(wasm_memory_page_count_t initial);
const void *address_of_new_in_another_unit();

wasm_memory_t *made_in_another_unit(wasm_memory_page_count_t initial) {
  wasm_memory_descriptor_t type = {};
  type.initial = initial;
  wasm_memory_t *memory = nullptr;
  return wasm_memory_new(&type, &memory) == WASM_MEMORY_OK ? memory : nullptr;
}

const void *address_of_new_in_another_unit() { return reinterpret_cast<const void *>(&wasm_memory_new); }
