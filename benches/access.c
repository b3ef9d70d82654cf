/* What it costs to ask a memory for its base and length, and to read it. The group's argument is the
 * length in bytes; 0 is one page. */
#include <stdlib.h>

#include <wasm_memory_access.h>

#include "bench.h"
#include "families.h"
#include "library.h"
#include "wasmtime.h"

/* ---- getters ---- */

typedef struct access_t {
  const wasm_memory_t *memory;
  wasm_memory_allocator_t *allocator;
  const wasm_memory_view_t *view;
  uint8_t *base;
  uint64_t length;
  wasmtime_guest_t guest;
  wasmtime_module_t *module;
  uint8_t *block;
} access_t;

static void finish(void *argument) {
  access_t *state = argument;
  if (state->memory != NULL) {
    ours.delete((wasm_memory_t *)state->memory);
    ours.allocator_delete(state->allocator);
  }
  if (state->module != NULL) {
    wasmtime_guest_delete(&state->guest);
    wasmtime.wasmtime_module_delete(state->module);
  }
  free(state->block);
  free(state);
}

static uint64_t bytes_of(const bench_group_t *group) {
  if (group->argument == 0) {
    return WASM_PAGE;
  }
  return bench_settings.brief ? MIB : group->argument;
}

static void *ours_new(const bench_group_t *group) {
  access_t *state = bench_allocate(sizeof *state);
  uint64_t bytes = bytes_of(group);
  state->allocator = library_allocator(&(library_settings_t){0});
  state->memory = library_memory(state->allocator, bytes / WASM_PAGE, 0, NULL);
  if (state->memory == NULL) {
    return bench_failed("no memory");
  }
  state->view = ours.view(state->memory);
  state->base = ours.data(state->memory);
  state->length = bytes;
  state->block = bench_allocate(WASM_PAGE);
  for (uint64_t i = 0; i < bytes; i++) {
    state->base[i] = (uint8_t)(i * 7);
  }
  return state;
}

static void *engine_new(const bench_group_t *group) {
  wasm_engine_t *engine = wasmtime_engine(WASMTIME_ON_DEMAND);
  if (engine == NULL) {
    return bench_absent(wasmtime_missing);
  }
  uint64_t bytes = bytes_of(group);
  access_t *state = bench_allocate(sizeof *state);
  state->module = wasmtime_compile_image(engine, bytes / WASM_PAGE, 0);
  if (!wasmtime_guest_new(engine, state->module, &state->guest)) {
    return bench_failed("no instance");
  }
  state->base = wasmtime.wasmtime_memory_data(state->guest.context, &state->guest.memory);
  state->length = bytes;
  for (uint64_t i = 0; i < bytes; i++) {
    state->base[i] = (uint8_t)(i * 7);
  }
  return state;
}

/* The least that a checked getter can be: it tests for NULL and one tag. Called through a pointer
 * that the compiler cannot see through, as a function of a shared library is. */
typedef struct bare_t {
  uint32_t tag;
  uint64_t length;
} bare_t;
static uint64_t __attribute__((noinline)) bare_length(const bare_t *of) {
  if (of == NULL || of->tag != 0x4d454d4f) {
    return 0;
  }
  return of->length;
}
static uint64_t (*volatile bare_function)(const bare_t *) = bare_length;

static void *bare_new(const bench_group_t *group) {
  (void)group;
  access_t *state = bench_allocate(sizeof *state);
  state->block = bench_allocate(sizeof(bare_t));
  *(bare_t *)(void *)state->block = (bare_t){.tag = 0x4d454d4f, .length = WASM_PAGE};
  return state;
}

/* The sum makes each call one whose result is needed. */
#define GETTER(name, prologue, expression, expected)                                               \
  static uint64_t name##_run(void *argument, uint64_t times) {                                     \
    const access_t *state = argument;                                                              \
    prologue;                                                                                      \
    uint64_t started = bench_now();                                                                \
    for (uint64_t i = 0; i < times; i++) {                                                         \
      bench_use((uint64_t)(expression));                                                           \
    }                                                                                              \
    return bench_now() - started;                                                                  \
  }                                                                                                \
  static bool name##_check(void *argument) {                                                       \
    const access_t *state = argument;                                                              \
    prologue;                                                                                      \
    return (uint64_t)(expression) == (uint64_t)(expected);                                         \
  }

GETTER(bare, uint64_t (*function)(const bare_t *) = bare_function,
       function((const bare_t *)(const void *)state->block), WASM_PAGE)
GETTER(inlined, const wasm_memory_view_t *view = state->view, view->byte_length, WASM_PAGE)
GETTER(data, __typeof__(ours.data) function = ours.data, (uintptr_t)function(state->memory),
       (uintptr_t)state->base)
GETTER(size, __typeof__(ours.size) function = ours.size, function(state->memory), 1)
GETTER(length, __typeof__(ours.byte_length) function = ours.byte_length, function(state->memory),
       WASM_PAGE)
GETTER(their_data, __typeof__(wasmtime.wasmtime_memory_data) function =
                       wasmtime.wasmtime_memory_data,
       (uintptr_t)function(state->guest.context, &state->guest.memory), (uintptr_t)state->base)
GETTER(their_size, __typeof__(wasmtime.wasmtime_memory_size) function =
                       wasmtime.wasmtime_memory_size,
       function(state->guest.context, &state->guest.memory), 1)
GETTER(their_length, __typeof__(wasmtime.wasmtime_memory_data_size) function =
                         wasmtime.wasmtime_memory_data_size,
       function(state->guest.context, &state->guest.memory), WASM_PAGE)

static const bench_case_t getters[] = {
    {"floor", "floor", "call that tests NULL and a tag", bare_new, bare_run, bare_check, finish},
    {"ours-view", "ours", "the view, inlined", ours_new, inlined_run, inlined_check, finish},
    {"ours-data", "ours", "data()", ours_new, data_run, data_check, finish},
    {"ours-size", "ours", "size()", ours_new, size_run, size_check, finish},
    {"ours-length", "ours", "byte_length()", ours_new, length_run, length_check, finish},
    {"wasmtime-data", "wasmtime", "memory_data()", engine_new, their_data_run, their_data_check,
     finish},
    {"wasmtime-size", "wasmtime", "memory_size()", engine_new, their_size_run, their_size_check,
     finish},
    {"wasmtime-length", "wasmtime", "memory_data_size()", engine_new, their_length_run,
     their_length_check, finish},
};

/* ---- the sum of all 32-bit words ---- */

static uint64_t raw_sum(const uint8_t *bytes, uint64_t length) {
  const volatile uint32_t *words = (const volatile uint32_t *)(const void *)bytes;
  uint64_t sum = 0;
  for (uint64_t i = 0; i < length / 4; i++) {
    sum += words[i];
  }
  return sum;
}

static uint64_t sum_raw(const access_t *state) { return raw_sum(state->base, state->length); }

static uint64_t sum_inline(const access_t *state) {
  uint64_t sum = 0;
  for (uint64_t index = 0; index < state->length; index += 4) {
    uint32_t word;
    if (!wasm_memory_load_i32(state->view, index, 0, &word)) {
      return 0;
    }
    sum += word;
    bench_use(0); /* a guest's other accesses lie between two loads */
  }
  return sum;
}

static uint64_t sum_getters(const access_t *state) {
  __typeof__(ours.data) data = ours.data;
  __typeof__(ours.byte_length) length = ours.byte_length;
  uint64_t sum = 0;
  for (uint64_t index = 0; index < state->length; index += 4) {
    if (index + 4 > length(state->memory)) {
      return 0;
    }
    sum += *(const uint32_t *)(const void *)(data(state->memory) + index);
  }
  return sum;
}

static uint64_t sum_read(const access_t *state) {
  __typeof__(ours.read) read = ours.read;
  uint64_t sum = 0;
  for (uint64_t index = 0; index < state->length; index += 4) {
    uint32_t word;
    if (read(state->memory, index, &word, sizeof word) != WASM_MEMORY_OK) {
      return 0;
    }
    sum += word;
  }
  return sum;
}

static uint64_t sum_blocks(const access_t *state, uint64_t block) {
  uint64_t sum = 0;
  for (uint64_t index = 0; index < state->length; index += block) {
    if (ours.read(state->memory, index, state->block, block) != WASM_MEMORY_OK) {
      return 0;
    }
    sum += raw_sum(state->block, block);
  }
  return sum;
}
static uint64_t sum_4k(const access_t *state) { return sum_blocks(state, 4 * KIB); }
static uint64_t sum_64k(const access_t *state) { return sum_blocks(state, 64 * KIB); }

/* The same by whoever knows that the block is in bounds. */
static uint64_t sum_copied(const access_t *state, uint64_t block) {
  static void *(*volatile copy)(void *, const void *, size_t) = memcpy;
  uint64_t sum = 0;
  for (uint64_t index = 0; index < state->length; index += block) {
    copy(state->block, state->base + index, block);
    sum += raw_sum(state->block, block);
  }
  return sum;
}
static uint64_t copied_4k(const access_t *state) { return sum_copied(state, 4 * KIB); }
static uint64_t copied_64k(const access_t *state) { return sum_copied(state, 64 * KIB); }

static uint64_t sum_theirs(const access_t *state) {
  uint64_t sum = 0;
  for (uint64_t index = 0; index < state->length; index += 4) {
    const wasmtime_guest_t *guest = &state->guest;
    if (index + 4 > wasmtime.wasmtime_memory_data_size(guest->context, &guest->memory)) {
      return 0;
    }
    const uint8_t *base = wasmtime.wasmtime_memory_data(guest->context, &guest->memory);
    sum += *(const uint32_t *)(const void *)(base + index);
  }
  return sum;
}

#define SUM(name)                                                                                  \
  static uint64_t name##_run(void *argument, uint64_t times) {                                     \
    uint64_t started = bench_now();                                                                \
    for (uint64_t i = 0; i < times; i++) {                                                         \
      bench_use(name(argument));                                                                   \
    }                                                                                              \
    return bench_now() - started;                                                                  \
  }                                                                                                \
  static bool name##_check(void *argument) {                                                       \
    const access_t *state = argument;                                                              \
    return name(state) == raw_sum(state->base, state->length);                                     \
  }
SUM(sum_raw)
SUM(sum_inline)
SUM(sum_getters)
SUM(sum_read)
SUM(sum_4k)
SUM(sum_64k)
SUM(copied_4k)
SUM(copied_64k)
SUM(sum_theirs)

#define OURS(name) ours_new, name##_run, name##_check, finish
static const bench_case_t sums[] = {
    {"floor", "floor", "raw pointer", OURS(sum_raw)},
    {"floor-4k", "floor", "memcpy of blocks of 4 KiB", OURS(copied_4k)},
    {"floor-64k", "floor", "memcpy of blocks of 64 KiB", OURS(copied_64k)},
    {"ours-load", "ours", "load_i32 of the header, inlined", OURS(sum_inline)},
    {"ours-getters", "ours", "data() and byte_length() for each", OURS(sum_getters)},
    {"ours-read", "ours", "read() of 4 bytes for each", OURS(sum_read)},
    {"ours-read-4k", "ours", "read() in blocks of 4 KiB", OURS(sum_4k)},
    {"ours-read-64k", "ours", "read() in blocks of 64 KiB", OURS(sum_64k)},
    {"wasmtime", "wasmtime", "data and data_size for each", engine_new, sum_theirs_run,
     sum_theirs_check, finish},
};

const bench_group_t access_groups[] = {
    {"getters", "Asking a memory for a field", 0, 1, getters, BENCH_COUNT(getters)},
    {"loads", "Sum of 64 MiB, each 32-bit load", 64 * MIB, 16 * MIB, sums, BENCH_COUNT(sums)},
};
const size_t access_group_count = BENCH_COUNT(access_groups);
