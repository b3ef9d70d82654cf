/* This library as an embedder has it: the built shared library, called through the addresses of its
 * exported functions. It is loaded by `dlopen` because Wasmtime exports `wasm_memory_new` too. */
#ifndef BENCH_LIBRARY_H
#define BENCH_LIBRARY_H

#include <wasm_memory.h>

#define LIBRARY_FUNCTIONS(F)                                                                       \
  F(new_in) F(grow) F(data) F(size) F(byte_length) F(delete) F(view) F(find)                       \
  F(last_error) F(last_error_message) F(read) F(write) F(bulk_fill) F(bulk_copy) F(buffer)         \
  F(buffer_delete) F(atomic_wait32) F(atomic_notify) F(config_new) F(config_delete)                \
  F(config_set_reservation) F(config_set_guards) F(config_set_bounds) F(config_set_pool)           \
  F(config_set_keep_resident) F(config_set_kept_bytes) F(config_set_prefault) F(allocator_new)     \
  F(allocator_delete) F(allocator_trim) F(image_new) F(image_delete) F(snapshot) F(reset)

/* `ours.grow` is `wasm_memory_grow`, and so on. */
typedef struct library_t {
#define LIBRARY_MEMBER(name) __typeof__(wasm_memory_##name) *name;
  LIBRARY_FUNCTIONS(LIBRARY_MEMBER)
#undef LIBRARY_MEMBER
} library_t;

extern library_t ours;

bool library_load(const char *path);

/* What the cases vary. A zeroed one is the defaults. */
typedef struct library_settings_t {
  bool checked;
  bool prefault;
  bool no_guards;
  uint64_t reservation; /* with guards of 0 and 64 KiB; 0: the defaults */
  uint32_t slots;       /* a pool; 0: none */
  uint64_t slot_bytes;
  bool keep_is_set;
  uint64_t keep_resident;
  uint64_t kept_bytes; /* 0: the default */
} library_settings_t;

wasm_memory_allocator_t *library_allocator(const library_settings_t *settings);

/* NULL after a failure. `maximum` 0: none. */
wasm_memory_t *library_memory(wasm_memory_allocator_t *allocator, uint64_t pages, uint64_t maximum,
                              const wasm_memory_image_t *image);

#endif
