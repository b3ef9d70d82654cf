/* The same work by one thread, by two threads, and by two processes as the control: what two threads
 * cost more than two processes is what they do to each other. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "families.h"
#include "library.h"

typedef struct work_t work_t;

/* In memory that the processes share too. */
typedef struct shared_t {
  atomic_int ready;
  atomic_bool go;
  uint64_t elapsed[2];
} shared_t;

struct work_t {
  void (*once)(const work_t *work);
  enum { ONE, TWO_THREADS, TWO_PROCESSES } by;
  wasm_memory_allocator_t *allocator;
  shared_t *shared;
  uint64_t times;
};

static void floor_once(const work_t *work) {
  (void)work;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  uint8_t *base = mmap(NULL, 4 * GIB + WASM_PAGE, PROT_NONE, flags, -1, 0);
  if (base == MAP_FAILED || mprotect(base, WASM_PAGE, PROT_READ | PROT_WRITE) != 0) {
    abort();
  }
  bench_touch(base, WASM_PAGE, 16);
  munmap(base, 4 * GIB + WASM_PAGE);
}

static void ours_once(const work_t *work) {
  wasm_memory_t *memory = library_memory(work->allocator, 1, 0, NULL);
  if (memory == NULL) {
    abort();
  }
  bench_touch(ours.data(memory), WASM_PAGE, 16);
  ours.delete(memory);
}

/* One of the two. What a thread or process does first is not what it does always. */
static void take_part(const work_t *work, int which, int parties) {
  for (int i = 0; i < 20; i++) {
    work->once(work);
  }
  if (atomic_fetch_add(&work->shared->ready, 1) + 1 == parties) {
    atomic_store(&work->shared->go, true);
  }
  while (!atomic_load(&work->shared->go)) {
    sched_yield();
  }
  uint64_t started = bench_now();
  for (uint64_t i = 0; i < work->times; i++) {
    work->once(work);
  }
  work->shared->elapsed[which] = bench_now() - started;
}

static void *second(void *argument) {
  take_part(argument, 1, 2);
  return NULL;
}

static uint64_t run(void *argument, uint64_t times) {
  work_t *work = argument;
  work->times = times;
  *work->shared = (shared_t){.elapsed = {0, 0}};
  if (work->by == ONE) {
    take_part(work, 0, 1);
    return work->shared->elapsed[0];
  }
  pthread_t thread;
  pid_t child = -1;
  if (work->by == TWO_THREADS) {
    if (pthread_create(&thread, NULL, second, work) != 0) {
      abort();
    }
  } else {
    child = fork();
    if (child == 0) {
      take_part(work, 1, 2);
      _exit(0);
    }
    if (child < 0) {
      abort();
    }
  }
  take_part(work, 0, 2);
  if (work->by == TWO_THREADS) {
    pthread_join(thread, NULL);
  } else {
    waitpid(child, NULL, 0);
  }
  return (work->shared->elapsed[0] + work->shared->elapsed[1]) / 2;
}

static bool check(void *argument) {
  work_t *work = argument;
  uint64_t elapsed = run(work, 3);
  return elapsed > 0 && (work->by == ONE || work->shared->elapsed[1] > 0);
}

static void *work_new(void (*once)(const work_t *), int by, bool library) {
  work_t *work = bench_allocate(sizeof *work);
  work->once = once;
  work->by = by;
  void *shared = mmap(NULL, sizeof *work->shared, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    return bench_failed("no memory");
  }
  work->shared = shared;
  if (library) {
    work->allocator = library_allocator(&(library_settings_t){0});
  }
  return work;
}

static void finish(void *argument) {
  work_t *work = argument;
  if (work->allocator != NULL) {
    ours.allocator_delete(work->allocator);
  }
  munmap(work->shared, sizeof *work->shared);
  free(work);
}

#define MAKE(name, once, by, library)                                                              \
  static void *name(const bench_group_t *group) {                                                  \
    (void)group;                                                                                   \
    return work_new(once, by, library);                                                            \
  }
MAKE(floor_one, floor_once, ONE, false)
MAKE(floor_threads, floor_once, TWO_THREADS, false)
MAKE(floor_processes, floor_once, TWO_PROCESSES, false)
MAKE(ours_one, ours_once, ONE, true)
MAKE(ours_threads, ours_once, TWO_THREADS, true)
MAKE(ours_processes, ours_once, TWO_PROCESSES, true)

static const bench_case_t cases[] = {
    {"floor", "floor", "mmap, mprotect, touch, munmap: one thread", floor_one, run, check, finish},
    {"floor-threads", "floor", "the same: two threads", floor_threads, run, check, finish},
    {"floor-processes", "floor", "the same: two processes", floor_processes, run, check, finish},
    {"ours-one", "ours", "new, touch, delete: one thread", ours_one, run, check, finish},
    {"ours-threads", "ours", "the same: two threads", ours_threads, run, check, finish},
    {"ours-processes", "ours", "the same: two processes", ours_processes, run, check, finish},
};

const bench_group_t threads_groups[] = {
    {"threads", "Create, touch 64 KiB, delete, each of two", 0, 1, cases, BENCH_COUNT(cases)},
};
const size_t threads_group_count = BENCH_COUNT(threads_groups);
