/* The memories behind wasm2c's generated code. */
#ifndef WASM2C_EXAMPLE_MEMORY_H
#define WASM2C_EXAMPLE_MEMORY_H

#include <wasm-rt.h>
#include <wasm_memory.h>

/* Does the code that is generated leave bounds checks to guard pages? */
#if defined(WASM_RT_MEMCHECK_GUARD_PAGES)
#define GUARDED WASM_RT_MEMCHECK_GUARD_PAGES
#else
#define GUARDED WASM_RT_MEMCHECK_SIGNAL_HANDLER
#endif

/* The allocator that all of them come from, to ask for its figures. */
const wasm_memory_allocator_t *memory_allocator(void);

/* The memory behind a struct of the engine; NULL when it is none of ours. */
wasm_memory_t *memory_of(const wasm_rt_memory_t *memory);

#endif
