/* A shared memory: a producer, a consumer that waits, and a host that ends its waits. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <wasm_memory.h>
#include <wasm_memory_access.h>

enum { READY = 0, VALUE = 8, SLEEP = 16 };

static void *consume(void *argument) {
  wasm_memory_t *memory = argument; /* this thread's own reference */
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  uint32_t result, ready = 0, value = 0;

  /* Ask again after each wake-up: woken says that somebody notified, not what the value is now.
     The time limit is in nanoseconds; a negative one is none. */
  while (wasm_memory_atomic_load_i32(view, READY, 0, &ready, NULL) && ready == 0) {
    if (wasm_memory_atomic_wait32(memory, READY, 0, INT64_C(10000000000), &result) != WASM_MEMORY_OK ||
        result == WASM_MEMORY_WAIT_TIMED_OUT) {
      break;
    }
  }
  /* Written before READY was stored, so it is seen: atomics are sequentially consistent. */
  wasm_memory_load_i32(view, VALUE, 0, &value);
  printf("consumer: %" PRIu32 "\n", value);

  /* Nobody notifies this one. The host interrupts it when it shuts the guest down. */
  if (wasm_memory_atomic_wait32(memory, SLEEP, 0, -1, &result) == WASM_MEMORY_RUNTIME_ERROR) {
    wasm_memory_error_t error;
    wasm_memory_last_error(&error); /* of this thread */
    printf("consumer: %s\n", error.reason == WASM_MEMORY_REASON_INTERRUPTED ? "interrupted" : "a trap");
  }
  wasm_memory_delete(memory);
  return NULL;
}

int main(void) {
  const wasm_memory_descriptor_t type = {
    .initial = WASM_MEMORY_PAGES(1), .maximum = WASM_MEMORY_PAGES(4), .shared = true};
  wasm_memory_t *memory, *sent;
  if (wasm_memory_new(&type, &memory) != WASM_MEMORY_OK) return 1;
  if (wasm_memory_send(memory, &sent) != WASM_MEMORY_OK) return 1; /* one reference for each thread */
  pthread_t consumer;
  if (pthread_create(&consumer, NULL, consume, sent) != 0) return 1;

  /* Growth never moves a shared memory, and others see the length only once it can be used. */
  uint64_t previous;
  wasm_memory_grow(memory, 1, &previous);
  const wasm_memory_view_t *view = wasm_memory_view(memory);
  wasm_memory_store_i32(view, VALUE, 0, 42);
  wasm_memory_atomic_store_i32(view, READY, 0, 1, NULL);
  wasm_memory_atomic_notify(memory, READY, UINT32_MAX, NULL);

  uint32_t woken = 0;
  while (woken == 0) wasm_memory_atomic_interrupt(memory, &woken); /* it may not wait yet */
  pthread_join(consumer, NULL);
  printf("host: ended %" PRIu32 " wait, %" PRIu64 " pages, view says %" PRIu64 " bytes\n", woken,
         wasm_memory_size(memory), wasm_memory_view_byte_length(view));
  wasm_memory_delete(memory);
  return 0;
}
