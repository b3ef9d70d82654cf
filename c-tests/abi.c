/* The ABI as C sees it: the checks are in abi.h, and run when this is compiled. */
#include "abi.h"
#include "fixtures.h"
#include "harness.h"

/* The header of one version with the library of another would pass abi.h and fail here. */
TEST(header_and_library_agree) { CHECK_U64(wasm_memory_abi_version(), WASM_MEMORY_ABI_VERSION); }

/* What the library writes must lie where the header says, and nowhere past the end of the struct. */
TEST(library_writes_within_the_structs) {
  NEEDS_STEADY_BASE();
  struct { wasm_memory_descriptor_t value; unsigned char after[16]; } type;
  struct { wasm_memory_layout_t value; unsigned char after[16]; } layout;
  struct { wasm_memory_error_t value; unsigned char after[16]; } error;
  memset(&type, 0x5A, sizeof type);
  memset(&layout, 0x5A, sizeof layout);
  memset(&error, 0x5A, sizeof error);
  wasm_memory_descriptor_t asked = {.initial = WASM_MEMORY_PAGES(1), .maximum = WASM_MEMORY_PAGES(2)};
  wasm_memory_t *memory = NULL;
  CHECK_STATUS(wasm_memory_new(&asked, &memory), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_get_type(memory, &type.value), WASM_MEMORY_OK);
  wasm_memory_get_layout(memory, &layout.value);
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_RANGE_ERROR);
  wasm_memory_last_error(&error.value);
  for (int i = 0; i < 16; i++) CHECK(type.after[i] == 0x5A && layout.after[i] == 0x5A && error.after[i] == 0x5A);
  CHECK_U64(type.value.maximum.pages, 2);
  CHECK_U64(type.value.page_size, 65536);
  CHECK_U64(layout.value.reservation, 2 * 65536);
  CHECK_U64(layout.value.guard_after, 65536);
  CHECK_U64(error.value.requested, 3);
  CHECK_U64(error.value.available, 2);
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(header_and_library_agree), LISTED(library_writes_within_the_structs))
