// wasm_memory.hpp: Buffer, an ArrayBuffer or SharedArrayBuffer. Whose it is, when it is the same, what can be done with it.
#include <type_traits>
#include <utility>
#include <vector>

#include "wrapper_fixtures.h"

static_assert(std::is_nothrow_move_constructible_v<wm::Buffer> && std::is_nothrow_move_assignable_v<wm::Buffer>);
static_assert(std::is_nothrow_default_constructible_v<wm::Buffer> && std::is_nothrow_destructible_v<wm::Buffer>);
static_assert(!std::is_copy_constructible_v<wm::Buffer> && !std::is_copy_assignable_v<wm::Buffer>);
static_assert(sizeof(wm::Buffer) == sizeof(void *));

static const wm::Descriptor two_of_five{2, 5}, two_of_five_shared{2, 5, true};

static void check_detached(const wm::Buffer &buffer) {
  CHECK(buffer && buffer.is_detached());
  CHECK_POINTER(buffer.data(), nullptr);
  CHECK_U64(buffer.byte_length(), 0);
  CHECK_U64(buffer.max_byte_length(), 0);
}

TEST(is_that_of_the_memory) {
  for (const bool shared : {false, true}) {
    const wm::Memory memory(wm::Descriptor{2, 5, shared});
    const wm::Buffer buffer = memory.buffer();
    CHECK(buffer == memory.buffer() && !(buffer != memory.buffer()));
    CHECK(buffer != wm::Memory(wm::Descriptor{2, 5, shared}).buffer());
    CHECK_POINTER(buffer.data(), memory.data());
    CHECK_U64(buffer.byte_length(), 2 * page);
    CHECK_U64(buffer.max_byte_length(), 2 * page);
    CHECK(buffer.is_shared() == shared && !buffer.is_resizable() && !buffer.is_detached());
  }
}

TEST(growth_detaches) {
  wm::Memory memory(two_of_five);
  for (const uint64_t delta : {uint64_t{1}, uint64_t{0}}) {
    const wm::Buffer old = memory.buffer();
    memory.grow(delta);
    check_detached(old);
    CHECK(!old.is_resizable() && memory.buffer() != old);
    CHECK_U64(memory.buffer().byte_length(), 3 * page);
  }
}

TEST(failed_growth_keeps_it) {
  wm::Memory memory(two_of_five);
  const wm::Buffer buffer = memory.buffer();
  CHECK_THROWS(RangeError, wm::reason::maximum_exceeded, memory.grow(4));
  CHECK(memory.buffer() == buffer && !buffer.is_detached());
}

TEST(shared_growth_makes_another) {
  wm::Memory memory(two_of_five_shared);
  const wm::Buffer old = memory.buffer();
  memory.grow(0);
  CHECK(memory.buffer() == old);
  memory.grow(1);
  CHECK(memory.buffer() != old && !old.is_detached());
  CHECK_U64(old.byte_length(), 2 * page);
  CHECK_U64(memory.buffer().byte_length(), 3 * page);
  CHECK_POINTER(memory.buffer().data(), old.data());
}

TEST(resizable_follows_the_memory) {
  for (const bool shared : {false, true}) {
    wm::Memory memory(wm::Descriptor{2, 5, shared});
    const wm::Buffer fixed = memory.buffer();
    const wm::Buffer buffer = memory.to_resizable_buffer();
    CHECK(buffer != fixed && fixed.is_detached() == !shared);
    CHECK(buffer.is_resizable() && buffer.is_shared() == shared);
    CHECK_U64(buffer.max_byte_length(), 5 * page);
    memory.grow(1);
    CHECK(memory.buffer() == buffer && memory.to_resizable_buffer() == buffer);
    CHECK_U64(buffer.byte_length(), 3 * page);
    const wm::Buffer again = memory.to_fixed_length_buffer();
    CHECK(again != buffer && memory.buffer() == again && memory.to_fixed_length_buffer() == again);
    CHECK(!again.is_resizable() && buffer.is_detached() == !shared && buffer.is_resizable());
  }
}

TEST(resize_grows_the_memory) {
  wm::Memory memory(two_of_five);
  wm::Buffer buffer = memory.to_resizable_buffer();
  buffer.resize(4 * page);
  CHECK_U64(memory.size(), 4);
  CHECK_U64(buffer.byte_length(), 4 * page);
  buffer.data()[4 * page - 1] = 1;
  buffer.resize(4 * page);
  CHECK(buffer.try_resize(5 * page).has_value());
  CHECK_U64(memory.size(), 5);
  CHECK(memory.buffer() == buffer);
}

TEST(resize_errors) {
  wm::Memory memory(two_of_five);
  wm::Buffer fixed = memory.buffer();
  CHECK_THROWS(TypeError, wm::reason::buffer_kind, fixed.resize(3 * page));
  wm::Buffer buffer = memory.to_resizable_buffer();
  CHECK_THROWS(TypeError, wm::reason::buffer_kind, buffer.grow(3 * page));
  CHECK_THROWN_FIGURES(RangeError, wm::reason::would_shrink, page, 2 * page, buffer.resize(page));
  CHECK_THROWN_FIGURES(RangeError, wm::reason::max_byte_length, 6 * page, 5 * page, buffer.resize(6 * page));
  CHECK_THROWS(RangeError, wm::reason::not_page_multiple, buffer.resize(2 * page + 1));
  CHECK_U64(buffer.try_resize(0).error().reason, wm::reason::would_shrink);
  CHECK_U64(memory.size(), 2);
  (void)memory.to_fixed_length_buffer();
  CHECK_THROWS(TypeError, wm::reason::detached, buffer.resize(3 * page));
}

TEST(grow_of_a_growable_one) {
  wm::Memory memory(two_of_five_shared);
  wm::Buffer fixed = memory.buffer();
  CHECK_THROWS(TypeError, wm::reason::buffer_kind, fixed.grow(3 * page));
  wm::Buffer buffer = memory.to_resizable_buffer();
  CHECK_THROWS(TypeError, wm::reason::buffer_kind, buffer.resize(3 * page));
  buffer.grow(3 * page);
  CHECK_U64(memory.size(), 3);
  CHECK_U64(buffer.byte_length(), 3 * page);
  CHECK_THROWS(RangeError, wm::reason::would_shrink, buffer.grow(page));
  CHECK_THROWS(RangeError, wm::reason::not_page_multiple, buffer.grow(3 * page + 1));
  CHECK_THROWN_FIGURES(RangeError, wm::reason::max_byte_length, 6 * page, 5 * page, buffer.grow(6 * page));
  CHECK_U64(buffer.try_grow(9 * page).error().reason, wm::reason::max_byte_length);
  CHECK(buffer.try_grow(5 * page).has_value());
}

TEST(no_maximum_no_resizable_buffer) {
  wm::Memory memory(wm::Descriptor{1});
  const wm::Buffer buffer = memory.buffer();
  CHECK_THROWS(TypeError, wm::reason::no_maximum, memory.to_resizable_buffer());
  CHECK(memory.buffer() == buffer && !buffer.is_detached());
}

TEST(transfer_is_refused) {
  wm::Memory memory(two_of_five);
  wm::Buffer buffer = memory.buffer();
  CHECK_THROWS(TypeError, wm::reason::not_transferable, buffer.transfer());
  CHECK(!buffer.is_detached());
  memory.grow(0);
  CHECK_THROWS(TypeError, wm::reason::detached, buffer.transfer());
  wm::Buffer shared = wm::Memory(two_of_five_shared).buffer();
  CHECK_THROWS(TypeError, wm::reason::buffer_kind, shared.transfer());
  CHECK_U64(shared.try_transfer().error().reason, wm::reason::buffer_kind);
}

TEST(outlives_the_memory) {
  wm::Memory memory(two_of_five);
  memory.data()[page] = 7;
  wm::Buffer buffer = memory.to_resizable_buffer();
  memory.reset();
  CHECK_U64(buffer.data()[page], 7);
  buffer.resize(3 * page);
  buffer.data()[3 * page - 1] = 8;
  CHECK_U64(buffer.byte_length(), 3 * page);
}

// A handle whose last reference is gone has no data and is not detached.
TEST(references) {
  const wm::Memory memory(two_of_five);
  wm::Buffer first = memory.buffer();
  wasm_memory_buffer_t *handle = first.get();
  wm::Buffer second = first.share();
  CHECK(first == second);
  first.reset();
  CHECK(!first);
  CHECK_POINTER(wasm_memory_buffer_data(handle), memory.data());
  wm::Buffer third(std::move(second));
  CHECK(!second);
  CHECK_POINTER(third.get(), handle);
  wm::Buffer &same = third;
  third = std::move(same);
  CHECK_POINTER(third.get(), handle);
  second = std::move(third);
  CHECK(!third);
  CHECK_POINTER(second.release(), handle);
  CHECK(!second);
  { const wm::Buffer lent = wm::Buffer::adopt(wasm_memory_buffer_retain(handle)); }
  CHECK_POINTER(wasm_memory_buffer_data(handle), memory.data());
  { const wm::Buffer adopted = wm::Buffer::adopt(handle); }
  CHECK_POINTER(wasm_memory_buffer_data(handle), nullptr);
  CHECK(memory.buffer().data() == memory.data());
}

TEST(in_a_container) {
  wm::Memory memory(two_of_five);
  std::vector<wm::Buffer> all;
  for (int i = 0; i < 20; i++) {
    all.push_back(memory.buffer());
    memory.grow(0);
  }
  for (const wm::Buffer &buffer : all) check_detached(buffer);
}

TEST(empty) {
  wm::Buffer buffer;
  CHECK(!buffer && buffer == wm::Buffer() && !buffer.share() && !wm::Buffer::adopt(nullptr));
  CHECK_POINTER(buffer.data(), nullptr);
  CHECK_U64(buffer.byte_length(), 0);
  CHECK_U64(buffer.max_byte_length(), 0);
  CHECK(!buffer.is_detached() && !buffer.is_shared() && !buffer.is_resizable());
  CHECK_THROWS(TypeError, wm::reason::null_argument, buffer.resize(0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, buffer.grow(0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, buffer.transfer());
  CHECK_POINTER(buffer.release(), nullptr);
  buffer.reset();
  wm::Memory memory;
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.buffer());
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.to_resizable_buffer());
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.to_fixed_length_buffer());
}

HARNESS_MAIN(LISTED(is_that_of_the_memory), LISTED(growth_detaches), LISTED(failed_growth_keeps_it), LISTED(shared_growth_makes_another),
             LISTED(resizable_follows_the_memory), LISTED(resize_grows_the_memory), LISTED(resize_errors), LISTED(grow_of_a_growable_one),
             LISTED(no_maximum_no_resizable_buffer), LISTED(transfer_is_refused), LISTED(outlives_the_memory), LISTED(references),
             LISTED(in_a_container), LISTED(empty))
