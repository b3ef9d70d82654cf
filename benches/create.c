/* A memory is made, some of it is touched, and it is deleted. The group's argument is the number of
 * host pages that are touched. */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "families.h"
#include "library.h"
#include "wasm2c.h"
#include "wasmtime.h"

/* ---- the floor: system calls ---- */

typedef struct floor_t {
  uint64_t reservation;
  uint64_t pages;
} floor_t;

static void *floor_new(const bench_group_t *group, uint64_t reservation) {
  floor_t *state = bench_allocate(sizeof *state);
  *state = (floor_t){.reservation = reservation + WASM_PAGE, .pages = group->argument};
  return state;
}

static void *floor_8g(const bench_group_t *group) { return floor_new(group, 8 * GIB); }
static void *floor_4g(const bench_group_t *group) { return floor_new(group, 4 * GIB); }

static uint8_t *floor_create(const floor_t *state) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  uint8_t *base = mmap(NULL, state->reservation, PROT_NONE, flags, -1, 0);
  if (base == MAP_FAILED || mprotect(base, WASM_PAGE, PROT_READ | PROT_WRITE) != 0) {
    return NULL;
  }
  return base;
}

static uint64_t floor_run(void *argument, uint64_t times) {
  const floor_t *state = argument;
  uint64_t started = bench_now();
  for (uint64_t i = 0; i < times; i++) {
    uint8_t *base = floor_create(state);
    bench_touch(base, WASM_PAGE, state->pages);
    munmap(base, state->reservation);
  }
  return bench_now() - started;
}

static bool floor_check(void *argument) {
  const floor_t *state = argument;
  uint8_t *base = floor_create(state);
  bool right = base != NULL && bench_all_are(base, WASM_PAGE, 0);
  return right && munmap(base, state->reservation) == 0;
}

/* ---- this library ---- */

typedef struct ours_t {
  wasm_memory_allocator_t *allocator;
  uint64_t pages;
  bool give_base_out;
  bool cold;
} ours_t;

static void *ours_new(const bench_group_t *group, const library_settings_t *settings,
                      bool give_base_out, bool cold) {
  ours_t *state = bench_allocate(sizeof *state);
  *state = (ours_t){.allocator = library_allocator(settings),
                    .pages = group->argument,
                    .give_base_out = give_base_out || group->argument > 0,
                    .cold = cold};
  return state->allocator != NULL ? state : bench_failed("no allocator");
}

static void *ours_cold(const bench_group_t *group) {
  return ours_new(group, &(library_settings_t){0}, false, true);
}

static void *ours_prefault(const bench_group_t *group) {
  return ours_new(group, &(library_settings_t){.prefault = true}, false, true);
}

static void *ours_warm(const bench_group_t *group) {
  return ours_new(group, &(library_settings_t){0}, false, false);
}

static void *ours_given_out(const bench_group_t *group) {
  return ours_new(group, &(library_settings_t){0}, true, false);
}

static void *ours_pool(const bench_group_t *group) {
  library_settings_t settings = {.slots = 16, .slot_bytes = 16 * MIB};
  return ours_new(group, &settings, true, false);
}

static void ours_once(const ours_t *state) {
  wasm_memory_t *memory = library_memory(state->allocator, 1, 0, NULL);
  if (state->give_base_out) {
    uint8_t *base = ours.data(memory);
    bench_touch(base, WASM_PAGE, state->pages);
  }
  ours.delete(memory);
}

static uint64_t ours_run(void *argument, uint64_t times) {
  const ours_t *state = argument;
  if (state->cold) {
    uint64_t started = bench_now();
    for (uint64_t i = 0; i < times; i++) {
      ours_once(state);
      ours.allocator_trim(state->allocator); /* so that the next finds nothing to reuse; counts as its cost */
    }
    return bench_now() - started;
  }
  ours_once(state);
  uint64_t started = bench_now();
  for (uint64_t i = 0; i < times; i++) {
    ours_once(state);
  }
  return bench_now() - started;
}

/* Each of these memories is written to all over, and the next is zero all the same. */
static bool ours_check(void *argument) {
  const ours_t *state = argument;
  bool right = true;
  for (int i = 0; i < 3 && right; i++) {
    wasm_memory_t *memory = library_memory(state->allocator, 1, 0, NULL);
    right = memory != NULL && ours.byte_length(memory) == WASM_PAGE &&
            bench_all_are(ours.data(memory), WASM_PAGE, 0);
    if (right) {
      memset(ours.data(memory), 1, WASM_PAGE);
    }
    ours.delete(memory);
    if (state->cold) {
      ours.allocator_trim(state->allocator);
    }
  }
  return right;
}

static void ours_finish(void *argument) {
  ours_t *state = argument;
  ours.allocator_delete(state->allocator);
  free(state);
}

/* ---- Wasmtime ---- */

typedef struct engine_t {
  wasm_engine_t *engine;
  wasmtime_module_t *module; /* NULL: a memory that the host makes */
  wasm_memorytype_t *type;
  uint64_t pages;
} engine_t;

static void *engine_new(const bench_group_t *group, wasmtime_kind_t kind, bool instance) {
  wasm_engine_t *engine = wasmtime_engine(kind);
  if (engine == NULL) {
    return bench_absent(wasmtime_missing);
  }
  engine_t *state = bench_allocate(sizeof *state);
  *state = (engine_t){.engine = engine, .pages = group->argument};
  state->type = wasmtime_memory_type(1, 0, false);
  if (instance) {
    state->module = wasmtime_compile_image(engine, 1, 0);
  }
  return state;
}

static void *engine_memory(const bench_group_t *group) {
  return engine_new(group, WASMTIME_ON_DEMAND, false);
}
static void *engine_on_demand(const bench_group_t *group) {
  return engine_new(group, WASMTIME_ON_DEMAND, true);
}
static void *engine_pooling(const bench_group_t *group) {
  return engine_new(group, WASMTIME_POOLING, true);
}
static void *engine_keep(const bench_group_t *group) {
  return engine_new(group, WASMTIME_POOLING_KEEP, true);
}

static bool engine_create(const engine_t *state, wasmtime_guest_t *guest) {
  if (state->module != NULL) {
    return wasmtime_guest_new(state->engine, state->module, guest);
  }
  guest->store = wasmtime.wasmtime_store_new(state->engine, NULL, NULL);
  guest->context = wasmtime.wasmtime_store_context(guest->store);
  return wasmtime.wasmtime_memory_new(guest->context, state->type, &guest->memory) == NULL;
}

static void engine_once(const engine_t *state) {
  wasmtime_guest_t guest;
  if (!engine_create(state, &guest)) {
    abort(); /* it worked when it was checked */
  }
  uint8_t *base = wasmtime.wasmtime_memory_data(guest.context, &guest.memory);
  bench_touch(base, WASM_PAGE, state->pages);
  wasmtime_guest_delete(&guest);
}

static uint64_t engine_run(void *argument, uint64_t times) {
  const engine_t *state = argument;
  engine_once(state);
  uint64_t started = bench_now();
  for (uint64_t i = 0; i < times; i++) {
    engine_once(state);
  }
  return bench_now() - started;
}

static bool engine_check(void *argument) {
  const engine_t *state = argument;
  bool right = true;
  for (int i = 0; i < 3 && right; i++) {
    wasmtime_guest_t guest;
    if (!engine_create(state, &guest)) {
      return false;
    }
    uint8_t *base = wasmtime.wasmtime_memory_data(guest.context, &guest.memory);
    right = bench_all_are(base, WASM_PAGE, 0);
    memset(base, 1, WASM_PAGE);
    wasmtime_guest_delete(&guest);
  }
  return right;
}

static void engine_finish(void *argument) {
  engine_t *state = argument;
  if (state->module != NULL) {
    wasmtime.wasmtime_module_delete(state->module);
  }
  wasmtime.wasm_memorytype_delete(state->type);
  free(state);
}

/* ---- wasm2c ---- */

static void *wasm2c_new(const bench_group_t *group) {
  return wasm2c_load() ? floor_new(group, 0) : bench_absent(wasm2c_missing);
}

static uint64_t wasm2c_run(void *argument, uint64_t times) {
  const floor_t *state = argument;
  uint64_t started = bench_now();
  for (uint64_t i = 0; i < times; i++) {
    wasm2c_memory_t memory;
    wasm2c.allocate(&memory, 1, 65536);
    bench_touch(memory.data, WASM_PAGE, state->pages);
    wasm2c_delete(&memory);
  }
  return bench_now() - started;
}

static bool wasm2c_check(void *argument) {
  (void)argument;
  wasm2c_memory_t memory;
  wasm2c.allocate(&memory, 1, 65536);
  bool right = bench_all_are(memory.data, WASM_PAGE, 0);
  wasm2c_delete(&memory);
  return right;
}

#define FLOOR floor_run, floor_check, free
#define OURS ours_run, ours_check, ours_finish
#define ENGINE engine_run, engine_check, engine_finish
static const bench_case_t cases[] = {
    {"floor", "floor", "mmap 8 GiB + 64 KiB, mprotect, munmap", floor_8g, FLOOR},
    {"floor-4g", "floor", "the same with 4 GiB + 64 KiB", floor_4g, FLOOR},
    {"ours-cold", "ours", "new, delete; nothing to reuse", ours_cold, OURS},
    {"ours-prefault", "ours", "the same with prefault", ours_prefault, OURS},
    {"ours-warm", "ours", "new, delete; reservation reused", ours_warm, OURS},
    {"ours-given-out", "ours", "the same, data() called", ours_given_out, OURS},
    {"ours-pool", "ours", "new, data, delete in a pool", ours_pool, OURS},
    {"wasmtime-memory", "wasmtime", "store and memory", engine_memory, ENGINE},
    {"wasmtime-instance", "wasmtime", "instance on demand", engine_on_demand, ENGINE},
    {"wasmtime-pooling", "wasmtime", "instance, pooling", engine_pooling, ENGINE},
    {"wasmtime-keep", "wasmtime", "instance, pooling, keep 1 MiB", engine_keep, ENGINE},
    {"wasm2c", "wasm2c", "allocate, unmap all", wasm2c_new, wasm2c_run, wasm2c_check, free},
};

const bench_group_t create_groups[] = {
    {"create-0", "Create and delete, nothing touched", 0, 1, cases, BENCH_COUNT(cases)},
    {"create-1", "Create, touch 4 KiB, delete", 1, 1, cases, BENCH_COUNT(cases)},
    {"create-16", "Create, touch 64 KiB, delete", 16, 1, cases, BENCH_COUNT(cases)},
};
const size_t create_group_count = BENCH_COUNT(create_groups);
