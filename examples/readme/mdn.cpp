#include <cstdint>
#include <iostream>
#include <wasm_memory.hpp>

int main() {
  wasm_memory::Descriptor descriptor;
  descriptor.initial = 10;
  descriptor.maximum = 100;
  wasm_memory::Memory memory(descriptor);  // throws wasm_memory::TypeError, RangeError, ...

  memory.data()[0] = 42;
  const std::uint64_t previous = memory.grow(1);
  std::cout << previous << " -> " << memory.size() << " pages\n";

  try {
    memory.grow(1000);
  } catch (const wasm_memory::RangeError &error) {
    std::cout << error.what() << " (reason " << error.reason() << ")\n";
  }
}
