/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * libwasm_memory for C++17 and later, the part of wasm_memory.hpp about failures: statuses,
 * reasons, exceptions and results.
 */

#ifndef WASM_MEMORY_ERROR_HPP_INCLUDED
#define WASM_MEMORY_ERROR_HPP_INCLUDED

/* MSVC tells the truth in __cplusplus only when asked to. */
#ifdef _MSVC_LANG
#define WASM_MEMORY_HPP_LANGUAGE _MSVC_LANG
#else
#define WASM_MEMORY_HPP_LANGUAGE __cplusplus
#endif

#if WASM_MEMORY_HPP_LANGUAGE < 201703L
#error "wasm_memory.hpp needs C++17"
#endif

#undef WASM_MEMORY_HPP_LANGUAGE

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "wasm_memory.h"

namespace wasm_memory {

/** What a call returned: one of the constants below, or another number from a newer library. */
using Status = ::wasm_memory_status_t;

/** The statuses: WASM_MEMORY_OK and so on. Plain numbers, so that they compare with those of C. */
namespace status {
inline constexpr Status ok = WASM_MEMORY_OK;
inline constexpr Status type_error = WASM_MEMORY_TYPE_ERROR;
inline constexpr Status range_error = WASM_MEMORY_RANGE_ERROR;
inline constexpr Status link_error = WASM_MEMORY_LINK_ERROR;
inline constexpr Status runtime_error = WASM_MEMORY_RUNTIME_ERROR;
inline constexpr Status data_clone_error = WASM_MEMORY_DATA_CLONE_ERROR;
inline constexpr Status internal_error = WASM_MEMORY_INTERNAL_ERROR;
inline constexpr Status host_error = WASM_MEMORY_HOST_ERROR;
}  // namespace status

/** Why a call failed: one of the constants below, or another number from a newer library. */
using Reason = std::uint32_t;

/** The reasons: WASM_MEMORY_REASON_*, where the unit of each one's figures is told. */
namespace reason {
inline constexpr Reason none = WASM_MEMORY_REASON_NONE;
inline constexpr Reason null_argument = WASM_MEMORY_REASON_NULL_ARGUMENT;
inline constexpr Reason invalid_handle = WASM_MEMORY_REASON_INVALID_HANDLE;
inline constexpr Reason reserved_field = WASM_MEMORY_REASON_RESERVED_FIELD;
inline constexpr Reason unknown_value = WASM_MEMORY_REASON_UNKNOWN_VALUE;
inline constexpr Reason settings_conflict = WASM_MEMORY_REASON_SETTINGS_CONFLICT;
inline constexpr Reason initial_missing = WASM_MEMORY_REASON_INITIAL_MISSING;
inline constexpr Reason address_type = WASM_MEMORY_REASON_ADDRESS_TYPE;
inline constexpr Reason shared_without_maximum = WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM;
inline constexpr Reason count_outside_type = WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE;
inline constexpr Reason page_size = WASM_MEMORY_REASON_PAGE_SIZE;
inline constexpr Reason above_limit = WASM_MEMORY_REASON_ABOVE_LIMIT;
inline constexpr Reason maximum_below_initial = WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL;
inline constexpr Reason maximum_exceeded = WASM_MEMORY_REASON_MAXIMUM_EXCEEDED;
inline constexpr Reason size_limit = WASM_MEMORY_REASON_SIZE_LIMIT;
inline constexpr Reason quota_bytes = WASM_MEMORY_REASON_QUOTA_BYTES;
inline constexpr Reason limiter = WASM_MEMORY_REASON_LIMITER;
inline constexpr Reason slot_size = WASM_MEMORY_REASON_SLOT_SIZE;
inline constexpr Reason reservation_exceeded = WASM_MEMORY_REASON_RESERVATION_EXCEEDED;
inline constexpr Reason quota_memories = WASM_MEMORY_REASON_QUOTA_MEMORIES;
inline constexpr Reason pool_exhausted = WASM_MEMORY_REASON_POOL_EXHAUSTED;
inline constexpr Reason address_space = WASM_MEMORY_REASON_ADDRESS_SPACE;
inline constexpr Reason commit = WASM_MEMORY_REASON_COMMIT;
inline constexpr Reason out_of_memory = WASM_MEMORY_REASON_OUT_OF_MEMORY;
inline constexpr Reason map_count = WASM_MEMORY_REASON_MAP_COUNT;
inline constexpr Reason detached = WASM_MEMORY_REASON_DETACHED;
inline constexpr Reason buffer_kind = WASM_MEMORY_REASON_BUFFER_KIND;
inline constexpr Reason would_shrink = WASM_MEMORY_REASON_WOULD_SHRINK;
inline constexpr Reason not_page_multiple = WASM_MEMORY_REASON_NOT_PAGE_MULTIPLE;
inline constexpr Reason no_maximum = WASM_MEMORY_REASON_NO_MAXIMUM;
inline constexpr Reason max_byte_length = WASM_MEMORY_REASON_MAX_BYTE_LENGTH;
inline constexpr Reason not_transferable = WASM_MEMORY_REASON_NOT_TRANSFERABLE;
inline constexpr Reason import_address = WASM_MEMORY_REASON_IMPORT_ADDRESS;
inline constexpr Reason import_page_size = WASM_MEMORY_REASON_IMPORT_PAGE_SIZE;
inline constexpr Reason import_shared = WASM_MEMORY_REASON_IMPORT_SHARED;
inline constexpr Reason import_initial = WASM_MEMORY_REASON_IMPORT_INITIAL;
inline constexpr Reason import_maximum = WASM_MEMORY_REASON_IMPORT_MAXIMUM;
inline constexpr Reason out_of_bounds = WASM_MEMORY_REASON_OUT_OF_BOUNDS;
inline constexpr Reason unaligned = WASM_MEMORY_REASON_UNALIGNED;
inline constexpr Reason wait_unshared = WASM_MEMORY_REASON_WAIT_UNSHARED;
inline constexpr Reason too_many_waiters = WASM_MEMORY_REASON_TOO_MANY_WAITERS;
inline constexpr Reason interrupted = WASM_MEMORY_REASON_INTERRUPTED;
inline constexpr Reason not_cloneable = WASM_MEMORY_REASON_NOT_CLONEABLE;
inline constexpr Reason shared_memory = WASM_MEMORY_REASON_SHARED_MEMORY;
inline constexpr Reason image_does_not_fit = WASM_MEMORY_REASON_IMAGE_DOES_NOT_FIT;
inline constexpr Reason file = WASM_MEMORY_REASON_FILE;
inline constexpr Reason panic = WASM_MEMORY_REASON_PANIC;
}  // namespace reason

/** Why a call failed, in numbers: status, reason, os_error, requested and available. */
using ErrorInfo = ::wasm_memory_error_t;

/** "RangeError" and so on; "OK"; "unknown" for a number that is no status. Static. Any thread. */
[[nodiscard]] inline const char *status_name(Status status) noexcept {
  return ::wasm_memory_status_name(status);
}

/** Why the last failed call of this thread failed; all zero when none has. */
[[nodiscard]] inline ErrorInfo last_error() noexcept {
  ErrorInfo info{};
  ::wasm_memory_last_error(&info);
  return info;
}

/**
 * The same in English; empty when no call of this thread has failed. Unlike the C function it
 * allocates: std::bad_alloc, or without exceptions the end of the program, when there is no memory.
 */
[[nodiscard]] inline std::string last_error_message() {
  std::string message(::wasm_memory_last_error_message(nullptr, 0), '\0');
  ::wasm_memory_last_error_message(message.data(), message.size() + 1);
  return message;
}

#ifdef __cpp_exceptions

namespace detail {

/**
 * What an exception says. The library keeps the text of the last error only: one that is older, or
 * comes from another thread, is told in numbers.
 */
inline std::string message_of(const ErrorInfo &info) {
  const ErrorInfo last = last_error();
  if (last.status == info.status && last.reason == info.reason && last.os_error == info.os_error &&
      last.requested == info.requested && last.available == info.available) {
    return last_error_message();
  }
  const std::string requested = std::to_string(info.requested);
  const std::string available = std::to_string(info.available);
  switch (info.reason) {
    // The two that inline accesses find themselves.
    case WASM_MEMORY_REASON_OUT_OF_BOUNDS:
      return "out of bounds: the access ends at " + requested + ", the memory at " + available;
    case WASM_MEMORY_REASON_UNALIGNED:
      return "address " + requested + " is not a multiple of " + available;
    default:
      return "reason " + std::to_string(info.reason) + ": requested " + requested +
             ", available " + available + ", OS error " + std::to_string(info.os_error);
  }
}

}  // namespace detail

/**
 * The base of all that this header throws, but for std::bad_alloc when there is no memory for the
 * message. Thrown itself only for a status that this header does not know. what() is the library's
 * message.
 */
class Error : public std::runtime_error {
 public:
  /** info: of the failed call, best on the thread that made it, where the message still is. */
  explicit Error(const ErrorInfo &info)
      : std::runtime_error(detail::message_of(info)), info_(info) {}

  /** Which JavaScript exception it corresponds to, as a number. */
  [[nodiscard]] Status status() const noexcept { return info_.status; }
  /** The same as a name, "RangeError". Static. */
  [[nodiscard]] const char *name() const noexcept { return status_name(info_.status); }
  /** Why: one of the constants in namespace reason. */
  [[nodiscard]] Reason reason() const noexcept { return info_.reason; }
  /** errno (or GetLastError) of the operating-system call that refused, or 0. */
  [[nodiscard]] std::int32_t os_error() const noexcept { return info_.os_error; }
  /** What was asked for, in the unit that the reason names; UINT64_MAX where it is more. */
  [[nodiscard]] std::uint64_t requested() const noexcept { return info_.requested; }
  /** The limit that it met, in the same unit, or 0 where none is known. */
  [[nodiscard]] std::uint64_t available() const noexcept { return info_.available; }
  /** All of these. */
  [[nodiscard]] const ErrorInfo &info() const noexcept { return info_; }

 private:
  ErrorInfo info_;
};

/** JavaScript TypeError: an argument has the wrong shape or is outside its integer type. */
class TypeError : public Error {
 public:
  using Error::Error;
};

/** JavaScript RangeError: a value fits its type but is not allowed, or the host refused. */
class RangeError : public Error {
 public:
  using Error::Error;
};

/** WebAssembly.LinkError: an import does not match. */
class LinkError : public Error {
 public:
  using Error::Error;
};

/** WebAssembly.RuntimeError: a trap. */
class RuntimeError : public Error {
 public:
  using Error::Error;
};

/** DataCloneError: an unshared memory cannot be sent to another agent. */
class DataCloneError : public Error {
 public:
  using Error::Error;
};

/** A fault of the library itself, caught at its boundary. */
class InternalError : public Error {
 public:
  using Error::Error;
};

/** The host refused what has no JavaScript counterpart: a file that cannot be read or written. */
class HostError : public Error {
 public:
  using Error::Error;
};

/** Throws the exception that an error corresponds to. info: as for Error. */
[[noreturn]] inline void throw_error(const ErrorInfo &info) {
  switch (info.status) {
    case WASM_MEMORY_TYPE_ERROR: throw TypeError(info);
    case WASM_MEMORY_RANGE_ERROR: throw RangeError(info);
    case WASM_MEMORY_LINK_ERROR: throw LinkError(info);
    case WASM_MEMORY_RUNTIME_ERROR: throw RuntimeError(info);
    case WASM_MEMORY_DATA_CLONE_ERROR: throw DataCloneError(info);
    case WASM_MEMORY_INTERNAL_ERROR: throw InternalError(info);
    case WASM_MEMORY_HOST_ERROR: throw HostError(info);
    default: throw Error(info);
  }
}

#endif  // __cpp_exceptions

/**
 * What an operation gave, or why it failed: what std::expected<T, ErrorInfo> is in C++23.
 *
 * It owns the value. Any thread may read its error at any time: it is a copy.
 */
template <typename T>
class [[nodiscard]] Result {
 public:
  /** A success. */
  Result(T value) noexcept : value_(std::move(value)) {}
  /** A failure. error: its status is not status::ok. */
  Result(const ErrorInfo &error) noexcept : error_(error) {}

  /** Whether there is a value. */
  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  /** Whether there is a value. */
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  /** The value, which must be there. Of a temporary result it is moved out. */
  [[nodiscard]] T &operator*() & noexcept { return *value_; }
  /** The value, which must be there. */
  [[nodiscard]] const T &operator*() const & noexcept { return *value_; }
  /** The value, which must be there, moved out: by value, so that no reference is left dangling. */
  [[nodiscard]] T operator*() && noexcept { return *std::move(value_); }
  /** A member of the value, which must be there. */
  [[nodiscard]] T *operator->() noexcept { return &*value_; }
  /** A member of the value, which must be there. */
  [[nodiscard]] const T *operator->() const noexcept { return &*value_; }

  /** Why it failed; all zero, which is status::ok, when it did not. */
  [[nodiscard]] const ErrorInfo &error() const noexcept { return error_; }

#ifdef __cpp_exceptions
  /** The value, or the exception that the error corresponds to. */
  [[nodiscard]] T &value() & {
    if (!value_) throw_error(error_);
    return *value_;
  }
  /** The value, or the exception that the error corresponds to. */
  [[nodiscard]] const T &value() const & {
    if (!value_) throw_error(error_);
    return *value_;
  }
  /** The value, moved out, or the exception that the error corresponds to. */
  [[nodiscard]] T value() && {
    if (!value_) throw_error(error_);
    return *std::move(value_);
  }
#endif

 private:
  std::optional<T> value_;
  ErrorInfo error_{};
};

/** That an operation without a value succeeded, or why it failed. */
template <>
class [[nodiscard]] Result<void> {
 public:
  /** A success. */
  Result() noexcept = default;
  /** A failure. error: its status is not status::ok. */
  Result(const ErrorInfo &error) noexcept : error_(error) {}

  /** Whether it succeeded. */
  [[nodiscard]] bool has_value() const noexcept { return error_.status == WASM_MEMORY_OK; }
  /** Whether it succeeded. */
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  /** Why it failed; all zero, which is status::ok, when it did not. */
  [[nodiscard]] const ErrorInfo &error() const noexcept { return error_; }

#ifdef __cpp_exceptions
  /** Nothing, or the exception that the error corresponds to. */
  void value() const {
    if (!has_value()) throw_error(error_);
  }
#endif

 private:
  ErrorInfo error_{};
};

/** What the C call that this thread has just made came to. status: what it returned. */
inline Result<void> try_check(Status status) noexcept {
  if (status == WASM_MEMORY_OK) return {};
  return last_error();
}

#ifdef __cpp_exceptions
/**
 * The same as an exception, for a C function that has no counterpart here.
 *
 *     wasm_memory::check(wasm_memory_some_function(memory.get(), ...));
 */
inline void check(Status status) { try_check(status).value(); }
#endif

}  // namespace wasm_memory

#endif  /* WASM_MEMORY_ERROR_HPP_INCLUDED */
