/* Runs a program made of a script: the runtime of wasm2c as it is, but its memories are this
 * library's. Linked with --wrap for the three functions of the runtime that make, grow and free one.
 */
#include <sys/mman.h>
#include <unistd.h>

#include <wasm_memory.h>

#include "wasm2c.h"

#undef skipped
#include "script.h"
#include "wasm-rt-impl.h"

#ifndef WASM_RT_MEMCHECK_SIGNAL_HANDLER
#define WASM_RT_MEMCHECK_SIGNAL_HANDLER 1
#endif

volatile unsigned at;
struct Z_spectest_instance_t spectest;

static wasm_memory_allocator_t *allocator;

/* ---- memories ---- */

void __wrap_wasm_rt_allocate_memory(wasm_rt_memory_t *out, uint32_t initial, uint32_t maximum);
uint32_t __wrap_wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t delta);
void __wrap_wasm_rt_free_memory(wasm_rt_memory_t *memory);

static void make_allocator(void) {
  wasm_memory_config_t *config = wasm_memory_config_new();
#if WASM_RT_MEMCHECK_SIGNAL_HANDLER
  /* The code compares nothing: 32 bits of index plus 32 bits of offset, plus the widest access. */
  wasm_memory_config_set_reservation(config, UINT64_C(8) << 30);
  wasm_memory_config_set_guards(config, 0, 65536);
#else
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
#endif
  if (wasm_memory_allocator_new(config, &allocator) != WASM_MEMORY_OK) {
    give_up("no allocator");
  }
  wasm_memory_config_delete(config);
}

/* The runtime's struct has no room for the handle, but the library knows it by the base. */
static wasm_memory_t *ours(const wasm_rt_memory_t *memory) {
  wasm_memory_location_t location;
  if (!wasm_memory_find(memory->data, &location) || location.offset != 0) {
    give_up("a memory that is not of this library");
  }
  return (wasm_memory_t *)location.memory;
}

/* The test of the test: one host page past the end is accessible, or growth leaves a byte. */
static void break_it(const wasm_memory_t *memory, uint64_t previous, bool grown) {
  (void)memory, (void)previous, (void)grown;
#ifdef BREAK_OPEN_PAGE
  mprotect(wasm_memory_data(memory) + wasm_memory_byte_length(memory),
           (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE);
#endif
#ifdef BREAK_DIRTY_GROWTH
  if (grown) {
    wasm_memory_data(memory)[previous * 65536] = 1;
  }
#endif
}

static void publish(wasm_rt_memory_t *out, const wasm_memory_t *memory) {
  out->data = wasm_memory_data(memory);
  out->pages = (uint32_t)wasm_memory_size(memory);
  out->size = (uint32_t)wasm_memory_byte_length(memory); /* 0 for 65536 pages: its 32 bits */
}

void __wrap_wasm_rt_allocate_memory(wasm_rt_memory_t *out, uint32_t initial, uint32_t maximum) {
  wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(initial),
                                   .maximum = WASM_MEMORY_PAGES(maximum)};
  wasm_memory_t *memory = NULL;
  if (wasm_memory_new_in(allocator, &type, NULL, &memory) != WASM_MEMORY_OK) {
    give_up("no memory");
  }
  out->max_pages = maximum;
  publish(out, memory);
  break_it(memory, 0, false);
}

uint32_t __wrap_wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t delta) {
  uint64_t previous;
  wasm_memory_t *grown = ours(memory);
  if (wasm_memory_grow(grown, delta, &previous) != WASM_MEMORY_OK) {
    return UINT32_MAX;
  }
  publish(memory, grown);
  break_it(grown, previous, delta > 0);
  return (uint32_t)previous;
}

void __wrap_wasm_rt_free_memory(wasm_rt_memory_t *memory) { wasm_memory_delete(ours(memory)); }

/* ---- spectest ---- */

static wasm_rt_memory_t spectest_memory;
static wasm_rt_funcref_table_t spectest_table;
static uint32_t global_i32 = 666;
static uint64_t global_i64 = 666;
static float global_f32 = 666.6f;
static double global_f64 = 666.6;

void Z_spectestZ_print(struct Z_spectest_instance_t *s) { (void)s; }
void Z_spectestZ_print_i32(struct Z_spectest_instance_t *s, uint32_t a) { (void)s, (void)a; }
void Z_spectestZ_print_i64(struct Z_spectest_instance_t *s, uint64_t a) { (void)s, (void)a; }
void Z_spectestZ_print_f32(struct Z_spectest_instance_t *s, float a) { (void)s, (void)a; }
void Z_spectestZ_print_f64(struct Z_spectest_instance_t *s, double a) { (void)s, (void)a; }
void Z_spectestZ_print_i32_f32(struct Z_spectest_instance_t *s, uint32_t a, float b) {
  (void)s, (void)a, (void)b;
}
void Z_spectestZ_print_f64_f64(struct Z_spectest_instance_t *s, double a, double b) {
  (void)s, (void)a, (void)b;
}
wasm_rt_memory_t *Z_spectestZ_memory(struct Z_spectest_instance_t *s) {
  (void)s;
  return &spectest_memory;
}
wasm_rt_funcref_table_t *Z_spectestZ_table(struct Z_spectest_instance_t *s) {
  (void)s;
  return &spectest_table;
}
uint32_t *Z_spectestZ_global_i32(struct Z_spectest_instance_t *s) { return (void)s, &global_i32; }
uint64_t *Z_spectestZ_global_i64(struct Z_spectest_instance_t *s) { return (void)s, &global_i64; }
float *Z_spectestZ_global_f32(struct Z_spectest_instance_t *s) { return (void)s, &global_f32; }
double *Z_spectestZ_global_f64(struct Z_spectest_instance_t *s) { return (void)s, &global_f64; }

/* ---- results ---- */

void passed(void) { tally.passed++; }

void skipped_because(const char *reason) { skipped(reason); }

static void same(uint64_t got, uint64_t expected) {
  if (got == expected) {
    tally.passed++;
  } else {
    failed(at, "the result is 0x%" PRIx64 " and not 0x%" PRIx64, got, expected);
  }
}

static uint64_t bits32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static uint64_t bits64(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static const uint64_t nan32 = 0x7fc00000, nan64 = UINT64_C(0x7ff8) << 48;

void is_i32(uint32_t got, uint32_t expected) { same(got, expected); }
void is_i64(uint64_t got, uint64_t expected) { same(got, expected); }
void is_f32(float got, float expected) { same(bits32(got), bits32(expected)); }
void is_f64(double got, double expected) { same(bits64(got), bits64(expected)); }
void is_f32_canonical(float got) { same(bits32(got) & 0x7fffffff, nan32); }
void is_f64_canonical(double got) { same(bits64(got) & ~(UINT64_C(1) << 63), nan64); }
void is_f32_arithmetic(float got) { same(bits32(got) & nan32, nan32); }
void is_f64_arithmetic(double got) { same(bits64(got) & nan64, nan64); }

/* ---- the whole ---- */

static void run_part(const part_t *part) {
  wasm_rt_trap_t trap = wasm_rt_impl_try();
  if (trap == WASM_RT_TRAP_NONE) {
    part->run();
    if (part->trap != NULL) {
      failed(at, "no trap: %s", part->trap);
    }
  } else if (part->trap == NULL) {
    failed(at, "trapped: %s", wasm_rt_strerror(trap));
  } else if (strcmp(part->trap, "out of bounds memory access") == 0 && trap != WASM_RT_TRAP_OOB) {
    failed(at, "trapped with another reason: %s", wasm_rt_strerror(trap));
  } else {
    tally.passed++;
  }
}

int main(void) {
  make_allocator();
  wasm_rt_init();
  __wrap_wasm_rt_allocate_memory(&spectest_memory, 1, 2);
  wasm_rt_allocate_funcref_table(&spectest_table, 10, 20);
  for (const part_t *part = parts; part->run != NULL; part++) {
    run_part(part);
  }
  wasm_memory_stats_t stats;
  wasm_memory_allocator_get_stats(allocator, &stats);
  print_tally(stats.creations, stats.growths);
  return tally.failed == 0 ? 0 : 1;
}
