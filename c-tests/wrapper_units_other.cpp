// The second translation unit of wrapper_units.cpp, compiled without exceptions.
#include "wasm_memory.hpp"

wasm_memory::Result<wasm_memory::Memory> made_in_another_unit(const wasm_memory::Descriptor &type);
wasm_memory::Memory shared_in_another_unit(const wasm_memory::Memory &memory);

wasm_memory::Result<wasm_memory::Memory> made_in_another_unit(const wasm_memory::Descriptor &type) {
  return wasm_memory::Memory::try_create(type);
}

wasm_memory::Memory shared_in_another_unit(const wasm_memory::Memory &memory) { return memory.share(); }
