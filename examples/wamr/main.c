/* MDN's WebAssembly.Memory example in WAMR, on memories of this library. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wasm_export.h>

#include "adapter.h"

_Static_assert((int)Alloc_For_LinearMemory == USAGE_LINEAR_MEMORY, "the engine's number");

static const uint32_t page = 65536;
static bool failed;
static wasm_module_inst_t instance;
static wasm_exec_env_t env;

static void check(bool good, const char *what) {
  printf("%s %s\n", good ? "ok    " : "FAILED", what);
  failed |= !good;
}

/* Where the last fault was. The engine's handler, which is called next, asks nobody. */
static struct {
  bool found;
  wasm_memory_location_t location;
  unsigned count;
} fault;
static struct sigaction engine_handler;

static void on_fault(int number, siginfo_t *info, void *context) {
  fault.count++;
  fault.found = wasm_memory_find(info->si_addr, &fault.location);
  engine_handler.sa_sigaction(number, info, context);
}

static void watch_faults(void) {
  struct sigaction ours;
  sigaction(SIGSEGV, NULL, &engine_handler);
  ours = engine_handler;
  ours.sa_sigaction = on_fault;
  sigaction(SIGSEGV, &ours, NULL);
}

/* Calls an export with so many i32 arguments; *result is what it gives, if anything. False: a trap. */
static bool call(const char *name, uint32_t *result, uint32_t count, ...) {
  uint32_t values[4] = {0};
  va_list arguments;
  va_start(arguments, count);
  for (uint32_t i = 0; i < count; i++) {
    values[i] = va_arg(arguments, uint32_t);
  }
  va_end(arguments);
  wasm_function_inst_t function = wasm_runtime_lookup_function(instance, name);
  bool good = function != NULL && wasm_runtime_call_wasm(env, function, count, values);
  if (good && result != NULL) {
    *result = values[0];
  }
  return good;
}

static uint32_t value(const char *name, uint32_t argument) {
  uint32_t result = 0;
  if (!call(name, &result, 1, argument)) {
    check(false, name);
  }
  return result;
}

/* A trap of the engine, by a fault at that index of our memory, as it leaves out the checks. */
static void check_trap(const char *what, const wasm_memory_t *memory, uint64_t index, bool good) {
  const char *exception = wasm_runtime_get_exception(instance);
  check(!good && exception != NULL && strstr(exception, "out of bounds") != NULL, what);
  int64_t past = fault.location.offset - (int64_t)index;
  check(fault.count == 1 && fault.found && fault.location.memory == memory && past >= 0 && past < 4,
        "  by a fault at that index of the library's memory");
  fault.count = 0;
  wasm_runtime_clear_exception(instance);
}

static wasm_memory_stats_t stats(void) {
  wasm_memory_stats_t figures;
  wasm_memory_allocator_get_stats(adapter_allocator(), &figures);
  return figures;
}

static void run(void) {
  wasm_memory_location_t location = {0};
  uint8_t *base = wasm_runtime_addr_app_to_native(instance, 0);
  check(wasm_memory_find(base, &location) && location.offset == 0,
        "the engine's byte 0 is byte 0 of a memory of the library");
  wasm_memory_t *memory = (wasm_memory_t *)location.memory;
  check(stats().memories == 1 && wasm_memory_size(memory) == 10, "it has made one, of 10 pages");

  for (uint32_t i = 0; i < 10; i++) {
    memcpy(base + 4 * i, &i, 4);
  }
  uint32_t sum = 0;
  check(call("accumulate", &sum, 2, 0, 10) && sum == 45, "accumulate(0, 10) is 45");
  check(call("store", NULL, 2, 10 * page - 4, 0x01020304) && base[10 * page - 4] == 4,
        "a store of the module is in that memory");

  check(value("grow", 5) == 10 && wasm_memory_size(memory) == 15, "memory.grow(5): 10, the library has 15");
  check(value("grow", 86) == UINT32_MAX, "memory.grow(86) is -1");
  check(value("grow", 85) == 15 && wasm_memory_size(memory) == 100, "memory.grow(85) reaches the maximum");
  check(stats().growths == 2 && wasm_memory_data(memory) == base, "the library grew twice and did not move");
  check(value("load", 100 * page - 4) == 0, "the last bytes read zero");

  uint32_t end = 100 * page;
  check_trap("load across the end traps", memory, end - 3, call("load", NULL, 1, end - 3));
  check_trap("load at the end traps", memory, end, call("load", NULL, 1, end));
  check_trap("load(0x7fffffff) traps", memory, INT32_MAX, call("load", NULL, 1, INT32_MAX));
  check_trap("store(0xffffffff) traps", memory, UINT32_MAX, call("store", NULL, 2, UINT32_MAX, 1));
  check_trap("load offset=0xffffffff (0xffffffff) traps", memory, UINT64_C(0x1fffffffe),
             call("load_far", NULL, 1, UINT32_MAX));
  check(!call("fill", NULL, 3, end - 2, 7, 4) && fault.count == 0,
        "memory.fill across the end traps by a check");
  wasm_runtime_clear_exception(instance);
  check(value("load", end - 4) == 0, "and wrote nothing");
}

static uint8_t *read_file(const char *path, uint32_t *size) {
  static uint8_t bytes[65536];
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    return NULL;
  }
  *size = (uint32_t)fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  char why[128] = "cannot read the module";
  uint32_t size = 0;
  uint8_t *bytes = argc == 2 ? read_file(argv[1], &size) : NULL;
  RuntimeInitArgs arguments;
  memset(&arguments, 0, sizeof arguments);
  arguments.mem_alloc_type = Alloc_With_Allocator;
  arguments.mem_alloc_option.allocator.malloc_func = (void *)adapter_malloc;
  arguments.mem_alloc_option.allocator.realloc_func = (void *)adapter_realloc;
  arguments.mem_alloc_option.allocator.free_func = (void *)adapter_free;
  if (bytes == NULL || !adapter_init() || !wasm_runtime_full_init(&arguments)) {
    fprintf(stderr, "%s\n", why);
    return 1;
  }
  wasm_module_t module = wasm_runtime_load(bytes, size, why, sizeof why);
  instance = module != NULL ? wasm_runtime_instantiate(module, 65536, 0, why, sizeof why) : NULL;
  env = instance != NULL ? wasm_runtime_create_exec_env(instance, 65536) : NULL;
  if (env == NULL) {
    fprintf(stderr, "%s\n", why);
    return 1;
  }
  watch_faults();
  run();
  wasm_runtime_destroy_exec_env(env);
  wasm_runtime_deinstantiate(instance);
  wasm_runtime_unload(module);
  wasm_runtime_destroy();
  check(stats().memories == 0, "the engine gave the memory back");
  adapter_destroy();
  return failed;
}
