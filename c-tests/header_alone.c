/* Nothing before it, so that it must include what it needs; twice, so that its guard must hold. */
#include "wasm_memory.h"
#include "wasm_memory.h"
