/* Filling and copying. The group's argument is the number of bytes. */
#include <stdlib.h>

#include "bench.h"
#include "families.h"
#include "library.h"
#include "wasmtime.h"

typedef struct bulk_t {
  uint64_t length;
  uint8_t *base; /* of 4 MiB */
  wasm_memory_allocator_t *allocator;
  wasm_memory_t *memory;
  wasmtime_module_t *module;
  wasmtime_guest_t guest;
} bulk_t;

enum { FROM = 2 << 20 }; /* where a copy takes its bytes from */

static void finish(void *argument) {
  bulk_t *state = argument;
  if (state->memory != NULL) {
    ours.delete(state->memory);
    ours.allocator_delete(state->allocator);
  }
  if (state->module != NULL) {
    wasmtime_guest_delete(&state->guest);
    wasmtime.wasmtime_module_delete(state->module);
  }
  free(state);
}

/* The floor works in a memory of this library too: only the way to it differs. */
static void *ours_new(const bench_group_t *group) {
  bulk_t *state = bench_allocate(sizeof *state);
  state->length = group->argument;
  state->allocator = library_allocator(&(library_settings_t){0});
  state->memory = library_memory(state->allocator, 64, 0, NULL);
  if (state->memory == NULL) {
    return bench_failed("no memory");
  }
  state->base = ours.data(state->memory);
  memset(state->base, 1, 4 * MIB);
  return state;
}

static void *engine_new(const bench_group_t *group) {
  wasm_engine_t *engine = wasmtime_engine(WASMTIME_ON_DEMAND);
  if (engine == NULL) {
    return bench_absent(wasmtime_missing);
  }
  bulk_t *state = bench_allocate(sizeof *state);
  state->length = group->argument;
  state->module = wasmtime_compile_image(engine, 64, 0);
  if (!wasmtime_guest_new(engine, state->module, &state->guest)) {
    return bench_failed("no instance");
  }
  state->base = wasmtime.wasmtime_memory_data(state->guest.context, &state->guest.memory);
  memset(state->base, 1, 4 * MIB);
  return state;
}

/* Through pointers, so that the compiler makes calls of them as it does of the library's. */
static void *(*volatile set)(void *, int, size_t) = memset;
static void *(*volatile move)(void *, const void *, size_t) = memmove;

static bool fill_floor(bulk_t *state, uint8_t value) {
  set(state->base, value, state->length);
  return true;
}
static bool fill_ours(bulk_t *state, uint8_t value) {
  return ours.bulk_fill(state->memory, 0, value, state->length) == WASM_MEMORY_OK;
}
static bool fill_theirs(bulk_t *state, uint8_t value) {
  const wasmtime_guest_t *guest = &state->guest;
  size_t size = wasmtime.wasmtime_memory_data_size(guest->context, &guest->memory);
  uint8_t *base = wasmtime.wasmtime_memory_data(guest->context, &guest->memory);
  if (state->length > size) {
    return false;
  }
  set(base, value, state->length);
  return true;
}

static bool copy_floor(bulk_t *state, uint8_t value) {
  (void)value;
  move(state->base, state->base + FROM, state->length);
  return true;
}
static bool copy_ours(bulk_t *state, uint8_t value) {
  (void)value;
  return ours.bulk_copy(state->memory, 0, state->memory, FROM, state->length) == WASM_MEMORY_OK;
}
static bool copy_theirs(bulk_t *state, uint8_t value) {
  (void)value;
  const wasmtime_guest_t *guest = &state->guest;
  size_t size = wasmtime.wasmtime_memory_data_size(guest->context, &guest->memory);
  uint8_t *base = wasmtime.wasmtime_memory_data(guest->context, &guest->memory);
  if (FROM + state->length > size) {
    return false;
  }
  move(base, base + FROM, state->length);
  return true;
}

#define OPERATION(name)                                                                            \
  static uint64_t name##_run(void *argument, uint64_t times) {                                     \
    bulk_t *state = argument;                                                                      \
    bool done = true;                                                                              \
    uint64_t started = bench_now();                                                                \
    for (uint64_t i = 0; i < times; i++) {                                                         \
      done &= name(state, 7);                                                                      \
    }                                                                                              \
    uint64_t elapsed = bench_now() - started;                                                      \
    bench_use(done);                                                                               \
    return elapsed;                                                                                \
  }                                                                                                \
  static bool name##_check(void *argument) {                                                       \
    bulk_t *state = argument;                                                                      \
    memset(state->base, 1, state->length + 1);                                                     \
    memset(state->base + FROM, 9, state->length);                                                  \
    return name(state, 9) && bench_all_are(state->base, state->length, 9) &&                       \
           state->base[state->length] == 1;                                                        \
  }
OPERATION(fill_floor)
OPERATION(fill_ours)
OPERATION(fill_theirs)
OPERATION(copy_floor)
OPERATION(copy_ours)
OPERATION(copy_theirs)

#define RUN(name) name##_run, name##_check, finish
static const bench_case_t fills[] = {
    {"floor", "floor", "memset", ours_new, RUN(fill_floor)},
    {"ours", "ours", "bulk_fill", ours_new, RUN(fill_ours)},
    {"wasmtime", "wasmtime", "data, data_size, memset", engine_new, RUN(fill_theirs)},
};
static const bench_case_t copies[] = {
    {"floor", "floor", "memmove", ours_new, RUN(copy_floor)},
    {"ours", "ours", "bulk_copy", ours_new, RUN(copy_ours)},
    {"wasmtime", "wasmtime", "data, data_size, memmove", engine_new, RUN(copy_theirs)},
};

#define FILL 1, fills, BENCH_COUNT(fills)
#define COPY 1, copies, BENCH_COUNT(copies)
const bench_group_t bulk_groups[] = {
    {"fill-16", "Fill 16 bytes", 16, FILL},
    {"fill-4k", "Fill 4 KiB", 4 * KIB, FILL},
    {"fill-64k", "Fill 64 KiB", 64 * KIB, FILL},
    {"fill-1m", "Fill 1 MiB", MIB, FILL},
    {"copy-16", "Copy 16 bytes", 16, COPY},
    {"copy-4k", "Copy 4 KiB", 4 * KIB, COPY},
    {"copy-64k", "Copy 64 KiB", 64 * KIB, COPY},
    {"copy-1m", "Copy 1 MiB", MIB, COPY},
};
const size_t bulk_group_count = BENCH_COUNT(bulk_groups);
