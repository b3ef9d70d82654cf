// wasm_memory.hpp: load, store and the atomics of each type, and how they trap. They are inline: nothing here calls the library but a trap.
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "wrapper_fixtures.h"

// The type is always said: the one of a literal would choose the width.
template <typename Value, typename = void>
constexpr bool deduces = false;
template <typename Value>
constexpr bool deduces<Value, std::void_t<decltype(std::declval<wm::Memory &>().store(0, std::declval<Value>()))>> = true;
static_assert(!deduces<int> && !deduces<uint64_t> && !deduces<double>);

static_assert(noexcept(std::declval<const wm::Memory &>().try_load<int>(0)) && noexcept(std::declval<const wm::Memory &>().try_store<int>(0, 0)));
static_assert(std::is_same_v<decltype(std::declval<const wm::Memory &>().load<int8_t>(0)), int8_t>);
static_assert(std::is_same_v<decltype(std::declval<const wm::Memory &>().try_load<float>(0)), std::optional<float>>);
static_assert(std::is_same_v<decltype(std::declval<const wm::Memory &>().fetch_add<uint16_t>(0, 1)), uint16_t>);
static_assert(std::is_same_v<decltype(std::declval<const wm::Memory &>().try_exchange<int64_t>(0, 1)), wm::Result<int64_t>>);

template <typename Work>
static void of_each_integer(Work work) {
  work(uint8_t{}), work(int8_t{}), work(uint16_t{}), work(int16_t{}), work(uint32_t{}), work(int32_t{}), work(uint64_t{}), work(int64_t{});
  work(char{}), work(static_cast<long>(0)), work(static_cast<unsigned long long>(0)), work(char32_t{});
}

template <typename Work>
static void of_each_type(Work work) {
  of_each_integer(work);
  work(float{}), work(double{});
}

// A trap that the wrapper finds itself: as the library's, whose last error is left alone.
template <typename Call>
static void traps(int line, wm::Reason reason, uint64_t requested, uint64_t available, Call call) {
  wasm_memory_grow(nullptr, 0, nullptr);
  try {
    call();
    if (harness_failed(false, __FILE__, line, "trap")) fprintf(stderr, "throws nothing\n");
  } catch (const wm::RuntimeError &error) {
    harness_u64(__FILE__, line, "reason", error.reason(), reason);
    harness_u64(__FILE__, line, "requested", error.requested(), requested);
    harness_u64(__FILE__, line, "available", error.available(), available);
    harness_u64(__FILE__, line, "last error", wm::last_error().reason, wm::reason::null_argument);
  }
}

#define CHECK_OUT_OF_BOUNDS(end, length, ...) traps(__LINE__, wm::reason::out_of_bounds, end, length, [&] { (void)(__VA_ARGS__); })
#define CHECK_UNALIGNED(address, width, ...) traps(__LINE__, wm::reason::unaligned, address, width, [&] { (void)(__VA_ARGS__); })

TEST(store_is_little_endian) {
  const wm::Memory memory(wm::Descriptor{1});
  memory.store<uint64_t>(1, 0x0102030405060708);
  for (uint64_t i = 0; i < 8; i++) CHECK_U64(memory.data()[1 + i], 8 - i);
  CHECK_U64(memory.load<uint8_t>(1), 8);
  CHECK_U64(memory.load<uint16_t>(2), 0x0607);
  CHECK_U64(memory.load<uint32_t>(1, 4), 0x01020304);
  CHECK_U64(memory.load<uint64_t>(0, 1), 0x0102030405060708);
}

TEST(narrow_store_keeps_its_neighbours) {
  const wm::Memory memory(wm::Descriptor{1});
  memory.store<uint64_t>(0, UINT64_MAX);
  memory.store<uint16_t>(2, 0);
  memory.store<uint8_t>(0, 0, 7);
  CHECK_U64(memory.load<uint64_t>(0), 0x00FFFFFF0000FFFF);
}

TEST(limits_of_each_type) {
  const wm::Memory memory(wm::Descriptor{1});
  of_each_type([&](auto zero) {
    using T = decltype(zero);
    for (const T value : {std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest(), static_cast<T>(1)}) {
      memory.store<T>(13, value, 4); // at any alignment
      CHECK(memory.load<T>(17) == value && memory.try_load<T>(0, 17) == value);
      CHECK(memory.try_store<T>(100, value) && memory.load<T>(100) == value);
      T bytes;
      memcpy(&bytes, memory.data() + 17, sizeof bytes);
      CHECK(bytes == value);
    }
  });
}

TEST(sign_is_that_of_the_type) {
  const wm::Memory memory(wm::Descriptor{1});
  memory.store<int16_t>(0, -2);
  CHECK(memory.load<int16_t>(0) == -2 && memory.load<int8_t>(1) == -1);
  CHECK_U64(memory.load<uint16_t>(0), 0xFFFE);
  CHECK_U64(memory.load<uint32_t>(0), 0xFFFE);
}

TEST(floats_keep_their_bits) {
  const wm::Memory memory(wm::Descriptor{1});
  memory.store<double>(8, -0.0);
  CHECK_U64(memory.load<uint64_t>(8), uint64_t{1} << 63);
  memory.store<uint64_t>(8, 0xFFF4000000000001); // a signalling NaN with a payload
  memory.store<double>(16, memory.load<double>(8));
  CHECK_U64(memory.load<uint64_t>(16), 0xFFF4000000000001);
  memory.store<uint32_t>(0, 0x7FA00001);
  memory.store<float>(4, *memory.try_load<float>(0));
  CHECK_U64(memory.load<uint32_t>(4), 0x7FA00001);
  memory.store<float>(0, 1.5f);
  CHECK_U64(memory.load<uint32_t>(0), 0x3FC00000);
  CHECK(std::isinf((memory.store<float>(0, std::numeric_limits<float>::infinity()), memory.load<float>(0))));
}

TEST(bounds_of_each_type) {
  const wm::Memory memory(wm::Descriptor{1});
  of_each_type([&](auto zero) {
    using T = decltype(zero);
    constexpr uint64_t width = sizeof(T);
    memory.store<T>(page - width, static_cast<T>(1));
    memory.fill(page - width, 0xCD, width);
    CHECK(memory.try_load<T>(page - width).has_value() && memory.try_load<T>(0, page - width).has_value());
    for (uint64_t beyond = 1; beyond <= width; beyond++) {
      const uint64_t index = page - width + beyond;
      CHECK(!memory.try_load<T>(index) && !memory.try_load<T>(beyond, page - width));
      CHECK(!memory.try_store<T>(index, zero) && !memory.try_store<T>(beyond, zero, page - width));
      CHECK_OUT_OF_BOUNDS(page + beyond, page, memory.load<T>(index));
      CHECK_OUT_OF_BOUNDS(page + beyond, page, memory.load<T>(1, index - 1));
      CHECK_OUT_OF_BOUNDS(page + beyond, page, memory.store<T>(index, zero));
    }
    CHECK_OUT_OF_BOUNDS(UINT64_MAX, page, memory.load<T>(UINT64_MAX));
    CHECK_OUT_OF_BOUNDS(UINT64_MAX, page, memory.load<T>(UINT64_MAX, UINT64_MAX));
    CHECK_OUT_OF_BOUNDS(UINT64_MAX, page, memory.store<T>(2, zero, UINT64_MAX - 1));
    CHECK(!memory.try_load<T>(UINT64_MAX - width + 1, width) && !memory.try_load<T>(UINT64_MAX, 1));
    for (uint64_t i = page - width; i < page; i++) CHECK_U64(memory.data()[i], 0xCD);
  });
}

TEST(memory_without_bytes) {
  const wm::Memory memory(wm::Descriptor{0});
  CHECK_OUT_OF_BOUNDS(1, 0, memory.load<uint8_t>(0));
  CHECK_OUT_OF_BOUNDS(8, 0, memory.atomic_load<uint64_t>(0));
}

TEST(atomic_load_and_store) {
  for (const bool shared : {false, true}) {
    const wm::Memory memory(wm::Descriptor{1, 1, shared});
    of_each_integer([&](auto zero) {
      using T = decltype(zero);
      for (const T value : {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()}) {
        memory.atomic_store<T>(16, value, 8);
        CHECK(memory.load<T>(24) == value && memory.atomic_load<T>(24) == value && memory.try_atomic_load<T>(0, 24).value() == value);
        CHECK(memory.try_atomic_store<T>(32, value).has_value() && memory.load<T>(32) == value);
      }
    });
  }
}

TEST(read_modify_write) {
  const wm::Memory memory(wm::Descriptor{1, 1, true});
  of_each_integer([&](auto zero) {
    using T = decltype(zero);
    const auto is = [](auto a, auto b) { return a == static_cast<T>(b); };
    const T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
    memory.store<uint64_t>(0, UINT64_MAX), memory.store<uint64_t>(16, UINT64_MAX);
    memory.store<T>(8, 12);
    CHECK(is(memory.fetch_add<T>(8, 3), 12) && is(memory.fetch_sub<T>(0, 5, 8), 15) && is(memory.fetch_and<T>(8, 6), 10));
    CHECK(is(memory.fetch_or<T>(8, 5), 2) && is(memory.fetch_xor<T>(8, 3), 7) && is(memory.exchange<T>(8, 77), 4));
    CHECK(is(memory.compare_exchange<T>(8, 76, 1), 77) && is(memory.compare_exchange<T>(8, 77, most), 77));
    CHECK(is(memory.fetch_add<T>(8, 1), most) && is(memory.fetch_sub<T>(8, 1), least) && is(memory.load<T>(8), most)); // they wrap
    CHECK(is(*memory.try_fetch_add<T>(8, 0), most) && is(*memory.try_fetch_sub<T>(8, 0), most) && is(*memory.try_fetch_and<T>(8, 0), most));
    CHECK(is(*memory.try_fetch_or<T>(8, 9), 0) && is(*memory.try_fetch_xor<T>(8, 8), 9) && is(*memory.try_exchange<T>(8, 2), 1));
    CHECK(is(*memory.try_compare_exchange<T>(8, 2, 3), 2) && is(memory.load<T>(8), 3));
    CHECK(memory.load<uint64_t>(0) == UINT64_MAX && memory.load<uint64_t>(16) == UINT64_MAX);
  });
}

// Each atomic of a memory, with the same trap.
template <typename T>
static void each_atomic_traps(const wm::Memory &memory, uint64_t index, uint64_t offset, wm::Reason reason, uint64_t requested, uint64_t available) {
  const auto is_it = [&](const auto &result) {
    CHECK(!result);
    CHECK_STATUS(result.error().status, wm::status::runtime_error);
    CHECK_U64(result.error().reason, reason);
    CHECK_U64(result.error().requested, requested);
    CHECK_U64(result.error().available, available);
    traps(__LINE__, reason, requested, available, [&] { (void)result.value(); });
  };
  is_it(memory.try_atomic_load<T>(index, offset));
  is_it(memory.try_atomic_store<T>(index, 1, offset));
  is_it(memory.try_fetch_add<T>(index, 1, offset));
  is_it(memory.try_fetch_sub<T>(index, 1, offset));
  is_it(memory.try_fetch_and<T>(index, 1, offset));
  is_it(memory.try_fetch_or<T>(index, 1, offset));
  is_it(memory.try_fetch_xor<T>(index, 1, offset));
  is_it(memory.try_exchange<T>(index, 1, offset));
  is_it(memory.try_compare_exchange<T>(index, 0, 1, offset));
  traps(__LINE__, reason, requested, available, [&] { (void)memory.atomic_load<T>(index, offset); });
  traps(__LINE__, reason, requested, available, [&] { memory.atomic_store<T>(index, 1, offset); });
  traps(__LINE__, reason, requested, available, [&] { memory.compare_exchange<T>(index, 0, 1, offset); });
}

TEST(atomics_trap) {
  const wm::Memory memory(wm::Descriptor{1, 1, true});
  of_each_integer([&](auto zero) {
    using T = decltype(zero);
    constexpr uint64_t width = sizeof(T);
    each_atomic_traps<T>(memory, page, 0, wm::reason::out_of_bounds, page + width, page);
    each_atomic_traps<T>(memory, width, page - width, wm::reason::out_of_bounds, page + width, page);
    each_atomic_traps<T>(memory, UINT64_MAX - width + 1, 0, wm::reason::out_of_bounds, UINT64_MAX, page);
    for (uint64_t off = 1; off < width; off++) {
      each_atomic_traps<T>(memory, off, 0, wm::reason::unaligned, off, width);
      each_atomic_traps<T>(memory, page, off, wm::reason::unaligned, page + off, width); // before the bounds
      CHECK(memory.try_atomic_load<T>(off, width - off).has_value());
    }
    if (width > 1) each_atomic_traps<T>(memory, UINT64_MAX, 0, wm::reason::unaligned, UINT64_MAX, width);
  });
  for (uint64_t i = 0; i < page; i++) CHECK_U64(memory.data()[i], 0);
}

// The C functions for ranges and waits are the measure of what an inline access reports.
TEST(traps_are_those_of_the_library) {
  const wm::Memory memory(wm::Descriptor{1, 1, true});
  const auto same = [](const wm::ErrorInfo &made, const std::string &text, const wm::ErrorInfo &expected) {
    CHECK_STATUS(made.status, expected.status);
    CHECK_U64(made.reason, expected.reason);
    CHECK_U64(made.requested, expected.requested);
    CHECK_U64(made.available, expected.available);
    CHECK_STRING(text.c_str(), wm::last_error_message().c_str());
  };
  for (const uint64_t index : {page - 7, page, 5 * page, UINT64_MAX - 7, UINT64_MAX}) {
    uint64_t read = 0;
    try {
      (void)memory.load<uint64_t>(index);
      CHECK(false);
    } catch (const wm::RuntimeError &error) {
      same(error.info(), error.what(), memory.try_read(index, &read, 8).error());
    }
  }
  for (const uint64_t index : {uint64_t{4}, page, page + 1, UINT64_MAX}) {
    try {
      memory.exchange<uint64_t>(index, 1);
      CHECK(index == 4);
      CHECK_THROWN_FIGURES(RuntimeError, wm::reason::unaligned, 4, 8, memory.wait64(4, 0));
    } catch (const wm::RuntimeError &error) {
      same(error.info(), error.what(), memory.try_wait64(index, 0).error());
    }
  }
}

TEST(last_error_is_left_alone) {
  const wm::Memory memory(wm::Descriptor{1});
  wasm_memory_grow(nullptr, 0, nullptr);
  CHECK(!memory.try_load<int>(page) && !memory.try_store<int>(page, 1) && !memory.try_atomic_load<int>(page) && !memory.try_fetch_add<int>(1, 1));
  CHECK_U64(wm::last_error().reason, wm::reason::null_argument);
}

TEST(no_memory) {
  const wm::Memory memory;
  CHECK(!memory.try_load<int>(0) && !memory.try_store<int>(0, 1));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.load<int>(0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.store<int>(0, 1));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.atomic_load<int>(0));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.atomic_load<int>(1));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.atomic_store<int>(0, 1));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.fetch_add<int>(0, 1));
  CHECK_STATUS(memory.try_compare_exchange<int>(0, 0, 1).error().status, wm::status::type_error);
  wasm_memory_t *handle = wm::Memory(wm::Descriptor{1}).get();
  const wm::Memory dead = wm::Memory::adopt(handle);
  CHECK_THROWS(TypeError, wm::reason::invalid_handle, dead.load<int>(0));
  CHECK_THROWS(TypeError, wm::reason::invalid_handle, dead.exchange<int>(0, 1));
}

// The view goes where the reference goes.
TEST(moves_and_shares) {
  wm::Memory first(wm::Descriptor{1}), second(wm::Descriptor{2});
  first.store<int>(4, 1), second.store<int>(4, 2);
  std::swap(first, second);
  CHECK(first.load<int>(4) == 2 && second.load<int>(4) == 1);
  wm::Memory third(std::move(first));
  CHECK(!first.try_load<int>(4) && third.load<int>(4) == 2);
  first = third.share();
  CHECK(first.load<int>(4) == 2);
  third = std::move(second);
  CHECK(!second.try_load<int>(4) && third.load<int>(4) == 1);
  wm::Memory &same = third;
  third = std::move(same);
  CHECK(third.load<int>(4) == 1);
  third.reset();
  CHECK(!third.try_load<int>(4));
  third = wm::Memory::adopt(first.release());
  CHECK(!first.try_load<int>(4) && third.load<int>(4) == 2 && third.try_load<int>(page).has_value());
  CHECK(&third.view() == wasm_memory_view(third.get()));
}

TEST(growth_is_seen) {
  const wm::Allocator allocator(wm::Config().set_reservation(page).set_movable());
  wm::Memory memory(wm::Descriptor{1}, allocator), other = memory.share();
  memory.store<uint64_t>(8, 12345);
  for (uint64_t size = 1; size < 100; size += 9) {
    CHECK(!other.try_load<uint8_t>(size * page) && !other.try_store<uint64_t>(size * page - 7, 1));
    memory.grow(9);
    CHECK_U64(other.load<uint64_t>(8), 12345);
    CHECK_U64(other.load<uint8_t>(size * page + 9 * page - 1), 0);
    other.store<uint64_t>(size * page, size);
    CHECK_U64(memory.load<uint64_t>(size * page), size);
  }
}

TEST(beyond_four_gibibytes) {
  const auto memory = wm::Memory::try_create(wm::Descriptor{65536 + 1}.with_address(wm::Address::i64));
  if (!memory) SKIP("no 4 GiB of address space");
  const uint64_t far = uint64_t{1} << 32;
  memory->store<uint32_t>(far, 7, 4);
  CHECK_U64(memory->load<uint32_t>(4, far), 7);
  CHECK_U64(memory->load<uint32_t>(4), 0);
  CHECK_U64(memory->fetch_add<uint32_t>(far + 4, 1), 7);
}

TEST(threads_add_up) {
  constexpr unsigned threads = 4, rounds = 5000;
  const wm::Memory memory(wm::Descriptor{1, 1, true});
  std::vector<std::thread> running;
  for (unsigned self = 0; self < threads; self++) {
    running.emplace_back([own = memory.send(), self] {
      for (unsigned i = 0; i < rounds; i++) {
        own.fetch_add<uint8_t>(7, 1);
        own.fetch_add<uint64_t>(8, 1);
        for (uint32_t old = own.atomic_load<uint32_t>(16);;) {
          const uint32_t seen = own.compare_exchange<uint32_t>(16, old, old + 2);
          if (seen == old) break;
          old = seen;
        }
        own.fetch_xor<uint16_t>(24, static_cast<uint16_t>(1u << self));
      }
    });
  }
  for (std::thread &thread : running) thread.join();
  CHECK_U64(memory.load<uint8_t>(7), static_cast<uint8_t>(threads * rounds));
  CHECK_U64(memory.load<uint64_t>(8), threads * rounds);
  CHECK_U64(memory.load<uint32_t>(16), 2 * threads * rounds);
  CHECK_U64(memory.load<uint16_t>(24), 0);
}

HARNESS_MAIN(LISTED(store_is_little_endian), LISTED(narrow_store_keeps_its_neighbours), LISTED(limits_of_each_type),
             LISTED(sign_is_that_of_the_type), LISTED(floats_keep_their_bits), LISTED(bounds_of_each_type), LISTED(memory_without_bytes),
             LISTED(atomic_load_and_store), LISTED(read_modify_write), LISTED(atomics_trap), LISTED(traps_are_those_of_the_library),
             LISTED(last_error_is_left_alone), LISTED(no_memory), LISTED(moves_and_shares), LISTED(growth_is_seen),
             LISTED(beyond_four_gibibytes), LISTED(threads_add_up))
