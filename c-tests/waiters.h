/* Threads that wait on a memory, watched from outside: are they asleep in their wait, have they come back, with what? Linux: /proc. */
#ifndef WAITERS_H
#define WAITERS_H

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "fixtures.h"

#define FOREVER INT64_C(-1)
#define MILLISECOND INT64_C(1000000)
enum { WOKEN = 0, NOT_EQUAL = 1, TIMED_OUT = 2 };

/* How often something is repeated: a twentieth of it where time is short. */
static inline unsigned scaled(unsigned full) { return getenv("WASM_MEMORY_TEST_SHORT") != NULL ? full / 20 + 1 : full; }

static inline int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 * MILLISECOND + time.tv_nsec;
}

static inline void nap(int64_t nanoseconds) {
  const struct timespec time = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
  nanosleep(&time, NULL);
}

static inline wasm_memory_t *shared_memory(void) { return created(TYPE(.initial = PAGES(1), .maximum = PAGES(4), .shared = true)); }

/* Each of the two widths, by its number of bits. */
static inline wasm_memory_status_t wait_on(unsigned bits, wasm_memory_t *memory, uint64_t index, uint64_t expected, int64_t timeout,
                                           uint32_t *result) {
  if (bits == 64) return wasm_memory_atomic_wait64(memory, index, expected, timeout, result);
  return wasm_memory_atomic_wait32(memory, index, (uint32_t)expected, timeout, result);
}

typedef struct waiter {
  wasm_memory_t *memory;
  uint64_t index, expected;
  int64_t timeout;
  unsigned bits; /* 0 is 32 */
  pthread_t thread;
  pid_t id;      /* the kernel's; set right before the wait */
  unsigned rank; /* its place among those that came back, from 1 on; 0 as long as it has not */
  wasm_memory_status_t status;
  uint32_t result;
  wasm_memory_error_t error;
  int64_t waited;
} waiter;

static unsigned waiters_returned;

static inline void *waiter_run(void *argument) {
  waiter *self = (waiter *)argument;
  const int64_t start = now();
  self->result = 99;
  __atomic_store_n(&self->id, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
  self->status = wait_on(self->bits, self->memory, self->index, self->expected, self->timeout, &self->result);
  if (self->status != WASM_MEMORY_OK) wasm_memory_last_error(&self->error);
  self->waited = now() - start;
  __atomic_store_n(&self->rank, __atomic_add_fetch(&waiters_returned, 1u, __ATOMIC_ACQ_REL), __ATOMIC_RELEASE);
  return NULL;
}

static inline unsigned rank_of(const waiter *it) { return __atomic_load_n(&it->rank, __ATOMIC_ACQUIRE); }

/* 'S' is asleep; 0 when there is no such thread any more. */
static inline char state_of_thread(pid_t id) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)id);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  const char *read = fgets(line, sizeof line, file), *name_end = read != NULL ? strrchr(line, ')') : NULL;
  fclose(file);
  return name_end != NULL && name_end[1] == ' ' ? name_end[2] : 0;
}

/* Between taking its id and going to sleep in its queue a waiter meets no lock that anybody holds for long: asleep is queued.
   Several looks, for the short sleeps that there may be. */
static inline void await_asleep(const waiter *it) {
  for (int looks = 0; looks < 4;) {
    const pid_t id = __atomic_load_n(&it->id, __ATOMIC_ACQUIRE);
    if (rank_of(it) != 0) {
      fprintf(stderr, "status %d, result %u: ", (int)it->status, (unsigned)it->result);
      CHECK(!"the wait came back before anybody was asleep");
      return;
    }
    looks = id != 0 && state_of_thread(id) == 'S' ? looks + 1 : 0;
    nap(MILLISECOND / 2);
  }
}

static inline void start_waiter(waiter *it) { REQUIRE(pthread_create(&it->thread, NULL, waiter_run, it) == 0); }

static inline void start_asleep(waiter *it) {
  start_waiter(it);
  await_asleep(it);
}

static inline void finish_waiter(waiter *it, uint32_t result) {
  pthread_join(it->thread, NULL);
  CHECK_STATUS(it->status, WASM_MEMORY_OK);
  CHECK_U64(it->result, result);
}

static inline void await_returned(const waiter *it) {
  while (rank_of(it) == 0) nap(MILLISECOND / 5);
}

static inline uint32_t notified(wasm_memory_t *memory, uint64_t index, uint32_t count) {
  uint32_t woken = 12345;
  CHECK_STATUS(wasm_memory_atomic_notify(memory, index, count, &woken), WASM_MEMORY_OK);
  return woken;
}

static inline uint32_t *cell32(const wasm_memory_t *memory, uint64_t index) { return (uint32_t *)(void *)(wasm_memory_data(memory) + index); }

#endif
