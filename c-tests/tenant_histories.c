/* Random histories of one tenant, then the next one looks at every byte that it may read and asks the kernel for every page that it
 * may not (process_vm_readv answers EFAULT, no signal): in every kind of place, by the fast ways and with each of them denied
 * (reliability.md, rows 32 to 34). The same histories in every run. */
#define _GNU_SOURCE
#include <sys/uio.h>

#include "buffers.h"
#include "denied.h"
#include "process.h"
#include "tenants.h"

enum { MOST = 16, /* pages of a tenant, and of a slot */ IMAGES = 4, OPERATIONS = 6 };

typedef struct place { uint32_t bounds, slots; uint64_t keep_resident; bool movable; } place;
static const place places[] = {{0, 0, 0, false}, {0, 0, 100000, false}, {0, 0, UINT64_C(1) << 40, false}, {0, 1, 0, false}, {0, 1, 100000, false},
                               {0, 1, UINT64_C(1) << 40, false}, {1, 0, 100000, false}, {1, 1, 100000, false}, {1, 1, 0, false},
                               {0, 0, 100000, true}, {1, 0, 0, true}};
enum { PLACES = sizeof places / sizeof places[0] };

static tenant_image images[IMAGES];
static uint64_t state, pairs, bytes_scanned, pages_probed;

static uint64_t below(uint64_t bound) { /* xorshift64 */
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 11) % bound;
}

static wasm_memory_allocator_t *allocator_at(place where) {
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_bounds(config, where.bounds);
  if (where.slots > 0) wasm_memory_config_set_pool(config, where.slots, MOST * PAGE);
  else wasm_memory_config_set_reservation(config, where.movable ? 2 * PAGE : MOST * PAGE);
  wasm_memory_config_set_movable(config, where.movable);
  wasm_memory_config_set_keep_resident(config, where.keep_resident);
  return allocator_of(config);
}

/* ---- the look of the next one ---- */

static bool kernel_reads(const uint8_t *address) {
  uint8_t byte;
  struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)address, 1};
  pages_probed++;
  return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1;
}

/* Everything up to the end of the guard: its image, zeros, and no access; zeros where CHECKED bounds leave more open. */
static void look_at_everything(const wasm_memory_t *memory, const tenant_image *image) {
  const uint8_t *bytes = wasm_memory_data(memory);
  const wasm_memory_layout_t layout = layout_of(memory);
  const uint64_t length = wasm_memory_byte_length(memory), open = length == 0 ? 0 : rounded_to_host_page(length);
  const uint64_t end = image->length == 0 ? 0 : image->index + image->length, index = image->length == 0 ? 0 : image->index;
  CHECK(all_are(bytes, 0, index));
  CHECK(is_pattern(bytes + index, image->length, image->seed));
  CHECK(all_are(bytes + end, 0, open - end));
  bytes_scanned += open;
  uint64_t open_behind = 0, foreign = 0;
  for (uint64_t at = open; at < layout.reservation + layout.guard_after; at += host_page()) {
    if (!kernel_reads(bytes + at)) continue;
    open_behind++;
    if (at >= layout.reservation || !all_are(bytes + at, 0, host_page())) foreign++;
    bytes_scanned += host_page();
  }
  for (uint64_t at = host_page(); at <= layout.guard_before; at += host_page()) foreign += kernel_reads(bytes - at);
  if (layout.exact_protection) CHECK_U64(open_behind, 0);
  CHECK_U64(foreign, 0);
}

/* ---- the life of one ---- */

static void write_somewhere(wasm_memory_t *memory) {
  const uint64_t length = wasm_memory_byte_length(memory);
  uint8_t *bytes = wasm_memory_data(memory);
  switch (below(3)) {
    case 0: tenant_writes(memory); break;
    case 1: /* a page here and there */
      for (int i = 0; i < 5 && length > 0; i++) memset(bytes + below(length), TENANT_BYTE, 1);
      break;
    default: /* a run */
      if (length > 0) {
        const uint64_t at = below(length);
        memset(bytes + at, TENANT_BYTE, (size_t)below(length - at) + 1);
      }
  }
}

static const tenant_image *random_image(uint64_t pages) { return pages < 2 ? &tenant_no_image : &images[below(IMAGES)]; }

static void live(wasm_memory_t *memory, uint64_t created) {
  wasm_memory_image_t *snapshot = NULL;
  wasm_memory_buffer_t *held = NULL;
  for (uint64_t step = below(OPERATIONS) + 1; step > 0; step--) {
    const uint64_t size = wasm_memory_size(memory);
    write_somewhere(memory);
    switch (below(8)) {
      case 0: case 1: wasm_memory_grow(memory, below(MOST - size + 1), NULL); break;
      case 2: CHECK_STATUS(wasm_memory_reset(memory, random_image(created)->image), WASM_MEMORY_OK); break;
      case 3: CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK); break;
      case 4:
        if (size > 0) CHECK_STATUS(wasm_memory_discard(memory, below(size) * PAGE, PAGE), WASM_MEMORY_OK);
        break;
      case 5:
        wasm_memory_image_delete(snapshot);
        snapshot = snapshot_of(memory);
        break;
      case 6:
        wasm_memory_buffer_delete(held);
        held = buffer_of(memory);
        break;
      default: /* locked or advised pages are mappings of their own, and the kernel drops no locked ones */
        if (size > 0) {
          uint8_t *page = wasm_memory_data(memory) + below(size) * PAGE;
          if (below(2) == 0) (void)!mlock(page, (size_t)host_page());
          else madvise(page, (size_t)host_page(), MADV_RANDOM);
        }
    }
  }
  write_somewhere(memory);
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(memory);
  if (held != NULL && !wasm_memory_buffer_is_detached(held)) memset(wasm_memory_buffer_data(held), TENANT_BYTE, (size_t)wasm_memory_buffer_byte_length(held));
  wasm_memory_buffer_delete(held);
}

static wasm_memory_t *next_tenant(wasm_memory_allocator_t *allocator, uint64_t *created) {
  const uint64_t pages = below(MOST / 2 + 1), last = pages + below(MOST - pages + 1);
  const tenant_image *image = random_image(pages);
  wasm_memory_t *memory = created_from(allocator, image->image, TYPE(.initial = PAGES(pages), .maximum = PAGES(MOST)));
  const unsigned long failures = harness_failures;
  *created = pages;
  look_at_everything(memory, image);
  tenant_grows(__FILE__, __LINE__, memory, last);
  look_at_everything(memory, image);
  if (harness_failures != failures)
    fprintf(stderr, "  pair %" PRIu64 ": %" PRIu64 " to %" PRIu64 " pages, image of %" PRIu64 " bytes\n", pairs, pages, last, image->length);
  pairs++;
  return memory;
}

static void histories(uint64_t seed, uint64_t rounds) {
  pairs = bytes_scanned = pages_probed = 0;
  images[0] = tenant_image_of(2 * PAGE, 0, 1);
  images[1] = tenant_image_of(70001, 100, 2);
  images[2] = tenant_image_of(4096, 8192, 3);
  images[3] = (tenant_image){.image = NULL};
  for (size_t i = 0; i < PLACES; i++) {
    const unsigned long failures = harness_failures;
    wasm_memory_allocator_t *allocator = allocator_at(places[i]);
    state = seed + i + 1;
    for (uint64_t round = 0; round < rounds; round++) {
      uint64_t created;
      wasm_memory_t *memory = next_tenant(allocator, &created);
      live(memory, created);
    }
    CHECK_U64(stats_of(allocator).memories, 0);
    wasm_memory_allocator_delete(allocator);
    if (harness_failures != failures)
      fprintf(stderr, "  bounds %u, slots %u, keep_resident %" PRIu64 ", movable %d\n", places[i].bounds, places[i].slots, places[i].keep_resident,
              places[i].movable);
  }
  for (size_t i = 0; i < IMAGES; i++) wasm_memory_image_delete(images[i].image);
  printf("%" PRIu64 " pairs, %" PRIu64 " MiB scanned, %" PRIu64 " pages probed\n", pairs, bytes_scanned >> 20, pages_probed);
}

static uint64_t scaled(uint64_t full) { return getenv("WASM_MEMORY_TEST_SHORT") != NULL ? full / 10 + 1 : full; }

TEST(by_the_fast_ways) {
  const uint64_t rounds = scaled(190);
  histories(0x7E4A, rounds);
  CHECK(pairs == rounds * PLACES);
  CHECK(bytes_scanned >= pairs * 512 * 1024);
}

/* ---- with each fast way denied, and with several ---- */

static unsigned refused_ones;
static const long *denied_ones;
static int denied_errno;

static void histories_under_refusal(void) {
  REQUIRE(refuse_calls(refused_ones));
  histories(refused_ones, scaled(12));
}

static void refuse(unsigned which) {
  refused_ones = which;
  in_child(histories_under_refusal);
}

TEST(without_madvise) {
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_MADVISE);
}

TEST(without_pagemap_scan) {
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_PAGEMAP_SCAN);
}

TEST(without_memory_files) {
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_MEMFD);
}

TEST(without_fixed_mappings) {
  NEEDS_REFUSED_MAPPINGS();
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_FIXED_MAPPING);
}

TEST(with_writing_alone) {
  NEEDS_REFUSED_MAPPINGS();
  NEEDS_REFUSED_CALLS();
  refuse(REFUSE_MADVISE | REFUSE_FIXED_MAPPING);
  refuse(REFUSE_MADVISE | REFUSE_PAGEMAP_SCAN | REFUSE_MEMFD | REFUSE_FIXED_MAPPING);
}

static void histories_under_denial(void) {
  REQUIRE(deny(denied_ones, denied_errno));
  histories((uint64_t)denied_ones[0], scaled(12));
}

TEST(without_mremap_seals_or_questions) {
  NEEDS_REFUSED_MAPPINGS();
  static const long calls[][3] = {{SYS_mremap, -1}, {SYS_fcntl, -1}, {SYS_ioctl, -1}, {SYS_ftruncate, -1}, {SYS_pwrite64, -1}, {SYS_mremap, SYS_ioctl, -1}};
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    denied_ones = calls[i];
    denied_errno = i % 2 == 0 ? EPERM : ENOSYS;
    in_child(histories_under_denial);
  }
}

/* ---- the test of the test: what a former tenant could leave is planted ---- */

static void a_byte_is_left(void) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .maximum = PAGES(4)));
  wasm_memory_data(memory)[2 * PAGE - 1] = TENANT_BYTE;
  look_at_everything(memory, &tenant_no_image);
}

static void a_page_is_left_open(void) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2), .maximum = PAGES(4)));
  REQUIRE(mprotect(wasm_memory_data(memory) + 3 * PAGE, (size_t)host_page(), PROT_READ) == 0);
  look_at_everything(memory, &tenant_no_image);
}

static void an_image_is_left(void) {
  const tenant_image image = tenant_image_of(4096, 8192, 3);
  wasm_memory_t *memory = created_from(NULL, image.image, TYPE(.initial = PAGES(2), .maximum = PAGES(4)));
  look_at_everything(memory, &tenant_no_image);
}

static void bytes_are_left_past_the_length(void) {
  wasm_memory_allocator_t *allocator = allocator_at((place){1, 1, 0, false});
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(MOST)));
  uint8_t *behind = wasm_memory_data(memory) + 3 * PAGE;
  if (can_write(behind)) *behind = TENANT_BYTE;
  else CHECK(false); /* nothing is open there: nothing to notice */
  look_at_everything(memory, &tenant_no_image);
}

TEST(what_is_left_is_noticed) {
  CHECK(fails_in_child(a_byte_is_left));
  CHECK(fails_in_child(an_image_is_left));
  CHECK(fails_in_child(bytes_are_left_past_the_length));
  NEEDS_STEADY_BASE();
  CHECK(fails_in_child(a_page_is_left_open));
}

HARNESS_MAIN(LISTED(by_the_fast_ways), LISTED(without_madvise), LISTED(without_pagemap_scan), LISTED(without_memory_files),
             LISTED(without_fixed_mappings), LISTED(with_writing_alone), LISTED(without_mremap_seals_or_questions), LISTED(what_is_left_is_noticed))
