/* A memory that starts from an image: made, written to, and given back. The group's argument is the
 * size of the image in MiB, and the number of host pages that are written. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "families.h"
#include "library.h"
#include "wasmtime.h"

#define IMAGE(mib, written) ((uint64_t)(mib) << 32 | (written))

typedef struct image_t {
  uint64_t length;
  uint64_t written;
  /* Makes one ready to be written to; NULL when it cannot. */
  uint8_t *(*open)(struct image_t *state);
  void (*close)(struct image_t *state);
  /* the floor */
  int file;
  uint8_t *base;
  uint8_t *bytes;
  /* this library */
  wasm_memory_allocator_t *allocator;
  wasm_memory_image_t *image;
  wasm_memory_t *memory;
  /* Wasmtime */
  wasm_engine_t *engine;
  wasmtime_module_t *module;
  wasmtime_guest_t guest;
} image_t;

static image_t *image_new(const bench_group_t *group, uint8_t *(*open)(image_t *),
                          void (*close)(image_t *)) {
  image_t *state = bench_allocate(sizeof *state);
  *state = (image_t){.length = (group->argument >> 32) * MIB,
                     .written = (uint32_t)group->argument,
                     .open = open,
                     .close = close,
                     .file = -1};
  state->bytes = bench_allocate(state->length);
  memset(state->bytes, 'a', state->length);
  return state;
}

static void finish(void *argument) {
  image_t *state = argument;
  if (state->base != NULL) {
    munmap(state->base, state->length);
  }
  if (state->file >= 0) {
    close(state->file);
  }
  if (state->memory != NULL) {
    ours.delete(state->memory);
  }
  if (state->image != NULL) {
    ours.image_delete(state->image);
  }
  if (state->allocator != NULL) {
    ours.allocator_delete(state->allocator);
  }
  if (state->module != NULL) {
    wasmtime.wasmtime_module_delete(state->module);
  }
  free(state->bytes);
  free(state);
}

static void once(image_t *state) {
  uint8_t *base = state->open(state);
  bench_touch(base, state->length, state->written);
  state->close(state);
}

static uint64_t run(void *argument, uint64_t times) {
  image_t *state = argument;
  once(state);
  uint64_t started = bench_now();
  for (uint64_t i = 0; i < times; i++) {
    once(state);
  }
  return bench_now() - started;
}

/* Each one starts with the image, whatever the one before wrote; a plain memory with zeros. */
static bool check_for(image_t *state, uint8_t value) {
  bool right = true;
  for (int i = 0; i < 3 && right; i++) {
    uint8_t *base = state->open(state);
    right = base != NULL && bench_all_are(base, state->length, value);
    if (right) {
      bench_touch(base, state->length, state->written);
      /* Reading mapped every page, and what is measured does not read. */
      madvise(base, state->length, MADV_DONTNEED);
    }
    state->close(state);
  }
  return right;
}
static bool check(void *argument) { return check_for(argument, 'a'); }
static bool check_zero(void *argument) { return check_for(argument, 0); }

/* ---- the floor ---- */

static uint8_t *map_file(image_t *state) {
  uint8_t *base =
      mmap(NULL, state->length, PROT_READ | PROT_WRITE, MAP_PRIVATE, state->file, 0);
  state->base = base == MAP_FAILED ? NULL : base;
  return state->base;
}
static void unmap(image_t *state) {
  munmap(state->base, state->length);
  state->base = NULL;
}
static uint8_t *stay(image_t *state) { return state->base; }
static void dontneed(image_t *state) { madvise(state->base, state->length, MADV_DONTNEED); }
static uint8_t *copy_all(image_t *state) {
  memcpy(state->base, state->bytes, state->length);
  return state->base;
}
static void leave(image_t *state) { (void)state; }
/* For whoever knows which pages were written. */
static void clear(image_t *state) {
  for (uint64_t page = 0; page < state->written; page++) {
    uint64_t stride = state->length / state->written / HOST_PAGE * HOST_PAGE;
    memset(state->base + page * stride, 0, HOST_PAGE);
  }
}

static image_t *with_file(const bench_group_t *group, uint8_t *(*open)(image_t *),
                          void (*close)(image_t *)) {
  image_t *state = image_new(group, open, close);
  state->file = memfd_create("bench", MFD_CLOEXEC);
  if (state->file < 0 || write(state->file, state->bytes, state->length) != (ssize_t)state->length) {
    return bench_failed("no memfd");
  }
  return state;
}
static image_t *anonymous(const bench_group_t *group, uint8_t *(*open)(image_t *),
                          void (*close)(image_t *)) {
  image_t *state = image_new(group, open, close);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  uint8_t *base = mmap(NULL, state->length, PROT_READ | PROT_WRITE, flags, -1, 0);
  state->base = base == MAP_FAILED ? NULL : base;
  return state;
}

static void *floor_map(const bench_group_t *group) { return with_file(group, map_file, unmap); }
static void *floor_dontneed(const bench_group_t *group) {
  image_t *state = with_file(group, stay, dontneed);
  return state != NULL && map_file(state) != NULL ? state : NULL;
}
static void *floor_copy(const bench_group_t *group) { return anonymous(group, copy_all, leave); }
static void *floor_plain_dontneed(const bench_group_t *group) {
  return anonymous(group, stay, dontneed);
}
static void *floor_plain_memset(const bench_group_t *group) {
  return anonymous(group, stay, clear);
}

/* ---- this library ---- */

static uint8_t *ours_open(image_t *state) {
  state->memory = library_memory(state->allocator, state->length / WASM_PAGE, 0, state->image);
  return state->memory == NULL ? NULL : ours.data(state->memory);
}
static void ours_close(image_t *state) {
  ours.delete(state->memory);
  state->memory = NULL;
}
static uint8_t *ours_stay(image_t *state) { return ours.data(state->memory); }
static void ours_reset(image_t *state) { ours.reset(state->memory, state->image); }

static void *ours_with(const bench_group_t *group, const library_settings_t *settings,
                       bool in_place) {
  image_t *state = image_new(group, in_place ? ours_stay : ours_open,
                             in_place ? ours_reset : ours_close);
  state->allocator = library_allocator(settings);
  if (ours.image_new(state->bytes, state->length, 0, &state->image) != WASM_MEMORY_OK) {
    return bench_failed("no image");
  }
  if (in_place && ours_open(state) == NULL) {
    return bench_failed("no memory");
  }
  return state;
}

static void *ours_alone(const bench_group_t *group) {
  return ours_with(group, &(library_settings_t){0}, false);
}
static void *ours_pool(const bench_group_t *group) {
  return ours_with(group, &(library_settings_t){.slots = 16, .slot_bytes = 16 * MIB}, false);
}
static void *ours_pool_drop(const bench_group_t *group) {
  library_settings_t settings = {.slots = 16, .slot_bytes = 16 * MIB, .keep_is_set = true};
  return ours_with(group, &settings, false);
}
static void *ours_in_place(const bench_group_t *group) {
  return ours_with(group, &(library_settings_t){0}, true);
}

/* ---- Wasmtime ---- */

static uint8_t *engine_open(image_t *state) {
  if (!wasmtime_guest_new(state->engine, state->module, &state->guest)) {
    return NULL;
  }
  return wasmtime.wasmtime_memory_data(state->guest.context, &state->guest.memory);
}
static void engine_close(image_t *state) { wasmtime_guest_delete(&state->guest); }

static void *engine_new(const bench_group_t *group, wasmtime_kind_t kind) {
  wasm_engine_t *engine = wasmtime_engine(kind);
  if (engine == NULL) {
    return bench_absent(wasmtime_missing);
  }
  image_t *state = image_new(group, engine_open, engine_close);
  state->engine = engine;
  state->module =
      wasmtime_compile_image(engine, state->length / WASM_PAGE, state->length);
  return state->module != NULL ? state : bench_failed("the module does not compile");
}
static void *engine_on_demand(const bench_group_t *group) {
  return engine_new(group, WASMTIME_ON_DEMAND);
}
static void *engine_no_cow(const bench_group_t *group) {
  return engine_new(group, WASMTIME_NO_COW);
}
static void *engine_pooling(const bench_group_t *group) {
  return engine_new(group, WASMTIME_POOLING);
}
static void *engine_keep(const bench_group_t *group) {
  return engine_new(group, WASMTIME_POOLING_KEEP);
}

#define RUN run, check, finish
#define OURS_AND_PEERS                                                                             \
  {"ours", "ours", "new_in from the image, delete", ours_alone, RUN},                              \
      {"ours-pool", "ours", "the same in a pool", ours_pool, RUN},                                 \
      {"ours-pool-drop", "ours", "in a pool, nothing kept resident", ours_pool_drop, RUN},         \
      {"ours-reset", "ours", "reset to the image", ours_in_place, RUN},                            \
      {"wasmtime", "wasmtime", "instance on demand", engine_on_demand, RUN},                       \
      {"wasmtime-pooling", "wasmtime", "instance, pooling", engine_pooling, RUN},                  \
      {"wasmtime-keep", "wasmtime", "instance, pooling, keep 1 MiB", engine_keep, RUN},            \
      {"wasmtime-no-cow", "wasmtime", "instance, data copied", engine_no_cow, RUN}

static const bench_case_t cases[] = {
    {"floor", "floor", "map a memfd, unmap", floor_map, RUN},
    {"floor-slot", "floor", "mapped slot, MADV_DONTNEED", floor_dontneed, RUN},
    {"floor-copy", "floor", "memcpy into warm pages", floor_copy, RUN},
    OURS_AND_PEERS,
};
static const bench_case_t reuse_cases[] = {
    {"floor", "floor", "plain slot, MADV_DONTNEED", floor_plain_dontneed, run, check_zero, finish},
    {"floor-memset", "floor", "plain slot, memset of what was touched", floor_plain_memset, run,
     check_zero, finish},
    OURS_AND_PEERS,
};

#define CASES 1, cases, BENCH_COUNT(cases)
#define REUSE 1, reuse_cases, BENCH_COUNT(reuse_cases)
const bench_group_t image_groups[] = {
    {"image-0", "Image of 1 MiB, nothing written", IMAGE(1, 0), CASES},
    {"image-1", "Image of 1 MiB, 1 page written", IMAGE(1, 1), CASES},
    {"image-16", "Image of 1 MiB, 16 pages written", IMAGE(1, 16), CASES},
    {"image-256", "Image of 1 MiB, all written", IMAGE(1, 256), CASES},
    {"reuse-1", "Image of 16 MiB, 1 page written", IMAGE(16, 1), REUSE},
    {"reuse-16", "Image of 16 MiB, 16 pages written", IMAGE(16, 16), REUSE},
    {"reuse-256", "Image of 16 MiB, 256 pages written", IMAGE(16, 256), REUSE},
};
const size_t image_group_count = BENCH_COUNT(image_groups);
