/* Waiting and waking. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "families.h"
#include "library.h"
#include "wasmtime.h"

/* Two words in one memory: the side that sees its word become its turn's number answers in the
 * other. Each wait is for the word to change, each answer a store and a wake. */
typedef struct side_t {
  void (*wait)(const struct side_t *side, uint32_t word, uint32_t old);
  uint32_t (*wake)(const struct side_t *side, uint32_t word);
  wasm_memory_t *memory;
  wasmtime_guest_t guest;
  wasmtime_func_t wait_function, notify_function;
  _Atomic uint32_t *words; /* 64 bytes from each other */
} side_t;

typedef struct waiting_t {
  side_t sides[2]; /* Wasmtime's stores belong to one thread each */
  uint64_t times;
  wasm_memory_allocator_t *allocator;
  wasmtime_module_t *module;
  wasmtime_sharedmemory_t *shared;
  _Atomic uint32_t own[32];
} waiting_t;

enum { STRIDE = 16, ALL = 0x7fffffff };

static _Atomic uint32_t *word_of(const side_t *side, uint32_t word) {
  return side->words + word * STRIDE;
}

/* ---- the floor ---- */

static void futex_wait(const side_t *side, uint32_t word, uint32_t old) {
  syscall(SYS_futex, word_of(side, word), FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
}
static uint32_t futex_wake(const side_t *side, uint32_t word) {
  return (uint32_t)syscall(SYS_futex, word_of(side, word), FUTEX_WAKE_PRIVATE, ALL, NULL, NULL, 0);
}

static void *floor_new(const bench_group_t *group) {
  (void)group;
  waiting_t *state = bench_allocate(sizeof *state);
  for (int i = 0; i < 2; i++) {
    state->sides[i] = (side_t){.wait = futex_wait, .wake = futex_wake, .words = state->own};
  }
  return state;
}

/* ---- this library ---- */

static void ours_wait(const side_t *side, uint32_t word, uint32_t old) {
  uint32_t result;
  ours.atomic_wait32(side->memory, word * STRIDE * 4, old, -1, &result);
}
static uint32_t ours_wake(const side_t *side, uint32_t word) {
  uint32_t woken = 0;
  ours.atomic_notify(side->memory, word * STRIDE * 4, ALL, &woken);
  return woken;
}

static void *ours_new(const bench_group_t *group) {
  (void)group;
  waiting_t *state = bench_allocate(sizeof *state);
  wasm_memory_descriptor_t descriptor = {
      .initial = WASM_MEMORY_PAGES(1), .maximum = WASM_MEMORY_PAGES(1), .shared = true};
  wasm_memory_t *memory;
  state->allocator = library_allocator(&(library_settings_t){0});
  if (ours.new_in(state->allocator, &descriptor, NULL, &memory) != WASM_MEMORY_OK) {
    return bench_failed("no memory");
  }
  for (int i = 0; i < 2; i++) {
    state->sides[i] = (side_t){.wait = ours_wait,
                               .wake = ours_wake,
                               .memory = memory,
                               .words = (_Atomic uint32_t *)(void *)ours.data(memory)};
  }
  return state;
}

/* ---- Wasmtime ---- */

static const char waiting_wat[] =
    "(module (import \"\" \"m\" (memory 1 1 shared))"
    " (func (export \"wait\") (param i32 i32) (result i32)"
    "  (memory.atomic.wait32 (local.get 0) (local.get 1) (i64.const -1)))"
    " (func (export \"notify\") (param i32 i32) (result i32)"
    "  (memory.atomic.notify (local.get 0) (local.get 1))))";

static uint32_t engine_call(const side_t *side, const wasmtime_func_t *function, uint32_t first,
                            uint32_t second) {
  wasmtime_val_t values[2] = {{.kind = WASMTIME_I32, .of.i32 = (int32_t)first},
                              {.kind = WASMTIME_I32, .of.i32 = (int32_t)second}};
  wasmtime_val_t result = {.kind = WASMTIME_I32};
  wasm_trap_t *trap = NULL;
  if (wasmtime.wasmtime_func_call(side->guest.context, function, values, 2, &result, 1, &trap) !=
          NULL ||
      trap != NULL) {
    abort();
  }
  return (uint32_t)result.of.i32;
}
static void engine_wait(const side_t *side, uint32_t word, uint32_t old) {
  engine_call(side, &side->wait_function, word * STRIDE * 4, old);
}
static uint32_t engine_wake(const side_t *side, uint32_t word) {
  return engine_call(side, &side->notify_function, word * STRIDE * 4, ALL);
}

static bool engine_side(waiting_t *state, wasm_engine_t *engine, side_t *side) {
  wasm_trap_t *trap = NULL;
  wasmtime_extern_t memory = {.kind = WASMTIME_EXTERN_SHAREDMEMORY, .of.sharedmemory = state->shared};
  wasmtime_extern_t wait, notify;
  wasmtime_guest_t *guest = &side->guest;
  side->wait = engine_wait;
  side->wake = engine_wake;
  side->words = (_Atomic uint32_t *)(void *)wasmtime.wasmtime_sharedmemory_data(state->shared);
  guest->store = wasmtime.wasmtime_store_new(engine, NULL, NULL);
  guest->context = wasmtime.wasmtime_store_context(guest->store);
  if (wasmtime.wasmtime_instance_new(guest->context, state->module, &memory, 1, &guest->instance,
                                     &trap) != NULL ||
      trap != NULL ||
      !wasmtime.wasmtime_instance_export_get(guest->context, &guest->instance, "wait", 4, &wait) ||
      !wasmtime.wasmtime_instance_export_get(guest->context, &guest->instance, "notify", 6,
                                             &notify)) {
    return false;
  }
  side->wait_function = wait.of.func;
  side->notify_function = notify.of.func;
  return true;
}

static void *engine_new(const bench_group_t *group) {
  (void)group;
  wasm_engine_t *engine = wasmtime_engine(WASMTIME_ON_DEMAND);
  if (engine == NULL) {
    return bench_absent(wasmtime_missing);
  }
  waiting_t *state = bench_allocate(sizeof *state);
  wasm_memorytype_t *type = wasmtime_memory_type(1, 1, true);
  state->module = wasmtime_compile(engine, waiting_wat);
  if (type == NULL || state->module == NULL ||
      wasmtime.wasmtime_sharedmemory_new(engine, type, &state->shared) != NULL ||
      !engine_side(state, engine, &state->sides[0]) ||
      !engine_side(state, engine, &state->sides[1])) {
    return bench_failed("no instances with a shared memory");
  }
  wasmtime.wasm_memorytype_delete(type);
  return state;
}

static void finish(void *argument) {
  waiting_t *state = argument;
  if (state->allocator != NULL) {
    ours.delete(state->sides[0].memory);
    ours.allocator_delete(state->allocator);
  }
  if (state->shared != NULL) {
    wasmtime_guest_delete(&state->sides[0].guest);
    wasmtime_guest_delete(&state->sides[1].guest);
    wasmtime.wasmtime_sharedmemory_delete(state->shared);
    wasmtime.wasmtime_module_delete(state->module);
  }
  free(state);
}

/* ---- what is measured ---- */

static void await_turn(const side_t *side, uint32_t word, uint32_t turn) {
  uint32_t now;
  while ((now = atomic_load(word_of(side, word))) != turn) {
    side->wait(side, word, now);
  }
}

static void give_turn(const side_t *side, uint32_t word, uint32_t turn) {
  atomic_store(word_of(side, word), turn);
  side->wake(side, word);
}

static void *answer(void *argument) {
  waiting_t *state = argument;
  for (uint64_t i = 1; i <= state->times; i++) {
    await_turn(&state->sides[1], 0, (uint32_t)i);
    give_turn(&state->sides[1], 1, (uint32_t)i);
  }
  return NULL;
}

static uint64_t round_trips(void *argument, uint64_t times) {
  waiting_t *state = argument;
  pthread_t thread;
  state->times = times + 1;
  atomic_store(word_of(&state->sides[0], 0), 0);
  atomic_store(word_of(&state->sides[0], 1), 0);
  if (pthread_create(&thread, NULL, answer, state) != 0) {
    abort();
  }
  uint64_t started = 0;
  for (uint64_t i = 1; i <= times + 1; i++) {
    give_turn(&state->sides[0], 0, (uint32_t)i);
    await_turn(&state->sides[0], 1, (uint32_t)i);
    if (i == 1) { /* the thread runs */
      started = bench_now();
    }
  }
  uint64_t elapsed = bench_now() - started;
  pthread_join(thread, NULL);
  return elapsed;
}

static bool round_trips_check(void *argument) {
  waiting_t *state = argument;
  return round_trips(state, 10) > 0 && atomic_load(word_of(&state->sides[0], 1)) == 11;
}

static uint64_t notifies(void *argument, uint64_t times) {
  const waiting_t *state = argument;
  const side_t *side = &state->sides[0];
  uint64_t started = bench_now();
  for (uint64_t i = 0; i < times; i++) {
    bench_use(side->wake(side, 0));
  }
  return bench_now() - started;
}
static bool notifies_check(void *argument) {
  const waiting_t *state = argument;
  return state->sides[0].wake(&state->sides[0], 0) == 0 && round_trips_check(argument);
}

static uint64_t mismatches(void *argument, uint64_t times) {
  const waiting_t *state = argument;
  const side_t *side = &state->sides[0];
  atomic_store(word_of(side, 0), 1);
  uint64_t started = bench_now();
  for (uint64_t i = 0; i < times; i++) {
    side->wait(side, 0, 2);
  }
  return bench_now() - started;
}

#define CASES(name, run, check)                                                                    \
  static const bench_case_t name[] = {                                                             \
      {"floor", "floor", "futex", floor_new, run, check, finish},                                  \
      {"ours", "ours", "atomic_wait32, atomic_notify", ours_new, run, check, finish},              \
      {"wasmtime", "wasmtime", "the instructions, call included", engine_new, run, check, finish}, \
  }
CASES(trips, round_trips, round_trips_check);
CASES(lone, notifies, notifies_check);
CASES(unequal, mismatches, round_trips_check);

const bench_group_t waiting_groups[] = {
    {"round-trip", "Wait and notify, there and back", 0, 1, trips, BENCH_COUNT(trips)},
    {"notify", "Notify, nobody waits", 0, 1, lone, BENCH_COUNT(lone)},
    {"mismatch", "Wait, the value differs", 0, 1, unequal, BENCH_COUNT(unequal)},
};
const size_t waiting_group_count = BENCH_COUNT(waiting_groups);
