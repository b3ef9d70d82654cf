// wasm_memory.hpp in C++20: the bytes as a span, descriptors with designated initializers.
#include <algorithm>
#include <type_traits>

#include "wrapper_fixtures.h"

#ifndef __cpp_lib_span
#error "to be compiled as C++20, with <span>"
#endif

static_assert(noexcept(std::declval<const wm::Memory &>().bytes()));

TEST(span_is_all_of_the_memory) {
  wm::Memory memory(wm::Descriptor{1, 3});
  const std::span<uint8_t> bytes = memory.bytes();
  CHECK_POINTER(bytes.data(), memory.data());
  CHECK_U64(bytes.size(), page);
  CHECK(std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; }));
  std::ranges::fill(bytes.last(2), uint8_t{7});
  CHECK_U64(memory.data()[page - 1], 7);
}

TEST(span_is_of_its_time) {
  wm::Memory memory(wm::Descriptor{1, 3});
  const auto before = memory.bytes();
  memory.grow(2);
  CHECK_U64(before.size(), page);
  CHECK_U64(memory.bytes().size(), 3 * page);
  CHECK_POINTER(memory.bytes().data(), before.data());
}

TEST(span_of_nothing) {
  CHECK(wm::Memory(wm::Descriptor{0}).bytes().empty());
  CHECK(wm::Memory().bytes().empty());
}

TEST(span_as_std_byte) {
  const wm::Memory memory(wm::Descriptor{1});
  const auto bytes = std::as_writable_bytes(memory.bytes());
  bytes[5] = std::byte{9};
  CHECK_U64(memory.data()[5], 9);
}

TEST(designated_initializers) {
  const wm::Memory memory({.initial = 1, .maximum = 4, .shared = true, .address = wm::Address::i64});
  CHECK((memory.type() == wm::Descriptor{.initial = 1, .maximum = 4, .shared = true, .address = wm::Address::i64}));
  CHECK_U64(wm::Memory(wm::Descriptor{.initial = 10, .page_size = 1}).byte_length(), 10);
}

HARNESS_MAIN(LISTED(span_is_all_of_the_memory), LISTED(span_is_of_its_time), LISTED(span_of_nothing), LISTED(span_as_std_byte),
             LISTED(designated_initializers))
