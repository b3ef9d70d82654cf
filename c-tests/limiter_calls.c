/* A limiter may call the library, whatever it wants of it; and when it is let go: once, and only when nobody can ask it any more
 * (design.md 6; reliability.md, row 22). */
#include <pthread.h>

#include "buffers.h"
#include "limiter.h"

/* ---- finalize ---- */

TEST(finalized_with_the_config) {
  limiter it = {.refuses = false};
  wasm_memory_config_t *config = config_new();
  set_limiter(config, &it);
  CHECK_U64(it.finalized, 0);
  wasm_memory_config_delete(config);
  CHECK_U64(it.finalized, 1);
}

TEST(finalized_with_the_last_allocator) {
  limiter it = {.refuses = false};
  wasm_memory_config_t *config = config_new();
  wasm_memory_allocator_t *first = NULL, *second = NULL;
  set_limiter(config, &it);
  CHECK_STATUS(wasm_memory_allocator_new(config, &first), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_allocator_new(config, &second), WASM_MEMORY_OK);
  wasm_memory_allocator_delete(first);
  CHECK_U64(it.finalized, 0);
  wasm_memory_config_delete(config);
  CHECK_U64(it.finalized, 0);
  wasm_memory_delete(created_in(second, TYPE(.initial = PAGES(1))));
  CHECK_U64(it.asked, 1);
  CHECK_POINTER(wasm_memory_allocator_retain(second), second);
  wasm_memory_allocator_delete(second);
  CHECK_U64(it.finalized, 0);
  wasm_memory_allocator_delete(second);
  CHECK_U64(it.finalized, 1);
}

TEST(finalized_with_the_config_that_goes_last) {
  limiter it = {.refuses = false};
  wasm_memory_config_t *config = config_new();
  wasm_memory_allocator_t *allocator = NULL;
  set_limiter(config, &it);
  CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_OK);
  wasm_memory_allocator_delete(allocator);
  CHECK_U64(it.finalized, 0);
  CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_OK);
  wasm_memory_allocator_delete(allocator);
  CHECK_U64(it.finalized, 0);
  wasm_memory_config_delete(config);
  CHECK_U64(it.finalized, 1);
}

/* Memories keep their allocator, and a buffer can grow after its memory's handle is gone. */
TEST(kept_by_memories_and_buffers) {
  limiter it = {.refuses = false};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
  wasm_memory_allocator_delete(allocator);
  CHECK_U64(it.finalized, 0);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_U64(it.asked, 2);
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  wasm_memory_delete(memory);
  CHECK_U64(it.finalized, 0);
  CHECK_STATUS(wasm_memory_buffer_resize(buffer, 3 * PAGE), WASM_MEMORY_OK);
  CHECK_U64(it.asked, 3);
  wasm_memory_buffer_delete(buffer);
  CHECK_U64(it.finalized, 1);
}

TEST(finalized_when_replaced) {
  limiter first = {.refuses = false}, second = {.refuses = true}, third = {.refuses = false};
  wasm_memory_config_t *config = config_new();
  wasm_memory_allocator_t *allocator = NULL;
  set_limiter(config, &first);
  set_limiter(config, &second); /* no allocator uses the first */
  CHECK_U64(first.finalized, 1);
  CHECK_STATUS(wasm_memory_allocator_new(config, &allocator), WASM_MEMORY_OK);
  set_limiter(config, &third); /* one uses the second */
  CHECK_U64(second.finalized, 0);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), LIMITER);
  CHECK_U64(first.asked, 0);
  CHECK_U64(second.asked, 1);
  wasm_memory_allocator_delete(allocator);
  CHECK_U64(second.finalized, 1);
  wasm_memory_config_delete(config);
  CHECK_U64(third.finalized, 1);
  CHECK(first.finalized == 1 && second.finalized == 1 && third.asked == 0);
}

/* The setter took a copy: the caller's struct may go. */
TEST(callbacks_are_copied) {
  limiter it = {.refuses = false};
  wasm_memory_config_t *config = config_new();
  wasm_memory_limiter_t callbacks = {.context = &it, .growing = limiter_growing, .refused = limiter_refused, .finalize = limiter_finalize};
  wasm_memory_config_set_limiter(config, &callbacks);
  memset(&callbacks, 0xEE, sizeof callbacks);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(1))));
  CHECK_U64(it.asked, 1);
  wasm_memory_allocator_delete(allocator);
  CHECK_U64(it.finalized, 1);
}

TEST(all_but_growing_may_be_null) {
  limiter it = {.refuses = true};
  wasm_memory_config_t *config = config_new();
  const wasm_memory_limiter_t callbacks = {.context = &it, .growing = limiter_growing};
  wasm_memory_config_set_limiter(config, &callbacks);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(1))), LIMITER);
  wasm_memory_allocator_delete(allocator);
  CHECK_U64(it.asked, 1);
}

static void finalize_that_calls(void *context) {
  limiter *it = (limiter *)context;
  it->finalized++;
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_delete(memory);
  (void)stats_of(NULL);
}

TEST(finalize_may_call) {
  limiter it = {.refuses = false};
  const wasm_memory_limiter_t callbacks = {.context = &it, .growing = limiter_growing, .finalize = finalize_that_calls};
  for (int i = 0; i < 3; i++) {
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_limiter(config, &callbacks);
    wasm_memory_t *memory = NULL;
    if (i == 1) wasm_memory_allocator_delete(allocator_of(config));
    if (i == 2) {
      wasm_memory_allocator_t *allocator = allocator_of(config);
      memory = created_in(allocator, TYPE(.initial = PAGES(1)));
      wasm_memory_allocator_delete(allocator);
    }
    if (i == 0) wasm_memory_config_delete(config);
    wasm_memory_delete(memory);
    CHECK_U64(it.finalized, (uint64_t)i + 1);
  }
}

/* ---- growing calls the library ---- */

static bool uses_everything(limiter *it) {
  wasm_memory_t *inner = created_in(it->allocator, TYPE(.initial = PAGES(2)));
  CHECK_STATUS(wasm_memory_grow(inner, 1, NULL), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_reset(inner, NULL), WASM_MEMORY_OK);
  if (it->other != NULL) CHECK_STATUS(wasm_memory_grow(it->other, 1, NULL), WASM_MEMORY_OK);
  CHECK(stats_of(it->allocator).memories >= 1);
  wasm_memory_allocator_trim(it->allocator);
  CHECK(wasm_memory_find(wasm_memory_data(inner), NULL));
  RANGE_FAILS(refused_in(it->allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(1))), MAXIMUM_BELOW_INITIAL);
  if (it->memory != NULL) {
    CHECK_STATUS(wasm_memory_grow(it->memory, 0, NULL), WASM_MEMORY_OK);
    wasm_memory_delete(wasm_memory_retain(it->memory));
    wasm_memory_stats_t stats = memory_stats_of(it->memory);
    CHECK(stats.accessible_bytes > 0);
  }
  wasm_memory_delete(inner);
  return true;
}

TEST(growing_may_call) {
  for (int shared = 0; shared < 2; shared++) {
    limiter it = {.when_asked = uses_everything};
    wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
    const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(1), .maximum = PAGES(20), .shared = shared == 1);
    wasm_memory_t *memory = created_in(allocator, type);
    it.other = created_in(allocator, type);
    it.memory = memory;
    uint64_t previous = 99;
    CHECK_STATUS(wasm_memory_grow(memory, 2, &previous), WASM_MEMORY_OK);
    CHECK_U64(previous, 1);
    CHECK_U64(wasm_memory_size(memory), 3);
    CHECK_U64(wasm_memory_size(it.other), 2);
    CHECK(all_are(wasm_memory_data(memory), 0, 3 * PAGE));
    wasm_memory_delete(it.other);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocator);
    CHECK_U64(it.finalized, 1);
  }
}

static void calls_when_told(limiter *it) {
  wasm_memory_delete(created(TYPE(.initial = PAGES(1))));
  (void)stats_of(it->allocator);
  RANGE_FAILS(refused_in(it->allocator, TYPE(.initial = PAGES(1))), LIMITER); /* told within told */
  TYPE_FAILS(wasm_memory_grow(NULL, 1, NULL), NULL_ARGUMENT);
}

/* What it calls in between does not spoil the error that the caller gets. */
TEST(refused_may_call) {
  limiter it = {.refuses = true, .when_told = calls_when_told};
  wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
  const wasm_memory_error_t error = RANGE_FAILS(refused_in(allocator, TYPE(.initial = PAGES(3))), LIMITER);
  CHECK_U64(error.requested, 3 * PAGE);
  CHECK_U64(it.told, 2);
  wasm_memory_allocator_delete(allocator);
}

/* Size and limits are read again after the answer. */
static bool grows_the_same_memory(limiter *it) {
  wasm_memory_t *memory = it->memory;
  it->memory = NULL; /* once: of the new size it may be asked again */
  if (memory != NULL) it->status = wasm_memory_grow(memory, 1, NULL);
  return true;
}

TEST(growing_may_grow_the_same_memory) {
  for (int shared = 0; shared < 2; shared++) {
    limiter it = {.when_asked = grows_the_same_memory, .status = WASM_MEMORY_INTERNAL_ERROR};
    wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
    it.memory = NULL;
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(4), .shared = shared == 1));
    it.memory = memory;
    uint64_t previous = 99;
    CHECK_STATUS(wasm_memory_grow(memory, 2, &previous), WASM_MEMORY_OK);
    CHECK_STATUS(it.status, WASM_MEMORY_OK);
    CHECK_U64(previous, 2); /* 1, then 2 by the inner growth, then 4 */
    CHECK_U64(wasm_memory_size(memory), 4);
    wasm_memory_delete(memory);

    it.memory = NULL;
    memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(3), .shared = shared == 1));
    it.memory = memory;
    previous = 99;
    CHECK_FIGURES(wasm_memory_grow(memory, 2, &previous), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, 4, 3);
    CHECK_U64(previous, 99);
    CHECK_U64(wasm_memory_size(memory), 2);
    CHECK(all_are(wasm_memory_data(memory), 0, 2 * PAGE));
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocator);
  }
}

/* Of a quota that has room for one, the question and the answer take it once: which of the two gets it is not written down. */
static bool takes_the_quota(limiter *it) {
  const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(2));
  it->status = wasm_memory_new_in(it->allocator, &type, NULL, &it->other);
  return true;
}

TEST(quota_holds_across_the_question) {
  for (int of_memories = 0; of_memories < 2; of_memories++) {
    limiter it = {.when_asked = takes_the_quota};
    wasm_memory_config_t *config = config_new();
    set_limiter(config, &it);
    wasm_memory_config_set_quota(config, of_memories == 1 ? 1 : 0, of_memories == 1 ? 0 : 3 * PAGE);
    wasm_memory_allocator_t *allocator = it.allocator = allocator_of(config);
    const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(2));
    wasm_memory_t *outer = NULL;
    const wasm_memory_status_t status = wasm_memory_new_in(allocator, &type, NULL, &outer);
    CHECK((status == WASM_MEMORY_OK) != (it.status == WASM_MEMORY_OK));
    CHECK(status == WASM_MEMORY_OK || status == WASM_MEMORY_RANGE_ERROR);
    CHECK(it.status == WASM_MEMORY_OK || it.status == WASM_MEMORY_RANGE_ERROR);
    CHECK_U64(stats_of(allocator).memories, 1);
    wasm_memory_delete(outer);
    wasm_memory_delete(it.other);
    it.when_asked = NULL;
    wasm_memory_delete(created_in(allocator, TYPE(.initial = PAGES(3))));
    wasm_memory_allocator_delete(allocator);
  }
}

/* The memory is held while the question is asked: deleting its last handle in between frees nothing under the call's feet. */
static bool deletes_the_memory(limiter *it) {
  wasm_memory_delete(it->memory);
  return true;
}

TEST(growing_may_delete_the_memory) {
  for (int shared = 0; shared < 2; shared++) {
    limiter it = {.refuses = false};
    wasm_memory_allocator_t *allocator = allocator_limited_by(&it);
    it.memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(4), .shared = shared == 1));
    it.when_asked = deletes_the_memory;
    (void)wasm_memory_grow(it.memory, 2, NULL); /* either answer is fine */
    CHECK_U64(wasm_memory_size(it.memory), 0);
    CHECK_U64(stats_of(allocator).memories, 0);
    it.when_asked = NULL;
    wasm_memory_t *next = created_in(allocator, TYPE(.initial = PAGES(4)));
    CHECK(all_are(wasm_memory_data(next), 0, 4 * PAGE));
    wasm_memory_delete(next);
    wasm_memory_allocator_delete(allocator);
    CHECK_U64(it.finalized, 1);
  }
}

/* ---- threads ---- */

static unsigned answers, refusals;
static wasm_memory_t *grown_by_all;

static bool says_yes_to_two_of_three(void *context, uint64_t current, uint64_t desired, uint64_t maximum) {
  (void)context, (void)maximum;
  CHECK(desired == current + PAGE);
  return __atomic_add_fetch(&answers, 1u, __ATOMIC_RELAXED) % 3 != 0;
}

static void counts(void *context, const wasm_memory_error_t *error) {
  (void)context;
  CHECK(error->reason == WASM_MEMORY_REASON_LIMITER || error->reason == WASM_MEMORY_REASON_MAXIMUM_EXCEEDED);
  __atomic_add_fetch(&refusals, 1u, __ATOMIC_RELAXED);
}

static void *grows_by_ones(void *failures) {
  for (int i = 0; i < 200; i++)
    if (wasm_memory_grow(grown_by_all, 1, NULL) != WASM_MEMORY_OK) ++*(unsigned *)failures;
  return NULL;
}

TEST(asked_on_many_threads_at_once) {
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  unsigned failures[THREADS] = {0}, failed = 0;
  wasm_memory_config_t *config = config_new();
  const wasm_memory_limiter_t callbacks = {.growing = says_yes_to_two_of_three, .refused = counts};
  wasm_memory_config_set_limiter(config, &callbacks);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  grown_by_all = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(300), .shared = true));
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, grows_by_ones, &failures[i]) == 0);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    failed += failures[i];
  }
  CHECK_U64(wasm_memory_size(grown_by_all), 1 + THREADS * 200 - failed);
  CHECK(wasm_memory_size(grown_by_all) <= 300);
  CHECK_U64(refusals, failed);
  wasm_memory_delete(grown_by_all);
  wasm_memory_allocator_delete(allocator);
}

HARNESS_MAIN(LISTED(finalized_with_the_config), LISTED(finalized_with_the_last_allocator), LISTED(finalized_with_the_config_that_goes_last),
             LISTED(kept_by_memories_and_buffers), LISTED(finalized_when_replaced), LISTED(callbacks_are_copied),
             LISTED(all_but_growing_may_be_null), LISTED(finalize_may_call), LISTED(growing_may_call), LISTED(refused_may_call),
             LISTED(growing_may_grow_the_same_memory), LISTED(quota_holds_across_the_question), LISTED(growing_may_delete_the_memory),
             LISTED(asked_on_many_threads_at_once))
