/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * libwasm_memory: typed access to a linear memory, inline. C11 and C++17; GCC, Clang and MSVC.
 *
 * One function for each memory instruction of WebAssembly, named after it: i32.load8_u is
 * wasm_memory_load_i32_u8, i64.atomic.rmw16.add_u is wasm_memory_atomic_rmw_add_i64_u16. The lists at
 * the end of this file name each of them beside its instruction. The shapes:
 *
 *   uint64_t wasm_memory_view_byte_length(view);
 *   bool wasm_memory_load_T(view, index, offset, T *out);
 *   bool wasm_memory_store_T(view, index, offset, T value);
 *   bool wasm_memory_atomic_load_T(view, index, offset, T *out, bool *aligned);
 *   bool wasm_memory_atomic_store_T(view, index, offset, T value, bool *aligned);
 *   bool wasm_memory_atomic_rmw_OP_T(view, index, offset, T value, T *old, bool *aligned);
 *   bool wasm_memory_atomic_rmw_cmpxchg_T(view, index, offset, T expected, T replacement, T *old, bool *aligned);
 *
 * view is what wasm_memory_view returned, never NULL. index (the operand) and offset (the immediate)
 * are unsigned: zero-extend those of an i32 memory. i32 and i64 values are uint32_t and uint64_t,
 * f32 and f64 are float and double with every bit of a NaN kept, v128 is 16 bytes.
 *
 * The result is true when the access was made. false is a trap: nothing was read or written, *out and
 * *old are as before. An access traps when the mathematical sum index + offset + width is greater than
 * the byte length, which is read once; the sum never wraps. An atomic access traps first when
 * index + offset is not a multiple of its width. *aligned tells the two apart: it is set by every
 * atomic access, to whether that sum is such a multiple. old and aligned may be NULL.
 *
 * Memory is little-endian on every host. A narrow store or read-modify-write takes the low bits of its
 * operands, of `expected` too (WebAssembly/threads issue 195), and gives the old value zero-extended.
 * Atomic accesses are sequentially consistent, on unshared memories too. Other accesses may race with
 * those of other threads and then do what WebAssembly allows: each is made once, as one instruction
 * where the host has one for that width and alignment.
 *
 * 64-bit atomics on some 32-bit hosts are calls into libatomic. Where float passes through the x87
 * registers (i386 without SSE2), assigning a float can change a signalling NaN: move bits there,
 * with the i32 and i64 functions.
 */

#ifndef WASM_MEMORY_ACCESS_H_INCLUDED
#define WASM_MEMORY_ACCESS_H_INCLUDED

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wasm_memory.h"

static_assert(sizeof(float) == 4 && sizeof(double) == 8, "f32 and f64 are float and double");

/* ---- What differs between languages and hosts. All macros are gone after this file. ---- */

#ifdef __cplusplus
#define WASM_MEMORY_ACCESS_CAST(type, value) static_cast<type>(value)
#define WASM_MEMORY_ACCESS_ADDRESS(pointer) reinterpret_cast<uintptr_t>(pointer)
#else
#define WASM_MEMORY_ACCESS_CAST(type, value) ((type)(value))
#define WASM_MEMORY_ACCESS_ADDRESS(pointer) ((uintptr_t)(pointer))
#endif

/* A big-endian host reverses the bytes of each value. The library's tests define FORCE_SWAP to run
 * that code on any host; nobody else should, since the memory is big-endian then. */
#if defined(WASM_MEMORY_ACCESS_FORCE_SWAP) || \
    (defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
#define WASM_MEMORY_ACCESS_SWAPS 1
#else
#define WASM_MEMORY_ACCESS_SWAPS 0
#endif

/* Where an instruction may not read or write a value at every address, the aligned ones are told
 * apart: they must not be handled byte by byte while another thread uses them. */
#if defined(__x86_64__) || defined(__i386__) || defined(__ARM_FEATURE_UNALIGNED) || \
    defined(__s390x__) || defined(__powerpc64__) || defined(__riscv_misaligned_fast) || defined(_MSC_VER)
#define WASM_MEMORY_ACCESS_IS_STRICT_AND_ALIGNED(at, bits) false
#else
#define WASM_MEMORY_ACCESS_IS_STRICT_AND_ALIGNED(at, bits) (WASM_MEMORY_ACCESS_ADDRESS(at) % ((bits) / 8) == 0)
#endif

#if defined(__GNUC__) || defined(__clang__)

/* Always: in the loop of an interpreter, which is large, a compiler stops inlining by itself. */
#define WASM_MEMORY_ACCESS_FUNCTION static inline __attribute__((__always_inline__))
#define WASM_MEMORY_ACCESS_UNLIKELY(condition) __builtin_expect((condition), 0)
#define WASM_MEMORY_ACCESS_ADD_OVERFLOWS(a, b, sum) __builtin_add_overflow(a, b, sum)
#define WASM_MEMORY_ACCESS_ALIGNED(bytes) __attribute__((__may_alias__, __aligned__(bytes)))
#define WASM_MEMORY_ACCESS_UNALIGNED __attribute__((__may_alias__, __packed__))
#define WASM_MEMORY_ACCESS_REVERSED_8(value) (value)
#define WASM_MEMORY_ACCESS_REVERSED_16(value) __builtin_bswap16(value)
#define WASM_MEMORY_ACCESS_REVERSED_32(value) __builtin_bswap32(value)
#define WASM_MEMORY_ACCESS_REVERSED_64(value) __builtin_bswap64(value)

#elif defined(_MSC_VER)

/* MSVC takes any address for a pointer to any type, so that it needs no attributes for them. */
#include <intrin.h>
#define WASM_MEMORY_ACCESS_FUNCTION static __forceinline
#define WASM_MEMORY_ACCESS_UNLIKELY(condition) (condition)
#define WASM_MEMORY_ACCESS_ADD_OVERFLOWS(a, b, sum) ((*(sum) = (a) + (b)) < (a))
#define WASM_MEMORY_ACCESS_ALIGNED(bytes)
#define WASM_MEMORY_ACCESS_UNALIGNED
#define WASM_MEMORY_ACCESS_REVERSED_8(value) (value)
#define WASM_MEMORY_ACCESS_REVERSED_16(value) _byteswap_ushort(value)
#define WASM_MEMORY_ACCESS_REVERSED_32(value) _byteswap_ulong(value)
#define WASM_MEMORY_ACCESS_REVERSED_64(value) _byteswap_uint64(value)
#if (defined(_M_X64) || defined(_M_IX86)) && !defined(_M_ARM64EC)
#define WASM_MEMORY_ACCESS_BARRIER() _ReadWriteBarrier()
#else
#define WASM_MEMORY_ACCESS_BARRIER() __dmb(0xB) /* ISH: of all cores */
#endif

#else
#error "wasm_memory_access.h needs the atomic builtins of GCC and Clang, or the intrinsics of MSVC"
#endif

#if WASM_MEMORY_ACCESS_SWAPS
#define WASM_MEMORY_ACCESS_ORDERED(bits, value) WASM_MEMORY_ACCESS_REVERSED_##bits(value)
#else
#define WASM_MEMORY_ACCESS_ORDERED(bits, value) (value)
#endif

/* ---- Finding the bytes. Names with wasm_memory_access_ are not part of the interface. ---- */

/* The byte length of the memory now; what lies below it can be used. */
WASM_MEMORY_ACCESS_FUNCTION uint64_t wasm_memory_view_byte_length(const wasm_memory_view_t *view) {
#ifdef WASM_MEMORY_ACCESS_BARRIER
  const size_t length = *WASM_MEMORY_ACCESS_CAST(const volatile size_t *, &view->byte_length);
  WASM_MEMORY_ACCESS_BARRIER();
  return length;
#else
  return __atomic_load_n(&view->byte_length, __ATOMIC_ACQUIRE);
#endif
}

/* *at becomes the address of the first byte, unless the access is out of bounds. Width and immediate
 * are added first: where they are constants, or 32 bits wide, the overflow check is compiled away.
 * The base is read after the length, which is published last. */
WASM_MEMORY_ACCESS_FUNCTION bool wasm_memory_access_locate(const wasm_memory_view_t *view, uint64_t index,
                                                           uint64_t offset, unsigned width, uint8_t **at) {
  uint64_t span, end;
  if (WASM_MEMORY_ACCESS_UNLIKELY(WASM_MEMORY_ACCESS_ADD_OVERFLOWS(offset, width, &span))) return false;
  if (WASM_MEMORY_ACCESS_UNLIKELY(WASM_MEMORY_ACCESS_ADD_OVERFLOWS(index, span, &end))) return false;
  if (WASM_MEMORY_ACCESS_UNLIKELY(end > wasm_memory_view_byte_length(view))) return false;
  *at = view->base + WASM_MEMORY_ACCESS_CAST(size_t, end - width);
  return true;
}

/* The same for an atomic access. A sum that wraps keeps its low bits. */
WASM_MEMORY_ACCESS_FUNCTION bool wasm_memory_access_locate_aligned(const wasm_memory_view_t *view, uint64_t index,
                                                                   uint64_t offset, unsigned width, uint8_t **at,
                                                                   bool *aligned) {
  const bool is_aligned = ((index + offset) & (width - 1)) == 0;
  if (aligned) *aligned = is_aligned;
  if (WASM_MEMORY_ACCESS_UNLIKELY(!is_aligned)) return false;
  return wasm_memory_access_locate(view, index, offset, width, at);
}

/* ---- Values of each width in memory, by their address ---- */

/* Non-atomic reads and writes are volatile: other threads may race with them, and what a compiler does
 * to a plain access or a memcpy (read a value again that was already checked, write twice) is not among
 * the things that WebAssembly allows then. Atomics of the compiler would be for aligned values only.
 * The types may alias whatever the memory holds. */
#define WASM_MEMORY_ACCESS_PLAIN(bits) \
  typedef uint##bits##_t WASM_MEMORY_ACCESS_ALIGNED(bits / 8) wasm_memory_access_aligned_u##bits##_t; \
  typedef struct WASM_MEMORY_ACCESS_UNALIGNED wasm_memory_access_unaligned_u##bits##_t { \
    uint##bits##_t value; \
  } wasm_memory_access_unaligned_u##bits##_t; \
  WASM_MEMORY_ACCESS_FUNCTION uint##bits##_t wasm_memory_access_read_u##bits(const void *at) { \
    if (WASM_MEMORY_ACCESS_IS_STRICT_AND_ALIGNED(at, bits)) \
      return *WASM_MEMORY_ACCESS_CAST(const volatile wasm_memory_access_aligned_u##bits##_t *, at); \
    return WASM_MEMORY_ACCESS_CAST(const volatile wasm_memory_access_unaligned_u##bits##_t *, at)->value; \
  } \
  WASM_MEMORY_ACCESS_FUNCTION void wasm_memory_access_write_u##bits(void *at, uint##bits##_t value) { \
    if (WASM_MEMORY_ACCESS_IS_STRICT_AND_ALIGNED(at, bits)) \
      *WASM_MEMORY_ACCESS_CAST(volatile wasm_memory_access_aligned_u##bits##_t *, at) = value; \
    else \
      WASM_MEMORY_ACCESS_CAST(volatile wasm_memory_access_unaligned_u##bits##_t *, at)->value = value; \
  }

#if defined(__GNUC__) || defined(__clang__)

#define WASM_MEMORY_ACCESS_ATOMIC(bits, interlocked, type) \
  WASM_MEMORY_ACCESS_FUNCTION uint##bits##_t wasm_memory_access_cmpxchg_u##bits(void *at, uint##bits##_t expected, \
                                                                                uint##bits##_t replacement) { \
    wasm_memory_access_aligned_u##bits##_t seen = WASM_MEMORY_ACCESS_ORDERED(bits, expected); \
    __atomic_compare_exchange_n(WASM_MEMORY_ACCESS_CAST(wasm_memory_access_aligned_u##bits##_t *, at), &seen, \
                                WASM_MEMORY_ACCESS_ORDERED(bits, replacement), false, __ATOMIC_SEQ_CST, \
                                __ATOMIC_SEQ_CST); \
    return WASM_MEMORY_ACCESS_ORDERED(bits, seen); \
  } \
  WASM_MEMORY_ACCESS_FUNCTION uint##bits##_t wasm_memory_access_atomic_read_u##bits(void *at) { \
    const uint##bits##_t value = __atomic_load_n( \
        WASM_MEMORY_ACCESS_CAST(const wasm_memory_access_aligned_u##bits##_t *, at), __ATOMIC_SEQ_CST); \
    return WASM_MEMORY_ACCESS_ORDERED(bits, value); \
  } \
  WASM_MEMORY_ACCESS_FUNCTION void wasm_memory_access_atomic_write_u##bits(void *at, uint##bits##_t value) { \
    __atomic_store_n(WASM_MEMORY_ACCESS_CAST(wasm_memory_access_aligned_u##bits##_t *, at), \
                     WASM_MEMORY_ACCESS_ORDERED(bits, value), __ATOMIC_SEQ_CST); \
  }

#define WASM_MEMORY_ACCESS_UPDATE_AT_ONCE(name, bits, builtin, result) \
  WASM_MEMORY_ACCESS_FUNCTION uint##bits##_t name(void *at, uint##bits##_t value) { \
    const uint##bits##_t old = builtin(WASM_MEMORY_ACCESS_CAST(wasm_memory_access_aligned_u##bits##_t *, at), \
                                       WASM_MEMORY_ACCESS_ORDERED(bits, value), __ATOMIC_SEQ_CST); \
    return WASM_MEMORY_ACCESS_ORDERED(bits, old); \
  }

#else

/* MSVC: everything by compare and exchange, which it has for each width on each host. A 64-bit read
 * on a 32-bit host would be two. */
#define WASM_MEMORY_ACCESS_ATOMIC(bits, interlocked, type) \
  WASM_MEMORY_ACCESS_FUNCTION uint##bits##_t wasm_memory_access_cmpxchg_u##bits(void *at, uint##bits##_t expected, \
                                                                                uint##bits##_t replacement) { \
    const uint##bits##_t seen = WASM_MEMORY_ACCESS_CAST(uint##bits##_t, \
        interlocked(WASM_MEMORY_ACCESS_CAST(volatile type *, at), \
                    WASM_MEMORY_ACCESS_CAST(type, WASM_MEMORY_ACCESS_ORDERED(bits, replacement)), \
                    WASM_MEMORY_ACCESS_CAST(type, WASM_MEMORY_ACCESS_ORDERED(bits, expected)))); \
    return WASM_MEMORY_ACCESS_ORDERED(bits, seen); \
  } \
  WASM_MEMORY_ACCESS_FUNCTION uint##bits##_t wasm_memory_access_atomic_read_u##bits(void *at) { \
    uint##bits##_t value; \
    if (bits / 8 > sizeof(void *)) return wasm_memory_access_cmpxchg_u##bits(at, 0, 0); \
    WASM_MEMORY_ACCESS_BARRIER(); \
    value = wasm_memory_access_read_u##bits(at); \
    WASM_MEMORY_ACCESS_BARRIER(); \
    return WASM_MEMORY_ACCESS_ORDERED(bits, value); \
  } \
  WASM_MEMORY_ACCESS_UPDATE_BY_LOOP(wasm_memory_access_store_u##bits, bits, none, value) \
  WASM_MEMORY_ACCESS_FUNCTION void wasm_memory_access_atomic_write_u##bits(void *at, uint##bits##_t value) { \
    (void)wasm_memory_access_store_u##bits(at, value); \
  }

#endif

#define WASM_MEMORY_ACCESS_UPDATE_BY_LOOP(name, bits, builtin, result) \
  WASM_MEMORY_ACCESS_FUNCTION uint##bits##_t name(void *at, uint##bits##_t value) { \
    uint##bits##_t old = wasm_memory_access_atomic_read_u##bits(at); \
    for (;;) { \
      const uint##bits##_t seen = \
          wasm_memory_access_cmpxchg_u##bits(at, old, WASM_MEMORY_ACCESS_CAST(uint##bits##_t, result)); \
      if (seen == old) return old; \
      old = seen; \
    } \
  }

/* A carry runs through the bytes in the order of the host; bits stay where they are. */
#if !defined(WASM_MEMORY_ACCESS_UPDATE_AT_ONCE)
#define WASM_MEMORY_ACCESS_ARITHMETIC WASM_MEMORY_ACCESS_UPDATE_BY_LOOP
#define WASM_MEMORY_ACCESS_BITWISE WASM_MEMORY_ACCESS_UPDATE_BY_LOOP
#elif WASM_MEMORY_ACCESS_SWAPS
#define WASM_MEMORY_ACCESS_ARITHMETIC WASM_MEMORY_ACCESS_UPDATE_BY_LOOP
#define WASM_MEMORY_ACCESS_BITWISE WASM_MEMORY_ACCESS_UPDATE_AT_ONCE
#else
#define WASM_MEMORY_ACCESS_ARITHMETIC WASM_MEMORY_ACCESS_UPDATE_AT_ONCE
#define WASM_MEMORY_ACCESS_BITWISE WASM_MEMORY_ACCESS_UPDATE_AT_ONCE
#endif

#define WASM_MEMORY_ACCESS_WIDTH(bits, interlocked, type) \
  WASM_MEMORY_ACCESS_PLAIN(bits) \
  WASM_MEMORY_ACCESS_ATOMIC(bits, interlocked, type) \
  WASM_MEMORY_ACCESS_ARITHMETIC(wasm_memory_access_add_u##bits, bits, __atomic_fetch_add, old + value) \
  WASM_MEMORY_ACCESS_ARITHMETIC(wasm_memory_access_sub_u##bits, bits, __atomic_fetch_sub, old - value) \
  WASM_MEMORY_ACCESS_BITWISE(wasm_memory_access_and_u##bits, bits, __atomic_fetch_and, old & value) \
  WASM_MEMORY_ACCESS_BITWISE(wasm_memory_access_or_u##bits, bits, __atomic_fetch_or, old | value) \
  WASM_MEMORY_ACCESS_BITWISE(wasm_memory_access_xor_u##bits, bits, __atomic_fetch_xor, old ^ value) \
  WASM_MEMORY_ACCESS_BITWISE(wasm_memory_access_xchg_u##bits, bits, __atomic_exchange_n, value)

WASM_MEMORY_ACCESS_WIDTH(8, _InterlockedCompareExchange8, char)
WASM_MEMORY_ACCESS_WIDTH(16, _InterlockedCompareExchange16, short)
WASM_MEMORY_ACCESS_WIDTH(32, _InterlockedCompareExchange, long)
WASM_MEMORY_ACCESS_WIDTH(64, _InterlockedCompareExchange64, long long)

/* ---- Loads and stores ---- */

/* extend is the type whose sign, or lack of one, fills the value up. */
#define WASM_MEMORY_ACCESS_LOAD(name, type, bits, extend) \
  WASM_MEMORY_ACCESS_FUNCTION bool name(const wasm_memory_view_t *view, uint64_t index, uint64_t offset, type *out) { \
    uint8_t *at; \
    uint##bits##_t value; \
    if (!wasm_memory_access_locate(view, index, offset, bits / 8, &at)) return false; \
    value = wasm_memory_access_read_u##bits(at); \
    *out = WASM_MEMORY_ACCESS_CAST(type, WASM_MEMORY_ACCESS_CAST(extend, WASM_MEMORY_ACCESS_ORDERED(bits, value))); \
    return true; \
  }

#define WASM_MEMORY_ACCESS_STORE(name, type, bits) \
  WASM_MEMORY_ACCESS_FUNCTION bool name(const wasm_memory_view_t *view, uint64_t index, uint64_t offset, type value) { \
    uint8_t *at; \
    const uint##bits##_t low = WASM_MEMORY_ACCESS_CAST(uint##bits##_t, value); \
    if (!wasm_memory_access_locate(view, index, offset, bits / 8, &at)) return false; \
    wasm_memory_access_write_u##bits(at, WASM_MEMORY_ACCESS_ORDERED(bits, low)); \
    return true; \
  }

WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i32, uint32_t, 32, uint32_t)     /* i32.load */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i32_s8, uint32_t, 8, int8_t)     /* i32.load8_s */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i32_u8, uint32_t, 8, uint8_t)    /* i32.load8_u */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i32_s16, uint32_t, 16, int16_t)  /* i32.load16_s */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i32_u16, uint32_t, 16, uint16_t) /* i32.load16_u */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i64, uint64_t, 64, uint64_t)     /* i64.load */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i64_s8, uint64_t, 8, int8_t)     /* i64.load8_s */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i64_u8, uint64_t, 8, uint8_t)    /* i64.load8_u */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i64_s16, uint64_t, 16, int16_t)  /* i64.load16_s */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i64_u16, uint64_t, 16, uint16_t) /* i64.load16_u */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i64_s32, uint64_t, 32, int32_t)  /* i64.load32_s */
WASM_MEMORY_ACCESS_LOAD(wasm_memory_load_i64_u32, uint64_t, 32, uint32_t) /* i64.load32_u */

WASM_MEMORY_ACCESS_STORE(wasm_memory_store_i32, uint32_t, 32)    /* i32.store */
WASM_MEMORY_ACCESS_STORE(wasm_memory_store_i32_8, uint32_t, 8)   /* i32.store8 */
WASM_MEMORY_ACCESS_STORE(wasm_memory_store_i32_16, uint32_t, 16) /* i32.store16 */
WASM_MEMORY_ACCESS_STORE(wasm_memory_store_i64, uint64_t, 64)    /* i64.store */
WASM_MEMORY_ACCESS_STORE(wasm_memory_store_i64_8, uint64_t, 8)   /* i64.store8 */
WASM_MEMORY_ACCESS_STORE(wasm_memory_store_i64_16, uint64_t, 16) /* i64.store16 */
WASM_MEMORY_ACCESS_STORE(wasm_memory_store_i64_32, uint64_t, 32) /* i64.store32 */

/* Floats are moved as bits: a conversion or an assignment could quiet a NaN. */
#define WASM_MEMORY_ACCESS_FLOAT(suffix, type, bits) \
  WASM_MEMORY_ACCESS_FUNCTION bool wasm_memory_load_##suffix(const wasm_memory_view_t *view, uint64_t index, \
                                                             uint64_t offset, type *out) { \
    uint##bits##_t value; \
    if (!wasm_memory_load_i##bits(view, index, offset, &value)) return false; \
    memcpy(out, &value, sizeof value); \
    return true; \
  } \
  WASM_MEMORY_ACCESS_FUNCTION bool wasm_memory_store_##suffix(const wasm_memory_view_t *view, uint64_t index, \
                                                              uint64_t offset, type value) { \
    uint##bits##_t copy; \
    memcpy(&copy, &value, sizeof copy); \
    return wasm_memory_store_i##bits(view, index, offset, copy); \
  }

WASM_MEMORY_ACCESS_FLOAT(f32, float, 32)  /* wasm_memory_load_f32 f32.load, wasm_memory_store_f32 f32.store */
WASM_MEMORY_ACCESS_FLOAT(f64, double, 64) /* wasm_memory_load_f64 f64.load, wasm_memory_store_f64 f64.store */

/* v128.load: 16 bytes in the order of the memory, as a host's vector register takes them. */
WASM_MEMORY_ACCESS_FUNCTION bool wasm_memory_load_v128(const wasm_memory_view_t *view, uint64_t index, uint64_t offset,
                                                       uint8_t out[16]) {
  uint8_t *at;
  uint64_t halves[2];
  if (!wasm_memory_access_locate(view, index, offset, 16, &at)) return false;
  halves[0] = wasm_memory_access_read_u64(at);
  halves[1] = wasm_memory_access_read_u64(at + 8);
  memcpy(out, halves, 16);
  return true;
}

/* v128.store */
WASM_MEMORY_ACCESS_FUNCTION bool wasm_memory_store_v128(const wasm_memory_view_t *view, uint64_t index, uint64_t offset,
                                                        const uint8_t value[16]) {
  uint8_t *at;
  uint64_t halves[2];
  memcpy(halves, value, 16);
  if (!wasm_memory_access_locate(view, index, offset, 16, &at)) return false;
  wasm_memory_access_write_u64(at, halves[0]);
  wasm_memory_access_write_u64(at + 8, halves[1]);
  return true;
}

/* ---- Atomic loads, stores and read-modify-writes ---- */

#define WASM_MEMORY_ACCESS_ATOMIC_LOAD(name, type, bits) \
  WASM_MEMORY_ACCESS_FUNCTION bool name(const wasm_memory_view_t *view, uint64_t index, uint64_t offset, type *out, \
                                        bool *aligned) { \
    uint8_t *at; \
    if (!wasm_memory_access_locate_aligned(view, index, offset, bits / 8, &at, aligned)) return false; \
    *out = wasm_memory_access_atomic_read_u##bits(at); \
    return true; \
  }

#define WASM_MEMORY_ACCESS_ATOMIC_STORE(name, type, bits) \
  WASM_MEMORY_ACCESS_FUNCTION bool name(const wasm_memory_view_t *view, uint64_t index, uint64_t offset, type value, \
                                        bool *aligned) { \
    uint8_t *at; \
    if (!wasm_memory_access_locate_aligned(view, index, offset, bits / 8, &at, aligned)) return false; \
    wasm_memory_access_atomic_write_u##bits(at, WASM_MEMORY_ACCESS_CAST(uint##bits##_t, value)); \
    return true; \
  }

#define WASM_MEMORY_ACCESS_ATOMIC_RMW(name, type, bits, update) \
  WASM_MEMORY_ACCESS_FUNCTION bool name(const wasm_memory_view_t *view, uint64_t index, uint64_t offset, type value, \
                                        type *old, bool *aligned) { \
    uint8_t *at; \
    uint##bits##_t before; \
    if (!wasm_memory_access_locate_aligned(view, index, offset, bits / 8, &at, aligned)) return false; \
    before = wasm_memory_access_##update##_u##bits(at, WASM_MEMORY_ACCESS_CAST(uint##bits##_t, value)); \
    if (old) *old = before; \
    return true; \
  }

#define WASM_MEMORY_ACCESS_ATOMIC_CMPXCHG(name, type, bits) \
  WASM_MEMORY_ACCESS_FUNCTION bool name(const wasm_memory_view_t *view, uint64_t index, uint64_t offset, \
                                        type expected, type replacement, type *old, bool *aligned) { \
    uint8_t *at; \
    uint##bits##_t before; \
    if (!wasm_memory_access_locate_aligned(view, index, offset, bits / 8, &at, aligned)) return false; \
    before = wasm_memory_access_cmpxchg_u##bits(at, WASM_MEMORY_ACCESS_CAST(uint##bits##_t, expected), \
                                                WASM_MEMORY_ACCESS_CAST(uint##bits##_t, replacement)); \
    if (old) *old = before; \
    return true; \
  }

WASM_MEMORY_ACCESS_ATOMIC_LOAD(wasm_memory_atomic_load_i32, uint32_t, 32)     /* i32.atomic.load */
WASM_MEMORY_ACCESS_ATOMIC_LOAD(wasm_memory_atomic_load_i32_u8, uint32_t, 8)   /* i32.atomic.load8_u */
WASM_MEMORY_ACCESS_ATOMIC_LOAD(wasm_memory_atomic_load_i32_u16, uint32_t, 16) /* i32.atomic.load16_u */
WASM_MEMORY_ACCESS_ATOMIC_LOAD(wasm_memory_atomic_load_i64, uint64_t, 64)     /* i64.atomic.load */
WASM_MEMORY_ACCESS_ATOMIC_LOAD(wasm_memory_atomic_load_i64_u8, uint64_t, 8)   /* i64.atomic.load8_u */
WASM_MEMORY_ACCESS_ATOMIC_LOAD(wasm_memory_atomic_load_i64_u16, uint64_t, 16) /* i64.atomic.load16_u */
WASM_MEMORY_ACCESS_ATOMIC_LOAD(wasm_memory_atomic_load_i64_u32, uint64_t, 32) /* i64.atomic.load32_u */

WASM_MEMORY_ACCESS_ATOMIC_STORE(wasm_memory_atomic_store_i32, uint32_t, 32)    /* i32.atomic.store */
WASM_MEMORY_ACCESS_ATOMIC_STORE(wasm_memory_atomic_store_i32_8, uint32_t, 8)   /* i32.atomic.store8 */
WASM_MEMORY_ACCESS_ATOMIC_STORE(wasm_memory_atomic_store_i32_16, uint32_t, 16) /* i32.atomic.store16 */
WASM_MEMORY_ACCESS_ATOMIC_STORE(wasm_memory_atomic_store_i64, uint64_t, 64)    /* i64.atomic.store */
WASM_MEMORY_ACCESS_ATOMIC_STORE(wasm_memory_atomic_store_i64_8, uint64_t, 8)   /* i64.atomic.store8 */
WASM_MEMORY_ACCESS_ATOMIC_STORE(wasm_memory_atomic_store_i64_16, uint64_t, 16) /* i64.atomic.store16 */
WASM_MEMORY_ACCESS_ATOMIC_STORE(wasm_memory_atomic_store_i64_32, uint64_t, 32) /* i64.atomic.store32 */

WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_add_i32, uint32_t, 32, add)     /* i32.atomic.rmw.add */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_add_i32_u8, uint32_t, 8, add)   /* i32.atomic.rmw8.add_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_add_i32_u16, uint32_t, 16, add) /* i32.atomic.rmw16.add_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_add_i64, uint64_t, 64, add)     /* i64.atomic.rmw.add */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_add_i64_u8, uint64_t, 8, add)   /* i64.atomic.rmw8.add_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_add_i64_u16, uint64_t, 16, add) /* i64.atomic.rmw16.add_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_add_i64_u32, uint64_t, 32, add) /* i64.atomic.rmw32.add_u */

WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_sub_i32, uint32_t, 32, sub)     /* i32.atomic.rmw.sub */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_sub_i32_u8, uint32_t, 8, sub)   /* i32.atomic.rmw8.sub_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_sub_i32_u16, uint32_t, 16, sub) /* i32.atomic.rmw16.sub_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_sub_i64, uint64_t, 64, sub)     /* i64.atomic.rmw.sub */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_sub_i64_u8, uint64_t, 8, sub)   /* i64.atomic.rmw8.sub_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_sub_i64_u16, uint64_t, 16, sub) /* i64.atomic.rmw16.sub_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_sub_i64_u32, uint64_t, 32, sub) /* i64.atomic.rmw32.sub_u */

WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_and_i32, uint32_t, 32, and)     /* i32.atomic.rmw.and */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_and_i32_u8, uint32_t, 8, and)   /* i32.atomic.rmw8.and_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_and_i32_u16, uint32_t, 16, and) /* i32.atomic.rmw16.and_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_and_i64, uint64_t, 64, and)     /* i64.atomic.rmw.and */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_and_i64_u8, uint64_t, 8, and)   /* i64.atomic.rmw8.and_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_and_i64_u16, uint64_t, 16, and) /* i64.atomic.rmw16.and_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_and_i64_u32, uint64_t, 32, and) /* i64.atomic.rmw32.and_u */

WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_or_i32, uint32_t, 32, or)     /* i32.atomic.rmw.or */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_or_i32_u8, uint32_t, 8, or)   /* i32.atomic.rmw8.or_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_or_i32_u16, uint32_t, 16, or) /* i32.atomic.rmw16.or_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_or_i64, uint64_t, 64, or)     /* i64.atomic.rmw.or */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_or_i64_u8, uint64_t, 8, or)   /* i64.atomic.rmw8.or_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_or_i64_u16, uint64_t, 16, or) /* i64.atomic.rmw16.or_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_or_i64_u32, uint64_t, 32, or) /* i64.atomic.rmw32.or_u */

WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xor_i32, uint32_t, 32, xor)     /* i32.atomic.rmw.xor */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xor_i32_u8, uint32_t, 8, xor)   /* i32.atomic.rmw8.xor_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xor_i32_u16, uint32_t, 16, xor) /* i32.atomic.rmw16.xor_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xor_i64, uint64_t, 64, xor)     /* i64.atomic.rmw.xor */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xor_i64_u8, uint64_t, 8, xor)   /* i64.atomic.rmw8.xor_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xor_i64_u16, uint64_t, 16, xor) /* i64.atomic.rmw16.xor_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xor_i64_u32, uint64_t, 32, xor) /* i64.atomic.rmw32.xor_u */

WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xchg_i32, uint32_t, 32, xchg)     /* i32.atomic.rmw.xchg */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xchg_i32_u8, uint32_t, 8, xchg)   /* i32.atomic.rmw8.xchg_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xchg_i32_u16, uint32_t, 16, xchg) /* i32.atomic.rmw16.xchg_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xchg_i64, uint64_t, 64, xchg)     /* i64.atomic.rmw.xchg */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xchg_i64_u8, uint64_t, 8, xchg)   /* i64.atomic.rmw8.xchg_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xchg_i64_u16, uint64_t, 16, xchg) /* i64.atomic.rmw16.xchg_u */
WASM_MEMORY_ACCESS_ATOMIC_RMW(wasm_memory_atomic_rmw_xchg_i64_u32, uint64_t, 32, xchg) /* i64.atomic.rmw32.xchg_u */

WASM_MEMORY_ACCESS_ATOMIC_CMPXCHG(wasm_memory_atomic_rmw_cmpxchg_i32, uint32_t, 32)     /* i32.atomic.rmw.cmpxchg */
WASM_MEMORY_ACCESS_ATOMIC_CMPXCHG(wasm_memory_atomic_rmw_cmpxchg_i32_u8, uint32_t, 8)   /* i32.atomic.rmw8.cmpxchg_u */
WASM_MEMORY_ACCESS_ATOMIC_CMPXCHG(wasm_memory_atomic_rmw_cmpxchg_i32_u16, uint32_t, 16) /* i32.atomic.rmw16.cmpxchg_u */
WASM_MEMORY_ACCESS_ATOMIC_CMPXCHG(wasm_memory_atomic_rmw_cmpxchg_i64, uint64_t, 64)     /* i64.atomic.rmw.cmpxchg */
WASM_MEMORY_ACCESS_ATOMIC_CMPXCHG(wasm_memory_atomic_rmw_cmpxchg_i64_u8, uint64_t, 8)   /* i64.atomic.rmw8.cmpxchg_u */
WASM_MEMORY_ACCESS_ATOMIC_CMPXCHG(wasm_memory_atomic_rmw_cmpxchg_i64_u16, uint64_t, 16) /* i64.atomic.rmw16.cmpxchg_u */
WASM_MEMORY_ACCESS_ATOMIC_CMPXCHG(wasm_memory_atomic_rmw_cmpxchg_i64_u32, uint64_t, 32) /* i64.atomic.rmw32.cmpxchg_u */

#undef WASM_MEMORY_ACCESS_CAST
#undef WASM_MEMORY_ACCESS_ADDRESS
#undef WASM_MEMORY_ACCESS_SWAPS
#undef WASM_MEMORY_ACCESS_IS_STRICT_AND_ALIGNED
#undef WASM_MEMORY_ACCESS_FUNCTION
#undef WASM_MEMORY_ACCESS_UNLIKELY
#undef WASM_MEMORY_ACCESS_ADD_OVERFLOWS
#undef WASM_MEMORY_ACCESS_ALIGNED
#undef WASM_MEMORY_ACCESS_UNALIGNED
#undef WASM_MEMORY_ACCESS_REVERSED_8
#undef WASM_MEMORY_ACCESS_REVERSED_16
#undef WASM_MEMORY_ACCESS_REVERSED_32
#undef WASM_MEMORY_ACCESS_REVERSED_64
#undef WASM_MEMORY_ACCESS_BARRIER
#undef WASM_MEMORY_ACCESS_ORDERED
#undef WASM_MEMORY_ACCESS_PLAIN
#undef WASM_MEMORY_ACCESS_ATOMIC
#undef WASM_MEMORY_ACCESS_UPDATE_AT_ONCE
#undef WASM_MEMORY_ACCESS_UPDATE_BY_LOOP
#undef WASM_MEMORY_ACCESS_ARITHMETIC
#undef WASM_MEMORY_ACCESS_BITWISE
#undef WASM_MEMORY_ACCESS_WIDTH
#undef WASM_MEMORY_ACCESS_LOAD
#undef WASM_MEMORY_ACCESS_STORE
#undef WASM_MEMORY_ACCESS_FLOAT
#undef WASM_MEMORY_ACCESS_ATOMIC_LOAD
#undef WASM_MEMORY_ACCESS_ATOMIC_STORE
#undef WASM_MEMORY_ACCESS_ATOMIC_RMW
#undef WASM_MEMORY_ACCESS_ATOMIC_CMPXCHG

#endif
