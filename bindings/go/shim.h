/* What the Go files call instead of the library itself: a call and why it failed in one, as a
 * goroutine may be on another thread when the next call is made. */
#ifndef WASM_MEMORY_GO_SHIM_H
#define WASM_MEMORY_GO_SHIM_H

#include <stdint.h>
#include <wasm_memory.h>

typedef struct shim_outcome_t {
  wasm_memory_error_t error; /* zero when the call succeeded */
  uint64_t value;
  void *handle;
  char message[192]; /* only after a failure */
} shim_outcome_t;

static inline shim_outcome_t shim_outcome(wasm_memory_status_t status, uint64_t value, void *handle) {
  shim_outcome_t outcome;
  outcome.error = (wasm_memory_error_t){.status = WASM_MEMORY_OK};
  outcome.value = value;
  outcome.handle = handle;
  if (status != WASM_MEMORY_OK) {
    wasm_memory_last_error(&outcome.error);
    outcome.error.status = status;
    wasm_memory_last_error_message(outcome.message, sizeof outcome.message);
  }
  return outcome;
}

static inline shim_outcome_t shim_new(wasm_memory_allocator_t *allocator,
                                      wasm_memory_descriptor_t descriptor,
                                      const wasm_memory_image_t *image) {
  wasm_memory_t *memory = NULL;
  wasm_memory_status_t status = wasm_memory_new_in(allocator, &descriptor, image, &memory);
  return shim_outcome(status, 0, memory);
}

static inline shim_outcome_t shim_grow(wasm_memory_t *memory, uint64_t delta) {
  uint64_t previous = 0;
  wasm_memory_status_t status = wasm_memory_grow(memory, delta, &previous);
  return shim_outcome(status, previous, NULL);
}

static inline shim_outcome_t shim_get_type(const wasm_memory_t *memory,
                                           wasm_memory_descriptor_t *out) {
  return shim_outcome(wasm_memory_get_type(memory, out), 0, NULL);
}

static inline shim_outcome_t shim_match(const wasm_memory_t *memory,
                                        wasm_memory_descriptor_t import) {
  return shim_outcome(wasm_memory_match(memory, &import), 0, NULL);
}

static inline shim_outcome_t shim_send(wasm_memory_t *memory) {
  wasm_memory_t *sent = NULL;
  wasm_memory_status_t status = wasm_memory_send(memory, &sent);
  return shim_outcome(status, 0, sent);
}

static inline shim_outcome_t shim_read(const wasm_memory_t *memory, uint64_t index, void *to,
                                       size_t length) {
  return shim_outcome(wasm_memory_read(memory, index, to, length), 0, NULL);
}

static inline shim_outcome_t shim_write(wasm_memory_t *memory, uint64_t index, const void *from,
                                        size_t length) {
  return shim_outcome(wasm_memory_write(memory, index, from, length), 0, NULL);
}

static inline shim_outcome_t shim_fill(wasm_memory_t *memory, uint64_t index, uint8_t value,
                                       uint64_t length) {
  return shim_outcome(wasm_memory_bulk_fill(memory, index, value, length), 0, NULL);
}

static inline shim_outcome_t shim_copy(wasm_memory_t *to, uint64_t to_index,
                                       const wasm_memory_t *from, uint64_t from_index,
                                       uint64_t length) {
  return shim_outcome(wasm_memory_bulk_copy(to, to_index, from, from_index, length), 0, NULL);
}

static inline shim_outcome_t shim_init(wasm_memory_t *memory, uint64_t index,
                                       const uint8_t *segment, size_t segment_length,
                                       uint64_t segment_index, uint64_t length) {
  return shim_outcome(wasm_memory_bulk_init(memory, index, segment, segment_length, segment_index,
                                            length),
                      0, NULL);
}

static inline shim_outcome_t shim_discard(wasm_memory_t *memory, uint64_t index, uint64_t length) {
  return shim_outcome(wasm_memory_discard(memory, index, length), 0, NULL);
}

static inline shim_outcome_t shim_wait32(wasm_memory_t *memory, uint64_t index, uint32_t expected,
                                         int64_t timeout) {
  uint32_t result = 0;
  wasm_memory_status_t status =
      wasm_memory_atomic_wait32(memory, index, expected, timeout, &result);
  return shim_outcome(status, result, NULL);
}

static inline shim_outcome_t shim_wait64(wasm_memory_t *memory, uint64_t index, uint64_t expected,
                                         int64_t timeout) {
  uint32_t result = 0;
  wasm_memory_status_t status =
      wasm_memory_atomic_wait64(memory, index, expected, timeout, &result);
  return shim_outcome(status, result, NULL);
}

static inline shim_outcome_t shim_notify(wasm_memory_t *memory, uint64_t index, uint32_t count) {
  uint32_t woken = 0;
  wasm_memory_status_t status = wasm_memory_atomic_notify(memory, index, count, &woken);
  return shim_outcome(status, woken, NULL);
}

static inline shim_outcome_t shim_interrupt(wasm_memory_t *memory) {
  uint32_t woken = 0;
  wasm_memory_status_t status = wasm_memory_atomic_interrupt(memory, &woken);
  return shim_outcome(status, woken, NULL);
}

/* kind: which of the three functions that give a buffer. */
static inline shim_outcome_t shim_buffer(wasm_memory_t *memory, int kind) {
  wasm_memory_buffer_t *buffer = NULL;
  wasm_memory_status_t status =
      kind == 0   ? wasm_memory_buffer(memory, &buffer)
      : kind == 1 ? wasm_memory_to_resizable_buffer(memory, &buffer)
                  : wasm_memory_to_fixed_length_buffer(memory, &buffer);
  return shim_outcome(status, 0, buffer);
}

static inline shim_outcome_t shim_buffer_resize(wasm_memory_buffer_t *buffer, uint64_t length) {
  return shim_outcome(wasm_memory_buffer_resize(buffer, length), 0, NULL);
}

static inline shim_outcome_t shim_buffer_grow(wasm_memory_buffer_t *buffer, uint64_t length) {
  return shim_outcome(wasm_memory_buffer_grow(buffer, length), 0, NULL);
}

static inline shim_outcome_t shim_buffer_transfer(wasm_memory_buffer_t *buffer) {
  return shim_outcome(wasm_memory_buffer_transfer(buffer), 0, NULL);
}

static inline shim_outcome_t shim_allocator_new(const wasm_memory_config_t *config) {
  wasm_memory_allocator_t *allocator = NULL;
  wasm_memory_status_t status = wasm_memory_allocator_new(config, &allocator);
  return shim_outcome(status, 0, allocator);
}

static inline shim_outcome_t shim_image_new(const uint8_t *bytes, size_t length, uint64_t index) {
  wasm_memory_image_t *image = NULL;
  wasm_memory_status_t status = wasm_memory_image_new(bytes, length, index, &image);
  return shim_outcome(status, 0, image);
}

static inline shim_outcome_t shim_image_from_file(const char *path, uint64_t index) {
  wasm_memory_image_t *image = NULL;
  wasm_memory_status_t status = wasm_memory_image_from_file(path, index, &image);
  return shim_outcome(status, 0, image);
}

static inline shim_outcome_t shim_image_write_file(const wasm_memory_image_t *image,
                                                   const char *path) {
  return shim_outcome(wasm_memory_image_write_file(image, path), 0, NULL);
}

static inline shim_outcome_t shim_image_get_type(const wasm_memory_image_t *image,
                                                 wasm_memory_descriptor_t *out) {
  return shim_outcome(wasm_memory_image_get_type(image, out), 0, NULL);
}

static inline shim_outcome_t shim_snapshot(wasm_memory_t *memory) {
  wasm_memory_image_t *image = NULL;
  wasm_memory_status_t status = wasm_memory_snapshot(memory, &image);
  return shim_outcome(status, 0, image);
}

static inline shim_outcome_t shim_reset(wasm_memory_t *memory, const wasm_memory_image_t *image) {
  return shim_outcome(wasm_memory_reset(memory, image), 0, NULL);
}

/* Addresses as numbers: Go's vet rightly refuses to make a pointer of one. */
static inline bool shim_find(uintptr_t address, wasm_memory_location_t *out) {
  return wasm_memory_find((const void *)address, out);
}

/* In limiter.c: limiter is a cgo.Handle. */
void shim_set_limiter(wasm_memory_config_t *config, uintptr_t limiter);

#endif
