/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * libwasm_memory: linear memories for Wasmtime's C API. C11 and C++17, 64-bit hosts.
 *
 * Wasmtime exports wasm_memory_new, _grow, _data, _size and _delete as wasm.h defines them, so this
 * library and the engine meet in one of two ways:
 *
 * Engine loaded: this library is linked, the engine is opened with dlopen(path, RTLD_NOW | RTLD_LOCAL)
 * or LoadLibrary, and <wasmtime.h> is not included. This header declares the few types it needs.
 *
 *   wasm_memory_wasmtime_t engine;
 *   if (!wasm_memory_wasmtime_load(&engine, dlsym, library)) ...
 *
 * Engine linked: this library is a namespaced build, and <wasmtime.h> comes first:
 *
 *   #include <wasmtime.h>
 *   #include <foo_wasm_memory/wasm_memory_wasmtime.h>
 *   foo_wasm_memory_wasmtime_t engine = foo_wasm_memory_wasmtime_linked();
 *
 * Either way, before the engine is made:
 *
 *   wasm_memory_wasmtime_use(&engine, engine_config, allocator);
 *
 * From then on each memory that a module defines is one of this library: grown in place, found by
 * wasm_memory_find, counted by the allocator. wasm_memory_wasmtime_creator gives the
 * wasmtime_memory_creator_t alone.
 *
 * What the engine does not permit: a memory made by the host (wasmtime_memory_new,
 * wasmtime_sharedmemory_new) never asks the creator; export one from a module instead. Data segments
 * are copied at instantiation and not mapped. The pooling allocation strategy takes no creator.
 */
#ifndef WASM_MEMORY_WASMTIME_H_INCLUDED
#define WASM_MEMORY_WASMTIME_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasm_memory.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The engine's own types, under its names. Complete where the engine's are. Once, however many
 * differently prefixed copies of this header there are. */
#if !defined(WASMTIME_API_H) && !defined(WASMTIME_MEMORY_CREATOR_DECLARED)
#define WASMTIME_MEMORY_CREATOR_DECLARED
typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_memorytype_t wasm_memorytype_t;
typedef struct wasmtime_error wasmtime_error_t;

/* One linear memory as the engine calls it. NULL as an error means success. */
typedef struct wasmtime_linear_memory {
  void *env;
  uint8_t *(*get_memory)(void *env, size_t *byte_size, size_t *byte_capacity);
  wasmtime_error_t *(*grow_memory)(void *env, size_t new_byte_size);
  void (*finalizer)(void *env);
} wasmtime_linear_memory_t;

/* Sizes in bytes; a memory without a maximum has SIZE_MAX or its address type's limit there. */
typedef struct wasmtime_memory_creator {
  void *env;
  wasmtime_error_t *(*new_memory)(void *env, const wasm_memorytype_t *type, size_t minimum,
                                  size_t maximum, size_t reserved, size_t guard,
                                  wasmtime_linear_memory_t *out);
  void (*finalizer)(void *env);
} wasmtime_memory_creator_t;
#endif

/** The functions of the engine that are called here. */
typedef struct wasm_memory_wasmtime_t {
  /** wasmtime_error_new. */
  wasmtime_error_t *(*error_new)(const char *message);
  /** wasmtime_memorytype_minimum. */
  uint64_t (*memorytype_minimum)(const wasm_memorytype_t *type);
  /** wasmtime_memorytype_maximum. */
  bool (*memorytype_maximum)(const wasm_memorytype_t *type, uint64_t *maximum);
  /** wasmtime_memorytype_is64. */
  bool (*memorytype_is64)(const wasm_memorytype_t *type);
  /** wasmtime_memorytype_isshared. */
  bool (*memorytype_isshared)(const wasm_memorytype_t *type);
  /** wasmtime_memorytype_page_size. */
  uint64_t (*memorytype_page_size)(const wasm_memorytype_t *type);
  /** wasmtime_config_host_memory_creator_set. */
  void (*config_host_memory_creator_set)(wasm_config_t *config,
                                         const wasmtime_memory_creator_t *creator);
  /** wasmtime_config_memory_init_cow_set. */
  void (*config_memory_init_cow_set)(wasm_config_t *config, bool enabled);
} wasm_memory_wasmtime_t;

/** The address space in bytes that the engine asks for, unless its configuration says otherwise; its
 * compiled code compares no index within it. */
#define WASM_MEMORY_WASMTIME_RESERVATION (UINT64_C(4) << 30)
/** The guard in bytes that it asks for after that. */
#define WASM_MEMORY_WASMTIME_GUARD (UINT64_C(32) << 20)

#ifdef WASMTIME_API_H
/** The functions of the engine that the program is linked with. */
static inline wasm_memory_wasmtime_t wasm_memory_wasmtime_linked(void) {
  wasm_memory_wasmtime_t engine;
  engine.error_new = wasmtime_error_new;
  engine.memorytype_minimum = wasmtime_memorytype_minimum;
  engine.memorytype_maximum = wasmtime_memorytype_maximum;
  engine.memorytype_is64 = wasmtime_memorytype_is64;
  engine.memorytype_isshared = wasmtime_memorytype_isshared;
  engine.memorytype_page_size = wasmtime_memorytype_page_size;
  engine.config_host_memory_creator_set = wasmtime_config_host_memory_creator_set;
  engine.config_memory_init_cow_set = wasmtime_config_memory_init_cow_set;
  return engine;
}
#endif

/**
 * The functions of an engine that was loaded at run time.
 *
 * symbol: dlsym, or a function like it. library: what it gets as its first argument; never unloaded, for
 * the engine keeps signal handlers. False when a function is missing; *out is then not usable.
 */
static inline bool wasm_memory_wasmtime_load(wasm_memory_wasmtime_t *out,
                                             void *(*symbol)(void *library, const char *name),
                                             void *library) {
  static const char *const names[] = {
      "wasmtime_error_new",           "wasmtime_memorytype_minimum",
      "wasmtime_memorytype_maximum",  "wasmtime_memorytype_is64",
      "wasmtime_memorytype_isshared", "wasmtime_memorytype_page_size",
      "wasmtime_config_host_memory_creator_set", "wasmtime_config_memory_init_cow_set",
  };
  void *found[sizeof names / sizeof names[0]];
  size_t i;
  for (i = 0; i < sizeof names / sizeof names[0]; i++) {
    found[i] = symbol(library, names[i]);
    if (found[i] == NULL) {
      return false;
    }
  }
  /* memcpy, for ISO C has no cast from an object pointer to a function pointer. */
#define WASM_MEMORY_WASMTIME_TAKE(member, index)                                                   \
  memcpy(&out->member, &found[index], sizeof found[index])
  WASM_MEMORY_WASMTIME_TAKE(error_new, 0);
  WASM_MEMORY_WASMTIME_TAKE(memorytype_minimum, 1);
  WASM_MEMORY_WASMTIME_TAKE(memorytype_maximum, 2);
  WASM_MEMORY_WASMTIME_TAKE(memorytype_is64, 3);
  WASM_MEMORY_WASMTIME_TAKE(memorytype_isshared, 4);
  WASM_MEMORY_WASMTIME_TAKE(memorytype_page_size, 5);
  WASM_MEMORY_WASMTIME_TAKE(config_host_memory_creator_set, 6);
  WASM_MEMORY_WASMTIME_TAKE(config_memory_init_cow_set, 7);
#undef WASM_MEMORY_WASMTIME_TAKE
  return true;
}

/**
 * A config whose memories have the reservation and guard that the engine asks for by default, to which
 * a pool, quotas or a limiter can be added. Given back with wasm_memory_config_delete; NULL when there
 * is no memory for it.
 */
static inline wasm_memory_config_t *wasm_memory_wasmtime_config_new(void) {
  wasm_memory_config_t *config = wasm_memory_config_new();
  if (config != NULL) {
    wasm_memory_config_set_reservation(config, WASM_MEMORY_WASMTIME_RESERVATION);
    wasm_memory_config_set_guards(config, 0, WASM_MEMORY_WASMTIME_GUARD);
    wasm_memory_config_set_movable(config, true); /* an i64 memory, past its reservation */
  }
  return config;
}

/* ---- What the engine calls ---- */

struct wasm_memory_wasmtime_creator_state {
  wasm_memory_wasmtime_t engine;
  wasm_memory_allocator_t *allocator;
};

/* Needs nothing of the creator: a memory may outlive it. */
struct wasm_memory_wasmtime_memory_state {
  wasm_memory_t *memory;
  wasmtime_error_t *(*error_new)(const char *message);
};

static inline wasmtime_error_t *
wasm_memory_wasmtime_last_error(wasmtime_error_t *(*error_new)(const char *message)) {
  char message[256];
  wasm_memory_last_error_message(message, sizeof message);
  return error_new(message);
}

static inline uint8_t *wasm_memory_wasmtime_get(void *env, size_t *byte_size,
                                                size_t *byte_capacity) {
  const wasm_memory_t *memory = ((struct wasm_memory_wasmtime_memory_state *)env)->memory;
  wasm_memory_layout_t layout;
  wasm_memory_get_layout(memory, &layout);
  /* Not the view's plain field: the length of a shared memory changes under other threads. */
  *byte_size = (size_t)wasm_memory_byte_length(memory);
  /* The engine aborts if the base moves below the capacity; the reservation promises it stays. */
  *byte_capacity = (size_t)layout.reservation;
  return wasm_memory_view(memory)->base;
}

static inline wasmtime_error_t *wasm_memory_wasmtime_grow(void *env, size_t new_byte_size) {
  struct wasm_memory_wasmtime_memory_state *state = (struct wasm_memory_wasmtime_memory_state *)env;
  wasm_memory_descriptor_t type;
  if (wasm_memory_get_type(state->memory, &type) == WASM_MEMORY_OK) {
    /* The engine names the new size, a whole number of pages and never smaller than the old one. */
    uint64_t delta = (new_byte_size - wasm_memory_byte_length(state->memory)) / type.page_size;
    if (wasm_memory_grow(state->memory, delta, NULL) == WASM_MEMORY_OK) {
      return NULL;
    }
  }
  /* -1 for the module, an error for the host */
  return wasm_memory_wasmtime_last_error(state->error_new);
}

static inline void wasm_memory_wasmtime_finalize(void *env) {
  struct wasm_memory_wasmtime_memory_state *state = (struct wasm_memory_wasmtime_memory_state *)env;
  wasm_memory_delete(state->memory);
  free(state);
}

static inline wasm_memory_descriptor_t
wasm_memory_wasmtime_describe(const wasm_memory_wasmtime_t *engine, const wasm_memorytype_t *type) {
  /* The JavaScript interface's limit of a declared maximum, in pages of 64 KiB. */
  const uint64_t largest = (UINT64_C(1) << 37) - 1;
  wasm_memory_descriptor_t descriptor;
  uint64_t maximum;
  memset(&descriptor, 0, sizeof descriptor);
  descriptor.initial = WASM_MEMORY_PAGES(engine->memorytype_minimum(type));
  descriptor.shared = engine->memorytype_isshared(type);
  descriptor.address =
      engine->memorytype_is64(type) ? WASM_MEMORY_ADDRESS_I64 : WASM_MEMORY_ADDRESS_I32;
  descriptor.page_size = (uint32_t)engine->memorytype_page_size(type);
  if (engine->memorytype_maximum(type, &maximum)) {
    /* A module may declare more, which the engine enforces; no memory gets near it. Left out, but
     * cut where the memory is shared, as that one must have a maximum. */
    if (maximum <= largest || descriptor.page_size == 1) {
      descriptor.maximum = WASM_MEMORY_PAGES(maximum);
    } else if (descriptor.shared) {
      descriptor.maximum = WASM_MEMORY_PAGES(largest);
    }
  }
  return descriptor;
}

/* The limits in bytes are those of the type in pages; only the type tells an absent maximum. */
static inline wasmtime_error_t *
wasm_memory_wasmtime_new_memory(void *env, const wasm_memorytype_t *type, size_t minimum,
                                size_t maximum, size_t reserved, size_t guard,
                                wasmtime_linear_memory_t *out) {
  const struct wasm_memory_wasmtime_creator_state *creator =
      (const struct wasm_memory_wasmtime_creator_state *)env;
  wasm_memory_descriptor_t descriptor = wasm_memory_wasmtime_describe(&creator->engine, type);
  wasm_memory_layout_t layout;
  struct wasm_memory_wasmtime_memory_state *state =
      (struct wasm_memory_wasmtime_memory_state *)malloc(sizeof *state);
  (void)minimum;
  (void)maximum;
  if (state == NULL) {
    return creator->engine.error_new("out of memory");
  }
  state->error_new = creator->engine.error_new;
  if (wasm_memory_new_in(creator->allocator, &descriptor, NULL, &state->memory) !=
      WASM_MEMORY_OK) {
    free(state);
    return wasm_memory_wasmtime_last_error(creator->engine.error_new);
  }

  /* Compiled code without bounds checks is safe only inside exactly this. */
  wasm_memory_get_layout(state->memory, &layout);
  if (layout.reservation < reserved || layout.guard_after < guard ||
      ((reserved != 0 || guard != 0) && !layout.exact_protection)) {
    char message[256];
    snprintf(message, sizeof message,
             "the allocator gives a reservation of %llu and a guard of %llu bytes%s, "
             "the engine needs %llu and %llu, protected",
             (unsigned long long)layout.reservation, (unsigned long long)layout.guard_after,
             layout.exact_protection ? "" : ", not protected", (unsigned long long)reserved,
             (unsigned long long)guard);
    wasm_memory_wasmtime_finalize(state);
    return creator->engine.error_new(message);
  }

  out->env = state;
  out->get_memory = wasm_memory_wasmtime_get;
  out->grow_memory = wasm_memory_wasmtime_grow;
  out->finalizer = wasm_memory_wasmtime_finalize;
  return NULL;
}

static inline void wasm_memory_wasmtime_finalize_creator(void *env) {
  struct wasm_memory_wasmtime_creator_state *creator =
      (struct wasm_memory_wasmtime_creator_state *)env;
  wasm_memory_allocator_delete(creator->allocator);
  free(creator);
}

/* ---- What the embedder calls ---- */

/**
 * The creator of memories, for wasmtime_config_host_memory_creator_set, which takes it over.
 *
 * allocator: where memories come from; the creator keeps a reference. It must give what the engine's
 * configuration asks for, as one made from wasm_memory_wasmtime_config_new does, or else instantiation
 * is an error that names the numbers. NULL makes one. wasm_memory_wasmtime_use says what else the
 * engine must be told. A creator that no engine took is given back by calling its finalizer.
 *
 * WASM_MEMORY_TYPE_ERROR: a bad allocator (INVALID_HANDLE). WASM_MEMORY_RANGE_ERROR: as for
 * wasm_memory_allocator_new. *out is written only on success.
 */
static inline wasm_memory_status_t wasm_memory_wasmtime_creator(const wasm_memory_wasmtime_t *engine,
                                                                wasm_memory_allocator_t *allocator,
                                                                wasmtime_memory_creator_t *out) {
  wasm_memory_status_t status = WASM_MEMORY_OK;
  struct wasm_memory_wasmtime_creator_state *creator;
  wasm_memory_allocator_t *own = NULL;
  if (allocator == NULL) {
    wasm_memory_config_t *config = wasm_memory_wasmtime_config_new();
    /* A NULL config would mean the library's defaults, whose guards are smaller. */
    status = config == NULL ? WASM_MEMORY_RANGE_ERROR : wasm_memory_allocator_new(config, &own);
    wasm_memory_config_delete(config);
  } else {
    own = wasm_memory_allocator_retain(allocator);
    status = own == NULL ? WASM_MEMORY_TYPE_ERROR : WASM_MEMORY_OK;
  }
  if (status != WASM_MEMORY_OK) {
    return status;
  }
  creator = (struct wasm_memory_wasmtime_creator_state *)malloc(sizeof *creator);
  if (creator == NULL) {
    wasm_memory_allocator_delete(own);
    return WASM_MEMORY_RANGE_ERROR;
  }
  creator->engine = *engine;
  creator->allocator = own;
  out->env = creator;
  out->new_memory = wasm_memory_wasmtime_new_memory;
  out->finalizer = wasm_memory_wasmtime_finalize_creator;
  return WASM_MEMORY_OK;
}

/**
 * Makes the engines of a configuration take their memories from an allocator.
 *
 * Sets the creator, and memory_init_cow to false: the engine maps data segments copy-on-write only over
 * mappings of its own, and with its default it aborts the process at the first module that has a data
 * segment. allocator and errors: as for wasm_memory_wasmtime_creator.
 */
static inline wasm_memory_status_t wasm_memory_wasmtime_use(const wasm_memory_wasmtime_t *engine,
                                                            wasm_config_t *config,
                                                            wasm_memory_allocator_t *allocator) {
  wasmtime_memory_creator_t creator;
  wasm_memory_status_t status = wasm_memory_wasmtime_creator(engine, allocator, &creator);
  if (status == WASM_MEMORY_OK) {
    engine->config_host_memory_creator_set(config, &creator);
    engine->config_memory_init_cow_set(config, false);
  }
  return status;
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* WASM_MEMORY_WASMTIME_H_INCLUDED */
