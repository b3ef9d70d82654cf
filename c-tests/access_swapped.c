/* wasm_memory_access.h as it is on a big-endian host. With its byte-swapping code on, each value in the memory of this host is
 * the mirror image of what it should be. */
#define _POSIX_C_SOURCE 200809L
#define WASM_MEMORY_ACCESS_FORCE_SWAP
#include "access_model.h"

#include <pthread.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ON_SWAPPING_HOST SKIP("this host is big-endian: the other access tests run this code")
#else
#define ON_SWAPPING_HOST (void)0
#endif

TEST(each_value_is_reversed) {
  ON_SWAPPING_HOST;
  uint8_t bytes[16] = {0};
  wasm_memory_view_t view = {bytes, sizeof bytes};
  float third = 1.0f / 3;
  CHECK(wasm_memory_store_i64(&view, 0, 0, UINT64_C(0x0102030405060708)));
  CHECK(memcmp(bytes, "\1\2\3\4\5\6\7\10", 8) == 0);
  CHECK(wasm_memory_store_i32_16(&view, 0, 8, 0xA1B2) && bytes[8] == 0xA1 && bytes[9] == 0xB2);
  CHECK(wasm_memory_atomic_store_i64_32(&view, 0, 12, 0xC1C2C3C4, NULL) && memcmp(bytes + 12, "\xC1\xC2\xC3\xC4", 4) == 0);
  CHECK(wasm_memory_store_f32(&view, 0, 0, third) && bytes[0] == 0x3E && bytes[3] == 0xAB);
}

TEST(v128_is_not) {
  ON_SWAPPING_HOST;
  uint8_t bytes[16] = {0}, out[16] = {0};
  wasm_memory_view_t view = {bytes, sizeof bytes};
  CHECK(wasm_memory_store_v128(&view, 0, 0, (const uint8_t *)"0123456789abcdef"));
  CHECK(memcmp(bytes, "0123456789abcdef", 16) == 0);
  CHECK(wasm_memory_load_v128(&view, 0, 0, out) && memcmp(out, "0123456789abcdef", 16) == 0);
}

TEST(each_function_against_the_model) {
  ON_SWAPPING_HOST;
  check_plain_against_model();
  check_atomics_against_model();
}

enum { THREADS = 4, ROUNDS = 50000 };

/* The sum needs a carry from byte to byte, which no single instruction makes in this order. */
static void *add_and_subtract(void *argument) {
  const wasm_memory_view_t *view = (const wasm_memory_view_t *)argument;
  bool all = true;
  for (int i = 0; i < ROUNDS; i++) {
    all = wasm_memory_atomic_rmw_add_i64(view, 0, 0, 0x101, NULL, NULL) && all;
    all = wasm_memory_atomic_rmw_sub_i32(view, 8, 0, 3, NULL, NULL) && all;
    all = wasm_memory_atomic_rmw_add_i32_u16(view, 12, 0, 1, NULL, NULL) && all;
  }
  CHECK(all);
  return NULL;
}

TEST(sums_of_threads) {
  ON_SWAPPING_HOST;
  static _Alignas(8) uint8_t bytes[16];
  wasm_memory_view_t view = {bytes, sizeof bytes};
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, add_and_subtract, &view) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_U64(model_read(bytes, 8), UINT64_C(0x101) * THREADS * ROUNDS);
  CHECK_U64(model_read(bytes + 8, 4), (uint32_t)(-3 * THREADS * ROUNDS));
  CHECK_U64(model_read(bytes + 12, 2), (uint16_t)(THREADS * ROUNDS));
}

HARNESS_MAIN(LISTED(each_value_is_reversed), LISTED(v128_is_not), LISTED(each_function_against_the_model), LISTED(sums_of_threads))
