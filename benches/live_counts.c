/* How many memories can be alive at once, and what each keeps resident with one page touched. */
#include <sys/mman.h>

#include "library.h"
#include "live.h"
#include "wasm2c.h"
#include "wasmtime.h"

/* Creates until the host refuses, and touches a page of each. `create` gives back the base, or NULL. */
static void count(live_progress_t *progress, uint8_t *(*create)(void)) {
  uint64_t most = bench_settings.brief ? 2000 : 50000;
  uint64_t measured_at = bench_settings.brief ? 1000 : 10000;
  while (progress->count < most) {
    uint8_t *base = create();
    if (base == NULL) {
      break;
    }
    if (*(volatile uint8_t *)base != 0) {
      live_fail(progress, "a new memory is not zero");
      return;
    }
    *(volatile uint8_t *)base = 1;
    progress->count++;
    if (progress->count == measured_at) {
      progress->rss_kib_at = live_status_kib("VmRSS");
      progress->count_at = progress->count;
      live_figure(progress, "page_tables_kib_each",
                  (double)live_status_kib("VmPTE") / (double)progress->count);
      live_figure(progress, "mappings_each", (double)live_mappings() / (double)progress->count);
    }
  }
}

/* ---- the floor ---- */

static uint8_t *floor_create(uint64_t reservation) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  uint8_t *base = mmap(NULL, reservation, PROT_NONE, flags, -1, 0);
  if (base == MAP_FAILED || mprotect(base, WASM_PAGE, PROT_READ | PROT_WRITE) != 0) {
    return NULL;
  }
  return base;
}
static uint8_t *floor_4g(void) { return floor_create(4 * GIB + WASM_PAGE); }
static uint8_t *floor_8g(void) { return floor_create(8 * GIB + WASM_PAGE); }
static void count_floor_4g(live_progress_t *progress) { count(progress, floor_4g); }
static void count_floor_8g(live_progress_t *progress) { count(progress, floor_8g); }

/* ---- this library ---- */

static wasm_memory_allocator_t *allocator;
static uint64_t maximum;

static uint8_t *ours_create(void) {
  wasm_memory_t *memory = library_memory(allocator, 1, maximum, NULL);
  return memory == NULL ? NULL : ours.data(memory);
}

static void count_ours(live_progress_t *progress, const library_settings_t *settings) {
  allocator = library_allocator(settings);
  if (allocator == NULL) {
    live_fail(progress, "no allocator");
    return;
  }
  count(progress, ours_create);
  wasm_memory_error_t error;
  ours.last_error(&error);
  live_figure(progress, "reason", error.reason);
  live_figure(progress, "available", (double)error.available);
}
static void count_ours_4g(live_progress_t *progress) {
  count_ours(progress, &(library_settings_t){.reservation = 4 * GIB});
}
static void count_ours_8g(live_progress_t *progress) {
  count_ours(progress, &(library_settings_t){.reservation = 8 * GIB});
}
static void count_ours_checked(live_progress_t *progress) {
  maximum = 16;
  count_ours(progress, &(library_settings_t){.checked = true});
}
static void count_ours_unguarded(live_progress_t *progress) {
  maximum = 16;
  count_ours(progress, &(library_settings_t){.checked = true, .no_guards = true});
}
static void count_ours_small(live_progress_t *progress) {
  maximum = 16;
  count_ours(progress, &(library_settings_t){0});
}

/* ---- the peers ---- */

static wasm_memorytype_t *type;

static const char *engine_absent(void) {
  if (wasmtime_engine(WASMTIME_ON_DEMAND) == NULL) {
    return wasmtime_missing;
  }
  type = wasmtime_memory_type(1, 0, false);
  return NULL;
}

static uint8_t *engine_create(void) {
  wasmtime_store_t *store =
      wasmtime.wasmtime_store_new(wasmtime_engine(WASMTIME_ON_DEMAND), NULL, NULL);
  wasmtime_context_t *context = wasmtime.wasmtime_store_context(store);
  wasmtime_memory_t memory;
  if (wasmtime.wasmtime_memory_new(context, type, &memory) != NULL) {
    return NULL;
  }
  return wasmtime.wasmtime_memory_data(context, &memory);
}
static void count_engine(live_progress_t *progress) { count(progress, engine_create); }

static const char *wasm2c_absent(void) { return wasm2c_load() ? NULL : wasm2c_missing; }
static uint8_t *wasm2c_create(void) {
  wasm2c_memory_t memory;
  wasm2c.allocate(&memory, 1, 65536);
  return memory.data;
}
static void count_wasm2c(live_progress_t *progress) { count(progress, wasm2c_create); }

#define LIVE(id, who, what, child, absent) {"live", id, who, what, child, absent}
const live_case_t live_counts[] = {
    LIVE("floor-4g", "floor", "mmap 4 GiB + 64 KiB, mprotect", count_floor_4g, NULL),
    LIVE("floor-8g", "floor", "mmap 8 GiB + 64 KiB, mprotect", count_floor_8g, NULL),
    LIVE("ours-4g", "ours", "reservation of 4 GiB, guard of 64 KiB", count_ours_4g, NULL),
    LIVE("ours-8g", "ours", "reservation of 8 GiB, guard of 64 KiB", count_ours_8g, NULL),
    LIVE("ours-checked", "ours", "maximum of 16 pages, CHECKED", count_ours_checked, NULL),
    LIVE("ours-unguarded", "ours", "the same without guards", count_ours_unguarded, NULL),
    LIVE("ours-guarded", "ours", "maximum of 16 pages, GUARDED", count_ours_small, NULL),
    LIVE("wasmtime", "wasmtime", "store and memory", count_engine, engine_absent),
    LIVE("wasm2c", "wasm2c", "allocate", count_wasm2c, wasm2c_absent),
};
const size_t live_count_cases = BENCH_COUNT(live_counts);
