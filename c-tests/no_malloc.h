/* Allocation that a thread can forbid itself: whoever allocates all the same, the library included, aborts the process.
 * Include it in the main file of one program only: it defines malloc. */
#ifndef NO_MALLOC_H
#define NO_MALLOC_H

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static _Thread_local volatile sig_atomic_t no_malloc;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define NO_MALLOC_SANITIZED 1
#endif
#endif
#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(NO_MALLOC_SANITIZED)
#define NO_MALLOC_WORKS 0 /* sanitizers have their own, and other C libraries no second name for theirs */
#else
#define NO_MALLOC_WORKS 1

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static inline void no_malloc_check(void) {
  static const char message[] = "allocation where it is forbidden\n";
  if (!no_malloc) return;
  no_malloc = 0;
  if (write(STDERR_FILENO, message, sizeof message - 1) < 0) _exit(EXIT_FAILURE);
  abort();
}

void *malloc(size_t size) { return no_malloc_check(), __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return no_malloc_check(), __libc_calloc(count, size); }
void *realloc(void *block, size_t size) { return no_malloc_check(), __libc_realloc(block, size); }
void *memalign(size_t alignment, size_t size) { return no_malloc_check(), __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return no_malloc_check(), __libc_memalign(alignment, size); }
int posix_memalign(void **out, size_t alignment, size_t size) {
  no_malloc_check();
  void *block = __libc_memalign(alignment, size);
  if (block != NULL) *out = block;
  return block != NULL ? 0 : ENOMEM;
}
void free(void *block) { no_malloc_check(), __libc_free(block); }
#endif

#endif
