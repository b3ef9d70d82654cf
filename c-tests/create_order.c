/* Creation, order of checks: of two violations the earlier one is reported (semantics.md A.3, design.md 2). */
#include "fixtures.h"

/* One way to be wrong, in the order of the checks; `fields` are those that the fault needs for itself. */
enum { INITIAL = 1, MAXIMUM = 2, SHARED = 4, ADDRESS = 8, PAGE_SIZE = 16, RESERVED = 32 };

typedef struct fault {
  const char *name;
  wasm_memory_status_t status;
  uint32_t reason;
  uint32_t fields;
  wasm_memory_descriptor_t type;
} fault;

#define TYPE_FAULT(cause) WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_##cause
#define RANGE_FAULT(cause) WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_##cause
#define COUNT(n) {(n), true}

static const fault faults[] = {
    {"reserved field", TYPE_FAULT(RESERVED_FIELD), RESERVED, {.reserved = {0, 9}}},
    {"unknown address type", TYPE_FAULT(ADDRESS_TYPE), ADDRESS, {.address = 7}},
    {"initial missing", TYPE_FAULT(INITIAL_MISSING), INITIAL, {.address = 0}},
    {"initial outside the type", TYPE_FAULT(COUNT_OUTSIDE_TYPE), INITIAL, {.initial = COUNT(UINT64_C(1) << 33)}},
    {"maximum outside the type", TYPE_FAULT(COUNT_OUTSIDE_TYPE), MAXIMUM, {.maximum = COUNT(UINT64_C(1) << 34)}},
    {"shared without maximum", TYPE_FAULT(SHARED_WITHOUT_MAXIMUM), SHARED | MAXIMUM, {.shared = true}},
    {"page size", RANGE_FAULT(PAGE_SIZE), PAGE_SIZE, {.page_size = 3}},
    {"initial above the limit", RANGE_FAULT(ABOVE_LIMIT), INITIAL, {.initial = COUNT(65538)}},
    {"maximum above the limit", RANGE_FAULT(ABOVE_LIMIT), MAXIMUM, {.maximum = COUNT(65539)}},
    {"maximum below initial", RANGE_FAULT(MAXIMUM_BELOW_INITIAL), INITIAL | MAXIMUM, {.initial = COUNT(2), .maximum = COUNT(1)}},
};
enum { FAULTS = sizeof faults / sizeof faults[0] };

static void apply(wasm_memory_descriptor_t *type, const fault *cause) {
  if (cause->fields & INITIAL) type->initial = cause->type.initial;
  if (cause->fields & MAXIMUM) type->maximum = cause->type.maximum;
  if (cause->fields & SHARED) type->shared = cause->type.shared;
  if (cause->fields & ADDRESS) type->address = cause->type.address;
  if (cause->fields & PAGE_SIZE) type->page_size = cause->type.page_size;
  if (cause->fields & RESERVED) memcpy(type->reserved, cause->type.reserved, sizeof type->reserved);
}

TEST(each_fault_alone) {
  for (size_t i = 0; i < FAULTS; i++) {
    wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1));
    apply(&type, &faults[i]);
    unsigned long failures_before = harness_failures;
    CHECK_FAILS(refused(type), faults[i].status, faults[i].reason);
    if (harness_failures != failures_before) fprintf(stderr, "  with %s\n", faults[i].name);
  }
}

TEST(earlier_of_two_faults) {
  for (size_t early = 0; early < FAULTS; early++) {
    for (size_t late = early + 1; late < FAULTS; late++) {
      if (faults[early].fields & faults[late].fields) continue; /* one field cannot be wrong in two ways */
      wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1));
      apply(&type, &faults[early]);
      apply(&type, &faults[late]);
      unsigned long failures_before = harness_failures;
      wasm_memory_error_t error = CHECK_FAILS(refused(type), faults[early].status, faults[early].reason);
      if (faults[early].type.initial.present) CHECK_U64(error.requested, faults[early].type.initial.pages);
      if (harness_failures != failures_before) fprintf(stderr, "  with %s and %s\n", faults[early].name, faults[late].name);
    }
  }
}

TEST(all_faults_at_once) {
  wasm_memory_descriptor_t type = TYPE(.initial = {0, false}, .maximum = PAGES(UINT64_MAX), .shared = true, .address = 9, .page_size = 3,
                                       .reserved = {1, 1});
  CHECK_FAILS(wasm_memory_new(&type, NULL), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_NULL_ARGUMENT);
  CHECK_FAILS(refused(type), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_RESERVED_FIELD);
  memset(type.reserved, 0, sizeof type.reserved);
  CHECK_FAILS(refused(type), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_ADDRESS_TYPE);
  type.address = WASM_MEMORY_ADDRESS_I32;
  CHECK_FAILS(refused(type), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INITIAL_MISSING);
  type.initial = PAGES(UINT64_C(1) << 32);
  CHECK_FIGURES(refused(type), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE, UINT64_C(1) << 32, UINT32_MAX);
  type.initial = PAGES(65538);
  CHECK_FIGURES(refused(type), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE, UINT64_MAX, UINT32_MAX);
  type.maximum = (wasm_memory_page_count_t){0, false};
  CHECK_FAILS(refused(type), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM);
  type.maximum = PAGES(65537);
  CHECK_FAILS(refused(type), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_PAGE_SIZE);
  type.page_size = 65536;
  CHECK_FIGURES(refused(type), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, 65538, 65536);
  type.initial = PAGES(2);
  CHECK_FIGURES(refused(type), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, 65537, 65536);
  type.maximum = PAGES(1);
  CHECK_FAILS(refused(type), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL);
  type.maximum = PAGES(2);
  wasm_memory_delete(created(type));
}

/* V8 reports the range first here; the specification's order is the type first. */
TEST(shared_without_maximum_before_limits) {
  CHECK_FAILS(refused(TYPE(.initial = PAGES(65537), .shared = true)), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM);
}

TEST(limit_before_maximum_below_initial) {
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(65537), .maximum = PAGES(1))), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, 65537,
                65536);
}

/* The size limit is the first thing that is asked after the type is known to be valid. */
TEST(type_before_size_limit) {
  CHECK_FAILS(refused(TYPE(.initial = PAGES(300000), .maximum = PAGES(5), .address = I64)), WASM_MEMORY_RANGE_ERROR,
              WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL);
  CHECK_FAILS(refused(TYPE(.initial = PAGES(300000), .maximum = PAGES(UINT64_MAX), .address = I64)), WASM_MEMORY_RANGE_ERROR,
              WASM_MEMORY_REASON_ABOVE_LIMIT);
  CHECK_FAILS(refused(TYPE(.initial = PAGES(300000), .shared = true, .address = I64)), WASM_MEMORY_TYPE_ERROR,
              WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM);
  CHECK_FIGURES(refused(TYPE(.initial = PAGES(300000), .maximum = PAGES(300000), .address = I64)), WASM_MEMORY_RANGE_ERROR,
                WASM_MEMORY_REASON_SIZE_LIMIT, 300000 * PAGE, SIZE_LIMIT_BYTES);
}

HARNESS_MAIN(LISTED(each_fault_alone), LISTED(earlier_of_two_faults), LISTED(all_faults_at_once), LISTED(shared_without_maximum_before_limits),
             LISTED(limit_before_maximum_below_initial), LISTED(type_before_size_limit))
