// The ABI as C++ sees it: the same checks as for C, and that the types are plain ones.
#include <type_traits>

#include "abi.h"
#include "harness.h"

template <typename T>
constexpr bool plain = std::is_standard_layout_v<T> && std::is_trivial_v<T>;

static_assert(plain<wasm_memory_page_count_t> && plain<wasm_memory_descriptor_t> && plain<wasm_memory_error_t>);
static_assert(plain<wasm_memory_view_t> && plain<wasm_memory_layout_t>);
static_assert(std::is_same_v<wasm_memory_status_t, int32_t>, "no enum: its size would be the compiler's choice");
static_assert(std::is_same_v<decltype(wasm_memory_descriptor_t::address), uint32_t>);
static_assert(std::is_same_v<decltype(wasm_memory_descriptor_t::shared), bool>);

// The signatures, so that a changed one is found here and not in somebody's binding.
static_assert(std::is_same_v<decltype(&wasm_memory_new), wasm_memory_status_t (*)(const wasm_memory_descriptor_t *, wasm_memory_t **)>);
static_assert(std::is_same_v<decltype(&wasm_memory_grow), wasm_memory_status_t (*)(wasm_memory_t *, uint64_t, uint64_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_data), uint8_t *(*)(const wasm_memory_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_size), uint64_t (*)(const wasm_memory_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_byte_length), uint64_t (*)(const wasm_memory_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_delete), void (*)(wasm_memory_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_retain), wasm_memory_t *(*)(wasm_memory_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_get_type), wasm_memory_status_t (*)(const wasm_memory_t *, wasm_memory_descriptor_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_match), wasm_memory_status_t (*)(const wasm_memory_t *, const wasm_memory_descriptor_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_send), wasm_memory_status_t (*)(wasm_memory_t *, wasm_memory_t **)>);
static_assert(std::is_same_v<decltype(&wasm_memory_view), const wasm_memory_view_t *(*)(const wasm_memory_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_get_layout), void (*)(const wasm_memory_t *, wasm_memory_layout_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_last_error), void (*)(wasm_memory_error_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_last_error_message), size_t (*)(char *, size_t)>);
static_assert(std::is_same_v<decltype(&wasm_memory_status_name), const char *(*)(wasm_memory_status_t)>);
static_assert(std::is_same_v<decltype(&wasm_memory_version), const char *(*)()>);
static_assert(std::is_same_v<decltype(&wasm_memory_abi_version), uint32_t (*)()>);
static_assert(std::is_same_v<decltype(&wasm_memory_config_new), wasm_memory_config_t *(*)()>);
static_assert(std::is_same_v<decltype(&wasm_memory_config_delete), void (*)(wasm_memory_config_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_config_set_reservation), void (*)(wasm_memory_config_t *, uint64_t)>);
static_assert(std::is_same_v<decltype(&wasm_memory_config_set_guards), void (*)(wasm_memory_config_t *, uint64_t, uint64_t)>);
static_assert(std::is_same_v<decltype(&wasm_memory_config_set_movable), void (*)(wasm_memory_config_t *, bool)>);
static_assert(std::is_same_v<decltype(&wasm_memory_config_set_fallback), void (*)(wasm_memory_config_t *, bool)>);
static_assert(std::is_same_v<decltype(&wasm_memory_config_set_size_limit), void (*)(wasm_memory_config_t *, uint64_t)>);
static_assert(std::is_same_v<decltype(&wasm_memory_allocator_new),
                             wasm_memory_status_t (*)(const wasm_memory_config_t *, wasm_memory_allocator_t **)>);
static_assert(std::is_same_v<decltype(&wasm_memory_allocator_retain), wasm_memory_allocator_t *(*)(wasm_memory_allocator_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_allocator_delete), void (*)(wasm_memory_allocator_t *)>);
static_assert(std::is_same_v<decltype(&wasm_memory_new_in), wasm_memory_status_t (*)(wasm_memory_allocator_t *, const wasm_memory_descriptor_t *,
                                                                                    const wasm_memory_image_t *, wasm_memory_t **)>);

TEST(header_and_library_agree) { CHECK_U64(wasm_memory_abi_version(), WASM_MEMORY_ABI_VERSION); }

HARNESS_MAIN(LISTED(header_and_library_agree))
