// Records of watched files, against what a small program did to them. Runs on the best hook that
// loads, or on the forced one.

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include <sys/mount.h>
#include <sys/stat.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::File;
using agent::decode::FileAction;

// A directory with watched paths in it, which each test makes or not: the directory `secrets` and
// the file `key` (reads and writes), the directory `lists` and the files `table*` (writes only).
class FileTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  void MakeDirectory(const std::string& name) { std::filesystem::create_directories(Path(name)); }
  void MakeFile(const std::string& name) { std::ofstream(Path(name)) << "content"; }
  int Open(const std::string& name, int flags) {
    return open(Path(name).c_str(), flags | O_CLOEXEC, 0640);
  }
  bool OpenAndClose(const std::string& name, int flags) {
    const int fd = Open(name, flags);
    return fd >= 0 && close(fd) == 0;
  }

  // The records of one file.
  std::vector<File> RecordsOf(const Recorder& recorder, const std::string& name) const {
    std::vector<File> files;
    for (const auto& [event, file] : recorder.All<File>()) {
      if (file->path == Path(name)) files.push_back(*file);
    }
    return files;
  }

  const TestDirectory directory_{"file"};
  const agent::kernel::WatchOptions watch_ = {.reads = {Path("secrets"), Path("key")},
                                              .writes = {Path("lists"), Path("table*")}};
};

TEST_F(FileTest, OpenOfAWatchedFile_IsEmitted) {
  MakeDirectory("secrets");
  MakeFile("secrets/one");
  MakeFile("key");
  Recorder recorder({.watch = watch_});
  ASSERT_NE(recorder.CoverageOf("file").hook, "");
  ASSERT_TRUE(OpenAndClose("secrets/one", O_RDONLY));
  ASSERT_TRUE(OpenAndClose("key", O_WRONLY));
  recorder.Settle();
  ASSERT_EQ(RecordsOf(recorder, "secrets/one").size(), 1u);
  const auto [event, file] = recorder.All<File>()[0];
  EXPECT_TRUE(IsProcess(event->header.process, getpid()));
  struct stat real = {};
  ASSERT_EQ(stat(Path("secrets/one").c_str(), &real), 0);
  EXPECT_EQ(file->action, FileAction::kOpen);
  EXPECT_EQ(file->inode, real.st_ino);
  EXPECT_EQ(file->device, real.st_dev);
  EXPECT_EQ(file->mode, real.st_mode);
  EXPECT_EQ(file->owner, real.st_uid);
  EXPECT_TRUE(file->reads);
  EXPECT_FALSE(file->writes || file->created || file->truncated);
  EXPECT_EQ(file->repeats, 1u);
  ASSERT_EQ(RecordsOf(recorder, "key").size(), 1u);
  EXPECT_TRUE(RecordsOf(recorder, "key")[0].writes);
  EXPECT_FALSE(RecordsOf(recorder, "key")[0].reads);
}

TEST_F(FileTest, OpenOfAnotherFile_EmitsNothing) {
  MakeDirectory("secrets/deep");
  MakeDirectory("lists");
  MakeFile("lists/one");
  MakeFile("other");
  Recorder recorder({.watch = watch_});
  ASSERT_TRUE(OpenAndClose("other", O_RDWR));
  ASSERT_TRUE(OpenAndClose("secrets", O_RDONLY | O_DIRECTORY));
  ASSERT_TRUE(OpenAndClose("lists/one", O_RDONLY));           // only writes are watched
  ASSERT_TRUE(OpenAndClose("lists/one", O_WRONLY | O_PATH));  // gives no access
  ASSERT_FALSE(OpenAndClose("secrets/missing", O_RDONLY));
  recorder.Settle();
  EXPECT_EQ(recorder.All<File>().size(), 0u);
  ASSERT_TRUE(OpenAndClose("lists/one", O_WRONLY));
  recorder.Settle();
  EXPECT_EQ(RecordsOf(recorder, "lists/one").size(), 1u);
}

TEST_F(FileTest, RepeatedOpens_AreEmittedOncePerProcessAndAccess) {
  MakeDirectory("secrets");
  MakeFile("secrets/one");
  Recorder recorder({.watch = watch_});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(OpenAndClose("secrets/one", O_RDONLY));
  ASSERT_TRUE(OpenAndClose("secrets/one", O_RDWR));  // another access
  Child other([&] { return OpenAndClose("secrets/one", O_RDONLY) ? 0 : 1; });
  EXPECT_EQ(other.Wait(), 0);
  recorder.Settle();
  EXPECT_EQ(RecordsOf(recorder, "secrets/one").size(), 3u);
}

// Many file systems give the inode number of a removed file to the next new one.
TEST_F(FileTest, FileWithAReusedInodeNumber_IsEmitted) {
  MakeDirectory("secrets");
  Recorder recorder({.watch = watch_});
  for (const std::string name : {"secrets/one", "secrets/two"}) {
    MakeFile(name);
    ASSERT_TRUE(OpenAndClose(name, O_RDONLY));
    ASSERT_TRUE(std::filesystem::remove(Path(name)));
  }
  recorder.Settle();
  for (const std::string name : {"secrets/one", "secrets/two"}) {
    std::vector<File> opens = RecordsOf(recorder, name);
    std::erase_if(opens, [](const File& file) { return file.writes; });
    EXPECT_EQ(opens.size(), 1u) << name;
  }
}

TEST_F(FileTest, NewFileInAWatchedDirectory_IsEmittedWithoutASearch) {
  MakeDirectory("secrets");
  Recorder recorder({.watch = watch_});
  ASSERT_TRUE(OpenAndClose("secrets/new", O_WRONLY | O_CREAT));
  recorder.Settle();
  ASSERT_EQ(RecordsOf(recorder, "secrets/new").size(), 1u);
  EXPECT_TRUE(RecordsOf(recorder, "secrets/new")[0].created);
  EXPECT_TRUE(RecordsOf(recorder, "secrets/new")[0].writes);
  EXPECT_EQ(RecordsOf(recorder, "secrets/new")[0].mode & 07777, 0640u);
}

TEST_F(FileTest, WatchedPathThatAppearsLater_IsEmittedAtOnce) {
  Recorder recorder({.watch = watch_});
  ASSERT_TRUE(OpenAndClose("key", O_WRONLY | O_CREAT));
  // The directory and the files in it, before any search.
  MakeDirectory("secrets");
  ASSERT_TRUE(OpenAndClose("secrets/first", O_WRONLY | O_CREAT));
  ASSERT_TRUE(OpenAndClose("secrets/second", O_WRONLY | O_CREAT));
  ASSERT_TRUE(OpenAndClose("key", O_RDONLY));
  // Removed and created again.
  ASSERT_EQ(unlink(Path("key").c_str()), 0);
  ASSERT_TRUE(OpenAndClose("key", O_RDWR | O_CREAT));
  ASSERT_TRUE(OpenAndClose("other", O_WRONLY | O_CREAT));
  recorder.Settle();
  EXPECT_EQ(RecordsOf(recorder, "key").size(), 3u);
  EXPECT_EQ(RecordsOf(recorder, "secrets/first").size(), 1u);
  EXPECT_EQ(RecordsOf(recorder, "secrets/second").size(), 1u);
  EXPECT_EQ(recorder.All<File>().size(), 5u);
}

TEST_F(FileTest, DeeperOrPatternPathThatAppearsLater_IsEmittedAfterASearch) {
  MakeDirectory("secrets");
  Recorder recorder({.watch = watch_});
  MakeDirectory("secrets/deeper/still");
  MakeFile("secrets/deeper/still/one");
  MakeFile("table1");  // matches a pattern
  recorder.sensor()->AttachNewUprobes();
  ASSERT_TRUE(OpenAndClose("secrets/deeper/still/one", O_RDONLY));
  ASSERT_TRUE(OpenAndClose("table1", O_RDWR));
  recorder.Settle();
  EXPECT_EQ(RecordsOf(recorder, "secrets/deeper/still/one").size(), 1u);
  EXPECT_EQ(RecordsOf(recorder, "table1").size(), 1u);
}

TEST_F(FileTest, OpenWithTruncation_IsMarkedWhereTheHookSeesIt) {
  MakeDirectory("secrets");
  MakeFile("secrets/one");
  Recorder recorder({.watch = watch_});
  ASSERT_TRUE(OpenAndClose("secrets/one", O_WRONLY | O_TRUNC));
  recorder.Settle();
  ASSERT_EQ(RecordsOf(recorder, "secrets/one").size(), 1u);
  EXPECT_EQ(RecordsOf(recorder, "secrets/one")[0].truncated,
            recorder.CoverageOf("file").hook.find("syscalls") == std::string::npos);
}

TEST_F(FileTest, RenameOrLinkIntoAWatchedPlace_IsEmitted) {
  MakeDirectory("secrets");
  MakeFile("key");
  for (const char* name : {"a", "b", "c", "d", "e"}) MakeFile(name);
  Recorder recorder({.watch = watch_});
  ASSERT_EQ(rename(Path("a").c_str(), Path("secrets/a").c_str()), 0);
  ASSERT_EQ(rename(Path("b").c_str(), Path("key").c_str()), 0);
  ASSERT_EQ(link(Path("c").c_str(), Path("secrets/c").c_str()), 0);
  ASSERT_EQ(rename(Path("d").c_str(), Path("other").c_str()), 0);
  // A file that was moved there is watched from then on.
  ASSERT_TRUE(OpenAndClose("key", O_RDONLY));
  recorder.Settle();
  const bool seen = !recorder.CoverageOf("rename").hook.empty();
  if (!seen) {
    // The source is reported as blind; the next search finds the files that are still there.
    EXPECT_EQ(recorder.All<File>().size(), 0u);
    recorder.sensor()->AttachNewUprobes();
    ASSERT_TRUE(OpenAndClose("key", O_RDONLY));
    recorder.Settle();
    EXPECT_EQ(RecordsOf(recorder, "key").size(), 1u);
    return;
  }
  ASSERT_EQ(recorder.All<File>().size(), 4u);
  EXPECT_EQ(recorder.All<File>()[0].second->action, FileAction::kRename);
  EXPECT_THAT(recorder.All<File>()[0].second->path, testing::EndsWith("secrets/a"));
  EXPECT_EQ(recorder.All<File>()[1].second->action, FileAction::kRename);
  EXPECT_THAT(recorder.All<File>()[1].second->path, testing::EndsWith("key"));
  EXPECT_EQ(recorder.All<File>()[2].second->action, FileAction::kLink);
  EXPECT_EQ(recorder.All<File>()[3].second->action, FileAction::kOpen);
}

TEST_F(FileTest, SymbolicLinkInAWatchedPlace_IsEmitted) {
  MakeDirectory("secrets");
  Recorder recorder({.watch = watch_});
  ASSERT_NE(recorder.sensor(), nullptr);
  ASSERT_EQ(symlink("/nowhere", Path("secrets/elsewhere").c_str()), 0);
  ASSERT_EQ(symlink("/nowhere", Path("elsewhere").c_str()), 0);
  recorder.Settle();
  const auto files = recorder.All<File>();
  ASSERT_EQ(files.size(), recorder.CoverageOf("rename").hook.empty() ? 0u : 1u);
  if (files.empty()) return;
  EXPECT_EQ(files[0].second->action, FileAction::kSymlink);
  EXPECT_THAT(files[0].second->path, testing::EndsWith("secrets/elsewhere"));
  EXPECT_EQ(files[0].second->inode, 0u);
  EXPECT_TRUE(IsProcess(files[0].first->header.process, getpid()));
}

TEST_F(FileTest, WatchedFilesOfAnotherMountNamespace_AreEmitted) {
  MakeDirectory("secrets");
  int ready[2], go[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(go), 0);
  Child container([&] {
    char byte = 0;
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return 1;
    if (mount("tmpfs", Path("secrets").c_str(), "tmpfs", 0, nullptr) != 0) return 2;
    MakeFile("secrets/one");
    if (write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 1) return 3;
    return OpenAndClose("secrets/one", O_RDONLY) && OpenAndClose("secrets/new", O_RDWR | O_CREAT)
               ? 0
               : 4;
  });
  char byte = 0;
  close(ready[1]);
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  Recorder recorder({.watch = watch_});
  ASSERT_EQ(write(go[1], "x", 1), 1);
  EXPECT_EQ(container.Wait(), 0);
  recorder.Settle();
  EXPECT_EQ(RecordsOf(recorder, "secrets/one").size(), 1u);
  EXPECT_EQ(RecordsOf(recorder, "secrets/new").size(), 1u);
  for (int fd : {ready[0], go[0], go[1]}) close(fd);
}

// The caller's path can change while the call runs: the record holds the path of the opened file.
TEST_F(FileTest, OpenThroughLinksOrADescriptor_EmitsTheFilesOwnPath) {
  MakeDirectory("secrets");
  MakeFile("secrets/one");
  ASSERT_EQ(symlink("secrets", Path("innocent").c_str()), 0);
  Recorder recorder({.watch = watch_});
  ASSERT_TRUE(OpenAndClose("innocent/../innocent/one", O_RDONLY));
  const int directory = Open("secrets", O_PATH | O_DIRECTORY);
  const int fd = openat(directory, "./one", O_RDWR | O_CLOEXEC);
  EXPECT_GE(fd, 0);
  recorder.Settle();
  EXPECT_EQ(RecordsOf(recorder, "secrets/one").size(), 2u);
  close(fd);
  close(directory);
}

}  // namespace
}  // namespace hoptrail::kernel_test
