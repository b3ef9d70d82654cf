/* A limiter that notes what it was asked and told, and does on the way what a test wants. */
#ifndef LIMITER_H
#define LIMITER_H

#include "allocators.h"

typedef struct limiter {
  bool refuses;
  unsigned asked, told, finalized;
  uint64_t current, desired, maximum;   /* of the last question */
  wasm_memory_error_t error;            /* that it was last told of */
  bool (*when_asked)(struct limiter *it); /* NULL: answers `!refuses` */
  void (*when_told)(struct limiter *it);
  bool busy;                            /* a question within a question is answered without `when_asked` */
  wasm_memory_allocator_t *allocator;
  wasm_memory_t *memory, *other;
  wasm_memory_status_t status;
} limiter;

static inline bool limiter_growing(void *context, uint64_t current, uint64_t desired, uint64_t maximum) {
  limiter *it = (limiter *)context;
  it->asked++;
  if (it->when_asked != NULL && !it->busy) {
    it->busy = true;
    const bool answer = it->when_asked(it);
    it->busy = false;
    it->current = current;
    it->desired = desired;
    it->maximum = maximum;
    return answer;
  }
  it->current = current;
  it->desired = desired;
  it->maximum = maximum;
  return !it->refuses;
}

static inline void limiter_refused(void *context, const wasm_memory_error_t *error) {
  limiter *it = (limiter *)context;
  it->told++;
  it->error = *error;
  if (it->when_told != NULL && !it->busy) {
    it->busy = true;
    it->when_told(it);
    it->busy = false;
  }
}

static inline void limiter_finalize(void *context) { ((limiter *)context)->finalized++; }

static inline void set_limiter(wasm_memory_config_t *config, limiter *it) {
  const wasm_memory_limiter_t callbacks = {
      .context = it, .growing = limiter_growing, .refused = limiter_refused, .finalize = limiter_finalize, .reserved = {NULL}};
  wasm_memory_config_set_limiter(config, &callbacks);
}

static inline wasm_memory_allocator_t *allocator_limited_by(limiter *it) {
  wasm_memory_config_t *config = config_new();
  set_limiter(config, it);
  return it->allocator = allocator_of(config);
}

/* It was asked this and nothing else since. */
static inline void check_asked(const char *file, int line, limiter *it, uint64_t current, uint64_t desired, uint64_t maximum) {
  harness_u64(file, line, "questions", it->asked, 1);
  harness_u64(file, line, "current", it->current, current);
  harness_u64(file, line, "desired", it->desired, desired);
  harness_u64(file, line, "maximum", it->maximum, maximum);
  it->asked = 0;
}
#define CHECK_ASKED(it, current, desired, maximum) check_asked(__FILE__, __LINE__, (it), (current), (desired), (maximum))
#define CHECK_NOT_ASKED(it) CHECK_U64((it)->asked, 0)

/* It heard of exactly one refusal, the one that the caller sees. */
static inline void check_told(const char *file, int line, limiter *it, uint32_t reason) {
  wasm_memory_error_t last;
  wasm_memory_last_error(&last);
  harness_u64(file, line, "refusals heard", it->told, 1);
  harness_status(file, line, "status heard", it->error.status, WASM_MEMORY_RANGE_ERROR);
  harness_u64(file, line, "reason heard", it->error.reason, reason);
  harness_u64(file, line, "the caller's reason", last.reason, reason);
  harness_u64(file, line, "requested", it->error.requested, last.requested);
  harness_u64(file, line, "available", it->error.available, last.available);
  harness_u64(file, line, "os_error", (uint64_t)it->error.os_error, (uint64_t)last.os_error);
  harness_true(file, line, "reserved", all_zero(it->error.reserved, sizeof it->error.reserved));
  it->told = 0;
}
#define CHECK_TOLD(it, cause) check_told(__FILE__, __LINE__, (it), WASM_MEMORY_REASON_##cause)
#define CHECK_NOT_TOLD(it) CHECK_U64((it)->told, 0)

#endif
