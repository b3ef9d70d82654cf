/* Makes Wasmtime take its linear memories from this library. */
#ifndef WASMTIME_EXAMPLE_ADAPTER_H
#define WASMTIME_EXAMPLE_ADAPTER_H

#include <stdatomic.h>

#include "engine.h"

/* Must outlive the engine. The counts are atomic: the engine calls from any thread. */
typedef struct memory_adapter_t {
  const engine_t *engine;
  atomic_uint memories_made;
  atomic_uint memories_finalized;
  atomic_uint creators_finalized;
} memory_adapter_t;

/* For `wasmtime_config_host_memory_creator_set`, which copies it. The engine must also be told
 * `memory_init_cow` false: it maps data segments copy-on-write only over mappings of its own, and
 * with the default it aborts at the first module that has a data segment. */
wasmtime_memory_creator_t memory_adapter_creator(memory_adapter_t *adapter);

#endif
