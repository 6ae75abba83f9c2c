// The control groups in the records of a program's start and of the snapshot.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/cgroup.h"
#include "tests/kernel/harness.h"

namespace hoptrail::kernel_test {
namespace {

using agent::decode::ControlGroups;
using agent::decode::ProcessSnapshot;
using ExecEvent = agent::decode::Exec;
using ::testing::Contains;
using ::testing::Each;
using ::testing::EndsWith;
using ::testing::Not;

// The groups in the exec record of `/bin/true word`, run by a child that calls `before` first.
std::optional<ControlGroups> GroupsOfExec(Recorder* recorder, const std::string& word,
                                          const std::function<bool()>& before) {
  Child child([&] { return before() ? Exec({"/bin/true", word}) : 1; });
  EXPECT_EQ(child.Wait(), 0);
  const Event* exec =
      recorder->WaitForBody<ExecEvent>("exec", [&](const Event&, const ExecEvent& body) {
        return body.image.arguments == std::vector<std::string>{"/bin/true", word};
      });
  return exec == nullptr ? std::nullopt : std::get<ExecEvent>(exec->body).cgroups;
}

TEST(CgroupsTest, ExecInACgroupOfItsOwn_EmitsTheCgroup) {
  Recorder recorder;
  const Cgroup slice("slice");
  const Subgroup service(slice.path(), "nginx.service");
  const auto groups = GroupsOfExec(&recorder, "own", [&] { return service.Enter(); });
  ASSERT_TRUE(groups.has_value());
  EXPECT_THAT(*groups, Contains(absl::StrCat("/hoptrail-test-", getpid(), "-slice/nginx.service")));
}

TEST(CgroupsTest, ExecInTheParentsCgroup_EmitsNoCgroups) {
  Recorder recorder;
  const auto groups = GroupsOfExec(&recorder, "same", [] { return true; });
  EXPECT_FALSE(groups.has_value());
  // The same after the parent was moved.
  const Cgroup slice("slice");
  Child parent([&] {
    if (!slice.Enter()) return 1;
    Child child([] { return Exec({"/bin/true", "moved"}); });
    return child.Wait();
  });
  EXPECT_EQ(parent.Wait(), 0);
  const Event* exec =
      recorder.WaitForBody<ExecEvent>("exec", [&](const Event&, const ExecEvent& body) {
        return body.image.arguments == std::vector<std::string>{"/bin/true", "moved"};
      });
  ASSERT_NE(exec, nullptr);
  EXPECT_FALSE(std::get<ExecEvent>(exec->body).cgroups.has_value());
}

TEST(CgroupsTest, ExecInAVersion1OrHybridHierarchy_EmitsItsCgroups) {
  Recorder recorder;
  const NamedHierarchy hierarchy;
  const Subgroup slice(hierarchy.path(), "system.slice");
  const Subgroup service(slice.path(), "cron.service");
  auto groups = GroupsOfExec(&recorder, "version-1", [&] { return service.Enter(); });
  ASSERT_TRUE(groups.has_value());
  EXPECT_THAT(*groups, Contains("/system.slice/cron.service"));
  // Both at once.
  const Cgroup other("other");
  groups = GroupsOfExec(&recorder, "hybrid", [&] { return service.Enter() && other.Enter(); });
  ASSERT_TRUE(groups.has_value());
  EXPECT_THAT(*groups, Contains("/system.slice/cron.service"));
  EXPECT_THAT(*groups, Contains(EndsWith("-other")));
  // The root of a hierarchy is not emitted.
  EXPECT_THAT(*groups, Each(Not(testing::AnyOf("/", ""))));
}

TEST(CgroupsTest, LongCgroupPath_IsCutAtItsFront) {
  Recorder recorder;
  const Cgroup top("top");
  std::vector<std::unique_ptr<Subgroup>> groups;
  std::string path = top.path();
  for (int i = 0; i < 20; ++i) {
    groups.push_back(
        std::make_unique<Subgroup>(path, absl::StrCat(std::string(150, 'a' + i), ".slice")));
    path = groups.back()->path();
  }
  const auto emitted = GroupsOfExec(&recorder, "long", [&] { return groups.back()->Enter(); });
  ASSERT_TRUE(emitted.has_value());
  size_t bytes = 0;
  for (const std::string& each : *emitted) bytes += each.size();
  EXPECT_LE(bytes, 2048u);
  EXPECT_THAT(*emitted, Contains(EndsWith(absl::StrCat("/", std::string(150, 't'), ".slice"))));
  while (!groups.empty()) groups.pop_back();
}

TEST(CgroupsFreshSensorTest, Snapshot_HoldsTheCgroupsOfEveryProcess) {
  const Cgroup slice("slice");
  const Subgroup service(slice.path(), "nginx.service");
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  // The parent, and a child that is in the same group as its parent.
  Child parent([&] {
    if (!service.Enter()) return 1;
    Child child([] { return Exec({"/bin/sleep", "1000"}); });
    const pid_t pid = child.pid();
    if (write(ready[1], &pid, sizeof(pid)) != sizeof(pid)) return 2;
    child.Wait();
    return 0;
  });
  pid_t pid = 0;
  ASSERT_EQ(read(ready[0], &pid, sizeof(pid)), ssize_t{sizeof(pid)});
  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  size_t found = 0;
  for (const auto& [event, body] : recorder.All<ProcessSnapshot>()) {
    const auto tgid = static_cast<pid_t>(event->header.process.tgid);
    if (tgid != pid && tgid != parent.pid()) continue;
    ++found;
    ASSERT_TRUE(body->cgroups.has_value());
    EXPECT_THAT(*body->cgroups, Contains(EndsWith("-slice/nginx.service")));
  }
  EXPECT_EQ(found, 2u);
  kill(pid, SIGKILL);
  EXPECT_EQ(parent.Wait(), 0);
  for (int fd : ready) close(fd);
}

}  // namespace
}  // namespace hoptrail::kernel_test
