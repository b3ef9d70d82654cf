// One program, two translation units with wasm_memory.hpp: the other one, wrapper_units_other.cpp, has no exceptions.
#include "wrapper_fixtures.h"

wm::Result<wm::Memory> made_in_another_unit(const wm::Descriptor &type);
wm::Memory shared_in_another_unit(const wm::Memory &memory);

TEST(memories_pass_between_units) {
  wm::Memory memory = made_in_another_unit(wm::Descriptor{3, 4}).value();
  CHECK_U64(memory.size(), 3);
  CHECK_U64(memory.grow(1), 3);
  CHECK(shared_in_another_unit(memory) == memory);
  CHECK_U64(memory.size(), 4);
}

TEST(errors_of_the_other_unit_are_thrown_here) {
  CHECK_THROWS(RangeError, wm::reason::maximum_below_initial, made_in_another_unit(wm::Descriptor{3, 2}).value());
}

HARNESS_MAIN(LISTED(memories_pass_between_units), LISTED(errors_of_the_other_unit_are_thrown_here))
