/* What wasm_memory_find says of an address, checked whole: result, memory, offset, zone, and what is zero (design.md 3). */
#ifndef PLACES_H
#define PLACES_H

#include "fixtures.h"

static inline void places_found(const char *file, int line, const char *text, const void *address, const wasm_memory_t *memory, int64_t offset,
                                uint32_t zone) {
  wasm_memory_location_t location;
  memset(&location, 0xA5, sizeof location);
  if (!wasm_memory_find(address, &location)) {
    harness_true(file, line, text, false);
    return;
  }
  harness_pointer(file, line, text, location.memory, memory);
  harness_u64(file, line, text, (uint64_t)location.offset, (uint64_t)offset);
  harness_u64(file, line, text, location.zone, zone);
  harness_true(file, line, "location.reserved", all_zero(location.reserved, sizeof location.reserved));
  harness_true(file, line, "found with out NULL", wasm_memory_find(address, NULL));
}

/* Not found, and nothing written. */
static inline void places_not_found(const char *file, int line, const char *text, const void *address) {
  wasm_memory_location_t location, untouched;
  memset(&untouched, 0xA5, sizeof untouched);
  memset(&location, 0xA5, sizeof location);
  harness_true(file, line, text, !wasm_memory_find(address, &location));
  harness_true(file, line, "out is untouched", memcmp(&location, &untouched, sizeof location) == 0);
  harness_true(file, line, "not found with out NULL", !wasm_memory_find(address, NULL));
}

#define CHECK_FOUND(address, memory, offset, zone) places_found(__FILE__, __LINE__, #address, (address), (memory), (offset), (zone))
#define CHECK_NOT_FOUND(address) places_not_found(__FILE__, __LINE__, #address, (address))

/* No arithmetic on pointers: the address may be outside of anything that C knows of. */
static inline void *places_address(const void *base, int64_t offset) { return (void *)((uintptr_t)base + (uintptr_t)offset); }

/* All that find must know of one memory. */
typedef struct places { const wasm_memory_t *memory; uint8_t *base; int64_t begin, length, reservation, end; } places;

static inline places places_of(const wasm_memory_t *memory) {
  const wasm_memory_layout_t layout = layout_of(memory);
  return (places){.memory = memory, .base = wasm_memory_data(memory), .begin = -(int64_t)layout.guard_before,
                  .length = (int64_t)wasm_memory_byte_length(memory), .reservation = (int64_t)layout.reservation,
                  .end = (int64_t)(layout.reservation + layout.guard_after)};
}

static inline uint32_t places_zone(const places *it, int64_t offset) {
  if (offset < 0) return WASM_MEMORY_ZONE_GUARD_BEFORE;
  if (offset < it->length) return WASM_MEMORY_ZONE_BODY;
  return offset < it->reservation ? WASM_MEMORY_ZONE_RESERVED : WASM_MEMORY_ZONE_GUARD_AFTER;
}

static inline bool places_contains(const places *it, const void *address) {
  return (uintptr_t)address - (uintptr_t)it->base - (uintptr_t)it->begin < (uintptr_t)(it->end - it->begin);
}

/* Both sides of every edge, and the middle of every zone. */
static inline void check_places(const char *file, int line, const wasm_memory_t *memory) {
  const places it = places_of(memory);
  const int64_t edges[] = {it.begin, 0, it.length, it.reservation, it.end};
  for (size_t i = 0; i < 5; i++) {
    const int64_t middle = i < 4 ? edges[i] + (edges[i + 1] - edges[i]) / 2 : it.end;
    const int64_t offsets[] = {edges[i] - 1, edges[i], edges[i] + 1, middle};
    for (size_t j = 0; j < 4; j++)
      if (offsets[j] >= it.begin && offsets[j] < it.end)
        places_found(file, line, "an edge", places_address(it.base, offsets[j]), memory, offsets[j], places_zone(&it, offsets[j]));
  }
}
#define CHECK_PLACES(memory) check_places(__FILE__, __LINE__, (memory))

/* The range that a memory had, as long as no later memory can have been given it. */
static inline void check_no_places(const char *file, int line, const places *it) {
  const int64_t offsets[] = {it->begin,  it->begin / 2,       -1,              0,          it->length / 2, it->length - 1,
                             it->length, it->reservation - 1, it->reservation, it->end - 1};
  for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
    if (offsets[i] >= it->begin && offsets[i] < it->end) places_not_found(file, line, "a gone place", places_address(it->base, offsets[i]));
}
#define CHECK_NO_PLACES(it) check_no_places(__FILE__, __LINE__, (it))

#endif
