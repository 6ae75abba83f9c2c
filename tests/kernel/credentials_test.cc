// Records of credential changes, against what a small program did. A hook on the change itself
// emits it at once; without one, the comparison emits it at the next fork, exec or exit.

#include <grp.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Change;
using agent::decode::CredentialsChange;
using ExecEvent = agent::decode::Exec;

std::vector<std::pair<const Event*, const CredentialsChange*>> ChangesOf(const Recorder& recorder,
                                                                         pid_t pid) {
  auto all = recorder.All<CredentialsChange>();
  std::erase_if(all, [&](const auto& one) {
    return one.first->header.process.tgid != static_cast<uint32_t>(pid);
  });
  return all;
}

std::string Description(
    const std::vector<std::pair<const Event*, const CredentialsChange*>>& changes) {
  std::string text;
  for (const auto& [event, change] : changes) {
    absl::StrAppend(&text, event->header.boot_ns, " cpu ", event->header.cpu, " thread ",
                    event->header.tid, " change ", static_cast<int>(change->change), ": ",
                    change->before.ids.euid, " ", absl::Hex(change->before.effective), " to ",
                    change->after.ids.euid, " ", absl::Hex(change->after.effective), "\n");
  }
  return text;
}

bool SeenWhenMade(Recorder* recorder) {
  if (recorder->sensor() == nullptr) return false;
  for (const model::SourceCoverage& row : recorder->sensor()->Coverage()) {
    if (row.source == "credentials") return row.hook.find("commit_creds") != std::string::npos;
  }
  return false;
}

TEST(CredentialsTest, ChangeOfUser_IsEmittedOnce) {
  Recorder recorder;
  Child child([] {
    if (setgroups(0, nullptr) != 0 || setresgid(77, 77, 77) != 0 ||
        setresuid(1234, 1234, 1234) != 0)
      return 1;
    return Exec({"/bin/true"});
  });
  const pid_t pid = child.pid();
  EXPECT_EQ(child.Wait(), 0);
  recorder.Settle();
  const auto changes = ChangesOf(recorder, pid);
  ASSERT_FALSE(changes.empty());
  const CredentialsChange& first = *changes.front().second;
  const CredentialsChange& last = *changes.back().second;
  EXPECT_EQ(first.before.ids.uid, 0u);
  EXPECT_EQ(first.before.ids.egid, 0u);
  EXPECT_NE(first.before.effective, 0u);
  EXPECT_EQ(last.after.ids.uid, 1234u);
  EXPECT_EQ(last.after.ids.euid, 1234u);
  EXPECT_EQ(last.after.ids.gid, 77u);
  EXPECT_EQ(last.after.ids.egid, 77u);
  EXPECT_EQ(last.after.effective, 0u);
  if (SeenWhenMade(&recorder)) {
    ASSERT_EQ(changes.size(), 2u);  // the group, then the user with the capabilities
    EXPECT_EQ(first.change, Change::kMade);
  } else {
    ASSERT_EQ(changes.size(), 1u);
    EXPECT_EQ(first.change, Change::kCompared);
  }
}

TEST(CredentialsTest, UnchangedCredentials_EmitNothing) {
  Recorder recorder;
  std::vector<pid_t> pids;
  for (int i = 0; i < 20; ++i) {
    Child child([] {
      Child grandchild([] { return Exec({"/bin/true"}); });
      grandchild.Wait();
      return Exec({"/bin/true"});
    });
    pids.push_back(child.pid());
    child.Wait();
  }
  recorder.Settle();
  EXPECT_EQ(recorder.All<CredentialsChange>().size(), 0u);
}

TEST(CredentialsTest, SetUidProgram_EmitsItsChangeOnce) {
  char name[] = "/tmp/hoptrail-setuid-XXXXXX";
  const std::filesystem::path directory = mkdtemp(name);
  std::filesystem::permissions(directory, std::filesystem::perms(0755));
  const std::string program = directory / "true";
  std::filesystem::copy_file("/bin/true", program);
  ASSERT_EQ(chmod(program.c_str(), 04755), 0);
  Recorder recorder;
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  Child child([&] {
    char byte = 0;
    if (setresuid(1234, 1234, 1234) != 0 || read(go[0], &byte, 1) != 1) return 1;
    Child grandchild([&] { return Exec({program}); });
    return grandchild.Wait() == 0 ? 0 : 2;
  });
  ASSERT_EQ(write(go[1], "x", 1), 1);
  EXPECT_EQ(child.Wait(), 0);
  recorder.Settle();
  std::filesystem::remove_all(directory);
  close(go[0]);
  close(go[1]);
  int found = 0;
  for (const auto& [event, change] : recorder.All<CredentialsChange>()) {
    if (change->before.ids.euid != 1234 || change->after.ids.euid != 0) continue;
    ++found;
    EXPECT_EQ(change->after.ids.uid, 1234u);
    EXPECT_NE(change->after.effective, 0u);
  }
  EXPECT_EQ(found, 1);
  int set_id = 0;
  std::string execs;
  for (const auto& [event, exec] : recorder.All<ExecEvent>()) {
    set_id += exec->set_id;
    absl::StrAppend(&execs, event->header.boot_ns, " process ", event->header.process.tgid, " ",
                    exec->image.path, exec->set_id ? " set-id" : "", "\n");
  }
  EXPECT_EQ(set_id, 1) << execs;
}

TEST(CredentialsTest, DroppedCapability_IsEmitted) {
  Recorder recorder;
  Child child([] {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (syscall(SYS_capget, &header, data) != 0) return 1;
    data[0].effective &= ~(1u << CAP_NET_RAW);
    return syscall(SYS_capset, &header, data) == 0 ? 0 : 2;
  });
  const pid_t pid = child.pid();
  EXPECT_EQ(child.Wait(), 0);
  recorder.Settle();
  const auto changes = ChangesOf(recorder, pid);
  ASSERT_EQ(changes.size(), 1u);
  const CredentialsChange& change = *changes[0].second;
  EXPECT_EQ(change.before.effective ^ change.after.effective, uint64_t{1} << CAP_NET_RAW);
  EXPECT_EQ(change.before.permitted, change.after.permitted);
  EXPECT_EQ(change.before.ids, change.after.ids);
}

// The C library sets the new user in every thread at once: that is one change of one process.
TEST(CredentialsTest, ChangeInEveryThread_IsEmittedOnce) {
  constexpr int kChanges = 99;  // the last one stays
  Recorder recorder;
  int done[2];
  ASSERT_EQ(pipe(done), 0);
  Child child([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        char byte;
        (void)!read(done[0], &byte, 1);
      });
    }
    int result = 0;
    for (int i = 0; i < kChanges; ++i) result |= seteuid(i % 2 == 0 ? 1234 : 0);
    for (int i = 0; i < 4; ++i) (void)!write(done[1], "x", 1);
    for (std::thread& thread : threads) thread.join();
    return result == 0 ? 0 : 1;
  });
  const pid_t pid = child.pid();
  EXPECT_EQ(child.Wait(), 0);
  recorder.Settle();
  const auto changes = ChangesOf(recorder, pid);
  EXPECT_EQ(changes.size(), SeenWhenMade(&recorder) ? size_t{kChanges} : 1u)
      << Description(changes);
  close(done[0]);
  close(done[1]);
}

// The snapshot holds the credentials before the change.
TEST(CredentialsFreshSensorTest, ProcessOlderThanTheSensor_ChangeIsEmitted) {
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  Child child([&] {
    char byte = 0;
    if (read(go[0], &byte, 1) != 1) return 1;
    return setresuid(1234, 1234, 1234) == 0 ? 0 : 2;
  });
  const pid_t pid = child.pid();
  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  ASSERT_EQ(write(go[1], "x", 1), 1);
  EXPECT_EQ(child.Wait(), 0);
  recorder.Settle();
  const auto changes = ChangesOf(recorder, pid);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].second->before.ids.uid, 0u);
  EXPECT_EQ(changes[0].second->after.ids.uid, 1234u);
  close(go[0]);
  close(go[1]);
}

}  // namespace
}  // namespace hoptrail::kernel_test
