// wasm_memory.hpp in C++20: the bytes as a span, descriptors with designated initializers.
#include <algorithm>
#include <array>
#include <type_traits>
#include <vector>

#include "wrapper_fixtures.h"

#ifndef __cpp_lib_span
#error "to be compiled as C++20, with <span>"
#endif

static_assert(noexcept(std::declval<const wm::Memory &>().bytes()) && noexcept(std::declval<const wm::Buffer &>().bytes()));
static_assert(noexcept(std::declval<const wm::Memory &>().try_read(0, std::declval<std::span<uint8_t>>())));
static_assert(noexcept(std::declval<const wm::Memory &>().try_write(0, std::declval<std::span<const uint8_t>>())));

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
  NEEDS_STEADY_BASE();
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

TEST(span_of_a_buffer) {
  wm::Memory memory(wm::Descriptor{1, 3});
  const wm::Buffer buffer = memory.to_resizable_buffer();
  memory.grow(1);
  CHECK_U64(buffer.bytes().size(), 2 * page);
  buffer.bytes().back() = 9;
  CHECK_U64(memory.bytes().back(), 9);
  (void)memory.to_fixed_length_buffer();
  CHECK(buffer.bytes().empty() && wm::Buffer().bytes().empty());
}

TEST(read_and_write) {
  const wm::Memory memory(wm::Descriptor{1});
  const std::array<uint8_t, 3> source{1, 2, 3};
  memory.write(page - 3, source);
  std::vector<uint8_t> destination(2);
  memory.read(page - 2, destination);
  CHECK(destination == (std::vector<uint8_t>{2, 3}));
  memory.write(0, memory.bytes().last(3));
  CHECK(std::ranges::equal(memory.bytes().first(3), source));
  uint8_t bytes[4] = {9, 9, 9, 9};
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::out_of_bounds, page + 1, page, memory.read(page - 3, bytes));
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::out_of_bounds, page + 1, page, memory.write(page - 3, bytes));
  CHECK(std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 9; }) && !memory.try_read(page, bytes) && !memory.try_write(page, bytes));
  memory.read(page, std::span<uint8_t>());
  memory.write(page, std::span<const uint8_t>());
}

TEST(init_from_a_span) {
  const wm::Memory memory(wm::Descriptor{1});
  static constexpr std::array<uint8_t, 5> segment{1, 2, 3, 4, 5};
  memory.init(10, segment, 1, 3);
  CHECK(std::ranges::equal(memory.bytes().subspan(9, 5), std::array<uint8_t, 5>{0, 2, 3, 4, 0}));
  memory.init(page, {}, 0, 0); // dropped
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::out_of_bounds, 6, 5, memory.init(0, segment, 3, 3));
  CHECK(!memory.try_init(0, {}, 0, 1));
}

TEST(designated_initializers) {
  const wm::Memory memory({.initial = 1, .maximum = 4, .shared = true, .address = wm::Address::i64});
  CHECK((memory.type() == wm::Descriptor{.initial = 1, .maximum = 4, .shared = true, .address = wm::Address::i64}));
  CHECK_U64(wm::Memory(wm::Descriptor{.initial = 10, .page_size = 1}).byte_length(), 10);
}

HARNESS_MAIN(LISTED(span_is_all_of_the_memory), LISTED(span_is_of_its_time), LISTED(span_of_nothing), LISTED(span_as_std_byte),
             LISTED(span_of_a_buffer), LISTED(read_and_write), LISTED(init_from_a_span), LISTED(designated_initializers))
