/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * libwasm_memory for C++17 and later: owners, exceptions and results over wasm_memory.h.
 *
 *     wasm_memory::Memory memory(wasm_memory::Descriptor{1, 10});
 *     memory.grow(2);                                   // throws wasm_memory::RangeError
 *     memory.data()[memory.byte_length() - 1] = 1;
 *     memory.store<std::uint32_t>(8, 42);               // throws wasm_memory::RuntimeError
 *
 *     auto memory = wasm_memory::Memory::try_create(wasm_memory::Descriptor{1, 10});
 *     if (!memory) return memory.error().reason;        // the same without exceptions
 *
 * Everything here is inline and keeps only what the library owns, so that a Memory is passed to C
 * with get() and taken from C with adopt(). A name is the C name without its prefix, and means what
 * wasm_memory.h says of it: sizes in bytes or in WebAssembly pages of the memory's own page size,
 * as each name says.
 *
 * Each operation that can fail has two forms. The plain one throws a class derived from Error. The
 * one that starts with try_ is noexcept and returns a Result; try_load and try_store, which have to
 * be as quick as a machine's, an optional and a bool. Compiled with -fno-exceptions only the second
 * form is there, and the two kinds of translation unit can be linked together.
 *
 * A default-constructed Memory, Buffer or Allocator, and whatever was moved from, is empty. It is
 * answered as NULL is in C: TypeError with reason::null_argument, or an empty object, nullptr, 0 or
 * false from what cannot fail.
 *
 * Statuses, reasons, exceptions and Result are in wasm_memory_error.hpp, what Memory can do with
 * its bytes in wasm_memory_bytes.hpp; this header includes both.
 */

#ifndef WASM_MEMORY_HPP_INCLUDED
#define WASM_MEMORY_HPP_INCLUDED

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "wasm_memory_bytes.hpp"
#include "wasm_memory_error.hpp"

namespace wasm_memory {

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

/** Where memories come from: see Config::set_backend. */
enum class Backend : std::uint32_t {
  virtual_memory = WASM_MEMORY_BACKEND_VIRTUAL, /**< Reservations of address space. */
  heap = WASM_MEMORY_BACKEND_HEAP,              /**< Blocks on a heap. */
};

/** The version of the library that is running, "major.minor.patch". Static. Any thread. */
[[nodiscard]] inline const char *version() noexcept { return ::wasm_memory_version(); }

/**
 * The number of the C ABI of the library that is running. A program is to be used with the number
 * that it was compiled with, WASM_MEMORY_ABI_VERSION. Any thread.
 */
[[nodiscard]] inline std::uint32_t abi_version() noexcept { return ::wasm_memory_abi_version(); }

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

/** What an allocator, or one memory, has and has done, in bytes: wasm_memory_stats_t. */
using Statistics = ::wasm_memory_stats_t;

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
  void operator()(::wasm_memory_buffer_t *buffer) const noexcept {
    ::wasm_memory_buffer_delete(buffer);
  }
  void operator()(::wasm_memory_image_t *image) const noexcept { ::wasm_memory_image_delete(image); }
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
  /** Address space or a heap, which implies Bounds::checked. Default: Backend::virtual_memory. */
  Config &set_backend(Backend backend) noexcept {
    ::wasm_memory_config_set_backend(get(), static_cast<std::uint32_t>(backend));
    return *this;
  }
  /** The heap of Backend::heap, instead of the process's; copied. Its functions must not throw. */
  Config &set_host_heap(const ::wasm_memory_host_heap_t &heap) noexcept {
    ::wasm_memory_config_set_host_heap(get(), &heap);
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

  /** A pool of so many slots of so many bytes, in one reservation. Default: none. */
  Config &set_pool(std::uint32_t slots, std::uint64_t slot_bytes) noexcept {
    ::wasm_memory_config_set_pool(get(), slots, slot_bytes);
    return *this;
  }
  /** Up to so many bytes are written over, not dropped, when a memory is cleaned or reset. */
  Config &set_keep_resident(std::uint64_t bytes) noexcept {
    ::wasm_memory_config_set_keep_resident(get(), bytes);
    return *this;
  }
  /** Most bytes in memory over all that waits for reuse. Default: 64 MiB. */
  Config &set_kept_bytes(std::uint64_t bytes) noexcept {
    ::wasm_memory_config_set_kept_bytes(get(), bytes);
    return *this;
  }
  /** Whether the host is asked for large pages. Default: no. */
  Config &set_huge_pages(bool wanted = true) noexcept {
    ::wasm_memory_config_set_huge_pages(get(), wanted);
    return *this;
  }
  /** Whether the initial pages are made resident at creation. Default: no. */
  Config &set_prefault(bool wanted = true) noexcept {
    ::wasm_memory_config_set_prefault(get(), wanted);
    return *this;
  }
  /** Most memories at once, and most bytes over all of them; 0 is no limit. Default: none. */
  Config &set_quota(std::uint64_t memories, std::uint64_t bytes) noexcept {
    ::wasm_memory_config_set_quota(get(), memories, bytes);
    return *this;
  }
  /**
   * Who is asked before each creation and growth, and told of each refusal; copied. Its functions
   * must not throw. The order of what is asked, and when finalize runs, is that of the C function.
   */
  Config &set_limiter(const ::wasm_memory_limiter_t &limiter) noexcept {
    ::wasm_memory_config_set_limiter(get(), &limiter);
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

  /** Gives back to the host all that is kept for reuse. Nothing when empty. Any thread. */
  void trim() const noexcept {
    if (handle_) ::wasm_memory_allocator_trim(get());
  }
  /** What the allocator has and has done; zero in every field when empty. Any thread. */
  [[nodiscard]] Statistics statistics() const noexcept {
    Statistics statistics{};
    if (handle_) ::wasm_memory_allocator_get_stats(get(), &statistics);
    return statistics;
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
 * A frozen run of bytes that a new memory starts from, copy-on-write, and an unshared one comes back
 * to: one reference to an image.
 *
 * Move-only; share() gives another reference. Memories that started from it keep the bytes. Any
 * thread may use an image at once; an object of this class is one thread's.
 */
class Image {
 public:
  /** Empty: zeros, where an image is asked for. */
  Image() noexcept = default;

  /**
   * An image of a copy of length bytes, which belong at byte index of a memory. TYPE_ERROR: bytes is
   * null and length is not 0. RANGE_ERROR: no memory ends there (reason::image_does_not_fit), or no
   * memory for the bytes (reason::out_of_memory).
   */
  [[nodiscard]] static Result<Image> try_create(const void *bytes, std::size_t length,
                                                std::uint64_t index = 0) noexcept {
    ::wasm_memory_image_t *image = nullptr;
    const auto *const first = static_cast<const std::uint8_t *>(bytes);
    const auto made = try_check(::wasm_memory_image_new(first, length, index, &image));
    if (!made) return made.error();
    return adopt(image);
  }
  /** The same of the bytes that a file has now. HOST_ERROR: it cannot be read (reason::file). */
  [[nodiscard]] static Result<Image> try_from_file(const char *path,
                                                   std::uint64_t index = 0) noexcept {
    ::wasm_memory_image_t *image = nullptr;
    const auto made = try_check(::wasm_memory_image_from_file(path, index, &image));
    if (!made) return made.error();
    return adopt(image);
  }
  /** Writes the bytes, without their index, to a file. HOST_ERROR: that fails. TYPE_ERROR: empty. */
  [[nodiscard]] Result<void> try_write_file(const char *path) const noexcept {
    return try_check(::wasm_memory_image_write_file(get(), path));
  }
  /**
   * The descriptor of the memory that this is a snapshot of; without an initial for other images.
   * TYPE_ERROR: empty.
   */
  [[nodiscard]] Result<Descriptor> try_type() const noexcept {
    ::wasm_memory_descriptor_t type{};
    const auto got = try_check(::wasm_memory_image_get_type(get(), &type));
    if (!got) return got.error();
    return Descriptor::from_c(type);
  }

#ifdef __cpp_exceptions
  /** The same as try_create. Throws TypeError and RangeError. */
  Image(const void *bytes, std::size_t length, std::uint64_t index = 0)
      : Image(try_create(bytes, length, index).value()) {}
  /** The same as try_from_file. Throws HostError, TypeError and RangeError. */
  [[nodiscard]] static Image from_file(const char *path, std::uint64_t index = 0) {
    return try_from_file(path, index).value();
  }
  /** The same as try_write_file. Throws HostError and TypeError. */
  void write_file(const char *path) const { try_write_file(path).value(); }
  /** The same as try_type. Throws TypeError. */
  [[nodiscard]] Descriptor type() const { return try_type().value(); }
#endif

  /** Takes over one reference that a C function gave; nullptr makes an empty object. */
  [[nodiscard]] static Image adopt(::wasm_memory_image_t *handle) noexcept { return Image(handle); }
  /** One more reference to the same image; empty when this is. Any thread. */
  [[nodiscard]] Image share() const noexcept { return adopt(::wasm_memory_image_retain(get())); }

  /** Whether there is an image. */
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }
  /** The handle, for C functions; the reference stays this object's. nullptr when empty. */
  [[nodiscard]] ::wasm_memory_image_t *get() const noexcept { return handle_.get(); }
  /** Hands the reference over: the caller gives it back with wasm_memory_image_delete. */
  [[nodiscard]] ::wasm_memory_image_t *release() noexcept { return handle_.release(); }
  /** Gives the reference back; empty from here on. */
  void reset() noexcept { handle_.reset(); }

 private:
  explicit Image(::wasm_memory_image_t *handle) noexcept : handle_(handle) {}

  std::unique_ptr<::wasm_memory_image_t, detail::Delete> handle_;
};

/**
 * An ArrayBuffer or SharedArrayBuffer of a memory: one reference to it, given back by the
 * destructor.
 *
 * Move-only; share() gives another reference to the same buffer. It keeps its bytes when the memory
 * goes. A pointer into it stays good over the length that it had for as long as the buffer is held,
 * even once it is detached. An unshared memory and its buffers are used by one thread at a time,
 * those of a shared one by any.
 */
class Buffer {
 public:
  /** Empty. */
  Buffer() noexcept = default;

  /**
   * Takes over one reference that a C function gave; nullptr makes an empty object. For a handle
   * that is only lent: adopt(wasm_memory_buffer_retain(handle)).
   */
  [[nodiscard]] static Buffer adopt(::wasm_memory_buffer_t *handle) noexcept {
    return Buffer(handle);
  }

  /** One more reference to the same buffer; empty when this is. Any thread. */
  [[nodiscard]] Buffer share() const noexcept { return adopt(::wasm_memory_buffer_retain(get())); }

  /** The address of the first byte; nullptr once it is detached, and when empty. */
  [[nodiscard]] std::uint8_t *data() const noexcept { return ::wasm_memory_buffer_data(get()); }
  /**
   * The length in bytes; 0 once it is detached. A resizable buffer follows its memory; one of fixed
   * length of a shared memory keeps its length.
   */
  [[nodiscard]] std::uint64_t byte_length() const noexcept {
    return ::wasm_memory_buffer_byte_length(get());
  }
  /**
   * The length in bytes that it can be resized to: the memory's maximum, byte_length() when it is
   * of fixed length, 0 once it is detached.
   */
  [[nodiscard]] std::uint64_t max_byte_length() const noexcept {
    return ::wasm_memory_buffer_max_byte_length(get());
  }
  /** Whether the memory has detached it. Never true for a shared one. */
  [[nodiscard]] bool is_detached() const noexcept {
    return ::wasm_memory_buffer_is_detached(get());
  }
  /** Whether it is a SharedArrayBuffer. */
  [[nodiscard]] bool is_shared() const noexcept { return ::wasm_memory_buffer_is_shared(get()); }
  /** Whether it is resizable, or growable when shared; the same for as long as it lives. */
  [[nodiscard]] bool is_resizable() const noexcept {
    return ::wasm_memory_buffer_is_resizable(get());
  }

#ifdef __cpp_lib_span
  /** The bytes as they are now; none once it is detached. The span does not follow a growth. */
  [[nodiscard]] std::span<std::uint8_t> bytes() const noexcept {
    return {data(), static_cast<std::size_t>(byte_length())};
  }
#endif

  /**
   * Grows an unshared memory through its resizable buffer: `buffer.resize(byteLength)`. The current
   * length is allowed.
   *
   * TYPE_ERROR: empty, of fixed length or shared (reason::buffer_kind), detached
   * (reason::detached). RANGE_ERROR: reason::max_byte_length, would_shrink, not_page_multiple, or
   * what growth is refused for, in the order of wasm_memory_buffer_resize. A failure changes
   * nothing.
   */
  [[nodiscard]] Result<void> try_resize(std::uint64_t byte_length) noexcept {
    return try_check(::wasm_memory_buffer_resize(get(), byte_length));
  }
  /**
   * Grows a shared memory through its growable buffer: `buffer.grow(byteLength)`. The current
   * length is allowed.
   *
   * TYPE_ERROR: empty, of fixed length or unshared (reason::buffer_kind). RANGE_ERROR: as for
   * try_resize, in the order of wasm_memory_buffer_grow. A failure changes nothing. Any thread.
   */
  [[nodiscard]] Result<void> try_grow(std::uint64_t byte_length) noexcept {
    return try_check(::wasm_memory_buffer_grow(get(), byte_length));
  }
  /**
   * `buffer.transfer()`, which a memory's buffer always refuses. TYPE_ERROR: empty, shared
   * (reason::buffer_kind), detached (reason::detached), else reason::not_transferable.
   */
  [[nodiscard]] Result<void> try_transfer() noexcept {
    return try_check(::wasm_memory_buffer_transfer(get()));
  }

#ifdef __cpp_exceptions
  /** The same as try_resize. Throws RangeError and TypeError. */
  void resize(std::uint64_t byte_length) { try_resize(byte_length).value(); }
  /** The same as try_grow. Throws RangeError and TypeError. */
  void grow(std::uint64_t byte_length) { try_grow(byte_length).value(); }
  /** The same as try_transfer. Throws TypeError. */
  void transfer() { try_transfer().value(); }
#endif

  /** Whether there is a buffer, detached or not. */
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }
  /** The handle, for C functions; the reference stays this object's. nullptr when empty. */
  [[nodiscard]] ::wasm_memory_buffer_t *get() const noexcept { return handle_.get(); }
  /** Hands the reference over: the caller gives it back with wasm_memory_buffer_delete. */
  [[nodiscard]] ::wasm_memory_buffer_t *release() noexcept { return handle_.release(); }
  /** Gives the reference back; empty from here on. */
  void reset() noexcept { handle_.reset(); }

  /** Whether both are the same buffer object, as JavaScript compares them. */
  [[nodiscard]] friend bool operator==(const Buffer &a, const Buffer &b) noexcept {
    return a.get() == b.get();
  }
  /** Whether they are different buffer objects. */
  [[nodiscard]] friend bool operator!=(const Buffer &a, const Buffer &b) noexcept {
    return !(a == b);
  }

 private:
  explicit Buffer(::wasm_memory_buffer_t *handle) noexcept : handle_(handle) {}

  std::unique_ptr<::wasm_memory_buffer_t, detail::Delete> handle_;
};

/**
 * A linear memory: one reference to it, given back by the destructor.
 *
 * Move-only, and as large as two pointers: the handle, and the view that loads and stores go
 * through. share() gives another reference to the same memory, which lives until the last one is
 * gone. const is of this object and not of the bytes, as for a smart pointer.
 *
 * What it can do with its bytes, from read and write to wait32 and notify, is told at BytesOf.
 *
 * A shared memory may be used from any thread at once, each with a Memory of its own or through one
 * that nobody moves, resets or assigns to meanwhile; of an unshared memory one thread at a time.
 */
class Memory : public BytesOf<Memory> {
 public:
  /** Empty. */
  Memory() noexcept = default;
  /** Takes the reference over; other is empty from here on. */
  Memory(Memory &&other) noexcept
      : BytesOf(), handle_(std::move(other.handle_)), view_(other.take_view()) {}
  /** Gives the reference back and takes over that of other, which is empty from here on. */
  Memory &operator=(Memory &&other) noexcept {
    handle_ = std::move(other.handle_);
    view_ = other.take_view();
    return *this;
  }
  /** Gives the reference back. */
  ~Memory() = default;

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
  /**
   * The same, starting from an image, from zeros when that is empty. RANGE_ERROR: also when the image
   * does not lie within the initial size, or is a snapshot of another size or type
   * (reason::image_does_not_fit).
   */
  [[nodiscard]] static Result<Memory> try_create(const Descriptor &descriptor,
                                                 const Allocator &allocator,
                                                 const Image &image) noexcept {
    if (!allocator) return detail::empty_argument();
    return create(allocator.get(), descriptor, image.get());
  }

#ifdef __cpp_exceptions
  /** The same as try_create. Throws TypeError and RangeError. */
  explicit Memory(const Descriptor &descriptor) : Memory(try_create(descriptor).value()) {}
  /** The same as try_create. Throws TypeError and RangeError. */
  Memory(const Descriptor &descriptor, const Allocator &allocator)
      : Memory(try_create(descriptor, allocator).value()) {}
  /** The same as try_create. Throws TypeError and RangeError. */
  Memory(const Descriptor &descriptor, const Allocator &allocator, const Image &image)
      : Memory(try_create(descriptor, allocator, image).value()) {}
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

  /**
   * The current buffer: `memory.buffer`. The same object as before, unless growth or a conversion
   * in between has replaced it: wasm_memory_buffer tells when. TYPE_ERROR: empty. RANGE_ERROR: no
   * memory for the object (reason::out_of_memory).
   */
  [[nodiscard]] Result<Buffer> try_buffer() const noexcept {
    return buffer_from(::wasm_memory_buffer);
  }
  /**
   * The current buffer if it is resizable, growable for a shared memory; else a new one, and that
   * of an unshared memory is detached: `memory.toResizableBuffer()`. While it is the current one
   * the memory does not move. TYPE_ERROR: empty, no maximum (reason::no_maximum). RANGE_ERROR: as
   * for try_buffer.
   */
  [[nodiscard]] Result<Buffer> try_to_resizable_buffer() noexcept {
    return buffer_from(::wasm_memory_to_resizable_buffer);
  }
  /**
   * The current buffer if it is of fixed length; else a new one, and that of an unshared memory is
   * detached: `memory.toFixedLengthBuffer()`. Fails as try_buffer.
   */
  [[nodiscard]] Result<Buffer> try_to_fixed_length_buffer() noexcept {
    return buffer_from(::wasm_memory_to_fixed_length_buffer);
  }

  /**
   * An image of the whole memory as it is now, its size included. TYPE_ERROR: empty, or shared
   * (reason::shared_memory). RANGE_ERROR: no memory for the bytes (reason::out_of_memory).
   */
  [[nodiscard]] Result<Image> try_snapshot() const noexcept {
    ::wasm_memory_image_t *image = nullptr;
    const auto taken = try_check(::wasm_memory_snapshot(get(), &image));
    if (!taken) return taken.error();
    return Image::adopt(image);
  }
  /**
   * Brings the memory back in place: to a snapshot's size and bytes, or to its own first size and the
   * bytes of another image, zeros when that is empty. Every buffer is detached. TYPE_ERROR: empty, or
   * shared (reason::shared_memory). RANGE_ERROR: as for wasm_memory_reset; a failure changes nothing.
   */
  [[nodiscard]] Result<void> try_reset_to(const Image &image) noexcept {
    return try_check(::wasm_memory_reset(get(), image.get()));
  }

#ifdef __cpp_exceptions
  /** The same as try_snapshot. Throws TypeError and RangeError. */
  [[nodiscard]] Image snapshot() const { return try_snapshot().value(); }
  /** The same as try_reset_to. Throws TypeError and RangeError. */
  void reset_to(const Image &image) { try_reset_to(image).value(); }
  /** The same as try_send. Throws DataCloneError and TypeError. */
  [[nodiscard]] Memory send() const { return try_send().value(); }
  /** The same as try_grow, the size before in pages. Throws RangeError and TypeError. */
  std::uint64_t grow(std::uint64_t delta) { return try_grow(delta).value(); }
  /** The same as try_type. Throws TypeError. */
  [[nodiscard]] Descriptor type() const { return try_type().value(); }
  /** The same as try_match. Throws LinkError and TypeError. */
  void match(const Descriptor &import) const { try_match(import).value(); }
  /** The same as try_buffer. Throws RangeError and TypeError. */
  [[nodiscard]] Buffer buffer() const { return try_buffer().value(); }
  /** The same as try_to_resizable_buffer. Throws RangeError and TypeError. */
  Buffer to_resizable_buffer() { return try_to_resizable_buffer().value(); }
  /** The same as try_to_fixed_length_buffer. Throws RangeError and TypeError. */
  Buffer to_fixed_length_buffer() { return try_to_fixed_length_buffer().value(); }
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
  [[nodiscard]] const View &view() const noexcept { return *view_; }

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

  /** What the memory has and has done; zero in every field when empty. */
  [[nodiscard]] Statistics statistics() const noexcept {
    Statistics statistics{};
    ::wasm_memory_get_stats(get(), &statistics);
    return statistics;
  }

  /** Whether there is a memory. */
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }
  /** The handle, for C functions; the reference stays this object's. nullptr when empty. */
  [[nodiscard]] ::wasm_memory_t *get() const noexcept { return handle_.get(); }
  /** Hands the reference over: the caller gives it back with wasm_memory_delete. */
  [[nodiscard]] ::wasm_memory_t *release() noexcept {
    take_view();
    return handle_.release();
  }
  /** Gives the reference back; empty from here on. */
  void reset() noexcept {
    take_view();
    handle_.reset();
  }

  /** Whether both are the same memory, and not whether the bytes are equal. */
  [[nodiscard]] friend bool operator==(const Memory &a, const Memory &b) noexcept {
    return a.get() == b.get();
  }
  /** Whether they are different memories. */
  [[nodiscard]] friend bool operator!=(const Memory &a, const Memory &b) noexcept {
    return !(a == b);
  }

 private:
  explicit Memory(::wasm_memory_t *handle) noexcept : handle_(handle) {
    if (const View *const view = ::wasm_memory_view(handle)) view_ = view;
  }

  [[nodiscard]] static Result<Memory> create(::wasm_memory_allocator_t *allocator,
                                             const Descriptor &descriptor,
                                             const ::wasm_memory_image_t *image = nullptr) noexcept {
    const ::wasm_memory_descriptor_t type = descriptor.to_c();
    ::wasm_memory_t *memory = nullptr;
    const auto made = try_check(::wasm_memory_new_in(allocator, &type, image, &memory));
    if (!made) return made.error();
    return adopt(memory);
  }

  /** What each of the three C functions that give a buffer gives. */
  [[nodiscard]] Result<Buffer> buffer_from(Status (*function)(
      ::wasm_memory_t *, ::wasm_memory_buffer_t **)) const noexcept {
    ::wasm_memory_buffer_t *buffer = nullptr;
    const auto got = try_check(function(get(), &buffer));
    if (!got) return got.error();
    return Buffer::adopt(buffer);
  }

  /** The view, which is no longer this object's. */
  const View *take_view() noexcept { return std::exchange(view_, &detail::no_bytes); }

  std::unique_ptr<::wasm_memory_t, detail::Delete> handle_;
  const View *view_ = &detail::no_bytes;
};

}  // namespace wasm_memory

#endif  /* WASM_MEMORY_HPP_INCLUDED */
