/* Sizes and offsets that compiled programs rely on: checked in C and in C++, on hosts with 64-bit longs and pointers. */
#ifndef ABI_H
#define ABI_H

#include <assert.h>
#include <stddef.h>

#include "wasm_memory.h"

#define ABI_SIZE(type, size) static_assert(sizeof(type) == (size), "size of " #type)
#define ABI_FIELD(type, field, offset) static_assert(offsetof(type, field) == (offset), "offset of " #type "." #field)

static_assert(sizeof(wasm_memory_status_t) == 4, "a status is an int32_t");

#ifdef __LP64__
ABI_SIZE(wasm_memory_page_count_t, 16);
ABI_FIELD(wasm_memory_page_count_t, pages, 0);
ABI_FIELD(wasm_memory_page_count_t, present, 8);

ABI_SIZE(wasm_memory_descriptor_t, 64);
ABI_FIELD(wasm_memory_descriptor_t, initial, 0);
ABI_FIELD(wasm_memory_descriptor_t, maximum, 16);
ABI_FIELD(wasm_memory_descriptor_t, shared, 32);
ABI_FIELD(wasm_memory_descriptor_t, address, 36);
ABI_FIELD(wasm_memory_descriptor_t, page_size, 40);
ABI_FIELD(wasm_memory_descriptor_t, reserved, 48);

ABI_SIZE(wasm_memory_error_t, 48);
ABI_FIELD(wasm_memory_error_t, status, 0);
ABI_FIELD(wasm_memory_error_t, reason, 4);
ABI_FIELD(wasm_memory_error_t, os_error, 8);
ABI_FIELD(wasm_memory_error_t, requested, 16);
ABI_FIELD(wasm_memory_error_t, available, 24);
ABI_FIELD(wasm_memory_error_t, reserved, 32);

ABI_SIZE(wasm_memory_view_t, 16);
ABI_FIELD(wasm_memory_view_t, base, 0);
ABI_FIELD(wasm_memory_view_t, byte_length, 8);

ABI_SIZE(wasm_memory_layout_t, 72);
ABI_FIELD(wasm_memory_layout_t, reservation, 0);
ABI_FIELD(wasm_memory_layout_t, guard_before, 8);
ABI_FIELD(wasm_memory_layout_t, guard_after, 16);
ABI_FIELD(wasm_memory_layout_t, movable, 24);
ABI_FIELD(wasm_memory_layout_t, exact_protection, 25);
ABI_FIELD(wasm_memory_layout_t, elides_i32_checks, 26);
ABI_FIELD(wasm_memory_layout_t, elidable_offset, 32);
ABI_FIELD(wasm_memory_layout_t, reserved, 40);

ABI_SIZE(wasm_memory_location_t, 40);
ABI_FIELD(wasm_memory_location_t, memory, 0);
ABI_FIELD(wasm_memory_location_t, offset, 8);
ABI_FIELD(wasm_memory_location_t, zone, 16);
ABI_FIELD(wasm_memory_location_t, reserved, 24);
#endif

/* Numbers of the contract: a binding in another language has them copied. `cargo xtask test` sees that each is here or in
 * abi_allocators.c. */
#define ABI_NUMBER(name, value) static_assert(WASM_MEMORY_##name == (value), #name)
ABI_NUMBER(OK, 0);
ABI_NUMBER(TYPE_ERROR, 1);
ABI_NUMBER(RANGE_ERROR, 2);
ABI_NUMBER(LINK_ERROR, 3);
ABI_NUMBER(RUNTIME_ERROR, 4);
ABI_NUMBER(DATA_CLONE_ERROR, 5);
ABI_NUMBER(INTERNAL_ERROR, 6);
ABI_NUMBER(HOST_ERROR, 7);
ABI_NUMBER(ADDRESS_I32, 0);
ABI_NUMBER(ADDRESS_I64, 1);
ABI_NUMBER(REASON_NONE, 0);
ABI_NUMBER(REASON_NULL_ARGUMENT, 1);
ABI_NUMBER(REASON_INVALID_HANDLE, 2);
ABI_NUMBER(REASON_RESERVED_FIELD, 3);
ABI_NUMBER(REASON_UNKNOWN_VALUE, 4);
ABI_NUMBER(REASON_SETTINGS_CONFLICT, 5);
ABI_NUMBER(REASON_INITIAL_MISSING, 10);
ABI_NUMBER(REASON_ADDRESS_TYPE, 11);
ABI_NUMBER(REASON_SHARED_WITHOUT_MAXIMUM, 12);
ABI_NUMBER(REASON_COUNT_OUTSIDE_TYPE, 13);
ABI_NUMBER(REASON_PAGE_SIZE, 14);
ABI_NUMBER(REASON_ABOVE_LIMIT, 15);
ABI_NUMBER(REASON_MAXIMUM_BELOW_INITIAL, 16);
ABI_NUMBER(REASON_MAXIMUM_EXCEEDED, 20);
ABI_NUMBER(REASON_SIZE_LIMIT, 21);
ABI_NUMBER(REASON_RESERVATION_EXCEEDED, 25);
ABI_NUMBER(REASON_ADDRESS_SPACE, 30);
ABI_NUMBER(REASON_COMMIT, 31);
ABI_NUMBER(REASON_OUT_OF_MEMORY, 32);
ABI_NUMBER(REASON_MAP_COUNT, 33);
ABI_NUMBER(REASON_DETACHED, 40);
ABI_NUMBER(REASON_BUFFER_KIND, 41);
ABI_NUMBER(REASON_WOULD_SHRINK, 42);
ABI_NUMBER(REASON_NOT_PAGE_MULTIPLE, 43);
ABI_NUMBER(REASON_NO_MAXIMUM, 44);
ABI_NUMBER(REASON_MAX_BYTE_LENGTH, 45);
ABI_NUMBER(REASON_NOT_TRANSFERABLE, 46);
ABI_NUMBER(REASON_IMPORT_ADDRESS, 50);
ABI_NUMBER(REASON_IMPORT_PAGE_SIZE, 51);
ABI_NUMBER(REASON_IMPORT_SHARED, 52);
ABI_NUMBER(REASON_IMPORT_INITIAL, 53);
ABI_NUMBER(REASON_IMPORT_MAXIMUM, 54);
ABI_NUMBER(REASON_OUT_OF_BOUNDS, 60);
ABI_NUMBER(REASON_UNALIGNED, 61);
ABI_NUMBER(REASON_WAIT_UNSHARED, 62);
ABI_NUMBER(REASON_TOO_MANY_WAITERS, 63);
ABI_NUMBER(REASON_INTERRUPTED, 64);
ABI_NUMBER(REASON_NOT_CLONEABLE, 70);
ABI_NUMBER(REASON_PANIC, 90);
ABI_NUMBER(WAIT_WOKEN, 0);
ABI_NUMBER(WAIT_NOT_EQUAL, 1);
ABI_NUMBER(WAIT_TIMED_OUT, 2);
ABI_NUMBER(ZONE_BODY, 0);
ABI_NUMBER(ZONE_RESERVED, 1);
ABI_NUMBER(ZONE_GUARD_AFTER, 2);
ABI_NUMBER(ZONE_GUARD_BEFORE, 3);

#endif
