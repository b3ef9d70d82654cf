/* A tenant looks at all that it may read, grows, looks again, and leaves its bytes everywhere, through the raw pointer only:
 * what the library knows of its own writes must not matter. */
#ifndef TENANTS_H
#define TENANTS_H

#include <sys/mman.h>

#include "allocators.h"

enum { TENANT_BYTE = 0xD5 };

/* Where its image is and what is in it; length 0: no image. */
typedef struct tenant_image { wasm_memory_image_t *image; uint64_t index, length; uint8_t seed; } tenant_image;

typedef struct tenant {
  wasm_memory_descriptor_t type;
  uint64_t last;                    /* pages that it ends with */
  const tenant_image *from;         /* NULL: zeros */
} tenant;

static const tenant_image tenant_no_image;

static inline tenant_image tenant_image_of(uint64_t length, uint64_t index, uint8_t seed) {
  return (tenant_image){pattern_image((size_t)length, index, seed), index, length, seed};
}

/* In CHECKED bounds more is open than the byte length: places in it, at which tenants write and look. */
static const uint64_t tenant_places[] = {0x0800,      0x1000,        0xFFFF,        0x10000,          0x23456, 0xFFFFF, 0x100000, 0x180000,
                                         0x3FFFFF, 0x400000,    0x1000000 - 1, 0x1000000,     0x7FFFFFF,        0x40000000, 0x80000001,
                                         0xFFFFFFFF};

/* Is the place past the length, in the reservation, and open? */
static inline bool tenant_may_use(const wasm_memory_t *memory, uint64_t place) {
  const wasm_memory_layout_t layout = layout_of(memory);
  return !layout.exact_protection && place >= wasm_memory_byte_length(memory) && place < layout.reservation &&
         can_write(wasm_memory_data(memory) + place);
}

static inline void tenant_sees_only(const char *file, int line, const wasm_memory_t *memory, const tenant_image *image) {
  const uint8_t *bytes = wasm_memory_data(memory);
  const uint64_t length = wasm_memory_byte_length(memory), open = length == 0 ? 0 : rounded_to_host_page(length);
  const uint64_t end = image->length == 0 ? 0 : image->index + image->length, index = image->length == 0 ? 0 : image->index;
  harness_true(file, line, "zeros before its image", all_are(bytes, 0, index));
  harness_true(file, line, "its image", is_pattern(bytes + index, image->length, image->seed));
  harness_true(file, line, "zeros to the end of its last host page", all_are(bytes + end, 0, open - end));
  for (size_t i = 0; i < sizeof tenant_places / sizeof tenant_places[0]; i++)
    if (tenant_places[i] >= end && tenant_may_use(memory, tenant_places[i]))
      harness_u64(file, line, "a byte past the length", bytes[tenant_places[i]], 0);
}

/* Growth to `last` pages in two steps, each of which uncovers zeros only. */
static inline void tenant_grows(const char *file, int line, wasm_memory_t *memory, uint64_t last) {
  for (int step = 0; step < 2; step++) {
    const uint64_t size = wasm_memory_size(memory), length = wasm_memory_byte_length(memory);
    const uint64_t delta = step == 0 ? (last - size) / 2 : last - size;
    harness_status(file, line, "growth", wasm_memory_grow(memory, delta, NULL), WASM_MEMORY_OK);
    const uint64_t now = wasm_memory_byte_length(memory);
    harness_true(file, line, "zeros after growth",
                 all_are(wasm_memory_data(memory) + length, 0, (now == 0 ? 0 : rounded_to_host_page(now)) - length));
  }
}

/* Every byte that it can reach, the rest of the last host page included. */
static inline void tenant_writes(wasm_memory_t *memory) {
  uint8_t *bytes = wasm_memory_data(memory);
  const uint64_t length = wasm_memory_byte_length(memory);
  if (length > 0) memset(bytes, TENANT_BYTE, (size_t)rounded_to_host_page(length));
  for (size_t i = 0; i < sizeof tenant_places / sizeof tenant_places[0]; i++)
    if (tenant_may_use(memory, tenant_places[i])) bytes[tenant_places[i]] = TENANT_BYTE;
}

/* One whole tenancy but for its end. */
static inline wasm_memory_t *tenant_moves_in(const char *file, int line, wasm_memory_allocator_t *allocator, const tenant *who) {
  const tenant_image *image = who->from == NULL ? &tenant_no_image : who->from;
  const unsigned long failures = __atomic_load_n(&harness_failures, __ATOMIC_RELAXED);
  wasm_memory_t *memory = created_from(allocator, image->image, who->type);
  tenant_sees_only(file, line, memory, image);
  check_shut(file, line, memory);
  tenant_grows(file, line, memory, who->last);
  check_shut(file, line, memory);
  tenant_writes(memory);
  if (__atomic_load_n(&harness_failures, __ATOMIC_RELAXED) != failures)
    fprintf(stderr, "  tenant of %" PRIu64 " to %" PRIu64 " pages of %u bytes, image of %" PRIu64 " bytes at %" PRIu64 "\n",
            who->type.initial.pages, who->last, who->type.page_size == 1 ? 1u : 65536u, image->length, image->index);
  return memory;
}
#define MOVES_IN(allocator, who) tenant_moves_in(__FILE__, __LINE__, (allocator), (who))

/* One after the other in one place, each after each: every ordered pair meets. */
static inline void tenants_take_turns(const char *file, int line, wasm_memory_allocator_t *allocator, const tenant *tenants, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < count; j++) {
      wasm_memory_delete(tenant_moves_in(file, line, allocator, &tenants[i]));
      wasm_memory_delete(tenant_moves_in(file, line, allocator, &tenants[j]));
    }
}
#define TAKE_TURNS(allocator, tenants) tenants_take_turns(__FILE__, __LINE__, (allocator), (tenants), sizeof(tenants) / sizeof(tenants)[0])

#endif
