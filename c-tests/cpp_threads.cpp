// The library under std::thread: a shared memory used by all, and errors that belong to the thread that failed.
#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "harness.h"

static constexpr uint64_t page = 65536;
static constexpr unsigned threads = 5, growths = 100;

static wasm_memory_t *make_shared(uint64_t initial, uint64_t maximum) {
  wasm_memory_descriptor_t type = {};
  type.initial = WASM_MEMORY_PAGES(initial);
  type.maximum = WASM_MEMORY_PAGES(maximum);
  type.shared = true;
  wasm_memory_t *memory = nullptr;
  CHECK_STATUS(wasm_memory_new(&type, &memory), WASM_MEMORY_OK);
  REQUIRE(memory != nullptr);
  return memory;
}

template <typename Work>
static void on_threads(Work work) {
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; i++) running.emplace_back(work, i);
  for (std::thread &thread : running) thread.join();
}

TEST(previous_sizes_are_all_different) {
  wasm_memory_t *memory = make_shared(1, 1 + threads * growths);
  std::vector<std::vector<uint64_t>> taken(threads);
  on_threads([&](unsigned self) {
    for (unsigned i = 0; i < growths; i++) {
      uint64_t previous = 0;
      CHECK_STATUS(wasm_memory_grow(memory, 1, &previous), WASM_MEMORY_OK);
      // What this thread grew is there for it at once.
      CHECK(__atomic_load_n(&wasm_memory_view(memory)->byte_length, __ATOMIC_ACQUIRE) >= (previous + 1) * page);
      CHECK_U64(wasm_memory_data(memory)[previous * page], 0);
      wasm_memory_data(memory)[previous * page] = 1;
      taken[self].push_back(previous);
    }
  });
  std::set<uint64_t> all;
  for (const auto &own : taken) {
    CHECK(std::is_sorted(own.begin(), own.end())); // time does not run backwards for any of them
    all.insert(own.begin(), own.end());
  }
  CHECK_U64(all.size(), threads * growths);
  CHECK_U64(*all.begin(), 1);
  CHECK_U64(*all.rbegin(), threads * growths);
  wasm_memory_delete(memory);
}

TEST(errors_belong_to_their_thread) {
  wasm_memory_t *memory = make_shared(1, 2);
  std::atomic<unsigned> failed{0};
  on_threads([&](unsigned self) {
    CHECK_STATUS(wasm_memory_grow(memory, 10 + self, nullptr), WASM_MEMORY_RANGE_ERROR);
    failed++;
    while (failed < threads) std::this_thread::yield();
    wasm_memory_error_t error = {};
    wasm_memory_last_error(&error);
    CHECK_U64(error.requested, 11 + self);
    CHECK_U64(error.available, 2);
  });
  wasm_memory_delete(memory);
}

TEST(each_thread_has_its_own_memory) {
  on_threads([](unsigned self) {
    for (unsigned i = 0; i < growths; i++) {
      wasm_memory_descriptor_t type = {};
      type.initial = WASM_MEMORY_PAGES(self);
      wasm_memory_t *memory = nullptr;
      CHECK_STATUS(wasm_memory_new(&type, &memory), WASM_MEMORY_OK);
      CHECK_STATUS(wasm_memory_grow(memory, 1, nullptr), WASM_MEMORY_OK);
      CHECK_U64(wasm_memory_data(memory)[self * page], 0);
      wasm_memory_data(memory)[self * page] = 1;
      wasm_memory_delete(memory);
    }
  });
}

// A reference that is handed to a thread is that thread's to give back.
TEST(sent_references) {
  wasm_memory_t *memory = make_shared(1, 1);
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; i++) {
    wasm_memory_t *sent = nullptr;
    CHECK_STATUS(wasm_memory_send(memory, &sent), WASM_MEMORY_OK);
    running.emplace_back([sent] {
      __atomic_fetch_add(wasm_memory_data(sent), 1, __ATOMIC_RELAXED);
      wasm_memory_delete(sent);
    });
  }
  for (std::thread &thread : running) thread.join();
  CHECK_U64(wasm_memory_data(memory)[0], threads);
  wasm_memory_delete(memory);
  CHECK_U64(wasm_memory_size(memory), 0);
}

HARNESS_MAIN(LISTED(previous_sizes_are_all_different), LISTED(errors_belong_to_their_thread), LISTED(each_thread_has_its_own_memory),
             LISTED(sent_references))
