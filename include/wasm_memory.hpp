/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * libwasm_memory for C++17 and later: owners, exceptions and results over wasm_memory.h.
 *
 *     wasm_memory::Memory memory(wasm_memory::Descriptor{1, 10});
 *     memory.grow(2);                                   // throws wasm_memory::RangeError
 *     memory.data()[memory.byte_length() - 1] = 1;
 *
 *     auto memory = wasm_memory::Memory::try_create(wasm_memory::Descriptor{1, 10});
 *     if (!memory) return memory.error().reason;        // the same without exceptions
 *
 * Everything here is inline and nothing is kept beside the handle, so that a Memory is passed to C
 * with get() and taken from C with adopt(). A name is the C name without its prefix, and means what
 * wasm_memory.h says of it: sizes in bytes or in WebAssembly pages of the memory's own page size,
 * as each name says.
 *
 * Each operation that can fail has two forms. The plain one throws a class derived from Error. The
 * one that starts with try_ is noexcept and returns a Result. Compiled with -fno-exceptions only
 * the second is there, and the two kinds of translation unit can be linked together.
 *
 * A default-constructed Memory or Allocator, and whatever was moved from, is empty. It is answered
 * as NULL is in C: TypeError with reason::null_argument, or an empty object, nullptr, 0 or false
 * from what cannot fail.
 */

#ifndef WASM_MEMORY_HPP_INCLUDED
#define WASM_MEMORY_HPP_INCLUDED

/* MSVC tells the truth in __cplusplus only when asked to. */
#ifdef _MSVC_LANG
#define WASM_MEMORY_HPP_LANGUAGE _MSVC_LANG
#else
#define WASM_MEMORY_HPP_LANGUAGE __cplusplus
#endif

#if WASM_MEMORY_HPP_LANGUAGE < 201703L
#error "wasm_memory.hpp needs C++17"
#endif

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#if WASM_MEMORY_HPP_LANGUAGE >= 202002L && __has_include(<span>)
#include <span>
#endif

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

/** Base and byte length where compiled code can load them: see Memory::view. */
using View = ::wasm_memory_view_t;

/** Reservation, guards and what compiled code may leave unchecked: see Memory::layout. */
using Layout = ::wasm_memory_layout_t;

/** Where an address lies: see find. */
using Location = ::wasm_memory_location_t;

/** The zones of a Location: WASM_MEMORY_ZONE_*. */
namespace zone {
inline constexpr std::uint32_t body = WASM_MEMORY_ZONE_BODY;
inline constexpr std::uint32_t reserved = WASM_MEMORY_ZONE_RESERVED;
inline constexpr std::uint32_t guard_after = WASM_MEMORY_ZONE_GUARD_AFTER;
inline constexpr std::uint32_t guard_before = WASM_MEMORY_ZONE_GUARD_BEFORE;
}  // namespace zone

/** The type of a memory's indexes. Its underlying type is fixed, so that any number is defined. */
enum class Address : std::uint32_t {
  i32 = WASM_MEMORY_ADDRESS_I32, /**< 32-bit indexes. */
  i64 = WASM_MEMORY_ADDRESS_I64, /**< 64-bit indexes. */
};

/** Who sees to it that no access passes the byte length: see Config::set_bounds. */
enum class Bounds : std::uint32_t {
  guarded = WASM_MEMORY_BOUNDS_GUARDED, /**< The pages' protection: an access past it faults. */
  checked = WASM_MEMORY_BOUNDS_CHECKED, /**< The engine: growth changes no protection. */
};

/** The version of the library that is running, "major.minor.patch". Static. Any thread. */
[[nodiscard]] inline const char *version() noexcept { return ::wasm_memory_version(); }

/**
 * The number of the C ABI of the library that is running. A program is to be used with the number
 * that it was compiled with, WASM_MEMORY_ABI_VERSION. Any thread.
 */
[[nodiscard]] inline std::uint32_t abi_version() noexcept { return ::wasm_memory_abi_version(); }

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

/**
 * Which memory, and where in it, does an address belong to?
 *
 * address: any address; it is not read. Returns nothing when it lies in no memory and no guard.
 * The memory of the answer identifies and is no reference. Async-signal-safe.
 */
[[nodiscard]] inline std::optional<Location> find(const void *address) noexcept {
  Location location{};
  if (!::wasm_memory_find(address, &location)) return std::nullopt;
  return location;
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
  return "reason " + std::to_string(info.reason) + ": requested " + std::to_string(info.requested) +
         ", available " + std::to_string(info.available) + ", OS error " +
         std::to_string(info.os_error);
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

/* Optimizing for sanitizers, GCC takes the value of an absent std::optional for one that is read. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

/** What a memory is to be, or is; what an import asks for. An aggregate; `{}` is JavaScript's. */
struct Descriptor {
  /** Size at creation in pages; required. */
  std::optional<std::uint64_t> initial{};
  /** Most pages that it may ever have; required when shared. */
  std::optional<std::uint64_t> maximum{};
  /** Whether several threads may use it at once. */
  bool shared = false;
  /** The type of its indexes. */
  Address address = Address::i32;
  /** Bytes of a page: 1 or 65536; 0 means 65536. */
  std::uint32_t page_size = 65536;

  /** This type with another initial size in pages. C++17 has no designated initializers. */
  [[nodiscard]] constexpr Descriptor with_initial(std::uint64_t pages) const noexcept {
    return {pages, maximum, shared, address, page_size};
  }
  /** This type with a maximum in pages. */
  [[nodiscard]] constexpr Descriptor with_maximum(std::uint64_t pages) const noexcept {
    return {initial, pages, shared, address, page_size};
  }
  /** This type, shared or not. */
  [[nodiscard]] constexpr Descriptor with_shared(bool value = true) const noexcept {
    return {initial, maximum, value, address, page_size};
  }
  /** This type with another type of indexes. */
  [[nodiscard]] constexpr Descriptor with_address(Address value) const noexcept {
    return {initial, maximum, shared, value, page_size};
  }
  /** This type with pages of so many bytes. */
  [[nodiscard]] constexpr Descriptor with_page_size(std::uint32_t bytes) const noexcept {
    return {initial, maximum, shared, address, bytes};
  }

  /** The same for C. */
  [[nodiscard]] constexpr ::wasm_memory_descriptor_t to_c() const noexcept {
    ::wasm_memory_descriptor_t type{};
    if (initial) type.initial = {*initial, true};
    if (maximum) type.maximum = {*maximum, true};
    type.shared = shared;
    type.address = static_cast<std::uint32_t>(address);
    type.page_size = page_size;
    return type;
  }

  /** The same from C; the reserved fields are left out. */
  [[nodiscard]] static constexpr Descriptor from_c(
      const ::wasm_memory_descriptor_t &type) noexcept {
    const auto optional = [](const ::wasm_memory_page_count_t &count) {
      return count.present ? std::optional<std::uint64_t>(count.pages) : std::nullopt;
    };
    return {optional(type.initial), optional(type.maximum), type.shared,
            static_cast<Address>(type.address), type.page_size};
  }

  /** Field by field: a page size of 0 is not taken for 65536. */
  [[nodiscard]] friend constexpr bool operator==(const Descriptor &a,
                                                 const Descriptor &b) noexcept {
    return a.initial == b.initial && a.maximum == b.maximum && a.shared == b.shared &&
           a.address == b.address && a.page_size == b.page_size;
  }
  /** Field by field. */
  [[nodiscard]] friend constexpr bool operator!=(const Descriptor &a,
                                                 const Descriptor &b) noexcept {
    return !(a == b);
  }
};

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

namespace detail {

/** Gives a handle of any kind back. */
struct Delete {
  void operator()(::wasm_memory_t *memory) const noexcept { ::wasm_memory_delete(memory); }
  void operator()(::wasm_memory_config_t *config) const noexcept {
    ::wasm_memory_config_delete(config);
  }
  void operator()(::wasm_memory_allocator_t *allocator) const noexcept {
    ::wasm_memory_allocator_delete(allocator);
  }
};

/**
 * The error of an empty config or allocator. In C a NULL one stands for the defaults, and an engine
 * that relies on guards must not get those for a slip. The library is asked for it, so that
 * wasm_memory_last_error tells the same.
 */
inline ErrorInfo empty_argument() noexcept {
  return try_check(::wasm_memory_allocator_new(nullptr, nullptr)).error();
}

}  // namespace detail

/**
 * The settings of an allocator to be: the defaults at first, one setter for each setting, which
 * returns the config again.
 *
 * Move-only. One thread at a time. What is asked for is checked when the allocator is made; setters
 * do not fail, and do nothing to an empty config.
 */
class Config {
 public:
  /** A config with the defaults. RANGE_ERROR: no memory for one (reason::out_of_memory). */
  [[nodiscard]] static Result<Config> try_create() noexcept {
    ::wasm_memory_config_t *const config = ::wasm_memory_config_new();
    if (config != nullptr) return Config(config);
    // The C function has no status, so it left no error behind.
    ErrorInfo error{};
    error.status = WASM_MEMORY_RANGE_ERROR;
    error.reason = WASM_MEMORY_REASON_OUT_OF_MEMORY;
    return error;
  }

#ifdef __cpp_exceptions
  /** The same. Throws RangeError. */
  Config() : Config(try_create().value()) {}
#endif

  /**
   * Address space of each memory in bytes from the base; never less than a memory's initial size.
   * From here on a refused reservation is an error, unless set_fallback is called too.
   */
  Config &set_reservation(std::uint64_t bytes) noexcept {
    ::wasm_memory_config_set_reservation(get(), bytes);
    return *this;
  }
  /**
   * Inaccessible bytes before the base and after the reservation, also at size 0. From here on a
   * refused reservation is an error, unless set_fallback is called too.
   */
  Config &set_guards(std::uint64_t before, std::uint64_t after) noexcept {
    ::wasm_memory_config_set_guards(get(), before, after);
    return *this;
  }
  /** Who sees to it that no access passes the byte length. Default: Bounds::guarded. */
  Config &set_bounds(Bounds bounds) noexcept {
    ::wasm_memory_config_set_bounds(get(), static_cast<std::uint32_t>(bounds));
    return *this;
  }
  /** Whether growth past the reservation may change the base of an unshared memory. */
  Config &set_movable(bool movable = true) noexcept {
    ::wasm_memory_config_set_movable(get(), movable);
    return *this;
  }
  /** Whether a refused reservation may be retried smaller; Memory::layout tells what came of it. */
  Config &set_fallback(bool fallback = true) noexcept {
    ::wasm_memory_config_set_fallback(get(), fallback);
    return *this;
  }
  /** Most bytes that a memory may have, at creation and after growth. Default: 16 GiB. */
  Config &set_size_limit(std::uint64_t bytes) noexcept {
    ::wasm_memory_config_set_size_limit(get(), bytes);
    return *this;
  }

  /** Whether there is a config. */
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }
  /** The handle, for C functions; it stays this object's. nullptr when empty. */
  [[nodiscard]] ::wasm_memory_config_t *get() const noexcept { return handle_.get(); }

 private:
  explicit Config(::wasm_memory_config_t *handle) noexcept : handle_(handle) {}

  std::unique_ptr<::wasm_memory_config_t, detail::Delete> handle_;
};

/**
 * Where memories come from: one reference to an allocator.
 *
 * Move-only; share() gives another reference. Memories keep their allocator alive, so it may go
 * before they do. An allocator may be used from any thread at once, an object of this class by one
 * thread at a time unless all only read it.
 */
class Allocator {
 public:
  /** Empty. It is not the default allocator, which is meant by leaving the allocator out. */
  Allocator() noexcept = default;

  /**
   * An allocator with the settings of config, which are copied.
   *
   * TYPE_ERROR: config is empty (reason::null_argument), its bounds are unknown
   * (reason::unknown_value). RANGE_ERROR: reservation and guards together are more than any host
   * has (reason::address_space), no memory for the allocator (reason::out_of_memory). Any thread.
   */
  [[nodiscard]] static Result<Allocator> try_create(const Config &config) noexcept {
    if (!config) return detail::empty_argument();
    ::wasm_memory_allocator_t *allocator = nullptr;
    const auto made = try_check(::wasm_memory_allocator_new(config.get(), &allocator));
    if (!made) return made.error();
    return adopt(allocator);
  }

#ifdef __cpp_exceptions
  /** The same. Throws TypeError and RangeError. */
  explicit Allocator(const Config &config) : Allocator(try_create(config).value()) {}
#endif

  /** Takes over one reference that a C function gave; nullptr makes an empty object. */
  [[nodiscard]] static Allocator adopt(::wasm_memory_allocator_t *handle) noexcept {
    return Allocator(handle);
  }

  /** One more reference to the same allocator; empty when this is. Any thread. */
  [[nodiscard]] Allocator share() const noexcept {
    return adopt(::wasm_memory_allocator_retain(get()));
  }

  /** Whether there is an allocator. */
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }
  /** The handle, for C functions; the reference stays this object's. nullptr when empty. */
  [[nodiscard]] ::wasm_memory_allocator_t *get() const noexcept { return handle_.get(); }
  /** Hands the reference over: the caller gives it back with wasm_memory_allocator_delete. */
  [[nodiscard]] ::wasm_memory_allocator_t *release() noexcept { return handle_.release(); }
  /** Gives the reference back; empty from here on. */
  void reset() noexcept { handle_.reset(); }

 private:
  explicit Allocator(::wasm_memory_allocator_t *handle) noexcept : handle_(handle) {}

  std::unique_ptr<::wasm_memory_allocator_t, detail::Delete> handle_;
};

/**
 * A linear memory: one reference to it, given back by the destructor.
 *
 * Move-only, and as large as a pointer. share() gives another reference to the same memory, which
 * lives until the last one is gone. const is of this object and not of the bytes, as for a smart
 * pointer.
 *
 * A shared memory may be used from any thread at once, each with a Memory of its own or through one
 * that nobody moves, resets or assigns to meanwhile; of an unshared memory one thread at a time.
 */
class Memory {
 public:
  /** Empty. */
  Memory() noexcept = default;

  /**
   * A zero-filled memory from the default allocator: `new WebAssembly.Memory(descriptor)`.
   *
   * TYPE_ERROR and RANGE_ERROR, in the order of wasm_memory_new; nothing is left behind by a
   * failure. Any thread.
   */
  [[nodiscard]] static Result<Memory> try_create(const Descriptor &descriptor) noexcept {
    return create(nullptr, descriptor);
  }
  /** The same from an allocator. TYPE_ERROR: also for an empty one (reason::null_argument). */
  [[nodiscard]] static Result<Memory> try_create(const Descriptor &descriptor,
                                                 const Allocator &allocator) noexcept {
    if (!allocator) return detail::empty_argument();
    return create(allocator.get(), descriptor);
  }

#ifdef __cpp_exceptions
  /** The same as try_create. Throws TypeError and RangeError. */
  explicit Memory(const Descriptor &descriptor) : Memory(try_create(descriptor).value()) {}
  /** The same as try_create. Throws TypeError and RangeError. */
  Memory(const Descriptor &descriptor, const Allocator &allocator)
      : Memory(try_create(descriptor, allocator).value()) {}
#endif

  /**
   * Takes over one reference that a C function gave; nullptr makes an empty object. For a handle
   * that is only lent: adopt(wasm_memory_retain(handle)).
   */
  [[nodiscard]] static Memory adopt(::wasm_memory_t *handle) noexcept { return Memory(handle); }

  /** One more reference to the same memory, shared or not; empty when this is. Any thread. */
  [[nodiscard]] Memory share() const noexcept { return adopt(::wasm_memory_retain(get())); }

  /**
   * What posting the memory to another agent does: one more reference to a shared memory.
   *
   * DATA_CLONE_ERROR: the memory is unshared (reason::not_cloneable). TYPE_ERROR: empty. Any
   * thread.
   */
  [[nodiscard]] Result<Memory> try_send() const noexcept {
    ::wasm_memory_t *memory = nullptr;
    const auto sent = try_check(::wasm_memory_send(get(), &memory));
    if (!sent) return sent.error();
    return adopt(memory);
  }

  /**
   * Grows by delta pages, which read zero, and returns the size before in pages: `memory.grow`.
   *
   * delta: 0 is allowed and succeeds. TYPE_ERROR: empty, or delta is outside the integer type of an
   * i32 memory (reason::count_outside_type). RANGE_ERROR: past the declared maximum
   * (reason::maximum_exceeded) or another limit, or refused by the host, in the order of
   * wasm_memory_grow. A failure changes nothing. The base stays where it is, unless layout() says
   * movable. Any thread for a shared memory.
   */
  [[nodiscard]] Result<std::uint64_t> try_grow(std::uint64_t delta) noexcept {
    std::uint64_t previous = 0;
    const auto grown = try_check(::wasm_memory_grow(get(), delta, &previous));
    if (!grown) return grown.error();
    return previous;
  }

  /**
   * The type: initial is the current size in pages, maximum the declared one, and the page size is
   * told in full. TYPE_ERROR: empty.
   */
  [[nodiscard]] Result<Descriptor> try_type() const noexcept {
    ::wasm_memory_descriptor_t type{};
    const auto got = try_check(::wasm_memory_get_type(get(), &type));
    if (!got) return got.error();
    return Descriptor::from_c(type);
  }

  /**
   * Does the memory match what an import asks for? import: its limits are compared and not
   * validated; an absent initial counts as 0.
   *
   * LINK_ERROR: it does not; the reason, one of reason::import_*, tells in what. TYPE_ERROR: empty,
   * or import has an unknown address type or page size.
   */
  [[nodiscard]] Result<void> try_match(const Descriptor &import) const noexcept {
    const ::wasm_memory_descriptor_t type = import.to_c();
    return try_check(::wasm_memory_match(get(), &type));
  }

#ifdef __cpp_exceptions
  /** The same as try_send. Throws DataCloneError and TypeError. */
  [[nodiscard]] Memory send() const { return try_send().value(); }
  /** The same as try_grow, the size before in pages. Throws RangeError and TypeError. */
  std::uint64_t grow(std::uint64_t delta) { return try_grow(delta).value(); }
  /** The same as try_type. Throws TypeError. */
  [[nodiscard]] Descriptor type() const { return try_type().value(); }
  /** The same as try_match. Throws LinkError and TypeError. */
  void match(const Descriptor &import) const { try_match(import).value(); }
#endif

  /**
   * The base: the address of byte 0, not null also at size 0; nullptr when empty. The bytes up to
   * byte_length() can be used for as long as the memory lives; the base changes only when a movable
   * memory grows.
   */
  [[nodiscard]] std::uint8_t *data() const noexcept { return ::wasm_memory_data(get()); }
  /** The size in pages of the memory's own page size. Any thread for a shared memory. */
  [[nodiscard]] std::uint64_t size() const noexcept { return ::wasm_memory_size(get()); }
  /** The size in bytes. Any thread for a shared memory: all bytes up to it can be used. */
  [[nodiscard]] std::uint64_t byte_length() const noexcept {
    return ::wasm_memory_byte_length(get());
  }

#ifdef __cpp_lib_span
  /**
   * The bytes as they are now: the span does not follow a growth, and one of a movable memory ends
   * with it. Any thread for a shared memory.
   */
  [[nodiscard]] std::span<std::uint8_t> bytes() const noexcept {
    return {data(), static_cast<std::size_t>(byte_length())};
  }
#endif

  /**
   * Base and byte length at one address for as long as the memory lives, so that compiled code may
   * load through it. Read byte_length of a shared memory with an atomic load, acquire or
   * sequentially consistent. The view of an empty object says nullptr and no bytes.
   */
  [[nodiscard]] const View &view() const noexcept {
    static constexpr View empty{nullptr, 0};
    const View *const found = ::wasm_memory_view(get());
    return found != nullptr ? *found : empty;
  }

  /** What the address space around the memory looks like; all zero when empty. Any thread. */
  [[nodiscard]] Layout layout() const noexcept {
    Layout layout{};
    ::wasm_memory_get_layout(get(), &layout);
    return layout;
  }

  /** Keeps an address of the embedder's with the memory; it is never looked at. Any thread. */
  void set_user_data(void *user_data) noexcept { ::wasm_memory_set_user_data(get(), user_data); }
  /** The address that was last kept, through any reference. Async-signal-safe. Any thread. */
  [[nodiscard]] void *user_data() const noexcept { return ::wasm_memory_user_data(get()); }

  /** Whether there is a memory. */
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }
  /** The handle, for C functions; the reference stays this object's. nullptr when empty. */
  [[nodiscard]] ::wasm_memory_t *get() const noexcept { return handle_.get(); }
  /** Hands the reference over: the caller gives it back with wasm_memory_delete. */
  [[nodiscard]] ::wasm_memory_t *release() noexcept { return handle_.release(); }
  /** Gives the reference back; empty from here on. */
  void reset() noexcept { handle_.reset(); }

  /** Whether both are the same memory, and not whether the bytes are equal. */
  [[nodiscard]] friend bool operator==(const Memory &a, const Memory &b) noexcept {
    return a.get() == b.get();
  }
  /** Whether they are different memories. */
  [[nodiscard]] friend bool operator!=(const Memory &a, const Memory &b) noexcept {
    return !(a == b);
  }

 private:
  explicit Memory(::wasm_memory_t *handle) noexcept : handle_(handle) {}

  [[nodiscard]] static Result<Memory> create(::wasm_memory_allocator_t *allocator,
                                             const Descriptor &descriptor) noexcept {
    const ::wasm_memory_descriptor_t type = descriptor.to_c();
    ::wasm_memory_t *memory = nullptr;
    const auto made = try_check(::wasm_memory_new_in(allocator, &type, nullptr, &memory));
    if (!made) return made.error();
    return adopt(memory);
  }

  std::unique_ptr<::wasm_memory_t, detail::Delete> handle_;
};

}  // namespace wasm_memory

#undef WASM_MEMORY_HPP_LANGUAGE

#endif  /* WASM_MEMORY_HPP_INCLUDED */
