/* What the runner uses of Wasmtime beside what examples/wasmtime does. */
#ifndef CORE_TESTS_ENGINE_H
#define CORE_TESTS_ENGINE_H

#include "../examples/wasmtime/engine.h"

typedef struct wasmtime_linker wasmtime_linker_t;
typedef struct wasm_functype_t wasm_functype_t;

/* Only its length is read. */
typedef struct wasm_valtype_vec_t {
  size_t size;
  void *data;
} wasm_valtype_vec_t;

#define WASMTIME_EXTERN_GLOBAL 1
#define WASMTIME_I64 1
#define WASMTIME_F32 2
#define WASMTIME_F64 3
#define WASMTIME_V128 4

#define MORE_FUNCTIONS(F)                                                                          \
  F(void, wasmtime_config_memory_reservation_set, (wasm_config_t *, uint64_t))                     \
  F(void, wasmtime_config_memory_guard_size_set, (wasm_config_t *, uint64_t))                      \
  F(void, wasmtime_config_memory_reservation_for_growth_set, (wasm_config_t *, uint64_t))          \
  F(void, wasmtime_config_signals_based_traps_set, (wasm_config_t *, bool))                        \
  F(void, wasmtime_config_wasm_threads_set, (wasm_config_t *, bool))                               \
  F(void, wasmtime_config_wasm_memory64_set, (wasm_config_t *, bool))                              \
  F(void, wasmtime_config_wasm_multi_memory_set, (wasm_config_t *, bool))                          \
  F(wasmtime_linker_t *, wasmtime_linker_new, (wasm_engine_t *))                                   \
  F(void, wasmtime_linker_delete, (wasmtime_linker_t *))                                           \
  F(void, wasmtime_linker_allow_shadowing, (wasmtime_linker_t *, bool))                            \
  F(wasmtime_error_t *, wasmtime_linker_define_instance,                                           \
    (wasmtime_linker_t *, wasmtime_context_t *, const char *, size_t,                              \
     const wasmtime_instance_t *))                                                                 \
  F(wasmtime_error_t *, wasmtime_linker_instantiate,                                               \
    (const wasmtime_linker_t *, wasmtime_context_t *, const wasmtime_module_t *,                   \
     wasmtime_instance_t *, wasm_trap_t **))                                                       \
  F(bool, wasmtime_instance_export_nth,                                                            \
    (wasmtime_context_t *, const wasmtime_instance_t *, size_t, char **, size_t *,                 \
     wasmtime_extern_t *))                                                                         \
  F(wasm_functype_t *, wasmtime_func_type, (const wasmtime_context_t *, const wasmtime_func_t *))  \
  F(const wasm_valtype_vec_t *, wasm_functype_results, (const wasm_functype_t *))                  \
  F(void, wasm_functype_delete, (wasm_functype_t *))                                               \
  F(void, wasmtime_global_get, (wasmtime_context_t *, const void *, wasmtime_val_t *))

typedef struct more_t {
#define MORE_MEMBER(result, name, parameters) result(*name) parameters;
  MORE_FUNCTIONS(MORE_MEMBER)
#undef MORE_MEMBER
} more_t;

#endif
