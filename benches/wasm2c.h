/* The runtime of wasm2c, as wabt 1.0.32 has it, built as a shared library when its source is there. */
#ifndef BENCH_WASM2C_H
#define BENCH_WASM2C_H

#include <stdbool.h>
#include <stdint.h>

typedef struct wasm2c_memory_t {
  uint8_t *data;
  uint32_t pages, max_pages;
  uint32_t size;
} wasm2c_memory_t;

typedef struct wasm2c_library_t {
  void (*allocate)(wasm2c_memory_t *, uint32_t initial, uint32_t maximum);
  uint32_t (*grow)(wasm2c_memory_t *, uint32_t delta);
} wasm2c_library_t;

extern wasm2c_library_t wasm2c;
extern const char wasm2c_missing[];

void wasm2c_set_path(const char *path);
bool wasm2c_load(void);
/* Its own way to free unmaps the length only and leaves the reservation. This takes all of it. */
void wasm2c_delete(wasm2c_memory_t *memory);

#endif
