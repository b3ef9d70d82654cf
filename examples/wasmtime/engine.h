/* Wasmtime's C API as far as this example needs it: own declarations, for the wheel brings none.
 *
 * The engine exports `wasm_memory_new`, `_grow`, `_data`, `_size` and `_delete` as `wasm.h` defines
 * them, with other signatures than ours. So it is never linked: `dlopen` with `RTLD_LOCAL` keeps
 * its names to itself, and its functions are reached through the table below. Nor is its
 * `wasm_memory_t` declared here: that name always means this library's.
 */
#ifndef WASMTIME_EXAMPLE_ENGINE_H
#define WASMTIME_EXAMPLE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wasm_memory_wasmtime.h>

typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasmtime_store wasmtime_store_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_sharedmemory wasmtime_sharedmemory_t;

typedef struct wasm_byte_vec_t {
  size_t size;
  char *data;
} wasm_byte_vec_t;

typedef struct wasmtime_instance_t {
  uint64_t store_id;
  size_t index;
} wasmtime_instance_t;

typedef struct wasmtime_func_t {
  uint64_t store_id;
  void *function;
} wasmtime_func_t;

typedef struct wasmtime_memory_t {
  struct {
    uint64_t store_id;
    uint32_t instance;
  } owner;
  uint32_t index;
} wasmtime_memory_t;

#define WASMTIME_EXTERN_FUNC 0
#define WASMTIME_EXTERN_MEMORY 3
#define WASMTIME_EXTERN_SHAREDMEMORY 4
typedef struct wasmtime_extern_t {
  uint8_t kind;
  union {
    wasmtime_func_t func;
    wasmtime_memory_t memory;
    wasmtime_sharedmemory_t *sharedmemory;
  } of;
} wasmtime_extern_t;

#define WASMTIME_I32 0
typedef struct wasmtime_val_t {
  uint8_t kind;
  union {
    int32_t i32;
    uint64_t largest[3]; /* the engine's union also holds references */
  } of;
} wasmtime_val_t;

/* The wheels are 64-bit; a struct of another size would be read past its end. */
_Static_assert(sizeof(wasmtime_extern_t) == 32, "wasmtime_extern_t has the engine's size");
_Static_assert(sizeof(wasmtime_val_t) == 32, "wasmtime_val_t has the engine's size");

#define WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS 1

#define ENGINE_FUNCTIONS(F)                                                                        \
  F(wasm_config_t *, wasm_config_new, (void))                                                      \
  F(void, wasmtime_config_shared_memory_set, (wasm_config_t *, bool))                              \
  F(void, wasmtime_config_wasm_custom_page_sizes_set, (wasm_config_t *, bool))                     \
  F(wasm_engine_t *, wasm_engine_new_with_config, (wasm_config_t *))                               \
  F(void, wasm_engine_delete, (wasm_engine_t *))                                                   \
  F(wasmtime_store_t *, wasmtime_store_new, (wasm_engine_t *, void *, void (*)(void *)))           \
  F(wasmtime_context_t *, wasmtime_store_context, (wasmtime_store_t *))                            \
  F(void, wasmtime_store_delete, (wasmtime_store_t *))                                             \
  F(wasmtime_error_t *, wasmtime_wat2wasm, (const char *, size_t, wasm_byte_vec_t *))              \
  F(wasmtime_error_t *, wasmtime_module_new,                                                       \
    (wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **))                              \
  F(void, wasmtime_module_delete, (wasmtime_module_t *))                                           \
  F(wasmtime_error_t *, wasmtime_instance_new,                                                     \
    (wasmtime_context_t *, const wasmtime_module_t *, const wasmtime_extern_t *, size_t,           \
     wasmtime_instance_t *, wasm_trap_t **))                                                       \
  F(bool, wasmtime_instance_export_get,                                                            \
    (wasmtime_context_t *, const wasmtime_instance_t *, const char *, size_t,                      \
     wasmtime_extern_t *))                                                                         \
  F(void, wasmtime_extern_delete, (wasmtime_extern_t *))                                           \
  F(wasmtime_error_t *, wasmtime_func_call,                                                        \
    (wasmtime_context_t *, const wasmtime_func_t *, const wasmtime_val_t *, size_t,                \
     wasmtime_val_t *, size_t, wasm_trap_t **))                                                    \
  F(uint8_t *, wasmtime_memory_data, (const wasmtime_context_t *, const wasmtime_memory_t *))      \
  F(size_t, wasmtime_memory_data_size, (const wasmtime_context_t *, const wasmtime_memory_t *))    \
  F(uint64_t, wasmtime_memory_size, (const wasmtime_context_t *, const wasmtime_memory_t *))       \
  F(wasmtime_error_t *, wasmtime_memory_grow,                                                      \
    (wasmtime_context_t *, const wasmtime_memory_t *, uint64_t, uint64_t *))                       \
  F(uint8_t *, wasmtime_sharedmemory_data, (const wasmtime_sharedmemory_t *))                      \
  F(size_t, wasmtime_sharedmemory_data_size, (const wasmtime_sharedmemory_t *))                    \
  F(wasmtime_error_t *, wasmtime_sharedmemory_grow,                                                \
    (const wasmtime_sharedmemory_t *, uint64_t, uint64_t *))                                       \
  F(void, wasmtime_error_message, (const wasmtime_error_t *, wasm_byte_vec_t *))                   \
  F(void, wasmtime_error_delete, (wasmtime_error_t *))                                             \
  F(bool, wasmtime_trap_code, (const wasm_trap_t *, uint8_t *))                                    \
  F(void, wasm_trap_message, (const wasm_trap_t *, wasm_byte_vec_t *))                             \
  F(void, wasm_trap_delete, (wasm_trap_t *))                                                       \
  F(void, wasm_byte_vec_delete, (wasm_byte_vec_t *))

typedef struct engine_t {
#define ENGINE_MEMBER(result, name, parameters) result(*name) parameters;
  ENGINE_FUNCTIONS(ENGINE_MEMBER)
#undef ENGINE_MEMBER
} engine_t;

#endif
