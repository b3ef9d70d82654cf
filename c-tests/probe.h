/* May this byte be read, may it be written? Asked of the kernel, which answers EFAULT where a load would be a signal. */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline int *probe_pipe(void) {
  static int ends[2];
  if (ends[1] == 0 && pipe(ends) != 0) abort();
  return ends;
}

static inline bool can_read(const void *address) {
  int *ends = probe_pipe();
  char byte;
  if (write(ends[1], address, 1) != 1) return false;
  if (read(ends[0], &byte, 1) != 1) abort();
  return true;
}

/* The byte keeps its value where there is one. */
static inline bool can_write(void *address) {
  int *ends = probe_pipe();
  char byte = 0;
  if (write(ends[1], address, 1) != 1 && write(ends[1], &byte, 1) != 1) abort();
  if (read(ends[0], address, 1) == 1) return true;
  if (read(ends[0], &byte, 1) != 1) abort();
  return false;
}

static inline bool is_body(uint8_t *address) { return can_read(address) && can_write(address); }
static inline bool is_out_of_reach(uint8_t *address) { return !can_read(address) && !can_write(address); }

/* Every byte of [begin, end), as the kernel lists them: mapped, so that nobody else can get it, and without any access. */
static inline bool is_guarded(const uint8_t *begin, const uint8_t *end) {
  uintptr_t at = (uintptr_t)begin;
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  if (maps == NULL) abort();
  while (at < (uintptr_t)end && fgets(line, sizeof line, maps) != NULL) {
    unsigned long from, to;
    char access[5];
    if (sscanf(line, "%lx-%lx %4s", &from, &to, access) != 3 || to <= at) continue;
    if (from > at || access[0] != '-' || access[1] != '-' || access[2] != '-') break;
    at = to;
  }
  fclose(maps);
  return at >= (uintptr_t)end;
}

#endif
