/* The test of the test: memories that break their promises on purpose. */
#ifndef CORE_TESTS_BROKEN_H
#define CORE_TESTS_BROKEN_H

#include <sys/mman.h>
#include <unistd.h>

#include "engine.h"

typedef enum broken_t { WHOLE, OPEN_PAGE, DIRTY_GROWTH } broken_t;

/* Stands between the engine and the adapter. */
typedef struct broken_memory_t {
  wasmtime_linear_memory_t whole;
  broken_t how;
} broken_memory_t;

typedef struct broken_creator_t {
  wasmtime_memory_creator_t whole;
  broken_t how;
} broken_creator_t;

static uint8_t *broken_get(void *env, size_t *byte_size, size_t *byte_capacity) {
  broken_memory_t *memory = env;
  return memory->whole.get_memory(memory->whole.env, byte_size, byte_capacity);
}

/* One host page past the end is accessible. */
static void open_page(broken_memory_t *memory) {
  size_t size, capacity;
  uint8_t *base = broken_get(memory, &size, &capacity);
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t end = (size + page - 1) / page * page;
  if (end < capacity) {
    mprotect(base + end, page, PROT_READ | PROT_WRITE);
  }
}

static wasmtime_error_t *broken_grow(void *env, size_t new_byte_size) {
  broken_memory_t *memory = env;
  size_t old, capacity;
  broken_get(memory, &old, &capacity);
  wasmtime_error_t *error = memory->whole.grow_memory(memory->whole.env, new_byte_size);
  if (error == NULL && memory->how == OPEN_PAGE) {
    open_page(memory);
  }
  if (error == NULL && memory->how == DIRTY_GROWTH && new_byte_size > old) {
    size_t size;
    broken_get(memory, &size, &capacity)[old] = 1;
  }
  return error;
}

static void broken_finalize(void *env) {
  broken_memory_t *memory = env;
  memory->whole.finalizer(memory->whole.env);
  free(memory);
}

static wasmtime_error_t *broken_new(void *env, const wasm_memorytype_t *type, size_t minimum,
                                    size_t maximum, size_t reserved, size_t guard,
                                    wasmtime_linear_memory_t *out) {
  broken_creator_t *creator = env;
  broken_memory_t *memory = malloc(sizeof *memory);
  if (memory == NULL) {
    abort();
  }
  memory->how = creator->how;
  wasmtime_error_t *error = creator->whole.new_memory(creator->whole.env, type, minimum, maximum,
                                                      reserved, guard, &memory->whole);
  if (error != NULL) {
    free(memory);
    return error;
  }
  if (memory->how == OPEN_PAGE) {
    open_page(memory);
  }
  *out = (wasmtime_linear_memory_t){.env = memory,
                                    .get_memory = broken_get,
                                    .grow_memory = broken_grow,
                                    .finalizer = broken_finalize};
  return NULL;
}

static void broken_finalize_creator(void *env) {
  broken_creator_t *creator = env;
  creator->whole.finalizer(creator->whole.env);
  free(creator);
}

static wasmtime_memory_creator_t broken_creator(wasmtime_memory_creator_t whole, broken_t how) {
  broken_creator_t *creator = malloc(sizeof *creator);
  if (creator == NULL) {
    abort();
  }
  *creator = (broken_creator_t){.whole = whole, .how = how};
  return (wasmtime_memory_creator_t){
      .env = creator, .new_memory = broken_new, .finalizer = broken_finalize_creator};
}

#endif
