/* A SIGSEGV handler that turns an access out of bounds into a trap, and leaves other faults alone. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <wasm_memory.h>

typedef struct activation_t { sigjmp_buf resume; wasm_memory_location_t where; } activation_t;
static _Thread_local activation_t *volatile current; /* set while this thread runs guest code */
static struct sigaction previous;

static void on_fault(int number, siginfo_t *info, void *context) {
  wasm_memory_location_t where;
  /* All of it is needed: a fault and no signal that was sent; in guest code; at an address of a
     memory; outside of its bytes, since a fault inside them is the host's and no trap. */
  if (info->si_code > 0 && current != NULL && wasm_memory_find(info->si_addr, &where) &&
      where.memory != NULL && where.zone != WASM_MEMORY_ZONE_BODY) {
    current->where = where;
    siglongjmp(current->resume, 1);
  }
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(number);
  } else {
    signal(number, SIG_DFL); /* the access is made again, and ends the process */
  }
}

static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &previous);
}

/* Stands for compiled code: no comparison, and 64-bit arithmetic so that the sum cannot wrap. */
static uint8_t load(const wasm_memory_view_t *view, uint32_t index, uint32_t offset) {
  return *(const volatile uint8_t *)(view->base + ((uint64_t)index + offset));
}

static void call(const wasm_memory_view_t *view, uint32_t index, uint32_t offset) {
  static const char *const zones[] = {"body", "reservation", "guard after", "guard before"};
  activation_t activation, *outer = current; /* guest code may call the host, and that the guest */
  if (sigsetjmp(activation.resume, 0) != 0) {
    current = outer;
    const char *name = wasm_memory_user_data(activation.where.memory);
    printf("%s: trap in the %s, %" PRIu64 " bytes from the base\n", name,
           zones[activation.where.zone], (uint64_t)activation.where.offset);
    return;
  }
  current = &activation;
  const uint8_t byte = load(view, index, offset);
  current = outer;
  printf("loaded %d\n", byte);
}

int main(void) {
  install();
  wasm_memory_allocator_t *allocator;
  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_reservation(config, UINT64_C(4) << 30);
  wasm_memory_config_set_guards(config, 0, UINT64_C(32) << 20);
  if (wasm_memory_allocator_new(config, &allocator) != WASM_MEMORY_OK) return 1;
  wasm_memory_config_delete(config);

  const wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(1)};
  wasm_memory_t *memory;
  if (wasm_memory_new_in(allocator, &type, NULL, &memory) != WASM_MEMORY_OK) return 1;
  static char name[] = "first instance";
  wasm_memory_set_user_data(memory, name);

  const wasm_memory_view_t *view = wasm_memory_view(memory);
  call(view, 65535, 0);
  call(view, 65536, 0);
  call(view, UINT32_MAX, 1024);
  if (wasm_memory_grow(memory, 1, NULL) != WASM_MEMORY_OK) return 1;
  call(view, 65536, 0); /* the same access is in bounds now */
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
  return 0;
}
