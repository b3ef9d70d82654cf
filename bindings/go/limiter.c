/* The limiter's callbacks: from C to Go. */
#include "_cgo_export.h"

static bool growing(void *context, uint64_t current, uint64_t desired, uint64_t maximum) {
  return wasmMemoryGoGrowing((uintptr_t)context, current, desired, maximum);
}

static void refused(void *context, const wasm_memory_error_t *error) {
  wasm_memory_error_t copy = *error;
  wasmMemoryGoRefused((uintptr_t)context, &copy);
}

static void finalize(void *context) { wasmMemoryGoFinalize((uintptr_t)context); }

void shim_set_limiter(wasm_memory_config_t *config, uintptr_t limiter) {
  wasm_memory_limiter_t callbacks = {
      .context = (void *)limiter,
      .growing = growing,
      .refused = refused,
      .finalize = finalize,
  };
  wasm_memory_config_set_limiter(config, &callbacks);
}
