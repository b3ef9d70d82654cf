// wasm_memory.hpp: which exception each failure throws, and what it says.
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <typeinfo>

#include "wrapper_fixtures.h"

template <typename T>
constexpr bool is_error = std::is_base_of_v<wm::Error, T> && std::is_nothrow_copy_constructible_v<T>;
static_assert(std::is_base_of_v<std::runtime_error, wm::Error>);
static_assert(is_error<wm::TypeError> && is_error<wm::RangeError> && is_error<wm::LinkError> && is_error<wm::RuntimeError>);
static_assert(is_error<wm::DataCloneError> && is_error<wm::InternalError> && is_error<wm::HostError>);

static void check_figures(wm::ErrorInfo error, uint64_t requested, uint64_t available) {
  harness_figures(__FILE__, __LINE__, "figures of the exception", error, requested, available);
}

TEST(type_errors_of_creation) {
  CHECK_THROWS(TypeError, wm::reason::initial_missing, wm::Memory(wm::Descriptor{}));
  CHECK_THROWS(TypeError, wm::reason::shared_without_maximum, wm::Memory(wm::Descriptor{}.with_initial(1).with_shared()));
  check_figures(CHECK_THROWS(TypeError, wm::reason::count_outside_type, wm::Memory(wm::Descriptor{uint64_t{1} << 32})), uint64_t{1} << 32,
                UINT32_MAX);
  check_figures(CHECK_THROWS(TypeError, wm::reason::address_type, wm::Memory(wm::Descriptor{1}.with_address(static_cast<wm::Address>(7)))), 7, 0);
}

TEST(range_errors_of_creation) {
  check_figures(CHECK_THROWS(RangeError, wm::reason::above_limit, wm::Memory(wm::Descriptor{65537})), 65537, 65536);
  check_figures(CHECK_THROWS(RangeError, wm::reason::maximum_below_initial, wm::Memory(wm::Descriptor{3, 2})), 2, 3);
  check_figures(CHECK_THROWS(RangeError, wm::reason::page_size, wm::Memory(wm::Descriptor{1}.with_page_size(3))), 3, 0);
}

TEST(errors_of_growth) {
  wm::Memory memory(wm::Descriptor{1, 10});
  check_figures(CHECK_THROWS(RangeError, wm::reason::maximum_exceeded, memory.grow(10)), 11, 10);
  CHECK_THROWS(TypeError, wm::reason::count_outside_type, memory.grow(UINT64_MAX));
  CHECK_U64(memory.size(), 1);
}

TEST(link_errors_of_match) {
  const wm::Memory memory(wm::Descriptor{2, 5});
  check_figures(CHECK_THROWS(LinkError, wm::reason::import_initial, memory.match(wm::Descriptor{3})), 3, 2);
  check_figures(CHECK_THROWS(LinkError, wm::reason::import_maximum, memory.match(wm::Descriptor{1, 4})), 4, 5);
  CHECK_THROWS(LinkError, wm::reason::import_shared, memory.match(wm::Descriptor{1, 5, true}));
  CHECK_THROWS(LinkError, wm::reason::import_address, memory.match(wm::Descriptor{}.with_address(wm::Address::i64)));
  CHECK_THROWS(LinkError, wm::reason::import_page_size, memory.match(wm::Descriptor{}.with_page_size(1)));
  CHECK_THROWS(TypeError, wm::reason::unknown_value, memory.match(wm::Descriptor{}.with_page_size(2)));
}

TEST(unshared_memory_is_not_sent) {
  const wm::Memory memory(wm::Descriptor{1});
  CHECK_THROWS(DataCloneError, wm::reason::not_cloneable, memory.send());
}

TEST(empty_memory_is_a_type_error) {
  wm::Memory memory;
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.grow(1));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.type());
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.match(wm::Descriptor{}));
  CHECK_THROWS(TypeError, wm::reason::null_argument, memory.send());
}

TEST(one_base_for_all) {
  unsigned caught = 0;
  try {
    wm::Memory(wm::Descriptor{1, 1}).grow(1);
  } catch (const wm::Error &error) {
    caught++;
    CHECK_STATUS(error.status(), wm::status::range_error);
    CHECK_STRING(error.name(), "RangeError");
    CHECK_U64(error.reason(), WASM_MEMORY_REASON_MAXIMUM_EXCEEDED);
    CHECK_U64(error.requested(), 2);
    CHECK_U64(error.available(), 1);
    CHECK(error.os_error() == 0);
    CHECK_U64(error.info().requested, 2);
    CHECK(std::string(error.what()).find("maximum") != std::string::npos);
  }
  try {
    wm::Memory memory(wm::Descriptor{});
  } catch (const std::exception &error) {
    caught++;
    CHECK(std::string(error.what()).find("initial") != std::string::npos);
  }
  CHECK_U64(caught, 2);
}

template <typename Expected>
static void check_class(wm::Status status) {
  wm::ErrorInfo info{};
  info.status = status;
  info.reason = wm::reason::file;
  info.os_error = 2;
  info.requested = 1234;
  info.available = 5678;
  try {
    wm::throw_error(info);
  } catch (const wm::Error &error) {
    CHECK(typeid(error) == typeid(Expected));
    CHECK_STATUS(error.status(), status);
    CHECK(error.os_error() == 2);
    // No call of this thread failed like this, so the figures stand for the message.
    CHECK_STRING(error.what(), "reason 81: requested 1234, available 5678, OS error 2");
  }
}

// Every status has its class, one from a newer library included.
TEST(class_of_each_status) {
  check_class<wm::TypeError>(WASM_MEMORY_TYPE_ERROR);
  check_class<wm::RangeError>(WASM_MEMORY_RANGE_ERROR);
  check_class<wm::LinkError>(WASM_MEMORY_LINK_ERROR);
  check_class<wm::RuntimeError>(WASM_MEMORY_RUNTIME_ERROR);
  check_class<wm::DataCloneError>(WASM_MEMORY_DATA_CLONE_ERROR);
  check_class<wm::InternalError>(WASM_MEMORY_INTERNAL_ERROR);
  check_class<wm::HostError>(WASM_MEMORY_HOST_ERROR);
  check_class<wm::Error>(99);
  CHECK_STRING(wm::status_name(99), "unknown");
}

TEST(value_throws_what_the_result_says) {
  wm::Memory memory(wm::Descriptor{1, 10});
  const auto fail = [&] { return memory.try_grow(20); };
  check_figures(CHECK_THROWS(RangeError, wm::reason::maximum_exceeded, fail().value()), 21, 10);
  CHECK_THROWS(RangeError, wm::reason::maximum_exceeded, [&] { auto grown = fail(); return grown.value(); }());
  CHECK_THROWS(RangeError, wm::reason::maximum_exceeded, [&] { const auto grown = fail(); return grown.value(); }());
  CHECK_THROWS(LinkError, wm::reason::import_initial, memory.try_match(wm::Descriptor{2}).value());
}

// The figures are a copy; only the text is the thread's, and is not taken from another error.
TEST(result_outlives_the_last_error) {
  wm::Memory memory(wm::Descriptor{1, 10});
  const auto grown = memory.try_grow(20);
  CHECK(!wm::Memory::try_create(wm::Descriptor{}));
  try {
    (void)grown.value();
    CHECK(false);
  } catch (const wm::RangeError &error) {
    CHECK_U64(error.requested(), 21);
    CHECK(wm::last_error_message() != error.what());
    CHECK(std::string(error.what()).find("21") != std::string::npos);
  }
}

TEST(exception_passes_between_threads) {
  std::exception_ptr passed;
  std::string text;
  std::thread([&] {
    try {
      wm::Memory(wm::Descriptor{1, 1}).grow(5);
    } catch (const wm::RangeError &error) {
      text = error.what();
      passed = std::current_exception();
    }
  }).join();
  try {
    REQUIRE(passed != nullptr);
    std::rethrow_exception(passed);
  } catch (const wm::RangeError &error) {
    CHECK_U64(error.requested(), 6);
    CHECK_STRING(error.what(), text.c_str());
  }
}

TEST(last_error_is_that_of_c) {
  CHECK(!wm::Memory::try_create(wm::Descriptor{65537}));
  wasm_memory_error_t of_c{};
  wasm_memory_last_error(&of_c);
  CHECK_STATUS(wm::last_error().status, of_c.status);
  CHECK_U64(wm::last_error().reason, of_c.reason);
  CHECK_U64(wm::last_error().requested, 65537);
  CHECK(!wm::last_error_message().empty() && wm::last_error_message().find('\0') == std::string::npos);
  CHECK_U64(wm::last_error_message().size(), wasm_memory_last_error_message(nullptr, 0));
}

TEST(new_thread_has_no_error) {
  std::thread([] {
    CHECK_STATUS(wm::last_error().status, wm::status::ok);
    CHECK(wm::last_error_message().empty());
  }).join();
}

// For the functions of C that have no counterpart in C++.
TEST(check_of_a_c_call) {
  const wm::Memory memory(wm::Descriptor{1, 1});
  wm::check(wasm_memory_grow(memory.get(), 0, nullptr));
  check_figures(CHECK_THROWS(RangeError, wm::reason::maximum_exceeded, wm::check(wasm_memory_grow(memory.get(), 1, nullptr))), 2, 1);
  CHECK(wm::try_check(wasm_memory_grow(memory.get(), 0, nullptr)).has_value());
  CHECK_U64(wm::try_check(wasm_memory_grow(memory.get(), 1, nullptr)).error().reason, wm::reason::maximum_exceeded);
}

TEST(a_constructor_that_throws_leaves_nothing) {
  struct Instance {
    wm::Memory first{wm::Descriptor{1}};
    wm::Memory second;
    explicit Instance(wasm_memory_t **seen) : second((*seen = first.get(), wm::Descriptor{})) {}
  };
  wasm_memory_t *seen = nullptr;
  CHECK_THROWS(TypeError, wm::reason::initial_missing, Instance(&seen));
  REQUIRE(seen != nullptr);
  CHECK_U64(wasm_memory_size(seen), 0);
}

HARNESS_MAIN(LISTED(type_errors_of_creation), LISTED(range_errors_of_creation), LISTED(errors_of_growth), LISTED(link_errors_of_match),
             LISTED(unshared_memory_is_not_sent), LISTED(empty_memory_is_a_type_error), LISTED(one_base_for_all), LISTED(class_of_each_status),
             LISTED(value_throws_what_the_result_says), LISTED(result_outlives_the_last_error), LISTED(exception_passes_between_threads),
             LISTED(last_error_is_that_of_c), LISTED(new_thread_has_no_error), LISTED(check_of_a_c_call),
             LISTED(a_constructor_that_throws_leaves_nothing))
