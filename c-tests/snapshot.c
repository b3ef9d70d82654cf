/* Snapshots: the whole memory, its size included, frozen; children of one; where it may go (design.md 7). */
#define _GNU_SOURCE
#include "buffers.h"
#include "process.h"
#include "tenants.h"

/* Written through the raw pointer, page by page in another pattern, with untouched pages in between. */
static wasm_memory_t *busy_memory(wasm_memory_allocator_t *allocator) {
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2), .maximum = PAGES(40)));
  CHECK_STATUS(wasm_memory_grow(memory, 6, NULL), WASM_MEMORY_OK);
  write_pattern(wasm_memory_data(memory), 3 * PAGE, 1);
  write_pattern(wasm_memory_data(memory) + 7 * PAGE, PAGE, 2);
  return memory;
}

static bool is_busy(const wasm_memory_t *memory) {
  const uint8_t *bytes = wasm_memory_data(memory);
  return wasm_memory_size(memory) == 8 && is_pattern(bytes, 3 * PAGE, 1) && all_are(bytes + 3 * PAGE, 0, 4 * PAGE) &&
         is_pattern(bytes + 7 * PAGE, PAGE, 2);
}

TEST(type_is_the_source_s_of_that_moment) {
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(1)), TYPE(.initial = PAGES(1), .maximum = PAGES(50)),
                                            TYPE(.initial = PAGES(1), .address = I64), TYPE(.initial = PAGES(1), .page_size = 1),
                                            TYPE(.initial = PAGES(0), .address = I64, .page_size = 1)};
  for (size_t i = 0; i < 5; i++) {
    wasm_memory_t *memory = created(types[i]);
    CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
    wasm_memory_image_t *snapshot = snapshot_of(memory);
    CHECK_STATUS(wasm_memory_grow(memory, 3, NULL), WASM_MEMORY_OK);
    wasm_memory_delete(memory);
    wasm_memory_descriptor_t type;
    memset(&type, 0xA5, sizeof type);
    CHECK_STATUS(wasm_memory_image_get_type(snapshot, &type), WASM_MEMORY_OK);
    CHECK(type.initial.present);
    CHECK_U64(type.initial.pages, types[i].initial.pages + 2);
    CHECK_U64(type.address, types[i].address);
    CHECK_U64(type.page_size, types[i].page_size == 1 ? 1 : PAGE);
    CHECK(!type.shared);
    memory = created_from(NULL, snapshot, type); /* what it tells is what a memory of it needs */
    CHECK_U64(wasm_memory_size(memory), type.initial.pages);
    wasm_memory_delete(memory);
    wasm_memory_image_delete(snapshot);
  }
}

TEST(source_goes_on) {
  wasm_memory_t *source = busy_memory(NULL);
  uint8_t *bytes = wasm_memory_data(source);
  wasm_memory_buffer_t *buffer = buffer_of(source);
  wasm_memory_image_t *snapshot = snapshot_of(source);
  CHECK(is_busy(source));
  CHECK_POINTER(wasm_memory_data(source), bytes);
  CHECK_POINTER(current(source), buffer); /* looking detaches nothing */
  CHECK(!wasm_memory_buffer_is_detached(buffer));
  memset(bytes, 0xEE, 8 * PAGE);
  CHECK(all_are(bytes, 0xEE, 8 * PAGE));
  wasm_memory_t *child = created_from(NULL, snapshot, TYPE(.initial = PAGES(8)));
  CHECK(is_busy(child));
  CHECK_STATUS(wasm_memory_grow(source, 1, NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(source), 0xEE, 8 * PAGE) && all_are(wasm_memory_data(source) + 8 * PAGE, 0, PAGE));
  wasm_memory_buffer_delete(buffer);
  wasm_memory_delete(source);
  CHECK(is_busy(child));
  wasm_memory_delete(child);
  child = created_from(NULL, snapshot, TYPE(.initial = PAGES(8), .maximum = PAGES(9)));
  CHECK(is_busy(child));
  wasm_memory_image_delete(snapshot);
  CHECK(is_busy(child));
  wasm_memory_delete(child);
}

TEST(many_children) {
  enum { COUNT = 40 };
  wasm_memory_t *source = busy_memory(NULL), *children[COUNT];
  wasm_memory_image_t *snapshot = snapshot_of(source);
  for (int i = 0; i < COUNT; i++) {
    children[i] = created_from(NULL, snapshot, TYPE(.initial = PAGES(8), .maximum = PAGES(20), .shared = i % 3 == 2));
    CHECK(is_busy(children[i]));
    memset(wasm_memory_data(children[i]), i + 1, 8 * PAGE);
  }
  CHECK(is_busy(source));
  for (int i = 0; i < COUNT; i += 2) wasm_memory_delete(children[i]);
  for (int i = 1; i < COUNT; i += 2) {
    CHECK_STATUS(wasm_memory_grow(children[i], 1, NULL), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(children[i]), (uint8_t)(i + 1), 8 * PAGE) && all_are(wasm_memory_data(children[i]) + 8 * PAGE, 0, PAGE));
    wasm_memory_delete(children[i]);
  }
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(source);
}

/* A child of a child, of which some bytes are the image's, some its own, and some gone. */
TEST(snapshot_of_a_child) {
  wasm_memory_t *source = busy_memory(NULL);
  wasm_memory_image_t *first = snapshot_of(source);
  wasm_memory_delete(source);
  wasm_memory_t *child = created_from(NULL, first, TYPE(.initial = PAGES(8), .maximum = PAGES(40)));
  wasm_memory_data(child)[100] = 0xFE;
  memset(wasm_memory_data(child) + 5 * PAGE, 0xFD, PAGE);
  CHECK_STATUS(wasm_memory_discard(child, PAGE, PAGE), WASM_MEMORY_OK);
  CHECK_STATUS(wasm_memory_grow(child, 1, NULL), WASM_MEMORY_OK);
  wasm_memory_data(child)[9 * PAGE - 1] = 0xFC;
  wasm_memory_image_t *second = snapshot_of(child);
  wasm_memory_image_delete(first);
  wasm_memory_delete(child);
  child = created_from(NULL, second, TYPE(.initial = PAGES(9)));
  const uint8_t *bytes = wasm_memory_data(child);
  CHECK(is_pattern(bytes, 100, 1) && bytes[100] == 0xFE && bytes[101] == pattern_at(101, 1) && bytes[PAGE - 1] == pattern_at(PAGE - 1, 1));
  CHECK(all_are(bytes + PAGE, 0, PAGE) && bytes[2 * PAGE] == pattern_at(2 * PAGE, 1) && all_are(bytes + 3 * PAGE, 0, 2 * PAGE));
  CHECK(all_are(bytes + 5 * PAGE, 0xFD, PAGE) && all_are(bytes + 6 * PAGE, 0, PAGE) && is_pattern(bytes + 7 * PAGE, PAGE, 2));
  CHECK(all_are(bytes + 8 * PAGE, 0, PAGE - 1) && bytes[9 * PAGE - 1] == 0xFC);
  wasm_memory_delete(child);
  wasm_memory_image_delete(second);
}

/* Every setting that a source may have, also those in which its bytes lie elsewhere than at a mapping's start. */
TEST(source_of_any_allocator) {
  for (int which = 0; which < 5; which++) {
    wasm_memory_config_t *config = config_new();
    if (which == 1) wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
    if (which == 2) wasm_memory_config_set_guards(config, 5 * PAGE, PAGE);
    if (which == 3) wasm_memory_config_set_pool(config, 3, 40 * PAGE);
    if (which == 4) wasm_memory_config_set_huge_pages(config, true);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    wasm_memory_t *source = busy_memory(allocator);
    wasm_memory_image_t *snapshot = snapshot_of(source);
    memset(wasm_memory_data(source), 0xEE, 8 * PAGE);
    wasm_memory_t *inside = created_from(allocator, snapshot, TYPE(.initial = PAGES(8), .maximum = PAGES(40)));
    wasm_memory_t *outside = created_from(NULL, snapshot, TYPE(.initial = PAGES(8)));
    CHECK(is_busy(inside) && is_busy(outside));
    CHECK_STATUS(wasm_memory_reset(source, snapshot), WASM_MEMORY_OK);
    CHECK(is_busy(source));
    CHECK_STATUS(wasm_memory_grow(inside, 1, NULL), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(inside) + 8 * PAGE, 0, PAGE));
    wasm_memory_delete(outside);
    wasm_memory_delete(inside);
    wasm_memory_delete(source);
    wasm_memory_image_delete(snapshot);
    wasm_memory_allocator_delete(allocator);
  }
}

TEST(of_an_empty_memory) {
  wasm_memory_t *source = created(TYPE(.initial = PAGES(0), .maximum = PAGES(3)));
  wasm_memory_image_t *snapshot = snapshot_of(source);
  CHECK_STATUS(wasm_memory_grow(source, 3, NULL), WASM_MEMORY_OK);
  memset(wasm_memory_data(source), 1, 3 * PAGE);
  CHECK_STATUS(wasm_memory_reset(source, snapshot), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_size(source), 0);
  CHECK_SHUT(source);
  wasm_memory_t *child = created_from(NULL, snapshot, TYPE(.initial = PAGES(0)));
  CHECK_U64(wasm_memory_size(child), 0);
  RANGE_FAILS(refused_from(NULL, snapshot, TYPE(.initial = PAGES(1))), IMAGE_DOES_NOT_FIT);
  wasm_memory_delete(child);
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(source);
}

TEST(of_single_byte_pages) {
  wasm_memory_t *source = created(TYPE(.initial = PAGES(4999), .page_size = 1));
  memset(wasm_memory_data(source), 0x51, (size_t)rounded_to_host_page(4999)); /* past the end, which is no part of it */
  wasm_memory_image_t *snapshot = snapshot_of(source);
  wasm_memory_t *child = created_from(NULL, snapshot, TYPE(.initial = PAGES(4999), .page_size = 1));
  CHECK(all_are(wasm_memory_data(child), 0x51, 4999));
  CHECK_STATUS(wasm_memory_grow(child, 4000, NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(child), 0x51, 4999) && all_are(wasm_memory_data(child) + 4999, 0, 4000));
  CHECK_STATUS(wasm_memory_reset(child, snapshot), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_size(child), 4999);
  CHECK_STATUS(wasm_memory_grow(child, 1, NULL), WASM_MEMORY_OK);
  CHECK_U64(wasm_memory_data(child)[4999], 0);
  wasm_memory_delete(child);
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(source);
}

TEST(needs_exactly_its_own_type) {
  wasm_memory_t *source = busy_memory(NULL);
  wasm_memory_image_t *snapshot = snapshot_of(source);
  const wasm_memory_descriptor_t others[] = {TYPE(.initial = PAGES(7)), TYPE(.initial = PAGES(9)), TYPE(.initial = PAGES(0)),
                                             TYPE(.initial = PAGES(8), .address = I64), TYPE(.initial = PAGES(8 * PAGE), .page_size = 1),
                                             TYPE(.initial = PAGES(8), .page_size = 1), TYPE(.initial = PAGES(2), .maximum = PAGES(40))};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    CHECK_FAILS(refused_from(NULL, snapshot, others[i]), WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_IMAGE_DOES_NOT_FIT);
  /* A maximum and sharing are no part of what it needs. */
  const wasm_memory_descriptor_t right[] = {TYPE(.initial = PAGES(8)), TYPE(.initial = PAGES(8), .maximum = PAGES(8)),
                                            TYPE(.initial = PAGES(8), .maximum = PAGES(9), .shared = true),
                                            TYPE(.initial = PAGES(8), .page_size = 65536)};
  for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
    wasm_memory_t *child = created_from(NULL, snapshot, right[i]);
    CHECK(is_busy(child));
    wasm_memory_delete(child);
  }
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(source);
}

TEST(of_a_shared_memory) {
  wasm_memory_t *shared = created(TYPE(.initial = PAGES(1), .maximum = PAGES(2), .shared = true));
  wasm_memory_image_t *image = (wasm_memory_image_t *)POISON_POINTER, *other = pattern_image(10, 0, 1);
  wasm_memory_data(shared)[7] = 7;
  TYPE_FAILS(wasm_memory_snapshot(shared, &image), SHARED_MEMORY);
  CHECK_POINTER(image, NULL);
  TYPE_FAILS(wasm_memory_reset(shared, NULL), SHARED_MEMORY);
  TYPE_FAILS(wasm_memory_reset(shared, other), SHARED_MEMORY);
  CHECK_U64(wasm_memory_data(shared)[7], 7);
  wasm_memory_image_delete(other);
  wasm_memory_delete(shared);
}

static wasm_memory_image_t *inherited;
static wasm_memory_t *parent;

/* The child's pages are its own: what was written to here has to be found here and not in the parent. */
static void resets_in_child(void) {
  for (int round = 0; round < 3; round++) {
    CHECK_U64(wasm_memory_size(parent), 8);
    for (uint64_t at = (uint64_t)round * 4096; at < 8 * PAGE; at += 3 * 4096) wasm_memory_data(parent)[at] ^= 0xFF;
    CHECK_STATUS(wasm_memory_reset(parent, inherited), WASM_MEMORY_OK);
    CHECK(is_busy(parent));
  }
  memset(wasm_memory_data(parent), 0xEE, 8 * PAGE);
  wasm_memory_image_t *own = snapshot_of(parent);
  CHECK_STATUS(wasm_memory_reset(parent, NULL), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(parent), 0, 2 * PAGE));
  CHECK_STATUS(wasm_memory_reset(parent, own), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(parent), 0xEE, 8 * PAGE));
  wasm_memory_image_delete(own);
  wasm_memory_image_delete(inherited);
}

TEST(after_fork) {
  parent = busy_memory(NULL);
  inherited = snapshot_of(parent);
  CHECK_STATUS(wasm_memory_reset(parent, inherited), WASM_MEMORY_OK); /* whatever is opened for it is inherited */
  in_child(resets_in_child);
  CHECK(is_busy(parent));
  memset(wasm_memory_data(parent), 0xEE, PAGE);
  CHECK_STATUS(wasm_memory_reset(parent, inherited), WASM_MEMORY_OK);
  CHECK(is_busy(parent));
  wasm_memory_image_delete(inherited);
  wasm_memory_delete(parent);
}

HARNESS_MAIN(LISTED(type_is_the_source_s_of_that_moment), LISTED(source_goes_on), LISTED(many_children), LISTED(snapshot_of_a_child),
             LISTED(source_of_any_allocator), LISTED(of_an_empty_memory), LISTED(of_single_byte_pages), LISTED(needs_exactly_its_own_type),
             LISTED(of_a_shared_memory), LISTED(after_fork))
