/* What a runner needs to read a script and to count; `src/main.rs` describes the commands. */
#ifndef CORE_TESTS_SCRIPT_H
#define CORE_TESTS_SCRIPT_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- counting ---- */

enum { MOST_REASONS = 16, MOST_SHOWN = 10 };

typedef struct tally_t {
  unsigned passed;
  unsigned failed;
  struct {
    char reason[160];
    unsigned count;
  } skipped[MOST_REASONS];
} tally_t;

static tally_t tally;

__attribute__((format(printf, 2, 3))) static void failed(unsigned line, const char *format, ...) {
  if (tally.failed++ < MOST_SHOWN) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "  line %u: ", line);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
  }
}

static void skipped(const char *reason) {
  size_t i = 0;
  while (i + 1 < MOST_REASONS && tally.skipped[i].count > 0 &&
         strcmp(tally.skipped[i].reason, reason) != 0) {
    i++;
  }
  snprintf(tally.skipped[i].reason, sizeof tally.skipped[i].reason, "%s", reason);
  tally.skipped[i].count++;
}

/* For xtask, which adds the files up. */
static void print_tally(uint64_t memories, uint64_t growths) {
  printf("passed %u\nfailed %u\nmemories %" PRIu64 "\ngrowths %" PRIu64 "\n", tally.passed,
         tally.failed, memories, growths);
  for (size_t i = 0; i < MOST_REASONS && tally.skipped[i].count > 0; i++) {
    printf("skipped %u %s\n", tally.skipped[i].count, tally.skipped[i].reason);
  }
}

/* ---- words ---- */

static void give_up(const char *what) {
  fprintf(stderr, "core-tests: %s\n", what);
  exit(2);
}

typedef struct words_t {
  char *rest;
} words_t;

static char *next_word(words_t *words) {
  char *word = strtok_r(NULL, " \n", &words->rest);
  if (word == NULL) {
    give_up("a command lacks a word");
  }
  return word;
}

static unsigned next_number(words_t *words) {
  return (unsigned)strtoul(next_word(words), NULL, 10);
}

static uint8_t hex_byte(const char *digits) {
  char pair[3] = {digits[0], digits[1], '\0'};
  return (uint8_t)strtoul(pair, NULL, 16);
}

/* Names may have any byte in them, so a length goes with them. */
typedef struct name_t {
  size_t length;
  char bytes[512];
} name_t;

static name_t next_name(words_t *words) {
  const char *word = next_word(words);
  name_t name = {.length = 0};
  if (*word == '=') {
    for (word++; word[0] != '\0' && name.length + 1 < sizeof name.bytes; word += 2) {
      name.bytes[name.length++] = (char)hex_byte(word);
    }
  }
  name.bytes[name.length] = '\0';
  return name;
}

#endif
