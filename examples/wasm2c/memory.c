/* wasm2c's three functions for memories, on this library. They are linked in place of the runtime's by
 * ld's --wrap, as some releases have all of the runtime in one object. */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

/* What the struct and the functions look like in the release at hand; CMake finds out. Up to 1.0.32
 * sizes have 32 bits; from 1.0.33 on 64, and is64; then page_size; from 1.0.38 on data_end. */
#if WASM2C_HAS_IS64
typedef uint64_t pages_t;
#else
typedef uint32_t pages_t;
/* The size in bytes of 65536 pages does not fit into the engine's 32 bits. */
static const uint64_t most_pages = 65535;
#endif

/* The JavaScript interface's limit of a declared maximum; here the engine's own field bounds growth. */
static const uint64_t largest_maximum = (UINT64_C(1) << 37) - 1;

static wasm_memory_allocator_t *guarded, *checked;

/* The engine's interface has no error: its own runtime aborts too. */
static void fail(const char *what) {
  char why[192];
  wasm_memory_last_error_message(why, sizeof why);
  fprintf(stderr, "%s: %s\n", what, why);
  abort();
}

static wasm_memory_allocator_t *make_allocator(bool guards) {
  wasm_memory_config_t *config = wasm_memory_config_new();
  if (config == NULL) {
    abort();
  }
  if (guards) {
    /* Index and offset have 32 bits each; the widest access at their sum reaches into the guard. */
    wasm_memory_config_set_reservation(config, UINT64_C(8) << 30);
    wasm_memory_config_set_guards(config, 0, 65536);
  } else {
    wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
  }
  wasm_memory_allocator_t *allocator = NULL;
  if (wasm_memory_allocator_new(config, &allocator) != WASM_MEMORY_OK) {
    fail("wasm_memory_allocator_new");
  }
  wasm_memory_config_delete(config);
  return allocator;
}

/* A module is instantiated on one thread here; an engine with more makes these before it starts. */
static wasm_memory_allocator_t *allocator_for(bool guards) {
  wasm_memory_allocator_t **allocator = guards ? &guarded : &checked;
  if (*allocator == NULL) {
    *allocator = make_allocator(guards);
  }
  return *allocator;
}

const wasm_memory_allocator_t *memory_allocator(void) { return allocator_for(GUARDED); }

/* The struct has no room for a pointer of ours, but its bytes tell whose they are. */
wasm_memory_t *memory_of(const wasm_rt_memory_t *memory) {
  wasm_memory_location_t location;
  if (!wasm_memory_find(memory->data, &location) || location.offset != 0) {
    return NULL;
  }
  return (wasm_memory_t *)location.memory;
}

static void refresh(wasm_rt_memory_t *engine, const wasm_memory_t *memory) {
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  engine->data = view->base;
  engine->size = (pages_t)view->byte_length;
  engine->pages = (pages_t)wasm_memory_size(memory);
#if WASM2C_HAS_DATA_END
  wasm_memory_layout_t layout;
  wasm_memory_get_layout(memory, &layout);
  engine->data_end = view->base + layout.reservation;
#endif
}

static void allocate(wasm_rt_memory_t *engine, wasm_memory_descriptor_t descriptor, uint64_t max,
                     bool guards) {
  /* An absent maximum arrives as the limit of the address type, which may be more than may be declared. */
  if (max <= largest_maximum) {
    descriptor.maximum = WASM_MEMORY_PAGES(max);
  }
  wasm_memory_t *memory = NULL;
  if (wasm_memory_new_in(allocator_for(guards), &descriptor, NULL, &memory) != WASM_MEMORY_OK) {
    fail("wasm_memory_new_in");
  }
  wasm_memory_layout_t layout;
  wasm_memory_get_layout(memory, &layout);
  if (guards && !(layout.elides_i32_checks && layout.elidable_offset >= UINT32_MAX)) {
    fprintf(stderr, "the memory is not protected as the engine needs it\n");
    abort();
  }
  refresh(engine, memory);
}

static bool grow(wasm_rt_memory_t *engine, uint64_t delta) {
  wasm_memory_t *memory = memory_of(engine);
  if (delta > engine->max_pages - engine->pages ||
      wasm_memory_grow(memory, delta, NULL) != WASM_MEMORY_OK) {
    return false;
  }
  refresh(engine, memory);
  return true;
}

#if WASM2C_HAS_IS64
#if WASM2C_HAS_PAGE_SIZE
void __wrap_wasm_rt_allocate_memory(wasm_rt_memory_t *engine, uint64_t initial, uint64_t max,
                                    bool is64, uint32_t page_size) {
  engine->page_size = page_size;
#else
void __wrap_wasm_rt_allocate_memory(wasm_rt_memory_t *engine, uint64_t initial, uint64_t max,
                                    bool is64) {
  const uint32_t page_size = 65536;
#endif
  engine->is64 = is64;
  engine->max_pages = max;
  /* The engine checks every access of the others. */
  bool guards = GUARDED && !is64 && page_size == 65536;
  wasm_memory_descriptor_t descriptor = {
      .initial = WASM_MEMORY_PAGES(initial),
      .address = is64 ? WASM_MEMORY_ADDRESS_I64 : WASM_MEMORY_ADDRESS_I32,
      .page_size = page_size,
  };
  allocate(engine, descriptor, max, guards);
}
#else
void __wrap_wasm_rt_allocate_memory(wasm_rt_memory_t *engine, uint32_t initial, uint32_t max) {
  if (initial > most_pages) {
    fprintf(stderr, "this wasm2c cannot tell the size of 65536 pages\n");
    abort();
  }
  engine->max_pages = max < most_pages ? max : (uint32_t)most_pages;
  wasm_memory_descriptor_t descriptor = {.initial = WASM_MEMORY_PAGES(initial)};
  allocate(engine, descriptor, engine->max_pages, GUARDED);
}
#endif

pages_t __wrap_wasm_rt_grow_memory(wasm_rt_memory_t *engine, pages_t delta) {
  pages_t previous = engine->pages;
  return grow(engine, delta) ? previous : (pages_t)-1;
}

void __wrap_wasm_rt_free_memory(wasm_rt_memory_t *engine) {
  wasm_memory_delete(memory_of(engine));
  engine->data = NULL;
}
