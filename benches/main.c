/* The benchmark program: takes samples and writes them as lines of JSON. `cargo xtask bench` builds
 * and runs it, and says what they mean. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "families.h"
#include "library.h"
#include "wasm2c.h"
#include "wasmtime.h"

static int usage(void) {
  fprintf(stderr, "usage: bench --library FILE --output FILE [--wasmtime FILE] [--wasm2c FILE]"
                  " [--rounds N] [--short] [--only GROUP]\n");
  return 2;
}

int main(int count, char **arguments) {
  const char *library = NULL, *output = NULL;
  bench_settings = (bench_settings_t){.rounds = 15, .batch_ns = 500000};
  for (int i = 1; i < count; i++) {
    const char *name = arguments[i];
    if (strcmp(name, "--short") == 0) {
      bench_settings.brief = true;
      bench_settings.rounds = 3;
      bench_settings.batch_ns = 50000;
      continue;
    }
    if (i + 1 == count) {
      return usage();
    }
    const char *value = arguments[++i];
    if (strcmp(name, "--library") == 0) {
      library = value;
    } else if (strcmp(name, "--output") == 0) {
      output = value;
    } else if (strcmp(name, "--wasmtime") == 0) {
      wasmtime_set_path(value);
    } else if (strcmp(name, "--wasm2c") == 0) {
      wasm2c_set_path(value);
    } else if (strcmp(name, "--rounds") == 0) {
      bench_settings.rounds = (unsigned)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--only") == 0) {
      bench_settings.only = value;
    } else {
      return usage();
    }
  }
  if (library == NULL || output == NULL || bench_settings.rounds == 0) {
    return usage();
  }
  if (!library_load(library) || !bench_open_output(output)) {
    return 2;
  }
  live_run();
  bench_run_groups(create_groups, create_group_count);
  bench_run_groups(grow_groups, grow_group_count);
  bench_run_groups(reset_groups, reset_group_count);
  bench_run_groups(image_groups, image_group_count);
  bench_run_groups(access_groups, access_group_count);
  bench_run_groups(bulk_groups, bulk_group_count);
  bench_run_groups(waiting_groups, waiting_group_count);
  bench_run_groups(threads_groups, threads_group_count);
  bench_close_output();
  return bench_failures() == 0 ? 0 : 1;
}
