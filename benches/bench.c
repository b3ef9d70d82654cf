#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bench_settings_t bench_settings;

static FILE *output;
static const char *absent_because;
static const char *failed_because;
static unsigned failures;

enum { MOST_CASES = 24, MOST_ROUNDS = 64 };

bool bench_open_output(const char *path) {
  output = fopen(path, "w");
  return output != NULL;
}

void bench_close_output(void) {
  if (fclose(output) != 0) {
    failures++;
  }
}

void bench_flush(void) {
  fflush(output);
  fflush(stdout);
}

void *bench_absent(const char *why) {
  absent_because = why;
  return NULL;
}

void *bench_failed(const char *why) {
  failed_because = why;
  return NULL;
}

unsigned bench_failures(void) { return failures; }

void *bench_allocate(size_t size) {
  void *memory = calloc(1, size);
  if (memory == NULL) {
    fprintf(stderr, "bench: out of memory\n");
    exit(2);
  }
  return memory;
}

bool bench_wanted(const char *group) {
  return bench_settings.only == NULL ||
         strncmp(group, bench_settings.only, strlen(bench_settings.only)) == 0;
}

static void begin_line(const char *group, const char *id, const char *who, const char *what) {
  fprintf(output, "{\"group\":\"%s\",\"case\":\"%s\",\"who\":\"%s\",\"what\":\"%s\",", group, id, who,
          what);
}

void bench_figures(const char *group, const char *id, const char *who, const char *what,
                   const char *figures) {
  begin_line(group, id, who, what);
  fprintf(output, "\"figures\":{%s}}\n", figures);
  printf("  %-18s %s\n", id, figures);
}

void bench_case_absent(const char *group, const char *id, const char *who, const char *what,
                       const char *why) {
  begin_line(group, id, who, what);
  fprintf(output, "\"absent\":\"%s\"}\n", why);
}

void bench_case_failed(const char *group, const char *id, const char *who, const char *what,
                       const char *why) {
  failures++;
  begin_line(group, id, who, what);
  fprintf(output, "\"failed\":\"%s\"}\n", why);
  printf("  FAILED  %s %s: %s\n", group, id, why);
}

typedef struct running_t {
  const bench_case_t *is;
  void *state;
  uint64_t times;
  double samples[MOST_ROUNDS];
} running_t;

/* How many times make a batch. The best of three: a batch that was interrupted would say too few. */
static uint64_t calibrate(const running_t *one) {
  uint64_t times = 1;
  for (;;) {
    uint64_t best = UINT64_MAX;
    for (int attempt = 0; attempt < 3; attempt++) {
      uint64_t elapsed = one->is->run(one->state, times);
      best = elapsed < best ? elapsed : best;
    }
    if (best >= bench_settings.batch_ns || times >= UINT64_C(1) << 32) {
      return times;
    }
    uint64_t wanted = best == 0 ? times * 16 : times * bench_settings.batch_ns / best + 1;
    if (wanted < times + times / 8 + 1) {
      return times;
    }
    times = wanted < times * 16 ? wanted : times * 16;
  }
}

static bool start(running_t *one, const bench_group_t *group, const bench_case_t *is) {
  one->is = is;
  absent_because = NULL;
  failed_because = NULL;
  one->state = is->prepare(group);
  if (one->state == NULL) {
    if (failed_because == NULL && absent_because != NULL) {
      bench_case_absent(group->id, is->id, is->who, is->what, absent_because);
    } else {
      bench_case_failed(group->id, is->id, is->who, is->what,
                        failed_because != NULL ? failed_because : "it cannot be set up");
    }
    return false;
  }
  if (!is->check(one->state)) {
    bench_case_failed(group->id, is->id, is->who, is->what, "it does not do what is measured");
    is->finish(one->state);
    return false;
  }
  one->times = calibrate(one);
  return true;
}

static void end(running_t *one, const bench_group_t *group, unsigned rounds) {
  const bench_case_t *is = one->is;
  if (!is->check(one->state)) {
    bench_case_failed(group->id, is->id, is->who, is->what, "after the rounds it no longer works");
  } else {
    begin_line(group->id, is->id, is->who, is->what);
    fprintf(output, "\"times\":%llu,\"samples\":[", (unsigned long long)one->times);
    for (unsigned round = 0; round < rounds; round++) {
      fprintf(output, round == 0 ? "%.4f" : ",%.4f", one->samples[round]);
    }
    fprintf(output, "]}\n");
  }
  is->finish(one->state);
}

static void run_group(const bench_group_t *group) {
  static running_t running[MOST_CASES];
  unsigned rounds = bench_settings.rounds < MOST_ROUNDS ? bench_settings.rounds : MOST_ROUNDS;
  uint64_t operations = group->operations == 0 ? 1 : group->operations;
  size_t count = 0;
  uint64_t started = bench_now();

  fprintf(output, "{\"group\":\"%s\",\"title\":\"%s\"}\n", group->id, group->title);
  for (size_t i = 0; i < group->count && count < MOST_CASES; i++) {
    count += start(&running[count], group, &group->cases[i]);
  }
  for (unsigned round = 0; round < rounds; round++) {
    for (size_t i = 0; i < count; i++) {
      running_t *one = &running[(i + round) % count];
      uint64_t elapsed = one->is->run(one->state, one->times);
      one->samples[round] = (double)elapsed / (double)one->times / (double)operations;
    }
  }
  for (size_t i = 0; i < count; i++) {
    end(&running[i], group, rounds);
  }
  printf("  %-18s %zu cases, %.1f s\n", group->id, count, (double)(bench_now() - started) / 1e9);
  bench_flush();
}

void bench_run_groups(const bench_group_t *groups, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (bench_wanted(groups[i].id)) {
      run_group(&groups[i]);
    }
  }
}
