/* Declarations of an engine's C API as wasm.h has them: some of the same names as in wasm_memory.h, with other
 * signatures. */
#ifndef WASM_H
#define WASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_store_t wasm_store_t;
typedef struct wasm_memorytype_t wasm_memorytype_t;
typedef struct wasm_memory_t wasm_memory_t;
typedef uint32_t wasm_memory_pages_t;
typedef struct wasm_limits_t { uint32_t min, max; } wasm_limits_t;

wasm_engine_t *wasm_engine_new(void);
void wasm_engine_delete(wasm_engine_t *);
wasm_store_t *wasm_store_new(wasm_engine_t *);
void wasm_store_delete(wasm_store_t *);
wasm_memorytype_t *wasm_memorytype_new(const wasm_limits_t *);
void wasm_memorytype_delete(wasm_memorytype_t *);
wasm_memory_t *wasm_memory_new(wasm_store_t *, const wasm_memorytype_t *);
void wasm_memory_delete(wasm_memory_t *);
char *wasm_memory_data(wasm_memory_t *);
size_t wasm_memory_data_size(const wasm_memory_t *);
wasm_memory_pages_t wasm_memory_size(const wasm_memory_t *);
bool wasm_memory_grow(wasm_memory_t *, wasm_memory_pages_t delta);
wasm_memorytype_t *wasm_memory_type(const wasm_memory_t *);
wasm_memory_t *wasm_memory_copy(const wasm_memory_t *);
bool wasm_memory_same(const wasm_memory_t *, const wasm_memory_t *);

#ifdef __cplusplus
}
#endif
#endif
