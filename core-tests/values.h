/* Values of a script as the engine's. */
#ifndef CORE_TESTS_VALUES_H
#define CORE_TESTS_VALUES_H

#include "engine.h"
#include "script.h"

enum { MOST_VALUES = 24 };

/* A word `type:bits`, whose bits the engine keeps in its own byte order. */
static wasmtime_val_t value_of(const char *word) {
  static const struct {
    const char *name;
    uint8_t kind;
  } types[] = {{"i32:", WASMTIME_I32},
               {"i64:", WASMTIME_I64},
               {"f32:", WASMTIME_F32},
               {"f64:", WASMTIME_F64}};
  wasmtime_val_t value = {.kind = WASMTIME_V128};
  if (strncmp(word, "v128:", 5) == 0) {
    uint8_t bytes[16];
    for (int i = 0; i < 16; i++) {
      bytes[i] = hex_byte(word + 5 + 2 * i);
    }
    memcpy(&value.of, bytes, sizeof bytes);
    return value;
  }
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (strncmp(word, types[i].name, 4) == 0) {
      uint64_t bits = strtoull(word + 4, NULL, 16);
      uint32_t low = (uint32_t)bits;
      value.kind = types[i].kind;
      if (word[1] == '3') {
        memcpy(&value.of, &low, sizeof low);
      } else {
        memcpy(&value.of, &bits, sizeof bits);
      }
      return value;
    }
  }
  give_up("a value of no type");
  return value;
}

/* A NaN is canonical when its fraction is the top bit alone, arithmetic when the top bit is set. */
static bool is_nan(const wasmtime_val_t *value, bool narrow, bool canonical) {
  uint64_t bits = 0, quiet = narrow ? 0x7fc00000 : UINT64_C(0x7ff8) << 48;
  uint64_t sign = narrow ? 0x80000000 : UINT64_C(1) << 63;
  uint32_t low;
  memcpy(&low, &value->of, sizeof low);
  memcpy(&bits, &value->of, sizeof bits);
  bits = (narrow ? low : bits) & ~sign;
  return canonical ? bits == quiet : (bits & quiet) == quiet;
}

static bool matches(const wasmtime_val_t *value, const char *expected) {
  static const size_t widths[] = {4, 8, 4, 8, 16};
  const char *bits = strchr(expected, ':') + 1;
  bool canonical = strcmp(bits, "canonical") == 0;
  if (canonical || strcmp(bits, "arithmetic") == 0) {
    bool narrow = expected[1] == '3';
    return value->kind == (narrow ? WASMTIME_F32 : WASMTIME_F64) &&
           is_nan(value, narrow, canonical);
  }
  wasmtime_val_t wanted = value_of(expected);
  return value->kind == wanted.kind &&
         memcmp(&value->of, &wanted.of, widths[wanted.kind]) == 0;
}

static void print_value(const wasmtime_val_t *value, char *out, size_t capacity) {
  uint64_t bits = 0;
  memcpy(&bits, &value->of, value->kind == WASMTIME_I32 || value->kind == WASMTIME_F32 ? 4 : 8);
  snprintf(out, capacity, "0x%" PRIx64, bits);
}

#endif
