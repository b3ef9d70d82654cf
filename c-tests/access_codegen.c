/* What an interpreter makes of wasm_memory_access.h: compiled to assembly by the test of access.cmake, which counts instructions in it. */
#include "wasm_memory_access.h"

#define TRAPPED UINT64_MAX

/* An i32 memory: the index and the immediate are 32 bits wide, so that the sum cannot overflow 64. */
uint64_t load_of_i32_memory(const wasm_memory_view_t *view, uint32_t index, uint32_t offset);
uint64_t load_of_i32_memory(const wasm_memory_view_t *view, uint32_t index, uint32_t offset) {
  uint32_t value;
  return wasm_memory_load_i32(view, index, offset, &value) ? value : TRAPPED;
}

uint64_t store_to_i32_memory(const wasm_memory_view_t *view, uint32_t index, uint32_t offset, uint32_t value);
uint64_t store_to_i32_memory(const wasm_memory_view_t *view, uint32_t index, uint32_t offset, uint32_t value) {
  return wasm_memory_store_i32(view, index, offset, value) ? 0 : TRAPPED;
}

/* An i64 memory and an immediate that is known: one overflow check, by the carry. */
uint64_t load_of_i64_memory(const wasm_memory_view_t *view, uint64_t index);
uint64_t load_of_i64_memory(const wasm_memory_view_t *view, uint64_t index) {
  uint32_t value;
  return wasm_memory_load_i32(view, index, 16, &value) ? value : TRAPPED;
}

/* The loop of an interpreter with every kind of load and store in it: all of them are inlined. */
typedef struct instruction {
  uint32_t code, offset;
} instruction;

bool interpret(const wasm_memory_view_t *view, const instruction *at, uint64_t *stack);
bool interpret(const wasm_memory_view_t *view, const instruction *at, uint64_t *stack) {
  for (;; at++) {
    const uint32_t index = (uint32_t)stack[0];
    uint32_t i32 = 0;
    bool done = true;
    switch (at->code) {
      case 0: return true;
      case 1: done = wasm_memory_load_i32(view, index, at->offset, &i32); stack[0] = i32; break;
      case 2: done = wasm_memory_load_i32_s8(view, index, at->offset, &i32); stack[0] = i32; break;
      case 3: done = wasm_memory_load_i32_u8(view, index, at->offset, &i32); stack[0] = i32; break;
      case 4: done = wasm_memory_load_i32_s16(view, index, at->offset, &i32); stack[0] = i32; break;
      case 5: done = wasm_memory_load_i32_u16(view, index, at->offset, &i32); stack[0] = i32; break;
      case 6: done = wasm_memory_load_i64(view, index, at->offset, stack); break;
      case 7: done = wasm_memory_load_i64_s8(view, index, at->offset, stack); break;
      case 8: done = wasm_memory_load_i64_u8(view, index, at->offset, stack); break;
      case 9: done = wasm_memory_load_i64_s16(view, index, at->offset, stack); break;
      case 10: done = wasm_memory_load_i64_u16(view, index, at->offset, stack); break;
      case 11: done = wasm_memory_load_i64_s32(view, index, at->offset, stack); break;
      case 12: done = wasm_memory_load_i64_u32(view, index, at->offset, stack); break;
      case 13: done = wasm_memory_store_i32(view, index, at->offset, (uint32_t)stack[1]); break;
      case 14: done = wasm_memory_store_i32_8(view, index, at->offset, (uint32_t)stack[1]); break;
      case 15: done = wasm_memory_store_i32_16(view, index, at->offset, (uint32_t)stack[1]); break;
      case 16: done = wasm_memory_store_i64(view, index, at->offset, stack[1]); break;
      case 17: done = wasm_memory_store_i64_8(view, index, at->offset, stack[1]); break;
      case 18: done = wasm_memory_store_i64_16(view, index, at->offset, stack[1]); break;
      case 19: done = wasm_memory_store_i64_32(view, index, at->offset, stack[1]); break;
      case 20: done = wasm_memory_load_v128(view, index, at->offset, (uint8_t *)stack); break;
      case 21: done = wasm_memory_store_v128(view, index, at->offset, (const uint8_t *)stack); break;
      case 22: done = wasm_memory_atomic_load_i64(view, index, at->offset, stack, NULL); break;
      default: return false;
    }
    if (!done) return false;
  }
}
