/* Compiled, never run: the types of both copies and of the engine are three. */
static inline void use(a_wasm_memory_t *ours, b_wasm_memory_t *others, wasm_memory_t *engines) {
  uint64_t previous;
  if (a_wasm_memory_grow(ours, 1, &previous) == A_WASM_MEMORY_OK &&
      b_wasm_memory_grow(others, 1, &previous) == B_WASM_MEMORY_OK && wasm_memory_grow(engines, 1)) {
    wasm_memory_delete(engines);
  }
#ifdef __cplusplus
  a_wasm_memory::Memory one(a_wasm_memory::Descriptor{});
  b_wasm_memory::Memory two(b_wasm_memory::Descriptor{});
#endif
}
void used(void);
void used(void) { use(NULL, NULL, NULL); }
