/* What the host refuses leaves memory and buffers as they were; and a child's copies of them are its own (design.md 4, 8). */
#define _GNU_SOURCE
#include "buffers.h"
#include "process.h"

/* Handles that are held need storage; without an end to it a program that leaks them must still be answered. */
static void check_storage_runs_out(void) {
  enum { MOST = 4 << 20 };
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(3)));
  wasm_memory_buffer_t *buffer = buffer_of(memory), *next = NULL;
  uint32_t held = 0;
  limit(RLIMIT_AS, process_bytes("VmSize") + (UINT64_C(8) << 20));
  for (; held < MOST; held++) {
    next = AS_BUFFER(POISON_POINTER);
    const wasm_memory_status_t status =
        (held % 2 == 0 ? wasm_memory_to_resizable_buffer : wasm_memory_to_fixed_length_buffer)(memory, &next);
    if (status != WASM_MEMORY_OK) break;
    if (!wasm_memory_buffer_is_detached(buffer)) CHECK(!"the earlier buffer is attached");
    buffer = next; /* the earlier one stays held */
  }
  wasm_memory_error_t error;
  wasm_memory_last_error(&error);
  limit(RLIMIT_AS, UINT64_MAX);
  REQUIRE(held < MOST); /* megabytes cannot hold so many of anything */
  CHECK_STATUS(error.status, WASM_MEMORY_RANGE_ERROR);
  CHECK_U64(error.reason, WASM_MEMORY_REASON_OUT_OF_MEMORY);
  CHECK_POINTER(next, NULL);
  /* The conversion did not happen by half. */
  CHECK_POINTER(current(memory), buffer);
  if (held % 2 == 1) CHECK_RESIZABLE(buffer, memory, 3 * PAGE);
  else CHECK_FIXED(buffer, memory, PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  if (held % 2 == 1) CHECK_RESIZABLE(buffer, memory, 3 * PAGE);
  else CHECK_DETACHED(buffer);
  buffer = buffer_of(memory);
  CHECK_U64(wasm_memory_buffer_byte_length(buffer), 2 * PAGE);
}

TEST(storage_for_handles_runs_out) {
  NEEDS_HOST_COUNTS();
  in_child(check_storage_runs_out);
}

static void check_refused_move(void) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(60000)));
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  memset(wasm_memory_buffer_data(buffer), 0x42, PAGE);
  limit(RLIMIT_AS, process_bytes("VmSize") + (UINT64_C(16) << 20));
  CHECK_STATUS(wasm_memory_grow(memory, 50000, NULL), WASM_MEMORY_RANGE_ERROR);
  limit(RLIMIT_AS, UINT64_MAX);
  CHECK_POINTER(current(memory), buffer);
  CHECK_FIXED(buffer, memory, PAGE);
  CHECK(wasm_memory_buffer_data(buffer)[0] == 0x42 && wasm_memory_buffer_data(buffer)[PAGE - 1] == 0x42);
  CHECK_STATUS(wasm_memory_grow(memory, 5, NULL), WASM_MEMORY_OK);
  CHECK_DETACHED(buffer);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

TEST(a_move_that_the_host_refuses_detaches_nothing) {
  NEEDS_HOST_COUNTS();
  in_child(check_refused_move);
}

static wasm_memory_t *memories[2];
static wasm_memory_buffer_t *fixed[2], *resizable[2];

static wasm_memory_status_t set_length(int k, uint64_t length) {
  return (k == 1 ? wasm_memory_buffer_grow : wasm_memory_buffer_resize)(resizable[k], length);
}

static void use_copies_in_child(void) {
  for (int k = 0; k < 2; k++) {
    if (k == 1) CHECK_FIXED(fixed[k], memories[k], PAGE);
    else CHECK_DETACHED(fixed[k]);
    CHECK_RESIZABLE(resizable[k], memories[k], 5 * PAGE);
    uint8_t *bytes = wasm_memory_buffer_data(resizable[k]);
    CHECK_U64(bytes[0], 0x51);
    bytes[0] = 0xEE;
    CHECK_STATUS(set_length(k, 3 * PAGE), WASM_MEMORY_OK);
    CHECK_RESIZABLE(resizable[k], memories[k], 5 * PAGE);
    bytes[3 * PAGE - 1] = 0xEE;
    wasm_memory_buffer_t *fresh = fixed_of(memories[k]);
    CHECK_FIXED(fresh, memories[k], 3 * PAGE);
    wasm_memory_delete(memories[k]);
    CHECK_U64(wasm_memory_buffer_data(fresh)[0], 0xEE);
    wasm_memory_buffer_delete(fresh);
    wasm_memory_buffer_delete(fixed[k]);
    wasm_memory_buffer_delete(resizable[k]);
    CHECK_DEAD(resizable[k]);
  }
}

TEST(child_has_its_own_buffers) {
  for (int k = 0; k < 2; k++) {
    memories[k] = created(TYPE(.initial = PAGES(1), .maximum = PAGES(5), .shared = k == 1));
    fixed[k] = buffer_of(memories[k]);
    resizable[k] = resizable_of(memories[k]);
    wasm_memory_buffer_data(resizable[k])[0] = 0x51;
  }
  in_child(use_copies_in_child);
  for (int k = 0; k < 2; k++) {
    CHECK_POINTER(current(memories[k]), resizable[k]);
    CHECK_RESIZABLE(resizable[k], memories[k], 5 * PAGE);
    CHECK_U64(wasm_memory_size(memories[k]), 1);
    CHECK_U64(wasm_memory_buffer_data(resizable[k])[0], 0x51);
    CHECK_STATUS(set_length(k, 5 * PAGE), WASM_MEMORY_OK);
    CHECK_U64(wasm_memory_buffer_data(resizable[k])[3 * PAGE - 1], 0);
    wasm_memory_buffer_delete(fixed[k]);
    wasm_memory_buffer_delete(resizable[k]);
    wasm_memory_delete(memories[k]);
  }
}

/* Only a status other than OK sets the last error; what has no status, or succeeds, leaves it alone. */
TEST(questions_leave_the_last_error) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(9), .shared = true));
  wasm_memory_buffer_t *buffer = resizable_of(memory), *dead = NULL;
  wasm_memory_t *other = created(TYPE(.initial = PAGES(1)));
  dead = buffer_of(other);
  wasm_memory_buffer_delete(dead);
  wasm_memory_error_t before, after;
  uint32_t result = 99;
  uint8_t byte = 0;
  CHECK_FAILS(wasm_memory_buffer_grow(buffer, 0), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_WOULD_SHRINK);
  wasm_memory_last_error(&before);
  CHECK_DEAD(dead);
  CHECK_DEAD((wasm_memory_buffer_t *)NULL);
  CHECK_DEAD(AS_BUFFER(memory));
  CHECK_POINTER(wasm_memory_buffer_retain(dead), NULL);
  CHECK_POINTER(wasm_memory_buffer_retain(NULL), NULL);
  wasm_memory_buffer_delete(dead);
  wasm_memory_buffer_delete(NULL);
  CHECK_STATUS(wasm_memory_buffer_grow(buffer, 2 * PAGE), WASM_MEMORY_OK);
  wasm_memory_buffer_delete(fixed_of(memory));
  CHECK_STATUS(wasm_memory_write(memory, 0, &byte, 1), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_bulk_copy(memory, 0, other, 0, 9), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_discard(memory, 0, PAGE), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_atomic_wait32(memory, 0, 0, 1, &result), WASM_MEMORY_OK);
  CHECK_U64(result, 2);
  CHECK_STATUS(wasm_memory_atomic_notify(memory, 0, 1, NULL), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_atomic_interrupt(memory, NULL), WASM_MEMORY_OK);
  wasm_memory_last_error(&after);
  CHECK(after.status == before.status && after.reason == before.reason && after.os_error == before.os_error);
  CHECK(after.requested == before.requested && after.available == before.available);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(other);
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(storage_for_handles_runs_out), LISTED(a_move_that_the_host_refuses_detaches_nothing), LISTED(child_has_its_own_buffers),
             LISTED(questions_leave_the_last_error))
