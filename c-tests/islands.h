/* As many mappings as vm.max_map_count allows, in a child. */
#ifndef ISLANDS_H
#define ISLANDS_H

#include <errno.h>
#include <sys/mman.h>

#include "process.h"

static inline uint64_t max_map_count(void) {
  uint64_t count = 0;
  FILE *sysctl = fopen("/proc/sys/vm/max_map_count", "r");
  REQUIRE(sysctl != NULL && fscanf(sysctl, "%" SCNu64, &count) == 1);
  fclose(sysctl);
  return count;
}

/* One-page mappings, each of another protection than its neighbours and than any of the library's, so that none merge. */
typedef struct islands { uint8_t **pages; size_t count; size_t host_page; } islands;

static inline void refill(islands *it) {
  const int protections[] = {PROT_READ, PROT_READ | PROT_EXEC};
  const size_t most = 4 * max_map_count();
  if (it->pages == NULL) {
    it->host_page = (size_t)sysconf(_SC_PAGESIZE);
    it->pages = malloc(most * sizeof *it->pages); /* before, since afterwards the heap may not get any more */
    REQUIRE(it->pages != NULL);
  }
  for (;;) {
    void *page = mmap(NULL, it->host_page, protections[it->count % 2], MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) break;
    REQUIRE(it->count < most);
    it->pages[it->count++] = page;
  }
  REQUIRE(errno == ENOMEM && it->count > 0);
}

static inline void fill(islands *it) {
  *it = (islands){.pages = NULL};
  refill(it);
}

/* Each of them is a mapping of its own, so that this makes room for exactly as many. */
static inline void make_room(islands *it, size_t mappings) {
  for (size_t i = 0; i < mappings && it->count > 0; i++) REQUIRE(munmap(it->pages[--it->count], it->host_page) == 0);
}

static inline void remove_islands(islands *it) {
  make_room(it, it->count);
  free(it->pages);
}

#define NEEDS_THE_LIMIT() do { \
    NEEDS_HOST_COUNTS(); \
    if (max_map_count() > 2000000) SKIP("vm.max_map_count is too high to be reached"); \
  } while (0)

static inline void check_map_count(wasm_memory_error_t error) {
  CHECK(error.requested > error.available);
  CHECK_U64(error.available, max_map_count());
  CHECK_U64((uint64_t)error.os_error, ENOMEM);
}

#endif
