/* Counts of memories that are alive at once: each configuration in a child process of its own. */
#ifndef BENCH_LIVE_H
#define BENCH_LIVE_H

#include "bench.h"

/* A child's progress, in memory that the parent sees: a runtime may end the process when the host
 * refuses. */
typedef struct live_progress_t {
  uint64_t count;
  uint64_t rss_kib_before, rss_kib_at, count_at;
  char figures[600]; /* more of them, the inside of a JSON object */
  char failed[200];  /* not empty: why this is not what is measured */
} live_progress_t;

typedef struct live_case_t {
  const char *group, *id, *who, *what;
  void (*child)(live_progress_t *progress);
  const char *(*absent)(void); /* NULL, or why it is not here; asked in the child */
} live_case_t;

/* From /proc/self/status, in KiB; and the number of mappings. */
uint64_t live_status_kib(const char *name);
uint64_t live_mappings(void);

void live_fail(live_progress_t *progress, const char *why);

/* Adds one to progress->figures. */
void live_figure(live_progress_t *progress, const char *name, double value);

extern const live_case_t live_counts[];
extern const size_t live_count_cases;
extern const live_case_t live_many[];
extern const size_t live_many_cases;

#endif
