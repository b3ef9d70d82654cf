// The header alone, twice, and then the interpreter of access_codegen.c as C++.
#include "wasm_memory_access.h"
#include "wasm_memory_access.h"

#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wold-style-cast" // which C has no other casts than
#endif
#include "access_codegen.c"
