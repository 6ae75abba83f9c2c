// A child process confines itself and then tries what a confined process may not do.

#include "agent/privilege/confine.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "agent/privilege/capabilities.h"
#include "agent/privilege/system_call_table.h"
#include "agent/privilege/system_calls.h"
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace hoptrail::agent::privilege {
namespace {

std::string TestDirectory() {
  std::string directory = testing::TempDir() + "/confine_XXXXXX";
  EXPECT_NE(::mkdtemp(directory.data()), nullptr);
  return directory;
}

// The status of wait(2) of a child that confines itself and then ends with what `act` returns.
int InChild(const std::function<absl::Status()>& confine, const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    const absl::Status status = confine();
    if (!status.ok()) {
      fprintf(stderr, "%s\n", status.ToString().c_str());
      ::_exit(100);
    }
    ::_exit(act());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

absl::Status BeWorker(const std::string& directory) {
  MissingRestrictions missing;
  return ConfineWorker({.read = {"/proc"}, .write = {directory}}, &missing);
}

absl::Status BeLoader() {
  MissingRestrictions missing;
  return ConfineLoader(false, &missing);
}

// A check at the start as root must not accept a key of another user that the worker cannot read.
TEST(Capabilities, WithoutCapabilities_FileModesDecide) {
  const std::string directory = TestDirectory();
  const std::string file = directory + "/key";
  { std::ofstream stream(file); }
  std::filesystem::permissions(file, std::filesystem::perms::none);
  const auto opens = [&] {
    const int fd = ::open(file.c_str(), O_RDONLY);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
  };
  const bool before = opens();
  {
    const WithoutCapabilities none;
    EXPECT_FALSE(opens());
  }
  EXPECT_EQ(opens(), before);
  std::filesystem::remove_all(directory);
}

// A grandchild outlives its parent, the child; its bytes and the end of the pipe show for how long.
TEST(EndSoonAfter, ParentEnds_ProcessLivesOnForAMoment) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t parent = ::getpid();
    int ready[2];
    if (::pipe(ready) != 0) ::_exit(1);
    if (::fork() == 0) {
      ::close(ends[0]);
      const bool set = EndSoonAfter(parent).ok();
      if (::write(ready[1], "r", 1) != 1 || !set) ::_exit(1);
      while (::getppid() == parent) ::usleep(1000);
      // This byte comes after the parent's end. Then the process hangs until the signal kills it,
      // which closes the pipe.
      if (::write(ends[1], "x", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char byte;
    ::_exit(::read(ready[0], &byte, 1) == 1 ? 0 : 1);
  }
  ::close(ends[1]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "the last writer has ended";
  ::close(ends[0]);
}

class Confined : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // The errno of the call; 0 where it succeeded.
  void WorkerGets(int wanted, const std::function<long()>& call) {
    const int status =
        InChild([this] { return BeWorker(directory_); }, [&] { return call() < 0 ? errno : 0; });
    ASSERT_TRUE(WIFEXITED(status)) << DescribeEnd(status);
    EXPECT_EQ(WEXITSTATUS(status), wanted) << strerror(WEXITSTATUS(status));
  }
  void Dies(const std::function<absl::Status()>& confine, const std::function<long()>& call) {
    const int status = InChild(confine, [&] { return call() < 0 ? errno : 0; });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << DescribeEnd(status);
  }
  void WorkerDies(const std::function<long()>& call) {
    Dies([this] { return BeWorker(directory_); }, call);
  }

  const std::string directory_ = TestDirectory();
};

TEST_F(Confined, Worker_MayUseItsFilesAndSockets) {
  const std::string file = directory_ + "/file";
  WorkerGets(0, [&] { return ::open(file.c_str(), O_RDWR | O_CREAT, 0600); });
  WorkerGets(0, [&] { return ::unlink(file.c_str()); });
  WorkerGets(0, [] { return ::open("/proc/self/status", O_RDONLY); });
  WorkerGets(0, [] { return ::socket(AF_INET, SOCK_STREAM, 0); });
  WorkerGets(0, [] { return ::socket(AF_INET6, SOCK_DGRAM, 0); });
}

TEST_F(Confined, Worker_CannotOpenOtherFiles) {
  WorkerGets(EACCES, [] { return ::open("/etc/shadow", O_RDONLY); });
  WorkerGets(EACCES, [] { return ::open("/etc/passwd", O_RDONLY); });
  WorkerGets(EACCES, [] { return ::open("/etc/cron.d/new", O_WRONLY | O_CREAT, 0600); });
  WorkerGets(EACCES, [] { return ::open("/proc/sys/kernel/core_pattern", O_WRONLY); });
  WorkerGets(EACCES, [] { return ::open("/tmp", O_RDONLY | O_DIRECTORY); });
}

TEST_F(Confined, WorkerCallsWhatNoLibraryCalls_IsKilled) {
  WorkerDies([] {
    char* none[] = {nullptr};
    return ::execve("/bin/true", none, none);
  });
  if (!kSanitized) WorkerDies([] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); });
  WorkerDies([] {
    bpf_attr attributes = {};
    return ::syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attributes, sizeof(attributes));
  });
  WorkerDies([] { return ::kill(1, 0); });
  WorkerDies([] { return ::kill(::getppid(), SIGKILL); });
  WorkerDies([] { return ::listen(0, 1); });
  WorkerDies([] { return ::unshare(0); });
  WorkerDies([] { return ::setuid(0); });
  WorkerDies([] { return ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); });
  WorkerDies([] { return ::syscall(SYS_io_uring_setup, 1, nullptr); });
}

TEST_F(Confined, WorkerCallsWhatALibraryMayTry_IsRefused) {
  if (!kSanitized) {
    WorkerGets(ENOSYS, [] { return ::fork(); });
    WorkerGets(ENOSYS, [] { return ::syscall(SYS_tgkill, 1, 1, 0); });
  }
  WorkerGets(ENOSYS, [] { return ::socket(AF_PACKET, SOCK_RAW, 0); });
  WorkerGets(ENOSYS, [] { return ::syscall(SYS_memfd_create, "x", 0); });
  WorkerGets(EPERM, [] { return ::socket(AF_INET, SOCK_RAW, 1); });  // takes CAP_NET_RAW
}

// A TCP socket of the family, bound to loopback.
int BoundSocket(int family, uint16_t port) {
  const int fd = ::socket(family, SOCK_STREAM, 0);
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool six = family == AF_INET6;
  const auto* address = six ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  return ::bind(fd, address, six ? sizeof(v6) : sizeof(v4)) == 0 ? fd : -1;
}

// Landlock restricts ports from version 4 on. Before, seccomp alone prevents that the worker
// accepts connections.
int ErrnoOfBinding() {
  constexpr uint32_t kVersion = 1;
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersion) >= 4 ? EACCES : 0;
}

// gRPC does that to find out whether the host has IPv6.
TEST_F(Confined, Worker_MayBindAPortOfTheKernelsChoice) {
  WorkerGets(0, [] { return BoundSocket(AF_INET6, 0); });
  WorkerGets(0, [] { return BoundSocket(AF_INET, 0); });
}

TEST_F(Confined, Worker_CannotAcceptConnections) {
  for (const int family : {AF_INET, AF_INET6}) {
    WorkerGets(ErrnoOfBinding(), [family] { return BoundSocket(family, 7443); });
    // The bound port is closed: connections to it are refused.
    WorkerGets(ECONNREFUSED, [family] {
      sockaddr_storage address = {};
      socklen_t size = sizeof(address);
      if (::getsockname(BoundSocket(family, 0), reinterpret_cast<sockaddr*>(&address), &size) !=
          0) {
        return 0;
      }
      const int other = ::socket(family, SOCK_STREAM, 0);
      return ::connect(other, reinterpret_cast<sockaddr*>(&address), size);
    });
    WorkerDies([family] { return ::listen(BoundSocket(family, 0), 1); });
    WorkerDies([family] { return ::listen(::socket(family, SOCK_STREAM, 0), 1); });
    WorkerDies([family] { return ::accept(BoundSocket(family, 0), nullptr, nullptr); });
    WorkerDies([family] { return ::accept4(BoundSocket(family, 0), nullptr, nullptr, 0); });
  }
}

TEST_F(Confined, LoaderUsesANetwork_IsKilled) {
  Dies(BeLoader, [] { return ::socket(AF_INET, SOCK_STREAM, 0); });
  Dies(BeLoader, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); });
  Dies(BeLoader, [] { return ::connect(0, nullptr, 0); });
  Dies(BeLoader, [] {
    char* none[] = {nullptr};
    return ::execve("/bin/true", none, none);
  });
}

TEST_F(Confined, Loader_CanReadOtherProcessesRoots) {
  const std::string path = "/proc/" + std::to_string(::getpid()) + "/root/etc/passwd";
  const int status =
      InChild(BeLoader, [&] { return ::open(path.c_str(), O_RDONLY) < 0 ? errno : 0; });
  EXPECT_EQ(status, 0) << DescribeEnd(status);
}

// The value of a field of /proc/self/status.
std::string Field(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name + ":\t", 0) == 0) return line.substr(name.size() + 2);
  }
  return "absent";
}

TEST_F(Confined, Worker_HasNoCapabilityInAnySet) {
  const int status =
      InChild([this] { return BeWorker(directory_); },
              [] {
                int bad = 0;
                for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
                  if (Field(set) != std::string(16, '0')) ++bad;
                }
                if (Field("NoNewPrivs") != "1") ++bad;
                if (Field("Seccomp") != "2") ++bad;
                return bad;
              });
  EXPECT_EQ(status, 0) << DescribeEnd(status);
}

TEST_F(Confined, CloseAllBut_KeepsTheListedDescriptorsOnly) {
  const int status = InChild(
      [] {
        ::dup2(0, 50);
        ::dup2(0, 60);
        ::dup2(0, 70);
        return CloseAllBut({60});
      },
      [] {
        const bool kept = ::fcntl(60, F_GETFD) >= 0 && ::fcntl(2, F_GETFD) >= 0;
        const bool closed = ::fcntl(50, F_GETFD) < 0 && ::fcntl(70, F_GETFD) < 0;
        return kept && closed ? 0 : 1;
      });
  EXPECT_EQ(status, 0) << DescribeEnd(status);
}

TEST(SystemCalls, Description_ListsAllowedAndFatalCalls) {
  const std::string text = DescribeSystemCalls();
  EXPECT_NE(text.find("  clone  only for a thread\n"), std::string::npos) << text;
  EXPECT_NE(text.find("worker ends with SIGSYS at:\n  execve"), std::string::npos) << text;
}

}  // namespace
}  // namespace hoptrail::agent::privilege
