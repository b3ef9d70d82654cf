// wasm_memory_access.h from C++: the signatures, overloads and templates over it, and exact arithmetic as in C.
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>
#include <vector>

#include "harness.h"
#include "wasm_memory_access.h"

using View = const wasm_memory_view_t *;

static_assert(std::is_same_v<decltype(&wasm_memory_view_byte_length), uint64_t (*)(View)>);
static_assert(std::is_same_v<decltype(&wasm_memory_load_i32_u8), bool (*)(View, uint64_t, uint64_t, uint32_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_load_i64_s32), bool (*)(View, uint64_t, uint64_t, uint64_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_load_f32), bool (*)(View, uint64_t, uint64_t, float *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_load_v128), bool (*)(View, uint64_t, uint64_t, uint8_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_store_i64_16), bool (*)(View, uint64_t, uint64_t, uint64_t)>);
static_assert(std::is_same_v<decltype(&wasm_memory_store_f64), bool (*)(View, uint64_t, uint64_t, double)>);
static_assert(std::is_same_v<decltype(&wasm_memory_store_v128), bool (*)(View, uint64_t, uint64_t, const uint8_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_atomic_load_i32_u16), bool (*)(View, uint64_t, uint64_t, uint32_t *, bool *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_atomic_store_i64_32), bool (*)(View, uint64_t, uint64_t, uint64_t, bool *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_atomic_rmw_add_i32), bool (*)(View, uint64_t, uint64_t, uint32_t, uint32_t *, bool *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_atomic_rmw_cmpxchg_i64_u8),
                             bool (*)(View, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t *, bool *)>);

// What the header defines for itself it takes back.
#if defined(WASM_MEMORY_ACCESS_FUNCTION) || defined(WASM_MEMORY_ACCESS_LOAD) || defined(WASM_MEMORY_ACCESS_CAST)
#error "a macro of wasm_memory_access.h is left"
#endif

struct Deleter {
  void operator()(wasm_memory_t *memory) const { wasm_memory_delete(memory); }
};

static std::unique_ptr<wasm_memory_t, Deleter> two_pages() {
  wasm_memory_descriptor_t type = {};
  type.initial = WASM_MEMORY_PAGES(2);
  wasm_memory_t *memory = nullptr;
  CHECK_STATUS(wasm_memory_new(&type, &memory), WASM_MEMORY_OK);
  REQUIRE(memory != nullptr);
  return std::unique_ptr<wasm_memory_t, Deleter>(memory);
}

template <auto load, typename T>
T loaded(View view, uint64_t index, uint64_t offset = 0) {
  T value{};
  CHECK(load(view, index, offset, &value));
  return value;
}

TEST(loads_and_stores) {
  auto memory = two_pages();
  View view = wasm_memory_view(memory.get());
  CHECK_U64(wasm_memory_view_byte_length(view), 131072);
  CHECK(wasm_memory_store_i64(view, 65536, 65528, UINT64_C(0x8182838485868788)));
  CHECK_U64((loaded<wasm_memory_load_i32_s8, uint32_t>(view, 131071)), 0xFFFFFF81);
  CHECK_U64((loaded<wasm_memory_load_i64_u16, uint64_t>(view, 131070)), 0x8182);
  CHECK(wasm_memory_store_f64(view, 0, 3, -0.5));
  CHECK((loaded<wasm_memory_load_f64, double>(view, 3)) == -0.5);
  uint32_t untouched = 7;
  CHECK(!wasm_memory_load_i32(view, 131069, 0, &untouched));
  CHECK(!wasm_memory_load_i32(view, UINT64_MAX, 1, &untouched));
  CHECK_U64(untouched, 7);
}

TEST(signalling_nan) {
  auto memory = two_pages();
  View view = wasm_memory_view(memory.get());
  const float nan = std::numeric_limits<float>::signaling_NaN();
  uint32_t bits = 0;
  std::memcpy(&bits, &nan, sizeof bits);
  CHECK(wasm_memory_store_f32(view, 8, 0, nan));
  CHECK_U64((loaded<wasm_memory_load_i32, uint32_t>(view, 8)), bits);
}

TEST(bytes_of_a_vector) {
  std::vector<uint8_t> out(16), in = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  auto memory = two_pages();
  View view = wasm_memory_view(memory.get());
  CHECK(wasm_memory_store_v128(view, 131056, 0, in.data()) && wasm_memory_load_v128(view, 65536, 65520, out.data()));
  CHECK(in == out);
  CHECK(!wasm_memory_store_v128(view, 131057, 0, in.data()));
}

TEST(atomics) {
  auto memory = two_pages();
  View view = wasm_memory_view(memory.get());
  uint64_t old = 0;
  bool aligned = false;
  CHECK(wasm_memory_atomic_store_i64(view, 8, 0, 40, &aligned) && aligned);
  CHECK(wasm_memory_atomic_rmw_add_i64(view, 8, 0, 2, &old, &aligned) && old == 40);
  CHECK(wasm_memory_atomic_rmw_cmpxchg_i64(view, 0, 8, 42, 7, &old, nullptr) && old == 42);
  CHECK(!wasm_memory_atomic_rmw_xchg_i64(view, 4, 0, 1, &old, &aligned) && !aligned);
  CHECK(!wasm_memory_atomic_rmw_or_i64(view, 131072, 0, 1, &old, &aligned) && aligned);
  CHECK_U64((loaded<wasm_memory_load_i64, uint64_t>(view, 8)), 7);
}

HARNESS_MAIN(LISTED(loads_and_stores), LISTED(signalling_nan), LISTED(bytes_of_a_vector), LISTED(atomics))
