/* What a program made of a script calls. */
#ifndef CORE_TESTS_WASM2C_H
#define CORE_TESTS_WASM2C_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "wasm-rt.h"

/* The line of the wast file that runs. */
extern volatile unsigned at;

typedef struct part_t {
  void (*run)(void);
  const char *trap; /* the trap that it must end with, or NULL */
} part_t;

/* Ends with one whose `run` is NULL. */
extern const part_t parts[];

void passed(void);
void skipped_because(const char *reason);
#define skipped(reason) skipped_because(reason)

void is_i32(uint32_t got, uint32_t expected);
void is_i64(uint64_t got, uint64_t expected);
void is_f32(float got, float expected); /* every bit */
void is_f64(double got, double expected);
void is_f32_canonical(float got);
void is_f64_canonical(double got);
void is_f32_arithmetic(float got);
void is_f64_arithmetic(double got);

static inline uint32_t i32_of(uint32_t bits) { return bits; }
static inline uint64_t i64_of(uint64_t bits) { return bits; }

static inline float f32_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline double f64_of(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* What the test suite imports from. */
struct Z_spectest_instance_t {
  char unused;
};
extern struct Z_spectest_instance_t spectest;

#endif
