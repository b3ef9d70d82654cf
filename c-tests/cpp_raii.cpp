// Handles owned by unique_ptr: each has a delete that fits a deleter, and order of destruction does not matter.
#include <memory>
#include <utility>
#include <vector>

#include "harness.h"

struct Deleter {
  void operator()(wasm_memory_t *memory) const { wasm_memory_delete(memory); }
  void operator()(wasm_memory_config_t *config) const { wasm_memory_config_delete(config); }
  void operator()(wasm_memory_allocator_t *allocator) const { wasm_memory_allocator_delete(allocator); }
};
using Memory = std::unique_ptr<wasm_memory_t, Deleter>;
using Config = std::unique_ptr<wasm_memory_config_t, Deleter>;
using Allocator = std::unique_ptr<wasm_memory_allocator_t, Deleter>;

static_assert(sizeof(Memory) == sizeof(void *), "an owner costs no more than the handle");

static Memory make(uint64_t initial, wasm_memory_allocator_t *allocator = nullptr) {
  wasm_memory_descriptor_t type = {};
  type.initial = WASM_MEMORY_PAGES(initial);
  wasm_memory_t *memory = nullptr;
  CHECK_STATUS(wasm_memory_new_in(allocator, &type, nullptr, &memory), WASM_MEMORY_OK);
  return Memory(memory);
}

TEST(owner_deletes) {
  wasm_memory_t *handle = nullptr;
  {
    Memory memory = make(1);
    handle = memory.get();
    CHECK_U64(wasm_memory_size(handle), 1);
  }
  CHECK_U64(wasm_memory_size(handle), 0);
}

TEST(moved_owner_deletes_once) {
  Memory first = make(2);
  wasm_memory_t *handle = first.get();
  Memory second = std::move(first);
  CHECK_POINTER(first.get(), nullptr);
  CHECK_U64(wasm_memory_size(handle), 2);
  second.reset();
  CHECK_U64(wasm_memory_size(handle), 0);
}

TEST(deleter_as_a_function_pointer) {
  std::unique_ptr<wasm_memory_t, decltype(&wasm_memory_delete)> memory(make(1).release(), &wasm_memory_delete);
  CHECK_U64(wasm_memory_size(memory.get()), 1);
}

TEST(shared_owner) {
  std::shared_ptr<wasm_memory_t> memory(make(1).release(), Deleter{});
  std::weak_ptr<wasm_memory_t> weak = memory;
  std::shared_ptr<wasm_memory_t> other = memory;
  memory.reset();
  CHECK_U64(wasm_memory_size(other.get()), 1);
  other.reset();
  CHECK(weak.expired());
}

// An owner of one's own reference: a copy, said in the library's terms.
TEST(retained_owner) {
  Memory first = make(1);
  Memory second(wasm_memory_retain(first.get()));
  CHECK_POINTER(second.get(), first.get());
  first.reset();
  CHECK_U64(wasm_memory_size(second.get()), 1);
}

TEST(config_and_allocator_go_first) {
  Config config(wasm_memory_config_new());
  wasm_memory_config_set_size_limit(config.get(), 2 * 65536);
  wasm_memory_allocator_t *made = nullptr;
  CHECK_STATUS(wasm_memory_allocator_new(config.get(), &made), WASM_MEMORY_OK);
  Allocator allocator(made);
  config.reset();
  Memory memory = make(1, allocator.get());
  allocator.reset();
  CHECK_STATUS(wasm_memory_grow(memory.get(), 1, nullptr), WASM_MEMORY_OK);
  CHECK_FIGURES(wasm_memory_grow(memory.get(), 1, nullptr), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, 3 * 65536, 2 * 65536);
}

TEST(owners_in_a_container) {
  std::vector<Memory> memories;
  for (uint64_t i = 0; i < 50; i++) memories.push_back(make(i));
  memories.erase(memories.begin(), memories.begin() + 25);
  for (uint64_t i = 0; i < 25; i++) CHECK_U64(wasm_memory_size(memories[i].get()), i + 25);
}

HARNESS_MAIN(LISTED(owner_deletes), LISTED(moved_owner_deletes_once), LISTED(deleter_as_a_function_pointer), LISTED(shared_owner),
             LISTED(retained_owner), LISTED(config_and_allocator_go_first), LISTED(owners_in_a_container))
