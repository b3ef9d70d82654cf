#include "wasm2c.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

wasm2c_library_t wasm2c;
const char wasm2c_missing[] = "the source of wasm2c's runtime is not here (Debian: wabt)";

static const char *library_path;

void wasm2c_set_path(const char *path) { library_path = path; }

void wasm2c_delete(wasm2c_memory_t *memory) { munmap(memory->data, 8 * GIB); }

/* Later versions have another struct: its fields must be where these are. */
static bool is_this_version(void) {
  wasm2c_memory_t memory = {0};
  wasm2c.allocate(&memory, 1, 10);
  bool is = memory.data != NULL && memory.pages == 1 && memory.max_pages == 10 &&
            memory.size == WASM_PAGE;
  if (is) {
    wasm2c_delete(&memory);
  }
  return is;
}

bool wasm2c_load(void) {
  static bool tried, loaded;
  if (!tried && library_path != NULL) {
    tried = true;
    void *library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
    void *allocate = library == NULL ? NULL : dlsym(library, "wasm_rt_allocate_memory");
    void *grow = library == NULL ? NULL : dlsym(library, "wasm_rt_grow_memory");
    if (allocate == NULL || grow == NULL) {
      fprintf(stderr, "bench: %s\n", dlerror());
      return false;
    }
    memcpy(&wasm2c.allocate, &allocate, sizeof allocate);
    memcpy(&wasm2c.grow, &grow, sizeof grow);
    loaded = is_this_version();
  }
  return loaded;
}
