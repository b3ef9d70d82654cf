/* Initialise once, run each request on a copy: images, snapshots and reset. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <wasm_memory.h>

static void show(const char *when, wasm_memory_t *memory) {
  printf("%-18s %" PRIu64 " pages, \"%s\"\n", when, wasm_memory_size(memory),
         (const char *)wasm_memory_data(memory) + 4096);
}

int main(void) {
  /* A module's data segment, as an image: mapped copy-on-write into each memory that starts from it. */
  const char segment[] = "initial data";
  wasm_memory_image_t *data, *warm;
  if (wasm_memory_image_new((const uint8_t *)segment, sizeof segment, 4096, &data) != WASM_MEMORY_OK) return 1;
  const wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(1), .maximum = WASM_MEMORY_PAGES(10)};
  wasm_memory_t *memory;
  if (wasm_memory_new_in(NULL, &type, data, &memory) != WASM_MEMORY_OK) return 1;
  show("from the image:", memory);

  /* The module's start function has run: freeze what it left, its size included. */
  wasm_memory_grow(memory, 1, NULL);
  strcpy((char *)wasm_memory_data(memory) + 4096, "warmed up");
  if (wasm_memory_snapshot(memory, &warm) != WASM_MEMORY_OK) return 1;

  for (int request = 1; request <= 2; request++) {
    wasm_memory_buffer_t *buffer;
    if (wasm_memory_buffer(memory, &buffer) != WASM_MEMORY_OK) return 1;
    show("a request starts:", memory);
    strcpy((char *)wasm_memory_data(memory) + 4096, "left by a request");
    wasm_memory_grow(memory, 3, NULL);
    show("and ends:", memory);
    if (wasm_memory_reset(memory, warm) != WASM_MEMORY_OK) return 1; /* size and bytes, in place */
    if (!wasm_memory_buffer_is_detached(buffer)) return 1;           /* as every buffer of it is */
    wasm_memory_buffer_delete(buffer);
  }

  /* Another memory from the snapshot. Its type must be the snapshot's own. */
  wasm_memory_descriptor_t exact;
  wasm_memory_image_get_type(warm, &exact);
  wasm_memory_t *second, *third;
  if (wasm_memory_new_in(NULL, &exact, warm, &second) != WASM_MEMORY_OK) return 1;
  show("a second memory:", second);
  if (wasm_memory_new_in(NULL, &type, warm, &third) != WASM_MEMORY_OK) {
    wasm_memory_error_t error;
    wasm_memory_last_error(&error);
    printf("of another size:   %s\n",
           error.reason == WASM_MEMORY_REASON_IMAGE_DOES_NOT_FIT ? "IMAGE_DOES_NOT_FIT" : "?");
  }

  wasm_memory_reset(memory, NULL); /* zeros, and the size that it was made with */
  show("reset to zeros:", memory);
  wasm_memory_image_delete(warm); /* memories that started from it keep their bytes */
  wasm_memory_image_delete(data);
  wasm_memory_delete(second);
  wasm_memory_delete(memory);
  return 0;
}
