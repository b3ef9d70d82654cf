// A program in C++ on the installed package.
#include <wasm_memory.hpp>
#include <wasm_memory_bytes.hpp>

int main() {
  wasm_memory::Descriptor descriptor;
  descriptor.initial = 1;
  wasm_memory::Memory memory(descriptor);
  return memory.grow(1) == 1 && memory.size() == 2 ? 0 : 1;
}
