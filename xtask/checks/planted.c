/* Faults that a sanitizer must report, one by argument, in a program that uses the library as the tests do. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <wasm_memory.h>

static wasm_memory_t *memory;
static void *volatile kept;

/* Two threads write one byte of an unshared memory: the race is in the library, where the bytes are written. */
static void *write_byte(void *unused) {
  const uint8_t byte = 1;
  wasm_memory_write(memory, 5, &byte, 1);
  return unused;
}

static void race(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, write_byte, NULL) != 0) abort();
  write_byte(NULL);
  pthread_join(thread, NULL);
}

/* The library is told of more bytes than there are. */
static void overflow(void) {
  uint8_t *bytes = malloc(100);
  kept = bytes;
  wasm_memory_read(memory, 0, bytes, 101);
  kept = NULL;
  free(bytes);
}

static void leak(void) {
  kept = malloc(77);
  kept = NULL;
}

static void undefined(void) {
  volatile int most = 2147483647;
  most = most + (int)wasm_memory_size(memory);
}

int main(int argc, char **argv) {
  const char *fault = argc > 1 ? argv[1] : "";
  const wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(1)};
  if (wasm_memory_new(&type, &memory) != WASM_MEMORY_OK) abort();
  if (strcmp(fault, "race") == 0) race();
  else if (strcmp(fault, "overflow") == 0) overflow();
  else if (strcmp(fault, "leak") == 0) leak();
  else if (strcmp(fault, "undefined") == 0) undefined();
  wasm_memory_delete(memory);
  return 0;
}
