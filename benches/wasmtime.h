/* Wasmtime's C library, when it is there. Own declarations, for the wheel brings none. */
#ifndef BENCH_WASMTIME_H
#define BENCH_WASMTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_memorytype_t wasm_memorytype_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_store wasmtime_store_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_pooling wasmtime_pooling_t;
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

enum { WASMTIME_EXTERN_SHAREDMEMORY = 4 };
typedef struct wasmtime_extern_t {
  uint8_t kind;
  union {
    wasmtime_func_t func;
    wasmtime_memory_t memory;
    wasmtime_sharedmemory_t *sharedmemory;
  } of;
} wasmtime_extern_t;

enum { WASMTIME_I32 = 0 };
typedef struct wasmtime_val_t {
  uint8_t kind;
  union {
    int32_t i32;
    uint64_t largest[3]; /* the engine's union also holds references */
  } of;
} wasmtime_val_t;

_Static_assert(sizeof(wasmtime_extern_t) == 32, "wasmtime_extern_t has the engine's size");
_Static_assert(sizeof(wasmtime_val_t) == 32, "wasmtime_val_t has the engine's size");

#define WASMTIME_FUNCTIONS(F)                                                                      \
  F(wasm_config_t *, wasm_config_new, (void))                                                      \
  F(void, wasmtime_config_memory_init_cow_set, (wasm_config_t *, bool))                            \
  F(void, wasmtime_config_shared_memory_set, (wasm_config_t *, bool))                              \
  F(void, wasmtime_config_wasm_threads_set, (wasm_config_t *, bool))                               \
  F(wasmtime_pooling_t *, wasmtime_pooling_allocation_config_new, (void))                          \
  F(void, wasmtime_pooling_allocation_config_delete, (wasmtime_pooling_t *))                       \
  F(void, wasmtime_pooling_allocation_config_total_core_instances_set,                             \
    (wasmtime_pooling_t *, uint32_t))                                                              \
  F(void, wasmtime_pooling_allocation_config_total_memories_set, (wasmtime_pooling_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_linear_memory_keep_resident_set,                      \
    (wasmtime_pooling_t *, size_t))                                                                \
  F(void, wasmtime_pooling_allocation_strategy_set, (wasm_config_t *, wasmtime_pooling_t *))       \
  F(wasm_engine_t *, wasm_engine_new_with_config, (wasm_config_t *))                               \
  F(wasmtime_store_t *, wasmtime_store_new, (wasm_engine_t *, void *, void (*)(void *)))           \
  F(wasmtime_context_t *, wasmtime_store_context, (wasmtime_store_t *))                            \
  F(void, wasmtime_store_delete, (wasmtime_store_t *))                                             \
  F(wasmtime_error_t *, wasmtime_wat2wasm, (const char *, size_t, wasm_byte_vec_t *))              \
  F(void, wasm_byte_vec_delete, (wasm_byte_vec_t *))                                               \
  F(wasmtime_error_t *, wasmtime_module_new,                                                       \
    (wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **))                              \
  F(void, wasmtime_module_delete, (wasmtime_module_t *))                                           \
  F(wasmtime_error_t *, wasmtime_instance_new,                                                     \
    (wasmtime_context_t *, const wasmtime_module_t *, const wasmtime_extern_t *, size_t,           \
     wasmtime_instance_t *, wasm_trap_t **))                                                       \
  F(bool, wasmtime_instance_export_get,                                                            \
    (wasmtime_context_t *, const wasmtime_instance_t *, const char *, size_t,                      \
     wasmtime_extern_t *))                                                                         \
  F(wasmtime_error_t *, wasmtime_func_call,                                                        \
    (wasmtime_context_t *, const wasmtime_func_t *, const wasmtime_val_t *, size_t,                \
     wasmtime_val_t *, size_t, wasm_trap_t **))                                                    \
  F(wasmtime_error_t *, wasmtime_memorytype_new,                                                   \
    (uint64_t, bool, uint64_t, bool, bool, uint8_t, wasm_memorytype_t **))                         \
  F(void, wasm_memorytype_delete, (wasm_memorytype_t *))                                           \
  F(wasmtime_error_t *, wasmtime_memory_new,                                                       \
    (wasmtime_context_t *, const wasm_memorytype_t *, wasmtime_memory_t *))                        \
  F(uint8_t *, wasmtime_memory_data, (const wasmtime_context_t *, const wasmtime_memory_t *))      \
  F(size_t, wasmtime_memory_data_size, (const wasmtime_context_t *, const wasmtime_memory_t *))    \
  F(uint64_t, wasmtime_memory_size, (const wasmtime_context_t *, const wasmtime_memory_t *))       \
  F(wasmtime_error_t *, wasmtime_memory_grow,                                                      \
    (wasmtime_context_t *, const wasmtime_memory_t *, uint64_t, uint64_t *))                       \
  F(wasmtime_error_t *, wasmtime_sharedmemory_new,                                                 \
    (wasm_engine_t *, const wasm_memorytype_t *, wasmtime_sharedmemory_t **))                      \
  F(void, wasmtime_sharedmemory_delete, (wasmtime_sharedmemory_t *))                               \
  F(uint8_t *, wasmtime_sharedmemory_data, (const wasmtime_sharedmemory_t *))                      \
  F(void, wasmtime_error_delete, (wasmtime_error_t *))

typedef struct wasmtime_library_t {
#define WASMTIME_MEMBER(result, name, parameters) result(*name) parameters;
  WASMTIME_FUNCTIONS(WASMTIME_MEMBER)
#undef WASMTIME_MEMBER
} wasmtime_library_t;

extern wasmtime_library_t wasmtime;

typedef enum wasmtime_kind_t {
  WASMTIME_ON_DEMAND,
  WASMTIME_POOLING,
  WASMTIME_POOLING_KEEP, /* keeps 1 MiB of each memory resident */
  WASMTIME_NO_COW,       /* on demand, data segments copied */
  WASMTIME_KINDS,
} wasmtime_kind_t;

/* Nothing is loaded before it is needed: children that count memories must not have it. */
void wasmtime_set_path(const char *path);
bool wasmtime_load(void);
wasm_engine_t *wasmtime_engine(wasmtime_kind_t kind);
wasmtime_module_t *wasmtime_compile(wasm_engine_t *engine, const char *wat);
/* A module whose memory of `pages` pages, exported as "m", starts with `image` bytes of 'a'. */
wasmtime_module_t *wasmtime_compile_image(wasm_engine_t *engine, uint64_t pages, uint64_t image);
wasm_memorytype_t *wasmtime_memory_type(uint64_t pages, uint64_t maximum, bool shared);

/* An instance in its own store, as a host makes one for each guest. */
typedef struct wasmtime_guest_t {
  wasmtime_store_t *store;
  wasmtime_context_t *context;
  wasmtime_instance_t instance;
  wasmtime_memory_t memory;
} wasmtime_guest_t;

bool wasmtime_guest_new(wasm_engine_t *engine, const wasmtime_module_t *module,
                        wasmtime_guest_t *guest);
static inline void wasmtime_guest_delete(const wasmtime_guest_t *guest) {
  wasmtime.wasmtime_store_delete(guest->store);
}

extern const char wasmtime_missing[];

#endif
