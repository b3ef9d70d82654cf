/* What the tests of allocators and images share: configs, statistics, images, tenants that write and look, refused system calls. */
#ifndef ALLOCATORS_H
#define ALLOCATORS_H

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fixtures.h"
#include "probe.h"

#define MIB (UINT64_C(1) << 20)
#define RANGE_FAILS(call, cause) CHECK_FAILS(call, WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_REASON_##cause)
#define TYPE_FAILS(call, cause) CHECK_FAILS(call, WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_##cause)

static inline uint64_t host_page(void) { return (uint64_t)sysconf(_SC_PAGESIZE); }
static inline uint64_t rounded_to_host_page(uint64_t bytes) { return (bytes + host_page() - 1) / host_page() * host_page(); }

/* memcmp is fast where a loop that may end early is not. */
static inline bool all_are(const uint8_t *bytes, uint8_t value, uint64_t length) {
  return length == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, (size_t)length - 1) == 0);
}

static inline wasm_memory_stats_t stats_of(const wasm_memory_allocator_t *allocator) {
  wasm_memory_stats_t stats;
  memset(&stats, 0xA5, sizeof stats);
  wasm_memory_allocator_get_stats(allocator, &stats);
  return stats;
}

static inline wasm_memory_stats_t memory_stats_of(const wasm_memory_t *memory) {
  wasm_memory_stats_t stats;
  memset(&stats, 0xA5, sizeof stats);
  wasm_memory_get_stats(memory, &stats);
  return stats;
}

/* ---- images ---- */

static inline wasm_memory_image_t *image_of(const uint8_t *bytes, size_t length, uint64_t index) {
  wasm_memory_image_t *image = NULL;
  CHECK_STATUS(wasm_memory_image_new(bytes, length, index, &image), WASM_MEMORY_OK);
  REQUIRE(image != NULL);
  return image;
}

static inline wasm_memory_image_t *snapshot_of(wasm_memory_t *memory) {
  wasm_memory_image_t *image = NULL;
  CHECK_STATUS(wasm_memory_snapshot(memory, &image), WASM_MEMORY_OK);
  REQUIRE(image != NULL);
  return image;
}

static inline wasm_memory_t *created_from(wasm_memory_allocator_t *allocator, const wasm_memory_image_t *image, wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = NULL;
  CHECK_STATUS(wasm_memory_new_in(allocator, &type, image, &memory), WASM_MEMORY_OK);
  REQUIRE(memory != NULL);
  return memory;
}

static inline wasm_memory_status_t refused_from(wasm_memory_allocator_t *allocator, const wasm_memory_image_t *image, wasm_memory_descriptor_t type) {
  wasm_memory_t *memory = (wasm_memory_t *)POISON_POINTER;
  wasm_memory_status_t status = wasm_memory_new_in(allocator, &type, image, &memory);
  CHECK_POINTER(memory, NULL);
  if (status == WASM_MEMORY_OK) wasm_memory_delete(memory);
  return status;
}

/* Bytes that differ from page to page, from place to place within one, and from zero. */
static inline uint8_t pattern_at(uint64_t index, uint8_t seed) { return (uint8_t)(1 + (index * 7 + (index >> 12) * 13 + seed) % 251); }

static inline void write_pattern(uint8_t *bytes, uint64_t length, uint8_t seed) {
  for (uint64_t i = 0; i < length; i++) bytes[i] = pattern_at(i, seed);
}

static inline bool is_pattern(const uint8_t *bytes, uint64_t length, uint8_t seed) {
  for (uint64_t i = 0; i < length; i++)
    if (bytes[i] != pattern_at(i, seed)) return false;
  return true;
}

static inline wasm_memory_image_t *pattern_image(size_t length, uint64_t index, uint8_t seed) {
  uint8_t *bytes = (uint8_t *)malloc(length + 1);
  REQUIRE(bytes != NULL);
  write_pattern(bytes, length, seed);
  wasm_memory_image_t *image = image_of(bytes, length, index);
  memset(bytes, 0xEE, length); /* the image must not need them */
  free(bytes);
  return image;
}

/* ---- the end of a memory ---- */

/* Nothing is open behind the byte length, as far as the layout says so; all of it, by what the kernel lists. */
static inline void check_shut(const char *file, int line, const wasm_memory_t *memory) {
  uint8_t *base = wasm_memory_data(memory);
  const wasm_memory_layout_t layout = layout_of(memory);
  uint8_t *reserved_end = base + rounded_to_host_page(layout.reservation), *end = reserved_end + layout.guard_after;
  uint8_t *body_end = layout.exact_protection ? base + rounded_to_host_page(wasm_memory_byte_length(memory)) : reserved_end;
  harness_true(file, line, "shut behind its end", body_end == end || is_guarded(body_end, end));
  if (body_end < end) harness_true(file, line, "the byte behind its end faults", is_out_of_reach(body_end));
  if (body_end < end) harness_true(file, line, "the last byte of the guard faults", is_out_of_reach(end - 1));
  harness_true(file, line, "shut before its base", layout.guard_before == 0 || is_guarded(base - layout.guard_before, base));
}
#define CHECK_SHUT(memory) check_shut(__FILE__, __LINE__, (memory))

/* ---- system calls that the kernel refuses from here on, in a child ---- */

#if defined(__linux__) && defined(__LP64__)
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define CAN_REFUSE_CALLS 1
#define PAGEMAP_SCAN_REQUEST 0xC0606610u /* _IOWR('f', 16, struct pm_scan_arg), of Linux 6.7 */
enum { REFUSE_MADVISE = 1, REFUSE_PAGEMAP_SCAN = 2, REFUSE_MEMFD = 4, REFUSE_FIXED_MAPPING = 8 };

/* EPERM, as a sandbox answers. False where the host has no filters. */
static inline bool refuse_calls(unsigned which) {
  const uint32_t refuse = SECCOMP_RET_ERRNO | EPERM, never = UINT32_MAX;
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (which & REFUSE_MADVISE) != 0 ? SYS_madvise : never, 8, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (which & REFUSE_MEMFD) != 0 ? SYS_memfd_create : never, 7, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (which & REFUSE_FIXED_MAPPING) != 0 ? SYS_mmap : never, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (which & REFUSE_PAGEMAP_SCAN) != 0 ? SYS_ioctl : never, 2, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_FIXED, 3, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PAGEMAP_SCAN_REQUEST, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, refuse),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
#else
#define CAN_REFUSE_CALLS 0
enum { REFUSE_MADVISE = 1, REFUSE_PAGEMAP_SCAN = 2, REFUSE_MEMFD = 4, REFUSE_FIXED_MAPPING = 8 };
static inline bool refuse_calls(unsigned which) { (void)which; return false; }
#endif
/* A sanitizer's own allocator maps at fixed addresses. */
#define NEEDS_REFUSED_MAPPINGS() do { \
    if (host_counts_mean_nothing()) SKIP("a sanitizer's own allocator needs the calls that are refused here"); \
  } while (0)
#define NEEDS_REFUSED_CALLS() do { if (!CAN_REFUSE_CALLS) SKIP("needs seccomp"); } while (0)

#endif
