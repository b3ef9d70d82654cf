/* What the address space around memories of several kinds looks like: a line of figures for each. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <wasm_memory.h>

static const uint64_t slot_bytes = UINT64_C(16) << 16;

static void show(const char *kind, wasm_memory_allocator_t *allocator, wasm_memory_descriptor_t type) {
  wasm_memory_layout_t layout;
  wasm_memory_t *memory, *neighbour = NULL;
  if (wasm_memory_new_in(allocator, &type, NULL, &memory) != WASM_MEMORY_OK) {
    char why[160];
    wasm_memory_last_error_message(why, sizeof why);
    fprintf(stderr, "%s: %s\n", kind, why);
    exit(1);
  }
  wasm_memory_get_layout(memory, &layout);
  printf("%s: length %" PRIu64 " reservation %" PRIu64 " before %" PRIu64 " after %" PRIu64
         " movable %d exact %d elides %d offset %" PRIu64,
         kind, wasm_memory_byte_length(memory), layout.reservation, layout.guard_before,
         layout.guard_after, layout.movable, layout.exact_protection, layout.elides_i32_checks,
         layout.elidable_offset);
  if (layout.reservation == slot_bytes && wasm_memory_new_in(allocator, &type, NULL, &neighbour) == WASM_MEMORY_OK) {
    /* How far it is to the next slot, in whichever direction. */
    const int64_t apart = wasm_memory_data(neighbour) - wasm_memory_data(memory);
    printf(" stride %" PRIu64, (uint64_t)(apart < 0 ? -apart : apart));
  }
  printf("\n");
  wasm_memory_delete(neighbour);
  wasm_memory_delete(memory);
}

static wasm_memory_allocator_t *allocator(wasm_memory_config_t *config) {
  wasm_memory_allocator_t *made = NULL;
  if (wasm_memory_allocator_new(config, &made) != WASM_MEMORY_OK) exit(1);
  return made;
}

int main(void) {
  const wasm_memory_descriptor_t plain = {.initial = WASM_MEMORY_PAGES(1)};
  const wasm_memory_descriptor_t limited = {.initial = WASM_MEMORY_PAGES(1), .maximum = WASM_MEMORY_PAGES(100)};
  const wasm_memory_descriptor_t wide = {.initial = WASM_MEMORY_PAGES(1), .address = WASM_MEMORY_ADDRESS_I64};
  const wasm_memory_descriptor_t shared = {
    .initial = WASM_MEMORY_PAGES(1), .maximum = WASM_MEMORY_PAGES(100), .shared = true};

  show("default", NULL, plain);
  show("maximum", NULL, limited);
  show("i64", NULL, wide);
  show("shared", NULL, shared);

  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_reservation(config, UINT64_C(4) << 30);
  wasm_memory_config_set_guards(config, UINT64_C(32) << 20, UINT64_C(32) << 20);
  wasm_memory_allocator_t *guards = allocator(config);
  show("guards", guards, plain);
  wasm_memory_allocator_delete(guards);
  wasm_memory_config_delete(config);

  config = wasm_memory_config_new();
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
  wasm_memory_allocator_t *checked = allocator(config);
  show("checked", checked, limited);
  wasm_memory_allocator_delete(checked);

  wasm_memory_config_set_pool(config, 3, slot_bytes);
  wasm_memory_allocator_t *adjacent = allocator(config);
  show("pool-checked", adjacent, plain);
  wasm_memory_allocator_delete(adjacent);
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_GUARDED);
  wasm_memory_allocator_t *guarded = allocator(config);
  show("pool", guarded, plain);
  wasm_memory_allocator_delete(guarded);
  wasm_memory_config_delete(config);

  config = wasm_memory_config_new();
  wasm_memory_config_set_backend(config, WASM_MEMORY_BACKEND_HEAP);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *heap = allocator(config);
  show("heap", heap, limited);
  wasm_memory_allocator_delete(heap);
  wasm_memory_config_delete(config);

  /* A host that has not the 4 GiB: the reservation is retried smaller. */
  wasm_memory_allocator_trim(NULL);
  const struct rlimit little = {UINT64_C(2) << 30, UINT64_C(2) << 30};
  if (setrlimit(RLIMIT_AS, &little) != 0) return 1;
  show("fallback", NULL, plain);
  return 0;
}
