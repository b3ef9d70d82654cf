/* Import matching: each LINK reason, and what is not an import type at all (semantics.md A.9). */
#include "fixtures.h"

static wasm_memory_status_t match(const wasm_memory_t *memory, wasm_memory_descriptor_t import) { return wasm_memory_match(memory, &import); }

#define MATCHES(memory, ...) CHECK_STATUS(match(memory, TYPE(__VA_ARGS__)), WASM_MEMORY_OK)
#define LINK_FAILS(memory, cause, ...) CHECK_FAILS(match(memory, TYPE(__VA_ARGS__)), WASM_MEMORY_LINK_ERROR, WASM_MEMORY_REASON_IMPORT_##cause)

TEST(address_type) {
  wasm_memory_t *i32 = created(TYPE(.initial = PAGES(1)));
  wasm_memory_t *i64 = created(TYPE(.initial = PAGES(1), .address = I64));
  MATCHES(i32, .initial = PAGES(1));
  MATCHES(i64, .initial = PAGES(1), .address = I64);
  LINK_FAILS(i32, ADDRESS, .initial = PAGES(1), .address = I64);
  LINK_FAILS(i64, ADDRESS, .initial = PAGES(1));
  wasm_memory_delete(i64);
  wasm_memory_delete(i32);
}

TEST(page_size) {
  wasm_memory_t *pages = created(TYPE(.initial = PAGES(1)));
  wasm_memory_t *bytes = created(TYPE(.initial = PAGES(1), .page_size = 1));
  MATCHES(pages, .initial = PAGES(1), .page_size = 65536);
  MATCHES(pages, .initial = PAGES(1), .page_size = 0);
  MATCHES(bytes, .initial = PAGES(1), .page_size = 1);
  LINK_FAILS(pages, PAGE_SIZE, .initial = PAGES(1), .page_size = 1);
  LINK_FAILS(bytes, PAGE_SIZE, .initial = PAGES(1), .page_size = 65536);
  LINK_FAILS(bytes, PAGE_SIZE, .initial = PAGES(1), .page_size = 0);
  wasm_memory_delete(bytes);
  wasm_memory_delete(pages);
}

TEST(sharedness) {
  wasm_memory_t *shared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(2), .shared = true));
  wasm_memory_t *unshared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(2)));
  MATCHES(shared, .initial = PAGES(1), .maximum = PAGES(2), .shared = true);
  MATCHES(unshared, .initial = PAGES(1), .maximum = PAGES(2));
  LINK_FAILS(shared, SHARED, .initial = PAGES(1), .maximum = PAGES(2));
  LINK_FAILS(unshared, SHARED, .initial = PAGES(1), .maximum = PAGES(2), .shared = true);
  wasm_memory_delete(unshared);
  wasm_memory_delete(shared);
}

TEST(initial) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3)));
  MATCHES(memory, .initial = PAGES(3));
  MATCHES(memory, .initial = PAGES(2));
  MATCHES(memory, .initial = PAGES(0));
  MATCHES(memory, .initial = {9, false}); /* absent counts as 0 */
  wasm_memory_error_t error = LINK_FAILS(memory, INITIAL, .initial = PAGES(4));
  CHECK_U64(error.requested, 4);
  CHECK_U64(error.available, 3);
  wasm_memory_delete(memory);
}

TEST(maximum) {
  wasm_memory_t *bounded = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
  wasm_memory_t *unbounded = created(TYPE(.initial = PAGES(1)));
  MATCHES(bounded, .initial = PAGES(1), .maximum = PAGES(5));
  MATCHES(bounded, .initial = PAGES(1), .maximum = PAGES(6));
  MATCHES(bounded, .initial = PAGES(1)); /* an import without maximum accepts any */
  MATCHES(unbounded, .initial = PAGES(1), .maximum = {5, false});
  wasm_memory_error_t error = LINK_FAILS(bounded, MAXIMUM, .initial = PAGES(1), .maximum = PAGES(4));
  /* Whose maximum was asked for and whose is the limit is not written down. */
  CHECK((error.requested == 4 && error.available == 5) || (error.requested == 5 && error.available == 4));
  LINK_FAILS(unbounded, MAXIMUM, .initial = PAGES(1), .maximum = PAGES(65536));
  LINK_FAILS(unbounded, MAXIMUM, .initial = PAGES(1), .maximum = PAGES(UINT64_MAX));
  wasm_memory_delete(unbounded);
  wasm_memory_delete(bounded);
}

/* The limits of an import are compared; that it could never be declared is another's matter. */
TEST(limits_of_the_import_are_not_validated) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
  MATCHES(memory, .initial = PAGES(1), .maximum = PAGES(65537));
  MATCHES(memory, .initial = PAGES(1), .maximum = PAGES(UINT64_C(1) << 32));
  MATCHES(memory, .initial = PAGES(1), .maximum = PAGES(UINT64_MAX));
  LINK_FAILS(memory, INITIAL, .initial = PAGES(UINT64_C(1) << 32));
  LINK_FAILS(memory, INITIAL, .initial = PAGES(UINT64_MAX));
  LINK_FAILS(memory, INITIAL, .initial = PAGES(2), .maximum = PAGES(1));
  LINK_FAILS(memory, MAXIMUM, .initial = PAGES(1), .maximum = PAGES(0));
  LINK_FAILS(memory, SHARED, .initial = PAGES(1), .shared = true); /* without maximum */
  wasm_memory_delete(memory);
}

TEST(growth_makes_more_imports_match) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
  LINK_FAILS(memory, INITIAL, .initial = PAGES(3), .maximum = PAGES(5));
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
  MATCHES(memory, .initial = PAGES(3), .maximum = PAGES(5));
  /* The import's maximum bounds the match and not the memory. */
  MATCHES(memory, .initial = PAGES(1), .maximum = PAGES(6));
  CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
}

/* A.9 lists the conditions in this order, and the reasons are numbered so. */
TEST(earlier_of_two_differences) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
  LINK_FAILS(memory, ADDRESS, .initial = PAGES(9), .maximum = PAGES(1), .shared = true, .address = I64, .page_size = 1);
  LINK_FAILS(memory, PAGE_SIZE, .initial = PAGES(9), .maximum = PAGES(1), .shared = true, .page_size = 1);
  LINK_FAILS(memory, SHARED, .initial = PAGES(9), .maximum = PAGES(1), .shared = true);
  LINK_FAILS(memory, INITIAL, .initial = PAGES(9), .maximum = PAGES(1));
  LINK_FAILS(memory, MAXIMUM, .initial = PAGES(1), .maximum = PAGES(1));
  wasm_memory_delete(memory);
}

/* Not a type: TYPE_ERROR, before any comparison that would fail too. */
TEST(unknown_values_are_no_import_type) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5)));
  const uint32_t unknown[] = {2, 3, 4096, 65535, 131072, UINT32_MAX};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    wasm_memory_error_t error;
    CHECK_STATUS(match(memory, TYPE(.initial = PAGES(9), .address = unknown[i])), WASM_MEMORY_TYPE_ERROR);
    wasm_memory_last_error(&error);
    CHECK(error.reason == WASM_MEMORY_REASON_ADDRESS_TYPE || error.reason == WASM_MEMORY_REASON_UNKNOWN_VALUE);
    CHECK_U64(error.requested, unknown[i]);
    CHECK_STATUS(match(memory, TYPE(.initial = PAGES(9), .shared = true, .page_size = unknown[i])), WASM_MEMORY_TYPE_ERROR);
    wasm_memory_last_error(&error);
    CHECK(error.reason == WASM_MEMORY_REASON_PAGE_SIZE || error.reason == WASM_MEMORY_REASON_UNKNOWN_VALUE);
    CHECK_U64(error.requested, unknown[i]);
  }
  CHECK_FIGURES(match(memory, TYPE(.initial = PAGES(9), .reserved = {0, 3})), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_RESERVED_FIELD, 3, 0);
  CHECK_FIGURES(match(memory, TYPE(.address = 2, .page_size = 3, .reserved = {4, 0})), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_RESERVED_FIELD, 4,
                0);
  wasm_memory_delete(memory);
}

TEST(empty_descriptor_is_the_widest_import) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(0)));
  CHECK_STATUS(match(memory, (wasm_memory_descriptor_t){0}), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(address_type), LISTED(page_size), LISTED(sharedness), LISTED(initial), LISTED(maximum),
             LISTED(limits_of_the_import_are_not_validated), LISTED(growth_makes_more_imports_match), LISTED(earlier_of_two_differences),
             LISTED(unknown_values_are_no_import_type), LISTED(empty_descriptor_is_the_widest_import))
