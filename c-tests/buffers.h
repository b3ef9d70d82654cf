/* Buffers, said in one line: how one is got, and every question that it answers. */
#ifndef BUFFERS_H
#define BUFFERS_H

#include "fixtures.h"

#define SAFE_INTEGER ((UINT64_C(1) << 53) - 1) /* the largest index of JavaScript */
#define AS_BUFFER(handle) ((wasm_memory_buffer_t *)(void *)(handle))

typedef wasm_memory_status_t (*buffer_getter)(wasm_memory_t *memory, wasm_memory_buffer_t **out);

static inline wasm_memory_buffer_t *gotten(buffer_getter get, wasm_memory_t *memory) {
  wasm_memory_buffer_t *buffer = NULL;
  CHECK_STATUS(get(memory, &buffer), WASM_MEMORY_OK);
  REQUIRE(buffer != NULL);
  return buffer;
}

static inline wasm_memory_buffer_t *buffer_of(wasm_memory_t *memory) { return gotten(wasm_memory_buffer, memory); }
static inline wasm_memory_buffer_t *resizable_of(wasm_memory_t *memory) { return gotten(wasm_memory_to_resizable_buffer, memory); }
static inline wasm_memory_buffer_t *fixed_of(wasm_memory_t *memory) { return gotten(wasm_memory_to_fixed_length_buffer, memory); }

/* Which buffer is the current one? Only for comparison: its reference is given back at once. */
static inline wasm_memory_buffer_t *current(wasm_memory_t *memory) {
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  wasm_memory_buffer_delete(buffer);
  return buffer;
}

/* What a buffer answers; a zeroed one is what a dead handle answers. */
typedef struct buffer_answers {
  const uint8_t *data;
  uint64_t byte_length, max_byte_length;
  bool detached, shared, resizable;
} buffer_answers;

static inline void harness_buffer(const char *file, int line, const char *text, const wasm_memory_buffer_t *buffer, buffer_answers expected) {
  const buffer_answers got = {
      .data = wasm_memory_buffer_data(buffer),
      .byte_length = wasm_memory_buffer_byte_length(buffer),
      .max_byte_length = wasm_memory_buffer_max_byte_length(buffer),
      .detached = wasm_memory_buffer_is_detached(buffer),
      .shared = wasm_memory_buffer_is_shared(buffer),
      .resizable = wasm_memory_buffer_is_resizable(buffer),
  };
  if (harness_failed(got.data == expected.data && got.byte_length == expected.byte_length && got.max_byte_length == expected.max_byte_length &&
                         got.detached == expected.detached && got.shared == expected.shared && got.resizable == expected.resizable,
                     file, line, text))
    fprintf(stderr,
            "got %p, length %" PRIu64 " of %" PRIu64 ", detached %d, shared %d, resizable %d\n"
            "  expected %p, length %" PRIu64 " of %" PRIu64 ", detached %d, shared %d, resizable %d\n",
            (const void *)got.data, got.byte_length, got.max_byte_length, got.detached, got.shared, got.resizable, (const void *)expected.data,
            expected.byte_length, expected.max_byte_length, expected.detached, expected.shared, expected.resizable);
}

/* CHECK_BUFFER(buffer, .data = base, .byte_length = PAGE, .max_byte_length = PAGE) */
#define CHECK_BUFFER(buffer, ...) harness_buffer(__FILE__, __LINE__, #buffer, (buffer), (buffer_answers){__VA_ARGS__})

/* A fixed buffer of this length, the current one of this memory or one that it left behind. */
#define CHECK_FIXED(buffer, memory, length) \
  CHECK_BUFFER(buffer, .data = wasm_memory_data(memory), .byte_length = (length), .max_byte_length = (length), .shared = is_shared(memory))
/* A resizable or growable one: it has the length that the memory has. */
#define CHECK_RESIZABLE(buffer, memory, maximum) \
  CHECK_BUFFER(buffer, .data = wasm_memory_data(memory), .byte_length = wasm_memory_byte_length(memory), .max_byte_length = (maximum), \
               .shared = is_shared(memory), .resizable = true)
#define CHECK_DETACHED(buffer) CHECK_BUFFER(buffer, .detached = true)
#define CHECK_DETACHED_RESIZABLE(buffer) CHECK_BUFFER(buffer, .detached = true, .resizable = true)
#define CHECK_DEAD(buffer) CHECK_BUFFER(buffer, .data = NULL)

static inline wasm_memory_descriptor_t type_of(const wasm_memory_t *memory) {
  wasm_memory_descriptor_t type;
  memset(&type, 0, sizeof type);
  CHECK_STATUS(wasm_memory_get_type(memory, &type), WASM_MEMORY_OK);
  return type;
}

static inline bool is_shared(const wasm_memory_t *memory) { return type_of(memory).shared; }

/* In bytes, of a memory that has a maximum. */
static inline uint64_t maximum_of(const wasm_memory_t *memory) {
  wasm_memory_descriptor_t type = type_of(memory);
  REQUIRE(type.maximum.present);
  return type.maximum.pages * type.page_size;
}

/* Pages of the memory's own size, in bytes. */
static inline uint64_t pages_of(const wasm_memory_t *memory, uint64_t count) { return count * type_of(memory).page_size; }

#endif
