/* Images and files: read whole and never mapped, written raw, refused with the errno; and images where the host gives no memory
 * files (design.md 7; reliability.md, rows 6 and 16). */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "process.h"
#include "tenants.h"

/* A directory of its own for each process; what is in it goes with it. */
static char directory[64], path[96], other_path[96];

static void leave_directory(void) {
  unlink(path);
  unlink(other_path);
  rmdir(directory);
}

static void enter_directory(void) {
  snprintf(directory, sizeof directory, "%s", "/tmp/wasm_memory_image_XXXXXX");
  REQUIRE(mkdtemp(directory) != NULL);
  snprintf(path, sizeof path, "%s/image", directory);
  snprintf(other_path, sizeof other_path, "%s/other", directory);
}

static void write_file(const char *name, uint64_t length, uint8_t seed) {
  uint8_t *bytes = (uint8_t *)malloc((size_t)length + 1);
  FILE *file = fopen(name, "wb");
  REQUIRE(bytes != NULL && file != NULL);
  write_pattern(bytes, length, seed);
  REQUIRE(fwrite(bytes, 1, (size_t)length, file) == length);
  REQUIRE(fclose(file) == 0);
  free(bytes);
}

static bool file_is_pattern(const char *name, uint64_t length, uint8_t seed) {
  uint8_t *bytes = (uint8_t *)malloc((size_t)length + 1);
  FILE *file = fopen(name, "rb");
  REQUIRE(bytes != NULL && file != NULL);
  const size_t got = fread(bytes, 1, (size_t)length + 1, file);
  fclose(file);
  const bool right = got == length && is_pattern(bytes, length, seed);
  free(bytes);
  return right;
}

static wasm_memory_image_t *image_from(const char *name, uint64_t index) {
  wasm_memory_image_t *image = NULL;
  CHECK_STATUS(wasm_memory_image_from_file(name, index, &image), WASM_MEMORY_OK);
  REQUIRE(image != NULL);
  return image;
}

static void check_file_error(const char *file, int line, wasm_memory_error_t error, int os_error) {
  harness_u64(file, line, "os_error", (uint64_t)error.os_error, (uint64_t)os_error);
}
#define FILE_FAILS(call, os_error) \
  check_file_error(__FILE__, __LINE__, CHECK_FAILS(call, WASM_MEMORY_HOST_ERROR, WASM_MEMORY_REASON_FILE), (os_error))

static wasm_memory_status_t refused_file(const char *name) {
  wasm_memory_image_t *image = (wasm_memory_image_t *)POISON_POINTER;
  const wasm_memory_status_t status = wasm_memory_image_from_file(name, 0, &image);
  CHECK_POINTER(image, NULL);
  return status;
}

TEST(file_is_read_whole) {
  const uint64_t lengths[] = {1, 4095, 4096, 70001, 5 * MIB + 3};
  enter_directory();
  for (size_t i = 0; i < 5; i++) {
    write_file(path, lengths[i], (uint8_t)i);
    const tenant_image image = {image_from(path, 33), 33, lengths[i], (uint8_t)i};
    wasm_memory_t *memory = created_from(NULL, image.image, TYPE(.initial = PAGES(100)));
    tenant_sees_only(__FILE__, __LINE__, memory, &image);
    wasm_memory_delete(memory);
    wasm_memory_image_delete(image.image);
  }
  leave_directory();
}

/* Rewritten, made shorter, removed: whoever reads a page for the first time afterwards reads what was there, and lives. */
TEST(file_may_change_and_go) {
  enter_directory();
  write_file(path, 4 * PAGE, 1);
  wasm_memory_image_t *image = image_from(path, 0);
  wasm_memory_t *before = created_from(NULL, image, TYPE(.initial = PAGES(4))), *shared, *after;
  shared = created_from(NULL, image, TYPE(.initial = PAGES(4), .maximum = PAGES(4), .shared = true));
  int file = open(path, O_RDWR);
  REQUIRE(file >= 0);
  uint8_t other[4096];
  memset(other, 0xEE, sizeof other);
  REQUIRE(pwrite(file, other, sizeof other, 0) == (ssize_t)sizeof other);
  CHECK(is_pattern(wasm_memory_data(before), PAGE, 1));
  REQUIRE(ftruncate(file, 5000) == 0);
  CHECK(is_pattern(wasm_memory_data(shared), 4 * PAGE, 1));
  REQUIRE(ftruncate(file, 0) == 0);
  after = created_from(NULL, image, TYPE(.initial = PAGES(4)));
  CHECK(is_pattern(wasm_memory_data(after), 4 * PAGE, 1));
  close(file);
  unlink(path);
  CHECK(is_pattern(wasm_memory_data(before), 4 * PAGE, 1));
  wasm_memory_delete(after);
  wasm_memory_delete(shared);
  wasm_memory_delete(before);
  wasm_memory_image_delete(image);
  leave_directory();
}

TEST(empty_file) {
  enter_directory();
  write_file(path, 0, 1);
  wasm_memory_image_t *image = image_from(path, 0);
  wasm_memory_t *memory = created_from(NULL, image, TYPE(.initial = PAGES(1)));
  CHECK(all_are(wasm_memory_data(memory), 0, PAGE));
  wasm_memory_delete(memory);
  CHECK_STATUS(wasm_memory_image_write_file(image, other_path), WASM_MEMORY_OK);
  CHECK(file_is_pattern(other_path, 0, 1));
  wasm_memory_image_delete(image);
  leave_directory();
}

TEST(files_that_cannot_be_read) {
  enter_directory();
  FILE_FAILS(refused_file(path), ENOENT);
  CHECK(CHECK_FAILS(refused_file(directory), WASM_MEMORY_HOST_ERROR, WASM_MEMORY_REASON_FILE).os_error != 0);
  FILE_FAILS(refused_file(""), ENOENT);
  write_file(path, 10, 1);
  snprintf(other_path, sizeof other_path, "%s/image/under", directory);
  FILE_FAILS(refused_file(other_path), ENOTDIR);
  leave_directory();
}

/* Only the bytes, wherever in a memory they belong, and only they are then in the file. */
TEST(written_and_read_back) {
  enter_directory();
  const uint64_t lengths[] = {5 * MIB + 1, 70001, 4096, 1};
  for (size_t i = 0; i < 4; i++) { /* each shorter than what the file had */
    wasm_memory_image_t *image = pattern_image((size_t)lengths[i], i * 1000, (uint8_t)i);
    CHECK_STATUS(wasm_memory_image_write_file(image, path), WASM_MEMORY_OK);
    CHECK(file_is_pattern(path, lengths[i], (uint8_t)i));
    wasm_memory_image_delete(image);
    image = image_from(path, 77);
    CHECK_STATUS(wasm_memory_image_write_file(image, other_path), WASM_MEMORY_OK);
    CHECK(file_is_pattern(other_path, lengths[i], (uint8_t)i));
    wasm_memory_image_delete(image);
  }
  leave_directory();
}

TEST(snapshot_in_a_file) {
  enter_directory();
  wasm_memory_t *memory = created(TYPE(.initial = PAGES(2)));
  CHECK_STATUS(wasm_memory_grow(memory, 1, NULL), WASM_MEMORY_OK);
  write_pattern(wasm_memory_data(memory), 3 * PAGE, 8);
  wasm_memory_image_t *snapshot = snapshot_of(memory);
  memset(wasm_memory_data(memory), 0xEE, 3 * PAGE);
  CHECK_STATUS(wasm_memory_image_write_file(snapshot, path), WASM_MEMORY_OK);
  CHECK(file_is_pattern(path, 3 * PAGE, 8));
  wasm_memory_image_t *image = image_from(path, 0);
  wasm_memory_t *copy = created_from(NULL, image, TYPE(.initial = PAGES(5)));
  CHECK(is_pattern(wasm_memory_data(copy), 3 * PAGE, 8) && all_are(wasm_memory_data(copy) + 3 * PAGE, 0, 2 * PAGE));
  wasm_memory_delete(copy);
  wasm_memory_image_delete(image);
  wasm_memory_image_delete(snapshot);
  wasm_memory_delete(memory);
  leave_directory();
}

TEST(files_that_cannot_be_written) {
  enter_directory();
  wasm_memory_image_t *image = pattern_image(5000, 0, 1);
  FILE_FAILS(wasm_memory_image_write_file(image, directory), EISDIR);
  snprintf(other_path, sizeof other_path, "%s/none/image", directory);
  FILE_FAILS(wasm_memory_image_write_file(image, other_path), ENOENT);
  if (access("/dev/full", W_OK) == 0) FILE_FAILS(wasm_memory_image_write_file(image, "/dev/full"), ENOSPC);
  CHECK_STATUS(wasm_memory_image_write_file(image, path), WASM_MEMORY_OK); /* it is an image as good as before */
  CHECK(file_is_pattern(path, 5000, 1));
  wasm_memory_image_delete(image);
  leave_directory();
}

/* ---- where the host gives no memory file ---- */

static uint64_t descriptors(void) {
  uint64_t count = 0;
  DIR *entries = opendir("/proc/self/fd");
  REQUIRE(entries != NULL);
  while (readdir(entries) != NULL) count++;
  closedir(entries);
  return count;
}

static void images_as_ever(void) {
  const tenant_image image = tenant_image_of(3 * PAGE + 5, 100, 1);
  for (int round = 0; round < 3; round++) {
    wasm_memory_t *memory = created_from(NULL, image.image, TYPE(.initial = PAGES(5))), *other;
    other = created_from(NULL, image.image, TYPE(.initial = PAGES(4), .maximum = PAGES(4), .shared = true));
    tenant_sees_only(__FILE__, __LINE__, memory, &image);
    tenant_writes(memory);
    tenant_sees_only(__FILE__, __LINE__, other, &image);
    wasm_memory_image_t *snapshot = snapshot_of(memory);
    CHECK_STATUS(wasm_memory_reset(memory, image.image), WASM_MEMORY_OK);
    tenant_sees_only(__FILE__, __LINE__, memory, &image);
    CHECK_STATUS(wasm_memory_reset(memory, snapshot), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memory), TENANT_BYTE, 5 * PAGE));
    CHECK_STATUS(wasm_memory_reset(memory, NULL), WASM_MEMORY_OK);
    CHECK(all_are(wasm_memory_data(memory), 0, 5 * PAGE));
    wasm_memory_image_delete(snapshot);
    wasm_memory_delete(other);
    wasm_memory_delete(memory);
  }
  wasm_memory_image_delete(image.image);
}

static void without_memory_files(void) {
  if (refuse_calls(REFUSE_MEMFD)) images_as_ever();
}

TEST(memfd_create_is_refused) {
  NEEDS_REFUSED_CALLS();
  in_child(without_memory_files);
}

static void without_descriptors(void) {
  limit(RLIMIT_NOFILE, 0);
  images_as_ever();
}

TEST(no_descriptor_is_left) { in_child(without_descriptors); }

/* A file that may not be so long is a signal that kills, unless the length is asked for with care. */
static void without_file_size(void) {
  limit(RLIMIT_FSIZE, 4096);
  images_as_ever();
}

TEST(no_file_size_is_left) { in_child(without_file_size); }

static void writes_past_the_file_size(void) {
  signal(SIGXFSZ, SIG_IGN); /* a real file is the caller's, and so is the signal */
  wasm_memory_image_t *image = pattern_image(3 * PAGE, 0, 1);
  limit(RLIMIT_FSIZE, 4096);
  FILE_FAILS(wasm_memory_image_write_file(image, path), EFBIG);
  limit(RLIMIT_FSIZE, RLIM_INFINITY);
  CHECK_STATUS(wasm_memory_image_write_file(image, path), WASM_MEMORY_OK);
  CHECK(file_is_pattern(path, 3 * PAGE, 1));
  wasm_memory_image_delete(image);
}

TEST(file_that_may_not_be_so_long) {
  enter_directory();
  in_child(writes_past_the_file_size);
  leave_directory();
}

TEST(no_descriptor_stays_open) {
  enter_directory();
  write_file(path, 3 * PAGE, 1);
  images_as_ever();
  const uint64_t before = descriptors();
  for (int i = 0; i < 5; i++) {
    images_as_ever();
    wasm_memory_image_t *image = image_from(path, 0);
    CHECK_STATUS(wasm_memory_image_write_file(image, other_path), WASM_MEMORY_OK);
    CHECK(wasm_memory_image_write_file(image, directory) != WASM_MEMORY_OK);
    CHECK(refused_file(directory) != WASM_MEMORY_OK);
    wasm_memory_image_delete(image);
  }
  wasm_memory_allocator_trim(NULL);
  CHECK(descriptors() <= before);
  leave_directory();
}

/* What the library has open is not for a program that is started: exec closes it. */
TEST(descriptors_close_at_exec) {
  wasm_memory_image_t *image = pattern_image(3 * PAGE, 0, 1);
  wasm_memory_t *memory = created_from(NULL, image, TYPE(.initial = PAGES(3)));
  memset(wasm_memory_data(memory), 1, PAGE);
  CHECK_STATUS(wasm_memory_reset(memory, image), WASM_MEMORY_OK);
  char name[64], target[256];
  for (int descriptor = 3; descriptor < 64; descriptor++) {
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(name, target, sizeof target - 1);
    if (length <= 0) continue;
    target[length] = 0;
    if (strstr(target, "memfd:") == NULL && strstr(target, "pagemap") == NULL) continue;
    CHECK((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
  }
  wasm_memory_delete(memory);
  wasm_memory_image_delete(image);
}

HARNESS_MAIN(LISTED(file_is_read_whole), LISTED(file_may_change_and_go), LISTED(empty_file), LISTED(files_that_cannot_be_read),
             LISTED(written_and_read_back), LISTED(snapshot_in_a_file), LISTED(files_that_cannot_be_written), LISTED(memfd_create_is_refused),
             LISTED(no_descriptor_is_left), LISTED(no_file_size_is_left), LISTED(file_that_may_not_be_so_long), LISTED(no_descriptor_stays_open),
             LISTED(descriptors_close_at_exec))
