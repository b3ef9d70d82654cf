#include "adapter.h"

#include <wasm_memory.h>

/* The JavaScript interface's limit of a declared maximum, in pages; a module may declare more. */
static const uint64_t largest_maximum = (UINT64_C(1) << 37) - 1;

static wasmtime_error_t *last_error(const engine_t *engine) {
  char message[256];
  wasm_memory_last_error_message(message, sizeof message);
  return engine->wasmtime_error_new(message);
}

static uint8_t *get_memory(void *env, size_t *byte_size, size_t *byte_capacity) {
  const wasm_memory_t *memory = env;
  wasm_memory_layout_t layout;
  wasm_memory_get_layout(memory, &layout);
  /* Not the view's plain field: the length of a shared memory changes under other threads. */
  *byte_size = (size_t)wasm_memory_byte_length(memory);
  /* The engine aborts if the base moves below the capacity; the reservation promises it stays. */
  *byte_capacity = (size_t)layout.reservation;
  return wasm_memory_view(memory)->base;
}

static wasmtime_error_t *grow_memory(void *env, size_t new_byte_size) {
  wasm_memory_t *memory = env;
  const memory_adapter_t *adapter = wasm_memory_user_data(memory);
  wasm_memory_descriptor_t type;
  if (wasm_memory_get_type(memory, &type) != WASM_MEMORY_OK) {
    return last_error(adapter->engine);
  }
  /* The engine names the new size, a whole number of pages and never smaller than the old one. */
  uint64_t delta = (new_byte_size - wasm_memory_byte_length(memory)) / type.page_size;
  if (wasm_memory_grow(memory, delta, NULL) != WASM_MEMORY_OK) {
    return last_error(adapter->engine); /* -1 for the module, an error for the host */
  }
  return NULL;
}

static void finalize_memory(void *env) {
  wasm_memory_t *memory = env;
  memory_adapter_t *adapter = wasm_memory_user_data(memory);
  wasm_memory_delete(memory);
  atomic_fetch_add(&adapter->memories_finalized, 1);
}

static wasm_memory_descriptor_t describe(const engine_t *engine, const wasm_memorytype_t *type) {
  wasm_memory_descriptor_t descriptor = {
      .initial = WASM_MEMORY_PAGES(engine->wasmtime_memorytype_minimum(type)),
      .shared = engine->wasmtime_memorytype_isshared(type),
      .address = engine->wasmtime_memorytype_is64(type) ? WASM_MEMORY_ADDRESS_I64
                                                        : WASM_MEMORY_ADDRESS_I32,
      .page_size = (uint32_t)engine->wasmtime_memorytype_page_size(type),
  };
  uint64_t maximum;
  if (engine->wasmtime_memorytype_maximum(type, &maximum)) {
    /* Cut, not left out, as a shared memory must have one; no memory ever gets near it. */
    descriptor.maximum =
        WASM_MEMORY_PAGES(maximum < largest_maximum ? maximum : largest_maximum);
  }
  return descriptor;
}

/* The limits in bytes are those of the type in pages; only the type tells an absent maximum. */
static wasmtime_error_t *new_memory(void *env, const wasm_memorytype_t *type, size_t minimum,
                                    size_t maximum, size_t reserved, size_t guard,
                                    wasmtime_linear_memory_t *out) {
  memory_adapter_t *adapter = env;
  const engine_t *engine = adapter->engine;
  (void)minimum;

  wasm_memory_descriptor_t descriptor = describe(engine, type);
  wasm_memory_config_t *config = wasm_memory_config_new();
  if (config == NULL) { /* a NULL config would mean the defaults, with smaller guards */
    return engine->wasmtime_error_new("out of memory");
  }
  wasm_memory_config_set_reservation(config, reserved);
  wasm_memory_config_set_guards(config, 0, guard);
  /* The engine follows the base only of an unshared memory that can outgrow what it asked for: an
   * i64 one, or any when it was told to reserve little. */
  wasm_memory_config_set_movable(config, !descriptor.shared && maximum > reserved);

  wasm_memory_allocator_t *allocator = NULL;
  wasm_memory_t *memory = NULL;
  wasm_memory_status_t status = wasm_memory_allocator_new(config, &allocator);
  wasm_memory_config_delete(config);
  if (status == WASM_MEMORY_OK) {
    status = wasm_memory_new_in(allocator, &descriptor, NULL, &memory);
    wasm_memory_allocator_delete(allocator); /* the memory keeps it alive */
  }
  if (status != WASM_MEMORY_OK) {
    return last_error(engine);
  }

  /* Compiled code without bounds checks is safe only inside exactly this. */
  wasm_memory_layout_t layout;
  wasm_memory_get_layout(memory, &layout);
  if (layout.reservation < reserved || layout.guard_after < guard || !layout.exact_protection) {
    wasm_memory_delete(memory);
    return engine->wasmtime_error_new("the memory is not protected as the engine needs it");
  }

  wasm_memory_set_user_data(memory, adapter);
  *out = (wasmtime_linear_memory_t){
      .env = memory,
      .get_memory = get_memory,
      .grow_memory = grow_memory,
      .finalizer = finalize_memory,
  };
  atomic_fetch_add(&adapter->memories_made, 1);
  return NULL;
}

static void finalize_creator(void *env) {
  memory_adapter_t *adapter = env;
  atomic_fetch_add(&adapter->creators_finalized, 1);
}

wasmtime_memory_creator_t memory_adapter_creator(memory_adapter_t *adapter) {
  return (wasmtime_memory_creator_t){
      .env = adapter,
      .new_memory = new_memory,
      .finalizer = finalize_creator,
  };
}
