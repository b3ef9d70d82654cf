#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

library_t ours;

bool library_load(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "bench: %s\n", dlerror());
    return false;
  }
  /* memcpy, for ISO C has no cast from an object pointer to a function pointer. */
#define LIBRARY_LOAD(name)                                                                         \
  do {                                                                                             \
    void *symbol = dlsym(library, "wasm_memory_" #name);                                           \
    if (symbol == NULL) {                                                                          \
      fprintf(stderr, "bench: %s\n", dlerror());                                                   \
      return false;                                                                                \
    }                                                                                              \
    memcpy(&ours.name, &symbol, sizeof symbol);                                                    \
  } while (0);
  LIBRARY_FUNCTIONS(LIBRARY_LOAD)
#undef LIBRARY_LOAD
  return true;
}

wasm_memory_allocator_t *library_allocator(const library_settings_t *settings) {
  wasm_memory_config_t *config = ours.config_new();
  wasm_memory_allocator_t *allocator = NULL;
  if (settings->checked) {
    ours.config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
  }
  if (settings->prefault) {
    ours.config_set_prefault(config, true);
  }
  if (settings->reservation != 0) {
    ours.config_set_reservation(config, settings->reservation);
    ours.config_set_guards(config, 0, WASM_PAGE);
  }
  if (settings->no_guards) {
    ours.config_set_guards(config, 0, 0);
  }
  if (settings->slots != 0) {
    ours.config_set_pool(config, settings->slots, settings->slot_bytes);
  }
  if (settings->keep_is_set) {
    ours.config_set_keep_resident(config, settings->keep_resident);
  }
  if (settings->kept_bytes != 0) {
    ours.config_set_kept_bytes(config, settings->kept_bytes);
  }
  if (ours.allocator_new(config, &allocator) != WASM_MEMORY_OK) {
    char why[200];
    ours.last_error_message(why, sizeof why);
    fprintf(stderr, "bench: no allocator: %s\n", why);
  }
  ours.config_delete(config);
  return allocator;
}

wasm_memory_t *library_memory(wasm_memory_allocator_t *allocator, uint64_t pages, uint64_t maximum,
                              const wasm_memory_image_t *image) {
  wasm_memory_descriptor_t descriptor = {.initial = WASM_MEMORY_PAGES(pages)};
  wasm_memory_t *memory = NULL;
  if (maximum != 0) {
    descriptor.maximum = WASM_MEMORY_PAGES(maximum);
  }
  if (ours.new_in(allocator, &descriptor, image, &memory) != WASM_MEMORY_OK) {
    return NULL;
  }
  return memory;
}
