/* MDN's WebAssembly.Memory example in C that wasm2c generated, on memories of this library. */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "accumulate.h"
#include "memory.h"
#include "wasm-rt-impl.h"
#if __has_include("wasm-rt-exceptions.h") /* wasm_rt_impl_try calls what was moved there */
#include "wasm-rt-exceptions.h"
#endif

/* Generated names, before and from 1.0.33 on. */
#if WASM2C_HAS_IS64
typedef w2c_accumulate instance_t;
#define EXPORT(name) w2c_accumulate_##name
#define instantiate wasm2c_accumulate_instantiate
#define release wasm2c_accumulate_free
#else
typedef Z_accumulate_instance_t instance_t;
#define EXPORT(name) Z_accumulateZ_##name
#define instantiate Z_accumulate_instantiate
#define release Z_accumulate_free
#endif

static const uint32_t page = 65536;
static bool failed;

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
  memset(&ours, 0, sizeof ours);
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ours.sa_sigaction = on_fault;
  sigemptyset(&ours.sa_mask);
  sigaction(SIGSEGV, &ours, &engine_handler);
}

/* Static, as a trap jumps out of the function that uses it. */
static instance_t instance;
static wasm_memory_t *memory;

/* A trap of the engine; with guard pages, by a fault at that index of our memory. */
static void check_trap(const char *what, wasm_rt_trap_t trap, bool by_fault, uint64_t index) {
  printf("%s:\n", what);
  check(trap == WASM_RT_TRAP_OOB, "  traps: out of bounds");
  if (by_fault) {
    int64_t past = fault.location.offset - (int64_t)index;
    check(fault.count == 1 && fault.found && fault.location.memory == memory && past >= 0 && past < 4,
          "  by a fault at that index of the library's memory");
  } else {
    check(fault.count == 0, "  by a check");
  }
}

/* Where the engine's trap comes back to must be the function that calls. */
#define CHECK_TRAP(what, by_fault, index, call)                                                  \
  do {                                                                                           \
    fault.count = 0;                                                                             \
    wasm_rt_trap_t trap = (wasm_rt_trap_t)wasm_rt_impl_try();                                    \
    if (trap == WASM_RT_TRAP_NONE) {                                                             \
      call;                                                                                      \
    }                                                                                            \
    check_trap(what, trap, by_fault, index);                                                     \
  } while (0)

static uint64_t growths(void) {
  wasm_memory_stats_t stats;
  wasm_memory_allocator_get_stats(memory_allocator(), &stats);
  return stats.growths;
}

static uint64_t memories(void) {
  wasm_memory_stats_t stats;
  wasm_memory_allocator_get_stats(memory_allocator(), &stats);
  return stats.memories;
}

static void accesses(wasm_rt_memory_t *engine) {
  check(memory != NULL, "the engine's bytes are a memory of the library");
  check(memories() == 1, "it has made one, and only one");
  check(wasm_memory_size(memory) == 10, "of 10 pages");
  uint8_t *base = wasm_memory_data(memory);

  for (uint32_t i = 0; i < 10; i++) {
    memcpy(base + 4 * i, &i, 4);
  }
  check(EXPORT(accumulate)(&instance, 0, 10) == 45, "accumulate(0, 10) is 45");
  EXPORT(store)(&instance, 10 * page - 4, 0x01020304);
  check(base[10 * page - 4] == 4 && base[10 * page - 1] == 1, "a store of the module is in that memory");

  uint64_t before = growths();
  check(EXPORT(grow)(&instance, 5) == 10, "memory.grow(5) is 10");
  check(wasm_memory_size(memory) == 15 && growths() == before + 1, "the library grew to 15");
  check(EXPORT(grow)(&instance, 86) == UINT32_MAX, "memory.grow(86) is -1");
  check(EXPORT(grow)(&instance, UINT32_MAX) == UINT32_MAX, "memory.grow(2^32 - 1) is -1");
  check(EXPORT(grow)(&instance, 85) == 15, "memory.grow(85) reaches the maximum");
  check(wasm_memory_size(memory) == 100 && engine->data == base, "the library grew to 100 and did not move");
  check(EXPORT(load)(&instance, 100 * page - 4) == 0, "the last bytes read zero");
}

static void traps(void) {
  CHECK_TRAP("load across the end", GUARDED, 100 * page - 3,
             EXPORT(load)(&instance, 100 * page - 3));
  CHECK_TRAP("load at the end", GUARDED, 100 * page, EXPORT(load)(&instance, 100 * page));
  CHECK_TRAP("load(0x7fffffff)", GUARDED, INT32_MAX, EXPORT(load)(&instance, INT32_MAX));
  CHECK_TRAP("store(0xffffffff)", GUARDED, UINT32_MAX, EXPORT(store)(&instance, UINT32_MAX, 1));
  CHECK_TRAP("load offset=0xffffffff (0xffffffff)", GUARDED, UINT64_C(0x1fffffffe),
             EXPORT(load_far)(&instance, UINT32_MAX));
  CHECK_TRAP("memory.fill across the end", false, 0, EXPORT(fill)(&instance, 100 * page - 2, 7, 4));
  check(EXPORT(load)(&instance, 100 * page - 4) == 0, "and wrote nothing");
}

int main(void) {
  printf("wasm2c with %s\n", GUARDED ? "guard pages" : "explicit checks");
  wasm_rt_init();
  watch_faults();
#if !WASM2C_HAS_IS64
  Z_accumulate_init_module();
#endif
  instantiate(&instance);
  wasm_rt_memory_t *engine = EXPORT(memory)(&instance);
  memory = memory_of(engine);
  accesses(engine);
  traps();
  release(&instance);
  check(memories() == 0, "the engine gave it back");
  wasm_rt_free();
  return failed;
}
