// wasm_memory.hpp: configs and allocators, and that they may go before what was made with them.
#include <cstdlib>
#include <utility>

#include "wrapper_fixtures.h"

static wm::Layout layout_with(const wm::Config &config) {
  return wm::Memory(wm::Descriptor{1, 4}, wm::Allocator(config)).layout();
}

TEST(defaults_are_those_of_no_allocator) {
  const wm::Layout own = layout_with(wm::Config()), none = wm::Memory(wm::Descriptor{1, 4}).layout();
  CHECK_U64(own.reservation, none.reservation);
  CHECK_U64(own.guard_before, none.guard_before);
  CHECK_U64(own.guard_after, none.guard_after);
  CHECK(own.movable == none.movable && own.exact_protection == none.exact_protection);
}

TEST(setters_show_in_the_layout) {
  const wm::Layout layout = layout_with(wm::Config().set_reservation(64 * page).set_guards(2 * page, 3 * page).set_fallback(false));
  CHECK_U64(layout.reservation, 64 * page);
  CHECK_U64(layout.guard_before, 2 * page);
  CHECK_U64(layout.guard_after, 3 * page);
  CHECK(layout.exact_protection && !layout.movable);
}

TEST(checked_bounds_show_in_the_layout) {
  CHECK(layout_with(wm::Config().set_bounds(wm::Bounds::guarded)).exact_protection);
  CHECK(!layout_with(wm::Config().set_bounds(wm::Bounds::checked)).exact_protection);
  CHECK_THROWS(TypeError, wm::reason::unknown_value, wm::Allocator(wm::Config().set_bounds(static_cast<wm::Bounds>(7))));
}

TEST(a_heap_of_the_embedder_is_used) {
  static std::uint64_t live = 0;
  wasm_memory_host_heap_t heap{};
  heap.allocate = [](void *, std::size_t size, std::size_t) { live += size; return std::malloc(size); };
  heap.deallocate = [](void *, void *block, std::size_t size, std::size_t) { live -= size; std::free(block); };
  {
    const wm::Allocator allocator(wm::Config().set_backend(wm::Backend::heap).set_host_heap(heap).set_movable());
    wm::Memory memory(wm::Descriptor{1}, allocator);
    CHECK_U64(live, page);
    CHECK_U64(memory.grow(1), 1);
    CHECK(live >= 2 * page);
    CHECK(!memory.layout().exact_protection && memory.layout().movable);
  }
  CHECK_U64(live, 0);
  CHECK_THROWS(TypeError, wm::reason::unknown_value, wm::Allocator(wm::Config().set_backend(static_cast<wm::Backend>(7))));
}

TEST(movable_memory_grows_past_its_reservation) {
  wm::Config config;
  config.set_reservation(2 * page);
  wm::Memory fixed(wm::Descriptor{1, 100}, wm::Allocator(config));
  CHECK_THROWS(RangeError, wm::reason::reservation_exceeded, fixed.grow(50));
  wm::Memory movable(wm::Descriptor{1, 100}, wm::Allocator(config.set_movable()));
  CHECK(movable.layout().movable);
  movable.data()[0] = 42;
  CHECK_U64(movable.grow(50), 1);
  CHECK_U64(movable.data()[0], 42);
  CHECK_POINTER(movable.view().base, movable.data());
}

TEST(fallback_is_what_was_said_last) {
  wm::Config config;
  config.set_reservation(uint64_t{1} << 57); // more than any process has
  const auto refused = wm::Memory::try_create(wm::Descriptor{1, 4}, wm::Allocator(config));
  REQUIRE(!refused);
  CHECK_STATUS(refused.error().status, wm::status::range_error);
  CHECK_U64(refused.error().reason, wm::reason::address_space);
  CHECK(refused.error().os_error != 0);
  CHECK(wm::Memory::try_create(wm::Descriptor{1, 4}, wm::Allocator(config.set_fallback())).has_value());
  CHECK(!wm::Memory::try_create(wm::Descriptor{1, 4}, wm::Allocator(config.set_fallback(false))));
}

TEST(size_limit_holds) {
  const wm::Allocator allocator(wm::Config().set_size_limit(2 * page));
  wm::Memory memory(wm::Descriptor{1}, allocator);
  CHECK_U64(memory.grow(1), 1);
  const wm::ErrorInfo error = CHECK_THROWS(RangeError, wm::reason::size_limit, memory.grow(1));
  CHECK_U64(error.requested, 3 * page);
  CHECK_U64(error.available, 2 * page);
}

TEST(sizes_that_overflow_are_refused) {
  CHECK_THROWS(RangeError, wm::reason::address_space, wm::Allocator(wm::Config().set_guards(UINT64_MAX, UINT64_MAX)));
}

TEST(config_is_copied) {
  wm::Config config;
  config.set_size_limit(page);
  const wm::Allocator allocator(config);
  config.set_size_limit(5 * page);
  CHECK_THROWS(RangeError, wm::reason::size_limit, wm::Memory(wm::Descriptor{2}, allocator));
  CHECK_U64(wm::Memory(wm::Descriptor{2}, wm::Allocator(config)).size(), 2);
}

TEST(memory_outlives_its_allocator) {
  wm::Memory memory;
  {
    const wm::Allocator allocator(wm::Config().set_size_limit(2 * page));
    memory = wm::Memory(wm::Descriptor{1}, allocator);
  }
  CHECK_U64(memory.grow(1), 1);
  CHECK_THROWS(RangeError, wm::reason::size_limit, memory.grow(1));
}

TEST(shared_allocator) {
  wm::Allocator first(wm::Config().set_size_limit(page));
  const wm::Allocator second = first.share();
  CHECK_POINTER(second.get(), first.get());
  first.reset();
  CHECK(!first);
  CHECK_THROWS(RangeError, wm::reason::size_limit, wm::Memory(wm::Descriptor{2}, second));
  CHECK(!wm::Allocator().share());
}

TEST(allocator_crosses_the_abi) {
  wm::Allocator allocator(wm::Config().set_size_limit(page));
  wasm_memory_allocator_t *handle = allocator.release();
  CHECK(!allocator);
  const wm::Allocator adopted = wm::Allocator::adopt(handle);
  CHECK_POINTER(adopted.get(), handle);
  CHECK_THROWS(RangeError, wm::reason::size_limit, wm::Memory(wm::Descriptor{2}, adopted));
}

// An engine that relies on its guards must not get a memory with the defaults.
TEST(empty_allocator_is_not_the_default_one) {
  wm::Allocator first(wm::Config{});
  const wm::Allocator second = std::move(first);
  CHECK_THROWS(TypeError, wm::reason::null_argument, wm::Memory(wm::Descriptor{1}, first));
  CHECK_THROWS(TypeError, wm::reason::null_argument, wm::Memory(wm::Descriptor{1}, wm::Allocator()));
  CHECK_U64(wm::Memory(wm::Descriptor{1}, second).size(), 1);
}

TEST(empty_config_is_not_the_default_one) {
  wm::Config first;
  first.set_size_limit(page);
  const wm::Config second = std::move(first);
  CHECK(!first && second);
  CHECK_POINTER(first.get(), nullptr);
  first.set_guards(1, 1);
  CHECK_THROWS(TypeError, wm::reason::null_argument, wm::Allocator(first));
  CHECK_THROWS(RangeError, wm::reason::size_limit, wm::Memory(wm::Descriptor{2}, wm::Allocator(second)));
}

// A setting that has no counterpart in C++ is made through the handle.
TEST(config_handle_is_for_c) {
  const wm::Config config;
  wasm_memory_config_set_size_limit(config.get(), page);
  CHECK_THROWS(RangeError, wm::reason::size_limit, wm::Memory(wm::Descriptor{2}, wm::Allocator(config)));
}

HARNESS_MAIN(LISTED(defaults_are_those_of_no_allocator), LISTED(setters_show_in_the_layout), LISTED(checked_bounds_show_in_the_layout), LISTED(a_heap_of_the_embedder_is_used),
             LISTED(movable_memory_grows_past_its_reservation), LISTED(fallback_is_what_was_said_last), LISTED(size_limit_holds),
             LISTED(sizes_that_overflow_are_refused), LISTED(config_is_copied), LISTED(memory_outlives_its_allocator), LISTED(shared_allocator),
             LISTED(allocator_crosses_the_abi), LISTED(empty_allocator_is_not_the_default_one), LISTED(empty_config_is_not_the_default_one),
             LISTED(config_handle_is_for_c))
