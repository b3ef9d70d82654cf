/* The whole test framework: checks that count, name themselves and show what they got. C11 and C++17. */
#ifndef HARNESS_H
#define HARNESS_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasm_memory.h"

#define HARNESS_SKIPPED 77 /* ctest's SKIP_RETURN_CODE */

static unsigned long harness_checks, harness_failures, harness_skips; /* atomic: threads check too */

/* Counts one check; true asks the caller to describe the failure. */
static inline bool harness_failed(bool passed, const char *file, int line, const char *text) {
  __atomic_fetch_add(&harness_checks, 1ul, __ATOMIC_RELAXED);
  if (passed) return false;
  __atomic_fetch_add(&harness_failures, 1ul, __ATOMIC_RELAXED);
  fprintf(stderr, "%s:%d: %s: ", file, line, text);
  return true;
}

static inline void harness_true(const char *file, int line, const char *text, bool passed) {
  if (harness_failed(passed, file, line, text)) fprintf(stderr, "is false\n");
}

static inline void harness_u64(const char *file, int line, const char *text, uint64_t actual, uint64_t expected) {
  if (harness_failed(actual == expected, file, line, text))
    fprintf(stderr, "got %" PRIu64 " (0x%" PRIx64 "), expected %" PRIu64 "\n", actual, actual, expected);
}

static inline void harness_pointer(const char *file, int line, const char *text, const void *actual, const void *expected) {
  if (harness_failed(actual == expected, file, line, text)) fprintf(stderr, "got %p, expected %p\n", actual, expected);
}

static inline void harness_string(const char *file, int line, const char *text, const char *actual, const char *expected) {
  if (harness_failed(actual && strcmp(actual, expected) == 0, file, line, text))
    fprintf(stderr, "got \"%s\", expected \"%s\"\n", actual ? actual : "(null)", expected);
}

static inline void harness_status(const char *file, int line, const char *text, wasm_memory_status_t actual, wasm_memory_status_t expected) {
  if (harness_failed(actual == expected, file, line, text))
    fprintf(stderr, "got %d %s, expected %d %s\n", actual, wasm_memory_status_name(actual), expected, wasm_memory_status_name(expected));
}

/* The status that a call returned, and the reason that it left behind. */
static inline wasm_memory_error_t harness_fails(const char *file, int line, const char *text, wasm_memory_status_t actual,
                                                wasm_memory_status_t status, uint32_t reason) {
  wasm_memory_error_t error;
  memset(&error, 0xA5, sizeof error);
  wasm_memory_last_error(&error);
  harness_status(file, line, text, actual, status);
  if (harness_failed(error.status == status && error.reason == reason, file, line, text))
    fprintf(stderr, "last error is %s, reason %" PRIu32 " (%" PRIu64 " of %" PRIu64 "), expected %s, reason %" PRIu32 "\n",
            wasm_memory_status_name(error.status), error.reason, error.requested, error.available, wasm_memory_status_name(status), reason);
  return error;
}

static inline void harness_figures(const char *file, int line, const char *text, wasm_memory_error_t error, uint64_t requested, uint64_t available) {
  if (harness_failed(error.requested == requested && error.available == available, file, line, text))
    fprintf(stderr, "requested %" PRIu64 " of %" PRIu64 ", expected %" PRIu64 " of %" PRIu64 "\n",
            error.requested, error.available, requested, available);
}

/* An error of another cause goes first, so that one left by an earlier check cannot satisfy the next. */
#define HARNESS_CALL(call) (wasm_memory_grow(NULL, 0, NULL), (call))

#define CHECK(condition) harness_true(__FILE__, __LINE__, #condition, (condition))
#define CHECK_U64(actual, expected) harness_u64(__FILE__, __LINE__, #actual, (actual), (expected))
#define CHECK_POINTER(actual, expected) harness_pointer(__FILE__, __LINE__, #actual, (actual), (expected))
#define CHECK_STRING(actual, expected) harness_string(__FILE__, __LINE__, #actual, (actual), (expected))
#define CHECK_STATUS(call, expected) harness_status(__FILE__, __LINE__, #call, (call), (expected))
#define CHECK_FAILS(call, status, reason) harness_fails(__FILE__, __LINE__, #call, HARNESS_CALL(call), (status), (reason))
#define CHECK_FIGURES(call, status, reason, requested, available) \
  harness_figures(__FILE__, __LINE__, #call, CHECK_FAILS(call, status, reason), (requested), (available))
#define SKIP(why) do { printf("skipped: %s\n", (why)); harness_skips++; return; } while (0)
/* Without what this checks, the rest of the test means nothing. */
#define REQUIRE(condition) \
  do { \
    bool harness_holds = (condition); \
    harness_true(__FILE__, __LINE__, #condition, harness_holds); \
    if (!harness_holds) exit(EXIT_FAILURE); \
  } while (0)

typedef struct harness_test { const char *name; void (*run)(void); } harness_test;

/* CMake finds the tests of a file by lines that start with this; one that main does not list is an unused function. */
#define TEST(name) static void name(void)
#define LISTED(name) { #name, name }
#define HARNESS_MAIN(...) \
  int main(int argc, char **argv) { \
    static const harness_test tests[] = { __VA_ARGS__ }; \
    return harness_run(tests, sizeof tests / sizeof tests[0], argc > 1 ? argv[1] : NULL); \
  }

static inline int harness_run(const harness_test *tests, size_t count, const char *only) {
  size_t ran = 0;
  for (size_t i = 0; i < count; i++) {
    if (only && strcmp(only, tests[i].name) != 0) continue;
    unsigned long failures_before = harness_failures;
    tests[i].run();
    ran++;
    if (harness_failures != failures_before) fprintf(stderr, "FAILED %s\n", tests[i].name);
  }
  if (ran == 0) fprintf(stderr, "no test is called %s\n", only ? only : "anything");
  printf("%zu tests, %lu checks, %lu failures, %lu skipped\n", ran, harness_checks, harness_failures, harness_skips);
  if (harness_failures != 0 || harness_checks + harness_skips == 0) return EXIT_FAILURE;
  return ran == harness_skips ? HARNESS_SKIPPED : EXIT_SUCCESS;
}

#endif
