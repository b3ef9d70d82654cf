/* A library loaded beside the engine: loads <library> <prefix of its names> local|global. The engine is linked, or with
 * ENGINE loaded after the library. */
#define _POSIX_C_SOURCE 200809L
#include <a_wasm_memory/wasm_memory.h>

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) {                                              \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                      \
    }                                                                \
  } while (0)

static bool look_up(void *library, const char *prefix, const char *name, void *function) {
  char full[128];
  snprintf(full, sizeof full, "%s%s", prefix, name);
  void *found = dlsym(library, full);
  if (found == NULL) fprintf(stderr, "no %s\n", full);
  memcpy(function, &found, sizeof found);
  return found != NULL;
}

/* A memory of the engine, by the names that `library` gives. */
static int engines_memory(void *library) {
  struct { uint32_t min, max; } limits = {1, 3};
  void *(*engine_new)(void), *(*store_new)(void *), *(*memorytype_new)(const void *), *(*memory_new)(void *, void *);
  bool (*grow)(void *, uint32_t);
  uint32_t (*size)(const void *);
  CHECK(look_up(library, "", "wasm_engine_new", &engine_new) && look_up(library, "", "wasm_store_new", &store_new));
  CHECK(look_up(library, "", "wasm_memorytype_new", &memorytype_new));
  CHECK(look_up(library, "", "wasm_memory_new", &memory_new) && look_up(library, "", "wasm_memory_grow", &grow));
  CHECK(look_up(library, "", "wasm_memory_size", &size));
  void *memory = memory_new(store_new(engine_new()), memorytype_new(&limits));
  CHECK(memory != NULL && grow(memory, 2) && !grow(memory, 1) && size(memory) == 3);
  return 0;
}

int main(int argc, char **argv) {
  CHECK(argc == 4);
  const char *prefix = argv[2];
  bool global = strcmp(argv[3], "global") == 0;
  void *library = dlopen(argv[1], RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL));
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != NULL);
#ifdef ENGINE
  void *engine = dlopen(ENGINE, RTLD_NOW | RTLD_LOCAL);
#else
  void *engine = dlopen(NULL, RTLD_NOW);
#endif
  CHECK(engine != NULL);
  CHECK(engines_memory(engine) == 0);

  /* The types are those of the prefixed header; the plain library's are the same. */
  a_wasm_memory_status_t (*create)(const a_wasm_memory_descriptor_t *, a_wasm_memory_t **);
  a_wasm_memory_status_t (*grow)(a_wasm_memory_t *, uint64_t, uint64_t *);
  uint8_t *(*data)(const a_wasm_memory_t *);
  uint64_t (*size)(const a_wasm_memory_t *);
  void (*delete)(a_wasm_memory_t *);
  CHECK(look_up(library, prefix, "wasm_memory_new", &create) && look_up(library, prefix, "wasm_memory_grow", &grow));
  CHECK(look_up(library, prefix, "wasm_memory_data", &data) && look_up(library, prefix, "wasm_memory_size", &size));
  CHECK(look_up(library, prefix, "wasm_memory_delete", &delete));
  a_wasm_memory_descriptor_t descriptor = {.initial = A_WASM_MEMORY_PAGES(2)};
  a_wasm_memory_t *memory = NULL;
  uint64_t previous = 0;
  CHECK(create(&descriptor, &memory) == A_WASM_MEMORY_OK);
  CHECK(grow(memory, 5, &previous) == A_WASM_MEMORY_OK && previous == 2 && size(memory) == 7);
  data(memory)[7 * 65536 - 1] = 1;
  delete(memory);
  CHECK(dlclose(library) == 0);
  CHECK(engines_memory(engine) == 0);
  return 0;
}
