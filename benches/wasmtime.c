#include "wasmtime.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

wasmtime_library_t wasmtime;
const char wasmtime_missing[] = "Wasmtime's C library is not here";

static const char *library_path;
static wasm_engine_t *engines[WASMTIME_KINDS];

void wasmtime_set_path(const char *path) { library_path = path; }

static bool load_functions(void *library) {
#define WASMTIME_LOAD(result, name, parameters)                                                    \
  do {                                                                                             \
    void *symbol = dlsym(library, #name);                                                          \
    if (symbol == NULL) {                                                                          \
      fprintf(stderr, "bench: %s\n", dlerror());                                                   \
      return false;                                                                                \
    }                                                                                              \
    memcpy(&wasmtime.name, &symbol, sizeof symbol);                                                \
  } while (0);
  WASMTIME_FUNCTIONS(WASMTIME_LOAD)
#undef WASMTIME_LOAD
  return true;
}

bool wasmtime_load(void) {
  static bool tried, loaded;
  if (!tried && library_path != NULL) {
    void *library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
    tried = true;
    if (library == NULL) {
      fprintf(stderr, "bench: %s\n", dlerror());
    } else {
      loaded = load_functions(library);
    }
  }
  return loaded;
}

wasm_engine_t *wasmtime_engine(wasmtime_kind_t kind) {
  if (!wasmtime_load()) {
    return NULL;
  }
  if (engines[kind] != NULL) {
    return engines[kind];
  }
  wasm_config_t *config = wasmtime.wasm_config_new();
  wasmtime.wasmtime_config_wasm_threads_set(config, true);
  wasmtime.wasmtime_config_shared_memory_set(config, true);
  if (kind == WASMTIME_NO_COW) {
    wasmtime.wasmtime_config_memory_init_cow_set(config, false);
  }
  if (kind == WASMTIME_POOLING || kind == WASMTIME_POOLING_KEEP) {
    wasmtime_pooling_t *pool = wasmtime.wasmtime_pooling_allocation_config_new();
    wasmtime.wasmtime_pooling_allocation_config_total_core_instances_set(pool, 32);
    wasmtime.wasmtime_pooling_allocation_config_total_memories_set(pool, 32);
    if (kind == WASMTIME_POOLING_KEEP) {
      wasmtime.wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, MIB);
    }
    wasmtime.wasmtime_pooling_allocation_strategy_set(config, pool);
    wasmtime.wasmtime_pooling_allocation_config_delete(pool);
  }
  engines[kind] = wasmtime.wasm_engine_new_with_config(config);
  return engines[kind];
}

wasmtime_module_t *wasmtime_compile(wasm_engine_t *engine, const char *wat) {
  wasm_byte_vec_t wasm;
  wasmtime_module_t *module = NULL;
  wasmtime_error_t *error = wasmtime.wasmtime_wat2wasm(wat, strlen(wat), &wasm);
  if (error == NULL) {
    error = wasmtime.wasmtime_module_new(engine, (const uint8_t *)wasm.data, wasm.size, &module);
    wasmtime.wasm_byte_vec_delete(&wasm);
  }
  if (error != NULL) {
    wasmtime.wasmtime_error_delete(error);
    return NULL;
  }
  return module;
}

wasmtime_module_t *wasmtime_compile_image(wasm_engine_t *engine, uint64_t pages, uint64_t image) {
  char *wat = bench_allocate(image + 200);
  int length = sprintf(wat, "(module (memory (export \"m\") %llu)", (unsigned long long)pages);
  if (image > 0) {
    length += sprintf(wat + length, "(data (i32.const 0) \"");
    memset(wat + length, 'a', image);
    strcpy(wat + length + image, "\")");
  }
  strcat(wat + length, ")");
  wasmtime_module_t *module = wasmtime_compile(engine, wat);
  free(wat);
  return module;
}

wasm_memorytype_t *wasmtime_memory_type(uint64_t pages, uint64_t maximum, bool shared) {
  wasm_memorytype_t *type = NULL;
  wasmtime_error_t *error =
      wasmtime.wasmtime_memorytype_new(pages, maximum != 0, maximum, false, shared, 16, &type);
  if (error != NULL) {
    wasmtime.wasmtime_error_delete(error);
    return NULL;
  }
  return type;
}

bool wasmtime_guest_new(wasm_engine_t *engine, const wasmtime_module_t *module,
                        wasmtime_guest_t *guest) {
  wasm_trap_t *trap = NULL;
  wasmtime_extern_t item;
  guest->store = wasmtime.wasmtime_store_new(engine, NULL, NULL);
  guest->context = wasmtime.wasmtime_store_context(guest->store);
  wasmtime_error_t *error = wasmtime.wasmtime_instance_new(guest->context, module, NULL, 0,
                                                           &guest->instance, &trap);
  if (error != NULL || trap != NULL ||
      !wasmtime.wasmtime_instance_export_get(guest->context, &guest->instance, "m", 1, &item)) {
    wasmtime.wasmtime_store_delete(guest->store);
    return false;
  }
  guest->memory = item.of.memory;
  return true;
}
