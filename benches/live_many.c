/* Very many memories in one process, and the children of a snapshot. */
#include <stdlib.h>
#include <sys/mman.h>

#include "library.h"
#include "live.h"

enum { CHILDREN = 1000, BATCHES = 41 };

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Creates one among the others and deletes it: nanoseconds, the median of batches. */
static double one_among(wasm_memory_allocator_t *allocator) {
  double samples[BATCHES];
  uint64_t times = bench_settings.brief ? 20 : 1000;
  for (int batch = 0; batch < BATCHES; batch++) {
    uint64_t started = bench_now();
    for (uint64_t i = 0; i < times; i++) {
      wasm_memory_t *memory = library_memory(allocator, 1, 1, NULL);
      *(volatile uint8_t *)ours.data(memory) = 1;
      ours.delete(memory);
    }
    samples[batch] = (double)(bench_now() - started) / (double)times;
  }
  qsort(samples, BATCHES, sizeof *samples, by_size);
  return samples[BATCHES / 2];
}

static void million(live_progress_t *progress) {
  uint64_t most = bench_settings.brief ? 3000 : 1000000;
  library_settings_t settings = {
      .checked = true, .slots = (uint32_t)most + 1, .slot_bytes = WASM_PAGE};
  wasm_memory_allocator_t *allocator = library_allocator(&settings);
  double few = 0;
  if (allocator == NULL) {
    live_fail(progress, "no pool");
    return;
  }
  wasm_memory_t **memories = malloc(most * sizeof *memories);
  for (uint64_t i = 0; i < most; i++) {
    memories[i] = library_memory(allocator, 1, 1, NULL);
    if (memories[i] == NULL) {
      live_fail(progress, "a creation failed before the pool was full");
      return;
    }
    *(volatile uint8_t *)ours.data(memories[i]) = 1;
    progress->count++;
    if (progress->count == 1000) {
      few = one_among(allocator);
    }
  }
  /* What the array of this program takes is not the library's. */
  progress->rss_kib_at = live_status_kib("VmRSS") - most * sizeof *memories / KIB;
  progress->count_at = progress->count;
  double many = one_among(allocator);
  live_figure(progress, "ns_among_1000", few);
  live_figure(progress, "ns_among_all", many);
  live_figure(progress, "ratio", many / few);
  live_figure(progress, "mappings", (double)live_mappings());
  live_figure(progress, "page_tables_kib_each",
              (double)live_status_kib("VmPTE") / (double)progress->count);
  for (uint64_t i = 0; i < most; i++) {
    if (*(volatile uint8_t *)ours.data(memories[i]) != 1) {
      live_fail(progress, "a memory lost what was written");
      return;
    }
    ours.delete(memories[i]);
  }
}

static void guarded(live_progress_t *progress) {
  uint64_t wanted = bench_settings.brief ? 1000 : 30000;
  uint64_t most = bench_settings.brief ? wanted : 200000;
  uint64_t failures = 0;
  wasm_memory_allocator_t *allocator = library_allocator(&(library_settings_t){0});
  wasm_memory_t **memories = bench_allocate(most * sizeof *memories);
  for (uint64_t i = 0; i < wanted; i++) {
    memories[i] = library_memory(allocator, 1, 16, NULL);
    bool right = memories[i] != NULL && ours.grow(memories[i], 1, NULL) == WASM_MEMORY_OK;
    if (right) {
      volatile uint8_t *last = ours.data(memories[i]) + 2 * WASM_PAGE - 1;
      right = *last == 0;
      *last = 1;
    }
    failures += !right;
  }
  for (uint64_t i = 0; i < wanted; i += 3) { /* and some go, and others come */
    ours.delete(memories[i]);
    memories[i] = library_memory(allocator, 1, 16, NULL);
    failures += memories[i] == NULL || ours.grow(memories[i], 1, NULL) != WASM_MEMORY_OK;
  }
  live_figure(progress, "failures", (double)failures);
  live_figure(progress, "mappings", (double)live_mappings());
  progress->count = wanted;
  /* Past what the host gives. */
  while (progress->count < most) {
    memories[progress->count] = library_memory(allocator, 1, 16, NULL);
    if (memories[progress->count] == NULL) {
      break;
    }
    progress->count++;
  }
  wasm_memory_error_t error;
  ours.last_error(&error);
  live_figure(progress, "reason", error.reason);
  live_figure(progress, "available", (double)error.available);
  for (uint64_t i = 0; i < progress->count; i++) {
    ours.delete(memories[i]);
  }
  ours.allocator_delete(allocator);
}

static const uint64_t length = 16 * MIB;

static void children(live_progress_t *progress) {
  uint64_t wanted = bench_settings.brief ? 50 : CHILDREN;
  wasm_memory_allocator_t *allocator = library_allocator(&(library_settings_t){0});
  wasm_memory_t *parent = library_memory(allocator, length / WASM_PAGE, 256, NULL);
  wasm_memory_image_t *image = NULL;
  static wasm_memory_t *made[CHILDREN];
  memset(ours.data(parent), 'a', length);
  if (ours.snapshot(parent, &image) != WASM_MEMORY_OK) {
    live_fail(progress, "no snapshot");
    return;
  }
  /* What a child would cost that is a copy. */
  uint64_t best_copy = UINT64_MAX;
  for (int i = 0; i < 5; i++) {
    uint64_t started = bench_now();
    uint8_t *copy = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(copy, ours.data(parent), length);
    uint64_t elapsed = bench_now() - started;
    best_copy = elapsed < best_copy ? elapsed : best_copy;
    munmap(copy, length);
  }
  progress->rss_kib_before = live_status_kib("VmRSS");
  uint64_t started = bench_now();
  for (uint64_t i = 0; i < wanted; i++) {
    made[i] = library_memory(allocator, length / WASM_PAGE, 256, image);
    if (made[i] == NULL) {
      live_fail(progress, "a child could not be made");
      return;
    }
  }
  uint64_t making = (bench_now() - started) / wanted;
  for (uint64_t i = 0; i < wanted; i++) {
    bench_touch(ours.data(made[i]), length, 16);
  }
  progress->rss_kib_at = live_status_kib("VmRSS");
  progress->count = progress->count_at = wanted;
  double differs = (double)(wanted * 16 * HOST_PAGE / KIB);
  live_figure(progress, "resident_to_differing",
              (double)(progress->rss_kib_at - progress->rss_kib_before) / differs);
  live_figure(progress, "ns_child", (double)making);
  live_figure(progress, "ns_copy", (double)best_copy);
  live_figure(progress, "child_to_copy", (double)making / (double)best_copy);
  for (uint64_t i = 0; i < wanted; i++) {
    const uint8_t *base = ours.data(made[i]);
    if (base[0] != 1 || base[1] != 'a' || base[length - 1] != 'a' || *ours.data(parent) != 'a') {
      live_fail(progress, "a child does not see the snapshot and its own writes");
      return;
    }
    ours.delete(made[i]);
  }
}

const live_case_t live_many[] = {
    {"million", "ours", "ours", "memories of one touched page in a CHECKED pool", million, NULL},
    {"guarded", "ours", "ours", "GUARDED memories, made, grown, deleted", guarded, NULL},
    {"children", "ours", "ours", "children of a snapshot of 16 MiB, each writes 16 pages", children,
     NULL},
};
const size_t live_many_cases = BENCH_COUNT(live_many);
