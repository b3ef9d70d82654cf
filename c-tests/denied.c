/* A host that denies: seccomp filters of whole system calls, no /proc, limits met, signals without end. What is left must work, or
 * say why not (reliability.md, rows 1 to 7, 13, 14 and 25). */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#include "buffers.h"
#include "denied.h"
#include "process.h"
#include "tenants.h"

/* ---- all that a memory does, under a filter ---- */

static bool planted; /* a byte is lost on the way */

static void grow_across(wasm_memory_allocator_t *movable) {
  wasm_memory_t *memory = created_in(movable, TYPE(.initial = PAGES(1)));
  memset(wasm_memory_data(memory), 0x3C, PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 40, NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory), 0x3C, PAGE) && all_are(wasm_memory_data(memory) + PAGE, 0, 40 * PAGE));
  wasm_memory_delete(memory);
}

static void whole_life(wasm_memory_allocator_t *allocator, wasm_memory_allocator_t *movable) {
  const tenant_image image = tenant_image_of(70001, 100, 2);
  const tenant with = {.type = TYPE(.initial = PAGES(2), .maximum = PAGES(30)), .last = 12, .from = &image},
               without = {.type = TYPE(.initial = PAGES(1), .maximum = PAGES(30)), .last = 20};
  for (int round = 0; round < 3; round++) {
    wasm_memory_t *memory = MOVES_IN(allocator, &with);
    wasm_memory_image_t *snapshot = snapshot_of(memory);
    CHECK_STATUS(wasm_memory_discard(memory, PAGE, 3 * PAGE), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memory) + PAGE, 0, 3 * PAGE));
    if (planted) wasm_memory_data(memory)[PAGE + 7] = 1;
    if (planted) CHECK(all_are(wasm_memory_data(memory) + PAGE, 0, 3 * PAGE));
    CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memory), TENANT_BYTE, 12 * PAGE));
    CHECK_STATUS(wasm_memory_reset(memory, image.image), WASM_MEMORY_OK);
    tenant_sees_only(__FILE__, __LINE__, memory, &image);
    CHECK_SHUT(memory);
    tenant_writes(memory);
    wasm_memory_image_delete(snapshot);
    wasm_memory_delete(memory);
    wasm_memory_delete(MOVES_IN(allocator, &without));
    CHECK_U64(stats_of(allocator).memories, 0);
    grow_across(movable);
    wasm_memory_allocator_trim(allocator);
  }
  wasm_memory_image_delete(image.image);
}

static const long *denied_calls;
static int denied_errno;
static void (*before_denial)(void);

static void life_under_denial(void) {
  wasm_memory_config_t *config = config_new(), *pool = config_new();
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_config_set_pool(pool, 2, 30 * PAGE);
  wasm_memory_allocator_t *movable = allocator_of(config), *slots = allocator_of(pool), *alone = allocator_of(config_new());
  if (before_denial != NULL) before_denial();
  REQUIRE(deny(denied_calls, denied_errno));
  whole_life(alone, movable);
  whole_life(slots, movable);
  wasm_memory_allocator_delete(alone);
  wasm_memory_allocator_delete(slots);
  wasm_memory_allocator_delete(movable);
}

static void use_some(void) { /* what is asked of the host once is known when the filter comes */
  wasm_memory_allocator_t *allocator = allocator_of(config_new());
  const tenant some = {.type = TYPE(.initial = PAGES(2), .maximum = PAGES(30)), .last = 5};
  for (int i = 0; i < 3; i++) wasm_memory_delete(MOVES_IN(allocator, &some));
  wasm_memory_allocator_delete(allocator);
}

static void deny_each(const long (*calls)[4], size_t count) {
  const int errors[] = {EPERM, ENOSYS, EINVAL};
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < 3; j++) {
      const unsigned long failures = harness_failures;
      denied_calls = calls[i];
      denied_errno = errors[j];
      before_denial = j == 1 ? use_some : NULL;
      in_child(life_under_denial);
      if (harness_failures != failures) fprintf(stderr, "  denied %ld with errno %d\n", calls[i][0], errors[j]);
    }
}

/* Of these none is needed. */
TEST(calls_that_can_be_done_without) {
  NEEDS_REFUSED_MAPPINGS();
  static const long calls[][4] = {{SYS_memfd_create, -1}, {SYS_madvise, -1},  {SYS_ioctl, -1},    {SYS_mremap, -1},
                                  {SYS_fcntl, -1},        {SYS_ftruncate, -1}, {SYS_pwrite64, -1}, {SYS_mincore, -1},
                                  {SYS_userfaultfd, -1},  {SYS_membarrier, -1}, {SYS_prlimit64, SYS_getrlimit, -1}};
  deny_each(calls, sizeof calls / sizeof calls[0]);
}

TEST(several_at_once) {
  NEEDS_REFUSED_MAPPINGS();
  static const long calls[][4] = {{SYS_memfd_create, SYS_madvise, SYS_ioctl, -1}, {SYS_mremap, SYS_ioctl, -1}, {SYS_madvise, SYS_mremap, -1},
                                  {SYS_userfaultfd, SYS_memfd_create, SYS_mremap, -1}};
  deny_each(calls, sizeof calls / sizeof calls[0]);
}

/* Kept ranges may be as many as the kernel did not take; they are closed and hold nothing. */
static void munmap_is_denied(void) {
  static const long calls[] = {SYS_munmap, -1};
  use_some();
  REQUIRE(deny(calls, ENOMEM));
  for (int i = 0; i < 20; i++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(4)));
    uint8_t *base = wasm_memory_data(memory);
    memset(base, TENANT_BYTE, 4 * PAGE);
    wasm_memory_delete(memory);
    wasm_memory_allocator_trim(NULL);
    CHECK(is_out_of_reach(base));
    CHECK(!wasm_memory_find(base, NULL));
  }
}

TEST(munmap_leaves_nothing_within_reach) {
  NEEDS_HOST_COUNTS();
  in_child(munmap_is_denied);
}

/* What is needed says which and why, and what lives goes on. */
static void mprotect_is_denied(void) {
  static const long calls[] = {SYS_mprotect, -1};
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  memset(wasm_memory_data(memory), 0x5A, PAGE);
  REQUIRE(deny(calls, EACCES));
  wasm_memory_error_t error = RANGE_FAILS(wasm_memory_grow(memory, 1, NULL), COMMIT);
  CHECK_U64((uint64_t)error.os_error, EACCES);
  CHECK(error.requested >= PAGE);
  wasm_memory_allocator_trim(NULL);
  error = RANGE_FAILS(refused(TYPE(.initial = PAGES(1))), COMMIT);
  CHECK_U64((uint64_t)error.os_error, EACCES);
  CHECK(all_are(wasm_memory_data(memory), 0x5A, PAGE));
  CHECK_U64(wasm_memory_size(memory), 1);
  CHECK_STATUS(wasm_memory_discard(memory, 0, PAGE), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
}

TEST(mprotect_says_commit) {
  NEEDS_HOST_COUNTS();
  NEEDS_STEADY_BASE();
  in_child(mprotect_is_denied);
}

static void mmap_is_denied(void) {
  static const long calls[] = {SYS_mmap, -1};
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  wasm_memory_delete(created(TYPE(.initial = PAGES(1))));
  wasm_memory_allocator_trim(NULL);
  REQUIRE(deny(calls, EPERM));
  const wasm_memory_error_t error = RANGE_FAILS(refused(TYPE(.initial = PAGES(1))), ADDRESS_SPACE);
  CHECK_U64((uint64_t)error.os_error, EPERM);
  CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory), 0, 4 * PAGE));
  wasm_memory_image_t *image = (wasm_memory_image_t *)POISON_POINTER;
  RANGE_FAILS(wasm_memory_image_new((const uint8_t *)"bytes", 5, 0, &image), OUT_OF_MEMORY);
  CHECK_POINTER(image, NULL);
  wasm_memory_delete(memory);
}

TEST(mmap_says_address_space) {
  NEEDS_HOST_COUNTS();
  NEEDS_STEADY_BASE();
  in_child(mmap_is_denied);
}

/* ---- no futex: waits go by the clock, and notify reaches them ---- */

static wasm_memory_t *waited_on;

static void *notify_later(void *unused) {
  uint32_t woken = 0;
  for (int i = 0; i < 5000 && woken == 0; i++) {
    usleep(1000);
    wasm_memory_atomic_notify(waited_on, 64, 1, &woken);
  }
  CHECK_U64(woken, 1);
  return unused;
}

static uint64_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wait_without_futex(void) {
  static const long calls[] = {SYS_futex, -1};
  pthread_t thread;
  uint32_t result = 9;
  alarm(30);
  waited_on = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1), .shared = true));
  REQUIRE(pthread_create(&thread, NULL, notify_later, NULL) == 0);
  REQUIRE(deny(calls, ENOSYS)); /* of this thread only: the other one may end */
  const uint64_t start = milliseconds();
  CHECK_STATUS(wasm_memory_atomic_wait32(waited_on, 128, 0, 30000000, &result), WASM_MEMORY_OK);
  CHECK_U64(result, 2);
  CHECK(milliseconds() - start >= 30);
  CHECK_STATUS(wasm_memory_atomic_wait32(waited_on, 64, 0, -1, &result), WASM_MEMORY_OK);
  CHECK_U64(result, 0);
  CHECK_STATUS(wasm_memory_atomic_wait64(waited_on, 64, 1, -1, &result), WASM_MEMORY_OK);
  CHECK_U64(result, 1);
  _exit(harness_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE); /* joining takes a futex */
}

TEST(futex_denied) {
  NEEDS_HOST_COUNTS();
  in_child(wait_without_futex);
}

static void plant_and_live(void) {
  static const long calls[] = {SYS_madvise, -1};
  planted = true;
  denied_calls = calls;
  denied_errno = EPERM;
  before_denial = NULL;
  life_under_denial();
}

TEST(a_lost_byte_is_noticed) {
  NEEDS_REFUSED_MAPPINGS();
  CHECK(fails_in_child(plant_and_live));
}

/* ---- no /proc ---- */

static char empty_directory[] = "/tmp/wasm_memory-no-proc-XXXXXX";

/* Growth that moves asks /proc for the mappings of the body; without an answer it copies. */
static void grow_without_proc(void) {
  if (chroot(empty_directory) != 0 || chdir("/") != 0) _exit(HARNESS_SKIPPED);
  CHECK(access("/proc/self/maps", R_OK) != 0);
  for (int used = 0; used < 2; used++) {
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_reservation(config, PAGE);
    wasm_memory_config_set_movable(config, true);
    wasm_memory_allocator_t *movable = allocator_of(config);
    for (int i = 0; i < 3; i++) grow_across(movable);
    wasm_memory_t *memory = created_from(NULL, NULL, TYPE(.initial = PAGES(1)));
    memset(wasm_memory_data(memory), TENANT_BYTE, PAGE);
    wasm_memory_delete(memory);
    memory = created(TYPE(.initial = PAGES(1)));
    CHECK(all_are(wasm_memory_data(memory), 0, PAGE));
    CHECK_U64(memory_stats_of(memory).accessible_bytes, PAGE);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(movable);
  }
}

TEST(no_proc) {
  int status = 0;
  NEEDS_HOST_COUNTS();
  REQUIRE(mkdtemp(empty_directory) != NULL);
  fflush(NULL);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    harness_failures = 0;
    grow_without_proc();
    _exit(harness_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(rmdir(empty_directory) == 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == HARNESS_SKIPPED) SKIP("chroot takes the superuser");
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

/* ---- limits ---- */

TEST(no_descriptor_for_anything) {
  NEEDS_HOST_COUNTS();
  struct rlimit limits;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limits) == 0);
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *movable = allocator_of(config);
  limit(RLIMIT_NOFILE, 0);
  for (int i = 0; i < 5; i++) grow_across(movable);
  wasm_memory_image_t *image = pattern_image(9000, 100, 3);
  wasm_memory_t *memory = created_from(NULL, image, TYPE(.initial = PAGES(1)));
  CHECK(is_pattern(wasm_memory_data(memory) + 100, 9000, 3));
  memset(wasm_memory_data(memory), TENANT_BYTE, PAGE);
  CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory), 0, PAGE));
  CHECK_FAILS(wasm_memory_image_write_file(image, "/dev/null"), WASM_MEMORY_HOST_ERROR, WASM_MEMORY_REASON_FILE);
  wasm_memory_delete(memory);
  wasm_memory_image_delete(image);
  wasm_memory_allocator_delete(movable);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limits) == 0);
}

/* With everything locked from here on, a mapping that does not fit RLIMIT_MEMLOCK is refused with EAGAIN. */
static void locked_and_limited(void) {
  wasm_memory_t *before = created(TYPE(.initial = PAGES(1), .maximum = PAGES(40)));
  memset(wasm_memory_data(before), TENANT_BYTE, PAGE);
  if (setgid(65534) != 0 || setuid(65534) != 0) _exit(HARNESS_SKIPPED);
  limit(RLIMIT_MEMLOCK, 64 * MIB);
  if (mlockall(MCL_FUTURE) != 0) _exit(HARNESS_SKIPPED);
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_fallback(config, false);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  const wasm_memory_error_t error = RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), ADDRESS_SPACE);
  CHECK_U64((uint64_t)error.os_error, EAGAIN);
  CHECK(error.available > 0 && error.available <= 64 * MIB);
  CHECK(all_are(wasm_memory_data(before), TENANT_BYTE, PAGE));
  /* What fits works, and is cleaned though it is locked. */
  for (int i = 0; i < 3; i++) {
    wasm_memory_t *memory = NULL;
    const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(2), .maximum = PAGES(4));
    REQUIRE(wasm_memory_new_in(NULL, &type, NULL, &memory) == WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memory), 0, 2 * PAGE));
    memset(wasm_memory_data(memory), TENANT_BYTE, 2 * PAGE);
    wasm_memory_delete(memory);
  }
  wasm_memory_allocator_delete(allocator);
  wasm_memory_delete(before);
}

TEST(everything_locked_within_a_limit) {
  int status = 0;
  NEEDS_HOST_COUNTS();
  NEEDS_STEADY_BASE();
  fflush(NULL);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    harness_failures = 0;
    locked_and_limited();
    _exit(harness_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == HARNESS_SKIPPED) SKIP("takes a superuser who can become somebody else");
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

/* ---- a memory cgroup: growth is granted, the touch kills; a quota below it refuses in time ---- */

#define GROUP "/sys/fs/cgroup/memory/wasm_memory-test"

static bool write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  if (file == NULL) return false;
  const bool written = fputs(text, file) >= 0;
  return fclose(file) == 0 && written;
}

static void touch_in_group(bool quota) {
  wasm_memory_config_t *config = config_new();
  if (quota) wasm_memory_config_set_quota(config, 0, 16 * MIB);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1)));
  if (quota) {
    CHECK_FIGURES(wasm_memory_grow(memory, 4095, NULL), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_QUOTA_BYTES, 256 * MIB, 16 * MIB);
    CHECK_STATUS(wasm_memory_grow(memory, 200, NULL), WASM_MEMORY_OK);
  } else {
    CHECK_STATUS(wasm_memory_grow(memory, 4095, NULL), WASM_MEMORY_OK); /* success tells nothing of memory */
  }
  memset(wasm_memory_data(memory), TENANT_BYTE, (size_t)wasm_memory_byte_length(memory));
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

static int in_group(bool quota) {
  int status = -1;
  fflush(NULL);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    harness_failures = 0;
    if (!write_text(GROUP "/cgroup.procs", "0")) _exit(HARNESS_SKIPPED);
    touch_in_group(quota);
    _exit(harness_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

TEST(memory_cgroup) {
  NEEDS_HOST_COUNTS();
  if (mkdir(GROUP, 0755) != 0 && errno != EEXIST) SKIP("no memory cgroup of version 1 can be made");
  if (!write_text(GROUP "/memory.limit_in_bytes", "67108864")) {
    rmdir(GROUP);
    SKIP("no limit can be set");
  }
  const int with_quota = in_group(true), without = in_group(false);
  rmdir(GROUP);
  if (WIFEXITED(without) && WEXITSTATUS(without) == HARNESS_SKIPPED) SKIP("no process may join");
  CHECK(WIFEXITED(with_quota) && WEXITSTATUS(with_quota) == EXIT_SUCCESS);
  /* By SIGKILL; with swap it may live. */
  CHECK((WIFSIGNALED(without) && WTERMSIG(without) == SIGKILL) || (WIFEXITED(without) && WEXITSTATUS(without) == EXIT_SUCCESS));
}

/* ---- signals without end ---- */

static volatile sig_atomic_t ticks;

static void tick(int number) { (void)number, ticks = ticks + 1; }

static void interrupted_for_ever(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = tick; /* without SA_RESTART */
  REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
  const struct itimerval often = {{0, 200}, {0, 200}};
  REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
  char path[] = "/tmp/wasm_memory-signals-XXXXXX";
  const int file = mkstemp(path);
  REQUIRE(file >= 0);
  wasm_memory_allocator_t *allocator = allocator_of(config_new());
  wasm_memory_image_t *large = pattern_image(6 * MIB + 77, 0, 5);
  CHECK_STATUS(wasm_memory_image_write_file(large, path), WASM_MEMORY_OK);
  wasm_memory_image_t *read_back = NULL;
  CHECK_STATUS(wasm_memory_image_from_file(path, 0, &read_back), WASM_MEMORY_OK);
  wasm_memory_t *memory = created_from(allocator, read_back, TYPE(.initial = PAGES(100), .shared = true, .maximum = PAGES(100)));
  CHECK(is_pattern(wasm_memory_data(memory), 6 * MIB + 77, 5));
  uint32_t result = 9;
  const int before = ticks;
  wasm_memory_bulk_fill(memory, 0, 0, 64);
  CHECK_STATUS(wasm_memory_atomic_wait32(memory, 0, 0, 50000000, &result), WASM_MEMORY_OK);
  CHECK_U64(result, 2);
  CHECK(ticks > before);
  const struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  wasm_memory_delete(memory);
  wasm_memory_image_delete(read_back);
  wasm_memory_image_delete(large);
  wasm_memory_allocator_delete(allocator);
  close(file);
  unlink(path);
}

TEST(signals_without_end) { in_child(interrupted_for_ever); }

HARNESS_MAIN(LISTED(calls_that_can_be_done_without), LISTED(several_at_once), LISTED(munmap_leaves_nothing_within_reach), LISTED(mprotect_says_commit),
             LISTED(mmap_says_address_space), LISTED(futex_denied), LISTED(a_lost_byte_is_noticed), LISTED(no_proc), LISTED(no_descriptor_for_anything),
             LISTED(everything_locked_within_a_limit), LISTED(memory_cgroup), LISTED(signals_without_end))
