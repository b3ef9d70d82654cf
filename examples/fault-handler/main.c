/* A host that runs compiled code without bounds checks and turns its faults into traps.
 *
 * Parts 1 to 4 are what an engine needs; part 5 is a program that tries them. Each line that
 * starts with "ok" was checked; one that starts with "FAILED" makes the exit code 1.
 */
#define _GNU_SOURCE /* sigaltstack, MAP_ANONYMOUS */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <wasm_memory.h>

static int failures;

static void check(bool ok, const char *what) {
  printf("%s  %s\n", ok ? "ok    " : "FAILED", what);
  failures += !ok;
}

/* For what the rest cannot go on without. */
static void require(bool ok, const char *what) {
  if (!ok) {
    char message[256];
    wasm_memory_last_error_message(message, sizeof message);
    printf("FAILED  %s (%s)\n", what, message);
    exit(1);
  }
}

/* ---- 1. An instance and its memory ---- */

typedef struct instance_t {
  const char *name;
  wasm_memory_t *memory;
  const wasm_memory_view_t *view; /* what compiled code loads through: one address for life */
  bool elides_checks;
} instance_t;

enum { STATIC_OFFSET = 1024 }; /* the largest static offset in the code that is compiled here */

/* Every 32-bit index must land in the reservation, and index + offset + 16 in it or the guard.
 * Asked for explicitly, less is an error and never a silent surprise. */
static wasm_memory_allocator_t *make_allocator(void) {
  wasm_memory_allocator_t *allocator = NULL;
  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_reservation(config, UINT64_C(4) << 30);
  wasm_memory_config_set_guards(config, 0, UINT64_C(32) << 20);
  require(wasm_memory_allocator_new(config, &allocator) == WASM_MEMORY_OK, "an allocator");
  wasm_memory_config_delete(config);
  return allocator;
}

static void instantiate(instance_t *instance, const char *name,
                        wasm_memory_allocator_t *allocator) {
  const wasm_memory_descriptor_t descriptor = {.initial = WASM_MEMORY_PAGES(1),
                                               .maximum = WASM_MEMORY_PAGES(10)};
  wasm_memory_layout_t layout;
  instance->name = name;
  require(wasm_memory_new_in(allocator, &descriptor, NULL, &instance->memory) == WASM_MEMORY_OK,
          "a memory");
  instance->view = wasm_memory_view(instance->memory);
  wasm_memory_set_user_data(instance->memory, instance); /* the handler gets it back */
  /* The layout, not the config, is what compiled code may rely on. */
  wasm_memory_get_layout(instance->memory, &layout);
  instance->elides_checks = layout.elides_i32_checks && layout.elidable_offset >= STATIC_OFFSET;
}

/* ---- 2. Compiled code: what a compiler would emit for (i32.load8_u offset=...) ---- */

typedef uint32_t code_t(const instance_t *instance, uint32_t index, uint32_t offset);

/* 64-bit arithmetic, so that index + offset cannot wrap back into the memory. Volatile, since the
 * fault is meant: a C compiler may otherwise drop or move the access. */
static uint32_t load8_u_unchecked(const instance_t *instance, uint32_t index, uint32_t offset) {
  return *(const volatile uint8_t *)(instance->view->base + ((uint64_t)index + offset));
}

/* Where the layout does not allow more; this one would report its trap without a fault. */
static uint32_t load8_u_checked(const instance_t *instance, uint32_t index, uint32_t offset) {
  const uint64_t at = (uint64_t)index + offset;
  return at < instance->view->byte_length ? instance->view->base[at] : UINT32_MAX;
}

static code_t *compile_load8_u(const instance_t *instance) {
  return instance->elides_checks ? load8_u_unchecked : load8_u_checked;
}

/* ---- 3. Calls into compiled code, and traps out of it ---- */

typedef struct trap_t {
  const instance_t *instance;
  int64_t offset; /* from the base of the memory */
  uint32_t zone;
} trap_t;

typedef struct activation_t {
  sigjmp_buf resume;
  trap_t trap;
} activation_t;

/* Set while this thread is in compiled code. An engine compares the program counter with its code
 * as well. In a shared library use the initial-exec model (-ftls-model=initial-exec): others may
 * allocate at the first access, which a handler must not do. */
static _Thread_local activation_t *volatile current_activation;

/* Returns whether the call returned; if not, *trap tells why. */
static bool call(code_t *code, const instance_t *instance, uint32_t index, uint32_t offset,
                 uint32_t *result, trap_t *trap) {
  activation_t activation, *outer = current_activation; /* compiled code may call the host back */
  /* 0: the handler does not block its signal, so there is no mask to save at each call. */
  if (sigsetjmp(activation.resume, 0) != 0) {
    current_activation = outer;
    *trap = activation.trap;
    return false;
  }
  current_activation = &activation;
  *result = code(instance, index, offset);
  current_activation = outer;
  return true;
}

/* ---- 4. The handler ---- */

static const int fault_signals[] = {SIGSEGV, SIGBUS}; /* macOS sends SIGBUS for these faults */
enum { FAULT_SIGNALS = sizeof fault_signals / sizeof fault_signals[0] };
static struct sigaction previous_actions[FAULT_SIGNALS];

/* As if this handler had never been there. */
static void pass_on(int number, siginfo_t *info, void *context) {
  const struct sigaction *previous = &previous_actions[number == fault_signals[0] ? 0 : 1];
  if (previous->sa_flags & SA_SIGINFO) {
    previous->sa_sigaction(number, info, context);
  } else if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN) {
    previous->sa_handler(number);
  } else {
    signal(number, SIG_DFL); /* the access is made again on return, and kills with a core dump */
  }
}

static void on_fault(int number, siginfo_t *info, void *context) {
  activation_t *activation = current_activation;
  wasm_memory_location_t location;
  /* A fault in the body is no access out of bounds but a fault of the host, and not for us; so is
   * one that no compiled code made, whatever its address, and a signal that somebody sent. */
  if (info->si_code > 0 && activation != NULL && wasm_memory_find(info->si_addr, &location) &&
      location.memory != NULL && location.zone != WASM_MEMORY_ZONE_BODY) {
    activation->trap.instance = wasm_memory_user_data(location.memory);
    activation->trap.offset = location.offset;
    activation->trap.zone = location.zone;
    siglongjmp(activation->resume, 1);
  }
  pass_on(number, info, context);
}

/* SA_ONSTACK: a thread whose own stack is used up can still run it. SA_NODEFER: siglongjmp leaves
 * it with the signal unblocked. */
static void install_handler(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < FAULT_SIGNALS; i++) {
    require(sigaction(fault_signals[i], &action, &previous_actions[i]) == 0, "a handler");
  }
}

/* In every thread that runs compiled code. SIGSTKSZ is too little with wide vector registers. */
static void *use_alternate_stack(void) {
  stack_t stack;
  memset(&stack, 0, sizeof stack);
  stack.ss_size = 64 * 1024;
  stack.ss_sp = malloc(stack.ss_size);
  require(stack.ss_sp != NULL && sigaltstack(&stack, NULL) == 0, "an alternate stack");
  return stack.ss_sp;
}

static void drop_alternate_stack(void *bytes) {
  stack_t stack;
  memset(&stack, 0, sizeof stack);
  stack.ss_flags = SS_DISABLE;
  require(sigaltstack(&stack, NULL) == 0, "no alternate stack");
  free(bytes);
}

/* ---- 5. A program that tries all this ---- */

static const char *const zone_names[] = {"the body", "the reservation", "the guard after it",
                                         "the guard before the base"};

static void check_returns(const instance_t *instance, uint32_t index, uint32_t offset,
                          uint32_t expected) {
  char what[160];
  trap_t trap = {NULL, 0, 0};
  uint32_t result = UINT32_MAX;
  const bool returned = call(compile_load8_u(instance), instance, index, offset, &result, &trap);
  snprintf(what, sizeof what, "%s: load8_u offset=%" PRIu32 " at 0x%08" PRIx32 " is %" PRIu32,
           instance->name, offset, index, result);
  check(returned && result == expected, what);
}

static void check_traps(const instance_t *instance, uint32_t index, uint32_t offset,
                        uint32_t zone) {
  char what[160];
  trap_t trap = {NULL, 0, 0};
  uint32_t result = 0;
  const bool returned = call(compile_load8_u(instance), instance, index, offset, &result, &trap);
  snprintf(what, sizeof what,
           "%s: load8_u offset=%" PRIu32 " at 0x%08" PRIx32 " trapped in %s, in %s at 0x%" PRIx64,
           instance->name, offset, index, trap.instance != NULL ? trap.instance->name : "nothing",
           zone_names[trap.zone % 4], (uint64_t)trap.offset);
  check(!returned && trap.instance == instance && trap.zone == zone &&
            trap.offset == (int64_t)((uint64_t)index + offset),
        what);
}

/* Stands for a crash reporter, or another runtime, that was there first. */
static sigjmp_buf crash_resume;
static const void *volatile crash_address;

static void crash_reporter(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  crash_address = info->si_addr;
  siglongjmp(crash_resume, 1);
}

static void install_crash_reporter(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = crash_reporter;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < FAULT_SIGNALS; i++) {
    require(sigaction(fault_signals[i], &action, NULL) == 0, "a crash reporter");
  }
}

static void check_passed_on(const volatile uint8_t *address, const char *what) {
  crash_address = NULL;
  if (sigsetjmp(crash_resume, 0) == 0) {
    (void)*address;
    check(false, what);
  } else {
    check(crash_address == address, what);
  }
}

int main(void) {
  const uint32_t page = 65536;
  instance_t first, second;
  install_crash_reporter();
  install_handler();
  void *stack = use_alternate_stack();
  wasm_memory_allocator_t *allocator = make_allocator();
  instantiate(&first, "first", allocator);
  instantiate(&second, "second", allocator);

  printf("Compiled code\n");
  check(first.elides_checks && second.elides_checks, "the layout allows it to compare nothing");
  first.view->base[page - 1] = 42;
  check_returns(&first, page - 1, 0, 42);
  check_returns(&second, page - 1, 0, 0);
  check_returns(&first, page - 1 - STATIC_OFFSET, STATIC_OFFSET, 42);

  printf("\nOut of bounds: a fault, and from it a trap\n");
  check_traps(&first, page, 0, WASM_MEMORY_ZONE_RESERVED);
  check_traps(&second, page, STATIC_OFFSET, WASM_MEMORY_ZONE_RESERVED);
  check_traps(&first, UINT32_MAX, 0, WASM_MEMORY_ZONE_RESERVED);
  check_traps(&first, UINT32_MAX, 1, WASM_MEMORY_ZONE_GUARD_AFTER);
  check_traps(&second, UINT32_MAX, STATIC_OFFSET, WASM_MEMORY_ZONE_GUARD_AFTER);

  printf("\nAfter growth\n");
  check(wasm_memory_grow(first.memory, 1, NULL) == WASM_MEMORY_OK, "first grows to 2 pages");
  check_returns(&first, page, 0, 0);
  check_traps(&first, 2 * page, 0, WASM_MEMORY_ZONE_RESERVED);
  check_traps(&second, page, 0, WASM_MEMORY_ZONE_RESERVED);
  check_returns(&first, page - 1, 0, 42);

  printf("\nFaults that are no traps\n");
  uint8_t *elsewhere = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(elsewhere != MAP_FAILED, "a page without access");
  check_passed_on(elsewhere, "an address that is not the library's goes to the previous handler");
  check_passed_on(first.view->base + 3 * page,
                  "so does the library's when no compiled code is running");
  munmap(elsewhere, page);

  wasm_memory_delete(second.memory);
  wasm_memory_delete(first.memory);
  wasm_memory_allocator_delete(allocator);
  drop_alternate_stack(stack);
  printf("\n%s\n", failures == 0 ? "All as expected." : "Not all as expected.");
  return failures == 0 ? 0 : 1;
}
