/* What the host counts of this process, and a child in which a limit of the host may be met. */
#ifndef PROCESS_H
#define PROCESS_H

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

/* Sanitizers reserve terabytes and hold back freed blocks: counts and limits of the host say nothing under them. */
static inline bool host_counts_mean_nothing(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
  return true;
#endif
#endif
  return getenv("WASM_MEMORY_TEST_SKIP_HOST_LIMITS") != NULL; /* valgrind, emulators */
}

#define NEEDS_HOST_COUNTS() do { if (host_counts_mean_nothing()) SKIP("host counts mean nothing here"); } while (0)

static inline uint64_t mapping_count(void) {
  uint64_t lines = 0;
  int byte;
  FILE *maps = fopen("/proc/self/maps", "r");
  REQUIRE(maps != NULL);
  while ((byte = getc(maps)) != EOF) lines += byte == '\n';
  fclose(maps);
  return lines;
}

/* A line such as "VmSize:  1234 kB" of a file that the kernel writes, in bytes. */
static inline uint64_t told_bytes(const char *path, const char *name) {
  char line[256];
  uint64_t kib = 0;
  bool found = false;
  FILE *file = fopen(path, "r");
  REQUIRE(file != NULL);
  while (!found && fgets(line, sizeof line, file) != NULL)
    found = strncmp(line, name, strlen(name)) == 0 && sscanf(line + strlen(name), ": %" SCNu64, &kib) == 1;
  fclose(file);
  REQUIRE(found);
  return kib * 1024;
}

static inline uint64_t process_bytes(const char *name) { return told_bytes("/proc/self/status", name); }

/* The process has what it had, but for a few mappings and a mebibyte that stdio and handle storage may have taken. */
static inline void check_back_to(uint64_t mappings, uint64_t address_space, uint64_t mapping_slack) {
  const uint64_t slack = UINT64_C(1) << 20;
  if (host_counts_mean_nothing()) return; /* the run itself was worth it: a sanitizer watched */
  wasm_memory_allocator_trim(NULL);       /* what is kept for reuse is not lost */
  const uint64_t mappings_now = mapping_count(), address_space_now = process_bytes("VmSize");
  CHECK(mappings_now <= mappings + mapping_slack);
  CHECK(address_space_now <= address_space + slack);
  if (mappings_now > mappings + mapping_slack || address_space_now > address_space + slack)
    fprintf(stderr, "  %" PRIu64 " mappings were %" PRIu64 ", %" PRIu64 " bytes were %" PRIu64 "\n", mappings_now, mappings, address_space_now,
            address_space);
}

/* The soft limit only, so that the child can lift it again. */
static inline void limit(int resource, uint64_t bytes) {
  struct rlimit limits;
  REQUIRE(getrlimit(resource, &limits) == 0);
  limits.rlim_cur = bytes < limits.rlim_max ? (rlim_t)bytes : limits.rlim_max;
  REQUIRE(setrlimit(resource, &limits) == 0);
}

/* A child ends without what this process does at its end; but the profile of `cargo xtask coverage` is written there. */
static inline void leave_child(void) {
  const int status = harness_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  if (getenv("LLVM_PROFILE_FILE") != NULL) {
    struct rlimit limits; /* past that of files a signal would end it */
    if (getrlimit(RLIMIT_FSIZE, &limits) == 0) {
      limits.rlim_cur = limits.rlim_max;
      setrlimit(RLIMIT_FSIZE, &limits);
    }
    exit(status);
  }
  _exit(status);
}

/* Runs in a child, whose failed checks are this process's. */
static inline void in_child(void (*run)(void)) {
  int status = 0;
  fflush(NULL);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    harness_failures = 0;
    run();
    fflush(NULL);
    leave_child();
  }
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) fprintf(stderr, "the child died by signal %d\n", WTERMSIG(status));
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

/* A child whose checks must fail, quietly: what the test would notice is planted in it. */
static inline bool fails_in_child(void (*run)(void)) {
  int status = 0;
  fflush(NULL);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (freopen("/dev/null", "w", stderr) == NULL) _exit(EXIT_SUCCESS);
    harness_failures = 0;
    run();
    leave_child();
  }
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE;
}

#endif
