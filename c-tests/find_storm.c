/* Faults in a loop in some threads, creation, growth, moves and deletion in others: what the handler is told is right,
 * whatever the others are doing (reliability.md, row 24). */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>

#include "fixtures.h"
#include "no_malloc.h"
#include "places.h"
#include "process.h"

enum { FAULTERS = 2, CHURNERS = 2, OWN = 6, CHURNED = 24, ALTERNATE_STACK = 65536 };

static unsigned stopped, faulters_left;
static bool forbid_malloc;
static uint8_t *nobodys; /* an inaccessible page that is not the library's */

static uint64_t churns; /* how often the others changed something meanwhile */

static uint64_t wanted_faults(void) {
  if (getenv("WASM_MEMORY_TEST_SHORT") != NULL) return 4000;
  return host_counts_mean_nothing() ? 50000 : 500000; /* there each of them takes much longer */
}

static uint64_t below(uint64_t *state, uint64_t bound) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state % bound;
}

/* ---- the handler ---- */

typedef struct fault { sigjmp_buf resume; bool found; wasm_memory_location_t location; void *user_data; } fault;
static _Thread_local fault *volatile expected;

static void on_fault(int number, siginfo_t *info, void *context) {
  fault *it = expected;
  (void)context;
  if (it == NULL) { /* a fault that no thread asked for: let it kill when it happens again */
    signal(number, SIG_DFL);
    return;
  }
  no_malloc = forbid_malloc;
  it->found = wasm_memory_find(info->si_addr, &it->location);
  it->user_data = it->found ? wasm_memory_user_data(it->location.memory) : NULL;
  no_malloc = 0;
  siglongjmp(it->resume, 1);
}

static bool faults(fault *it, const void *address) {
  if (sigsetjmp(it->resume, 1) != 0) {
    expected = NULL;
    return true;
  }
  expected = it;
  volatile uint8_t byte = *(const volatile uint8_t *)address; /* valgrind does not make a load whose result is not used */
  (void)byte;
  expected = NULL;
  return false;
}

/* ---- threads that fault in memories of their own ---- */

typedef struct instance { wasm_memory_t *memory; bool checked; } instance;
static wasm_memory_allocator_t *guarded, *checked, *moving;

static void make_instance(instance *it, uint64_t kind) {
  wasm_memory_descriptor_t types[OWN] = {
      TYPE(.initial = PAGES(1)), TYPE(.initial = PAGES(0), .maximum = PAGES(40), .shared = true), TYPE(.initial = PAGES(3), .maximum = PAGES(90)),
      TYPE(.initial = PAGES(70), .page_size = 1), TYPE(.initial = PAGES(1), .maximum = PAGES(30)), TYPE(.initial = PAGES(1), .maximum = PAGES(200))};
  wasm_memory_allocator_t *allocators[OWN] = {NULL, guarded, guarded, NULL, checked, moving};
  it->memory = created_in(allocators[kind], types[kind]);
  it->checked = kind == 4; /* there only the guards fault */
  wasm_memory_set_user_data(it->memory, it);
}

/* Some address at which the memory has no access. */
static int64_t out_of_bounds(const instance *it, const places *at, uint64_t *random) {
  const int64_t host_page = sysconf(_SC_PAGESIZE);
  const int64_t first = it->checked ? at->reservation : (at->length + host_page - 1) / host_page * host_page;
  const int64_t edges[] = {first, at->end - 1, at->begin, -1, at->reservation, at->reservation - 1};
  const int64_t edge = edges[below(random, 6)];
  if (below(random, 2) == 0 && ((edge >= at->begin && edge < 0) || (edge >= first && edge < at->end))) return edge;
  if (at->begin < 0 && below(random, 3) == 0) return at->begin + (int64_t)below(random, (uint64_t)-at->begin);
  return first + (int64_t)below(random, (uint64_t)(at->end - first));
}

static void fault_once(fault *seen, const instance *it, uint64_t *random) {
  const places at = places_of(it->memory);
  int64_t offset = out_of_bounds(it, &at, random);
  CHECK(faults(seen, places_address(at.base, offset)));
#ifdef __s390__
  offset &= -4096; /* all that this machine tells of an address */
#endif
  CHECK(seen->found);
  CHECK_POINTER(seen->location.memory, it->memory);
  CHECK_U64((uint64_t)seen->location.offset, (uint64_t)offset);
  CHECK_U64(seen->location.zone, places_zone(&at, offset));
  CHECK_POINTER(seen->user_data, it);
}

static void use_alternate_stack(stack_t *stack) {
  *stack = (stack_t){.ss_sp = malloc(ALTERNATE_STACK), .ss_size = ALTERNATE_STACK};
  REQUIRE(stack->ss_sp != NULL && sigaltstack(stack, NULL) == 0);
}

static void drop_alternate_stack(stack_t *stack) {
  const stack_t off = {.ss_flags = SS_DISABLE};
  REQUIRE(sigaltstack(&off, NULL) == 0);
  free(stack->ss_sp);
}

static void *fault_in_a_loop(void *seed) {
  uint64_t random = *(uint64_t *)seed;
  instance own[OWN];
  fault seen;
  stack_t stack;
  use_alternate_stack(&stack);
  for (uint64_t i = 0; i < OWN; i++) make_instance(&own[i], i);
  for (uint64_t count = 0; count < wanted_faults() / FAULTERS && harness_failures == 0; count++) {
    const uint64_t which = below(&random, OWN);
    fault_once(&seen, &own[which], &random);
    if (count % 16 == 0) {
      wasm_memory_grow(own[which].memory, 1, NULL);
    } else if (count % 512 == 1) {
      wasm_memory_delete(own[which].memory);
      make_instance(&own[which], which);
    } else if (count % 64 == 2) {
      CHECK(faults(&seen, nobodys));
      CHECK(!seen.found);
    }
  }
  for (uint64_t i = 0; i < OWN; i++) wasm_memory_delete(own[i].memory);
  drop_alternate_stack(&stack);
  __atomic_fetch_sub(&faulters_left, 1u, __ATOMIC_RELEASE);
  return NULL;
}

/* ---- threads that change what there is to be found ---- */

static void check_living(const instance *it, uint64_t *random) {
  const places at = places_of(it->memory);
  const int64_t offset = at.begin + (int64_t)below(random, (uint64_t)(at.end - at.begin));
  wasm_memory_location_t location;
  memset(&location, 0, sizeof location);
  CHECK(wasm_memory_find(places_address(at.base, offset), &location));
  CHECK(location.memory == it->memory && location.offset == offset && location.zone == places_zone(&at, offset));
  CHECK_POINTER(wasm_memory_user_data(it->memory), it);
}

static void *churn(void *seed) {
  uint64_t random = *(uint64_t *)seed, count = 0;
  instance all[CHURNED];
  memset(all, 0, sizeof all);
  while (!__atomic_load_n(&stopped, __ATOMIC_ACQUIRE) && harness_failures == 0) {
    instance *it = &all[below(&random, CHURNED)];
    if (it->memory == NULL) {
      make_instance(it, below(&random, 2) == 0 ? OWN - 1 : below(&random, OWN)); /* those that move more than others */
    } else if (below(&random, 4) == 0) {
      wasm_memory_delete(it->memory);
      it->memory = NULL;
    } else {
      wasm_memory_grow(it->memory, below(&random, 9), NULL);
    }
    if (it->memory != NULL) check_living(it, &random);
    count++;
  }
  __atomic_fetch_add(&churns, count, __ATOMIC_RELAXED);
  for (size_t i = 0; i < CHURNED; i++) wasm_memory_delete(all[i].memory);
  return NULL;
}

static wasm_memory_allocator_t *allocator_with(uint64_t reservation, uint64_t before, uint64_t after, uint32_t bounds, bool movable) {
  wasm_memory_config_t *config = config_new();
  if (reservation != 0) wasm_memory_config_set_reservation(config, reservation);
  wasm_memory_config_set_guards(config, before, after);
  wasm_memory_config_set_bounds(config, bounds);
  wasm_memory_config_set_movable(config, movable);
  return allocator_of(config);
}

static void begin(void) {
  guarded = allocator_with(0, 2 * PAGE, 3 * PAGE, WASM_MEMORY_BOUNDS_GUARDED, false);
  checked = allocator_with(0, PAGE, PAGE, WASM_MEMORY_BOUNDS_CHECKED, false);
  moving = allocator_with(PAGE, 4096, 8192, WASM_MEMORY_BOUNDS_GUARDED, true);
  nobodys = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(nobodys != MAP_FAILED);
  stopped = 0;
  churns = 0;
}

static void end(void) {
  printf("%" PRIu64 " changes meanwhile\n", churns);
  CHECK(churns > 100); /* else it was no storm */
  munmap(nobodys, 4096);
  wasm_memory_allocator_delete(moving);
  wasm_memory_allocator_delete(checked);
  wasm_memory_allocator_delete(guarded);
}

static void storm(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK}, before[2];
  pthread_t threads[FAULTERS + CHURNERS];
  uint64_t seeds[FAULTERS + CHURNERS];
  begin();
  REQUIRE(sigaction(SIGSEGV, &action, &before[0]) == 0 && sigaction(SIGBUS, &action, &before[1]) == 0);
  faulters_left = FAULTERS;
  for (size_t i = 0; i < FAULTERS + CHURNERS; i++) {
    seeds[i] = UINT64_C(0x9E3779B97F4A7C15) * (i + 1);
    REQUIRE(pthread_create(&threads[i], NULL, i < FAULTERS ? fault_in_a_loop : churn, &seeds[i]) == 0);
  }
  for (size_t i = 0; i < FAULTERS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  CHECK_U64(faulters_left, 0);
  __atomic_store_n(&stopped, 1u, __ATOMIC_RELEASE);
  for (size_t i = FAULTERS; i < FAULTERS + CHURNERS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  REQUIRE(sigaction(SIGSEGV, &before[0], NULL) == 0 && sigaction(SIGBUS, &before[1], NULL) == 0);
  end();
}

TEST(storm_of_faults) {
  NEEDS_STEADY_BASE();
  storm();
}

TEST(storm_without_allocation) {
  NEEDS_STEADY_BASE();
  if (!NO_MALLOC_WORKS) SKIP("malloc cannot be replaced here");
  forbid_malloc = true;
  storm();
  forbid_malloc = false;
}

static void allocating_handler(int number) {
  (void)number;
  no_malloc = 1;
  free(malloc(1));
  no_malloc = 0;
}

static void allocate_in_a_handler(void) {
  signal(SIGUSR1, allocating_handler);
  raise(SIGUSR1);
}

/* Without this the test above could pass for the wrong reason. */
TEST(forbidden_allocation_is_seen) {
  if (!NO_MALLOC_WORKS) SKIP("malloc cannot be replaced here");
  int status = 0;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    allocate_in_a_handler();
    _exit(EXIT_SUCCESS);
  }
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- threads that are interrupted inside the library, holding whatever it holds there ---- */

static instance standing;
static places standing_at;
static unsigned interrupts, wrong_interrupts;

static void on_interrupt(int number) {
  wasm_memory_location_t location;
  (void)number;
  no_malloc = NO_MALLOC_WORKS;
  const bool right = wasm_memory_find(standing_at.base + standing_at.length, &location) && location.memory == standing.memory &&
                     location.offset == standing_at.length && location.zone == WASM_MEMORY_ZONE_RESERVED &&
                     wasm_memory_user_data(location.memory) == &standing && !wasm_memory_find(nobodys, NULL);
  no_malloc = 0;
  __atomic_fetch_add(&wrong_interrupts, !right, __ATOMIC_RELAXED);
  __atomic_fetch_add(&interrupts, 1u, __ATOMIC_RELEASE);
}

TEST(interrupted_inside_the_library) {
  NEEDS_STEADY_BASE();
  const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
  struct sigaction before;
  pthread_t threads[CHURNERS];
  uint64_t seeds[CHURNERS];
  begin();
  make_instance(&standing, 2);
  standing_at = places_of(standing.memory);
  REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
  for (size_t i = 0; i < CHURNERS; i++) {
    seeds[i] = i + 1;
    REQUIRE(pthread_create(&threads[i], NULL, churn, &seeds[i]) == 0);
  }
  /* A handler that waits for its own thread, for ever, is found by the test's time limit. */
  for (unsigned sent = 0; __atomic_load_n(&interrupts, __ATOMIC_ACQUIRE) < wanted_faults() / 20 && harness_failures == 0; sent++) {
    REQUIRE(pthread_kill(threads[sent % CHURNERS], SIGUSR1) == 0);
    usleep(20); /* let it be somewhere else in the library */
  }
  __atomic_store_n(&stopped, 1u, __ATOMIC_RELEASE);
  for (size_t i = 0; i < CHURNERS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  CHECK_U64(wrong_interrupts, 0);
  REQUIRE(sigaction(SIGUSR1, &before, NULL) == 0);
  wasm_memory_delete(standing.memory);
  end();
}

HARNESS_MAIN(LISTED(storm_of_faults), LISTED(storm_without_allocation), LISTED(forbidden_allocation_is_seen), LISTED(interrupted_inside_the_library))
