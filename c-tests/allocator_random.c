/* Random sequences of everything that changes what a memory holds or where it lies, against plain arrays: the same in every run. */
#define _GNU_SOURCE
#include "buffers.h"
#include "process.h"
#include "tenants.h"

enum { MEMORIES = 5, IMAGES = 3, SNAPSHOTS = 3, MOST = 12 * 65536 };

typedef struct modelled {
  wasm_memory_t *memory;             /* NULL: none now */
  wasm_memory_buffer_t *held;
  uint32_t page_size;
  uint64_t length, created, maximum; /* in bytes */
  uint8_t bytes[MOST];
} modelled;

/* `length` bytes at `index`; of a snapshot the whole memory. */
typedef struct frozen { wasm_memory_image_t *image; uint32_t page_size; uint64_t index, length; uint8_t bytes[MOST]; } frozen;

static modelled memories[MEMORIES];
static frozen images[IMAGES], snapshots[SNAPSHOTS];
static uint64_t state;

static uint64_t below(uint64_t bound) { /* xorshift64 */
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 11) % bound;
}

static void check_same(const modelled *it, const char *after) {
  const uint8_t *bytes = wasm_memory_data(it->memory);
  CHECK_U64(wasm_memory_byte_length(it->memory), it->length);
  if (wasm_memory_byte_length(it->memory) != it->length) return;
  const bool same = memcmp(bytes, it->bytes, (size_t)it->length) == 0;
  CHECK(same);
  for (uint64_t at = 0; !same && at < it->length; at++)
    if (bytes[at] != it->bytes[at]) {
      fprintf(stderr, "  after %s: byte %" PRIu64 " of %" PRIu64 " is %u, not %u\n", after, at, it->length, bytes[at], it->bytes[at]);
      break;
    }
}

static uint64_t random_length(uint32_t page_size, uint64_t most) {
  return page_size == 1 ? below((most < 50000 ? most : 50000) + 1) : below(most / PAGE + 1) * PAGE;
}

/* A fixed image if it fits, a snapshot if it is of this type; else none. */
static const frozen *random_start(uint32_t page_size, uint64_t length) {
  const frozen *it = &images[below(IMAGES)];
  if (below(2) == 0 && it->index + it->length <= length) return it;
  it = &snapshots[below(SNAPSHOTS)];
  return it->image != NULL && it->page_size == page_size ? it : NULL;
}

static void start_from(modelled *it, const frozen *from) {
  memset(it->bytes, 0, sizeof it->bytes);
  if (from != NULL) memcpy(it->bytes + from->index, from->bytes, (size_t)from->length);
}

static void create(wasm_memory_allocator_t *allocator, modelled *it) {
  it->page_size = below(4) == 0 ? 1 : PAGE;
  it->length = random_length(it->page_size, MOST / 2);
  const frozen *from = random_start(it->page_size, it->length);
  if (from != NULL && from->page_size != 0) it->length = from->length;
  it->created = it->length;
  const uint64_t pages = it->length / it->page_size;
  const bool bounded = below(3) > 0;
  it->maximum = bounded ? MOST : UINT64_MAX;
  it->memory = created_from(allocator, from == NULL ? NULL : from->image,
                            TYPE(.initial = PAGES(pages), .maximum = {bounded ? MOST / it->page_size : 0, bounded}, .page_size = it->page_size));
  start_from(it, from);
  check_same(it, "creation");
  CHECK_SHUT(it->memory);
}

static void release(modelled *it) {
  wasm_memory_buffer_delete(it->held);
  wasm_memory_delete(it->memory);
  it->held = NULL;
  it->memory = NULL;
}

/* A few places, or a stretch, or all that can be reached. */
static void scribble(modelled *it) {
  uint8_t *bytes = wasm_memory_data(it->memory);
  if (it->length == 0) return;
  const uint64_t which = below(4);
  for (uint64_t i = 0; which == 0 && i < below(9); i++) {
    const uint64_t at = below(it->length);
    bytes[at] = it->bytes[at] = (uint8_t)below(256);
  }
  if (which == 1 || which == 2) {
    const uint64_t at = below(it->length), length = 1 + below(it->length - at);
    memset(bytes + at, (int)which, (size_t)length);
    memset(it->bytes + at, (int)which, (size_t)length);
  }
  if (which == 3) {
    memset(bytes, 0xD5, (size_t)it->length);
    memset(it->bytes, 0xD5, (size_t)it->length);
  }
}

static void grow(modelled *it) {
  const uint64_t more = random_length(it->page_size, MOST - it->length);
  CHECK_STATUS(wasm_memory_grow(it->memory, more / it->page_size, NULL), WASM_MEMORY_OK);
  memset(it->bytes + it->length, 0, (size_t)more);
  it->length += more;
  check_same(it, "growth");
  CHECK_SHUT(it->memory);
}

static void discard(modelled *it) {
  const uint64_t at = random_length(it->page_size, it->length), length = random_length(it->page_size, it->length - at);
  CHECK_STATUS(wasm_memory_discard(it->memory, at, length), WASM_MEMORY_OK);
  memset(it->bytes + at, 0, (size_t)length);
  check_same(it, "discard");
}

static void reset(modelled *it) {
  const frozen *to = random_start(it->page_size, it->created);
  const uint64_t length = to != NULL && to->page_size != 0 ? to->length : it->created;
  const wasm_memory_layout_t layout = layout_of(it->memory);
  const wasm_memory_status_t status = HARNESS_CALL(wasm_memory_reset(it->memory, to == NULL ? NULL : to->image));
  if (status != WASM_MEMORY_OK) { /* in place, or not at all */
    wasm_memory_error_t error;
    wasm_memory_last_error(&error);
    CHECK(length > layout.reservation && error.reason == WASM_MEMORY_REASON_RESERVATION_EXCEEDED);
    check_same(it, "a refused reset");
    return;
  }
  CHECK(length <= layout.reservation || !base_is_steady()); /* a build for stress tells less than there is */
  it->length = length;
  start_from(it, to);
  check_same(it, "reset");
  CHECK_SHUT(it->memory);
}

static void freeze(modelled *it, frozen *to) {
  wasm_memory_image_delete(to->image);
  *to = (frozen){.image = snapshot_of(it->memory), .page_size = it->page_size, .length = it->length};
  memcpy(to->bytes, it->bytes, (size_t)it->length);
  check_same(it, "snapshot");
}

/* One buffer of it, whose bytes stay where the memory goes. */
static void hold(modelled *it) {
  wasm_memory_buffer_delete(it->held);
  it->held = buffer_of(it->memory);
}

static void check_held(modelled *it) {
  wasm_memory_buffer_t *held = it->held;
  if (held == NULL || wasm_memory_buffer_is_detached(held)) return;
  CHECK_U64(wasm_memory_buffer_byte_length(held), it->length);
  it->held = NULL;
  wasm_memory_delete(it->memory);
  CHECK(memcmp(wasm_memory_buffer_data(held), it->bytes, (size_t)it->length) == 0);
  wasm_memory_buffer_delete(held);
  it->memory = NULL;
}

static void run(wasm_memory_allocator_t *allocator, uint64_t seed, int steps) {
  state = seed;
  for (int i = 0; i < IMAGES; i++) {
    images[i] = (frozen){.index = below(3) * 3001, .length = 1 + below(3 * PAGE)};
    write_pattern(images[i].bytes, images[i].length, (uint8_t)i);
    images[i].image = image_of(images[i].bytes, (size_t)images[i].length, images[i].index);
  }
  const unsigned long failures = harness_failures;
  for (int step = 0; step < steps && harness_failures == failures; step++) {
    modelled *it = &memories[below(MEMORIES)];
    if (it->memory == NULL) create(allocator, it);
    switch (below(12)) {
      case 0: case 1: case 2: scribble(it); break;
      case 3: case 4: grow(it); break;
      case 5: discard(it); break;
      case 6: case 7: reset(it); break;
      case 8: freeze(it, &snapshots[below(SNAPSHOTS)]); break;
      case 9: hold(it); break;
      case 10: check_held(it); break;
      default: release(it);
    }
    if (below(97) == 0) wasm_memory_allocator_trim(allocator);
  }
  if (harness_failures != failures) fprintf(stderr, "  seed %" PRIu64 "\n", seed);
  for (int i = 0; i < MEMORIES; i++) release(&memories[i]);
  for (int i = 0; i < IMAGES; i++) wasm_memory_image_delete(images[i].image);
  for (int i = 0; i < SNAPSHOTS; i++) {
    wasm_memory_image_delete(snapshots[i].image);
    snapshots[i].image = NULL;
  }
  CHECK_U64(stats_of(allocator).memories, 0);
  CHECK_U64(stats_of(allocator).accessible_bytes, 0);
}

static const uint64_t keep_resident[] = {0, 3 * 4096, UINT64_C(1) << 20};

static void run_with(uint32_t bounds, uint32_t slots, int steps) {
  for (size_t i = 0; i < 3; i++) {
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_bounds(config, bounds);
    if (slots > 0) wasm_memory_config_set_pool(config, slots, MOST);
    wasm_memory_config_set_keep_resident(config, keep_resident[i]);
    if (i == 1) wasm_memory_config_set_kept_bytes(config, 5 * PAGE);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    run(allocator, 88172645463325252u + i * 7919 + bounds * 104729 + slots, steps);
    wasm_memory_allocator_delete(allocator);
  }
}

TEST(guarded_cache) { run_with(WASM_MEMORY_BOUNDS_GUARDED, 0, 700); }
TEST(guarded_pool) { run_with(WASM_MEMORY_BOUNDS_GUARDED, MEMORIES, 700); }
TEST(checked_cache) { run_with(WASM_MEMORY_BOUNDS_CHECKED, 0, 700); }
TEST(checked_pool) { run_with(WASM_MEMORY_BOUNDS_CHECKED, MEMORIES, 700); }

/* A memory that may move does so with its image, its dirt and its buffers. */
TEST(moving) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  run(allocator, 2463534242u, 700);
  wasm_memory_allocator_delete(allocator);
}

static unsigned refused_ones;

static void under_refusal(void) {
  if (!refuse_calls(refused_ones)) return;
  /* In CHECKED bounds all of the reservation was open: to write zeros over gibibytes is right and takes a while. */
  const uint32_t most = (refused_ones & REFUSE_FIXED_MAPPING) != 0 ? 1 : 2;
  for (uint32_t bounds = 0; bounds < most; bounds++)
    for (uint32_t slots = 0; slots <= MEMORIES; slots += MEMORIES) run_with(bounds, slots, 80);
}

TEST(without_fast_ways) {
  NEEDS_REFUSED_MAPPINGS();
  NEEDS_REFUSED_CALLS();
  const unsigned ways[] = {REFUSE_MADVISE, REFUSE_PAGEMAP_SCAN, REFUSE_MEMFD, REFUSE_MADVISE | REFUSE_PAGEMAP_SCAN | REFUSE_MEMFD,
                           REFUSE_MADVISE | REFUSE_PAGEMAP_SCAN | REFUSE_FIXED_MAPPING};
  for (size_t i = 0; i < 5; i++) {
    refused_ones = ways[i];
    in_child(under_refusal);
  }
}

HARNESS_MAIN(LISTED(guarded_cache), LISTED(guarded_pool), LISTED(checked_cache), LISTED(checked_pool), LISTED(moving), LISTED(without_fast_ways))
