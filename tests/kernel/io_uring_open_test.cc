// Opens of watched files through io_uring: by the calling thread, by io_uring's workers, and by its
// polling thread. They are told once, as of the process whose ring it is, or the coverage report
// says that they are not.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/io_uring.h"
#include "tests/kernel/programs.h"
#include <linux/openat2.h>
#include <sys/stat.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::File;
using agent::decode::FileAction;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr char kNotSeen[] = "open by io_uring";

class IoUringOpenTest : public RingTest {
 protected:
  IoUringOpenTest() {
    std::filesystem::create_directory(folder_.path() + "/secrets");
    EXPECT_TRUE(WriteWholeFile(secret_, "secret"));
    EXPECT_TRUE(WriteWholeFile(held_, "held"));
    EXPECT_TRUE(WriteWholeFile(other_, "other"));
  }

  static io_uring_sqe Open(const std::string& path, int flags) {
    io_uring_sqe entry = {};
    entry.opcode = IORING_OP_OPENAT;
    entry.flags = GetParam().flags;
    entry.fd = AT_FDCWD;
    entry.addr = reinterpret_cast<uint64_t>(path.c_str());
    entry.open_flags = static_cast<uint32_t>(flags | O_CLOEXEC);
    return entry;
  }

  static io_uring_sqe Open2(const std::string& path, const open_how& how) {
    io_uring_sqe entry = Open(path, 0);
    entry.opcode = IORING_OP_OPENAT2;
    entry.open_flags = 0;
    entry.len = sizeof(how);
    entry.off = reinterpret_cast<uint64_t>(&how);
    return entry;
  }

  // What one file's record must say.
  void CheckTold(const Event* event, const File& file, uint32_t pid, bool writes) const {
    struct stat real = {};
    ASSERT_EQ(stat(secret_.c_str(), &real), 0);
    EXPECT_EQ(event->header.process.tgid, pid) << event->header.command;
    EXPECT_EQ(event->header.parent.tgid, static_cast<uint32_t>(getpid()));
    EXPECT_EQ(file.action, FileAction::kOpen);
    EXPECT_EQ(file.path, secret_);
    EXPECT_EQ(file.inode, real.st_ino);
    EXPECT_EQ(file.device, real.st_dev);
    EXPECT_EQ(file.repeats, 1u);
    EXPECT_EQ(file.writes, writes);
    EXPECT_TRUE(file.reads);
  }

  const TestFolder folder_;
  const std::string secret_ = folder_.path() + "/secrets/one";
  const std::string held_ =
      folder_.path() + "/secrets/held";  // nobody opens it while he is watched
  const std::string other_ = folder_.path() + "/other";
};

TEST_P(IoUringOpenTest, AnOpenIsItsOwners) {
  const UniqueFd held(open(held_.c_str(), O_RDONLY | O_CLOEXEC));
  Recorder recorder({.watch = {.reads = {folder_.path() + "/secrets"}}});
  Child child([&] {
    Ring ring(GetParam().polled);
    // This is not told: an open that fails, and one into the ring's own table. The result of that
    // is 0 and no descriptor; what stands on descriptor 0 is another file.
    if (ring.Run(Open(secret_, O_RDONLY | O_DIRECTORY)) >= 0) return 1;
    dup2(held.get(), 0);
    io_uring_sqe into_table = Open(other_, O_RDONLY);
    into_table.open_flags = O_RDONLY;
    into_table.file_index = 1;
    const int result = ring.RunWithTable(into_table);
    if (result < 0 && result != -EINVAL) return 2;
    const UniqueFd other(ring.Run(Open(other_, O_RDWR)));
    const int fd = ring.Run(Open(secret_, O_RDONLY));
    if (fd == -EINVAL) return kRefused;
    const UniqueFd secret(fd);
    open_how how = {};
    how.flags = O_RDWR | O_CLOEXEC;
    const UniqueFd again(ring.Run(Open2(secret_, how)));
    char text[8] = {};
    return other.valid() && read(secret.get(), text, sizeof(text)) == 6 && again.valid() ? 0 : 3;
  });
  const auto pid = static_cast<uint32_t>(child.pid());
  const int status = child.Wait();
  recorder.Settle();
  const auto told = recorder.All<File>();
  const bool seen = !testing::Value(recorder.CoverageOf("file").misses, Contains(kNotSeen));
  if (!seen || status == kRefused << 8) {
    EXPECT_TRUE(told.empty());
    return;
  }
  ASSERT_EQ(status, 0);
  ASSERT_EQ(told.size(), 2u);
  for (size_t i = 0; i < 2; ++i) CheckTold(told[i].first, *told[i].second, pid, i == 1);
}

// A caller can ask for no completion. Hooks on the open itself see it all the same; the report
// says where they are not to be had.
TEST_P(IoUringOpenTest, AnOpenThatHidesIsToldOrReportedAsNotSeen) {
  Recorder recorder({.watch = {.reads = {secret_}}});
  Child child([&] {
    Ring ring(GetParam().polled);
    io_uring_sqe hidden = Open(secret_, O_RDONLY);
    hidden.flags |= IOSQE_CQE_SKIP_SUCCESS;
    const int next = dup(STDIN_FILENO);  // the descriptor that it will get
    close(next);
    if (!ring.Submit(hidden)) return 1;
    for (int i = 0; i < 10000; ++i) {
      if (fcntl(next, F_GETFD) >= 0) return 0;
      if (ring.HasResult()) return kRefused;
      usleep(1000);
    }
    return 3;
  });
  const auto pid = static_cast<uint32_t>(child.pid());
  const int status = child.Wait();
  recorder.Settle();
  if (status == kRefused << 8) return;  // IOSQE_CQE_SKIP_SUCCESS is not known here
  ASSERT_EQ(status, 0);
  const auto told = recorder.All<File>();
  const model::FactCoverage coverage = recorder.CoverageOf("file");
  if (testing::Value(coverage.misses, Contains(HasSubstr("io_uring")))) {
    EXPECT_TRUE(told.empty()) << "more is seen than the coverage report says";
    return;
  }
  ASSERT_EQ(told.size(), 1u) << coverage.hook;
  CheckTold(told[0].first, *told[0].second, pid, false);
}

INSTANTIATE_TEST_SUITE_P(Ways, IoUringOpenTest, RingWays(), RingWayName);

}  // namespace
}  // namespace hoptrail::kernel_test
