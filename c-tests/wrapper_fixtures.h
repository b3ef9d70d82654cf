// What the tests of wasm_memory.hpp share.
#ifndef WRAPPER_FIXTURES_H
#define WRAPPER_FIXTURES_H

#include "harness.h"
#include "wasm_memory.hpp"

namespace wm = wasm_memory;

constexpr uint64_t page = 65536;

#ifdef __cpp_exceptions

// The exception that a call throws, which must be of this class and no other; all zero when there is none.
template <typename Expected, typename Call>
wm::ErrorInfo wrapper_throws(const char *file, int line, const char *text, wm::Reason reason, Call call) {
  try {
    wasm_memory_grow(nullptr, 0, nullptr); // an older error, which must not be taken for the new one
    call();
    if (harness_failed(false, file, line, text)) fprintf(stderr, "throws nothing\n");
  } catch (const Expected &error) {
    if (harness_failed(error.reason() == reason, file, line, text))
      fprintf(stderr, "throws reason %" PRIu32 ", expected %" PRIu32 ": %s\n", error.reason(), reason, error.what());
    harness_string(file, line, text, error.what(), wm::last_error_message().c_str());
    return error.info();
  } catch (const std::exception &other) {
    if (harness_failed(false, file, line, text)) fprintf(stderr, "throws another class: %s\n", other.what());
  }
  return {};
}

#define CHECK_THROWS(type, why, ...) wrapper_throws<wm::type>(__FILE__, __LINE__, #__VA_ARGS__, why, [&] { (void)(__VA_ARGS__); })
#define CHECK_THROWN_FIGURES(type, why, requested, available, ...) \
  harness_figures(__FILE__, __LINE__, #__VA_ARGS__, CHECK_THROWS(type, why, __VA_ARGS__), requested, available)

#endif

/* For tests that pin the base or the reservation: a library built for stress moves a memory with every growth. */
inline bool base_is_steady() {
  const wasm_memory_descriptor_t type = {WASM_MEMORY_PAGES(1), {}, false, 0, 0, {}};
  wasm_memory_t *memory = nullptr;
  wasm_memory_layout_t layout{};
  if (wasm_memory_new(&type, &memory) == WASM_MEMORY_OK) wasm_memory_get_layout(memory, &layout);
  wasm_memory_delete(memory);
  return !layout.movable;
}
#define NEEDS_STEADY_BASE() do { if (!base_is_steady()) SKIP("every growth moves"); } while (0)

#endif
