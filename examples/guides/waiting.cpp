// The same in C++: waits take a std::chrono duration, a reference is an object.
#include <chrono>
#include <cstdint>
#include <iostream>
#include <thread>
#include <wasm_memory.hpp>

int main() {
  wasm_memory::Memory memory(wasm_memory::Descriptor{1, 4}.with_shared());
  std::thread consumer([memory = memory.send()] {
    // Not equal when the producer was quicker; woken otherwise.
    const auto result = memory.wait32(0, 0, std::chrono::seconds(10));
    std::cout << (result == wasm_memory::WaitResult::timed_out ? "nobody came" : "consumer")
              << ": " << memory.load<std::uint32_t>(8) << '\n';
  });
  memory.store<std::uint32_t>(8, 42);
  memory.atomic_store<std::uint32_t>(0, 1);
  memory.notify(0);
  consumer.join();

  try {
    wasm_memory::Memory unshared(wasm_memory::Descriptor{1});
    static_cast<void>(unshared.send());
  } catch (const wasm_memory::DataCloneError &error) {
    std::cout << error.what() << '\n';
  }
}
