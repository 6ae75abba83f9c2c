// Records of exec, against what a small program did.

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::StreamKind;
using ::testing::ElementsAre;
using ExecEvent = agent::decode::Exec;

const ExecEvent* WaitForExec(Recorder* recorder, pid_t pid, const Event** event = nullptr) {
  const Event* found =
      recorder->WaitForBody<ExecEvent>("exec", [&](const Event& e, const ExecEvent&) {
        return e.header.process.tgid == static_cast<uint32_t>(pid);
      });
  if (event != nullptr) *event = found;
  return found == nullptr ? nullptr : &std::get<ExecEvent>(found->body);
}

ino_t InodeOf(int fd) {
  struct stat file = {};
  fstat(fd, &file);
  return file.st_ino;
}

class ScratchDirectory {
 public:
  ScratchDirectory() {
    char name[] = "/tmp/hoptrail-kernel-XXXXXX";
    path_ = std::filesystem::canonical(mkdtemp(name));
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Runs `program` from its descriptor, as fexecve does.
int ExecDescriptor(int fd) {
  char name[] = "from-descriptor";
  char* arguments[] = {name, nullptr};
  char* environment[] = {nullptr};
  fexecve(fd, arguments, environment);
  return 127;
}

TEST(ExecTest, ExecOfAMemfd_IsMarkedMemoryOnly) {
  Recorder recorder;
  const UniqueFd memory(memfd_create("innocent", MFD_CLOEXEC));
  ASSERT_TRUE(memory.valid());
  {
    const std::string path = "/proc/self/fd/" + std::to_string(memory.get());
    std::ifstream from("/bin/true", std::ios::binary);
    std::ofstream(path, std::ios::binary) << from.rdbuf();
  }
  Child child([&] { return ExecDescriptor(memory.get()); });
  const ExecEvent* exec = WaitForExec(&recorder, child.pid());
  EXPECT_EQ(child.Wait(), 0);
  ASSERT_NE(exec, nullptr);
  EXPECT_TRUE(exec->memory_only);
  EXPECT_FALSE(exec->deleted);
  EXPECT_EQ(exec->image.path, "/memfd:innocent");
}

TEST(ExecTest, ExecOfARemovedFile_IsMarkedDeleted) {
  Recorder recorder;
  const ScratchDirectory directory;
  const std::string program = directory.path() + "/gone";
  std::filesystem::copy_file("/bin/true", program);
  const UniqueFd fd(open(program.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(unlink(program.c_str()), 0);
  Child child([&] { return ExecDescriptor(fd.get()); });
  const ExecEvent* exec = WaitForExec(&recorder, child.pid());
  EXPECT_EQ(child.Wait(), 0);
  ASSERT_NE(exec, nullptr);
  EXPECT_TRUE(exec->deleted);
  EXPECT_FALSE(exec->memory_only);
  EXPECT_EQ(exec->image.path, program);
}

// A file with two links of which one is removed is not deleted, and a file in a file system in
// memory is not memory-only.
TEST(ExecTest, ExecOfAFileWithOneLinkLeft_IsNotMarked) {
  Recorder recorder;
  const ScratchDirectory directory;
  const std::string program = directory.path() + "/program";
  std::filesystem::copy_file("/bin/true", program);
  std::filesystem::create_hard_link(program, program + "2");
  ASSERT_EQ(unlink(program.c_str()), 0);
  Child child([&] { return Exec({program + "2"}); });
  const ExecEvent* exec = WaitForExec(&recorder, child.pid());
  EXPECT_EQ(child.Wait(), 0);
  ASSERT_NE(exec, nullptr);
  EXPECT_FALSE(exec->deleted);
  EXPECT_FALSE(exec->memory_only);
}

TEST(ExecTest, Exec_EmitsTheProgramAndItsArguments) {
  Recorder recorder;
  const ScratchDirectory scratch;
  const std::string directory = scratch.path() + "/one/two three";
  std::filesystem::create_directories(directory);
  Child child([&] {
    if (chdir(directory.c_str()) != 0) return 1;
    return Exec({"/bin/echo", "", "a b", "\xff\x01"});
  });
  const Event* event = nullptr;
  const ExecEvent* exec = WaitForExec(&recorder, child.pid(), &event);
  ASSERT_NE(exec, nullptr);
  struct stat file;
  ASSERT_EQ(stat("/bin/echo", &file), 0);
  EXPECT_EQ(exec->image.path, std::filesystem::canonical("/bin/echo"));
  EXPECT_THAT(exec->image.arguments, ElementsAre("/bin/echo", "", "a b", "\xff\x01"));
  EXPECT_FALSE(exec->image.arguments_truncated);
  EXPECT_EQ(exec->image.working_directory, directory);
  EXPECT_EQ(exec->image.device, file.st_dev);
  EXPECT_EQ(exec->image.inode, file.st_ino);
  EXPECT_FALSE(exec->set_id);
  EXPECT_EQ(event->header.command, "echo");
  EXPECT_EQ(event->header.parent.tgid, static_cast<uint32_t>(getpid()));
}

TEST(ExecTest, ExecOfAScript_EmitsTheInterpreter) {
  Recorder recorder;
  const ScratchDirectory directory;
  const std::string script = directory.path() + "/script";
  std::ofstream(script) << "#!/bin/sh\nexit 0\n";
  ASSERT_EQ(chmod(script.c_str(), 0755), 0);
  Child child([&] { return Exec({script, "x"}); });
  const ExecEvent* exec = WaitForExec(&recorder, child.pid());
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->image.path, std::filesystem::canonical("/bin/sh"));
  EXPECT_THAT(exec->image.arguments, ElementsAre("/bin/sh", script, "x"));
}

TEST(ExecTest, ExecOfAMemfdByItsPath_EmitsTheMemfdsName) {
  Recorder recorder;
  const UniqueFd memory(memfd_create("payload", 0));
  std::ifstream binary("/bin/true", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(binary)),
                          std::istreambuf_iterator<char>());
  ASSERT_EQ(write(memory.get(), bytes.data(), bytes.size()), ssize_t(bytes.size()));
  Child child([&] { return Exec({"/proc/self/fd/" + std::to_string(memory.get())}); });
  const ExecEvent* exec = WaitForExec(&recorder, child.pid());
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->image.path, "/memfd:payload");
}

// argv[0] and one more argument: `total` bytes with their NULs.
std::vector<std::string> ArgumentsOf(size_t total) {
  const std::string program = "/bin/true";
  return {program, std::string(total - program.size() - 2, 'a')};
}

TEST(ExecTest, ArgumentsOf4096Bytes_AreWhole) {
  Recorder recorder;
  Child child([] { return Exec(ArgumentsOf(4096)); });
  const ExecEvent* exec = WaitForExec(&recorder, child.pid());
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->image.arguments, ArgumentsOf(4096));
  EXPECT_FALSE(exec->image.arguments_truncated);
}

TEST(ExecTest, LongerArguments_AreCutAndMarkedTruncated) {
  for (size_t total : {size_t{4097}, size_t{100000}}) {
    Recorder recorder;
    Child child([&] { return Exec(ArgumentsOf(total)); });
    const ExecEvent* exec = WaitForExec(&recorder, child.pid());
    ASSERT_NE(exec, nullptr);
    ASSERT_EQ(exec->image.arguments.size(), 2u);
    EXPECT_EQ(exec->image.arguments[0].size() + 1 + exec->image.arguments[1].size(), 4096u);
    EXPECT_TRUE(exec->image.arguments_truncated);
  }
}

TEST(ExecTest, DeepWorkingDirectory_IsCutAtItsFront) {
  Recorder recorder;
  const ScratchDirectory directory;
  std::string tail;
  for (int i = 0; i < 60; ++i) tail += "/d" + std::to_string(i);
  std::filesystem::create_directories(directory.path() + tail);
  Child child([&] {
    if (chdir((directory.path() + tail).c_str()) != 0) return 1;
    return Exec({"/bin/true"});
  });
  const ExecEvent* exec = WaitForExec(&recorder, child.pid());
  ASSERT_NE(exec, nullptr);
  const std::string& emitted = exec->image.working_directory;
  ASSERT_GT(emitted.size(), 20u);
  EXPECT_NE(emitted[0], '/');
  EXPECT_EQ(emitted, tail.substr(tail.size() - emitted.size()));
}

TEST(ExecTest, ExecInAChangedRoot_EmitsPathsFromThatRoot) {
  Recorder recorder;
  const ScratchDirectory directory;
  // The root has no libraries, so the program must be static. ldconfig is, and is on every machine.
  const std::string program = "/sbin/ldconfig";
  if (!std::filesystem::exists(program)) GTEST_FAIL() << "needs " << program;
  std::filesystem::create_directories(directory.path() + "/inner");
  std::filesystem::copy(program, directory.path() + "/inner/program");
  Child child([&] {
    if (chroot(directory.path().c_str()) != 0 || chdir("/inner") != 0) return 1;
    return Exec({"/inner/program", "-V"});
  });
  const ExecEvent* exec = WaitForExec(&recorder, child.pid());
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->image.working_directory, "/inner");
  EXPECT_EQ(exec->image.path, "/inner/program");
}

TEST(ExecTest, Exec_EmitsTheKindsOfItsStreams) {
  Recorder recorder;
  const ScratchDirectory directory;
  int pipe_ends[2], unix_ends[2], terminal, other_end;
  ASSERT_EQ(pipe(pipe_ends), 0);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, unix_ends), 0);
  ASSERT_EQ(openpty(&other_end, &terminal, nullptr, nullptr, nullptr), 0);
  const int file = open((directory.path() + "/f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  auto run = [&](int in, int out, int error) {
    return std::make_unique<Child>([=] {
      // First to descriptors above 2, so that none is overwritten before it is copied.
      const int fds[3] = {in < 0 ? -1 : fcntl(in, F_DUPFD, 100),
                          out < 0 ? -1 : fcntl(out, F_DUPFD, 100),
                          error < 0 ? -1 : fcntl(error, F_DUPFD, 100)};
      for (int i = 0; i < 3; ++i) fds[i] < 0 ? close(i) : dup2(fds[i], i);
      return Exec({"/bin/true"});
    });
  };
  {
    auto child = run(pipe_ends[0], file, unix_ends[0]);
    const ExecEvent* exec = WaitForExec(&recorder, child->pid());
    ASSERT_NE(exec, nullptr);
    EXPECT_EQ(exec->streams[0].kind, StreamKind::kPipe);
    EXPECT_EQ(exec->streams[0].inode, InodeOf(pipe_ends[0]));
    EXPECT_EQ(exec->streams[1].kind, StreamKind::kFile);
    EXPECT_EQ(exec->streams[1].inode, InodeOf(file));
    EXPECT_EQ(exec->streams[2].kind, StreamKind::kUnix);
    EXPECT_EQ(exec->streams[2].inode, InodeOf(unix_ends[0]));
  }
  {
    auto child = run(terminal, null, -1);
    const ExecEvent* exec = WaitForExec(&recorder, child->pid());
    ASSERT_NE(exec, nullptr);
    struct stat tty;
    ASSERT_EQ(fstat(terminal, &tty), 0);
    EXPECT_EQ(exec->streams[0].kind, StreamKind::kTerminal);
    EXPECT_EQ(exec->streams[0].device, major(tty.st_rdev) << 20 | minor(tty.st_rdev));
    EXPECT_EQ(exec->streams[1].kind, StreamKind::kOther);
    EXPECT_EQ(exec->streams[2].kind, StreamKind::kClosed);
  }
  for (int fd :
       {pipe_ends[0], pipe_ends[1], unix_ends[0], unix_ends[1], terminal, other_end, file, null}) {
    close(fd);
  }
}

TEST(ExecTest, ExecOfASetUidProgram_IsMarkedSetId) {
  Recorder recorder;
  Child child([] {
    if (setgid(65534) != 0 || setuid(65534) != 0) return 1;
    return Exec({"/bin/su", "--version"});
  });
  const Event* event = nullptr;
  const ExecEvent* exec = WaitForExec(&recorder, child.pid(), &event);
  ASSERT_NE(exec, nullptr);
  EXPECT_TRUE(exec->set_id);
  EXPECT_EQ(event->header.credentials.uid, 65534u);
  EXPECT_EQ(event->header.credentials.euid, 0u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
