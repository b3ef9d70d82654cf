/* Many tenants: a pool, a quota over all of them, and a limiter for each request to grow. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <wasm_memory.h>

enum { SLOTS = 4, SLOT_BYTES = 16 * 65536 };

/* One context for the allocator. It may be called on any thread, and at once. */
typedef struct host_t { atomic_bool draining; atomic_uint refusals; } host_t;

static bool growing(void *context, uint64_t current, uint64_t desired, uint64_t maximum) {
  (void)current, (void)desired, (void)maximum;
  return !atomic_load(&((host_t *)context)->draining);
}

static void refused(void *context, const wasm_memory_error_t *error) {
  (void)error; /* valid during the call: for a log or a metric by error->reason */
  atomic_fetch_add(&((host_t *)context)->refusals, 1);
}

static const char *reason(wasm_memory_status_t status) {
  wasm_memory_error_t error;
  if (status == WASM_MEMORY_OK) return "OK";
  wasm_memory_last_error(&error);
  switch (error.reason) {
    case WASM_MEMORY_REASON_POOL_EXHAUSTED: return "POOL_EXHAUSTED";
    case WASM_MEMORY_REASON_SLOT_SIZE: return "SLOT_SIZE";
    case WASM_MEMORY_REASON_QUOTA_BYTES: return "QUOTA_BYTES";
    case WASM_MEMORY_REASON_LIMITER: return "LIMITER";
    default: return "another reason";
  }
}

int main(void) {
  host_t host = {false, 0};
  const wasm_memory_limiter_t limiter = {.context = &host, .growing = growing, .refused = refused};
  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED); /* all slots are one mapping */
  wasm_memory_config_set_pool(config, SLOTS, SLOT_BYTES);
  wasm_memory_config_set_quota(config, 0, 20 * 65536); /* bytes of all tenants together */
  wasm_memory_config_set_limiter(config, &limiter);
  wasm_memory_allocator_t *allocator;
  if (wasm_memory_allocator_new(config, &allocator) != WASM_MEMORY_OK) return 1;
  wasm_memory_config_delete(config);

  const wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(1)};
  wasm_memory_t *tenants[SLOTS + 1];
  for (int i = 0; i <= SLOTS; i++) {
    printf("tenant %d: %s\n", i, reason(wasm_memory_new_in(allocator, &type, NULL, &tenants[i])));
  }
  printf("grow by 15: %s\n", reason(wasm_memory_grow(tenants[0], 15, NULL)));
  printf("past its slot: %s\n", reason(wasm_memory_grow(tenants[0], 1, NULL)));
  printf("past the quota: %s\n", reason(wasm_memory_grow(tenants[1], 2, NULL)));
  wasm_memory_data(tenants[3])[0] = 7; /* a secret of the tenant */

  /* A slot is free when the last handle and buffer are gone, and clean when it is given out. */
  wasm_memory_delete(tenants[3]);
  printf("after a delete: %s", reason(wasm_memory_new_in(allocator, &type, NULL, &tenants[3])));
  printf(", first byte %d\n", wasm_memory_data(tenants[3])[0]);
  wasm_memory_delete(tenants[3]);
  atomic_store(&host.draining, true);
  printf("while draining: %s\n", reason(wasm_memory_new_in(allocator, &type, NULL, &tenants[3])));

  wasm_memory_stats_t stats;
  wasm_memory_allocator_get_stats(allocator, &stats);
  printf("%" PRIu64 " memories, %" PRIu64 " KiB, %" PRIu64 " made, %" PRIu64 " refused (the limiter heard %u)\n",
         stats.memories, stats.accessible_bytes / 1024, stats.creations, stats.refusals,
         atomic_load(&host.refusals));
  for (int i = 0; i <= SLOTS; i++) wasm_memory_delete(tenants[i]); /* NULL is fine */
  wasm_memory_allocator_trim(allocator); /* at a quiet time: gives back what is kept for reuse */
  wasm_memory_allocator_delete(allocator);
  return 0;
}
