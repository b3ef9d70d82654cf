/* Images: where their bytes lie in a memory, whose writes reach whom, and what is no image of a memory (design.md 7). */
#define _GNU_SOURCE
#include "buffers.h"
#include "process.h"
#include "tenants.h"

/* The memory holds the image, zeros around it, and uncovers zeros when it grows. */
static void check_holds(const char *file, int line, wasm_memory_allocator_t *allocator, const tenant_image *image, wasm_memory_descriptor_t type) {
  const unsigned long failures = harness_failures;
  wasm_memory_t *memory = created_from(allocator, image->image, type);
  harness_u64(file, line, "size", wasm_memory_size(memory), type.initial.pages);
  tenant_sees_only(file, line, memory, image);
  tenant_grows(file, line, memory, type.initial.pages + 3);
  check_shut(file, line, memory);
  tenant_writes(memory);
  wasm_memory_delete(memory);
  if (harness_failures != failures)
    fprintf(stderr, "  image of %" PRIu64 " bytes at %" PRIu64 "\n", image->length, image->index);
}
#define CHECK_HOLDS(allocator, image, type) check_holds(__FILE__, __LINE__, (allocator), (image), (type))

TEST(at_every_kind_of_place) {
  const uint64_t at[][2] = {{1, 0},          {1, 3 * PAGE - 1}, {PAGE, 0},       {PAGE, PAGE},    {3 * PAGE, 0},       {100, 4000},
                            {200, 4000},     {4096, 4096},      {4095, 4097},    {4097, 4095},    {8192, 2 * PAGE},    {70001, 13},
                            {2 * PAGE, 4096}, {PAGE + 1, PAGE - 1}, {3 * PAGE - 2, 1}, {12289, 3 * PAGE - 12289}};
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
  wasm_memory_allocator_t *checked = allocator_of(config);
  for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
    const tenant_image image = tenant_image_of(at[i][0], at[i][1], (uint8_t)i);
    wasm_memory_allocator_t *allocators[] = {NULL, checked};
    for (size_t j = 0; j < 2; j++) {
      CHECK_HOLDS(allocators[j], &image, TYPE(.initial = PAGES(3)));
      CHECK_HOLDS(allocators[j], &image, TYPE(.initial = PAGES(3), .maximum = PAGES(6), .shared = true));
      CHECK_HOLDS(allocators[j], &image, TYPE(.initial = PAGES(5), .address = I64));
    }
    wasm_memory_image_delete(image.image);
  }
  wasm_memory_allocator_delete(checked);
}

/* The end of the memory within a host page, and the end of the image within that. */
TEST(single_byte_pages) {
  const uint64_t at[][3] = {{1, 0, 1}, {5, 3, 8}, {4000, 96, 5000}, {4096, 0, 4096}, {4097, 0, 4097}, {70000, 5, 70005}, {900, 4100, 5000}};
  for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
    const tenant_image image = tenant_image_of(at[i][0], at[i][1], (uint8_t)i);
    CHECK_HOLDS(NULL, &image, TYPE(.initial = PAGES(at[i][2]), .page_size = 1));
    CHECK_HOLDS(NULL, &image, TYPE(.initial = PAGES(at[i][2]), .maximum = PAGES(at[i][2] + 3), .shared = true, .page_size = 1));
    RANGE_FAILS(refused_from(NULL, image.image, TYPE(.initial = PAGES(at[i][0] + at[i][1] - 1), .page_size = 1)), IMAGE_DOES_NOT_FIT);
    wasm_memory_image_delete(image.image);
  }
}

TEST(does_not_fit) {
  const struct { uint64_t length, index, pages; } cases[] = {{1, PAGE, 1}, {PAGE + 1, 0, 1}, {2, PAGE - 1, 1}, {1, 0, 0}, {5, 9 * PAGE, 1},
                                                             {3 * PAGE, 1, 3}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    wasm_memory_image_t *image = pattern_image((size_t)cases[i].length, cases[i].index, 1);
    const uint64_t pages = cases[i].pages;
    RANGE_FAILS(refused_from(NULL, image, TYPE(.initial = PAGES(pages))), IMAGE_DOES_NOT_FIT);
    RANGE_FAILS(refused_from(NULL, image, TYPE(.initial = PAGES(pages), .maximum = PAGES(100))), IMAGE_DOES_NOT_FIT); /* it is the initial size */
    RANGE_FAILS(refused_from(NULL, image, TYPE(.initial = PAGES(pages), .maximum = PAGES(100), .shared = true)), IMAGE_DOES_NOT_FIT);
    wasm_memory_delete(created_from(NULL, image, TYPE(.initial = PAGES(10)))); /* the refusal spoilt nothing */
    wasm_memory_image_delete(image);
  }
}

/* A sum that wraps would fit. Refused as an image or as part of a memory. */
TEST(end_past_2_to_64) {
  const uint64_t indexes[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 98};
  uint8_t bytes[100] = {1};
  for (size_t i = 0; i < 3; i++) {
    wasm_memory_image_t *image = (wasm_memory_image_t *)POISON_POINTER;
    const wasm_memory_status_t status = wasm_memory_image_new(bytes, sizeof bytes, indexes[i], &image);
    if (status == WASM_MEMORY_OK) {
      RANGE_FAILS(refused_from(NULL, image, TYPE(.initial = PAGES(1))), IMAGE_DOES_NOT_FIT);
      wasm_memory_image_delete(image);
    } else {
      CHECK_STATUS(status, WASM_MEMORY_RANGE_ERROR);
      CHECK_POINTER(image, NULL);
    }
  }
}

TEST(empty_images) {
  wasm_memory_image_t *nothing = image_of(NULL, 0, 0), *at_the_end = image_of((const uint8_t *)"", 0, PAGE), *past_it = image_of(NULL, 0, PAGE + 1);
  wasm_memory_image_t *images[] = {nothing, at_the_end};
  for (size_t i = 0; i < 2; i++) {
    wasm_memory_t *memory = created_from(NULL, images[i], TYPE(.initial = PAGES(1)));
    tenant_sees_only(__FILE__, __LINE__, memory, &tenant_no_image);
    wasm_memory_delete(memory);
  }
  wasm_memory_delete(created_from(NULL, nothing, TYPE(.initial = PAGES(0))));
  RANGE_FAILS(refused_from(NULL, past_it, TYPE(.initial = PAGES(1))), IMAGE_DOES_NOT_FIT);
  wasm_memory_image_delete(past_it);
  wasm_memory_image_delete(at_the_end);
  wasm_memory_image_delete(nothing);
}

/* The fields that are a mistake in themselves are one with an image as well. */
TEST(descriptor_is_checked_as_ever) {
  wasm_memory_image_t *image = pattern_image(10, 0, 1);
  TYPE_FAILS(refused_from(NULL, image, TYPE(.maximum = PAGES(1))), INITIAL_MISSING);
  TYPE_FAILS(refused_from(NULL, image, TYPE(.initial = PAGES(1), .shared = true)), SHARED_WITHOUT_MAXIMUM);
  RANGE_FAILS(refused_from(NULL, image, TYPE(.initial = PAGES(65537))), ABOVE_LIMIT);
  RANGE_FAILS(refused_from(NULL, image, TYPE(.initial = PAGES(2), .maximum = PAGES(1))), MAXIMUM_BELOW_INITIAL);
  wasm_memory_image_delete(image);
}

/* ---- whose bytes they are ---- */

TEST(source_may_change) {
  enum { LENGTH = 3 * 65536 };
  uint8_t *bytes = (uint8_t *)malloc(LENGTH);
  REQUIRE(bytes != NULL);
  write_pattern(bytes, LENGTH, 1);
  wasm_memory_image_t *image = image_of(bytes, LENGTH, 0);
  wasm_memory_t *before = created_from(NULL, image, TYPE(.initial = PAGES(3)));
  memset(bytes, 0xEE, LENGTH);
  wasm_memory_t *after = created_from(NULL, image, TYPE(.initial = PAGES(3)));
  CHECK(is_pattern(wasm_memory_data(before), LENGTH, 1) && is_pattern(wasm_memory_data(after), LENGTH, 1));
  free(bytes);
  CHECK(is_pattern(wasm_memory_data(before), LENGTH, 1));
  wasm_memory_delete(after);
  wasm_memory_delete(before);
  wasm_memory_image_delete(image);
}

/* The source may be a memory itself, which then goes on, and goes. */
TEST(source_may_be_a_memory) {
  wasm_memory_t *source = created(TYPE(.initial = PAGES(2)));
  write_pattern(wasm_memory_data(source), 2 * PAGE, 6);
  wasm_memory_image_t *image = image_of(wasm_memory_data(source), 2 * PAGE, 0);
  memset(wasm_memory_data(source), 0, 2 * PAGE);
  wasm_memory_delete(source);
  wasm_memory_t *memory = created_from(NULL, image, TYPE(.initial = PAGES(2)));
  CHECK(is_pattern(wasm_memory_data(memory), 2 * PAGE, 6));
  wasm_memory_delete(memory);
  wasm_memory_image_delete(image);
}

static void check_private(wasm_memory_allocator_t *allocator, bool shared) {
  enum { COUNT = 8 };
  wasm_memory_image_t *image = pattern_image(2 * PAGE, 0, 2);
  wasm_memory_t *memories[COUNT];
  const wasm_memory_descriptor_t type = TYPE(.initial = PAGES(3), .maximum = PAGES(3), .shared = shared);
  for (int i = 0; i < COUNT; i++) memories[i] = created_from(allocator, image, type);
  for (int i = 0; i < COUNT; i++) memset(wasm_memory_data(memories[i]) + i * 8192, i + 1, 8192); /* 16 places of two host pages each */
  wasm_memory_t *later = created_from(allocator, image, type);
  CHECK(is_pattern(wasm_memory_data(later), 2 * PAGE, 2));
  for (int i = 0; i < COUNT; i++) {
    const uint8_t *bytes = wasm_memory_data(memories[i]);
    CHECK(all_are(bytes + i * 8192, (uint8_t)(i + 1), 8192));
    for (int j = 0; j < 16; j++) {
      bool own = j == i, right = true;
      for (uint64_t at = (uint64_t)j * 8192; !own && at < (uint64_t)(j + 1) * 8192; at++) right = right && bytes[at] == pattern_at(at, 2);
      CHECK(right);
    }
    CHECK(all_are(bytes + 2 * PAGE, 0, PAGE));
  }
  for (int i = 0; i < COUNT; i++) wasm_memory_delete(memories[i]);
  wasm_memory_delete(later);
  wasm_memory_image_delete(image);
}

TEST(memories_do_not_see_each_other) {
  check_private(NULL, false);
  check_private(NULL, true);
}

TEST(image_may_go_first) {
  wasm_memory_image_t *image = pattern_image(3 * PAGE, 0, 4);
  CHECK_POINTER(wasm_memory_image_retain(image), image);
  wasm_memory_t *memory = created_from(NULL, image, TYPE(.initial = PAGES(3)));
  wasm_memory_image_delete(image);
  wasm_memory_delete(created_from(NULL, image, TYPE(.initial = PAGES(3)))); /* one reference is left */
  wasm_memory_image_delete(image);
  TYPE_FAILS(refused_from(NULL, image, TYPE(.initial = PAGES(3))), INVALID_HANDLE);
  for (int i = 0; i < 5; i++) wasm_memory_image_delete(pattern_image(3 * PAGE, 0, 9)); /* what it left may be taken */
  CHECK(is_pattern(wasm_memory_data(memory), 3 * PAGE, 4));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK(is_pattern(wasm_memory_data(memory), 3 * PAGE, 4) && all_are(wasm_memory_data(memory) + 3 * PAGE, 0, PAGE));
  wasm_memory_delete(memory);
}

/* An allocator that can move its memories moves the image's bytes too, written to or not. */
TEST(growth_that_moves) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_reservation(config, 2 * PAGE);
  wasm_memory_config_set_movable(config, true);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_image_t *image = pattern_image(PAGE + 100, 0, 7);
  wasm_memory_t *memory = created_from(allocator, image, TYPE(.initial = PAGES(2)));
  wasm_memory_data(memory)[0] = 0xFE;
  for (int i = 0; i < 4; i++) {
    CHECK_STATUS(wasm_memory_grow(memory, 5, NULL), WASM_MEMORY_OK);
    const uint8_t *bytes = wasm_memory_data(memory);
    CHECK(bytes[0] == 0xFE && bytes[1] == pattern_at(1, 7) && bytes[PAGE + 99] == pattern_at(PAGE + 99, 7));
    CHECK(all_are(bytes + PAGE + 100, 0, wasm_memory_byte_length(memory) - PAGE - 100));
  }
  wasm_memory_delete(memory);
  wasm_memory_image_delete(image);
  wasm_memory_allocator_delete(allocator);
}

TEST(type_of_an_image_has_no_initial) {
  wasm_memory_image_t *image = pattern_image(PAGE, PAGE, 1);
  wasm_memory_descriptor_t type;
  memset(&type, 0xA5, sizeof type);
  CHECK_STATUS(wasm_memory_image_get_type(image, &type), WASM_MEMORY_OK);
  unsigned char present = 0xFF;
  memcpy(&present, &type.initial.present, 1);
  CHECK_U64(present, 0);
  wasm_memory_image_delete(image);
}

/* ---- discard, in the range of an image ---- */

TEST(discarded_image_reads_zero) {
  for (int shared = 0; shared < 2; shared++)
    for (int written = 0; written < 2; written++) {
      wasm_memory_image_t *image = pattern_image(4 * PAGE, 0, 3);
      wasm_memory_t *memory = created_from(NULL, image, TYPE(.initial = PAGES(5), .maximum = PAGES(9), .shared = shared == 1));
      uint8_t *bytes = wasm_memory_data(memory);
      if (written == 1) memset(bytes + PAGE, 0xEE, 2 * PAGE);
      CHECK_STATUS(wasm_memory_discard(memory, PAGE, 2 * PAGE), WASM_MEMORY_OK);
      CHECK(is_pattern(bytes, PAGE, 3) && all_are(bytes + PAGE, 0, 2 * PAGE) && bytes[3 * PAGE] == pattern_at(3 * PAGE, 3));
      bytes[PAGE + 5] = 7;
      CHECK_STATUS(wasm_memory_discard(memory, 0, 5 * PAGE), WASM_MEMORY_OK);
      CHECK(all_are(bytes, 0, 5 * PAGE));
      CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
      CHECK(all_are(wasm_memory_data(memory), 0, 6 * PAGE));
      wasm_memory_t *other = created_from(NULL, image, TYPE(.initial = PAGES(4))); /* of the memory, not of the image */
      CHECK(is_pattern(wasm_memory_data(other), 4 * PAGE, 3));
      wasm_memory_delete(other);
      wasm_memory_delete(memory);
      wasm_memory_image_delete(image);
    }
}

/* Pages of one byte: the edges of what is discarded lie within host pages of the image. */
TEST(discarded_in_odd_ranges) {
  const uint64_t ranges[][2] = {{0, 1}, {4095, 2}, {1, 4096}, {4096, 4096}, {5000, 9000}, {0, 20000}, {19999, 1}, {8191, 4098}};
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    wasm_memory_image_t *image = pattern_image(20000, 0, 3);
    wasm_memory_t *memory = created_from(NULL, image, TYPE(.initial = PAGES(20000), .page_size = 1));
    uint8_t *bytes = wasm_memory_data(memory);
    CHECK_STATUS(wasm_memory_discard(memory, ranges[i][0], ranges[i][1]), WASM_MEMORY_OK);
    bool right = true;
    for (uint64_t at = 0; at < 20000; at++) {
      const bool gone = at >= ranges[i][0] && at < ranges[i][0] + ranges[i][1];
      right = right && bytes[at] == (gone ? 0 : pattern_at(at, 3));
    }
    CHECK(right);
    wasm_memory_delete(memory);
    wasm_memory_image_delete(image);
  }
}

/* ---- fork ---- */

static wasm_memory_t *forked[2];

static void writes_in_child(void) {
  for (int i = 0; i < 2; i++) {
    CHECK(is_pattern(wasm_memory_data(forked[i]), 2 * PAGE, 5));
    memset(wasm_memory_data(forked[i]), 0xEE, 2 * PAGE);
    CHECK_STATUS(wasm_memory_grow(forked[i], 1, NULL), WASM_MEMORY_OK);
    wasm_memory_delete(forked[i]);
  }
}

TEST(child_has_private_copies) {
  wasm_memory_image_t *image = pattern_image(2 * PAGE, 0, 5);
  for (int i = 0; i < 2; i++) forked[i] = created_from(NULL, image, TYPE(.initial = PAGES(2), .maximum = PAGES(3), .shared = i == 1));
  in_child(writes_in_child);
  for (int i = 0; i < 2; i++) {
    CHECK(is_pattern(wasm_memory_data(forked[i]), 2 * PAGE, 5));
    CHECK_U64(wasm_memory_size(forked[i]), 2);
    wasm_memory_delete(forked[i]);
  }
  wasm_memory_image_delete(image);
}

HARNESS_MAIN(LISTED(at_every_kind_of_place), LISTED(single_byte_pages), LISTED(does_not_fit), LISTED(end_past_2_to_64), LISTED(empty_images),
             LISTED(descriptor_is_checked_as_ever), LISTED(source_may_change), LISTED(source_may_be_a_memory),
             LISTED(memories_do_not_see_each_other), LISTED(image_may_go_first), LISTED(growth_that_moves),
             LISTED(type_of_an_image_has_no_initial), LISTED(discarded_image_reads_zero), LISTED(discarded_in_odd_ranges),
             LISTED(child_has_private_copies))
