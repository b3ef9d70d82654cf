/* Loads and stores of wasm_memory_access.h (semantics.md A.10). */
#include "access_model.h"

#include <float.h>

static _Alignas(16) uint8_t bytes[32];
static wasm_memory_view_t view = {bytes, sizeof bytes};

TEST(each_function_against_the_model) {
  check_plain_against_model();
}

TEST(loads_are_little_endian_and_extend) {
  uint32_t i32 = 0;
  uint64_t i64 = 0;
  memcpy(bytes, "\x81\x92\xA3\xB4\xC5\xD6\xE7\xF8\x11\x22\x33\x44", 12);
  CHECK(wasm_memory_load_i32(&view, 0, 0, &i32) && i32 == 0xB4A39281);
  CHECK(wasm_memory_load_i32_s8(&view, 0, 0, &i32) && i32 == 0xFFFFFF81);
  CHECK(wasm_memory_load_i32_u8(&view, 0, 0, &i32) && i32 == 0x81);
  CHECK(wasm_memory_load_i32_s16(&view, 0, 0, &i32) && i32 == 0xFFFF9281);
  CHECK(wasm_memory_load_i32_u16(&view, 0, 0, &i32) && i32 == 0x9281);
  CHECK(wasm_memory_load_i64(&view, 0, 0, &i64) && i64 == UINT64_C(0xF8E7D6C5B4A39281));
  CHECK(wasm_memory_load_i64_s8(&view, 0, 0, &i64) && i64 == UINT64_C(0xFFFFFFFFFFFFFF81));
  CHECK(wasm_memory_load_i64_u8(&view, 0, 0, &i64) && i64 == 0x81);
  CHECK(wasm_memory_load_i64_s16(&view, 0, 0, &i64) && i64 == UINT64_C(0xFFFFFFFFFFFF9281));
  CHECK(wasm_memory_load_i64_u16(&view, 0, 0, &i64) && i64 == 0x9281);
  CHECK(wasm_memory_load_i64_s32(&view, 0, 0, &i64) && i64 == UINT64_C(0xFFFFFFFFB4A39281));
  CHECK(wasm_memory_load_i64_u32(&view, 0, 0, &i64) && i64 == 0xB4A39281);
  CHECK(wasm_memory_load_i32_s8(&view, 5, 3, &i32) && i32 == 0x11);
  CHECK(wasm_memory_load_i64_s16(&view, 8, 1, &i64) && i64 == 0x3322);
  CHECK(wasm_memory_load_i64_s32(&view, 7, 1, &i64) && i64 == 0x44332211);
}

TEST(stores_are_little_endian_and_truncate) {
  memset(bytes, MARK, sizeof bytes);
  CHECK(wasm_memory_store_i32(&view, 1, 0, 0x04030201) && memcmp(bytes, "\x5C\1\2\3\4\x5C", 6) == 0);
  CHECK(wasm_memory_store_i32_16(&view, 0, 1, 0xFFFF2211) && memcmp(bytes, "\x5C\x11\x22\3\4\x5C", 6) == 0);
  CHECK(wasm_memory_store_i32_8(&view, 1, 1, 0xFFFFFF99) && memcmp(bytes, "\x5C\x11\x99\3\4\x5C", 6) == 0);
  CHECK(wasm_memory_store_i64(&view, 9, 0, UINT64_C(0x0807060504030201)) && memcmp(bytes + 8, "\x5C\1\2\3\4\5\6\7\10\x5C", 10) == 0);
  CHECK(wasm_memory_store_i64_32(&view, 9, 1, UINT64_C(0xFFFFFFFF44332211)) && memcmp(bytes + 8, "\x5C\1\x11\x22\x33\x44\6\7\10\x5C", 10) == 0);
  CHECK(wasm_memory_store_i64_16(&view, 9, 2, UINT64_C(0xFFFFFFFFFFFF6655)) && memcmp(bytes + 8, "\x5C\1\x11\x55\x66\x44\6\7\10\x5C", 10) == 0);
  CHECK(wasm_memory_store_i64_8(&view, 9, 0, UINT64_C(0xFFFFFFFFFFFFFF77)) && memcmp(bytes + 8, "\x5C\x77\x11\x55\x66\x44\6\7\10\x5C", 10) == 0);
}

TEST(v128_keeps_its_order) {
  uint8_t out[16];
  for (uint8_t i = 0; i < 32; i++) bytes[i] = i;
  CHECK(wasm_memory_load_v128(&view, 2, 1, out) && memcmp(out, bytes + 3, 16) == 0);
  CHECK(wasm_memory_store_v128(&view, 8, 5, (const uint8_t *)"0123456789abcdef"));
  CHECK(memcmp(bytes + 13, "0123456789abcdef", 16) == 0 && bytes[12] == 12 && bytes[29] == 29);
  /* From one place of the memory to an overlapping one. */
  CHECK(wasm_memory_load_v128(&view, 13, 0, bytes + 5) && memcmp(bytes + 5, "0123456789abcdef", 16) == 0);
  CHECK(wasm_memory_load_v128(&view, 5, 0, bytes + 9) && memcmp(bytes + 9, "0123456789abcdef", 16) == 0);
  CHECK(wasm_memory_store_v128(&view, 12, 0, bytes + 9) && memcmp(bytes + 12, "0123456789abcdef", 16) == 0);
  CHECK(wasm_memory_store_v128(&view, 3, 0, bytes + 12) && memcmp(bytes + 3, "0123456789abcdef", 16) == 0);
}

TEST(floats) {
  float f32 = 0;
  double f64 = 0;
  memset(bytes, 0, sizeof bytes);
  CHECK(wasm_memory_store_f32(&view, 0, 1, -1.5f) && memcmp(bytes, "\0\0\0\xC0\xBF\0", 6) == 0);
  CHECK(wasm_memory_load_f32(&view, 1, 0, &f32) && f32 == -1.5f);
  CHECK(wasm_memory_store_f64(&view, 8, 3, DBL_MAX) && memcmp(bytes + 11, "\xFF\xFF\xFF\xFF\xFF\xFF\xEF\x7F", 8) == 0);
  CHECK(wasm_memory_load_f64(&view, 11, 0, &f64) && f64 == DBL_MAX);
  CHECK(wasm_memory_store_f64(&view, 0, 0, -0.0) && memcmp(bytes, "\0\0\0\0\0\0\0\x80", 8) == 0);
}

TEST(nan_payloads) {
  static const uint32_t nans32[] = {0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF800001, 0x7FA5A5A5, 0x7FFFFFFF, 0xFFBFFFFF};
  static const uint64_t nans64[] = {UINT64_C(0x7FF8000000000000), UINT64_C(0x7FF0000000000001), UINT64_C(0xFFF0000000000001),
                                    UINT64_C(0x7FF4A5A5A5A5A5A5), UINT64_C(0xFFFFFFFFFFFFFFFF), UINT64_C(0x7FF7FFFFFFFFFFFF)};
  for (size_t i = 0; i < sizeof nans32 / sizeof nans32[0]; i++) {
    float value = 0;
    uint32_t bits = 0;
    CHECK(wasm_memory_store_i32(&view, 0, 0, nans32[i]) && wasm_memory_load_f32(&view, 0, 0, &value));
    memcpy(&bits, &value, 4);
    CHECK_U64(bits, nans32[i]);
#if !defined(__FLT_EVAL_METHOD__) || __FLT_EVAL_METHOD__ == 0 /* x87 registers change a signalling NaN on the way */
    CHECK(wasm_memory_store_f32(&view, 8, 0, value) && wasm_memory_load_i32(&view, 8, 0, &bits));
    CHECK_U64(bits, nans32[i]);
#endif
  }
  for (size_t i = 0; i < sizeof nans64 / sizeof nans64[0]; i++) {
    double value = 0;
    uint64_t bits = 0;
    CHECK(wasm_memory_store_i64(&view, 0, 0, nans64[i]) && wasm_memory_load_f64(&view, 0, 0, &value));
    memcpy(&bits, &value, 8);
    CHECK_U64(bits, nans64[i]);
#if !defined(__FLT_EVAL_METHOD__) || __FLT_EVAL_METHOD__ == 0
    CHECK(wasm_memory_store_f64(&view, 8, 0, value) && wasm_memory_load_i64(&view, 8, 0, &bits));
    CHECK_U64(bits, nans64[i]);
#endif
  }
}

/* ---- Bounds ---- */

/* The functions that the model does not cover, as cases of their own. */
static bool run_load_f32(const wasm_memory_view_t *memory, uint64_t index, uint64_t offset, uint64_t *out) {
  float value = 7;
  bool done = wasm_memory_load_f32(memory, index, offset, &value);
  CHECK(done || value == 7);
  return (void)out, done;
}

static bool run_load_f64(const wasm_memory_view_t *memory, uint64_t index, uint64_t offset, uint64_t *out) {
  double value = 7;
  bool done = wasm_memory_load_f64(memory, index, offset, &value);
  CHECK(done || value == 7);
  return (void)out, done;
}

static bool run_load_v128(const wasm_memory_view_t *memory, uint64_t index, uint64_t offset, uint64_t *out) {
  uint8_t value[16] = {1, 2};
  bool done = wasm_memory_load_v128(memory, index, offset, value);
  CHECK(done || (value[0] == 1 && value[1] == 2 && all_zero(value + 2, 14)));
  return (void)out, done;
}

static bool run_store_f32(const wasm_memory_view_t *memory, uint64_t index, uint64_t offset, uint64_t value) {
  return wasm_memory_store_f32(memory, index, offset, (float)value);
}

static bool run_store_f64(const wasm_memory_view_t *memory, uint64_t index, uint64_t offset, uint64_t value) {
  return wasm_memory_store_f64(memory, index, offset, (double)value);
}

static bool run_store_v128(const wasm_memory_view_t *memory, uint64_t index, uint64_t offset, uint64_t value) {
  uint8_t halves[16] = {0};
  memcpy(halves, &value, sizeof value);
  return wasm_memory_store_v128(memory, index, offset, halves);
}

static const load_case wide_load_cases[] = {
  {"load_f32", 4, 4, false, run_load_f32}, {"load_f64", 8, 8, false, run_load_f64}, {"load_v128", 16, 16, false, run_load_v128}
};
static const store_case wide_store_cases[] = {
  {"store_f32", 4, run_store_f32}, {"store_f64", 8, run_store_f64}, {"store_v128", 16, run_store_v128}
};

/* Every sum of 65 bits that must trap in a memory of this length, whatever its low 64 bits are. */
static void each_trap(const load_case *load, const store_case *store, unsigned width, uint64_t length) {
  const uint64_t past = length < width ? 0 : length - width + 1, top = UINT64_MAX, half = UINT64_C(1) << 63;
  const uint64_t sums[][2] = {
    {past, 0}, {0, past}, {past / 2, past - past / 2}, {length, 0}, {0, length + 1}, {0xFFFFFFFF, 0}, {0, 0xFFFFFFFF},
    {0xFFFFFFFF, 0xFFFFFFFF}, {UINT64_C(1) << 32, 0}, {0xFFFFFFFF, 1}, {top, 0}, {0, top}, {top, 1}, {1, top}, {top, top}, {half, half},
    {top - width + 1, 0}, {0, top - width + 1}, {top - width, 0}, {0, top - width}, {top - width + 1, width}, {top, length + 1},
    {length + 1, top - width + 1}, {half, half - width},
  };
  for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
    wasm_memory_view_t small = {bytes, (size_t)length};
    uint64_t out = POISON;
    memset(bytes, MARK, sizeof bytes);
    if (load) CHECK(!load->run(&small, sums[i][0], sums[i][1], &out) && out == POISON);
    if (store) CHECK(!store->run(&small, sums[i][0], sums[i][1], 0));
    for (size_t k = 0; k < sizeof bytes; k++) CHECK(bytes[k] == MARK);
  }
}

static void bounds_of(const load_case *load, const store_case *store) {
  const unsigned width = load ? load->width : store->width;
  const unsigned long before = harness_failures;
  for (uint64_t length = 0; length <= 20; length++) {
    each_trap(load, store, width, length);
    for (uint64_t at = 0; at + width <= length; at++) {
      wasm_memory_view_t small = {bytes, (size_t)length};
      uint64_t out;
      if (load) CHECK(load->run(&small, at, 0, &out) && load->run(&small, 0, at, &out) && load->run(&small, at / 2, at - at / 2, &out));
      if (store) CHECK(store->run(&small, at, 0, 0) && store->run(&small, 0, at, 0) && store->run(&small, at - at / 2, at / 2, 0));
    }
  }
  name_failures(before, load ? load->name : store->name);
}

TEST(bounds_of_loads) {
  EACH_CASE(load_case, load, load_cases) bounds_of(load, NULL);
  EACH_CASE(load_case, load, wide_load_cases) bounds_of(load, NULL);
}

TEST(bounds_of_stores) {
  EACH_CASE(store_case, store, store_cases) bounds_of(NULL, store);
  EACH_CASE(store_case, store, wide_store_cases) bounds_of(NULL, store);
}

/* ---- Memories of the library ---- */

TEST(at_the_end_of_a_memory) {
  const bool kinds[] = {false, true};
  for (size_t kind = 0; kind < 2; kind++) {
    wasm_memory_t *memory = created(TYPE(.initial = PAGES(1), .maximum = PAGES(2), .shared = kinds[kind]));
    const wasm_memory_view_t *whole = wasm_memory_view(memory);
    CHECK_U64(wasm_memory_view_byte_length(whole), PAGE);
    for (uint64_t length = PAGE; length <= 2 * PAGE; length += PAGE) {
      EACH_CASE(load_case, load, wide_load_cases) {
        uint64_t out;
        CHECK(load->run(whole, length - load->width, 0, &out) && load->run(whole, 0, length - load->width, &out));
        CHECK(!load->run(whole, length - load->width, 1, &out) && !load->run(whole, 1, length - load->width, &out));
      }
      EACH_CASE(store_case, store, store_cases) {
        CHECK(store->run(whole, length - store->width, 0, UINT64_MAX) && !store->run(whole, length - store->width, 1, 0));
        CHECK(model_read(wasm_memory_data(memory) + length - store->width, store->width) == low_bits(UINT64_MAX, store->width));
      }
      if (length == PAGE) CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
    }
    CHECK_U64(wasm_memory_view_byte_length(whole), 2 * PAGE);
    wasm_memory_delete(memory);
  }
}

TEST(empty_memory) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(0), .maximum = PAGES(0)));
  uint64_t out = POISON;
  CHECK_U64(wasm_memory_view_byte_length(wasm_memory_view(memory)), 0);
  EACH_CASE(load_case, load, load_cases) CHECK(!load->run(wasm_memory_view(memory), 0, 0, &out));
  EACH_CASE(store_case, store, store_cases) CHECK(!store->run(wasm_memory_view(memory), 0, 0, 0));
  wasm_memory_delete(memory);
}

TEST(pages_of_one_byte) {
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(3), .page_size = 1));
  const wasm_memory_view_t *three = wasm_memory_view(memory);
  uint32_t out = 9;
  CHECK(wasm_memory_load_i32_u16(three, 1, 0, &out) && out == 0);
  CHECK(!wasm_memory_load_i32_u16(three, 2, 0, &out) && !wasm_memory_store_i32(three, 0, 0, 1));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  CHECK(wasm_memory_store_i32(three, 0, 0, 1) && wasm_memory_load_i32_u16(three, 2, 0, &out));
  wasm_memory_delete(memory);
}

TEST(past_four_gib) {
  if (sizeof(size_t) < 8) SKIP("no memory is that large on a 32-bit host");
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(65537), .address = I64));
  const wasm_memory_view_t *large = wasm_memory_view(memory);
  const uint64_t four_gib = 4 * GIB;
  uint64_t out = 0;
  CHECK(wasm_memory_store_i64(large, four_gib - 4, 0, UINT64_C(0x1122334455667788)));
  CHECK(wasm_memory_load_i64_u32(large, 0xFFFFFFFF, 1, &out) && out == 0x11223344);
  CHECK(wasm_memory_load_i64_u8(large, four_gib + PAGE - 1, 0, &out) && !wasm_memory_load_i64_u8(large, four_gib, PAGE, &out));
  CHECK(wasm_memory_load_i64(large, 0, 0, &out) && out == 0);
  wasm_memory_delete(memory);
}

HARNESS_MAIN(LISTED(each_function_against_the_model), LISTED(loads_are_little_endian_and_extend), LISTED(stores_are_little_endian_and_truncate),
             LISTED(v128_keeps_its_order), LISTED(floats), LISTED(nan_payloads), LISTED(bounds_of_loads), LISTED(bounds_of_stores),
             LISTED(at_the_end_of_a_memory), LISTED(empty_memory), LISTED(pages_of_one_byte), LISTED(past_four_gib))
