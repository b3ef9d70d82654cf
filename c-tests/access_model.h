/* wasm_memory_access.h beside a model of it that works byte by byte: tables of all its functions, by width. */
#ifndef ACCESS_MODEL_H
#define ACCESS_MODEL_H

#include "fixtures.h"
#include "wasm_memory_access.h"

#define MARK 0x5C /* a byte that an access must leave alone */
#define POISON UINT64_C(0x5CC55CC55CC55CC5)

/* Says which of a table's functions the failed checks before it were about. */
static inline void name_failures(unsigned long before, const char *name) {
  if (harness_failures != before) fprintf(stderr, "  in %s\n", name);
}

/* ---- The model ---- */

static inline uint64_t low_bits(uint64_t value, unsigned width) {
  return width == 8 ? value : value & ((UINT64_C(1) << 8 * width) - 1);
}

/* Which byte of a value lies at a place. Only the test of the swapping code defines FORCE_SWAP. */
static inline unsigned place_of(unsigned byte, unsigned width) {
#ifdef WASM_MEMORY_ACCESS_FORCE_SWAP
  return width - 1 - byte;
#else
  (void)width;
  return byte;
#endif
}

static inline uint64_t model_read(const uint8_t *at, unsigned width) {
  uint64_t value = 0;
  for (unsigned i = 0; i < width; i++) value |= (uint64_t)at[place_of(i, width)] << 8 * i;
  return value;
}

static inline void model_write(uint8_t *at, unsigned width, uint64_t value) {
  for (unsigned i = 0; i < width; i++) at[place_of(i, width)] = (uint8_t)(value >> 8 * i);
}

static inline uint64_t model_extend(uint64_t value, unsigned width, unsigned value_width, bool is_signed) {
  uint64_t sign = UINT64_C(1) << (8 * width - 1);
  return is_signed ? low_bits((value ^ sign) - sign, value_width) : value;
}

static inline uint64_t next_random(uint64_t *state) { /* xorshift64* */
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * UINT64_C(0x2545F4914F6CDD1D);
}

/* Values that carry, borrow and change sign at each width, then random ones. */
static inline uint64_t operand(unsigned number, uint64_t *state) {
  static const uint64_t edges[] = {0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
                                   UINT64_C(0x100000000), UINT64_C(0x7FFFFFFFFFFFFFFF), UINT64_C(0x8000000000000000), UINT64_MAX,
                                   UINT64_C(0x0102030405060708), UINT64_C(0xF1F2F3F4F5F6F7F8)};
  return number < sizeof edges / sizeof edges[0] ? edges[number] : next_random(state);
}

/* ---- The functions under one signature: uint64_t holds every type ---- */

typedef struct load_case {
  const char *name;
  unsigned width, value_width;
  bool is_signed;
  bool (*run)(const wasm_memory_view_t *, uint64_t index, uint64_t offset, uint64_t *out);
} load_case;

typedef struct store_case {
  const char *name;
  unsigned width;
  bool (*run)(const wasm_memory_view_t *, uint64_t index, uint64_t offset, uint64_t value);
} store_case;

/* Everything atomic: a load ignores both operands, a store has no old value, all but cmpxchg ignore `expected`. */
typedef enum atomic_kind {
  KIND_load, KIND_store, KIND_add, KIND_sub, KIND_and, KIND_or, KIND_xor, KIND_xchg, KIND_cmpxchg
} atomic_kind;

typedef struct atomic_case {
  const char *name;
  atomic_kind kind;
  unsigned width;
  bool (*run)(const wasm_memory_view_t *, uint64_t index, uint64_t offset, uint64_t expected, uint64_t value, uint64_t *old,
              bool *aligned);
} atomic_case;

/* After a trap the output still holds the poison: it is handed through, so that a write would show. */
#define DEFINE_LOAD(suffix, type, width, is_signed) \
  static bool run_load_##suffix(const wasm_memory_view_t *view, uint64_t index, uint64_t offset, uint64_t *out) { \
    type value = (type)POISON; \
    bool done = wasm_memory_load_##suffix(view, index, offset, &value); \
    if (!done) CHECK_U64(value, (type)POISON); \
    if (done) *out = value; \
    return done; \
  }
#define DEFINE_STORE(suffix, type, width) \
  static bool run_store_##suffix(const wasm_memory_view_t *view, uint64_t index, uint64_t offset, uint64_t value) { \
    return wasm_memory_store_##suffix(view, index, offset, (type)value); \
  }
#define DEFINE_ATOMIC(function, type, call) \
  static bool run_##function(const wasm_memory_view_t *view, uint64_t index, uint64_t offset, uint64_t expected, uint64_t value, \
                             uint64_t *old, bool *aligned) { \
    type seen = (type)POISON; \
    bool done = call; \
    (void)expected, (void)value; \
    if (!done) CHECK_U64(seen, (type)POISON); \
    if (done) *old = seen; \
    return done; \
  }
#define DEFINE_ATOMIC_LOAD(suffix, type, width, unused) \
  DEFINE_ATOMIC(atomic_load_##suffix, type, wasm_memory_atomic_load_##suffix(view, index, offset, &seen, aligned))
#define DEFINE_ATOMIC_STORE(suffix, type, width) \
  DEFINE_ATOMIC(atomic_store_##suffix, type, wasm_memory_atomic_store_##suffix(view, index, offset, (type)value, aligned))
#define DEFINE_RMW(suffix, type, width, op) \
  DEFINE_ATOMIC(atomic_rmw_##op##_##suffix, type, wasm_memory_atomic_rmw_##op##_##suffix(view, index, offset, (type)value, &seen, aligned))
#define DEFINE_CMPXCHG(suffix, type, width, unused) \
  DEFINE_ATOMIC(atomic_rmw_cmpxchg_##suffix, type, \
                wasm_memory_atomic_rmw_cmpxchg_##suffix(view, index, offset, (type)expected, (type)value, &seen, aligned))

#define EACH_LOAD(X) \
  X(i32, uint32_t, 4, false) X(i32_s8, uint32_t, 1, true) X(i32_u8, uint32_t, 1, false) X(i32_s16, uint32_t, 2, true) \
  X(i32_u16, uint32_t, 2, false) X(i64, uint64_t, 8, false) X(i64_s8, uint64_t, 1, true) X(i64_u8, uint64_t, 1, false) \
  X(i64_s16, uint64_t, 2, true) X(i64_u16, uint64_t, 2, false) X(i64_s32, uint64_t, 4, true) X(i64_u32, uint64_t, 4, false)
#define EACH_STORE(X) \
  X(i32, uint32_t, 4) X(i32_8, uint32_t, 1) X(i32_16, uint32_t, 2) X(i64, uint64_t, 8) X(i64_8, uint64_t, 1) X(i64_16, uint64_t, 2) \
  X(i64_32, uint64_t, 4)
#define EACH_ATOMIC(X, op) \
  X(i32, uint32_t, 4, op) X(i32_u8, uint32_t, 1, op) X(i32_u16, uint32_t, 2, op) X(i64, uint64_t, 8, op) \
  X(i64_u8, uint64_t, 1, op) X(i64_u16, uint64_t, 2, op) X(i64_u32, uint64_t, 4, op)

EACH_LOAD(DEFINE_LOAD)
EACH_STORE(DEFINE_STORE)
EACH_ATOMIC(DEFINE_ATOMIC_LOAD, )
EACH_STORE(DEFINE_ATOMIC_STORE)
EACH_ATOMIC(DEFINE_RMW, add)
EACH_ATOMIC(DEFINE_RMW, sub)
EACH_ATOMIC(DEFINE_RMW, and)
EACH_ATOMIC(DEFINE_RMW, or)
EACH_ATOMIC(DEFINE_RMW, xor)
EACH_ATOMIC(DEFINE_RMW, xchg)
EACH_ATOMIC(DEFINE_CMPXCHG, )

#define LIST_LOAD(suffix, type, width, is_signed) {"load_" #suffix, width, sizeof(type), is_signed, run_load_##suffix},
#define LIST_STORE(suffix, type, width) {"store_" #suffix, width, run_store_##suffix},
#define LIST_ATOMIC_LOAD(suffix, type, width, unused) {"atomic_load_" #suffix, KIND_load, width, run_atomic_load_##suffix},
#define LIST_ATOMIC_STORE(suffix, type, width) {"atomic_store_" #suffix, KIND_store, width, run_atomic_store_##suffix},
#define LIST_RMW(suffix, type, width, op) {"atomic_rmw_" #op "_" #suffix, KIND_##op, width, run_atomic_rmw_##op##_##suffix},

static const load_case load_cases[] = {EACH_LOAD(LIST_LOAD)};
static const store_case store_cases[] = {EACH_STORE(LIST_STORE)};
static const atomic_case atomic_cases[] = {
  EACH_ATOMIC(LIST_ATOMIC_LOAD, ) EACH_STORE(LIST_ATOMIC_STORE) EACH_ATOMIC(LIST_RMW, add) EACH_ATOMIC(LIST_RMW, sub)
  EACH_ATOMIC(LIST_RMW, and) EACH_ATOMIC(LIST_RMW, or) EACH_ATOMIC(LIST_RMW, xor) EACH_ATOMIC(LIST_RMW, xchg)
  EACH_ATOMIC(LIST_RMW, cmpxchg)
};

#define EACH_CASE(type, name, cases) for (const type *name = cases; name < cases + sizeof cases / sizeof cases[0]; name++)

/* ---- Every function against the model, over 64 bytes of which it may touch its own ---- */

static inline uint64_t model_update(atomic_kind kind, uint64_t old, uint64_t expected, uint64_t value, unsigned width) {
  switch (kind) {
    case KIND_load: return old;
    case KIND_store: case KIND_xchg: return low_bits(value, width);
    case KIND_add: return low_bits(old + value, width);
    case KIND_sub: return low_bits(old - value, width);
    case KIND_and: return low_bits(old & value, width);
    case KIND_or: return low_bits(old | value, width);
    case KIND_xor: return low_bits(old ^ value, width);
    case KIND_cmpxchg: return old == low_bits(expected, width) ? low_bits(value, width) : old;
  }
  return POISON;
}

typedef struct cells {
  _Alignas(16) uint8_t bytes[64];
  uint8_t model[64];
  wasm_memory_view_t view;
} cells;

static inline void cells_fill(cells *memory, uint64_t *state) {
  for (size_t i = 0; i < 64; i++) memory->bytes[i] = (uint8_t)(next_random(state) >> 56);
  memcpy(memory->model, memory->bytes, 64);
  memory->view.base = memory->bytes;
  memory->view.byte_length = 64;
}

static inline void check_plain_against_model(void) {
  cells memory;
  uint64_t state = 0x9E3779B97F4A7C15;
  EACH_CASE(load_case, load, load_cases) {
    unsigned long before = harness_failures;
    for (uint64_t at = 0; at + load->width <= 64; at++) {
      uint64_t seen = POISON;
      cells_fill(&memory, &state);
      CHECK(load->run(&memory.view, at / 2, at - at / 2, &seen));
      CHECK_U64(seen, model_extend(model_read(memory.bytes + at, load->width), load->width, load->value_width, load->is_signed));
      CHECK(memcmp(memory.bytes, memory.model, 64) == 0);
    }
    name_failures(before, load->name);
  }
  EACH_CASE(store_case, store, store_cases) {
    unsigned long before = harness_failures;
    for (unsigned number = 0; number < 64; number++) {
      uint64_t value = operand(number, &state), at = number % (65 - store->width);
      cells_fill(&memory, &state);
      model_write(memory.model + at, store->width, value);
      CHECK(store->run(&memory.view, at, 0, value));
      CHECK(memcmp(memory.bytes, memory.model, 64) == 0);
    }
    name_failures(before, store->name);
  }
}

static inline void check_atomics_against_model(void) {
  cells memory;
  uint64_t state = 0xD1B54A32D192ED03;
  EACH_CASE(atomic_case, atomic, atomic_cases) {
    unsigned long before = harness_failures;
    for (unsigned number = 0; number < 60; number++) {
      uint64_t value = operand(number % 30, &state), seen = POISON, at = next_random(&state) % (64 / atomic->width) * atomic->width;
      bool aligned = false;
      cells_fill(&memory, &state);
      if (number % 2) { /* an old value that is an edge too */
        model_write(memory.model + at, atomic->width, operand(number / 2 % 19, &state));
        memcpy(memory.bytes, memory.model, 64);
      }
      uint64_t old = model_read(memory.model + at, atomic->width);
      /* Matches every other time, with other bits above its width. */
      uint64_t expected = number % 4 < 2 ? (next_random(&state) & ~low_bits(UINT64_MAX, atomic->width)) | old : next_random(&state);
      model_write(memory.model + at, atomic->width, model_update(atomic->kind, old, expected, value, atomic->width));
      CHECK(atomic->run(&memory.view, at / 3, at - at / 3, expected, value, &seen, &aligned));
      CHECK(aligned);
      if (atomic->kind != KIND_store) CHECK_U64(seen, old);
      CHECK(memcmp(memory.bytes, memory.model, 64) == 0);
    }
    name_failures(before, atomic->name);
  }
}

#endif
