/* The installed adapter for Wasmtime's C API as one function that ctypes can call. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <wasm_memory_wasmtime.h>

/* The engine lacks a function that is needed; no status of the library. */
#define ENGINE_TOO_OLD (-1)

/* library: the engine, as dlopen gave it. */
__attribute__((visibility("default"))) int32_t
wasm_memory_python_wasmtime_use(void *library, wasm_config_t *config,
                                wasm_memory_allocator_t *allocator) {
  wasm_memory_wasmtime_t engine;
  if (!wasm_memory_wasmtime_load(&engine, dlsym, library)) {
    return ENGINE_TOO_OLD;
  }
  return wasm_memory_wasmtime_use(&engine, config, allocator);
}
