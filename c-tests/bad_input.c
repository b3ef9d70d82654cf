/* Bad input: NULL everywhere, unknown numbers, bool bytes that are neither 0 nor 1 (design.md 8). */
#include "fixtures.h"

#define TYPE_FAILS(call, cause) CHECK_FAILS(call, WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_##cause)

TEST(null_memory) {
  uint64_t previous = 99;
  wasm_memory_descriptor_t type;
  wasm_memory_t *sent = (wasm_memory_t *)POISON_POINTER;
  memset(&type, 0xA5, sizeof type);
  TYPE_FAILS(wasm_memory_grow(NULL, 1, &previous), NULL_ARGUMENT);
  CHECK_U64(previous, 99);
  CHECK_POINTER(wasm_memory_data(NULL), NULL);
  CHECK_U64(wasm_memory_size(NULL), 0);
  CHECK_U64(wasm_memory_byte_length(NULL), 0);
  wasm_memory_delete(NULL);
  CHECK_POINTER(wasm_memory_retain(NULL), NULL);
  TYPE_FAILS(wasm_memory_get_type(NULL, &type), NULL_ARGUMENT);
  CHECK_U64(type.initial.pages, UINT64_C(0xA5A5A5A5A5A5A5A5));
  TYPE_FAILS(wasm_memory_match(NULL, &(wasm_memory_descriptor_t){0}), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_send(NULL, &sent), NULL_ARGUMENT);
  CHECK_POINTER(sent, NULL);
  CHECK_POINTER(wasm_memory_view(NULL), NULL);
}

/* Nothing can tell of the failure, so that what is left in the layout must not look like one. */
TEST(layout_of_null) { CHECK(is_no_layout(layout_of(NULL))); }

TEST(null_outputs) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  wasm_memory_t *shared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK); /* this one may be NULL */
  TYPE_FAILS(wasm_memory_get_type(memory, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_match(memory, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_send(shared, NULL), NULL_ARGUMENT);
  wasm_memory_get_layout(memory, NULL);
  wasm_memory_last_error(NULL);
  TYPE_FAILS(wasm_memory_get_type(NULL, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_match(NULL, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_send(NULL, NULL), NULL_ARGUMENT);
  wasm_memory_delete(shared);
  CHECK_U64(wasm_memory_size(shared), 0); /* the failed send kept no reference */
  wasm_memory_delete(memory);
}

TEST(null_config_and_allocator) {
  wasm_memory_allocator_t *allocator = (wasm_memory_allocator_t *)POISON_POINTER;
  wasm_memory_t *memory = (wasm_memory_t *)POISON_POINTER;
  wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1));
  wasm_memory_config_delete(NULL);
  wasm_memory_config_set_reservation(NULL, 1);
  wasm_memory_config_set_guards(NULL, 1, 1);
  wasm_memory_config_set_movable(NULL, true);
  wasm_memory_config_set_fallback(NULL, true);
  wasm_memory_config_set_size_limit(NULL, 1);
  TYPE_FAILS(wasm_memory_allocator_new(NULL, NULL), NULL_ARGUMENT);
  CHECK_POINTER(wasm_memory_allocator_retain(NULL), NULL);
  wasm_memory_allocator_delete(NULL);

  CHECK_STATUS(wasm_memory_allocator_new(NULL, &allocator), WASM_MEMORY_OK); /* the defaults */
  TYPE_FAILS(wasm_memory_new_in(allocator, &type, NULL, NULL), NULL_ARGUMENT);
  TYPE_FAILS(wasm_memory_new_in(allocator, NULL, NULL, &memory), NULL_ARGUMENT);
  CHECK_POINTER(memory, NULL);
  wasm_memory_allocator_delete(allocator);
  memory = (wasm_memory_t *)POISON_POINTER;
  TYPE_FAILS(wasm_memory_new_in(NULL, NULL, NULL, &memory), NULL_ARGUMENT);
  CHECK_POINTER(memory, NULL);
  CHECK_STATUS(wasm_memory_new_in(NULL, &type, NULL, &memory), WASM_MEMORY_OK); /* the default allocator */
  CHECK_U64(wasm_memory_size(memory), 1);
  wasm_memory_delete(memory);
}

static const unsigned char odd_bytes[] = {2, 3, 0x10, 0x80, 0xFE, 0xFF};
enum { ODD_BYTES = sizeof odd_bytes / sizeof odd_bytes[0] };

/* As a caller in another language may do, whose booleans are whole bytes. */
static void set_byte(bool *flag, unsigned char byte) { memcpy(flag, &byte, 1); }

TEST(odd_present_bytes) {
  for (size_t i = 0; i < ODD_BYTES; i++) {
    wasm_memory_descriptor_t type = TYPE(.initial = {2, false}, .maximum = {3, false});
    set_byte(&type.initial.present, odd_bytes[i]);
    set_byte(&type.maximum.present, odd_bytes[i]);
    wasm_memory_t *memory = created(type);
    CHECK_U64(wasm_memory_size(memory), 2);
    CHECK_FIGURES(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 4, 3);
    wasm_memory_descriptor_t seen;
    unsigned char present[2];
    CHECK_STATUS(wasm_memory_get_type(memory, &seen), WASM_MEMORY_OK);
    memcpy(&present[0], &seen.initial.present, 1);
    memcpy(&present[1], &seen.maximum.present, 1);
    CHECK(present[0] == 1 && present[1] == 1);
    CHECK_STATUS(wasm_memory_match(memory, &type), WASM_MEMORY_OK);
    type.maximum.pages = 2;
    CHECK_FAILS(wasm_memory_match(memory, &type), WASM_MEMORY_LINK_ERROR, WASM_MEMORY_REASON_IMPORT_MAXIMUM);
    type.initial.pages = 3;
    CHECK_FAILS(wasm_memory_match(memory, &type), WASM_MEMORY_LINK_ERROR, WASM_MEMORY_REASON_IMPORT_INITIAL);
    wasm_memory_delete(memory);
  }
}

TEST(odd_shared_bytes) {
  for (size_t i = 0; i < ODD_BYTES; i++) {
    wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1));
    set_byte(&type.shared, odd_bytes[i]);
    TYPE_FAILS(refused(type), SHARED_WITHOUT_MAXIMUM);
    type.maximum = PAGES(2);
    wasm_memory_t *memory = created(type), *sent = NULL;
    CHECK_STATUS(wasm_memory_send(memory, &sent), WASM_MEMORY_OK);
    wasm_memory_delete(sent);
    CHECK_STATUS(wasm_memory_match(memory, &type), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_match(memory, &TYPE(.maximum = PAGES(2), .shared = true)), WASM_MEMORY_OK);
    wasm_memory_descriptor_t seen;
    unsigned char shared;
    CHECK_STATUS(wasm_memory_get_type(memory, &seen), WASM_MEMORY_OK);
    memcpy(&shared, &seen.shared, 1);
    CHECK_U64(shared, 1);
    wasm_memory_delete(memory);
  }
}

/* The call of a language that passes a whole word where C passes a bool: the low byte counts. */
typedef void (*word_setter)(wasm_memory_config_t *, unsigned);
typedef void (*any_function)(void);

TEST(odd_bool_arguments) {
  word_setter set_movable = (word_setter)(any_function)wasm_memory_config_set_movable;
  for (size_t i = 0; i < ODD_BYTES; i++) {
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_reservation(config, 2 * PAGE);
    set_movable(config, odd_bytes[i]);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
    CHECK_STATUS(wasm_memory_grow(memory, 4, NULL), WASM_MEMORY_OK); /* past the reservation: only if movable */
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocator);
  }
}

TEST(largest_numbers) {
  wasm_memory_descriptor_t type;
  memset(&type, 0xFF, sizeof type);
  TYPE_FAILS(refused(type), RESERVED_FIELD);
  memset(type.reserved, 0, sizeof type.reserved);
  TYPE_FAILS(refused(type), ADDRESS_TYPE);
  type.address = I64;
  CHECK_FAILS(refused(type), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_PAGE_SIZE);
  type.page_size = 65536;
  CHECK_FIGURES(refused(type), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT, UINT64_MAX, I64_DECLARED_LIMIT);
  type.page_size = 1;
  CHECK_FIGURES(refused(type), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT, UINT64_MAX, SIZE_LIMIT_BYTES);
  type.address = WASM_MEMORY_ADDRESS_I32;
  TYPE_FAILS(refused(type), COUNT_OUTSIDE_TYPE);
}

/* What no host has: the host says no, or the sizes overflow; the caller gets a status either way. */
TEST(sizes_that_no_host_has) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_size_limit(config, UINT64_MAX);
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  const uint64_t bytes[] = {UINT64_C(1) << 50, UINT64_C(1) << 62, (UINT64_C(1) << 63) - 1, UINT64_C(1) << 63, UINT64_MAX - 65536, UINT64_MAX - 4095,
                            UINT64_MAX - 1, UINT64_MAX};
  for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++)
    CHECK_FAILS(refused_in(allocator, TYPE(.initial = PAGES(bytes[i]), .address = I64, .page_size = 1)), WASM_MEMORY_RANGE_ERROR,
                WASM_MEMORY_REASON_ADDRESS_SPACE);
  CHECK_FAILS(refused_in(allocator, TYPE(.initial = PAGES(I64_DECLARED_LIMIT), .address = I64)), WASM_MEMORY_RANGE_ERROR,
              WASM_MEMORY_REASON_ADDRESS_SPACE);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .address = I64, .page_size = 1));
  for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
    uint64_t previous = 99;
    CHECK_FAILS(wasm_memory_grow(memory, bytes[i], &previous), WASM_MEMORY_RANGE_ERROR,
                bytes[i] == UINT64_MAX ? WASM_MEMORY_REASON_ABOVE_LIMIT : WASM_MEMORY_REASON_ADDRESS_SPACE);
    CHECK_U64(previous, 99);
    CHECK_U64(wasm_memory_size(memory), 1);
  }
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(config_sizes_that_overflow) {
  const struct { uint64_t reservation, before, after; } settings[] = {
      {UINT64_MAX, 0, 65536}, {65536, UINT64_MAX, 65536}, {65536, 0, UINT64_MAX}, {65536, UINT64_MAX, UINT64_MAX},
      {UINT64_C(1) << 63, UINT64_C(1) << 62, UINT64_C(1) << 62}, {UINT64_MAX - 65536, 0, 65537}};
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    wasm_memory_config_t *config = config_new();
    wasm_memory_allocator_t *allocator = (wasm_memory_allocator_t *)POISON_POINTER;
    wasm_memory_config_set_reservation(config, settings[i].reservation);
    wasm_memory_config_set_guards(config, settings[i].before, settings[i].after);
    CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_RANGE_ERROR);
    CHECK_POINTER(allocator, NULL);
    /* The config is as usable as before. */
    wasm_memory_config_set_reservation(config, 4 * PAGE);
    wasm_memory_config_set_guards(config, 0, PAGE);
    wasm_memory_allocator_delete(allocator_of(config));
  }
}

HARNESS_MAIN(LISTED(null_memory), LISTED(layout_of_null), LISTED(null_outputs), LISTED(null_config_and_allocator), LISTED(odd_present_bytes),
             LISTED(odd_shared_bytes), LISTED(odd_bool_arguments), LISTED(largest_numbers), LISTED(sizes_that_no_host_has),
             LISTED(config_sizes_that_overflow))
