// wasm_memory.hpp: wait32, wait64, notify and interrupt, with timeouts of std::chrono.
#include <atomic>
#include <chrono>
#include <limits>
#include <ratio>
#include <thread>
#include <type_traits>
#include <vector>

#include "wrapper_fixtures.h"

using namespace std::chrono_literals;

static_assert(noexcept(std::declval<const wm::Memory &>().try_wait32(0, 0)) && noexcept(std::declval<const wm::Memory &>().try_wait64(0, 0)));
static_assert(noexcept(std::declval<const wm::Memory &>().try_wait32(0, 0, std::declval<const std::chrono::hours &>())));
static_assert(noexcept(std::declval<const wm::Memory &>().try_notify(0)) && noexcept(std::declval<const wm::Memory &>().try_interrupt()));
static_assert(std::is_same_v<decltype(std::declval<const wm::Memory &>().wait64(0, 0, 1h)), wm::WaitResult>);

static const wm::Descriptor shared_page{1, 2, true};

#define CHECK_WAIT(call, expected) CHECK_U64(static_cast<uint32_t>(call), static_cast<uint32_t>(wm::WaitResult::expected))

TEST(values_that_differ) {
  const wm::Memory memory(shared_page);
  memory.store<uint64_t>(8, 0x100000002);
  CHECK_WAIT(memory.wait32(8, 3), not_equal);
  CHECK_WAIT(memory.wait32(12, 2, 10h), not_equal);
  CHECK_WAIT(memory.wait64(8, 2), not_equal);
  CHECK_WAIT(memory.wait64(8, 0x200000001, 10h), not_equal);
  CHECK_WAIT(*memory.try_wait32(8, 3), not_equal);
  CHECK_WAIT(*memory.try_wait64(8, 3), not_equal);
}

TEST(time_out) {
  const wm::Memory memory(shared_page);
  CHECK_WAIT(memory.wait32(0, 0, 0s), timed_out);
  CHECK_WAIT(memory.wait64(0, 0, std::chrono::duration<double>(0)), timed_out);
  const auto takes = [&](auto timeout) {
    for (int bits = 32; bits <= 64; bits += 32) {
      const auto start = std::chrono::steady_clock::now();
      CHECK_WAIT(bits == 32 ? memory.wait32(0, 0, timeout) : memory.wait64(0, 0, timeout), timed_out);
      const auto waited = std::chrono::steady_clock::now() - start;
      CHECK(waited >= timeout && waited < 10s);
    }
  };
  takes(20ms), takes(20000us), takes(20000000ns), takes(std::chrono::duration<float>(0.02f)), takes(std::chrono::duration<int, std::ratio<1, 50>>(1));
  CHECK_WAIT(*memory.try_wait32(0, 0, 1ms), timed_out);
  CHECK_WAIT(*memory.try_wait64(0, 0, 1ms), timed_out);
}

template <typename Rep, typename Period = std::ratio<1>>
static int64_t converted(Rep count) {
  return wm::detail::nanoseconds(std::chrono::duration<Rep, Period>(count));
}

TEST(timeouts_are_converted) {
  constexpr int64_t most = INT64_MAX, least = INT64_MIN;
  const double infinity = std::numeric_limits<double>::infinity();
  const auto is = [](int64_t actual, int64_t expected) { CHECK_U64(static_cast<uint64_t>(actual), static_cast<uint64_t>(expected)); };
  // Nanoseconds are what they are.
  for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{-1}, most, most - 1, least, (int64_t{1} << 53) + 1}) is(converted<int64_t, std::nano>(count), count);
  // Exact in other units, and from types that are smaller or have no sign.
  is(converted<int64_t, std::milli>(5), 5000000), is(converted<int64_t, std::micro>(7), 7000), is(converted<int64_t>(3600), 3600000000000);
  is(converted<uint8_t>(2), 2000000000), is(converted<uint64_t, std::nano>(77), 77), is(converted<int, std::ratio<3600>>(24), 86400000000000);
  is(converted<double>(1.5), 1500000000), is(converted<float>(0.5f), 500000000), is(converted<double, std::nano>(12), 12);
  // Never less than what was asked for.
  is(converted<int64_t, std::pico>(1), 1), is(converted<int64_t, std::pico>(1000), 1), is(converted<int64_t, std::pico>(1001), 2);
  is(converted<int, std::ratio<1, 3>>(1), 333333334), is(converted<double>(1e-12), 1), is(converted<int, std::ratio<1, 3>>(3), 1000000000);
  // More than there can be.
  is(converted<int64_t, std::ratio<3600>>(most), most), is(converted<int64_t, std::micro>(most), most), is(converted<uint64_t, std::nano>(UINT64_MAX), most);
  is(converted<int64_t, std::micro>(most / 1000 + 2000), most), is(converted<double>(1e300), most), is(converted<double>(infinity), most);
  is(converted<int64_t, std::ratio<1, 3>>(most), most), is(converted<int64_t, std::peta>(most), most);
  // Negative: for ever.
  is(converted<int64_t, std::ratio<3600>>(least), -1), is(converted<int64_t, std::milli>(-1), -1), is(converted<double>(-1e-30), -1);
  is(converted<double>(-infinity), -1), is(converted<int64_t, std::pico>(-1), -1), is(converted<int64_t, std::pico>(least), -1);
  // Nothing.
  is(converted<int64_t>(0), 0), is(converted<double>(0), 0), is(converted<double>(-0.0), 0), is(converted<double>(std::numeric_limits<double>::quiet_NaN()), 0);
}

// Notifies until somebody has been woken: only then was the other thread waiting.
static void wake_one(const wm::Memory &memory, uint64_t index) {
  while (memory.notify(index, 1) == 0) std::this_thread::sleep_for(1ms);
}

TEST(notified) {
  const wm::Memory memory(shared_page);
  const auto woken_from = [&](auto wait) {
    std::thread thread([wait, own = memory.send()] { CHECK_WAIT(wait(own), woken); });
    wake_one(memory, 8);
    thread.join();
  };
  woken_from([](const wm::Memory &own) { return own.wait32(8, 0); });
  woken_from([](const wm::Memory &own) { return own.wait64(8, 0); });
  woken_from([](const wm::Memory &own) { return *own.try_wait32(8, 0); });
  woken_from([](const wm::Memory &own) { return *own.try_wait64(8, 0); });
  woken_from([](const wm::Memory &own) { return own.wait32(8, 0, 10h); });
  // As long as can be said, and without a limit.
  woken_from([](const wm::Memory &own) { return own.wait32(8, 0, std::chrono::hours::max()); });
  woken_from([](const wm::Memory &own) { return own.wait64(8, 0, std::chrono::nanoseconds::max()); });
  woken_from([](const wm::Memory &own) { return own.wait32(8, 0, -1ns); });
  woken_from([](const wm::Memory &own) { return own.wait64(8, 0, std::chrono::hours::min()); });
}

TEST(counts) {
  constexpr unsigned threads = 5;
  const wm::Memory memory(shared_page);
  std::atomic<unsigned> back{0};
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; i++) {
    running.emplace_back([&] {
      CHECK_WAIT(memory.wait32(0, 0), woken);
      back++;
    });
  }
  CHECK_U64(memory.notify(0, 0), 0);
  CHECK_U64(memory.notify(4), 0);
  unsigned woken = 0;
  for (; woken < 2; woken += memory.notify(0, 1)) std::this_thread::sleep_for(1ms);
  while (back < 2) std::this_thread::yield();
  CHECK_U64(back, 2);
  while (woken < threads) woken += memory.notify(0, wm::Memory::everybody);
  for (std::thread &thread : running) thread.join();
  CHECK_U64(woken, threads);
  CHECK_U64(memory.notify(0), 0);
  CHECK_U64(memory.try_notify(0).value(), 0);
}

TEST(interrupted) {
  const wm::Memory memory(shared_page);
  CHECK_U64(memory.interrupt(), 0);
  std::thread throwing([&] { CHECK_THROWS(RuntimeError, wm::reason::interrupted, memory.wait32(0, 0)); });
  while (memory.interrupt() == 0) std::this_thread::sleep_for(1ms);
  throwing.join();
  std::thread trying([&] { CHECK_U64(memory.try_wait64(8, 0, 10h).error().reason, wm::reason::interrupted); });
  for (;;) {
    const auto ended = memory.try_interrupt();
    REQUIRE(ended.has_value());
    if (*ended == 1) break;
    std::this_thread::sleep_for(1ms);
  }
  trying.join();
  CHECK_WAIT(memory.wait32(0, 0, 0ns), timed_out); // the next wait is none of its business
}

TEST(traps) {
  const wm::Memory memory(shared_page), unshared(wm::Descriptor{1, 2});
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::unaligned, 2, 4, memory.wait32(2, 0));
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::unaligned, 4, 8, memory.wait64(4, 0, 1h));
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::unaligned, 1, 4, memory.notify(1));
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::out_of_bounds, page + 4, page, memory.wait32(page, 0));
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::out_of_bounds, page + 8, page, memory.wait64(page, 0));
  CHECK_THROWN_FIGURES(RuntimeError, wm::reason::out_of_bounds, page + 4, page, memory.notify(page));
  CHECK_THROWS(RuntimeError, wm::reason::wait_unshared, unshared.wait32(0, 0));
  CHECK_THROWS(RuntimeError, wm::reason::wait_unshared, unshared.wait64(page, 0, 0s));
  CHECK_U64(unshared.notify(0), 0);
  CHECK_U64(unshared.interrupt(), 0);
  CHECK_U64(memory.try_wait32(1, 0).error().reason, wm::reason::unaligned);
  CHECK_U64(memory.try_notify(page).error().reason, wm::reason::out_of_bounds);
}

TEST(no_memory) {
  const wm::Memory memory;
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.wait32(0, 0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.wait64(0, 0, 1s));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.notify(0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.interrupt());
}

// What a lock in a WebAssembly program does: wait for a value to change, change it, wake those who wait.
TEST(handing_over) {
  constexpr uint32_t rounds = 500;
  const wm::Memory memory(shared_page);
  std::thread other([own = memory.send()] {
    for (uint32_t i = 0; i < rounds; i++) {
      while (own.atomic_load<uint32_t>(0) == 2 * i) (void)own.wait32(0, 2 * i, 10s);
      own.fetch_add<uint32_t>(0, 1);
      own.notify(0);
    }
  });
  for (uint32_t i = 0; i < rounds; i++) {
    memory.fetch_add<uint32_t>(0, 1);
    memory.notify(0);
    while (memory.atomic_load<uint32_t>(0) == 2 * i + 1) (void)memory.wait32(0, 2 * i + 1, 10s);
  }
  other.join();
  CHECK_U64(memory.load<uint32_t>(0), 2 * rounds);
}

HARNESS_MAIN(LISTED(values_that_differ), LISTED(time_out), LISTED(timeouts_are_converted), LISTED(notified), LISTED(counts), LISTED(interrupted),
             LISTED(traps), LISTED(no_memory), LISTED(handing_over))
