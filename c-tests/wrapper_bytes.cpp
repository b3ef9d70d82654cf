// wasm_memory.hpp: ranges of bytes, read, written, filled, copied, initialized and discarded.
#include <algorithm>
#include <string>
#include <vector>

#include "wrapper_fixtures.h"

// A memory whose byte i is i, as far as that goes.
static wm::Memory numbered(uint64_t pages, uint32_t page_size = 65536) {
  wm::Memory memory(wm::Descriptor{pages, 10, false, wm::Address::i32, page_size});
  for (uint64_t i = 0; i < memory.byte_length(); i++) memory.data()[i] = static_cast<uint8_t>(i);
  return memory;
}

static bool is_numbered(const wm::Memory &memory) {
  for (uint64_t i = 0; i < memory.byte_length(); i++)
    if (memory.data()[i] != static_cast<uint8_t>(i)) return false;
  return true;
}

#define CHECK_OUT_OF_BOUNDS(end, length, ...) CHECK_THROWN_FIGURES(RuntimeError, wm::reason::out_of_bounds, end, length, __VA_ARGS__)

TEST(write_and_read) {
  const wm::Memory memory(wm::Descriptor{1});
  const std::string text = "linear memory";
  memory.write(page - text.size(), text.data(), text.size());
  std::string back(text.size(), '?');
  memory.read(page - text.size(), back.data(), back.size());
  CHECK_STRING(back.c_str(), text.c_str());
  CHECK_U64(memory.data()[page - 1], 'y');
  CHECK(memory.try_write(0, "abc", 3).has_value() && memory.try_read(1, back.data(), 2).has_value());
  CHECK_STRING(back.substr(0, 3).c_str(), "bcn");
}

TEST(ends_at_the_end) {
  const wm::Memory memory = numbered(1);
  uint8_t bytes[4] = {9, 9, 9, 9};
  CHECK_OUT_OF_BOUNDS(page + 1, page, memory.read(page - 3, bytes, 4));
  CHECK_OUT_OF_BOUNDS(page + 1, page, memory.write(page - 3, bytes, 4));
  CHECK_OUT_OF_BOUNDS(page + 1, page, memory.fill(page + 1, 0, 0));
  CHECK_OUT_OF_BOUNDS(page + 2, page, memory.fill(page - 2, 0, 4));
  CHECK_OUT_OF_BOUNDS(UINT64_MAX, page, memory.fill(2, 0, UINT64_MAX));
  CHECK_OUT_OF_BOUNDS(UINT64_MAX, page, memory.read(UINT64_MAX, bytes, 4));
  CHECK_OUT_OF_BOUNDS(page + 1, page, memory.copy(page, 0, 1));
  CHECK_OUT_OF_BOUNDS(page + 7, page, memory.copy(0, page, 7));
  CHECK_OUT_OF_BOUNDS(page + 1, page, memory.init(page, bytes, 4, 9, 1));
  CHECK_OUT_OF_BOUNDS(5, 4, memory.init(0, bytes, 4, 2, 3));
  CHECK_OUT_OF_BOUNDS(2 * page, page, memory.discard(page, page));
  CHECK(is_numbered(memory) && std::all_of(bytes, bytes + 4, [](uint8_t byte) { return byte == 9; }));
  memory.read(page, nullptr, 0);
  memory.write(page, nullptr, 0);
  memory.fill(page, 1, 0);
  memory.copy(page, page, 0);
  memory.init(page, nullptr, 0, 0, 0);
  memory.discard(page, 0);
  CHECK(is_numbered(memory));
}

TEST(try_forms_give_the_same_error) {
  const wm::Memory memory = numbered(1);
  uint8_t byte = 0;
  for (const wm::Result<void> &result :
       {memory.try_read(page, &byte, 1), memory.try_write(page, &byte, 1), memory.try_fill(page, 0, 1), memory.try_copy(page, 0, 1),
        memory.try_copy(page, memory, 0, 1), memory.try_init(page, &byte, 1, 0, 1)}) {
    CHECK(!result);
    CHECK_STATUS(result.error().status, wm::status::runtime_error);
    CHECK_U64(result.error().reason, wm::reason::out_of_bounds);
    CHECK_U64(result.error().requested, page + 1);
    CHECK_U64(result.error().available, page);
  }
  CHECK_U64(memory.try_discard(1, page).error().reason, wm::reason::unaligned);
}

TEST(fill) {
  const wm::Memory memory = numbered(1);
  memory.fill(3, 0xAA, 4);
  const uint8_t expected[] = {2, 0xAA, 0xAA, 0xAA, 0xAA, 7};
  CHECK(std::equal(expected, expected + 6, memory.data() + 2));
}

TEST(copy_within) {
  const wm::Memory memory = numbered(1);
  memory.copy(2, 0, 4);
  const uint8_t up[] = {0, 1, 0, 1, 2, 3, 6};
  CHECK(std::equal(up, up + 7, memory.data()));
  memory.copy(1, 3, 3);
  const uint8_t down[] = {0, 1, 2, 3, 2, 3, 6};
  CHECK(std::equal(down, down + 7, memory.data()));
}

TEST(copy_between) {
  const wm::Memory to(wm::Descriptor{10}.with_page_size(1)), from = numbered(1);
  to.copy(4, from, 100, 6);
  const uint8_t expected[] = {0, 0, 0, 0, 100, 101, 102, 103, 104, 105};
  CHECK(std::equal(expected, expected + 10, to.data()));
  CHECK_OUT_OF_BOUNDS(11, 10, to.copy(5, from, page, 6));
  CHECK_OUT_OF_BOUNDS(page + 6, page, to.copy(4, from, page, 6));
}

TEST(init) {
  const wm::Memory memory(wm::Descriptor{1});
  const std::vector<uint8_t> segment{1, 2, 3, 4, 5};
  memory.init(10, segment.data(), segment.size(), 1, 3);
  const uint8_t expected[] = {0, 2, 3, 4, 0};
  CHECK(std::equal(expected, expected + 5, memory.data() + 9));
  CHECK_OUT_OF_BOUNDS(1, 0, memory.init(0, nullptr, 0, 0, 1));
}

TEST(discard) {
  const wm::Memory memory = numbered(3);
  memory.discard(page, page);
  CHECK(std::all_of(memory.data() + page, memory.data() + 2 * page, [](uint8_t byte) { return byte == 0; }));
  CHECK_U64(memory.data()[page - 1], 0xFF);
  CHECK_U64(memory.data()[2 * page + 1], 1);
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::unaligned, 1, page, memory.discard(1, page));
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::unaligned, 9 * page + 1, page, memory.discard(0, 9 * page + 1));
  const wm::Memory bytes = numbered(10, 1);
  bytes.discard(3, 2);
  const uint8_t expected[] = {2, 0, 0, 5};
  CHECK(std::equal(expected, expected + 4, bytes.data() + 2));
}

TEST(null_and_empty) {
  const wm::Memory memory(wm::Descriptor{1}), none;
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.read(0, nullptr, 1));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.write(0, nullptr, 1));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.init(0, nullptr, 1, 0, 0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, none.read(0, nullptr, 0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, none.write(0, nullptr, 0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, none.fill(0, 0, 0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, none.copy(0, 0, 0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.copy(0, none, 0, 0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, none.copy(0, memory, 0, 0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, none.init(0, nullptr, 0, 0, 0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, none.discard(0, 0));
}

HARNESS_MAIN(LISTED(write_and_read), LISTED(ends_at_the_end), LISTED(try_forms_give_the_same_error), LISTED(fill), LISTED(copy_within),
             LISTED(copy_between), LISTED(init), LISTED(discard), LISTED(null_and_empty))
