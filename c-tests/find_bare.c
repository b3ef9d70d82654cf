/* What an async-signal-safe call may not need: a system call, a thread-local, a deep stack (design.md 3 and 8). */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "fixtures.h"
#include "process.h"

#ifdef __linux__
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

enum { MEMORIES = 100 };

static wasm_memory_t *memories[MEMORIES];
static uint8_t *bases[MEMORIES];
/* Through pointers, which the loader resolves at start: its lazy binding would use a lock and thread-locals itself. */
static bool (*const volatile find)(const void *, wasm_memory_location_t *) = wasm_memory_find;
static void *(*const volatile user_data)(const wasm_memory_t *) = wasm_memory_user_data;

static void create_all(void) {
  for (size_t i = 0; i < MEMORIES; i++) {
    memories[i] = created(TYPE(.initial = PAGES(1), .maximum = PAGES(1 + i % 3)));
    wasm_memory_set_user_data(memories[i], &bases[i]);
    bases[i] = wasm_memory_data(memories[i]);
  }
}

static void delete_all(void) {
  for (size_t i = 0; i < MEMORIES; i++) wasm_memory_delete(memories[i]);
}

/* A stack protector reads a thread-local in every function. */
#if defined(__has_attribute)
#if __has_attribute(no_stack_protector)
#define BARE __attribute__((noinline, no_stack_protector))
#endif
#endif
#ifndef BARE
#define BARE __attribute__((noinline))
#endif

BARE static unsigned wrong_answers(void) {
  unsigned wrong = 0;
  for (size_t i = 0; i < MEMORIES; i++) {
    wasm_memory_location_t location;
    wrong += !find(bases[i] + PAGE + 5, &location) || location.memory != memories[i] || location.offset != PAGE + 5;
    wrong += user_data(location.memory) != &bases[i];
    wrong += find(&location, NULL) || find(NULL, &location);
  }
  return wrong;
}

static void without_system_calls_in_child(void) {
#ifdef __linux__
  create_all();
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) { /* from here on all but read, write and exit kill */
    printf("no seccomp: %s\n", strerror(errno));
    return;
  }
  unsigned wrong = 0;
  for (int i = 0; i < 1000; i++) wrong += wrong_answers();
  CHECK_U64(wrong, 0);
  syscall(SYS_exit, harness_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
#endif
}

TEST(no_system_call) {
  NEEDS_HOST_COUNTS();
#ifndef __linux__
  SKIP("needs seccomp");
#endif
  in_child(without_system_calls_in_child);
}

#if defined(__linux__) && defined(__x86_64__)
#define KNOWS_THREAD_POINTER 1
/* The fs register is where thread-locals are found; the library must not notice that they are gone. */
BARE static void set_fs(unsigned long address) {
  const long set = 0x1002; /* ARCH_SET_FS; libc's syscall() would write errno, a thread-local */
  long result = SYS_arch_prctl;
  __asm__ volatile("syscall" : "+a"(result) : "D"(set), "S"(address) : "rcx", "r11", "memory");
}

BARE static void without_thread_locals_in_child(void) {
  unsigned long thread;
  create_all();
  CHECK_U64(wrong_answers(), 0); /* whatever the library itself calls is bound now */
  __asm__ volatile("mov %%fs:0, %0" : "=r"(thread)); /* the first word there is its own address */
  set_fs(0);
  const unsigned wrong = wrong_answers();
  set_fs(thread);
  CHECK_U64(wrong, 0);
  delete_all();
}
#else
#define KNOWS_THREAD_POINTER 0
static void without_thread_locals_in_child(void) {}
#endif

TEST(no_thread_local) {
  NEEDS_HOST_COUNTS();
  if (!KNOWS_THREAD_POINTER) SKIP("knows the thread pointer of Linux on x86-64 only");
  in_child(without_thread_locals_in_child);
}

static volatile unsigned wrong_in_handler;

static void ask_nothing(int number) { (void)number; }

static void ask(int number) {
  (void)number;
  wrong_in_handler = wrong_answers();
}

/* How much of a painted stack a handler overwrites, the kernel's frame included. */
static size_t stack_used(void (*handler)(int), uint8_t *bottom, size_t size) {
  const uint8_t paint = 0x5C;
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK}, before;
  size_t untouched = 0;
  memset(bottom, paint, size);
  REQUIRE(sigaction(SIGUSR1, &action, &before) == 0 && raise(SIGUSR1) == 0 && sigaction(SIGUSR1, &before, NULL) == 0);
  while (untouched < size && bottom[untouched] == paint) untouched++;
  return size - untouched;
}

/* An alternate stack may have little more than MINSIGSTKSZ, and the engine's handler needs some of it too. */
TEST(little_stack) {
  NEEDS_HOST_COUNTS();
  const size_t size = 256 * 1024, allowed = 2048;
  uint8_t *bottom = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(bottom != MAP_FAILED);
  stack_t stack = {.ss_sp = bottom, .ss_size = size}, off = {.ss_flags = SS_DISABLE};
  create_all();
  REQUIRE(sigaltstack(&stack, NULL) == 0);
  const size_t least = stack_used(ask_nothing, bottom, size);
  wrong_in_handler = 1;
  const size_t used = stack_used(ask, bottom, size);
  CHECK_U64(wrong_in_handler, 0);
  printf("find and user_data use %zu bytes of stack\n", used - least);
  CHECK(used <= least + allowed);
  REQUIRE(sigaltstack(&off, NULL) == 0);
  munmap(bottom, size);
  delete_all();
}

HARNESS_MAIN(LISTED(no_system_call), LISTED(no_thread_local), LISTED(little_stack))
