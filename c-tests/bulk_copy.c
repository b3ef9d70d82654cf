/* Copies against a model that is too simple to be wrong: overlapping, between memories of every sort, large (semantics.md A.10, A.13). */
#include "fixtures.h"

static unsigned scaled(unsigned full) { return getenv("WASM_MEMORY_TEST_SHORT") != NULL ? full / 20 : full; }

/* xorshift64*: the same numbers in every run. */
static uint64_t random_state = UINT64_C(0x9E3779B97F4A7C15);
static uint64_t random_u64(void) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * UINT64_C(0x2545F4914F6CDD1D);
}
static uint64_t below(uint64_t bound) { return random_u64() % bound; }

/* A memory and what its bytes should be. */
typedef struct modelled {
  wasm_memory_t *memory;
  uint8_t *bytes;
  uint64_t length;
} modelled;

static modelled modelled_as(wasm_memory_descriptor_t type) {
  modelled made = {.memory = created(type)};
  made.length = wasm_memory_byte_length(made.memory);
  made.bytes = malloc((size_t)made.length + 1);
  REQUIRE(made.bytes != NULL);
  for (uint64_t i = 0; i < made.length; i++) made.bytes[i] = (uint8_t)random_u64();
  CHECK_STATUS(wasm_memory_write(made.memory, 0, made.bytes, (size_t)made.length), WASM_MEMORY_OK);
  return made;
}

static bool is_as_modelled(const modelled *it) { return memcmp(wasm_memory_data(it->memory), it->bytes, (size_t)it->length) == 0; }

static void done_with(modelled *it) {
  wasm_memory_delete(it->memory);
  free(it->bytes);
}

static bool fits(const modelled *it, uint64_t index, uint64_t length) { return index <= it->length && length <= it->length - index; }

/* The model: take everything out, then put everything in. */
static bool model_copy(modelled *to, uint64_t to_index, const modelled *from, uint64_t from_index, uint64_t length) {
  static uint8_t taken[1 << 20];
  if (!fits(to, to_index, length) || !fits(from, from_index, length)) return false;
  REQUIRE(length <= sizeof taken);
  for (uint64_t i = 0; i < length; i++) taken[i] = from->bytes[from_index + i];
  for (uint64_t i = 0; i < length; i++) to->bytes[to_index + i] = taken[i];
  return true;
}

static void check_copy(modelled *to, uint64_t to_index, modelled *from, uint64_t from_index, uint64_t length) {
  const bool copied = model_copy(to, to_index, from, from_index, length);
  const wasm_memory_status_t status = wasm_memory_bulk_copy(to->memory, to_index, from->memory, from_index, length);
  const bool right = status == (copied ? WASM_MEMORY_OK : WASM_MEMORY_RUNTIME_ERROR) && is_as_modelled(to) && is_as_modelled(from);
  CHECK(right);
  if (!right)
    fprintf(stderr, "  %" PRIu64 " bytes from %" PRIu64 " of %" PRIu64 " to %" PRIu64 " of %" PRIu64 ": %s\n", length, from_index, from->length,
            to_index, to->length, wasm_memory_status_name(status));
}

static const wasm_memory_descriptor_t types[] = {
    {.initial = {1, true}},
    {.initial = {2, true}, .maximum = {2, true}, .shared = true},
    {.initial = {1, true}, .address = WASM_MEMORY_ADDRESS_I64},
    {.initial = {100003, true}, .page_size = 1},
    {.initial = {4097, true}, .maximum = {5000, true}, .page_size = 1, .shared = true, .address = WASM_MEMORY_ADDRESS_I64},
    {.initial = {61, true}, .page_size = 1},
    {.initial = {0, true}},
};
enum { TYPES = sizeof types / sizeof types[0], TINY = 20 };

/* Every copy there is in and between two memories of 20 bytes, those included that do not fit by one or two bytes. */
TEST(every_small_copy) {
  modelled first = modelled_as(TYPE(.initial = PAGES(TINY), .page_size = 1));
  modelled second = modelled_as(TYPE(.initial = PAGES(TINY), .maximum = PAGES(TINY), .page_size = 1, .shared = true, .address = I64));
  for (uint64_t to = 0; to <= TINY + 1; to++)
    for (uint64_t from = 0; from <= TINY + 1; from++)
      for (uint64_t length = 0; length <= TINY + 1; length++) {
        check_copy(&first, to, &first, from, length);
        check_copy(&second, to, &second, from, length);
        check_copy(&first, to, &second, from, length);
        /* Ever the same bytes would hide ever the same mistake. */
        first.bytes[length % TINY] = wasm_memory_data(first.memory)[length % TINY] = (uint8_t)random_u64();
        second.bytes[from % TINY] = wasm_memory_data(second.memory)[from % TINY] = (uint8_t)random_u64();
      }
  done_with(&second);
  done_with(&first);
}

/* Short and long alike, mostly near each other where both are in one memory, and now and then past the end. */
static void random_copies(modelled *all, int count, unsigned rounds) {
  for (unsigned i = 0; i < rounds; i++) {
    modelled *to = &all[below((uint64_t)count)], *from = below(2) == 0 ? to : &all[below((uint64_t)count)];
    uint64_t length = below(UINT64_C(1) << below(18)), from_index = below(from->length + 1), to_index = below(to->length + 1);
    if (to == from && below(2) == 0) to_index = from_index + below(2 * length + 1) - length; /* before byte 0 it is far past the end */
    if (below(8) != 0) {
      const uint64_t room = fits(to, to_index, 0) ? to->length - to_index : 0, other_room = from->length - from_index;
      if (length > room) length = room;
      if (length > other_room) length = other_room;
    }
    check_copy(to, to_index, from, from_index, length);
  }
}

TEST(random_copies_within) {
  for (int i = 0; i < TYPES; i++) {
    modelled one = modelled_as(types[i]);
    random_copies(&one, 1, scaled(2000));
    done_with(&one);
  }
}

TEST(random_copies_between) {
  modelled all[TYPES];
  for (int i = 0; i < TYPES; i++) all[i] = modelled_as(types[i]);
  random_copies(all, TYPES, scaled(10000));
  for (int i = 0; i < TYPES; i++) CHECK(is_as_modelled(&all[i]));
  for (int i = 0; i < TYPES; i++) done_with(&all[i]);
}

/* The caller's bytes may be the memory's own: whoever has a pointer into it can pass that. */
TEST(bytes_of_the_memory_itself) {
  modelled one = modelled_as(TYPE(.initial = PAGES(300), .page_size = 1));
  uint8_t *bytes = wasm_memory_data(one.memory);
  for (uint64_t to = 0; to <= 200; to += 3) {
    memmove(one.bytes + to, one.bytes + 100, 100);
    CHECK_STATUS(wasm_memory_write(one.memory, to, bytes + 100, 100), WASM_MEMORY_OK);
    CHECK(is_as_modelled(&one));
    memmove(one.bytes + to, one.bytes + 90, 100);
    CHECK_STATUS(wasm_memory_read(one.memory, 90, bytes + to, 100), WASM_MEMORY_OK);
    CHECK(is_as_modelled(&one));
    memmove(one.bytes + to, one.bytes + 110, 100);
    CHECK_STATUS(wasm_memory_bulk_init(one.memory, to, bytes, 300, 110, 100), WASM_MEMORY_OK);
    CHECK(is_as_modelled(&one));
  }
  done_with(&one);
}

/* All operations in turn, as a program would mix them. */
static void check_random_operation(modelled *it) {
  static uint8_t bytes[1 << 17];
  const uint64_t index = below(it->length + 1), room = it->length - index;
  const uint64_t length = below(8) == 0 ? room + 1 : below((room < sizeof bytes ? room : sizeof bytes) + 1);
  const bool inside = fits(it, index, length);
  const uint8_t value = (uint8_t)random_u64();
  if (length > sizeof bytes) return;
  for (uint64_t i = 0; i < length; i++) bytes[i] = (uint8_t)(value + i * 5);
  wasm_memory_status_t status = WASM_MEMORY_OK;
  switch (below(4)) {
    case 0:
      status = wasm_memory_bulk_fill(it->memory, index, value, length);
      if (inside) memset(it->bytes + index, value, (size_t)length);
      break;
    case 1:
      status = wasm_memory_write(it->memory, index, bytes, (size_t)length);
      if (inside) memcpy(it->bytes + index, bytes, (size_t)length);
      break;
    case 2:
      status = wasm_memory_bulk_init(it->memory, index, bytes, sizeof bytes, sizeof bytes - (size_t)length, length);
      if (inside) memcpy(it->bytes + index, bytes + sizeof bytes - length, (size_t)length);
      break;
    default:
      status = wasm_memory_read(it->memory, index, bytes, (size_t)length);
      if (inside) CHECK(memcmp(bytes, it->bytes + index, (size_t)length) == 0);
      break;
  }
  CHECK_STATUS(status, inside ? WASM_MEMORY_OK : WASM_MEMORY_RUNTIME_ERROR);
  CHECK(is_as_modelled(it));
}

TEST(random_operations) {
  modelled all[TYPES];
  for (int i = 0; i < TYPES; i++) all[i] = modelled_as(types[i]);
  for (unsigned i = 0; i < scaled(4000); i++) check_random_operation(&all[below(TYPES)]);
  for (int i = 0; i < TYPES; i++) done_with(&all[i]);
}

/* Which byte stands at an index of the large memories; no two neighbouring megabytes look alike. */
static uint8_t pattern(uint64_t index) { return (uint8_t)(index ^ index >> 8 ^ (index >> 16) * 37); }

static uint64_t unlike_pattern(const uint8_t *bytes, uint64_t length, uint64_t first) {
  uint64_t differing = 0;
  for (uint64_t i = 0; i < length; i++) differing += bytes[i] != pattern(first + i);
  return differing;
}

TEST(large_copies) {
  const uint64_t mib = UINT64_C(1) << 20, length = (getenv("WASM_MEMORY_TEST_SHORT") != NULL ? 4 : 32) * mib;
  const uint64_t shifts[] = {1, 63, 4096, 65537, mib + 3};
  wasm_memory_t *from = created(TYPE(.initial = PAGES(length * 2 / PAGE), .address = I64));
  wasm_memory_t *to = created(TYPE(.initial = PAGES(length + 5), .maximum = PAGES(length + 5), .page_size = 1, .shared = true));
  uint8_t *source = wasm_memory_data(from), *target = wasm_memory_data(to);
  for (uint64_t i = 0; i < length; i++) source[i] = pattern(i);
  CHECK_STATUS(wasm_memory_bulk_copy(to, 5, from, 0, length), WASM_MEMORY_OK);
  CHECK(all_zero(target, 5));
  CHECK_U64(unlike_pattern(target + 5, length, 0), 0);
  uint64_t at = 0;
  for (int i = 0; i < 5; i++) { /* up, where a copy from the front would meet its own bytes */
    CHECK_STATUS(wasm_memory_bulk_copy(from, at + shifts[i], from, at, length), WASM_MEMORY_OK);
    at += shifts[i];
    CHECK_U64(unlike_pattern(source + at, length, 0), 0);
  }
  for (int i = 0; i < 5; i++) { /* and down again */
    CHECK_STATUS(wasm_memory_bulk_copy(from, at - shifts[i], from, at, length), WASM_MEMORY_OK);
    at -= shifts[i];
    CHECK_U64(unlike_pattern(source + at, length, 0), 0);
  }
  CHECK_STATUS(wasm_memory_bulk_copy(from, 0, to, 0, length + 6), WASM_MEMORY_RUNTIME_ERROR);
  CHECK_U64(unlike_pattern(source, length, 0), 0);
  wasm_memory_delete(to);
  wasm_memory_delete(from);
}

HARNESS_MAIN(LISTED(every_small_copy), LISTED(random_copies_within), LISTED(random_copies_between), LISTED(bytes_of_the_memory_itself),
             LISTED(random_operations), LISTED(large_copies))
