/* A host that does not overcommit (vm.overcommit_memory is 2): reservations are free, what is open is charged, and what memories leave
 * is charged no more. `cargo xtask check overcommit` switches the host over, and back.
 *
 * The charge is that of the whole machine: amounts of a gibibyte, of which other programs may take or give a quarter meanwhile. */
#include "allocators.h"
#include "process.h"

enum { GIBIBYTE_PAGES = 16384 };
#define NOISE (GIB / 4)

static uint64_t meminfo(const char *name) { return told_bytes("/proc/meminfo", name); }

static uint64_t before;

static void begin(void) {
  int mode = 0;
  FILE *file = fopen("/proc/sys/vm/overcommit_memory", "r");
  REQUIRE(file != NULL && fscanf(file, "%d", &mode) == 1);
  fclose(file);
  CHECK_U64((uint64_t)mode, 2);
  before = meminfo("Committed_AS");
}

/* So much is charged for this process since `begin`. */
static void check_charged(const char *file, int line, uint64_t least, uint64_t most) {
  const uint64_t now = meminfo("Committed_AS");
  const bool is_so = now + NOISE >= before + least && now <= before + most + NOISE;
  harness_true(file, line, "charged", is_so);
  if (!is_so) fprintf(stderr, "  charged %" PRId64 " MiB, expected %" PRIu64 "\n", ((int64_t)now - (int64_t)before) / (1 << 20), most >> 20);
}
#define CHECK_CHARGED(bytes) check_charged(__FILE__, __LINE__, (bytes), (bytes))

TEST(reservations_are_free_and_growth_is_charged) {
  begin();
  wasm_memory_t *memories[8];
  for (int i = 0; i < 8; i++) memories[i] = created(TYPE(.initial = PAGES(1), .maximum = PAGES(65536)));
  CHECK(layout_of(memories[0]).reservation >= 4 * GIB);
  CHECK_CHARGED(0);
  CHECK_STATUS(wasm_memory_grow(memories[3], GIBIBYTE_PAGES, NULL), WASM_MEMORY_OK);
  CHECK_CHARGED(GIB); /* though nothing was touched */
  for (int i = 0; i < 8; i++) wasm_memory_delete(memories[i]);
  CHECK_CHARGED(0); /* what is kept for reuse is not charged */
  wasm_memory_t *again = created(TYPE(.initial = PAGES(1)));
  CHECK(all_are(wasm_memory_data(again), 0, PAGE));
  CHECK_CHARGED(0);
  wasm_memory_delete(again);
}

TEST(growth_past_the_limit_is_refused) {
  begin();
  const uint64_t limit = meminfo("CommitLimit");
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .address = I64, .maximum = PAGES(1 << 20)));
  wasm_memory_data(memory)[0] = 7;
  uint64_t previous = 0, size = 1;
  wasm_memory_status_t status;
  while ((status = wasm_memory_grow(memory, GIBIBYTE_PAGES, &previous)) == WASM_MEMORY_OK) {
    CHECK_U64(previous, size);
    size += GIBIBYTE_PAGES;
    REQUIRE(size * PAGE < limit + 2 * GIB);
  }
  const wasm_memory_error_t error = RANGE_FAILS(wasm_memory_grow(memory, GIBIBYTE_PAGES, &previous), COMMIT);
  CHECK_U64((uint64_t)error.os_error, ENOMEM);
  CHECK(error.requested >= GIB);
  CHECK_U64(wasm_memory_size(memory), size); /* what it had it has */
  CHECK(wasm_memory_data(memory)[0] == 7);
  CHECK(is_out_of_reach(wasm_memory_data(memory) + size * PAGE));
  RANGE_FAILS(refused(TYPE(.initial = PAGES(2 * GIBIBYTE_PAGES))), COMMIT);
  CHECK_CHARGED((size - 1) * PAGE);
  CHECK_STATUS(wasm_memory_grow(memory, 16, &previous), WASM_MEMORY_OK); /* as much as there is room for */
  wasm_memory_delete(memory);
  CHECK_CHARGED(0);
}

TEST(a_pool_is_charged_for_its_tenants_only) {
  for (int checked = 0; checked < 2; checked++) {
    begin();
    wasm_memory_config_t *config = config_new();
    wasm_memory_config_set_pool(config, 4, 2 * GIB);
    if (checked == 1) wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
    wasm_memory_allocator_t *allocator = allocator_of(config);
    CHECK_CHARGED(0);
    wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(GIBIBYTE_PAGES)));
    CHECK_CHARGED(GIB);
    memset(wasm_memory_data(memory), 0xD5, 64 * PAGE);
    wasm_memory_delete(memory);
    CHECK_CHARGED(0);
    memory = created_in(allocator, TYPE(.initial = PAGES(64)));
    CHECK(all_are(wasm_memory_data(memory), 0, 64 * PAGE));
    CHECK_CHARGED(0);
    wasm_memory_delete(memory);
    wasm_memory_allocator_delete(allocator);
    CHECK_CHARGED(0);
  }
}

/* Growth opens as much again, so that most growths open nothing. */
TEST(checked_memories_open_no_more_than_twice_what_they_have) {
  begin();
  wasm_memory_config_t *config = config_new();
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
  wasm_memory_config_set_reservation(config, 4 * GIB);
  wasm_memory_allocator_t *allocator = allocator_of(config);
  wasm_memory_t *memory = created_in(allocator, TYPE(.initial = PAGES(1), .maximum = PAGES(65536)));
  CHECK_CHARGED(0);
  CHECK_STATUS(wasm_memory_grow(memory, GIBIBYTE_PAGES, NULL), WASM_MEMORY_OK);
  check_charged(__FILE__, __LINE__, GIB, 2 * GIB);
  wasm_memory_delete(memory);
  wasm_memory_allocator_delete(allocator);
  CHECK_CHARGED(0);
}

TEST(a_reset_gives_the_charge_back) {
  begin();
  wasm_memory_image_t *image = pattern_image(PAGE, 0, 3);
  wasm_memory_t *memory = created_from(NULL, image, TYPE(.initial = PAGES(2), .maximum = PAGES(65536)));
  CHECK_STATUS(wasm_memory_grow(memory, GIBIBYTE_PAGES, NULL), WASM_MEMORY_OK);
  memset(wasm_memory_data(memory), 0xD5, 32 * PAGE);
  CHECK_CHARGED(GIB);
  CHECK_STATUS(wasm_memory_reset(memory, image), WASM_MEMORY_OK);
  CHECK(is_pattern(wasm_memory_data(memory), PAGE, 3) && all_are(wasm_memory_data(memory) + PAGE, 0, PAGE));
  CHECK_CHARGED(0);
  wasm_memory_delete(memory);
  wasm_memory_image_delete(image);
}

HARNESS_MAIN(LISTED(reservations_are_free_and_growth_is_charged), LISTED(growth_past_the_limit_is_refused),
             LISTED(a_pool_is_charged_for_its_tenants_only), LISTED(checked_memories_open_no_more_than_twice_what_they_have),
             LISTED(a_reset_gives_the_charge_back))
