// wasm_memory.hpp under std::thread: a shared memory, with a Memory for each thread or one for all.
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "wrapper_fixtures.h"

static constexpr unsigned threads = 4, growths = 50;

// What a WebAssembly program with workers does: each gets a Memory of its own and takes it along.
TEST(each_thread_owns_a_reference) {
  wm::Memory memory(wm::Descriptor{1, 1 + threads * growths, true});
  std::vector<std::vector<uint64_t>> previous(threads);
  std::vector<std::thread> running;
  std::atomic<bool> alone{false};
  for (unsigned self = 0; self < threads; self++) {
    running.emplace_back([sent = memory.send(), &own = previous[self], &alone]() mutable {
      while (!alone) std::this_thread::yield();
      for (unsigned i = 0; i < growths; i++) {
        const uint64_t at = sent.grow(1);
        CHECK(sent.byte_length() >= (at + 1) * page);
        sent.data()[at * page] = 1; // no other thread was given this page
        own.push_back(at);
      }
    });
  }
  wasm_memory_t *handle = memory.get();
  memory.reset();
  CHECK_U64(wasm_memory_size(handle), 1); // the threads keep it
  alone = true;
  for (std::thread &thread : running) thread.join();
  std::set<uint64_t> all;
  for (const auto &own : previous) all.insert(own.begin(), own.end());
  CHECK_U64(all.size(), threads * growths);
  CHECK_U64(wasm_memory_size(handle), 0);
}

TEST(one_object_for_all_threads) {
  const wm::Memory memory(wm::Descriptor{1, 1, true});
  const wm::View &view = memory.view();
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; i++) {
    running.emplace_back([&] {
      for (unsigned j = 0; j < 1000; j++) __atomic_fetch_add(reinterpret_cast<uint32_t *>(view.base), 1u, __ATOMIC_RELAXED);
    });
  }
  for (std::thread &thread : running) thread.join();
  CHECK_U64(*reinterpret_cast<const uint32_t *>(memory.data()), 1000 * threads);
}

TEST(exceptions_belong_to_their_thread) {
  std::atomic<unsigned> failed{0};
  std::vector<std::thread> running;
  for (unsigned self = 0; self < threads; self++) {
    running.emplace_back([self, &failed] {
      wm::Memory memory(wm::Descriptor{1, 2});
      try {
        memory.grow(10 + self);
      } catch (const wm::RangeError &error) {
        failed++;
        while (failed < threads) std::this_thread::yield();
        CHECK_U64(error.requested(), 11 + self);
        CHECK(std::string(error.what()).find(std::to_string(11 + self)) != std::string::npos);
        CHECK_U64(wm::last_error().requested, 11 + self);
      }
    });
  }
  for (std::thread &thread : running) thread.join();
  CHECK_U64(failed, threads);
}

TEST(one_allocator_for_all_threads) {
  const wm::Allocator allocator(wm::Config().set_size_limit(4 * page));
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; i++) {
    running.emplace_back([own = allocator.share()] {
      for (unsigned j = 0; j < growths; j++) CHECK_U64(wm::Memory(wm::Descriptor{1}, own).grow(3), 1);
    });
  }
  for (std::thread &thread : running) thread.join();
}

HARNESS_MAIN(LISTED(each_thread_owns_a_reference), LISTED(one_object_for_all_threads), LISTED(exceptions_belong_to_their_thread),
             LISTED(one_allocator_for_all_threads))
