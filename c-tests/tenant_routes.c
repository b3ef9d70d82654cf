/* Every way by which a place gets another tenant: images and none, reset, shrinking by reset, discard, a buffer that outlives the
 * memory; and the same when the kernel refuses the fast way (reliability.md, rows 1, 3 and 32). */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "buffers.h"
#include "process.h"
#include "tenants.h"

#define SLOT 64 /* pages */

typedef struct place { uint32_t bounds, slots; uint64_t keep_resident; } place;

/* A cache and a pool, in both bounds, cleaned by writing, by the kernel, and by both. */
static const place all_places[] = {{0, 0, 0}, {0, 0, 100000}, {0, 0, UINT64_C(1) << 40}, {0, 1, 0}, {0, 1, 100000}, {0, 1, UINT64_C(1) << 40},
                                   {1, 0, 0}, {1, 0, 100000}, {1, 0, UINT64_C(1) << 40}, {1, 1, 0}, {1, 1, 100000}, {1, 1, UINT64_C(1) << 40}};
enum { PLACES = sizeof all_places / sizeof all_places[0] };

static wasm_memory_allocator_t *allocator_at(place where) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_bounds(config, where.bounds);
  if (where.slots > 0) wasm_memory_config_set_pool(config, where.slots, SLOT * PAGE);
  wasm_memory_config_set_keep_resident(config, where.keep_resident);
  return allocator_of(config);
}

/* Runs a scenario in every kind of place, and says in which it failed. */
static void everywhere(void (*scenario)(wasm_memory_allocator_t *allocator)) {
  for (size_t i = 0; i < PLACES; i++) {
    const unsigned long failures = harness_failures;
    wasm_memory_allocator_t *allocator = allocator_at(all_places[i]);
    scenario(allocator);
    wasm_memory_allocator_delete(allocator);
    if (harness_failures != failures)
      fprintf(stderr, "  bounds %u, slots %u, keep_resident %" PRIu64 "\n", all_places[i].bounds, all_places[i].slots, all_places[i].keep_resident);
  }
}

#define BETWEEN(first, end) {.type = {.initial = {first, true}, .maximum = {SLOT, true}}, .last = (end)}

/* ---- images ---- */

enum { IMAGES = 5 };
static tenant_image images[IMAGES];

/* At the start and at odd places, with odd ends, whole host pages, a single byte; all within two pages. */
static void make_images(void) {
  images[0] = tenant_image_of(2 * PAGE, 0, 1);
  images[1] = tenant_image_of(70001, 100, 2);
  images[2] = tenant_image_of(4096, 8192, 3);
  images[3] = tenant_image_of(1, 2 * PAGE - 1, 4);
  images[4] = (tenant_image){.image = NULL};
}

static void delete_images(void) {
  for (size_t i = 0; i < IMAGES; i++) wasm_memory_image_delete(images[i].image);
}

static void image_after_image(wasm_memory_allocator_t *allocator) {
  const uint64_t lasts[] = {2, 30};
  for (size_t i = 0; i < IMAGES; i++)
    for (size_t j = 0; j < IMAGES; j++) {
      const tenant former = {.type = TYPE(.initial = PAGES(3), .maximum = PAGES(SLOT)), .last = 20, .from = &images[i]};
      const tenant next = {.type = TYPE(.initial = PAGES(2), .maximum = PAGES(SLOT)), .last = lasts[(i + j) % 2], .from = &images[j]};
      wasm_memory_delete(MOVES_IN(allocator, &former));
      wasm_memory_delete(MOVES_IN(allocator, &next));
      wasm_memory_delete(MOVES_IN(allocator, &next)); /* the same again, on pages that a tenant of it wrote to */
    }
}

/* A place that had an image and a tenant smaller than that image. */
static void smaller_than_the_image(wasm_memory_allocator_t *allocator) {
  const tenant with = {.type = TYPE(.initial = PAGES(2), .maximum = PAGES(SLOT)), .last = 2, .from = &images[0]};
  const tenant without[] = {BETWEEN(0, 0), BETWEEN(1, 1), BETWEEN(0, 2), BETWEEN(1, SLOT),
                            {.type = TYPE(.initial = PAGES(5), .maximum = PAGES(SLOT * PAGE), .page_size = 1), .last = 9000}};
  for (size_t i = 0; i < 5; i++) {
    wasm_memory_delete(MOVES_IN(allocator, &with));
    wasm_memory_delete(MOVES_IN(allocator, &without[i]));
  }
}

/* An image of which the tenant wrote to nothing is as foreign to the next one. */
static void untouched_image(wasm_memory_allocator_t *allocator) {
  for (size_t i = 0; i < IMAGES; i++) {
    const tenant next = BETWEEN(0, 3);
    wasm_memory_delete(created_from(allocator, images[i].image, TYPE(.initial = PAGES(2), .maximum = PAGES(SLOT))));
    wasm_memory_delete(MOVES_IN(allocator, &next));
  }
}

TEST(from_image_to_image_to_none) {
  make_images();
  everywhere(image_after_image);
  delete_images();
}

TEST(after_an_image_that_was_larger) {
  make_images();
  everywhere(smaller_than_the_image);
  delete_images();
}

TEST(after_an_image_that_nobody_wrote_to) {
  make_images();
  everywhere(untouched_image);
  delete_images();
}

/* The image is gone before its place is cleaned. */
static void image_is_gone(wasm_memory_allocator_t *allocator) {
  const tenant next = BETWEEN(1, 9);
  for (int i = 0; i < 3; i++) {
    const tenant_image image = tenant_image_of(PAGE + 77, 33, 9);
    const tenant former = {.type = TYPE(.initial = PAGES(2), .maximum = PAGES(SLOT)), .last = 4, .from = &image};
    wasm_memory_t *memory = MOVES_IN(allocator, &former);
    if (i == 1) wasm_memory_image_delete(image.image);
    wasm_memory_delete(memory);
    if (i != 1) wasm_memory_image_delete(image.image);
    wasm_memory_delete(MOVES_IN(allocator, &next));
  }
}

TEST(after_an_image_that_is_gone) { everywhere(image_is_gone); }

/* ---- reset: the next tenant has the same handle ---- */

static void check_after_reset(const char *file, int line, wasm_memory_t *memory, const tenant_image *image, uint64_t last) {
  harness_u64(file, line, "size after reset", wasm_memory_size(memory), 3);
  tenant_sees_only(file, line, memory, image);
  check_shut(file, line, memory);
  tenant_grows(file, line, memory, last);
  check_shut(file, line, memory);
  tenant_writes(memory);
}

static void reset_between_images(wasm_memory_allocator_t *allocator) {
  const uint64_t lasts[] = {3, 9, SLOT, 4};
  for (size_t i = 0; i < IMAGES; i++) {
    const tenant former = {.type = TYPE(.initial = PAGES(3), .maximum = PAGES(SLOT)), .last = 40, .from = &images[i]};
    const tenant next = BETWEEN(1, 9);
    wasm_memory_t *memory = MOVES_IN(allocator, &former);
    for (size_t j = 0; j < 2 * IMAGES; j++) {
      const tenant_image *image = &images[j * 3 % IMAGES];
      CHECK_STATUS(wasm_memory_reset(memory, image->image), WASM_MEMORY_OK);
      check_after_reset(__FILE__, __LINE__, memory, image, lasts[j % 4]);
      if (j % 4 == 3) CHECK_STATUS(wasm_memory_reset(memory, image->image), WASM_MEMORY_OK); /* twice, and left so */
    }
    wasm_memory_delete(memory);
    wasm_memory_delete(MOVES_IN(allocator, &next));
  }
}

TEST(reset_from_image_to_image) {
  make_images();
  everywhere(reset_between_images);
  delete_images();
}

/* What a reset cut off waits for nobody: not for growth, and not for the next memory. */
static void shrunk_then_deleted(wasm_memory_allocator_t *allocator) {
  const tenant former = BETWEEN(3, SLOT), next = BETWEEN(1, SLOT);
  wasm_memory_t *memory = MOVES_IN(allocator, &former);
  CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
  CHECK_SHUT(memory);
  wasm_memory_delete(memory);
  wasm_memory_delete(MOVES_IN(allocator, &next));

  memory = MOVES_IN(allocator, &former);
  wasm_memory_image_t *snapshot = snapshot_of(memory);
  wasm_memory_delete(memory);
  memory = created_from(allocator, snapshot, TYPE(.initial = PAGES(SLOT), .maximum = PAGES(SLOT)));
  CHECK(all_are(wasm_memory_data(memory), TENANT_BYTE, SLOT * PAGE));
  wasm_memory_delete(memory);
  wasm_memory_delete(MOVES_IN(allocator, &next));
  memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(SLOT)));
  CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory), TENANT_BYTE, SLOT * PAGE));
  CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory), 0, PAGE));
  CHECK_SHUT(memory);
  wasm_memory_image_delete(snapshot);
  CHECK_STATUS(wasm_memory_grow(memory, SLOT - 1, NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory), 0, SLOT * PAGE));
  wasm_memory_delete(memory);
  wasm_memory_delete(MOVES_IN(allocator, &next));
}

TEST(shrunk_by_reset_then_deleted) { everywhere(shrunk_then_deleted); }

/* ---- discard ---- */

static void discarded_in_part(wasm_memory_allocator_t *allocator) {
  const tenant_image image = tenant_image_of(2 * PAGE, 0, 5);
  const tenant former = {.type = TYPE(.initial = PAGES(3), .maximum = PAGES(SLOT)), .last = 12, .from = &image}, next = BETWEEN(1, 30);
  const uint64_t ranges[][2] = {{0, 1}, {1, 2}, {0, 12}, {10, 2}, {2, 9}};
  for (size_t i = 0; i < 5; i++)
    for (int again = 0; again < 2; again++) {
      wasm_memory_t *memory = MOVES_IN(allocator, &former);
      uint8_t *bytes = wasm_memory_data(memory) + ranges[i][0] * PAGE;
      CHECK_STATUS(wasm_memory_discard(memory, ranges[i][0] * PAGE, ranges[i][1] * PAGE), WASM_MEMORY_OK);
      CHECK(all_are(bytes, 0, ranges[i][1] * PAGE));
      if (again == 1) tenant_writes(memory);
      wasm_memory_delete(memory);
      wasm_memory_delete(MOVES_IN(allocator, &next));
    }
  wasm_memory_image_delete(image.image);
}

TEST(discarded_then_deleted) { everywhere(discarded_in_part); }

/* ---- a buffer holds the bytes ---- */

static void held_by_a_buffer(wasm_memory_allocator_t *allocator) {
  const tenant former = BETWEEN(3, 10), next = BETWEEN(1, 30);
  for (int detached = 0; detached < 2; detached++) {
    wasm_memory_t *memory = MOVES_IN(allocator, &former);
    wasm_memory_buffer_t *buffer = buffer_of(memory);
    uint8_t *bytes = wasm_memory_buffer_data(buffer);
    if (detached == 1) CHECK_STATUS(wasm_memory_grow(memory, 0, NULL), WASM_MEMORY_OK);
    wasm_memory_delete(memory);
    CHECK(all_are(bytes, TENANT_BYTE, 10 * PAGE));
    memset(bytes, TENANT_BYTE + 1, 10 * PAGE);
    CHECK(all_are(bytes, TENANT_BYTE + 1, 10 * PAGE));
    wasm_memory_buffer_delete(buffer);
    wasm_memory_delete(MOVES_IN(allocator, &next));
  }
}

TEST(held_by_a_buffer_then_deleted) {
  NEEDS_STEADY_BASE();
  everywhere(held_by_a_buffer);
}

/* Growth through a buffer, after the handle of the memory is gone. */
static void grown_by_a_buffer(wasm_memory_allocator_t *allocator) {
  const tenant next = BETWEEN(1, SLOT);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(10), .maximum = PAGES(SLOT)));
  wasm_memory_buffer_t *buffer = resizable_of(memory);
  memset(wasm_memory_data(memory), TENANT_BYTE, 10 * PAGE);
  wasm_memory_delete(memory);
  CHECK_STATUS(wasm_memory_buffer_resize(buffer, 50 * PAGE), WASM_MEMORY_OK);
  uint8_t *bytes = wasm_memory_buffer_data(buffer);
  CHECK(all_are(bytes, TENANT_BYTE, 10 * PAGE) && all_are(bytes + 10 * PAGE, 0, 40 * PAGE));
  memset(bytes, TENANT_BYTE, 50 * PAGE);
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(MOVES_IN(allocator, &next));
}

TEST(grown_by_a_buffer_then_deleted) { everywhere(grown_by_a_buffer); }

/* ---- and all of it when the kernel refuses the fast way ---- */

static unsigned refused_ones;

static void routes_under_refusal(void) {
  if (!refuse_calls(refused_ones)) return;
  make_images();
  const size_t some[] = {1, 4, 7, 10}; /* both ways of cleaning, in each kind of place */
  for (size_t i = 0; i < 4; i++) {
    wasm_memory_allocator_t *allocator = allocator_at(all_places[some[i]]);
    smaller_than_the_image(allocator);
    untouched_image(allocator);
    reset_between_images(allocator);
    shrunk_then_deleted(allocator);
    discarded_in_part(allocator);
    held_by_a_buffer(allocator);
    wasm_memory_allocator_delete(allocator);
  }
  delete_images();
}

static void refuse(unsigned which) {
  refused_ones = which;
  in_child(routes_under_refusal);
}

TEST(madvise_is_refused) {
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_MADVISE);
}

TEST(pagemap_scan_is_refused) {
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_PAGEMAP_SCAN);
}

TEST(memfd_create_is_refused) {
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_MEMFD);
}

TEST(only_writing_is_left) {
  NEEDS_REFUSED_MAPPINGS();
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_FIXED_MAPPING | REFUSE_MADVISE | REFUSE_PAGEMAP_SCAN);
}

TEST(all_fast_ways_are_refused) {
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_MADVISE | REFUSE_PAGEMAP_SCAN | REFUSE_MEMFD);
}

/* Locked pages survive madvise: in a reset too, and where an image was. */
static void locked_then_reset(wasm_memory_allocator_t *allocator) {
  for (size_t i = 0; i < IMAGES; i++) {
    const tenant former = {.type = TYPE(.initial = PAGES(3), .maximum = PAGES(SLOT)), .last = 9, .from = &images[i]}, next = BETWEEN(1, 9);
    wasm_memory_t *memory = MOVES_IN(allocator, &former);
    uint8_t *bytes = wasm_memory_data(memory);
    if (mlock(bytes + PAGE, (size_t)host_page()) != 0 || mlock(bytes + 8 * PAGE, (size_t)PAGE) != 0) printf("this host locks no pages\n");
    CHECK_STATUS(wasm_memory_reset(memory, images[(i + 1) % IMAGES].image), WASM_MEMORY_OK);
    check_after_reset(__FILE__, __LINE__, memory, &images[(i + 1) % IMAGES], 20);
    wasm_memory_delete(memory);
    wasm_memory_delete(MOVES_IN(allocator, &next));
  }
}

TEST(locked_pages_and_reset) {
  make_images();
  everywhere(locked_then_reset);
  delete_images();
}

HARNESS_MAIN(LISTED(from_image_to_image_to_none), LISTED(after_an_image_that_was_larger), LISTED(after_an_image_that_nobody_wrote_to),
             LISTED(after_an_image_that_is_gone), LISTED(reset_from_image_to_image), LISTED(shrunk_by_reset_then_deleted),
             LISTED(discarded_then_deleted), LISTED(held_by_a_buffer_then_deleted), LISTED(grown_by_a_buffer_then_deleted),
             LISTED(madvise_is_refused), LISTED(pagemap_scan_is_refused), LISTED(memfd_create_is_refused), LISTED(only_writing_is_left),
             LISTED(all_fast_ways_are_refused), LISTED(locked_pages_and_reset))
