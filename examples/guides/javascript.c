/* What a binding of WebAssembly.Memory does, line by line. */
#include <inttypes.h>
#include <stdio.h>
#include <wasm_memory.h>

/* The exception that a JavaScript engine throws for a failed call. */
static void throw_as(const char *what, wasm_memory_status_t status) {
  char message[160] = "";
  if (status != WASM_MEMORY_OK) wasm_memory_last_error_message(message, sizeof message);
  printf("%s: %s %s\n", what, wasm_memory_status_name(status), message);
}

int main(void) {
  /* const memory = new WebAssembly.Memory({initial: 1, maximum: 4}) */
  const wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(1),
                                         .maximum = WASM_MEMORY_PAGES(4)};
  wasm_memory_t *memory;
  if (wasm_memory_new(&type, &memory) != WASM_MEMORY_OK) return 1;

  /* memory.buffer === memory.buffer */
  wasm_memory_buffer_t *first, *again, *next;
  if (wasm_memory_buffer(memory, &first) != WASM_MEMORY_OK) return 1;
  if (wasm_memory_buffer(memory, &again) != WASM_MEMORY_OK) return 1;
  printf("the same buffer: %d\n", first == again);
  wasm_memory_buffer_delete(again); /* each call that returns one adds a reference */

  /* memory.grow(0) detaches too; memory.buffer is then another object */
  wasm_memory_grow(memory, 0, NULL);
  if (wasm_memory_buffer(memory, &next) != WASM_MEMORY_OK) return 1;
  printf("detached: %d, its length: %" PRIu64 ", the next one's: %" PRIu64 "\n",
         wasm_memory_buffer_is_detached(first), wasm_memory_buffer_byte_length(first),
         wasm_memory_buffer_byte_length(next));
  wasm_memory_buffer_delete(first);
  wasm_memory_buffer_delete(next);

  /* const resizable = memory.toResizableBuffer(); resizable.resize(131072) */
  wasm_memory_buffer_t *resizable;
  if (wasm_memory_to_resizable_buffer(memory, &resizable) != WASM_MEMORY_OK) return 1;
  throw_as("resize to 2 pages", wasm_memory_buffer_resize(resizable, 131072));
  throw_as("resize by a part of a page", wasm_memory_buffer_resize(resizable, 131073));
  printf("memory.size: %" PRIu64 ", detached: %d\n", wasm_memory_size(memory),
         wasm_memory_buffer_is_detached(resizable));

  throw_as("transfer", wasm_memory_buffer_transfer(resizable));
  wasm_memory_t *sent;
  throw_as("postMessage(memory)", wasm_memory_send(memory, &sent));
  const wasm_memory_descriptor_t no_size = {.maximum = WASM_MEMORY_PAGES(1)};
  throw_as("new Memory({maximum: 1})", wasm_memory_new(&no_size, &sent));
  const wasm_memory_descriptor_t too_large = {.initial = WASM_MEMORY_PAGES(65537)};
  throw_as("new Memory({initial: 65537})", wasm_memory_new(&too_large, &sent));
  const wasm_memory_descriptor_t import = {.initial = WASM_MEMORY_PAGES(3)};
  throw_as("an import of 3 pages", wasm_memory_match(memory, &import));
  throw_as("memory.fill past the end", wasm_memory_bulk_fill(memory, 131071, 0, 2));

  wasm_memory_buffer_delete(resizable);
  wasm_memory_delete(memory);
  return 0;
}
