// Login servers other than sshd, from the kernel's records to the session.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include "tests/kernel/session_watch.h"
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Tcp;
using agent::decode::TcpPhase;

// A super-server for one connection: starts the program with the connection as its standard input
// and output.
int ServeOnce(const std::vector<std::string>& arguments) {
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  const UniqueFd connection(accept(listener.get(), nullptr, nullptr));
  Child server([&] {
    dup2(connection.get(), STDIN_FILENO);
    dup2(connection.get(), STDOUT_FILENO);
    return Exec({arguments.begin(), arguments.end()});
  });
  return server.Wait();
}

const SelfPrograms programs({{"serve-once", ServeOnce}});

class LoginServersTest : public testing::Test {
 protected:
  static constexpr uid_t kNobody = 65534;

  void SetUp() override {
    for (const char* program : {"/usr/sbin/dropbear", "/usr/bin/dropbearkey", "/usr/bin/ssh",
                                "/usr/sbin/tinysshd", "/usr/sbin/tinysshd-makekey"}) {
      ASSERT_EQ(access(program, X_OK), 0) << "needs " << program;
    }
    const std::string key = directory_.path() + "/user";
    ASSERT_EQ(Run({"/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key}), 0);
  }

  int Run(const std::vector<std::string>& arguments) const {
    const std::string output = directory_.path() + "/output";
    Child child([&] {
      const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      dup2(file, 1);
      return Exec(arguments);
    });
    return child.Wait();
  }

  std::string Fingerprint() const {
    EXPECT_EQ(Run({"/usr/bin/ssh-keygen", "-lf", directory_.path() + "/user.pub"}), 0);
    std::istringstream words(ReadWholeFile(directory_.path() + "/output"));
    std::string bits, fingerprint;
    words >> bits >> fingerprint;
    return fingerprint;
  }

  // Replaces the calling process by a login server in a mount namespace, in which nobody may log
  // in with the key. Returns only if that fails.
  int RunServer(const std::vector<std::string>& arguments) const {
    // As if it had been started at boot, not from the login that runs the tests.
    WriteWholeFile("/proc/self/loginuid", "4294967295");
    const std::string home = "/mnt";  // tinysshd accepts no home below /tmp
    const std::string passwd = directory_.path() + "/passwd";
    const std::string key = ReadWholeFile(directory_.path() + "/user.pub");
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", home.c_str(), "tmpfs", 0, "mode=0755") != 0 ||
        mkdir((home + "/.ssh").c_str(), 0755) != 0 ||
        !WriteWholeFile(passwd, absl::StrCat("root:x:0:0:root:", home, ":/bin/sh\nnobody:x:65534:",
                                             "65534:nobody:", home, ":/bin/sh\n")) ||
        !WriteWholeFile(home + "/.ssh/authorized_keys", key) ||
        chmod((home + "/.ssh/authorized_keys").c_str(), 0644) != 0 ||
        chown(home.c_str(), kNobody, kNobody) != 0 ||
        chown((home + "/.ssh").c_str(), kNobody, kNobody) != 0 ||
        chown((home + "/.ssh/authorized_keys").c_str(), kNobody, kNobody) != 0 ||
        mount(passwd.c_str(), "/etc/passwd", nullptr, MS_BIND, nullptr) != 0) {
      return 126;
    }
    const int null = open("/dev/null", O_RDWR);
    for (int fd : {0, 1, 2}) dup2(null, fd);
    return Exec(arguments);
  }

  // Starts the server, logs in as nobody and returns the remote session.
  model::Session LogIn(const std::vector<std::string>& server_arguments) {
    SessionWatch watch([](uint32_t uid) { return uid == 0 ? "root" : "nobody"; });
    Child server([&] { return RunServer(server_arguments); });
    const Event* listening = watch.recorder()->WaitForBody<Tcp>(
        "listen", [](const Event&, const Tcp& tcp) { return tcp.phase == TcpPhase::kListen; });
    if (listening == nullptr) return {};
    const uint16_t port = std::get<Tcp>(listening->body).flow.server.port;
    EXPECT_EQ(Run({"/usr/bin/ssh", "-F", "none", "-i", directory_.path() + "/user", "-o",
                   "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o",
                   "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
                   "-p", std::to_string(port), "nobody@127.0.0.1", "id -u"}),
              0);
    EXPECT_EQ(ReadWholeFile(directory_.path() + "/output"), "65534\n");
    kill(server.pid(), SIGTERM);
    server.Wait();
    watch.Settle();
    const std::vector<model::Session> sessions = watch.RemoteSessions();
    EXPECT_EQ(sessions.size(), 1u);
    return sessions.empty() ? model::Session() : sessions[0];
  }

  const TestDirectory directory_;
};

TEST_F(LoginServersTest, DropbearThatLogsToStandardError_ShowsMethodAndKey) {
  const std::string host_key = directory_.path() + "/host";
  ASSERT_EQ(Run({"/usr/bin/dropbearkey", "-t", "ed25519", "-f", host_key}), 0);
  const model::Session session = LogIn({"/usr/sbin/dropbear", "-F", "-E", "-m", "-r", host_key,
                                        "-p", "127.0.0.1:2223", "-P", directory_.path() + "/pid"});
  EXPECT_TRUE(session.logged_in);
  EXPECT_EQ(session.uid, kNobody);
  EXPECT_EQ(session.user, "nobody");
  EXPECT_EQ(session.authentication.service, "dropbear");
  EXPECT_EQ(session.authentication.method, model::AuthMethod::kPublicKey);
  EXPECT_EQ(session.authentication.key_type, "ED25519");
  EXPECT_EQ(session.authentication.key_fingerprint, Fingerprint());
  EXPECT_TRUE(session.authentication.verified);
}

TEST_F(LoginServersTest, TinysshdUnderASuperServer_RunsTheSessionAsItsShellsUser) {
  const std::string keys = directory_.path() + "/keys";
  ASSERT_EQ(Run({"/usr/sbin/tinysshd-makekey", "-q", keys}), 0);
  const model::Session session = LogIn(AsProgram("serve-once", {"/usr/sbin/tinysshd", keys}));
  EXPECT_TRUE(session.logged_in);
  EXPECT_EQ(session.uid, kNobody);
  EXPECT_EQ(session.user, "nobody");
}

}  // namespace
}  // namespace hoptrail::kernel_test
