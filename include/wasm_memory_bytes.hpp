/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * libwasm_memory for C++17 and later, the part of wasm_memory.hpp about the bytes of a memory:
 * ranges, typed loads and stores, atomics, waiting and notifying. All of it is members of Memory.
 *
 *     memory.store<std::uint32_t>(8, 42);                     // i32.store
 *     const auto value = memory.load<std::int16_t>(index, 4); // i32.load16_s offset=4
 *     memory.fetch_add<std::uint64_t>(16, 1);                 // i64.atomic.rmw.add
 *     memory.wait32(8, 42, std::chrono::milliseconds(5));     // memory.atomic.wait32
 */

#ifndef WASM_MEMORY_BYTES_HPP_INCLUDED
#define WASM_MEMORY_BYTES_HPP_INCLUDED

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <type_traits>

#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_span
#include <span>
#endif

#include "wasm_memory.h"
#include "wasm_memory_access.h"
#include "wasm_memory_error.hpp"

namespace wasm_memory {

/** Base and byte length where compiled code can load them: see Memory::view. */
using View = ::wasm_memory_view_t;

/** What a wait came to: WASM_MEMORY_WAIT_*. */
enum class WaitResult : std::uint32_t {
  woken = WASM_MEMORY_WAIT_WOKEN,         /**< It was notified. */
  not_equal = WASM_MEMORY_WAIT_NOT_EQUAL, /**< The value was not the expected one: no wait. */
  timed_out = WASM_MEMORY_WAIT_TIMED_OUT, /**< The time was over first. */
};

namespace detail {

/**
 * The view of what has no bytes; nobody writes to it. Not const: a compiler that sees its base
 * warns of an access that never happens.
 */
inline View no_bytes{nullptr, 0};

/** T, where it is not to be deduced: no width is ever chosen by the type of a literal. */
template <typename T>
struct Given {
  using type = T;
};
template <typename T>
using Exactly = typename Given<T>::type;

/** Whether atomics and, with float and double, loads and stores take the type. */
template <typename T>
inline constexpr bool is_integer =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && std::is_same_v<T, std::remove_cv_t<T>>;

/** The inline C functions for integers of so many bytes. */
template <std::size_t width>
struct Access;

#define WASM_MEMORY_HPP_UPDATE(name, operation, type, loaded)                                   \
  static bool name(const View &view, std::uint64_t index, std::uint64_t offset, type value,     \
                   type &old, bool &aligned) noexcept {                                         \
    return ::wasm_memory_atomic_rmw_##operation##_##loaded(&view, index, offset, value, &old,   \
                                                           &aligned);                           \
  }

#define WASM_MEMORY_HPP_ACCESS(width, type, loaded, stored)                                     \
  template <>                                                                                   \
  struct Access<width> {                                                                        \
    using Value = type;                                                                         \
    static bool load(const View &view, std::uint64_t index, std::uint64_t offset,               \
                     type &value) noexcept {                                                    \
      return ::wasm_memory_load_##loaded(&view, index, offset, &value);                         \
    }                                                                                           \
    static bool store(const View &view, std::uint64_t index, std::uint64_t offset,              \
                      type value) noexcept {                                                    \
      return ::wasm_memory_store_##stored(&view, index, offset, value);                         \
    }                                                                                           \
    static bool atomic_load(const View &view, std::uint64_t index, std::uint64_t offset,        \
                            type &value, bool &aligned) noexcept {                              \
      return ::wasm_memory_atomic_load_##loaded(&view, index, offset, &value, &aligned);        \
    }                                                                                           \
    static bool atomic_store(const View &view, std::uint64_t index, std::uint64_t offset,       \
                             type value, bool &aligned) noexcept {                              \
      return ::wasm_memory_atomic_store_##stored(&view, index, offset, value, &aligned);        \
    }                                                                                           \
    WASM_MEMORY_HPP_UPDATE(fetch_add, add, type, loaded)                                        \
    WASM_MEMORY_HPP_UPDATE(fetch_sub, sub, type, loaded)                                        \
    WASM_MEMORY_HPP_UPDATE(fetch_and, and, type, loaded)                                        \
    WASM_MEMORY_HPP_UPDATE(fetch_or, or, type, loaded)                                          \
    WASM_MEMORY_HPP_UPDATE(fetch_xor, xor, type, loaded)                                        \
    WASM_MEMORY_HPP_UPDATE(exchange, xchg, type, loaded)                                        \
    static bool compare_exchange(const View &view, std::uint64_t index, std::uint64_t offset,   \
                                 type expected, type replacement, type &old,                    \
                                 bool &aligned) noexcept {                                      \
      return ::wasm_memory_atomic_rmw_cmpxchg_##loaded(&view, index, offset, expected,          \
                                                       replacement, &old, &aligned);            \
    }                                                                                           \
  };

WASM_MEMORY_HPP_ACCESS(1, std::uint32_t, i32_u8, i32_8)
WASM_MEMORY_HPP_ACCESS(2, std::uint32_t, i32_u16, i32_16)
WASM_MEMORY_HPP_ACCESS(4, std::uint32_t, i32, i32)
WASM_MEMORY_HPP_ACCESS(8, std::uint64_t, i64, i64)

#undef WASM_MEMORY_HPP_ACCESS
#undef WASM_MEMORY_HPP_UPDATE

/** The bits of an integer, as the C functions take them. */
template <typename T>
typename Access<sizeof(T)>::Value bits_of(T value) noexcept {
  return static_cast<std::make_unsigned_t<T>>(value);
}

/** A load of any type; false is a trap. */
template <typename T>
bool load(const View &view, std::uint64_t index, std::uint64_t offset, T &value) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    return ::wasm_memory_load_f32(&view, index, offset, &value);
  } else if constexpr (std::is_same_v<T, double>) {
    return ::wasm_memory_load_f64(&view, index, offset, &value);
  } else {
    static_assert(is_integer<T>, "an integer type, float or double");
    typename Access<sizeof(T)>::Value bits{};
    if (!Access<sizeof(T)>::load(view, index, offset, bits)) return false;
    value = static_cast<T>(bits);
    return true;
  }
}

/** A store of any type; false is a trap. */
template <typename T>
bool store(const View &view, std::uint64_t index, std::uint64_t offset, T value) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    return ::wasm_memory_store_f32(&view, index, offset, value);
  } else if constexpr (std::is_same_v<T, double>) {
    return ::wasm_memory_store_f64(&view, index, offset, value);
  } else {
    static_assert(is_integer<T>, "an integer type, float or double");
    return Access<sizeof(T)>::store(view, index, offset, bits_of(value));
  }
}

/** a + b, or the most that can be said. */
constexpr std::uint64_t sum(std::uint64_t a, std::uint64_t b) noexcept {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  return a > most - b ? most : a + b;
}

/** No timeout. */
inline constexpr std::int64_t for_ever = -1;

/**
 * A timeout for the C functions: whole nanoseconds, no fewer than asked for, as many as can be
 * said. What is negative stays so.
 */
template <typename Rep, typename Period>
std::int64_t nanoseconds(const std::chrono::duration<Rep, Period> &timeout) noexcept {
  using Duration = std::chrono::duration<Rep, Period>;
  if constexpr (std::is_same_v<Duration, std::chrono::duration<std::int64_t, std::nano>>) {
    return timeout.count();
  } else {
    // std::chrono would let integers overflow, those of a ratio as well. Multiplied first: exact.
    const double exact = static_cast<double>(timeout.count()) * static_cast<double>(Period::num) *
                         1e9 / static_cast<double>(Period::den);
    if (exact < 0) return for_ever;
    if (exact >= 9223372036854775808.0) return std::numeric_limits<std::int64_t>::max();
    if (!(exact > 0)) return 0;  // not a number, too
    const auto whole = static_cast<std::int64_t>(exact);
    return static_cast<double>(whole) < exact ? whole + 1 : whole;
  }
}

}  // namespace detail

/**
 * What can be done with the bytes of a memory, as members of Memory, which inherits them.
 *
 * index, and offset where there is one, are in bytes; their mathematical sum counts, which never
 * wraps. A range that is not all within the memory is a trap: RUNTIME_ERROR, reason::out_of_bounds,
 * with where the access ends and the byte length. A trap writes nothing. const is of the object and
 * not of the bytes. For an empty memory everything is TYPE_ERROR (reason::null_argument).
 *
 * Any thread for a shared memory; of an unshared one, one thread at a time.
 */
template <typename Self>
class BytesOf {
 public:
  /** Copies length bytes from index on to destination, which may be nullptr for 0 bytes. */
  [[nodiscard]] Result<void> try_read(std::uint64_t index, void *destination,
                                      std::size_t length) const noexcept {
    return try_check(::wasm_memory_read(handle(), index, destination, length));
  }
  /** Copies length bytes from source, which may be nullptr for 0 bytes, to index. */
  [[nodiscard]] Result<void> try_write(std::uint64_t index, const void *source,
                                       std::size_t length) const noexcept {
    return try_check(::wasm_memory_write(handle(), index, source, length));
  }
  /** Sets length bytes from index on to value: memory.fill. */
  [[nodiscard]] Result<void> try_fill(std::uint64_t index, std::uint8_t value,
                                      std::uint64_t length) const noexcept {
    return try_check(::wasm_memory_bulk_fill(handle(), index, value, length));
  }
  /**
   * Copies length bytes of another memory, or of this one, to index: memory.copy. The ranges may
   * overlap. RUNTIME_ERROR: for either range, that of this memory first.
   */
  [[nodiscard]] Result<void> try_copy(std::uint64_t index, const Self &from,
                                      std::uint64_t from_index,
                                      std::uint64_t length) const noexcept {
    return try_check(::wasm_memory_bulk_copy(handle(), index, from.get(), from_index, length));
  }
  /** The same within this memory. */
  [[nodiscard]] Result<void> try_copy(std::uint64_t index, std::uint64_t from_index,
                                      std::uint64_t length) const noexcept {
    return try_copy(index, self(), from_index, length);
  }
  /**
   * Copies length bytes of a data segment, from segment_index on, to index: memory.init. A dropped
   * segment is nullptr and 0. RUNTIME_ERROR: also for the range of the segment, after the memory's.
   */
  [[nodiscard]] Result<void> try_init(std::uint64_t index, const std::uint8_t *segment,
                                      std::size_t segment_length, std::uint64_t segment_index,
                                      std::uint64_t length) const noexcept {
    return try_check(::wasm_memory_bulk_init(handle(), index, segment, segment_length,
                                             segment_index, length));
  }
  /**
   * Sets length bytes from index on to zero and gives their host pages back: memory.discard of the
   * memory-control proposal. RUNTIME_ERROR: first of all for an index or length that is not a
   * multiple of the page size (reason::unaligned: the number, and the page size).
   */
  [[nodiscard]] Result<void> try_discard(std::uint64_t index,
                                         std::uint64_t length) const noexcept {
    return try_check(::wasm_memory_discard(handle(), index, length));
  }

#ifdef __cpp_lib_span
  /** try_read of as many bytes as there are in destination. */
  [[nodiscard]] Result<void> try_read(std::uint64_t index,
                                      std::span<std::uint8_t> destination) const noexcept {
    return try_read(index, destination.data(), destination.size());
  }
  /** try_write of all bytes in source. */
  [[nodiscard]] Result<void> try_write(std::uint64_t index,
                                       std::span<const std::uint8_t> source) const noexcept {
    return try_write(index, source.data(), source.size());
  }
  /** try_init from a segment; one that was dropped is empty. */
  [[nodiscard]] Result<void> try_init(std::uint64_t index, std::span<const std::uint8_t> segment,
                                      std::uint64_t segment_index,
                                      std::uint64_t length) const noexcept {
    return try_init(index, segment.data(), segment.size(), segment_index, length);
  }
#endif

  /**
   * The little-endian T at index + offset; nothing is a trap, or an empty memory.
   *
   * T: an integer of 1, 2, 4 or 8 bytes, float or double, at any alignment. A compare and a load,
   * inline. The last error stays as it is.
   */
  template <typename T>
  [[nodiscard]] std::optional<T> try_load(std::uint64_t index,
                                          std::uint64_t offset = 0) const noexcept {
    T value{};
    if (!detail::load(self().view(), index, offset, value)) return std::nullopt;
    return value;
  }
  /** Writes value to index + offset; false is a trap, or an empty memory. As try_load. */
  template <typename T>
  [[nodiscard]] bool try_store(std::uint64_t index, detail::Exactly<T> value,
                               std::uint64_t offset = 0) const noexcept {
    return detail::store<T>(self().view(), index, offset, value);
  }

  /**
   * The same as try_load in one step for all threads: an atomic load, sequentially consistent, also
   * of an unshared memory.
   *
   * T: an integer of 1, 2, 4 or 8 bytes. RUNTIME_ERROR: index + offset is not a multiple of its
   * size (reason::unaligned: the sum, and the size), which is checked first; out_of_bounds. The
   * last error stays as it is.
   */
  template <typename T>
  [[nodiscard]] Result<T> try_atomic_load(std::uint64_t index,
                                          std::uint64_t offset = 0) const noexcept {
    Bits<T> value{};
    bool aligned = false;
    if (Of<T>::atomic_load(self().view(), index, offset, value, aligned)) {
      return static_cast<T>(value);
    }
    return trap(index, offset, sizeof(T), aligned);
  }
  /** An atomic store. As try_atomic_load. */
  template <typename T>
  [[nodiscard]] Result<void> try_atomic_store(std::uint64_t index, detail::Exactly<T> value,
                                              std::uint64_t offset = 0) const noexcept {
    bool aligned = false;
    if (Of<T>::atomic_store(self().view(), index, offset, detail::bits_of<T>(value), aligned)) {
      return {};
    }
    return trap(index, offset, sizeof(T), aligned);
  }
  /** Adds atomically, wrapping, and returns the value before. As try_atomic_load. */
  template <typename T>
  [[nodiscard]] Result<T> try_fetch_add(std::uint64_t index, detail::Exactly<T> operand,
                                        std::uint64_t offset = 0) const noexcept {
    return update<T, Of<T>::fetch_add>(index, operand, offset);
  }
  /** Subtracts atomically, wrapping, and returns the value before. As try_atomic_load. */
  template <typename T>
  [[nodiscard]] Result<T> try_fetch_sub(std::uint64_t index, detail::Exactly<T> operand,
                                        std::uint64_t offset = 0) const noexcept {
    return update<T, Of<T>::fetch_sub>(index, operand, offset);
  }
  /** Ands atomically and returns the value before. As try_atomic_load. */
  template <typename T>
  [[nodiscard]] Result<T> try_fetch_and(std::uint64_t index, detail::Exactly<T> operand,
                                        std::uint64_t offset = 0) const noexcept {
    return update<T, Of<T>::fetch_and>(index, operand, offset);
  }
  /** Ors atomically and returns the value before. As try_atomic_load. */
  template <typename T>
  [[nodiscard]] Result<T> try_fetch_or(std::uint64_t index, detail::Exactly<T> operand,
                                       std::uint64_t offset = 0) const noexcept {
    return update<T, Of<T>::fetch_or>(index, operand, offset);
  }
  /** Exclusive-ors atomically and returns the value before. As try_atomic_load. */
  template <typename T>
  [[nodiscard]] Result<T> try_fetch_xor(std::uint64_t index, detail::Exactly<T> operand,
                                        std::uint64_t offset = 0) const noexcept {
    return update<T, Of<T>::fetch_xor>(index, operand, offset);
  }
  /** Writes atomically and returns the value before. As try_atomic_load. */
  template <typename T>
  [[nodiscard]] Result<T> try_exchange(std::uint64_t index, detail::Exactly<T> value,
                                       std::uint64_t offset = 0) const noexcept {
    return update<T, Of<T>::exchange>(index, value, offset);
  }
  /**
   * Writes replacement atomically if the value is expected. Returns the value before: replacement
   * was written if that is expected. As try_atomic_load.
   */
  template <typename T>
  [[nodiscard]] Result<T> try_compare_exchange(std::uint64_t index, detail::Exactly<T> expected,
                                               detail::Exactly<T> replacement,
                                               std::uint64_t offset = 0) const noexcept {
    Bits<T> old{};
    bool aligned = false;
    if (Of<T>::compare_exchange(self().view(), index, offset, detail::bits_of<T>(expected),
                                detail::bits_of<T>(replacement), old, aligned)) {
      return static_cast<T>(old);
    }
    return trap(index, offset, sizeof(T), aligned);
  }

  /**
   * Waits at index until it is notified, if the 32-bit value there is expected:
   * memory.atomic.wait32. First in, first out; there are no spurious wake-ups. The wait keeps the
   * memory alive.
   *
   * RUNTIME_ERROR, in this order: index is not a multiple of 4 (reason::unaligned), the memory is
   * unshared (reason::wait_unshared), out_of_bounds, reason::too_many_waiters; while waiting:
   * interrupt was called (reason::interrupted). Any thread.
   */
  [[nodiscard]] Result<WaitResult> try_wait32(std::uint64_t index,
                                              std::uint32_t expected) const noexcept {
    return wait32_for(index, expected, detail::for_ever);
  }
  /**
   * The same for no longer than timeout, of any unit: rounded up to nanoseconds, and to the longest
   * that can be said, 292 years. As in WebAssembly, and unlike std::condition_variable, a negative
   * one waits for ever: what is left until a point in time has to be checked by the caller.
   */
  template <typename Rep, typename Period>
  [[nodiscard]] Result<WaitResult> try_wait32(
      std::uint64_t index, std::uint32_t expected,
      const std::chrono::duration<Rep, Period> &timeout) const noexcept {
    return wait32_for(index, expected, detail::nanoseconds(timeout));
  }
  /** try_wait32 on a 64-bit value: memory.atomic.wait64. index is a multiple of 8. */
  [[nodiscard]] Result<WaitResult> try_wait64(std::uint64_t index,
                                              std::uint64_t expected) const noexcept {
    return wait64_for(index, expected, detail::for_ever);
  }
  /** The same for no longer than timeout, which is as for try_wait32. */
  template <typename Rep, typename Period>
  [[nodiscard]] Result<WaitResult> try_wait64(
      std::uint64_t index, std::uint64_t expected,
      const std::chrono::duration<Rep, Period> &timeout) const noexcept {
    return wait64_for(index, expected, detail::nanoseconds(timeout));
  }
  /**
   * Wakes at most count of those that wait at index, of either width, the longest waiting first,
   * and returns how many: memory.atomic.notify.
   *
   * RUNTIME_ERROR, in this order: index is not a multiple of 4 (reason::unaligned), out_of_bounds
   * of 4 bytes. On an unshared memory nobody waits. Any thread.
   */
  [[nodiscard]] Result<std::uint32_t> try_notify(
      std::uint64_t index, std::uint32_t count = everybody) const noexcept {
    std::uint32_t woken = 0;
    const auto notified =
        try_check(::wasm_memory_atomic_notify(handle(), index, count, &woken));
    if (!notified) return notified.error();
    return woken;
  }
  /**
   * Ends every wait in progress on the memory with RUNTIME_ERROR, reason::interrupted, and returns
   * how many. Later waits are not affected. Any thread.
   */
  [[nodiscard]] Result<std::uint32_t> try_interrupt() const noexcept {
    std::uint32_t woken = 0;
    const auto interrupted = try_check(::wasm_memory_atomic_interrupt(handle(), &woken));
    if (!interrupted) return interrupted.error();
    return woken;
  }

#ifdef __cpp_exceptions
  /** The same as try_read. Throws RuntimeError and TypeError. */
  void read(std::uint64_t index, void *destination, std::size_t length) const {
    try_read(index, destination, length).value();
  }
  /** The same as try_write. Throws RuntimeError and TypeError. */
  void write(std::uint64_t index, const void *source, std::size_t length) const {
    try_write(index, source, length).value();
  }
  /** The same as try_fill. Throws RuntimeError and TypeError. */
  void fill(std::uint64_t index, std::uint8_t value, std::uint64_t length) const {
    try_fill(index, value, length).value();
  }
  /** The same as try_copy. Throws RuntimeError and TypeError. */
  void copy(std::uint64_t index, const Self &from, std::uint64_t from_index,
            std::uint64_t length) const {
    try_copy(index, from, from_index, length).value();
  }
  /** The same as try_copy. Throws RuntimeError and TypeError. */
  void copy(std::uint64_t index, std::uint64_t from_index, std::uint64_t length) const {
    try_copy(index, from_index, length).value();
  }
  /** The same as try_init. Throws RuntimeError and TypeError. */
  void init(std::uint64_t index, const std::uint8_t *segment, std::size_t segment_length,
            std::uint64_t segment_index, std::uint64_t length) const {
    try_init(index, segment, segment_length, segment_index, length).value();
  }
  /** The same as try_discard. Throws RuntimeError and TypeError. */
  void discard(std::uint64_t index, std::uint64_t length) const {
    try_discard(index, length).value();
  }

#ifdef __cpp_lib_span
  /** The same as try_read. Throws RuntimeError and TypeError. */
  void read(std::uint64_t index, std::span<std::uint8_t> destination) const {
    try_read(index, destination).value();
  }
  /** The same as try_write. Throws RuntimeError and TypeError. */
  void write(std::uint64_t index, std::span<const std::uint8_t> source) const {
    try_write(index, source).value();
  }
  /** The same as try_init. Throws RuntimeError and TypeError. */
  void init(std::uint64_t index, std::span<const std::uint8_t> segment,
            std::uint64_t segment_index, std::uint64_t length) const {
    try_init(index, segment, segment_index, length).value();
  }
#endif

  /** The same as try_load. Throws RuntimeError and TypeError. */
  template <typename T>
  [[nodiscard]] T load(std::uint64_t index, std::uint64_t offset = 0) const {
    T value{};
    if (!detail::load(self().view(), index, offset, value)) {
      throw_error(trap(index, offset, sizeof(T), true));
    }
    return value;
  }
  /** The same as try_store. Throws RuntimeError and TypeError. */
  template <typename T>
  void store(std::uint64_t index, detail::Exactly<T> value, std::uint64_t offset = 0) const {
    if (!try_store<T>(index, value, offset)) throw_error(trap(index, offset, sizeof(T), true));
  }
  /** The same as try_atomic_load. Throws RuntimeError and TypeError. */
  template <typename T>
  [[nodiscard]] T atomic_load(std::uint64_t index, std::uint64_t offset = 0) const {
    return try_atomic_load<T>(index, offset).value();
  }
  /** The same as try_atomic_store. Throws RuntimeError and TypeError. */
  template <typename T>
  void atomic_store(std::uint64_t index, detail::Exactly<T> value,
                    std::uint64_t offset = 0) const {
    try_atomic_store<T>(index, value, offset).value();
  }
  /** The same as try_fetch_add, the value before. Throws RuntimeError and TypeError. */
  template <typename T>
  T fetch_add(std::uint64_t index, detail::Exactly<T> operand, std::uint64_t offset = 0) const {
    return try_fetch_add<T>(index, operand, offset).value();
  }
  /** The same as try_fetch_sub, the value before. Throws RuntimeError and TypeError. */
  template <typename T>
  T fetch_sub(std::uint64_t index, detail::Exactly<T> operand, std::uint64_t offset = 0) const {
    return try_fetch_sub<T>(index, operand, offset).value();
  }
  /** The same as try_fetch_and, the value before. Throws RuntimeError and TypeError. */
  template <typename T>
  T fetch_and(std::uint64_t index, detail::Exactly<T> operand, std::uint64_t offset = 0) const {
    return try_fetch_and<T>(index, operand, offset).value();
  }
  /** The same as try_fetch_or, the value before. Throws RuntimeError and TypeError. */
  template <typename T>
  T fetch_or(std::uint64_t index, detail::Exactly<T> operand, std::uint64_t offset = 0) const {
    return try_fetch_or<T>(index, operand, offset).value();
  }
  /** The same as try_fetch_xor, the value before. Throws RuntimeError and TypeError. */
  template <typename T>
  T fetch_xor(std::uint64_t index, detail::Exactly<T> operand, std::uint64_t offset = 0) const {
    return try_fetch_xor<T>(index, operand, offset).value();
  }
  /** The same as try_exchange, the value before. Throws RuntimeError and TypeError. */
  template <typename T>
  T exchange(std::uint64_t index, detail::Exactly<T> value, std::uint64_t offset = 0) const {
    return try_exchange<T>(index, value, offset).value();
  }
  /** The same as try_compare_exchange, the value before. Throws RuntimeError and TypeError. */
  template <typename T>
  T compare_exchange(std::uint64_t index, detail::Exactly<T> expected,
                     detail::Exactly<T> replacement, std::uint64_t offset = 0) const {
    return try_compare_exchange<T>(index, expected, replacement, offset).value();
  }

  /** The same as try_wait32. Throws RuntimeError and TypeError. */
  WaitResult wait32(std::uint64_t index, std::uint32_t expected) const {
    return try_wait32(index, expected).value();
  }
  /** The same as try_wait32. Throws RuntimeError and TypeError. */
  template <typename Rep, typename Period>
  WaitResult wait32(std::uint64_t index, std::uint32_t expected,
                    const std::chrono::duration<Rep, Period> &timeout) const {
    return try_wait32(index, expected, timeout).value();
  }
  /** The same as try_wait64. Throws RuntimeError and TypeError. */
  WaitResult wait64(std::uint64_t index, std::uint64_t expected) const {
    return try_wait64(index, expected).value();
  }
  /** The same as try_wait64. Throws RuntimeError and TypeError. */
  template <typename Rep, typename Period>
  WaitResult wait64(std::uint64_t index, std::uint64_t expected,
                    const std::chrono::duration<Rep, Period> &timeout) const {
    return try_wait64(index, expected, timeout).value();
  }
  /** The same as try_notify, how many were woken. Throws RuntimeError and TypeError. */
  std::uint32_t notify(std::uint64_t index, std::uint32_t count = everybody) const {
    return try_notify(index, count).value();
  }
  /** The same as try_interrupt, how many waits it ended. Throws TypeError. */
  std::uint32_t interrupt() const { return try_interrupt().value(); }
#endif

  /** The count that wakes all who wait. */
  static constexpr std::uint32_t everybody = std::numeric_limits<std::uint32_t>::max();

 private:
  /** The C functions for a T, which atomics must be able to handle. */
  template <typename T>
  struct Of : detail::Access<sizeof(T)> {
    static_assert(detail::is_integer<T>, "an integer type");
  };
  template <typename T>
  using Bits = typename Of<T>::Value;

  [[nodiscard]] const Self &self() const noexcept { return static_cast<const Self &>(*this); }
  [[nodiscard]] ::wasm_memory_t *handle() const noexcept { return self().get(); }

  template <typename T, bool (*function)(const View &, std::uint64_t, std::uint64_t, Bits<T>,
                                         Bits<T> &, bool &) noexcept>
  [[nodiscard]] Result<T> update(std::uint64_t index, T operand,
                                 std::uint64_t offset) const noexcept {
    Bits<T> old{};
    bool aligned = false;
    if (function(self().view(), index, offset, detail::bits_of<T>(operand), old, aligned)) {
      return static_cast<T>(old);
    }
    return trap(index, offset, sizeof(T), aligned);
  }

  /**
   * Why an inline access of so many bytes failed, in the figures that a C function would leave
   * behind. The byte length is that of now: another thread may have grown the memory since.
   */
  [[nodiscard]] ErrorInfo trap(std::uint64_t index, std::uint64_t offset, std::size_t width,
                               bool aligned) const noexcept {
    // What is no memory has no bytes, so that it comes here as well. The library tells it apart.
    const auto usable = try_check(::wasm_memory_read(handle(), 0, nullptr, 0));
    if (!usable) return usable.error();
    ErrorInfo error{};
    error.status = WASM_MEMORY_RUNTIME_ERROR;
    error.reason = aligned ? WASM_MEMORY_REASON_OUT_OF_BOUNDS : WASM_MEMORY_REASON_UNALIGNED;
    error.requested = detail::sum(index, offset);
    error.available = width;
    if (aligned) {
      error.requested = detail::sum(error.requested, width);
      error.available = ::wasm_memory_view_byte_length(&self().view());
    }
    return error;
  }

  [[nodiscard]] Result<WaitResult> wait32_for(std::uint64_t index, std::uint32_t expected,
                                              std::int64_t timeout) const noexcept {
    std::uint32_t result = 0;
    const auto waited = try_check(
        ::wasm_memory_atomic_wait32(handle(), index, expected, timeout, &result));
    if (!waited) return waited.error();
    return static_cast<WaitResult>(result);
  }
  [[nodiscard]] Result<WaitResult> wait64_for(std::uint64_t index, std::uint64_t expected,
                                              std::int64_t timeout) const noexcept {
    std::uint32_t result = 0;
    const auto waited = try_check(
        ::wasm_memory_atomic_wait64(handle(), index, expected, timeout, &result));
    if (!waited) return waited.error();
    return static_cast<WaitResult>(result);
  }
};

}  // namespace wasm_memory

#endif  /* WASM_MEMORY_BYTES_HPP_INCLUDED */
