#include <stdio.h>
#include <wasm_memory.h>

int main(void) {
  /* new WebAssembly.Memory({ initial: 10, maximum: 100 }) */
  wasm_memory_descriptor_t descriptor = {
    .initial = WASM_MEMORY_PAGES(10),
    .maximum = WASM_MEMORY_PAGES(100),
  };
  wasm_memory_t *memory;
  wasm_memory_status_t status = wasm_memory_new(&descriptor, &memory);
  if (status != WASM_MEMORY_OK) {
    char why[160];
    wasm_memory_last_error_message(why, sizeof why);
    fprintf(stderr, "%s: %s\n", wasm_memory_status_name(status), why);
    return 1;
  }

  /* new Uint8Array(memory.buffer)[0] = 42 */
  uint8_t *bytes = wasm_memory_data(memory);
  bytes[0] = 42;

  /* memory.grow(1): the bytes stay, the new ones are zero. The base stays too, unless the host had so
     little address space that the memory is movable (wasm_memory_get_layout): so it is asked again. */
  uint64_t previous;
  status = wasm_memory_grow(memory, 1, &previous);
  uint8_t *now = wasm_memory_data(memory);
  printf("%s: %llu -> %llu pages, first byte %d, base %s\n", wasm_memory_status_name(status),
         (unsigned long long)previous, (unsigned long long)wasm_memory_size(memory), now[0],
         now == bytes ? "unchanged" : "moved");

  /* memory.grow(1000): RangeError, and it says why */
  wasm_memory_error_t error;
  status = wasm_memory_grow(memory, 1000, NULL);
  wasm_memory_last_error(&error);
  printf("%s: asked for %llu pages, %llu are the maximum\n", wasm_memory_status_name(status),
         (unsigned long long)error.requested, (unsigned long long)error.available);

  wasm_memory_delete(memory);
  return 0;
}
