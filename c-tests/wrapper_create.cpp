// wasm_memory.hpp: descriptors, and memories made, grown, read and matched.
#include <type_traits>

#include "wrapper_fixtures.h"

static_assert(sizeof(wm::Allocator) == sizeof(void *) && sizeof(wm::Config) == sizeof(void *), "an owner costs no more than the handle");
static_assert(sizeof(wm::Memory) == 2 * sizeof(void *), "and the view, for loads and stores without a call");
static_assert(!std::is_convertible_v<wm::Descriptor, wm::Memory>, "making a memory is said, not implied");
static_assert(!std::is_convertible_v<wm::Memory, bool>);
static_assert(std::is_aggregate_v<wm::Descriptor>);

// Tables of types need no code at start-up.
constexpr wm::Descriptor shared_i64 = wm::Descriptor{}.with_initial(2).with_maximum(9).with_shared().with_address(wm::Address::i64).with_page_size(1);
static_assert(shared_i64.to_c().initial.pages == 2 && shared_i64.to_c().initial.present);
static_assert(shared_i64.to_c().maximum.pages == 9 && shared_i64.to_c().maximum.present);
static_assert(shared_i64.to_c().shared && shared_i64.to_c().address == WASM_MEMORY_ADDRESS_I64 && shared_i64.to_c().page_size == 1);
static_assert(shared_i64.to_c().reserved[0] == 0 && shared_i64.to_c().reserved[1] == 0);
static_assert(wm::Descriptor::from_c(shared_i64.to_c()) == shared_i64);
static_assert(!shared_i64.with_shared(false).shared);

TEST(descriptor_defaults_are_an_empty_object) {
  const wasm_memory_descriptor_t type = wm::Descriptor{}.to_c();
  CHECK(!type.initial.present && !type.maximum.present && !type.shared);
  CHECK_U64(type.address, WASM_MEMORY_ADDRESS_I32);
  CHECK_U64(type.page_size, page);
  CHECK(wm::Descriptor::from_c(type) == wm::Descriptor{});
}

TEST(descriptor_tells_zero_from_absent) {
  const wm::Descriptor type{0, 0};
  CHECK(type.to_c().initial.present && type.to_c().maximum.present);
  CHECK(type != wm::Descriptor{0});
  CHECK(!wm::Descriptor{0}.to_c().maximum.present);
}

TEST(descriptor_compares_every_field) {
  const wm::Descriptor type{1, 2, true, wm::Address::i64, 1};
  CHECK(type == wm::Descriptor{}.with_initial(1).with_maximum(2).with_shared().with_address(wm::Address::i64).with_page_size(1));
  CHECK(type != type.with_initial(0));
  CHECK(type != type.with_maximum(3));
  CHECK(type != type.with_shared(false));
  CHECK(type != type.with_address(wm::Address::i32));
  CHECK(type != type.with_page_size(65536));
}

TEST(descriptor_by_assignment) {
  wm::Descriptor type;
  type.initial = 3;
  type.shared = true;
  type.maximum = *type.initial + 1;
  const wm::Memory memory(type);
  CHECK(memory.type() == type);
}

TEST(memory_is_zero_filled) {
  const wm::Memory memory(wm::Descriptor{2});
  REQUIRE(memory && memory.data() != nullptr);
  CHECK_U64(memory.size(), 2);
  CHECK_U64(memory.byte_length(), 2 * page);
  for (uint64_t i = 0; i < memory.byte_length(); i++)
    if (memory.data()[i] != 0) CHECK_U64(memory.data()[i], 0);
}

TEST(memory_of_no_pages_has_a_base) {
  const wm::Memory memory(wm::Descriptor{0});
  CHECK(memory.data() != nullptr);
  CHECK_U64(memory.byte_length(), 0);
}

TEST(try_create_gives_the_same) {
  const auto made = wm::Memory::try_create(wm::Descriptor{1, 4});
  REQUIRE(made.has_value());
  CHECK(static_cast<bool>(made));
  CHECK_U64(made->size(), 1);
  CHECK((*made).type() == (wm::Descriptor{1, 4}));
  CHECK_STATUS(made.error().status, wm::status::ok);
  CHECK_U64(made.error().reason, wm::reason::none);
}

TEST(grow_returns_the_size_before) {
  wm::Memory memory(wm::Descriptor{1, 10});
  CHECK_U64(memory.grow(2), 1);
  CHECK_U64(memory.grow(0), 3);
  CHECK_U64(*memory.try_grow(4), 3);
  CHECK_U64(memory.size(), 7);
  memory.data()[7 * page - 1] = 1;
  CHECK_U64(memory.data()[7 * page - 1], 1);
}

TEST(type_is_of_now) {
  wm::Memory memory(wm::Descriptor{1, 10, true});
  CHECK(memory.type() == (wm::Descriptor{1, 10, true}));
  memory.grow(4);
  CHECK(memory.type() == (wm::Descriptor{5, 10, true}));
  CHECK(*memory.try_type() == memory.type());
}

TEST(page_size_of_one_byte) {
  wm::Memory memory(wm::Descriptor{}.with_initial(10).with_page_size(1).with_address(wm::Address::i64));
  CHECK_U64(memory.byte_length(), 10);
  CHECK_U64(memory.grow(5), 10);
  CHECK_U64(memory.size(), 15);
  CHECK_U64(memory.type().page_size, 1);
  CHECK(memory.type().address == wm::Address::i64);
}

TEST(page_size_of_zero_is_told_in_full) {
  const wm::Memory memory(wm::Descriptor{}.with_initial(1).with_page_size(0));
  CHECK_U64(memory.type().page_size, page);
}

TEST(match_accepts) {
  const wm::Memory memory(wm::Descriptor{2, 5});
  memory.match(wm::Descriptor{1, 5});
  memory.match(wm::Descriptor{});
  CHECK(memory.try_match(wm::Descriptor{2, 6}).has_value());
  CHECK_STATUS(memory.try_match(wm::Descriptor{2, 6}).error().status, wm::status::ok);
}

TEST(view_follows_growth_at_one_address) {
  wm::Memory memory(wm::Descriptor{1, 3});
  const wm::View &view = memory.view();
  CHECK_POINTER(view.base, memory.data());
  CHECK_U64(view.byte_length, page);
  memory.grow(2);
  CHECK_POINTER(&memory.view(), &view);
  CHECK_POINTER(&view, wasm_memory_view(memory.get()));
  CHECK_U64(view.byte_length, 3 * page);
}

TEST(layout_is_that_of_c) {
  NEEDS_STEADY_BASE();
  const wm::Memory memory(wm::Descriptor{1, 3});
  const wm::Layout layout = memory.layout();
  wasm_memory_layout_t of_c{};
  wasm_memory_get_layout(memory.get(), &of_c);
  CHECK_U64(layout.reservation, of_c.reservation);
  CHECK(layout.reservation >= 3 * page);
  CHECK_U64(layout.guard_after, of_c.guard_after);
  CHECK(layout.exact_protection == of_c.exact_protection && layout.movable == of_c.movable);
}

TEST(find_tells_memory_offset_and_zone) {
  const wm::Allocator allocator(wm::Config().set_reservation(8 * page).set_guards(page, page));
  const wm::Memory memory(wm::Descriptor{2, 8}, allocator);
  const struct { int64_t offset; uint32_t zone; } places[] = {
      {0, wm::zone::body},
      {2 * int64_t{page} - 1, wm::zone::body},
      {2 * int64_t{page}, wm::zone::reserved},
      {8 * int64_t{page}, wm::zone::guard_after},
      {-1, wm::zone::guard_before},
  };
  for (const auto &place : places) {
    const std::optional<wm::Location> location = wm::find(memory.data() + place.offset);
    REQUIRE(location.has_value());
    CHECK_POINTER(location->memory, memory.get());
    CHECK(location->offset == place.offset);
    CHECK_U64(location->zone, place.zone);
  }
  const int elsewhere = 0;
  CHECK(!wm::find(&elsewhere).has_value());
  CHECK(!wm::find(nullptr).has_value());
}

TEST(user_data_is_kept_with_the_memory) {
  wm::Memory memory(wm::Descriptor{1});
  int instance = 0;
  CHECK_POINTER(memory.user_data(), nullptr);
  memory.set_user_data(&instance);
  CHECK_POINTER(memory.share().user_data(), &instance);
  const auto location = wm::find(memory.data());
  REQUIRE(location.has_value());
  CHECK_POINTER(wasm_memory_user_data(location->memory), &instance);
}

TEST(version_is_the_library_s) {
  CHECK_STRING(wm::version(), wasm_memory_version());
  CHECK_U64(wm::abi_version(), WASM_MEMORY_ABI_VERSION);
}

HARNESS_MAIN(LISTED(descriptor_defaults_are_an_empty_object), LISTED(descriptor_tells_zero_from_absent), LISTED(descriptor_compares_every_field),
             LISTED(descriptor_by_assignment), LISTED(memory_is_zero_filled), LISTED(memory_of_no_pages_has_a_base),
             LISTED(try_create_gives_the_same), LISTED(grow_returns_the_size_before), LISTED(type_is_of_now), LISTED(page_size_of_one_byte),
             LISTED(page_size_of_zero_is_told_in_full), LISTED(match_accepts), LISTED(view_follows_growth_at_one_address),
             LISTED(layout_is_that_of_c), LISTED(find_tells_memory_offset_and_zone), LISTED(user_data_is_kept_with_the_memory),
             LISTED(version_is_the_library_s))
