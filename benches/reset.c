/* Bringing a memory back to zeros. The group's argument is its length in bytes. */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "families.h"
#include "library.h"

/* So many memories are dirtied and then reset in a row that reading the clock does not count. */
enum { MOST_MEMORIES = 64 };

typedef struct reset_t {
  uint64_t length;
  uint64_t dirty_pages; /* host pages that are written before each reset */
  size_t count;
  uint8_t *bases[MOST_MEMORIES];
  wasm_memory_allocator_t *allocator;
  wasm_memory_t *memories[MOST_MEMORIES];
  void (*reset)(const struct reset_t *state, size_t which);
} reset_t;

static reset_t *reset_new(const bench_group_t *group, uint64_t dirty_pages,
                          void (*reset)(const reset_t *state, size_t which)) {
  reset_t *state = bench_allocate(sizeof *state);
  uint64_t fit = 4 * MIB / group->argument;
  *state = (reset_t){.length = group->argument, .dirty_pages = dirty_pages, .reset = reset};
  state->count = fit < 1 ? 1 : fit < MOST_MEMORIES ? (size_t)fit : MOST_MEMORIES;
  return state;
}

static void *floor_new(const bench_group_t *group, uint64_t dirty_pages,
                       void (*reset)(const reset_t *state, size_t which)) {
  reset_t *state = reset_new(group, dirty_pages, reset);
  for (size_t i = 0; i < state->count; i++) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    /* A gap after each, so that they stay mappings of their own, as memories are. */
    size_t size = state->length + WASM_PAGE;
    uint8_t *base = mmap(NULL, size, PROT_NONE, flags, -1, 0);
    if (base == MAP_FAILED || mprotect(base, state->length, PROT_READ | PROT_WRITE) != 0) {
      return bench_failed("no memory");
    }
    state->bases[i] = base;
  }
  return state;
}

static void floor_finish(void *argument) {
  reset_t *state = argument;
  for (size_t i = 0; i < state->count; i++) {
    munmap(state->bases[i], state->length + WASM_PAGE);
  }
  free(state);
}

static void by_memset(const reset_t *state, size_t which) {
  memset(state->bases[which], 0, state->length);
}
static void by_dontneed(const reset_t *state, size_t which) {
  madvise(state->bases[which], state->length, MADV_DONTNEED);
}

static uint64_t all_pages(const bench_group_t *group) { return group->argument / HOST_PAGE; }
static void *floor_memset(const bench_group_t *group) {
  return floor_new(group, all_pages(group), by_memset);
}
static void *floor_dontneed(const bench_group_t *group) {
  return floor_new(group, all_pages(group), by_dontneed);
}
static void *floor_dontneed_16(const bench_group_t *group) {
  return floor_new(group, 16, by_dontneed);
}

/* ---- this library ---- */

static void by_reset(const reset_t *state, size_t which) { ours.reset(state->memories[which], NULL); }

static void *ours_new(const bench_group_t *group, uint64_t dirty_pages) {
  reset_t *state = reset_new(group, dirty_pages, by_reset);
  state->allocator = library_allocator(&(library_settings_t){0});
  for (size_t i = 0; i < state->count; i++) {
    /* Pages of one byte make a memory of less than 64 KiB. */
    wasm_memory_descriptor_t descriptor = {.initial = WASM_MEMORY_PAGES(state->length),
                                           .page_size = 1};
    if (ours.new_in(state->allocator, &descriptor, NULL, &state->memories[i]) != WASM_MEMORY_OK) {
      return bench_failed("no memory");
    }
    state->bases[i] = ours.data(state->memories[i]);
  }
  return state;
}
static void *ours_all(const bench_group_t *group) { return ours_new(group, all_pages(group)); }
static void *ours_16(const bench_group_t *group) { return ours_new(group, 16); }

static void ours_finish(void *argument) {
  reset_t *state = argument;
  for (size_t i = 0; i < state->count; i++) {
    ours.delete(state->memories[i]);
  }
  ours.allocator_delete(state->allocator);
  free(state);
}

/* ---- both ---- */

static void dirty(const reset_t *state, size_t which) {
  bench_touch(state->bases[which], state->length, state->dirty_pages);
}

static uint64_t run_reset(void *argument, uint64_t times) {
  const reset_t *state = argument;
  uint64_t elapsed = 0;
  for (uint64_t time = 0; time < times; time++) {
    for (size_t i = 0; i < state->count; i++) {
      dirty(state, i);
    }
    uint64_t started = bench_now();
    for (size_t i = 0; i < state->count; i++) {
      state->reset(state, i);
    }
    elapsed += bench_now() - started;
  }
  return elapsed / state->count;
}

static uint64_t run_dirty_and_reset(void *argument, uint64_t times) {
  const reset_t *state = argument;
  dirty(state, 0);
  state->reset(state, 0);
  uint64_t started = bench_now();
  for (uint64_t time = 0; time < times; time++) {
    dirty(state, 0);
    state->reset(state, 0);
  }
  return bench_now() - started;
}

static bool check(void *argument) {
  const reset_t *state = argument;
  bool right = true;
  for (size_t i = 0; i < state->count && right; i++) {
    dirty(state, i);
    state->bases[i][state->length - 1] = 1;
    state->reset(state, i);
    right = bench_all_are(state->bases[i], state->length, 0);
  }
  /* That read every page, which maps the kernel's page of zeros; begin anew. */
  for (size_t i = 0; i < state->count; i++) {
    madvise(state->bases[i], state->length, MADV_DONTNEED);
  }
  return right;
}

#define RESET(finish) run_reset, check, finish
#define DIRTY_AND_RESET(finish) run_dirty_and_reset, check, finish
static const bench_case_t cases[] = {
    {"floor-memset", "floor", "memset", floor_memset, RESET(floor_finish)},
    {"floor-dontneed", "floor", "MADV_DONTNEED", floor_dontneed, RESET(floor_finish)},
    {"ours", "ours", "reset", ours_all, RESET(ours_finish)},
};
static const bench_case_t retouch_cases[] = {
    {"floor-dontneed", "floor", "touch all, MADV_DONTNEED", floor_dontneed,
     DIRTY_AND_RESET(floor_finish)},
    {"floor-memset", "floor", "touch all, memset", floor_memset, DIRTY_AND_RESET(floor_finish)},
    {"ours", "ours", "touch all, reset", ours_all, DIRTY_AND_RESET(ours_finish)},
};
static const bench_case_t sparse_cases[] = {
    {"floor", "floor", "touch 16 pages, MADV_DONTNEED", floor_dontneed_16,
     DIRTY_AND_RESET(floor_finish)},
    {"ours", "ours", "touch 16 pages, reset", ours_16, DIRTY_AND_RESET(ours_finish)},
};

#define CASES 1, cases, BENCH_COUNT(cases)
#define RETOUCH 1, retouch_cases, BENCH_COUNT(retouch_cases)
const bench_group_t reset_groups[] = {
    {"reset-4k", "Reset of 4 KiB, all touched", 4 * KIB, CASES},
    {"reset-16k", "Reset of 16 KiB, all touched", 16 * KIB, CASES},
    {"reset-64k", "Reset of 64 KiB, all touched", 64 * KIB, CASES},
    {"reset-256k", "Reset of 256 KiB, all touched", 256 * KIB, CASES},
    {"reset-1m", "Reset of 1 MiB, all touched", MIB, CASES},
    {"reset-16m", "Reset of 16 MiB, all touched", 16 * MIB, CASES},
    {"retouch-64k", "Touch 64 KiB and reset", 64 * KIB, RETOUCH},
    {"retouch-1m", "Touch 1 MiB and reset", MIB, RETOUCH},
    {"retouch-16m", "Touch 16 MiB and reset", 16 * MIB, RETOUCH},
    {"reset-sparse", "Touch 16 pages of 16 MiB and reset", 16 * MIB, 1, sparse_cases,
     BENCH_COUNT(sparse_cases)},
};
const size_t reset_group_count = BENCH_COUNT(reset_groups);
