// wasm_memory.hpp without exceptions and run-time types: all that there is then.
#include <chrono>
#include <utility>

#include "wrapper_fixtures.h"

#ifdef __cpp_exceptions
#error "to be compiled with -fno-exceptions"
#endif

static_assert(noexcept(wm::Memory::try_create(wm::Descriptor{})));
static_assert(noexcept(wm::Memory::try_create(wm::Descriptor{}, std::declval<const wm::Allocator &>())));
static_assert(noexcept(std::declval<wm::Memory &>().try_grow(1)) && noexcept(std::declval<wm::Memory &>().try_send()));
static_assert(noexcept(std::declval<wm::Memory &>().try_type()) && noexcept(std::declval<wm::Memory &>().try_match(wm::Descriptor{})));
static_assert(noexcept(wm::Config::try_create()) && noexcept(wm::Allocator::try_create(std::declval<const wm::Config &>())));
static_assert(noexcept(wm::find(nullptr)) && noexcept(wm::last_error()) && noexcept(wm::try_check(0)));

TEST(success_holds_the_value) {
  auto memory = wm::Memory::try_create(wm::Descriptor{1, 10});
  REQUIRE(memory.has_value());
  const auto grown = memory->try_grow(2);
  REQUIRE(grown.has_value());
  CHECK_U64(*grown, 1);
  const auto type = memory->try_type();
  CHECK(type && *type == wm::Descriptor({3, 10}));
  CHECK(memory->try_match(wm::Descriptor{3, 10}).has_value());
  CHECK_U64(memory->byte_length(), 3 * page);
  CHECK_STATUS(memory.error().status, wm::status::ok);
}

TEST(failure_holds_the_figures) {
  auto memory = wm::Memory::try_create(wm::Descriptor{1, 10});
  REQUIRE(memory.has_value());
  const auto grown = memory->try_grow(20);
  CHECK(!grown && !grown.has_value());
  CHECK_STATUS(grown.error().status, wm::status::range_error);
  CHECK_STRING(wm::status_name(grown.error().status), "RangeError");
  CHECK_U64(grown.error().reason, wm::reason::maximum_exceeded);
  CHECK_U64(grown.error().requested, 21);
  CHECK_U64(grown.error().available, 10);
  CHECK(wm::last_error_message().find("21") != std::string::npos);
}

TEST(each_form_fails) {
  const auto unmade = wm::Memory::try_create(wm::Descriptor{});
  CHECK_U64(unmade.error().reason, wm::reason::initial_missing);
  const auto memory = wm::Memory::try_create(wm::Descriptor{2});
  REQUIRE(memory.has_value());
  const auto matched = memory->try_match(wm::Descriptor{3});
  CHECK(!matched);
  CHECK_STATUS(matched.error().status, wm::status::link_error);
  CHECK_STATUS(memory->try_send().error().status, wm::status::data_clone_error);
  CHECK_U64(wm::Memory().try_type().error().reason, wm::reason::null_argument);
  CHECK_U64(wm::Memory().try_grow(1).error().reason, wm::reason::null_argument);
}

TEST(value_is_moved_out) {
  wm::Memory memory = *wm::Memory::try_create(wm::Descriptor{1, 2, true});
  CHECK(memory && memory.try_send().has_value());
  memory = *memory.try_send();
  CHECK_U64(memory.size(), 1);
}

TEST(config_and_allocator) {
  auto config = wm::Config::try_create();
  REQUIRE(config.has_value());
  config->set_guards(page, page).set_size_limit(page);
  const auto allocator = wm::Allocator::try_create(*config);
  REQUIRE(allocator.has_value());
  const auto memory = wm::Memory::try_create(wm::Descriptor{1}, *allocator);
  REQUIRE(memory.has_value());
  CHECK_U64(memory->layout().guard_before, page);
  CHECK_U64(wm::Memory::try_create(wm::Descriptor{2}, *allocator).error().reason, wm::reason::size_limit);
  CHECK_U64(wm::Memory::try_create(wm::Descriptor{1}, wm::Allocator()).error().reason, wm::reason::null_argument);
  const wm::Config moved = *std::move(config);
  CHECK(moved && !*config);
  CHECK_U64(wm::Allocator::try_create(*config).error().reason, wm::reason::null_argument);
  CHECK_U64(wm::last_error().reason, wm::reason::null_argument);
}

TEST(c_call_is_checked) {
  CHECK(wm::try_check(WASM_MEMORY_OK).has_value());
  const auto checked = wm::try_check(wasm_memory_new(nullptr, nullptr));
  CHECK_U64(checked.error().reason, wm::reason::null_argument);
}

TEST(buffers) {
  auto memory = wm::Memory::try_create(wm::Descriptor{1, 3});
  REQUIRE(memory.has_value());
  auto buffer = memory->try_to_resizable_buffer();
  REQUIRE(buffer.has_value());
  CHECK(buffer->try_resize(2 * page).has_value() && *memory->try_buffer() == *buffer);
  CHECK_U64(buffer->try_grow(3 * page).error().reason, wm::reason::buffer_kind);
  CHECK_U64(buffer->try_transfer().error().reason, wm::reason::not_transferable);
  CHECK(memory->try_to_fixed_length_buffer().has_value() && buffer->is_detached());
  CHECK_U64(wm::Memory().try_buffer().error().reason, wm::reason::null_argument);
}

TEST(bytes) {
  const wm::Memory memory = *wm::Memory::try_create(wm::Descriptor{2});
  const uint8_t source[] = {1, 2, 3, 4};
  uint8_t destination[4] = {};
  CHECK(memory.try_write(0, source, 4) && memory.try_fill(4, 9, 1) && memory.try_copy(5, 0, 4) && memory.try_init(9, source, 4, 3, 1));
  CHECK(memory.try_read(6, destination, 4) && memory.try_discard(page, page));
  CHECK(destination[0] == 2 && destination[2] == 4 && destination[3] == 4);
  CHECK_U64(memory.try_fill(2 * page, 9, 1).error().reason, wm::reason::out_of_bounds);
}

TEST(typed_and_atomic) {
  const wm::Memory memory = *wm::Memory::try_create(wm::Descriptor{1});
  CHECK(memory.try_store<float>(4, 1.5f) && memory.try_load<float>(4) == 1.5f && !memory.try_load<double>(page - 7));
  CHECK(memory.try_atomic_store<int>(8, -5).has_value());
  CHECK(*memory.try_fetch_sub<int>(8, 1) == -5 && *memory.try_exchange<int>(8, 3) == -6 && *memory.try_compare_exchange<int>(8, 3, 4) == 3);
  const auto unaligned = memory.try_atomic_load<int>(10);
  CHECK(!unaligned);
  CHECK_U64(unaligned.error().reason, wm::reason::unaligned);
  CHECK_U64(unaligned.error().requested, 10);
  CHECK_U64(memory.try_fetch_or<int>(page, 1).error().reason, wm::reason::out_of_bounds);
  CHECK_U64(wm::Memory().try_atomic_load<int>(0).error().reason, wm::reason::null_argument);
}

TEST(wait_and_notify) {
  const wm::Memory memory = *wm::Memory::try_create(wm::Descriptor{1, 1, true});
  CHECK(*memory.try_wait32(0, 1) == wm::WaitResult::not_equal && *memory.try_wait64(0, 0, std::chrono::microseconds(1)) == wm::WaitResult::timed_out);
  CHECK(*memory.try_notify(0) == 0 && *memory.try_interrupt() == 0);
  CHECK_U64(memory.try_wait32(1, 0).error().reason, wm::reason::unaligned);
}

HARNESS_MAIN(LISTED(success_holds_the_value), LISTED(failure_holds_the_figures), LISTED(each_form_fails), LISTED(value_is_moved_out),
             LISTED(config_and_allocator), LISTED(c_call_is_checked), LISTED(buffers), LISTED(bytes), LISTED(typed_and_atomic),
             LISTED(wait_and_notify))
