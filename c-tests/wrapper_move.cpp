// wasm_memory.hpp: who owns a reference, and when it is given back. A handle whose last reference is gone has size 0.
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "wrapper_fixtures.h"

template <typename T>
constexpr bool move_only = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
                           std::is_nothrow_destructible_v<T> && !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(move_only<wm::Memory> && move_only<wm::Allocator> && move_only<wm::Config>);
static_assert(move_only<wm::Result<wm::Memory>>);

TEST(destructor_gives_back) {
  wasm_memory_t *handle = nullptr;
  {
    const wm::Memory memory(wm::Descriptor{1});
    handle = memory.get();
    CHECK_U64(wasm_memory_size(handle), 1);
  }
  CHECK_U64(wasm_memory_size(handle), 0);
}

TEST(move_construction_leaves_empty) {
  wm::Memory first(wm::Descriptor{2});
  wasm_memory_t *handle = first.get();
  {
    const wm::Memory second(std::move(first));
    CHECK(!first);
    CHECK_POINTER(first.get(), nullptr);
    CHECK_POINTER(second.get(), handle);
    CHECK_U64(second.size(), 2);
  }
  CHECK_U64(wasm_memory_size(handle), 0);
}

TEST(move_assignment_gives_the_old_one_back) {
  wm::Memory first(wm::Descriptor{1});
  wm::Memory second(wm::Descriptor{2});
  wasm_memory_t *old = first.get();
  first = std::move(second);
  CHECK_U64(wasm_memory_size(old), 0);
  CHECK_U64(first.size(), 2);
  CHECK(!second);
  second = wm::Memory(wm::Descriptor{3});
  CHECK_U64(second.size(), 3);
}

TEST(self_move_keeps) {
  wm::Memory memory(wm::Descriptor{2});
  wm::Memory &same = memory;
  memory = std::move(same);
  CHECK_U64(memory.size(), 2);
}

TEST(swap) {
  wm::Memory first(wm::Descriptor{1}), second(wm::Descriptor{2});
  std::swap(first, second);
  CHECK_U64(first.size(), 2);
  CHECK_U64(second.size(), 1);
}

TEST(share_is_one_more_reference) {
  wm::Memory first(wm::Descriptor{1, 5});
  wm::Memory second = first.share();
  wm::Memory other(wm::Descriptor{1, 5});
  CHECK(first == second && first != other);
  second.grow(1);
  CHECK_U64(first.size(), 2);
  first.reset();
  CHECK(!first);
  CHECK_U64(second.size(), 2);
  wasm_memory_t *handle = second.get();
  second.reset();
  CHECK_U64(wasm_memory_size(handle), 0);
}

TEST(send_is_one_more_reference) {
  wm::Memory memory(wm::Descriptor{1, 2, true});
  wm::Memory sent = memory.send();
  CHECK(sent == memory);
  memory.reset();
  CHECK_U64(sent.size(), 1);
  wasm_memory_t *handle = sent.get();
  {
    const auto again = sent.try_send();
    REQUIRE(again.has_value());
    sent.reset();
    CHECK_U64(again->size(), 1);
  }
  CHECK_U64(wasm_memory_size(handle), 0);
}

TEST(release_and_adopt_cross_the_abi) {
  wm::Memory memory(wm::Descriptor{3});
  wasm_memory_t *handle = memory.release();
  CHECK(!memory);
  CHECK_U64(wasm_memory_size(handle), 3);
  {
    const wm::Memory adopted = wm::Memory::adopt(handle);
    CHECK_U64(adopted.size(), 3);
  }
  CHECK_U64(wasm_memory_size(handle), 0);
  CHECK(!wm::Memory::adopt(nullptr));
}

TEST(lent_handle_is_retained) {
  const wm::Memory owner(wm::Descriptor{1});
  { const wm::Memory lent = wm::Memory::adopt(wasm_memory_retain(owner.get())); }
  CHECK_U64(owner.size(), 1);
}

TEST(empty_memory_answers) {
  wm::Memory memory;
  CHECK(!memory && memory == wm::Memory());
  CHECK_POINTER(memory.data(), nullptr);
  CHECK_U64(memory.size(), 0);
  CHECK_U64(memory.byte_length(), 0);
  CHECK_POINTER(memory.view().base, nullptr);
  CHECK_U64(memory.view().byte_length, 0);
  CHECK_U64(memory.layout().reservation, 0);
  CHECK(!memory.layout().elides_i32_checks);
  CHECK(!memory.share());
  memory.set_user_data(&memory);
  CHECK_POINTER(memory.user_data(), nullptr);
  CHECK_POINTER(memory.release(), nullptr);
  memory.reset();
}

TEST(dead_handle_is_an_error) {
  wasm_memory_t *handle = wm::Memory(wm::Descriptor{1}).get();
  wm::Memory memory = wm::Memory::adopt(handle);
  CHECK_THROWS(TypeError, wm::reason::invalid_handle, memory.grow(1));
  CHECK(!memory.share());
  CHECK_POINTER(memory.view().base, nullptr);
}

TEST(result_gives_its_value_up) {
  auto made = wm::Memory::try_create(wm::Descriptor{4});
  wm::Memory memory = *std::move(made);
  CHECK_U64(memory.size(), 4);
  CHECK(!*made);
  const wm::Memory direct = wm::Memory::try_create(wm::Descriptor{5}).value();
  CHECK_U64(direct.size(), 5);
  auto kept = wm::Memory::try_create(wm::Descriptor{6});
  CHECK_U64(kept.value().size(), 6);
  CHECK_U64(kept->grow(1), 6);
  const wm::Result<wm::Memory> moved = std::move(kept);
  CHECK_U64(moved.value().size(), 7);
}

TEST(in_a_container) {
  std::vector<wm::Memory> memories;
  for (uint64_t i = 0; i < 50; i++) memories.emplace_back(wm::Descriptor{i});
  memories.erase(memories.begin(), memories.begin() + 25);
  for (size_t i = 0; i < 25; i++) CHECK_U64(memories[i].size(), i + 25);
}

TEST(in_a_shared_pointer) {
  auto first = std::make_shared<wm::Memory>(wm::Descriptor{1, 2});
  const auto second = first;
  second->grow(1);
  first.reset();
  CHECK_U64(second->size(), 2);
}

HARNESS_MAIN(LISTED(destructor_gives_back), LISTED(move_construction_leaves_empty), LISTED(move_assignment_gives_the_old_one_back),
             LISTED(self_move_keeps), LISTED(swap), LISTED(share_is_one_more_reference), LISTED(send_is_one_more_reference),
             LISTED(release_and_adopt_cross_the_abi), LISTED(lent_handle_is_retained), LISTED(empty_memory_answers),
             LISTED(dead_handle_is_an_error), LISTED(result_gives_its_value_up), LISTED(in_a_container), LISTED(in_a_shared_pointer))
