// One program, two translation units with the header: nothing in it may be defined twice. The other unit is two_units_b.cpp.
#include "harness.h"

wasm_memory_t *made_in_another_unit(wasm_memory_page_count_t initial);
const void *address_of_new_in_another_unit();

TEST(handles_pass_between_units) {
  wasm_memory_t *memory = made_in_another_unit(WASM_MEMORY_PAGES(3));
  REQUIRE(memory != nullptr);
  CHECK_U64(wasm_memory_size(memory), 3);
  wasm_memory_delete(memory);
}

TEST(both_units_mean_the_same_function) {
  CHECK_POINTER(address_of_new_in_another_unit(), reinterpret_cast<const void *>(&wasm_memory_new));
}

HARNESS_MAIN(LISTED(handles_pass_between_units), LISTED(both_units_mean_the_same_function))
