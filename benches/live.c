#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "families.h"

uint64_t live_status_kib(const char *name) {
  char line[200];
  unsigned long long value = 0;
  size_t length = strlen(name);
  FILE *status = fopen("/proc/self/status", "r");
  if (status == NULL) {
    return 0;
  }
  while (fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, name, length) == 0 && line[length] == ':') {
      sscanf(line + length + 1, "%llu", &value);
    }
  }
  fclose(status);
  return value;
}

uint64_t live_mappings(void) {
  uint64_t lines = 0;
  int c;
  FILE *maps = fopen("/proc/self/maps", "r");
  if (maps == NULL) {
    return 0;
  }
  while ((c = getc(maps)) != EOF) {
    lines += c == '\n';
  }
  fclose(maps);
  return lines;
}

void live_fail(live_progress_t *progress, const char *why) {
  snprintf(progress->failed, sizeof progress->failed, "%s", why);
}

void live_figure(live_progress_t *progress, const char *name, double value) {
  size_t used = strlen(progress->figures);
  snprintf(progress->figures + used, sizeof progress->figures - used, "%s\"%s\":%.4f",
           used == 0 ? "" : ",", name, value);
}

static void run_child(const live_case_t *is, live_progress_t *progress) {
  const char *absent = is->absent == NULL ? NULL : is->absent();
  if (absent != NULL) {
    snprintf(progress->figures, sizeof progress->figures, "%s", absent);
    _exit(3);
  }
  progress->rss_kib_before = live_status_kib("VmRSS");
  is->child(progress);
  _exit(0); /* the host takes everything back at once */
}

static void run_case(const live_case_t *is) {
  if (!bench_wanted(is->group)) {
    return;
  }
  void *shared = mmap(NULL, sizeof(live_progress_t), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    abort();
  }
  live_progress_t *progress = shared;
  int status = 0;
  bench_flush();
  pid_t child = fork();
  if (child == 0) {
    run_child(is, progress);
  }
  if (child < 0 || waitpid(child, &status, 0) != child) {
    bench_case_failed(is->group, is->id, is->who, is->what, "no child process");
  } else if (WIFEXITED(status) && WEXITSTATUS(status) == 3) {
    bench_case_absent(is->group, is->id, is->who, is->what, progress->figures);
  } else if (progress->failed[0] != 0) {
    bench_case_failed(is->group, is->id, is->who, is->what, progress->failed);
  } else if (!WIFEXITED(status) && strcmp(is->who, "ours") == 0) {
    bench_case_failed(is->group, is->id, is->who, is->what, "the process was ended by a signal");
  } else {
    live_figure(progress, "aborted", WIFEXITED(status) ? 0 : 1);
    live_figure(progress, "count", (double)progress->count);
    if (progress->count_at > 0) {
      live_figure(progress, "rss_kib_each",
                  (double)(progress->rss_kib_at - progress->rss_kib_before) /
                      (double)progress->count_at);
    }
    bench_figures(is->group, is->id, is->who, is->what, progress->figures);
  }
  munmap(shared, sizeof(live_progress_t));
}

void live_run(void) {
  for (size_t i = 0; i < live_count_cases; i++) {
    run_case(&live_counts[i]);
  }
  for (size_t i = 0; i < live_many_cases; i++) {
    run_case(&live_many[i]);
  }
}
