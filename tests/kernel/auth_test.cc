// The claims of PAM and of sshd's messages: which are recorded, and which are verified.

#include <dlfcn.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/syslog_writer.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Pam;
using agent::decode::PamStep;
using agent::decode::SshdMessage;

const Event* WaitForStep(Recorder* recorder, pid_t pid, PamStep step) {
  return recorder->WaitForBody<Pam>("a step of PAM", [&](const Event& event, const Pam& pam) {
    return event.header.process.tgid == static_cast<uint32_t>(pid) && pam.step == step;
  });
}

TEST(AuthTest, SuLogin_EmitsEveryPamStep) {
  Recorder recorder;
  Child su([] { return Exec({"/bin/su", "root", "-c", "true"}); });
  const pid_t pid = su.pid();
  EXPECT_EQ(su.Wait(), 0);
  for (PamStep step : {PamStep::kAuthenticate, PamStep::kOpenSession, PamStep::kCloseSession}) {
    const Event* event = WaitForStep(&recorder, pid, step);
    ASSERT_NE(event, nullptr);
    const Pam& pam = std::get<Pam>(event->body);
    EXPECT_EQ(pam.service, "su");
    EXPECT_EQ(pam.user, "root");
    EXPECT_EQ(pam.result, 0);
    EXPECT_TRUE(pam.verified);
    EXPECT_EQ(event->header.command, "su");
  }
}

TEST(AuthTest, FailedAuthentication_EmitsThePamResult) {
  Recorder recorder;
  // It has no terminal to ask for the password on, and no right to skip the password.
  Child su([] {
    if (setgid(65534) != 0 || setuid(65534) != 0) return 1;
    close(0);
    return Exec({"/bin/su", "root", "-c", "true"});
  });
  const pid_t pid = su.pid();
  EXPECT_NE(su.Wait(), 0);
  const Event* event = WaitForStep(&recorder, pid, PamStep::kAuthenticate);
  ASSERT_NE(event, nullptr);
  EXPECT_NE(std::get<Pam>(event->body).result, 0);
  EXPECT_TRUE(std::get<Pam>(event->body).verified);
}

TEST(AuthTest, ProgramNotOwnedByRoot_IsNotVerified) {
  Recorder recorder;
  char directory[] = "/tmp/hoptrail-auth-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string copy = std::string(directory) + "/su";
  std::filesystem::copy_file("/bin/su", copy);
  ASSERT_EQ(chown(copy.c_str(), 65534, 65534), 0);
  Child su([&] { return Exec({copy, "root", "-c", "true"}); });
  const pid_t pid = su.pid();
  EXPECT_EQ(su.Wait(), 0);
  const Event* event = WaitForStep(&recorder, pid, PamStep::kOpenSession);
  std::filesystem::remove_all(directory);
  ASSERT_NE(event, nullptr);
  EXPECT_FALSE(std::get<Pam>(event->body).verified);
}

// Writes to syslog as sshd does, under the given name and user.
int WriteSyslogAs(const char* name, uid_t uid, const std::string& message) {
  prctl(PR_SET_NAME, name);
  if (uid != 0 && setuid(uid) != 0) return 1;
  LogAsSshd(message);
  return 0;
}

TEST(AuthTest, SshdMessage_IsEmittedWholeAndVerified) {
  for (const char* name : {"sshd", "sshd-session"}) {
    Recorder recorder;
    const std::string text =
        "Accepted publickey for x from 192.0.2.1 port 2 ssh2: ED25519 SHA256:y";
    Child sshd([&] { return WriteSyslogAs(name, 0, text); });
    const Event* event = recorder.WaitForBody<SshdMessage>(
        "sshd's message", [](const Event&, const SshdMessage&) { return true; });
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(std::get<SshdMessage>(event->body).text, text);
    EXPECT_TRUE(std::get<SshdMessage>(event->body).verified);
    EXPECT_EQ(event->header.process.tgid, static_cast<uint32_t>(sshd.pid()));
  }
}

// Text in a file that is mapped, and on whose page nobody has read, written or executed anything: a
// program's literal before its first use.
class UnreadPage {
 public:
  explicit UnreadPage(const std::string& text) {
    char path[] = "/tmp/hoptrail-page-XXXXXX";
    const UniqueFd file(mkstemp(path));
    unlink(path);
    EXPECT_EQ(write(file.get(), text.c_str(), text.size() + 1),
              static_cast<ssize_t>(text.size() + 1));
    size_ = text.size() + 1;
    text_ = static_cast<char*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.get(), 0));
    EXPECT_NE(text_, MAP_FAILED);
  }
  ~UnreadPage() { munmap(text_, size_); }
  UnreadPage(const UnreadPage&) = delete;
  UnreadPage& operator=(const UnreadPage&) = delete;

  const char* text() const { return text_; }

 private:
  size_t size_ = 0;
  char* text_ = nullptr;
};

TEST(AuthTest, SshdMessageWhoseFormatIsNotInMemoryYet_IsEmitted) {
  Recorder recorder;
  const UnreadPage format("%.500s");
  const std::string text = "Accepted password for x from 192.0.2.1 port 2 ssh2";
  Child sshd([&] {
    prctl(PR_SET_NAME, "sshd");
    syslog(LOG_INFO, format.text(), text.c_str());
    return 0;
  });
  const Event* event = recorder.WaitForBody<SshdMessage>(
      "sshd's message", [](const Event&, const SshdMessage&) { return true; });
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(std::get<SshdMessage>(event->body).text, text);
  EXPECT_TRUE(std::get<SshdMessage>(event->body).verified);
}

// A PAM module in sshd's process may log a text that the client has chosen, such as the user's
// name.
TEST(AuthTest, LibrarysMessageWhoseFormatIsNotInMemoryYet_IsIgnored) {
  Recorder recorder;
  const std::string text = "Accepted password for x from 192.0.2.1 port 2 ssh2";
  Child sshd([&] {
    prctl(PR_SET_NAME, "sshd");
    // The C library calls syslog(&pages[0], &pages[1], text) to compare the two.
    constexpr size_t kPage = 4096;
    const UnreadPage pages(std::string(kPage, 'x') + "%s");
    using Compare = int (*)(const void*, const void*, void*);
    const auto compare = reinterpret_cast<Compare>(dlsym(RTLD_DEFAULT, "syslog"));
    qsort_r(const_cast<char*>(pages.text()), 2, kPage, compare, const_cast<char*>(text.c_str()));
    return WriteSyslogAs("sshd", 0, "the next message");
  });
  const Event* event = recorder.WaitForBody<SshdMessage>(
      "sshd's message", [](const Event&, const SshdMessage&) { return true; });
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(std::get<SshdMessage>(event->body).text, "the next message");
}

TEST(AuthTest, ServiceOfPamThatIsNotInMemoryYet_IsInTheResult) {
  Recorder recorder;
  const UnreadPage service("hoptrail-no-service");
  Child login([&] {
    void* pam = dlopen("libpam.so.0", RTLD_NOW);
    using Start = int (*)(const char*, const char*, const void*, void**);
    using Authenticate = int (*)(void*, int);
    const auto start = reinterpret_cast<Start>(dlsym(pam, "pam_start"));
    const auto authenticate = reinterpret_cast<Authenticate>(dlsym(pam, "pam_authenticate"));
    const void* conversation[2] = {};  // struct pam_conv: no module asks anything
    void* handle = nullptr;
    if (start(service.text(), "root", conversation, &handle) != 0) return 1;
    return authenticate(handle, 0) == 0 ? 2 : 0;  // unknown services are denied
  });
  const Event* event = WaitForStep(&recorder, login.pid(), PamStep::kAuthenticate);
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(std::get<Pam>(event->body).service, "hoptrail-no-service");
  EXPECT_EQ(std::get<Pam>(event->body).user, "root");
}

TEST(AuthTest, LongSshdMessage_IsCutTo511Bytes) {
  Recorder recorder;
  Child sshd([] { return WriteSyslogAs("sshd", 0, std::string(2000, 'm')); });
  const Event* event = recorder.WaitForBody<SshdMessage>(
      "sshd's message", [](const Event&, const SshdMessage&) { return true; });
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(std::get<SshdMessage>(event->body).text, std::string(511, 'm'));
}

TEST(AuthTest, MessagesOfOthers_AreIgnoredOrNotVerified) {
  Recorder recorder;
  Child other([] { return WriteSyslogAs("cron", 0, "not sshd"); });
  Child unprivileged([] { return WriteSyslogAs("sshd", 65534, "a claim"); });
  const auto pid = static_cast<uint32_t>(unprivileged.pid());
  other.Wait();
  unprivileged.Wait();
  recorder.Settle();
  const auto messages = recorder.All<SshdMessage>();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].first->header.process.tgid, pid);
  EXPECT_FALSE(messages[0].second->verified);
}

}  // namespace
}  // namespace hoptrail::kernel_test
