// wasm_memory.hpp: images, snapshots, pools, quotas, the limiter and statistics.
#include <cstring>
#include <utility>

#include "wrapper_fixtures.h"

static const char text[] = "frozen";

TEST(a_memory_starts_from_an_image_and_comes_back_to_it) {
  const wm::Allocator allocator{wm::Config()};
  const wm::Image image(text, sizeof text, 100);
  wm::Memory memory(wm::Descriptor{1, 4}, allocator, image);
  CHECK(std::memcmp(memory.data() + 100, text, sizeof text) == 0);
  memory.data()[100] = 1;
  memory.grow(2);
  const wm::Image snapshot = memory.snapshot();
  CHECK_U64(snapshot.type().initial.value_or(0), 3);
  CHECK(!image.type().initial.has_value());
  memory.reset_to(image);
  CHECK_U64(memory.size(), 1);
  CHECK(std::memcmp(memory.data() + 100, text, sizeof text) == 0);
  memory.reset_to(snapshot);
  CHECK_U64(memory.size(), 3);
  CHECK(memory.data()[100] == 1);
  memory.reset_to(wm::Image());
  CHECK(memory.data()[101] == 0);
  wm::Memory child(snapshot.type(), allocator, snapshot);
  CHECK(child.data()[100] == 1);
}

TEST(what_does_not_fit_is_a_range_error) {
  const wm::Allocator allocator{wm::Config()};
  const wm::Image image(text, sizeof text, page - 2);
  CHECK_THROWS(RangeError, wm::reason::image_does_not_fit, wm::Memory(wm::Descriptor{1, 4}, allocator, image));
  CHECK(!wm::Memory::try_create(wm::Descriptor{1, 4}, allocator, image));
  CHECK(wm::Memory::try_create(wm::Descriptor{2, 4}, allocator, image).has_value());
  CHECK_THROWS(HostError, wm::reason::file, wm::Image::from_file("/nowhere/at/all"));
  wm::Memory shared(wm::Descriptor{1, 4}.with_shared());
  CHECK_THROWS(TypeError, wm::reason::shared_memory, (void)shared.snapshot());
  CHECK_THROWS(TypeError, wm::reason::shared_memory, shared.reset_to(image));
}

TEST(references_to_an_image_are_shared_and_moved) {
  wm::Image image(text, sizeof text);
  wm::Image other = image.share();
  CHECK_POINTER(other.get(), image.get());
  wm::Image moved = std::move(image);
  CHECK(!image && moved);
  moved.reset();
  CHECK(!moved && !other.type().initial.has_value());
}

TEST(a_pool_has_so_many_slots) {
  const wm::Allocator pool(wm::Config().set_pool(2, 4 * page).set_keep_resident(page).set_kept_bytes(page));
  wm::Memory first(wm::Descriptor{1, 4}, pool), second(wm::Descriptor{1, 4}, pool);
  CHECK_THROWS(RangeError, wm::reason::pool_exhausted, wm::Memory(wm::Descriptor{1, 4}, pool));
  CHECK_U64(pool.statistics().memories, 2);
  first.reset();
  CHECK(wm::Memory(wm::Descriptor{1, 4}, pool).statistics().reuses == 1);
  pool.trim();
  CHECK_U64(pool.statistics().kept_bytes, 0);
  CHECK_U64(second.statistics().accessible_bytes, page);
}

TEST(quotas_and_the_limiter_are_asked) {
  struct Seen { std::uint64_t desired, refused, finalized; } seen{};
  ::wasm_memory_limiter_t limiter{};
  limiter.context = &seen;
  limiter.growing = [](void *context, std::uint64_t, std::uint64_t desired, std::uint64_t) -> bool {
    static_cast<Seen *>(context)->desired = desired;
    return desired <= 2 * page;
  };
  limiter.refused = [](void *context, const ::wasm_memory_error_t *) { static_cast<Seen *>(context)->refused++; };
  limiter.finalize = [](void *context) { static_cast<Seen *>(context)->finalized++; };
  {
    const wm::Allocator allocator(wm::Config().set_quota(1, 8 * page).set_limiter(limiter).set_prefault().set_huge_pages(false));
    wm::Memory memory(wm::Descriptor{1, 9}, allocator);
    CHECK_THROWS(RangeError, wm::reason::quota_memories, wm::Memory(wm::Descriptor{1, 4}, allocator));
    memory.grow(1);
    CHECK_U64(seen.desired, 2 * page);
    CHECK_THROWS(RangeError, wm::reason::limiter, memory.grow(1));
    CHECK_THROWS(RangeError, wm::reason::quota_bytes, memory.grow(7));
    CHECK_U64(seen.refused, 3);
    CHECK_U64(seen.finalized, 0);
  }
  CHECK_U64(seen.finalized, 1);
}

HARNESS_MAIN(LISTED(a_memory_starts_from_an_image_and_comes_back_to_it), LISTED(what_does_not_fit_is_a_range_error),
             LISTED(references_to_an_image_are_shared_and_moved), LISTED(a_pool_has_so_many_slots), LISTED(quotas_and_the_limiter_are_asked))
