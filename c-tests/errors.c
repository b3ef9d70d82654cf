/* Why the last call failed: who sets it, who leaves it alone, and how it is told (design.md 2). */
#define _POSIX_C_SOURCE 200809L
#include "fixtures.h"

#include <pthread.h>

static wasm_memory_error_t last_error(void) {
  wasm_memory_error_t error;
  memset(&error, 0xA5, sizeof error);
  wasm_memory_last_error(&error);
  return error;
}

/* One failure that everybody knows: 65537 of 65536 pages. */
static void fail(void) { CHECK_STATUS(refused(TYPE(.initial = PAGES(65537))), WASM_MEMORY_RANGE_ERROR); }

static void check_still_that_failure(void) {
  wasm_memory_error_t error = last_error();
  CHECK_STATUS(error.status, WASM_MEMORY_RANGE_ERROR);
  CHECK_U64(error.reason, WASM_MEMORY_REASON_ABOVE_LIMIT);
  CHECK_U64(error.requested, 65537);
  CHECK_U64(error.available, 65536);
  CHECK_U64((uint64_t)error.os_error, 0);
  CHECK(error.reserved[0] == 0 && error.reserved[1] == 0);
}

static void check_no_error(void) {
  wasm_memory_error_t error = last_error();
  CHECK_STATUS(error.status, WASM_MEMORY_OK);
  CHECK_U64(error.reason, WASM_MEMORY_REASON_NONE);
  CHECK_U64((uint64_t)error.os_error, 0);
  CHECK_U64(error.requested, 0);
  CHECK_U64(error.available, 0);
  CHECK(error.reserved[0] == 0 && error.reserved[1] == 0);
}

/* Runs in a thread of its own, so that no other test of this program can have failed a call before. */
static void *fresh_thread(void *unused) {
  (void)unused;
  check_no_error();
  char message[8] = "xxxxxxx";
  size_t length = wasm_memory_last_error_message(message, sizeof message);
  CHECK(memchr(message, 0, sizeof message) != NULL);
  CHECK(strlen(message) == (length < sizeof message ? length : sizeof message - 1));
  return NULL;
}

TEST(a_thread_begins_without_error) {
  fail();
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, fresh_thread, NULL) == 0);
  pthread_join(thread, NULL);
  check_still_that_failure();
}

static void *failing_thread(void *unused) {
  (void)unused;
  CHECK_FAILS(wasm_memory_new(NULL, NULL), WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_NULL_ARGUMENT);
  return NULL;
}

TEST(each_thread_has_its_own) {
  fail();
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, failing_thread, NULL) == 0);
  pthread_join(thread, NULL);
  check_still_that_failure();
}

TEST(success_leaves_it_alone) {
  fail();
  wasm_memory_t *memory = NULL, *sent = NULL;
  wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1), .maximum = PAGES(3), .shared = true);
  CHECK_STATUS(wasm_memory_new(&type, &memory), WASM_MEMORY_OK);
  REQUIRE(memory != NULL);
  check_still_that_failure();
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_grow(memory, 0, NULL), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_match(memory, &type), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_get_type(memory, &type), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_send(memory, &sent), WASM_MEMORY_OK);
  check_still_that_failure();
  wasm_memory_delete(sent);
  wasm_memory_delete(memory);
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_size_limit(config, PAGE);
  wasm_memory_allocator_delete(allocator_of(config));
  check_still_that_failure();
}

/* Bad arguments too, as long as the function has no status to return. */
TEST(functions_without_status_leave_it_alone) {
  wasm_memory_t *dead = created(TYPE(.initial = PAGES(1)));
  wasm_memory_delete(dead);
  fail();
  wasm_memory_t *handles[] = {NULL, dead};
  for (size_t i = 0; i < 2; i++) {
    wasm_memory_layout_t layout;
    wasm_memory_data(handles[i]);
    wasm_memory_size(handles[i]);
    wasm_memory_byte_length(handles[i]);
    wasm_memory_view(handles[i]);
    wasm_memory_get_layout(handles[i], &layout);
    wasm_memory_get_layout(handles[i], NULL);
    wasm_memory_retain(handles[i]);
    wasm_memory_delete(handles[i]);
  }
  wasm_memory_config_set_reservation(NULL, 1);
  wasm_memory_config_delete(NULL);
  wasm_memory_allocator_retain(NULL);
  wasm_memory_allocator_delete(NULL);
  wasm_memory_status_name(-1);
  wasm_memory_version();
  wasm_memory_abi_version();
  wasm_memory_last_error(NULL);
  wasm_memory_last_error_message(NULL, 0);
  check_still_that_failure();
}

TEST(the_newest_failure_is_told) {
  fail();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(2)));
  CHECK_STATUS(wasm_memory_grow(memory, 7, NULL), WASM_MEMORY_RANGE_ERROR);
  wasm_memory_error_t error = last_error();
  CHECK_U64(error.reason, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED);
  CHECK_U64(error.requested, 8);
  CHECK_U64(error.available, 2);
  fail();
  check_still_that_failure();
  wasm_memory_delete(memory);
}

TEST(reading_does_not_clear) {
  fail();
  char message[256];
  check_still_that_failure();
  wasm_memory_last_error_message(message, sizeof message);
  check_still_that_failure();
}

TEST(message_is_text) {
  fail();
  char message[4096];
  memset(message, 'x', sizeof message);
  size_t length = wasm_memory_last_error_message(message, sizeof message);
  REQUIRE(length > 0 && length < sizeof message);
  CHECK_U64(strlen(message), length);
  for (size_t i = 0; i < length; i++) CHECK((unsigned char)message[i] >= ' ' && (unsigned char)message[i] < 0x7F);
  CHECK(message[length + 1] == 'x'); /* nothing is written past the end */
}

TEST(message_is_truncated_as_snprintf_does) {
  fail();
  char whole[4096], part[4096];
  size_t length = wasm_memory_last_error_message(whole, sizeof whole);
  REQUIRE(length > 0 && length < sizeof whole);
  CHECK_U64(wasm_memory_last_error_message(NULL, 0), length);
  for (size_t capacity = 0; capacity <= length + 2; capacity++) {
    memset(part, 'x', sizeof part);
    CHECK_U64(wasm_memory_last_error_message(part, capacity), length);
    size_t kept = capacity == 0 ? 0 : capacity - 1 < length ? capacity - 1 : length;
    CHECK(memcmp(part, whole, kept) == 0);
    if (capacity > 0) CHECK(part[kept] == 0);
    CHECK(part[capacity > 0 ? kept + 1 : 0] == 'x');
  }
}

TEST(message_without_buffer) {
  fail();
  size_t length = wasm_memory_last_error_message(NULL, 0);
  CHECK(length > 0);
  CHECK_U64(wasm_memory_last_error_message(NULL, 100), length);
}

TEST(causes_have_different_messages) {
  char above[512], missing[512];
  fail();
  wasm_memory_last_error_message(above, sizeof above);
  CHECK_STATUS(refused((wasm_memory_descriptor_t){0}), WASM_MEMORY_TYPE_ERROR);
  wasm_memory_last_error_message(missing, sizeof missing);
  CHECK(strcmp(above, missing) != 0);
}

TEST(status_names) {
  CHECK_STRING(wasm_memory_status_name(WASM_MEMORY_TYPE_ERROR), "TypeError");
  CHECK_STRING(wasm_memory_status_name(WASM_MEMORY_RANGE_ERROR), "RangeError");
  CHECK_STRING(wasm_memory_status_name(WASM_MEMORY_LINK_ERROR), "LinkError");
  CHECK_STRING(wasm_memory_status_name(WASM_MEMORY_RUNTIME_ERROR), "RuntimeError");
  CHECK_STRING(wasm_memory_status_name(WASM_MEMORY_DATA_CLONE_ERROR), "DataCloneError");
  CHECK_STRING(wasm_memory_status_name(WASM_MEMORY_INTERNAL_ERROR), "InternalError");
  CHECK_STRING(wasm_memory_status_name(WASM_MEMORY_HOST_ERROR), "HostError");
  const char *ok = wasm_memory_status_name(WASM_MEMORY_OK);
  CHECK(ok != NULL && ok[0] != 0 && strcmp(ok, "unknown") != 0);
}

TEST(unknown_status_names) {
  const wasm_memory_status_t unknown[] = {-1, 8, 9, 255, 256, 65536, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) CHECK_STRING(wasm_memory_status_name(unknown[i]), "unknown");
}

TEST(versions) {
  CHECK_U64(wasm_memory_abi_version(), WASM_MEMORY_ABI_VERSION);
  int major = -1, minor = -1, patch = -1;
  const char *version = wasm_memory_version();
  REQUIRE(version != NULL);
  CHECK(sscanf(version, "%d.%d.%d", &major, &minor, &patch) == 3 && major >= 0 && minor >= 0 && patch >= 0);
  CHECK_POINTER(wasm_memory_version(), version);
}

HARNESS_MAIN(LISTED(a_thread_begins_without_error), LISTED(each_thread_has_its_own), LISTED(success_leaves_it_alone),
             LISTED(functions_without_status_leave_it_alone), LISTED(the_newest_failure_is_told), LISTED(reading_does_not_clear),
             LISTED(message_is_text), LISTED(message_is_truncated_as_snprintf_does), LISTED(message_without_buffer),
             LISTED(causes_have_different_messages), LISTED(status_names), LISTED(unknown_status_names), LISTED(versions))
