/* WAMR's linear memories from this library: for a WAMR that was built with WAMR_BUILD_ALLOC_WITH_USAGE=1
 * and without WAMR_BUILD_ALLOC_WITH_USER_DATA. Without the first the engine maps its memories itself and
 * never asks; the functions' types are not checked by anybody, as the engine takes them as void *. */
#ifndef WAMR_EXAMPLE_ADAPTER_H
#define WAMR_EXAMPLE_ADAPTER_H

#include <stdbool.h>
#include <wasm_memory.h>

/* The engine's mem_alloc_usage_t: what an allocation is for. */
enum { USAGE_RUNTIME = 0, USAGE_LINEAR_MEMORY = 1 };

/* For RuntimeInitArgs.mem_alloc_option.allocator, with mem_alloc_type Alloc_With_Allocator. */
void *adapter_malloc(int usage, unsigned int size);
void *adapter_realloc(int usage, bool full_size_mmaped, void *block, unsigned int size);
void adapter_free(int usage, void *block);

/* Before the engine starts; false when there is no memory for it. */
bool adapter_init(void);
void adapter_destroy(void);

/* The allocator that the linear memories come from, to ask for its figures. */
const wasm_memory_allocator_t *adapter_allocator(void);

#endif
