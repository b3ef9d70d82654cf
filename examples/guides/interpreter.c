/* The memory instructions of an interpreter. */
#include <inttypes.h>
#include <stdio.h>
#include <wasm_memory.h>
#include <wasm_memory_access.h>

enum { CONST, LOCAL_GET, LOCAL_SET, ADD, LOAD, STORE, SIZE, GROW, BRANCH_IF, RETURN };
typedef struct instruction_t { uint8_t opcode; uint32_t immediate; } instruction_t;
typedef enum outcome_t { RETURNED, TRAPPED } outcome_t;

static outcome_t run(const instruction_t *code, wasm_memory_t *memory, uint32_t *result) {
  /* At one address for the memory's whole life. Its fields are read anew by each access, so that
     growth, by whoever, needs no bookkeeping here. */
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  uint32_t stack[16], locals[4] = {0}, *top = stack, value;
  for (const instruction_t *at = code;; at++) {
    switch (at->opcode) {
      case CONST: *top++ = at->immediate; break;
      case LOCAL_GET: *top++ = locals[at->immediate]; break;
      case LOCAL_SET: locals[at->immediate] = *--top; break;
      case ADD: top--; top[-1] += top[0]; break;
      case LOAD:
        if (!wasm_memory_load_i32(view, top[-1], at->immediate, &top[-1])) return TRAPPED;
        break;
      case STORE:
        top -= 2;
        if (!wasm_memory_store_i32(view, top[0], at->immediate, top[1])) return TRAPPED;
        break;
      case SIZE: *top++ = (uint32_t)wasm_memory_size(memory); break;
      case GROW: {
        /* memory.grow answers -1 whatever the reason; the host can still ask for it. */
        uint64_t previous;
        const wasm_memory_status_t status = wasm_memory_grow(memory, top[-1], &previous);
        top[-1] = status == WASM_MEMORY_OK ? (uint32_t)previous : UINT32_MAX;
        break;
      }
      case BRANCH_IF:
        value = *--top;
        if (value != 0) at = code + at->immediate - 1;
        break;
      default: *result = top[-1]; return RETURNED;
    }
  }
}

int main(void) {
  wasm_memory_allocator_t *allocator;
  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED); /* growth is a store */
  if (wasm_memory_allocator_new(config, &allocator) != WASM_MEMORY_OK) return 1;
  wasm_memory_config_delete(config);

  const wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(1),
                                         .maximum = WASM_MEMORY_PAGES(3)};
  wasm_memory_t *memory;
  if (wasm_memory_new_in(allocator, &type, NULL, &memory) != WASM_MEMORY_OK) return 1;

  const instruction_t sum[] = { /* local 0: the address, from 40 down; local 1: the sum */
    {CONST, 40}, {LOCAL_SET, 0},
    {LOCAL_GET, 0}, {CONST, (uint32_t)-4}, {ADD, 0}, {LOCAL_SET, 0},
    {LOCAL_GET, 0}, {LOAD, 0}, {LOCAL_GET, 1}, {ADD, 0}, {LOCAL_SET, 1},
    {LOCAL_GET, 0}, {BRANCH_IF, 2},
    {LOCAL_GET, 1}, {RETURN, 0},
  };
  const instruction_t grow[] = {{CONST, 1}, {GROW, 0}, {SIZE, 0}, {ADD, 0}, {RETURN, 0}};
  const instruction_t too_much[] = {{CONST, 2}, {GROW, 0}, {RETURN, 0}};
  const instruction_t last[] = {{CONST, 0xfffffffc}, {LOAD, 131072}, {RETURN, 0}};

  for (uint32_t i = 0; i < 10; i++) wasm_memory_store_i32(wasm_memory_view(memory), i * 4, 0, i);
  uint32_t result = 0;
  if (run(sum, memory, &result) == RETURNED) printf("sum %" PRIu32 "\n", result);
  if (run(grow, memory, &result) == RETURNED) printf("pages before and after %" PRIu32 "\n", result);
  if (run(too_much, memory, &result) == RETURNED) {
    wasm_memory_error_t error;
    wasm_memory_last_error(&error);
    printf("grow gives %" PRId32 ": %s\n", (int32_t)result,
           error.reason == WASM_MEMORY_REASON_MAXIMUM_EXCEEDED ? "the maximum" : "another reason");
  }
  if (run(last, memory, &result) == TRAPPED) puts("index + offset is never wrapped: a trap");
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
  return 0;
}
