/* MDN's example of WebAssembly.Memory in Wasmtime, on memories made by this library.
 *
 * Each line that starts with "ok" was checked; one that starts with "FAILED" makes the exit code 1.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wasm_memory.h>
#include <wasm_memory_wasmtime.h>

#include "engine.h"

/* A memory made by the host (`wasmtime_memory_new`) does not pass through the creator, whatever the
 * engine's documentation says. One defined by a module does, so a module provides it. */
static const char provider_wat[] = "(module (memory (export \"mem\") 10 100)"
                                   "  (data (i32.const 0x10000) \"a data segment\"))";

static const char accumulate_wat[] =
    "(module"
    "  (import \"js\" \"mem\" (memory 1))"
    "  (func (export \"accumulate\") (param $at i32) (param $count i32) (result i32)"
    "    (local $end i32) (local $sum i32)"
    "    (local.set $end (i32.add (local.get $at) (i32.mul (local.get $count) (i32.const 4))))"
    "    (block $done"
    "      (loop $next"
    "        (br_if $done (i32.eq (local.get $at) (local.get $end)))"
    "        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))"
    "        (local.set $at (i32.add (local.get $at) (i32.const 4)))"
    "        (br $next)))"
    "    (local.get $sum))"
    "  (func (export \"size\") (result i32) (memory.size))"
    "  (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"
    "  (func (export \"load\") (param i32) (result i32) (i32.load (local.get 0)))"
    "  (func (export \"store\") (param i32) (result i32)"
    "    (i32.store (local.get 0) (i32.const -1)) (i32.const 0))"
    "  (func (export \"load offset=0x1fffff0\") (param i32) (result i32)"
    "    (i32.load offset=0x1fffff0 (local.get 0)))"
    "  (func (export \"load offset=0xffffffff\") (param i32) (result i32)"
    "    (i32.load offset=0xffffffff (local.get 0)))"
    "  (func (export \"fill 16 bytes\") (param i32) (result i32)"
    "    (memory.fill (local.get 0) (i32.const 0xee) (i32.const 16)) (i32.const 0)))";

static int failures;

static void check(bool ok, const char *what) {
  printf("%s  %s\n", ok ? "ok    " : "FAILED", what);
  failures += !ok;
}

/* For what the rest cannot go on without. */
static void require(bool ok, const char *what) {
  if (!ok) {
    printf("FAILED  %s\n", what);
    exit(1);
  }
}

/* ---- the engine ---- */

static engine_t engine;
static wasm_memory_wasmtime_t creator_engine; /* the functions that the adapter calls */

static bool engine_load(const char *path) {
  /* Never closed: the engine keeps signal handlers for the rest of the process. */
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "wasmtime-demo: %s\n", dlerror());
    return false;
  }
  /* memcpy, for ISO C has no cast from an object pointer to a function pointer. */
#define ENGINE_LOAD(result, name, parameters)                                                      \
  do {                                                                                             \
    void *symbol = dlsym(library, #name);                                                          \
    if (symbol == NULL) {                                                                          \
      fprintf(stderr, "wasmtime-demo: %s\n", dlerror());                                           \
      return false;                                                                                \
    }                                                                                              \
    memcpy(&engine.name, &symbol, sizeof symbol);                                                  \
  } while (0);
  ENGINE_FUNCTIONS(ENGINE_LOAD)
#undef ENGINE_LOAD
  if (!wasm_memory_wasmtime_load(&creator_engine, dlsym, library)) {
    fprintf(stderr, "wasmtime-demo: the engine lacks a function of the adapter\n");
    return false;
  }
  return true;
}

typedef char text_t[512];

static void take_text(wasm_byte_vec_t *message, text_t out) {
  snprintf(out, sizeof(text_t), "%.*s", (int)message->size, message->data);
  engine.wasm_byte_vec_delete(message);
}

static void take_error(wasmtime_error_t *error, text_t out) {
  wasm_byte_vec_t message;
  engine.wasmtime_error_message(error, &message);
  engine.wasmtime_error_delete(error);
  take_text(&message, out);
}

static void require_no_error(wasmtime_error_t *error) {
  if (error != NULL) {
    text_t text;
    take_error(error, text);
    require(false, text);
  }
}

typedef struct program_t {
  wasm_engine_t *engine;
  wasmtime_store_t *store;
  wasmtime_context_t *context;
} program_t;

static wasmtime_error_t *instantiate(const program_t *program, const char *wat,
                                     const wasmtime_extern_t *imports, size_t import_count,
                                     wasmtime_instance_t *instance) {
  wasm_byte_vec_t wasm;
  wasmtime_module_t *module;
  wasm_trap_t *trap = NULL;
  require_no_error(engine.wasmtime_wat2wasm(wat, strlen(wat), &wasm));
  require_no_error(engine.wasmtime_module_new(program->engine, (const uint8_t *)wasm.data,
                                              wasm.size, &module));
  engine.wasm_byte_vec_delete(&wasm);
  wasmtime_error_t *error = engine.wasmtime_instance_new(program->context, module, imports,
                                                         import_count, instance, &trap);
  engine.wasmtime_module_delete(module);
  require(trap == NULL, "no module here traps when it is instantiated");
  return error;
}

static wasmtime_extern_t get_export(const program_t *program, const wasmtime_instance_t *instance,
                                    const char *name) {
  wasmtime_extern_t item;
  require(engine.wasmtime_instance_export_get(program->context, instance, name, strlen(name),
                                              &item),
          name);
  return item;
}

/* Gives back the trap, if there was one; then `*result` is not written. */
static wasm_trap_t *try_call(const program_t *program, const wasmtime_instance_t *instance,
                             const char *name, size_t count, const uint32_t *arguments,
                             uint32_t *result) {
  wasmtime_extern_t function = get_export(program, instance, name);
  wasmtime_val_t values[2] = {{.kind = WASMTIME_I32}, {.kind = WASMTIME_I32}};
  wasmtime_val_t returned;
  wasm_trap_t *trap = NULL;
  for (size_t i = 0; i < count; i++) {
    values[i].of.i32 = (int32_t)arguments[i];
  }
  require_no_error(engine.wasmtime_func_call(program->context, &function.of.func, values, count,
                                             &returned, 1, &trap));
  engine.wasmtime_extern_delete(&function);
  if (trap == NULL) {
    *result = (uint32_t)returned.of.i32;
  }
  return trap;
}

static uint32_t call(const program_t *program, const wasmtime_instance_t *instance,
                     const char *name, size_t count, const uint32_t *arguments) {
  uint32_t result = 0;
  wasm_trap_t *trap = try_call(program, instance, name, count, arguments, &result);
  require(trap == NULL, name);
  return result;
}

static uint32_t call1(const program_t *program, const wasmtime_instance_t *instance,
                      const char *name, uint32_t argument) {
  return call(program, instance, name, 1, &argument);
}

/* ---- MDN's program ---- */

static void store_u32(uint8_t *at, uint32_t value) { /* little-endian on every host */
  for (int i = 0; i < 4; i++) {
    at[i] = (uint8_t)(value >> (8 * i));
  }
}

static uint32_t accumulate(const program_t *program, const wasmtime_instance_t *instance) {
  return call(program, instance, "accumulate", 2, (const uint32_t[]){0, 10});
}

static bool all_zero(const uint8_t *bytes, size_t length) {
  return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* The engine and this library agree on a memory of `pages` pages at `base`. */
static bool both_see(const program_t *program, const wasmtime_memory_t *theirs,
                     const wasm_memory_t *ours, const uint8_t *base, uint64_t pages) {
  return engine.wasmtime_memory_size(program->context, theirs) == pages &&
         engine.wasmtime_memory_data_size(program->context, theirs) == pages * 65536 &&
         engine.wasmtime_memory_data(program->context, theirs) == base &&
         wasm_memory_size(ours) == pages && wasm_memory_byte_length(ours) == pages * 65536 &&
         wasm_memory_data(ours) == base;
}

static void check_growth(const program_t *program, const wasmtime_instance_t *instance,
                         const wasmtime_memory_t *theirs, const wasm_memory_t *ours) {
  uint8_t *base = wasm_memory_data(ours);
  uint64_t previous = 0;

  printf("\nGrowth\n");
  check(call1(program, instance, "grow", 5) == 10 && both_see(program, theirs, ours, base, 15),
        "from inside the module: 10 -> 15 pages on both sides, same base");
  check(engine.wasmtime_memory_grow(program->context, theirs, 5, &previous) == NULL &&
            previous == 10 + 5 && both_see(program, theirs, ours, base, 20),
        "from the host: 15 -> 20 pages on both sides, same base");
  check(call(program, instance, "size", 0, NULL) == 20, "the module sees 20 pages");
  check(all_zero(base + 10 * 65536, 10 * 65536) &&
            call1(program, instance, "load", 20 * 65536 - 4) == 0,
        "the new pages are zero");
  check(call1(program, instance, "grow", 81) == UINT32_MAX &&
            both_see(program, theirs, ours, base, 20),
        "past the maximum of 100 pages: -1 inside, nothing changed");
  wasmtime_error_t *error = engine.wasmtime_memory_grow(program->context, theirs, 81, &previous);
  check(error != NULL && both_see(program, theirs, ours, base, 20),
        "past the maximum from the host: an error, nothing changed");
  if (error != NULL) {
    engine.wasmtime_error_delete(error);
  }
  check(accumulate(program, instance) == 45, "the sum is still 45");
}

/* ---- traps ---- */

typedef enum place_t { NO_TRAP, IN_CODE, RESERVED, GUARD, NOT_OURS } place_t;

static const char *const place_names[] = {
    "no trap", "caught in code", "in our reservation", "in our guard", "not where it may be",
};

/* Of a trap of the engine: where it was caught. The engine names the address of a fault, and only
 * of a fault, relative to the base; the library tells what is there, as in a signal handler. */
static place_t place_of(const char *trap_text, const wasm_memory_t *ours) {
  static const char fault_text[] = "memory fault at wasm address 0x";
  const char *fault = strstr(trap_text, fault_text);
  if (fault == NULL) {
    return IN_CODE;
  }
  wasm_memory_location_t location;
  uint64_t at = strtoull(fault + strlen(fault_text), NULL, 16);
  if (!wasm_memory_find(wasm_memory_data(ours) + at, &location) || location.memory != ours ||
      location.offset != (int64_t)at) {
    return NOT_OURS;
  }
  switch (location.zone) {
  case WASM_MEMORY_ZONE_RESERVED:
    return RESERVED;
  case WASM_MEMORY_ZONE_GUARD_AFTER:
    return GUARD;
  default:
    return NOT_OURS;
  }
}

static void check_traps(const program_t *program, const wasmtime_instance_t *instance,
                        const wasm_memory_t *ours) {
  /* Within 4 GiB + 32 MiB the compiled code compares nothing: only page protection can trap. The
   * last two rows are beyond that, and a call into the engine. */
  const uint32_t end = (uint32_t)wasm_memory_byte_length(ours);
  const struct {
    const char *function;
    uint32_t index;
    place_t place;
  } rows[] = {
      {"load", end - 3, RESERVED},
      {"store", end - 3, RESERVED},
      {"load", end, RESERVED},
      {"store", end, RESERVED},
      {"load", 0x7fffffff, RESERVED},
      {"store", 0x7fffffff, RESERVED},
      {"load", 0xffffffff, RESERVED},
      {"store", 0xffffffff, RESERVED},
      {"load offset=0x1fffff0", 0xffffffff, GUARD},
      {"load offset=0xffffffff", 0xffffffff, IN_CODE},
      {"fill 16 bytes", end - 8, IN_CODE},
  };

  printf("\nOut of bounds: each is a trap of the engine, by page protection or by a comparison\n");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    uint32_t result = 0;
    uint8_t code = UINT8_MAX;
    place_t place = NO_TRAP;
    text_t text;
    wasm_trap_t *trap =
        try_call(program, instance, rows[i].function, 1, &rows[i].index, &result);
    if (trap != NULL) {
      wasm_byte_vec_t message;
      engine.wasm_trap_message(trap, &message);
      take_text(&message, text);
      place = place_of(text, ours);
      engine.wasmtime_trap_code(trap, &code);
      engine.wasm_trap_delete(trap);
    }
    snprintf(text, sizeof text, "%-23s at 0x%08" PRIx32 "  %s", rows[i].function, rows[i].index,
             place_names[place]);
    check(place == rows[i].place && code == WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS, text);
  }
  check(all_zero(wasm_memory_data(ours) + end - 8, 8), "the refused fill wrote nothing");
  check(accumulate(program, instance) == 45, "the memory works after the traps: the sum is 45");
}

static wasm_memory_stats_t stats_of(const wasm_memory_allocator_t *allocator) {
  wasm_memory_stats_t stats;
  wasm_memory_allocator_get_stats(allocator, &stats);
  return stats;
}

/* This library's memory behind a pointer of the engine. */
static const wasm_memory_t *memory_at(const uint8_t *base) {
  wasm_memory_location_t location = {.offset = -1};
  require(wasm_memory_find(base, &location) && location.offset == 0,
          "the engine's pointer is the base of a memory of this library");
  return location.memory;
}

/* Gives back the base. */
static const uint8_t *check_mdn(const program_t *program, wasm_memory_allocator_t *allocator) {
  wasmtime_instance_t provider, instance;
  require_no_error(instantiate(program, provider_wat, NULL, 0, &provider));
  wasmtime_extern_t mem = get_export(program, &provider, "mem");
  require(mem.kind == WASMTIME_EXTERN_MEMORY, "the provider exports a memory");
  wasmtime_memory_t *theirs = &mem.of.memory;
  uint8_t *bytes = engine.wasmtime_memory_data(program->context, theirs);
  const wasm_memory_t *ours = memory_at(bytes);

  printf("MDN's example\n");
  check(wasm_memory_data(ours) == bytes && stats_of(allocator).creations == 1,
        "the engine runs on our mapping, of the one memory that the allocator made");
  check(both_see(program, theirs, ours, bytes, 10), "it has 10 pages on both sides");
  check(memcmp(bytes + 0x10000, "a data segment", 14) == 0 && all_zero(bytes, 0x10000),
        "it holds the module's data segment, and zeros");
  printf("        10 pages: %" PRIu64 " bytes\n", wasm_memory_byte_length(ours));
  check(wasm_memory_byte_length(ours) == 655360, "10 pages are 655360 bytes");

  wasm_memory_layout_t layout;
  wasm_memory_get_layout(ours, &layout);
  printf("        reservation 0x%" PRIx64 ", guard 0x%" PRIx64 "\n", layout.reservation,
         layout.guard_after);
  check(layout.elides_i32_checks && layout.exact_protection &&
            layout.reservation + layout.guard_after >= (UINT64_C(4) << 30) + (32 << 20),
        "the layout allows code without bounds checks, as the engine compiles it");

  require_no_error(instantiate(program, accumulate_wat, &mem, 1, &instance));
  for (uint32_t i = 0; i < 10; i++) {
    store_u32(bytes + 4 * i, i);
  }
  uint32_t sum = accumulate(program, &instance);
  printf("        accumulate(0, 10) = %" PRIu32 "\n", sum);
  check(sum == 45, "the sum is 45");

  check_growth(program, &instance, theirs, ours);
  check_traps(program, &instance, ours);

  printf("\nTo the maximum\n");
  check(call1(program, &instance, "grow", 80) == 20 &&
            both_see(program, theirs, ours, bytes, 100),
        "20 -> 100 pages on both sides, same base");
  printf("        100 pages: %" PRIu64 " bytes\n", wasm_memory_byte_length(ours));
  check(wasm_memory_byte_length(ours) == 6553600, "100 pages are 6553600 bytes");
  check(call1(program, &instance, "grow", 1) == UINT32_MAX, "one more is refused");
  wasm_memory_stats_t stats = stats_of(allocator);
  check(stats.creations == 1 && stats.growths == 3 && stats.accessible_bytes == 6553600,
        "by the allocator's statistics all on that one memory, grown three times");
  return bytes;
}

/* ---- what else a module can declare ---- */

static void check_kinds(const program_t *program, wasm_memory_allocator_t *allocator) {
  const uint32_t i32 = WASM_MEMORY_ADDRESS_I32, i64 = WASM_MEMORY_ADDRESS_I64;
  const struct {
    const char *memory;
    wasm_memory_descriptor_t type;
  } rows[] = {
      {"0", {.initial = WASM_MEMORY_PAGES(0), .address = i32, .page_size = 65536}},
      {"1 4 shared",
       {.initial = WASM_MEMORY_PAGES(1),
        .maximum = WASM_MEMORY_PAGES(4),
        .shared = true,
        .address = i32,
        .page_size = 65536}},
      {"i64 1", {.initial = WASM_MEMORY_PAGES(1), .address = i64, .page_size = 65536}},
      {"i64 1 0x1000000000000", /* above the JavaScript interface's limit: left to the engine */
       {.initial = WASM_MEMORY_PAGES(1), .address = i64, .page_size = 65536}},
      {"10 1000000 (pagesize 1)",
       {.initial = WASM_MEMORY_PAGES(10),
        .maximum = WASM_MEMORY_PAGES(1000000),
        .address = i32,
        .page_size = 1}},
  };
  wasm_memory_stats_t before = stats_of(allocator);

  printf("\nOther memories that a module can define: the right type, zeros, one page more\n");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    text_t wat;
    wasmtime_instance_t instance;
    snprintf(wat, sizeof wat, "(module (memory (export \"mem\") %s))", rows[i].memory);
    require_no_error(instantiate(program, wat, NULL, 0, &instance));
    wasmtime_extern_t mem = get_export(program, &instance, "mem");
    bool shared = mem.kind == WASMTIME_EXTERN_SHAREDMEMORY;
    uint8_t *bytes = shared ? engine.wasmtime_sharedmemory_data(mem.of.sharedmemory)
                            : engine.wasmtime_memory_data(program->context, &mem.of.memory);

    const wasm_memory_t *ours = memory_at(bytes);
    wasm_memory_descriptor_t type = {.page_size = 0};
    const wasm_memory_descriptor_t *expected = &rows[i].type;
    bool right = wasm_memory_get_type(ours, &type) == WASM_MEMORY_OK &&
                 type.initial.present && type.initial.pages == expected->initial.pages &&
                 type.maximum.present == expected->maximum.present &&
                 type.maximum.pages == expected->maximum.pages &&
                 type.shared == expected->shared && type.address == expected->address &&
                 type.page_size == expected->page_size;

    uint64_t previous = UINT64_MAX;
    wasmtime_error_t *error =
        shared ? engine.wasmtime_sharedmemory_grow(mem.of.sharedmemory, 1, &previous)
               : engine.wasmtime_memory_grow(program->context, &mem.of.memory, 1, &previous);
    right = right && error == NULL && previous == expected->initial.pages &&
            wasm_memory_size(ours) == previous + 1 && wasm_memory_data(ours) == bytes &&
            all_zero(bytes, (size_t)wasm_memory_byte_length(ours));
    check(right, rows[i].memory);
    engine.wasmtime_extern_delete(&mem);
  }
  wasm_memory_stats_t after = stats_of(allocator);
  check(after.creations == before.creations + sizeof rows / sizeof rows[0] &&
            after.growths == before.growths + sizeof rows / sizeof rows[0],
        "each made and grown by the allocator");

  wasmtime_instance_t instance;
  wasmtime_error_t *error =
      instantiate(program, "(module (memory i64 262145))", NULL, 0, &instance);
  text_t theirs = "", ours;
  wasm_memory_last_error_message(ours, sizeof ours);
  if (error != NULL) {
    take_error(error, theirs);
  }
  printf("        %s\n", theirs);
  check(ours[0] != '\0' && strstr(theirs, ours) != NULL,
        "i64 262145: above the size limit, the engine reports this library's message");
}

/* ---- wrong descriptors ---- */

static void check_wrong_descriptors(void) {
#define PAGES WASM_MEMORY_PAGES
  const uint32_t i64 = WASM_MEMORY_ADDRESS_I64;
  const uint64_t two32 = UINT64_C(1) << 32, two37 = UINT64_C(1) << 37;
  const struct {
    const char *text;
    wasm_memory_status_t status;
    uint32_t reason;
    wasm_memory_descriptor_t descriptor;
  } rows[] = {
      {"NULL", WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_NULL_ARGUMENT, {.shared = false}},
      {"{}", WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INITIAL_MISSING, {.shared = false}},
      {"maximum 10", WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INITIAL_MISSING,
       {.maximum = PAGES(10)}},
      {"initial 1, address 2", WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_ADDRESS_TYPE,
       {.initial = PAGES(1), .address = 2}},
      {"initial 1, reserved[1] 7", WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_RESERVED_FIELD,
       {.initial = PAGES(1), .reserved = {0, 7}}},
      {"initial 65537", WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT,
       {.initial = PAGES(65537)}},
      {"initial 2^32", WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE,
       {.initial = PAGES(two32)}},
      {"initial 1, maximum 65537", WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT,
       {.initial = PAGES(1), .maximum = PAGES(65537)}},
      {"initial 1, maximum 2^32", WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE,
       {.initial = PAGES(1), .maximum = PAGES(two32)}},
      {"initial 10, maximum 9", WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL,
       {.initial = PAGES(10), .maximum = PAGES(9)}},
      {"initial 1, maximum 0", WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL,
       {.initial = PAGES(1), .maximum = PAGES(0)}},
      {"initial 1, shared", WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM,
       {.initial = PAGES(1), .shared = true}},
      {"initial 65537, shared", WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM,
       {.initial = PAGES(65537), .shared = true}},
      {"initial 1, page size 3", WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_PAGE_SIZE,
       {.initial = PAGES(1), .page_size = 3}},
      {"i64, initial 1, maximum 2^37", WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT,
       {.initial = PAGES(1), .maximum = PAGES(two37), .address = i64}},
      {"i64, initial 2^37", WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_ABOVE_LIMIT,
       {.initial = PAGES(two37), .address = i64}},
      {"i64, initial 262145", WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_SIZE_LIMIT,
       {.initial = PAGES(262145), .address = i64}},
  };
#undef PAGES

  printf("\nWrong descriptors\n");
  printf("        %-30s| %-11s| %-7s| %s\n", "descriptor", "class", "reason", "message");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    wasm_memory_t *memory = NULL;
    wasm_memory_error_t error;
    text_t message, line;
    wasm_memory_status_t status =
        wasm_memory_new(i == 0 ? NULL : &rows[i].descriptor, &memory);
    wasm_memory_last_error(&error);
    size_t length = wasm_memory_last_error_message(message, sizeof message);
    snprintf(line, sizeof line, "%-30s| %-11s| %-7" PRIu32 "| %.400s", rows[i].text,
             wasm_memory_status_name(status), error.reason, message);
    check(status == rows[i].status && error.status == status && error.reason == rows[i].reason &&
              length > 0 && memory == NULL,
          line);
    wasm_memory_delete(memory);
  }
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* what was printed stays printed if the engine aborts */
  if (argc != 2) {
    fprintf(stderr, "usage: wasmtime-demo <path of _libwasmtime.so, from the PyPI wheel>\n");
    return 2;
  }
  if (!engine_load(argv[1])) {
    return 2;
  }

  wasm_memory_allocator_t *allocator = NULL;
  wasm_memory_config_t *settings = wasm_memory_wasmtime_config_new();
  require(wasm_memory_allocator_new(settings, &allocator) == WASM_MEMORY_OK, "an allocator");
  wasm_memory_config_delete(settings);
  wasm_config_t *config = engine.wasm_config_new();
  require(wasm_memory_wasmtime_use(&creator_engine, config, allocator) == WASM_MEMORY_OK,
          "the engine takes its memories from it");
  engine.wasmtime_config_shared_memory_set(config, true);
  engine.wasmtime_config_wasm_custom_page_sizes_set(config, true);

  program_t program = {.engine = engine.wasm_engine_new_with_config(config)};
  require(program.engine != NULL, "an engine");
  program.store = engine.wasmtime_store_new(program.engine, NULL, NULL);
  program.context = engine.wasmtime_store_context(program.store);

  const uint8_t *base = check_mdn(&program, allocator);
  check_kinds(&program, allocator);

  engine.wasmtime_store_delete(program.store);
  engine.wasm_engine_delete(program.engine);
  printf("\nAt the end\n");
  wasm_memory_stats_t stats = stats_of(allocator);
  check(stats.creations == 6 && stats.memories == 0, "6 memories made, none left");
  wasm_memory_allocator_delete(allocator);
  check(!wasm_memory_find(base, NULL), "none of this library's memories is where it was");

  check_wrong_descriptors();

  printf("\n%s\n", failures == 0 ? "all as expected" : "NOT as expected");
  return failures == 0 ? 0 : 1;
}
