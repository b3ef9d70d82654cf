/* Reset: back to an image or to zeros in place, the size as well; every buffer is detached; a refusal loses nothing (design.md 4
 * and 7). */
#define _GNU_SOURCE
#include "buffers.h"
#include "limiter.h"
#include "process.h"
#include "tenants.h"

static wasm_memory_t *written(wasm_memory_t *memory, uint8_t value) {
  memset(wasm_memory_data(memory), value, (size_t)wasm_memory_byte_length(memory));
  return memory;
}

TEST(to_zeros_at_the_created_size) {
  const wasm_memory_descriptor_t types[] = {TYPE(.initial = PAGES(3)), TYPE(.initial = PAGES(3), .maximum = PAGES(99)),
                                            TYPE(.initial = PAGES(0)), TYPE(.initial = PAGES(3), .address = I64),
                                            TYPE(.initial = PAGES(4097), .page_size = 1)};
  for (size_t i = 0; i < 5; i++) {
    wasm_memory_t *memory = created(types[i]);
    for (int round = 0; round < 3; round++) {
      CHECK_STATUS(wasm_memory_grow(memory, (uint64_t)round * 7, NULL), WASM_MEMORY_OK);
      tenant_writes(memory);
      CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
      CHECK_U64(wasm_memory_size(memory), types[i].initial.pages);
      CHECK_U64(wasm_memory_view(memory)->byte_length, wasm_memory_byte_length(memory));
      tenant_sees_only(__FILE__, __LINE__, memory, &tenant_no_image);
      CHECK_SHUT(memory);
      tenant_grows(__FILE__, __LINE__, memory, types[i].initial.pages + 5);
      tenant_writes(memory);
    }
    const wasm_memory_descriptor_t type = type_of(memory);
    CHECK(type.maximum.present == types[i].maximum.present && type.address == types[i].address);
    wasm_memory_delete(memory);
  }
}

/* The base is where it was, and the view that compiled code loads through too. */
TEST(in_place) {
  NEEDS_STEADY_BASE();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .maximum = PAGES(9)));
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  uint8_t *base = wasm_memory_data(memory);
  wasm_memory_set_user_data(memory, &memory);
  CHECK_STATUS(wasm_memory_grow(memory, 5, NULL), WASM_MEMORY_OK);
  wasm_memory_image_t *snapshot = snapshot_of(memory);
  CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
  CHECK_POINTER(wasm_memory_data(memory), base);
  CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK);
  CHECK_POINTER(wasm_memory_data(memory), base);
  CHECK_POINTER(wasm_memory_view(memory), view);
  CHECK_U64(view->byte_length, 7 * PAGE);
  CHECK_POINTER(wasm_memory_user_data(memory), &memory);
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(memory);
}

/* To images of the same and of other memories, in any order, after writes anywhere. */
TEST(between_images) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3), .maximum = PAGES(30)));
  const tenant_image images[] = {tenant_image_of(PAGE, 0, 1), tenant_image_of(2 * PAGE + 9, 777, 2), {.image = NULL}};
  wasm_memory_image_t *snapshots[3];
  for (int i = 0; i < 3; i++) { /* of 3, 5 and 7 pages, in different states */
    wasm_memory_t *other = written(created(TYPE(.initial = PAGES((uint64_t)(3 + 2 * i)))), (uint8_t)(0x10 + i));
    snapshots[i] = snapshot_of(other);
    wasm_memory_delete(other);
  }
  for (int step = 0; step < 60; step++) {
    const int which = step * 7 % 6;
    tenant_writes(memory);
    if (which < 3) {
      CHECK_STATUS(wasm_memory_reset(memory, images[which].image), WASM_MEMORY_OK);
      CHECK_U64(wasm_memory_size(memory), 3);
      tenant_sees_only(__FILE__, __LINE__, memory, &images[which]);
    } else {
      CHECK_STATUS(wasm_memory_reset(memory, snapshots[which - 3]), WASM_MEMORY_OK);
      const uint64_t size = (uint64_t)(3 + 2 * (which - 3));
      CHECK_U64(wasm_memory_size(memory), size);
      CHECK(all_are(wasm_memory_data(memory), (uint8_t)(0x10 + which - 3), size * PAGE));
    }
    CHECK_SHUT(memory);
    if (step % 3 == 0) tenant_grows(__FILE__, __LINE__, memory, wasm_memory_size(memory) + 2 + (uint64_t)step % 5);
    if (step % 5 == 0) CHECK_STATUS(wasm_memory_discard(memory, PAGE, PAGE), WASM_MEMORY_OK);
  }
  for (int i = 0; i < 3; i++) wasm_memory_image_delete(snapshots[i]);
  for (int i = 0; i < 2; i++) wasm_memory_image_delete(images[i].image);
  wasm_memory_delete(memory);
}

/* A few bytes changed in pages here and there, hundreds of times: each of them is found, by whichever way dirt is found. */
static void dirty_pages(uint64_t keep_resident) {
  enum { PAGES_THERE = 32 };
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_keep_resident(config, keep_resident);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(PAGES_THERE)));
  write_pattern(wasm_memory_data(memory), PAGES_THERE / 2 * PAGE, 3);
  wasm_memory_image_t *snapshot = snapshot_of(memory);
  uint8_t *model = (uint8_t *)malloc(PAGES_THERE * PAGE);
  REQUIRE(model != NULL);
  memcpy(model, wasm_memory_data(memory), PAGES_THERE * PAGE);
  uint64_t random = 88172645463325252u; /* xorshift64: the same places in every run */
  for (int round = 0; round < 100; round++) {
    for (int i = 0; i < round % 9; i++) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      wasm_memory_data(memory)[random % (PAGES_THERE * PAGE)] ^= 0xFF;
    }
    if (round % 10 == 3) (void)all_are(wasm_memory_data(memory), 0, PAGES_THERE * PAGE); /* reading is no dirt */
    if (round % 10 == 5) CHECK_STATUS(wasm_memory_discard(memory, (uint64_t)round % 30 * PAGE, 2 * PAGE), WASM_MEMORY_OK);
    CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK);
    CHECK(memcmp(model, wasm_memory_data(memory), PAGES_THERE * PAGE) == 0);
  }
  free(model);
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
}

static const uint64_t keep_resident[] = {0, 4096, 65536, 64 * 65536};

static void dirty_pages_everywhere(void) {
  for (size_t i = 0; i < 4; i++) dirty_pages(keep_resident[i]);
}

TEST(every_dirty_page_is_found) { dirty_pages_everywhere(); }

static void without_the_scan(void) {
  if (refuse_calls(REFUSE_PAGEMAP_SCAN)) dirty_pages_everywhere();
}

TEST(every_dirty_page_is_found_without_the_scan) {
  NEEDS_REFUSED_CALLS();
  in_child(without_the_scan);
}

/* ---- buffers ---- */

TEST(every_buffer_is_detached) {
  for (int which = 0; which < 3; which++) { /* to zeros, to the same size, to a larger one */
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(9)));
    CHECK_STATUS(wasm_memory_grow(memory, 2, NULL), WASM_MEMORY_OK);
    wasm_memory_image_t *snapshot = snapshot_of(memory);
    if (which == 2) CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
    for (int resizable = 0; resizable < 2; resizable++) {
      wasm_memory_buffer_t *fixed = fixed_of(memory), *buffer = resizable == 1 ? resizable_of(memory) : wasm_memory_buffer_retain(fixed);
      CHECK_STATUS(wasm_memory_reset(memory, which == 0 ? NULL : snapshot), WASM_MEMORY_OK);
      CHECK(wasm_memory_buffer_is_detached(buffer) && wasm_memory_buffer_is_detached(fixed));
      CHECK_U64(wasm_memory_buffer_byte_length(buffer), 0);
      CHECK_POINTER(wasm_memory_buffer_data(buffer), NULL);
      CHECK_FAILS(wasm_memory_buffer_resize(buffer, 5 * PAGE), WASM_MEMORY_TYPE_ERROR,
                  resizable == 1 ? WASM_MEMORY_REASON_DETACHED : WASM_MEMORY_REASON_BUFFER_KIND);
      wasm_memory_buffer_t *next = buffer_of(memory);
      CHECK(next != buffer && next != fixed);
      CHECK(!wasm_memory_buffer_is_detached(next));
      CHECK_U64(wasm_memory_buffer_byte_length(next), (which == 0 ? 1 : 3) * PAGE);
      CHECK_POINTER(wasm_memory_buffer_data(next), wasm_memory_data(memory));
      wasm_memory_buffer_delete(next);
      wasm_memory_buffer_delete(buffer);
      wasm_memory_buffer_delete(fixed);
    }
    wasm_memory_image_delete(snapshot);
    wasm_memory_delete(memory);
  }
}

/* A pointer from a held buffer: what is still there can be used, what the reset cut off faults. */
TEST(held_pointer_faults_past_the_new_size) {
  NEEDS_STEADY_BASE();
  for (uint32_t slots = 0; slots < 2; slots++) {
    wasm_memory_config_t *config = config_new();
    if (slots > 0) wasm_memory_config_set_pool(config, slots, 16 * PAGE);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(2)));
    CHECK_STATUS(wasm_memory_grow(memory, 8, NULL), WASM_MEMORY_OK);
    wasm_memory_buffer_t *buffer = buffer_of(memory);
    uint8_t *bytes = wasm_memory_buffer_data(buffer);
    memset(bytes, 0x27, 10 * PAGE);
    CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
    CHECK(is_body(bytes) && is_body(bytes + 2 * PAGE - 1));
    CHECK(is_out_of_reach(bytes + 2 * PAGE) && is_out_of_reach(bytes + 10 * PAGE - 1));
    CHECK(is_guarded(bytes + 2 * PAGE, bytes + 10 * PAGE));
    wasm_memory_delete(memory);
    CHECK(is_body(bytes) && is_body(bytes + 2 * PAGE - 1));
    CHECK(is_out_of_reach(bytes + 2 * PAGE));
    wasm_memory_buffer_delete(buffer);
    wasm_memory_allocator_delete(allocator);
  }
}

/* ---- refusals ---- */

/* Size, bytes and buffers are what they were. */
static void check_nothing_lost(const char *file, int line, wasm_memory_t *memory, wasm_memory_image_t *image, uint32_t reason) {
  const uint64_t size = wasm_memory_size(memory);
  wasm_memory_buffer_t *buffer = buffer_of(memory);
  written(memory, 0x42);
  harness_fails(file, line, "reset", HARNESS_CALL(wasm_memory_reset(memory, image)), WASM_MEMORY_RANGE_ERROR, reason);
  harness_u64(file, line, "size", wasm_memory_size(memory), size);
  harness_true(file, line, "bytes", all_are(wasm_memory_data(memory), 0x42, wasm_memory_byte_length(memory)));
  harness_true(file, line, "buffer", current(memory) == buffer && !wasm_memory_buffer_is_detached(buffer));
  check_shut(file, line, memory);
  wasm_memory_buffer_delete(buffer);
}
#define CHECK_REFUSED(memory, image, cause) check_nothing_lost(__FILE__, __LINE__, (memory), (image), WASM_MEMORY_REASON_##cause)

static wasm_memory_image_t *snapshot_of_type(wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = written(created(type), 0x77);
  wasm_memory_image_t *snapshot = snapshot_of(memory);
  wasm_memory_delete(memory);
  return snapshot;
}

TEST(within_the_maximum) {
  wasm_memory_image_t *snapshot = snapshot_of_type(TYPE(.initial = PAGES(4)));
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(3))), *wider = created(TYPE(.initial = PAGES(1), .maximum = PAGES(4)));
  CHECK_REFUSED(memory, snapshot, MAXIMUM_EXCEEDED);
  CHECK_STATUS(wasm_memory_reset(wider, snapshot), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(wider), 0x77, 4 * PAGE));
  wasm_memory_delete(wider);
  wasm_memory_delete(memory);
  wasm_memory_image_delete(snapshot);
}

TEST(within_limits_of_the_allocator) {
  wasm_memory_image_t *snapshot = snapshot_of_type(TYPE(.initial = PAGES(4)));
  wasm_memory_config_t *limited = config_new(), *slots = config_new();
  wasm_memory_config_set_size_limit(limited, 3 * PAGE);
  wasm_memory_config_set_pool(slots, 1, 3 * PAGE);
  wasm_memory_allocator_t *allocators[] = {allocator_of(limited), allocator_of(slots)};
  wasm_memory_t *memories[] = {created_in(allocators[0], TYPE(.initial = PAGES(1))), created_in(allocators[1], TYPE(.initial = PAGES(1)))};
  CHECK_REFUSED(memories[0], snapshot, SIZE_LIMIT);
  CHECK_REFUSED(memories[1], snapshot, SLOT_SIZE);
  for (int i = 0; i < 2; i++) {
    wasm_memory_delete(memories[i]);
    wasm_memory_allocator_delete(allocators[i]);
  }
  wasm_memory_image_delete(snapshot);
}

/* Another address type or page size, and an image that lies past the created size. */
TEST(images_that_do_not_fit) {
  wasm_memory_image_t *wide = snapshot_of_type(TYPE(.initial = PAGES(1), .address = I64)), *image = pattern_image(2, PAGE - 1, 1);
  wasm_memory_image_t *bytes = snapshot_of_type(TYPE(.initial = PAGES(PAGE), .page_size = 1));
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  CHECK_REFUSED(memory, wide, IMAGE_DOES_NOT_FIT);
  CHECK_REFUSED(memory, bytes, IMAGE_DOES_NOT_FIT);
  CHECK_REFUSED(memory, image, IMAGE_DOES_NOT_FIT);
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK_REFUSED(memory, image, IMAGE_DOES_NOT_FIT); /* the size that it was created with is what counts */
  wasm_memory_delete(memory);
  wasm_memory_image_delete(bytes);
  wasm_memory_image_delete(image);
  wasm_memory_image_delete(wide);
}

static void refused_by_the_host_in_child(void) {
  wasm_memory_image_t *snapshot = snapshot_of_type(TYPE(.initial = PAGES(1000)));
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1)));
  limit(RLIMIT_DATA, process_bytes("VmData") + 4 * MIB);
  CHECK_REFUSED(memory, snapshot, COMMIT);
  limit(RLIMIT_DATA, UINT64_MAX);
  CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK);
  CHECK(all_are(wasm_memory_data(memory), 0x77, 1000 * PAGE));
  wasm_memory_delete(memory);
  wasm_memory_image_delete(snapshot);
}

TEST(refused_by_the_host) {
  NEEDS_STEADY_BASE();
  NEEDS_HOST_COUNTS();
  in_child(refused_by_the_host_in_child);
}

HARNESS_MAIN(LISTED(to_zeros_at_the_created_size), LISTED(in_place), LISTED(between_images), LISTED(every_dirty_page_is_found),
             LISTED(every_dirty_page_is_found_without_the_scan), LISTED(every_buffer_is_detached), LISTED(held_pointer_faults_past_the_new_size),
             LISTED(within_the_maximum), LISTED(within_limits_of_the_allocator), LISTED(images_that_do_not_fit), LISTED(refused_by_the_host))
