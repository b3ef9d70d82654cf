/* A memory grows by one page at a time from 1 to the group's argument. Making the memory is not
 * measured. */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "families.h"
#include "library.h"
#include "wasm2c.h"
#include "wasmtime.h"

static const uint64_t touching = UINT64_C(1) << 63; /* in the argument: a byte of each new page */

typedef struct grow_t {
  uint64_t pages;
  bool touch;
  wasm_memory_allocator_t *allocator;
  wasm_engine_t *engine;
  wasmtime_module_t *module;
  /* One series of growths on a fresh memory; nanoseconds, or UINT64_MAX when it is not right. */
  uint64_t (*series)(const struct grow_t *state, uint64_t pages);
} grow_t;

static grow_t *grow_new(const bench_group_t *group,
                        uint64_t (*series)(const grow_t *state, uint64_t pages)) {
  grow_t *state = bench_allocate(sizeof *state);
  *state = (grow_t){.pages = group->argument & ~touching,
                    .touch = (group->argument & touching) != 0,
                    .series = series};
  return state;
}

static uint64_t grow_run(void *argument, uint64_t times) {
  const grow_t *state = argument;
  uint64_t elapsed = 0;
  for (uint64_t i = 0; i < times; i++) {
    elapsed += state->series(state, state->pages);
  }
  return elapsed;
}

static bool grow_check(void *argument) {
  const grow_t *state = argument;
  return state->series(state, 16) != UINT64_MAX;
}

static void grow_finish(void *argument) {
  grow_t *state = argument;
  if (state->allocator != NULL) {
    ours.allocator_delete(state->allocator);
  }
  if (state->module != NULL) {
    wasmtime.wasmtime_module_delete(state->module);
  }
  free(state);
}

static void touch_page(const grow_t *state, uint8_t *base, uint64_t page) {
  if (state->touch) {
    *(volatile uint8_t *)(base + page * WASM_PAGE) = 1;
  }
}

/* The last byte can be used and is zero. */
static uint64_t judged(uint64_t elapsed, bool grown, const uint8_t *base, uint64_t pages) {
  bool right = grown && *(const volatile uint8_t *)(base + pages * WASM_PAGE - 1) == 0;
  return right ? elapsed : UINT64_MAX;
}

/* ---- the floor ---- */

static uint64_t floor_series(const grow_t *state, uint64_t pages) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  size_t reservation = 8 * GIB + WASM_PAGE;
  uint8_t *base = mmap(NULL, reservation, PROT_NONE, flags, -1, 0);
  bool grown = base != MAP_FAILED && mprotect(base, WASM_PAGE, PROT_READ | PROT_WRITE) == 0;
  uint64_t started = bench_now();
  for (uint64_t page = 1; page < pages; page++) {
    grown &= mprotect(base + page * WASM_PAGE, WASM_PAGE, PROT_READ | PROT_WRITE) == 0;
    touch_page(state, base, page);
  }
  uint64_t elapsed = bench_now() - started;
  elapsed = judged(elapsed, grown, base, pages);
  munmap(base, reservation);
  return elapsed;
}

static void *floor_new(const bench_group_t *group) { return grow_new(group, floor_series); }

/* ---- this library ---- */

static uint64_t ours_series(const grow_t *state, uint64_t pages) {
  wasm_memory_t *memory = library_memory(state->allocator, 1, 0, NULL);
  uint8_t *base = ours.data(memory);
  bool grown = true;
  uint64_t started = bench_now();
  for (uint64_t page = 1; page < pages; page++) {
    grown &= ours.grow(memory, 1, NULL) == WASM_MEMORY_OK;
    touch_page(state, base, page);
  }
  uint64_t elapsed = bench_now() - started;
  grown &= ours.size(memory) == pages && ours.data(memory) == base;
  elapsed = judged(elapsed, grown, base, pages);
  ours.delete(memory);
  ours.allocator_trim(state->allocator); /* what a former memory opened would be open already */
  return elapsed;
}

static void *ours_new(const bench_group_t *group, bool checked) {
  grow_t *state = grow_new(group, ours_series);
  state->allocator = library_allocator(&(library_settings_t){.checked = checked});
  return state->allocator != NULL ? state : bench_failed("no allocator");
}
static void *ours_guarded(const bench_group_t *group) { return ours_new(group, false); }
static void *ours_checked(const bench_group_t *group) { return ours_new(group, true); }

/* ---- Wasmtime ---- */

static uint64_t engine_series(const grow_t *state, uint64_t pages) {
  wasmtime_guest_t guest;
  if (!wasmtime_guest_new(state->engine, state->module, &guest)) {
    return UINT64_MAX;
  }
  uint8_t *base = wasmtime.wasmtime_memory_data(guest.context, &guest.memory);
  bool grown = true;
  uint64_t started = bench_now();
  for (uint64_t page = 1; page < pages; page++) {
    uint64_t previous;
    grown &= wasmtime.wasmtime_memory_grow(guest.context, &guest.memory, 1, &previous) == NULL;
    touch_page(state, base, page);
  }
  uint64_t elapsed = bench_now() - started;
  grown &= wasmtime.wasmtime_memory_size(guest.context, &guest.memory) == pages;
  elapsed = judged(elapsed, grown, base, pages);
  wasmtime_guest_delete(&guest);
  return elapsed;
}

static void *engine_new(const bench_group_t *group, wasmtime_kind_t kind) {
  wasm_engine_t *engine = wasmtime_engine(kind);
  if (engine == NULL) {
    return bench_absent(wasmtime_missing);
  }
  grow_t *state = grow_new(group, engine_series);
  state->engine = engine;
  state->module = wasmtime_compile_image(engine, 1, 0);
  return state;
}
static void *engine_on_demand(const bench_group_t *group) {
  return engine_new(group, WASMTIME_ON_DEMAND);
}
static void *engine_pooling(const bench_group_t *group) {
  return engine_new(group, WASMTIME_POOLING);
}

/* ---- wasm2c ---- */

static uint64_t wasm2c_series(const grow_t *state, uint64_t pages) {
  wasm2c_memory_t memory;
  wasm2c.allocate(&memory, 1, 65536);
  bool grown = true;
  uint64_t started = bench_now();
  for (uint64_t page = 1; page < pages; page++) {
    grown &= wasm2c.grow(&memory, 1) == page;
    touch_page(state, memory.data, page);
  }
  uint64_t elapsed = bench_now() - started;
  elapsed = judged(elapsed, grown, memory.data, pages);
  wasm2c_delete(&memory);
  return elapsed;
}

static void *wasm2c_new(const bench_group_t *group) {
  return wasm2c_load() ? grow_new(group, wasm2c_series) : bench_absent(wasm2c_missing);
}

#define RUN grow_run, grow_check, grow_finish
static const bench_case_t cases[] = {
    {"floor", "floor", "mprotect of the new page", floor_new, RUN},
    {"ours-guarded", "ours", "grow, GUARDED bounds", ours_guarded, RUN},
    {"ours-checked", "ours", "grow, CHECKED bounds", ours_checked, RUN},
    {"wasmtime", "wasmtime", "memory_grow, on demand", engine_on_demand, RUN},
    {"wasmtime-pooling", "wasmtime", "memory_grow, pooling", engine_pooling, RUN},
    {"wasm2c", "wasm2c", "wasm_rt_grow_memory", wasm2c_new, RUN},
};

/* Whether growing costs the same however large the memory is: the sizes in one group. The cost per
 * growth differs by the group's argument, so each run is scaled to a series of 16. */
static uint64_t scaled(void *argument, uint64_t times, uint64_t pages) {
  const grow_t *state = argument;
  uint64_t elapsed = 0;
  for (uint64_t i = 0; i < times; i++) {
    elapsed += state->series(state, pages);
  }
  return elapsed * 15 / (pages - 1);
}
static uint64_t run_16(void *argument, uint64_t times) { return scaled(argument, times, 16); }
static uint64_t run_1024(void *argument, uint64_t times) { return scaled(argument, times, 1024); }
static uint64_t run_8192(void *argument, uint64_t times) { return scaled(argument, times, 8192); }

static const bench_case_t flat_cases[] = {
    {"floor-16", "floor", "mprotect, to 16 pages", floor_new, run_16, grow_check, grow_finish},
    {"floor-8192", "floor", "mprotect, to 8192 pages", floor_new, run_8192, grow_check, grow_finish},
    {"ours-16", "ours", "grow to 16 pages", ours_guarded, run_16, grow_check, grow_finish},
    {"ours-1024", "ours", "grow to 1024 pages", ours_guarded, run_1024, grow_check, grow_finish},
    {"ours-8192", "ours", "grow to 8192 pages", ours_guarded, run_8192, grow_check, grow_finish},
};

#define CASES cases, BENCH_COUNT(cases)
const bench_group_t grow_groups[] = {
    {"grow-16", "Grow by a page, 1 to 16", 16, 15, CASES},
    {"grow-128", "Grow by a page, 1 to 128", 128, 127, CASES},
    {"grow-1024", "Grow by a page, 1 to 1024", 1024, 1023, CASES},
    {"grow-8192", "Grow by a page, 1 to 8192", 8192, 8191, CASES},
    {"grow-touch", "Grow by a page, 1 to 1024, each touched", 1024 | (UINT64_C(1) << 63), 1023, CASES},
    {"grow-flat", "Cost of a growth by size", 16, 15, flat_cases, BENCH_COUNT(flat_cases)},
};
const size_t grow_group_count = BENCH_COUNT(grow_groups);
