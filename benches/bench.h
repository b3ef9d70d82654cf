/* Groups of cases that are measured side by side.
 *
 * The cases of a group take turns, a batch each, round after round, and a round begins with another
 * case each time: what the machine does meanwhile meets all of them alike, so their ratios within a
 * round hold where absolute times do not. This program only takes samples; `cargo xtask bench` draws
 * the conclusions.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define HOST_PAGE UINT64_C(4096)
#define WASM_PAGE UINT64_C(65536)

typedef struct bench_group_t bench_group_t;

typedef struct bench_case_t {
  const char *id;   /* how a target names it */
  const char *who;  /* floor, ours, wasmtime, wasm2c */
  const char *what; /* for the table */
  /* Its own state, so that no case sees the pages of another; NULL when it cannot be had here
   * (`bench_absent` says why) or does not work (`bench_failed`). */
  void *(*prepare)(const bench_group_t *group);
  /* Does it so many times; returns the nanoseconds of what is measured. */
  uint64_t (*run)(void *state, uint64_t times);
  /* Has the operation the effect that it is measured for? Called before and after the rounds. */
  bool (*check)(void *state);
  void (*finish)(void *state);
} bench_case_t;

struct bench_group_t {
  const char *id;
  const char *title;
  uint64_t argument;   /* what varies between groups with the same cases */
  uint64_t operations; /* how many one time of `run` counts for; 0 means 1 */
  const bench_case_t *cases;
  size_t count;
};

#define BENCH_COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct bench_settings_t {
  unsigned rounds;
  uint64_t batch_ns;
  bool brief;       /* for a check of this program: few rounds, small counts */
  const char *only; /* run groups whose id starts with this; NULL: all */
} bench_settings_t;

extern bench_settings_t bench_settings;

void bench_run_groups(const bench_group_t *groups, size_t count);
bool bench_wanted(const char *group);

/* Both return NULL, for `prepare` to return. */
void *bench_absent(const char *why);
void *bench_failed(const char *why);
unsigned bench_failures(void);

/* One line of JSON with figures that are no times; `figures` is the inside of an object. */
void bench_figures(const char *group, const char *id, const char *who, const char *what,
                   const char *figures);
void bench_case_absent(const char *group, const char *id, const char *who, const char *what,
                       const char *why);
void bench_case_failed(const char *group, const char *id, const char *who, const char *what,
                       const char *why);
bool bench_open_output(const char *path);
void bench_close_output(void);

/* For children that report: what is buffered is written once. */
void bench_flush(void);

void *bench_allocate(size_t size); /* zeroed; ends the program when there is none */

static inline uint64_t bench_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The compiler must compute the value, and must not assume anything about memory. */
static inline void bench_use(uint64_t value) {
  __asm__ volatile("" : : "r"(value) : "memory");
}

/* Writes a byte of each of `pages` host pages, spread over `bytes`. */
static inline void bench_touch(uint8_t *base, uint64_t bytes, uint64_t pages) {
  if (pages == 0) {
    return;
  }
  uint64_t stride = bytes / pages / HOST_PAGE * HOST_PAGE;
  if (stride == 0) {
    stride = HOST_PAGE;
  }
  for (uint64_t page = 0; page < pages; page++) {
    *(volatile uint8_t *)(base + page * stride) = 1;
  }
}

static inline bool bench_all_are(const uint8_t *bytes, uint64_t length, uint8_t value) {
  return length == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, length - 1) == 0);
}

#endif
