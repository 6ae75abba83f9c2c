// Forms of sshd, from the kernel's records to the session: with messages in syslog or elsewhere,
// with or without PAM, and split into several programs.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include "tests/kernel/session_watch.h"
#include "tests/kernel/syslog_writer.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Tcp;
using agent::decode::TcpPhase;

struct Form {
  const char* name;
  const char* pam;
  std::vector<std::string> options;
  const char* log_level = "INFO";
  bool certificate = false;
};

class RealSshdTest : public testing::TestWithParam<Form> {
 protected:
  static constexpr uint16_t kPort = 2222;

  void SetUp() override {
    for (const char* program : {"/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen"}) {
      ASSERT_EQ(access(program, X_OK), 0) << "needs " << program;
    }
    for (const char* key : {"host", "user"}) {
      Child keygen([&] {
        return Exec({"/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                     directory_.path() + "/" + key});
      });
      ASSERT_EQ(keygen.Wait(), 0);
    }
    std::string authorities;
    if (GetParam().certificate) {
      // The host's key is also that of the authority. The user's key alone opens nothing.
      Child sign([&] {
        return Exec({"/usr/bin/ssh-keygen", "-q", "-s", directory_.path() + "/host", "-I", "ann",
                     "-n", "root", directory_.path() + "/user.pub"});
      });
      ASSERT_EQ(sign.Wait(), 0);
      authorities = absl::StrCat("TrustedUserCAKeys ", directory_.path(), "/host.pub\n");
      ASSERT_TRUE(WriteWholeFile(directory_.path() + "/authorized", ""));
    } else {
      std::filesystem::copy_file(directory_.path() + "/user.pub",
                                 directory_.path() + "/authorized");
    }
    ASSERT_TRUE(WriteWholeFile(
        directory_.path() + "/config",
        absl::StrCat("Port ", kPort, "\nListenAddress 127.0.0.1\nHostKey ", directory_.path(),
                     "/host\nAuthorizedKeysFile ", directory_.path(),
                     "/authorized\nStrictModes no\nPidFile none\nPermitRootLogin yes\nUsePAM ",
                     GetParam().pam, "\nLogLevel ", GetParam().log_level, "\nUseDNS no\n",
                     authorities)));
  }

  // Replaces the calling process; returns only if that fails.
  int RunSshd() const {
    // As if it had been started at boot, not from the login that runs the tests.
    WriteWholeFile("/proc/self/loginuid", "4294967295");
    // Keeps it away from the machine's login records and services.
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", "/run", "tmpfs", 0, nullptr) != 0 ||
        mount("none", "/var/log", "tmpfs", 0, nullptr) != 0 || mkdir("/run/sshd", 0755) != 0) {
      return 126;
    }
    std::vector<std::string> arguments = {"/usr/sbin/sshd", "-D", "-f",
                                          directory_.path() + "/config"};
    for (const std::string& option : GetParam().options) {
      arguments.push_back(option == "LOG" ? directory_.path() + "/log" : option);
    }
    const int null = open("/dev/null", O_RDWR);
    for (int fd : {0, 1, 2}) dup2(null, fd);
    return Exec(arguments);
  }

  int LogIn() const {
    const int null = open("/dev/null", O_RDWR);
    for (int fd : {0, 1}) dup2(null, fd);
    return Exec({"/usr/bin/ssh", "-F", "none", "-i", directory_.path() + "/user", "-o",
                 "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o",
                 "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
                 "-p", std::to_string(kPort), "root@127.0.0.1", "exit 0"});
  }

  // As `ssh-keygen -l` prints it.
  std::string Fingerprint() const {
    const std::string output = directory_.path() + "/fingerprint";
    Child keygen([&] {
      const int file = open(output.c_str(), O_WRONLY | O_CREAT, 0600);
      dup2(file, 1);
      return Exec({"/usr/bin/ssh-keygen", "-lf", directory_.path() + "/user.pub"});
    });
    EXPECT_EQ(keygen.Wait(), 0);
    std::istringstream words(ReadWholeFile(output));
    std::string bits, fingerprint;
    words >> bits >> fingerprint;
    return fingerprint;
  }

  const TestDirectory directory_;
};

TEST_P(RealSshdTest, Login_BecomesOneRemoteSession) {
  SessionWatch watch;
  Child sshd([&] { return RunSshd(); });
  const Event* listening =
      watch.recorder()->WaitForBody<Tcp>("sshd to listen", [](const Event&, const Tcp& tcp) {
        return tcp.phase == TcpPhase::kListen && tcp.flow.server.port == kPort;
      });
  ASSERT_NE(listening, nullptr);
  Child client([&] { return LogIn(); });
  const int status = client.Wait();
  kill(sshd.pid(), SIGTERM);
  sshd.Wait();
  ASSERT_EQ(status, 0) << ReadWholeFile(directory_.path() + "/log");
  watch.Settle();
  const std::vector<model::Session> sessions = watch.RemoteSessions();
  ASSERT_EQ(sessions.size(), 1u);
  const model::Session& session = sessions[0];
  EXPECT_TRUE(session.logged_in);
  EXPECT_EQ(session.user, "root");
  const bool certificate = GetParam().certificate;
  EXPECT_EQ(session.authentication.method,
            certificate ? model::AuthMethod::kCertificate : model::AuthMethod::kPublicKey);
  EXPECT_EQ(session.authentication.key_type, certificate ? "ED25519-CERT" : "ED25519");
  EXPECT_EQ(session.authentication.certificate_id, certificate ? "ann" : "");
  EXPECT_EQ(session.authentication.key_fingerprint, Fingerprint());
  EXPECT_TRUE(session.authentication.verified);
  ASSERT_TRUE(session.entry.has_value());
  EXPECT_EQ(session.entry->flow.server.port, kPort);
  EXPECT_EQ(session.entry->hop_key, watch.ClientsHopKey(kPort));
  EXPECT_FALSE(session.entry->hop_key.empty());
}

INSTANTIATE_TEST_SUITE_P(Forms, RealSshdTest,
                         testing::Values(Form{"Syslog", "yes", {}},
                                         Form{"SyslogWithoutPam", "no", {}},
                                         Form{"LogFile", "yes", {"-E", "LOG"}},
                                         Form{"LogFileWithoutPam", "no", {"-E", "LOG"}},
                                         Form{"StandardError", "yes", {"-e"}},
                                         Form{"Quiet", "yes", {}, "QUIET"},
                                         Form{"QuietWithoutPam", "no", {"-e"}, "QUIET"},
                                         Form{"Errors", "yes", {"-E", "LOG"}, "ERROR"},
                                         Form{"Certificate", "yes", {}, "INFO", true},
                                         Form{"QuietCertificate", "yes", {"-e"}, "QUIET", true}),
                         [](const auto& info) { return info.param.name; });

// OpenSSH from 9.8 on does this: the listener starts sshd-session on the connection, which starts
// sshd-auth without privileges and then the user's shell. `arguments`: the programs' directory.
int SplitListener(const std::vector<std::string>& arguments) {
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  const UniqueFd connection(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  Child session([&] {
    dup2(connection.get(), 0);
    dup2(connection.get(), 1);
    return Exec(AsProgram("session", arguments, arguments.at(0) + "/sshd-session"));
  });
  return session.Wait() == 0 ? 0 : 1;
}

// Runs `program` with a UNIX socket as its standard input and output. Returns its status as in
// wait(2).
int RunWithSocket(uid_t uid, const std::vector<std::string>& program) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return 1;
  Child child([&] {
    if (uid != 0 && (setgid(uid) != 0 || setuid(uid) != 0)) return 1;
    dup2(ends[1], 0);
    dup2(ends[1], 1);
    return Exec(program);
  });
  close(ends[1]);
  const int status = child.Wait();
  close(ends[0]);
  return status;
}

int SplitSession(const std::vector<std::string>& arguments) {
  if (RunWithSocket(65534, AsProgram("auth", {}, arguments.at(0) + "/sshd-auth")) != 0) return 1;
  sockaddr_in peer = {};
  socklen_t length = sizeof(peer);
  if (getpeername(0, reinterpret_cast<sockaddr*>(&peer), &length) != 0) return 2;
  const std::string message =
      absl::StrCat("Accepted publickey for root from 127.0.0.1 port ", ntohs(peer.sin_port),
                   " ssh2: ED25519 SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  LogAsSshd(message);
  return RunWithSocket(0, {"/bin/sh", "-c", "exit 0"}) == 0 ? 0 : 3;
}

int SplitAuth(const std::vector<std::string>&) { return getuid() == 65534 ? 0 : 1; }

const SelfPrograms programs({{"listener", SplitListener},
                             {"session", SplitSession},
                             {"auth", SplitAuth}});

TEST(SplitSshdTest, Login_BecomesOneRemoteSession) {
  const TestDirectory directory;
  for (const char* name : {"sshd", "sshd-session", "sshd-auth"}) directory.Copy(SelfPath(), name);
  SessionWatch watch;
  Child sshd(
      [&] { return Exec(AsProgram("listener", {directory.path()}, directory.path() + "/sshd")); });
  const auto pid = static_cast<uint32_t>(sshd.pid());
  const Event* listening =
      watch.recorder()->WaitForBody<Tcp>("listen", [&](const Event& event, const Tcp& tcp) {
        return tcp.phase == TcpPhase::kListen && event.header.process.tgid == pid;
      });
  ASSERT_NE(listening, nullptr);
  const uint16_t port = std::get<Tcp>(listening->body).flow.server.port;
  const UniqueFd client = Connect("127.0.0.1", port);
  EXPECT_EQ(sshd.Wait(), 0);
  watch.Settle();
  const std::vector<model::Session> sessions = watch.RemoteSessions();
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_TRUE(sessions[0].logged_in);
  EXPECT_EQ(sessions[0].user, "root");
  EXPECT_EQ(sessions[0].authentication.method, model::AuthMethod::kPublicKey);
  EXPECT_TRUE(sessions[0].authentication.verified);
  ASSERT_TRUE(sessions[0].entry.has_value());
  EXPECT_EQ(sessions[0].entry->hop_key, watch.ClientsHopKey(port));
}

}  // namespace
}  // namespace hoptrail::kernel_test
