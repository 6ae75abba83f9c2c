// An open's record shows the file that was opened, also when another thread changes the path while
// open(2) runs: from one watched file to another, or to a file that is not watched.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include "tests/kernel/swapper.h"
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::File;
using agent::decode::FileAction;

// Eight bytes each, so that one store changes the path from one directory to another.
constexpr char kWatched[] = "secretsA", kAlsoWatched[] = "secretsB", kOther[] = "harmless";

enum class Call { kOpen, kOpenat, kOpenat2 };

struct Race {
  const char* name;
  const char* directories[2];
  Call call;
};

int OpenBy(Call call, const char* path) {
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC;
  switch (call) {
    case Call::kOpen:
#if defined(SYS_open)
      return static_cast<int>(syscall(SYS_open, path, O_RDONLY | O_CLOEXEC));
#endif
    case Call::kOpenat:
      return openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    case Call::kOpenat2:
      return static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
  }
  abort();
}

// An open file as fstat(2) and /proc show it.
struct Opened {
  std::string path;
  uint64_t inode = 0;
  uint64_t device = 0;
  bool operator==(const Opened&) const = default;
};

Opened OpenedBy(int fd) {
  struct stat file = {};
  EXPECT_EQ(fstat(fd, &file), 0);
  return {std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)), file.st_ino,
          file.st_dev};
}

class OpenRaceTest : public testing::TestWithParam<Race> {
 protected:
  // Repeated opens of one file are only counted, so each round has files of its own.
  static constexpr int kRounds = 1000;

  OpenRaceTest() {
    for (const char* name : {kWatched, kAlsoWatched, kOther}) {
      std::filesystem::create_directory(directory_.path() + "/" + name);
      for (int round = 0; round < kRounds; ++round) {
        EXPECT_TRUE(WriteWholeFile(PathOf(name, round), name));
      }
    }
  }

  std::string PathOf(const std::string& name, int round) const {
    return directory_.path() + "/" + name + "/" + std::to_string(round);
  }

  const TestDirectory directory_{"open_race"};
};

TEST_P(OpenRaceTest, PathSwappedDuringTheOpen_EmitsTheOpenedFile) {
  Recorder recorder({.watch = {.reads = {directory_.path() + "/" + kWatched,
                                         directory_.path() + "/" + kAlsoWatched}}});
  ASSERT_NE(recorder.sensor(), nullptr);
  // The kernel copies a path in words of eight bytes from its start, so the directory's name must
  // be one such word.
  alignas(8) char memory[512] = {};
  char* const name = memory + 256;
  char* const path = name - (directory_.path().size() + 8) / 8 * 8;
  const char* const* directories = GetParam().directories;
  std::vector<Opened> truth;
  int opened[2] = {};
  uint64_t names[2];
  for (int i = 0; i < 2; ++i) std::memcpy(&names[i], directories[i], 8);
  std::fill(path, name, '/');
  directory_.path().copy(path, sizeof(memory) / 2);
  std::memcpy(name, directories[0], 8);
  name[8] = '/';
  Swapper swapper(name, names[0], names[1]);
  for (int round = 0; round < kRounds; ++round) {
    if (round % 16 == 0) swapper.AwaitTurn();
    std::to_string(round).copy(name + 9, 8);  // after the swapped name; it never gets shorter
    const UniqueFd fd(OpenBy(GetParam().call, path));
    ASSERT_TRUE(fd.valid()) << strerror(errno);
    const Opened file = OpenedBy(fd.get());
    ++opened[file.path == PathOf(directories[1], round)];
    if (file.path != PathOf(kOther, round)) truth.push_back(file);
  }
  for (int count : opened) EXPECT_GT(count, 0) << "every open saw the same path: there was no race";
  recorder.Settle();
  std::vector<Opened> emitted;
  for (const auto& [event, file] : recorder.All<File>()) {
    EXPECT_TRUE(IsProcess(event->header.process, getpid()));
    EXPECT_EQ(file->action, FileAction::kOpen);
    EXPECT_EQ(file->repeats, 1u);
    emitted.push_back({file->path, file->inode, file->device});
  }
  EXPECT_TRUE(emitted == truth) << emitted.size() << " emitted of " << truth.size();
  EXPECT_EQ(recorder.Lost("file"), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Races, OpenRaceTest,
    testing::Values(Race{"OpenatWatchedOrNot", {kWatched, kOther}, Call::kOpenat},
                    Race{"OpenatTwoWatched", {kWatched, kAlsoWatched}, Call::kOpenat},
                    Race{"Openat2WatchedOrNot", {kWatched, kOther}, Call::kOpenat2},
                    Race{"OpenWatchedOrNot", {kWatched, kOther}, Call::kOpen}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace hoptrail::kernel_test
