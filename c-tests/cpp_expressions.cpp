// The header in C++17 expressions: page counts in initialisers, as arguments, from variables of any integer type.
#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "harness.h"

static wasm_memory_page_count_t same(wasm_memory_page_count_t count) { return count; }

// A constant expression as well, so that tables of types need no code at start-up.
static constexpr wasm_memory_page_count_t seven = WASM_MEMORY_PAGES(7);
static_assert(seven.pages == 7 && seven.present, "WASM_MEMORY_PAGES is constant");

TEST(page_count_in_an_initializer) {
  wasm_memory_page_count_t count = WASM_MEMORY_PAGES(3);
  CHECK_U64(count.pages, 3);
  CHECK(count.present);
  wasm_memory_descriptor_t type{WASM_MEMORY_PAGES(1), WASM_MEMORY_PAGES(2), true, WASM_MEMORY_ADDRESS_I64, 1, {0, 0}};
  CHECK(type.initial.present && type.maximum.present);
  CHECK_U64(type.initial.pages, 1);
  CHECK_U64(type.maximum.pages, 2);
}

TEST(page_count_as_an_argument) {
  CHECK_U64(same(WASM_MEMORY_PAGES(5)).pages, 5);
  CHECK_U64(WASM_MEMORY_PAGES(UINT64_MAX).pages, UINT64_MAX);
  CHECK(WASM_MEMORY_PAGES(0).present);
}

// A braced initialiser would refuse a narrowing conversion; the macro must not.
TEST(page_count_of_variables) {
  int signed_pages = 4;
  unsigned unsigned_pages = 5;
  size_t size_pages = 6;
  uint64_t wide_pages = UINT64_MAX;
  const bool large = signed_pages > 9;
  CHECK_U64(WASM_MEMORY_PAGES(signed_pages).pages, 4);
  CHECK_U64(WASM_MEMORY_PAGES(unsigned_pages).pages, 5);
  CHECK_U64(WASM_MEMORY_PAGES(size_pages).pages, 6);
  CHECK_U64(WASM_MEMORY_PAGES(wide_pages).pages, UINT64_MAX);
  CHECK_U64(WASM_MEMORY_PAGES(signed_pages + 1).pages, 5);
  CHECK_U64(WASM_MEMORY_PAGES(large ? 1 : 2).pages, 2);
  CHECK_U64(WASM_MEMORY_PAGES(signed_pages | 8).pages, 12);
}

TEST(page_count_assigned_later) {
  wasm_memory_descriptor_t type = {};
  type.initial = WASM_MEMORY_PAGES(2);
  type.maximum = type.shared ? WASM_MEMORY_PAGES(9) : wasm_memory_page_count_t{};
  wasm_memory_t *memory = nullptr;
  CHECK_STATUS(wasm_memory_new(&type, &memory), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_size(memory), 2);
  wasm_memory_delete(memory);
}

TEST(zeroed_descriptor_is_an_empty_object) {
  const wasm_memory_descriptor_t type = {};
  wasm_memory_t *memory = nullptr;
  CHECK_FAILS(wasm_memory_new(&type, &memory), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INITIAL_MISSING);
}

// The bytes as a range of the standard library.
TEST(bytes_in_algorithms) {
  wasm_memory_descriptor_t type = {};
  type.initial = WASM_MEMORY_PAGES(1);
  wasm_memory_t *memory = nullptr;
  CHECK_STATUS(wasm_memory_new(&type, &memory), WASM_MEMORY_OK);
  REQUIRE(memory != nullptr);
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  std::fill_n(view->base, 10, uint8_t{3});
  const std::vector<uint8_t> copy(view->base, view->base + view->byte_length);
  CHECK(std::count(copy.begin(), copy.end(), 3) == 10);
  CHECK(std::count(copy.begin(), copy.end(), 0) == 65526);
  wasm_memory_delete(memory);
}

// Two calls, as for snprintf: the length, then the text.
TEST(message_as_a_string) {
  CHECK_STATUS(wasm_memory_new(nullptr, nullptr), WASM_MEMORY_TYPE_ERROR);
  std::string message(wasm_memory_last_error_message(nullptr, 0), '\0');
  wasm_memory_last_error_message(&message[0], message.size() + 1);
  CHECK(!message.empty() && message.find('\0') == std::string::npos);
}

HARNESS_MAIN(LISTED(page_count_in_an_initializer), LISTED(page_count_as_an_argument), LISTED(page_count_of_variables),
             LISTED(page_count_assigned_later), LISTED(zeroed_descriptor_is_an_empty_object), LISTED(bytes_in_algorithms),
             LISTED(message_as_a_string))
