// Containers that real programs make from pid namespaces and control groups: from the kernel's
// records to the session of their processes.

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/session/correlator.h"
#include "core/base/clock.h"
#include "tests/kernel/cgroup.h"
#include "tests/kernel/harness.h"
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using model::EntryKind;
using ExecEvent = agent::decode::Exec;

constexpr char kId[] = "3f2a1b4c5d6e7f80910a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70";

// The sessions that follow from a recorder's events.
class Sessions : public agent::session::Output {
 public:
  Sessions() {
    agent::session::Correlator::Options options;
    options.host.machine.bytes[0] = 1;
    options.clock = &Clock::System();
    correlator_ = std::make_unique<agent::session::Correlator>(std::move(options), this);
  }

  void Read(const Recorder& recorder) {
    for (const Event& event : recorder.events()) correlator_->Handle(event);
  }
  // As reported last; empty if it never was.
  model::Session Of(const model::ProcessKey& process) {
    return reported_[correlator_->SessionOf(process)];
  }

  void OnSession(const model::Session& session) override { reported_[session.id] = session; }
  void OnHopEnd(const model::HopEnd&) override {}
  void OnLoginAttempt(const model::LoginAttempt&, const model::SessionId&) override {}
  void OnEdge(const model::EdgeCount&) override {}
  void OnLoss(const model::Loss&) override {}

 private:
  std::unique_ptr<agent::session::Correlator> correlator_;
  std::map<model::SessionId, model::Session> reported_;
};

// The process that ran `/bin/sh -c … WORD`.
model::ProcessKey ProcessThatRan(Recorder* recorder, const std::string& word) {
  const Event* exec =
      recorder->WaitForBody<ExecEvent>(word, [&](const Event&, const ExecEvent& body) {
        return !body.image.arguments.empty() && body.image.arguments.front() == "/bin/sh" &&
               body.image.arguments.back() == word;
      });
  return exec == nullptr ? model::ProcessKey() : exec->header.process;
}

int Sh(const std::string& word) { return Exec({"/bin/sh", "-c", "true; true", word}); }

// Runs util-linux's unshare in a service. Its children stay in the service's group.
class UnshareTest : public testing::TestWithParam<const char*> {
 protected:
  // Makes the group "app.service" in a hierarchy of the version that the parameter says.
  void SetUp() override {
    std::string top;
    if (std::string(GetParam()) == "Version1") {
      hierarchy_ = std::make_unique<NamedHierarchy>();
      top = hierarchy_->path();
    } else {
      cgroup_ = std::make_unique<Cgroup>("top");
      top = cgroup_->path();
    }
    service_ = std::make_unique<Subgroup>(top, "app.service");
  }

  std::unique_ptr<NamedHierarchy> hierarchy_;
  std::unique_ptr<Cgroup> cgroup_;
  std::unique_ptr<Subgroup> service_;
};

INSTANTIATE_TEST_SUITE_P(Cgroups, UnshareTest, testing::Values("Version1", "Version2"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(UnshareTest, UnshareInAService_MakesAContainerCausedByTheService) {
  Recorder recorder;
  Child service([&] {
    if (!service_->Enter()) return 1;
    Child shell([] {
      return Exec(
          {"/bin/sh", "-c", "unshare -p --fork /bin/sh -c 'true; true' inside; true", "service"});
    });
    return shell.Wait();
  });
  EXPECT_EQ(service.Wait(), 0);
  const model::ProcessKey outside = ProcessThatRan(&recorder, "service");
  const model::ProcessKey inside = ProcessThatRan(&recorder, "inside");
  recorder.Settle();
  Sessions sessions;
  sessions.Read(recorder);
  const model::Session container = sessions.Of(inside);
  EXPECT_EQ(container.kind, EntryKind::kContainer);
  EXPECT_EQ(container.first_process, inside);
  EXPECT_EQ(container.unit.substr(0, 5), "pid:[");
  EXPECT_THAT(container.program, testing::EndsWith("sh"));
  const model::Session service_session = sessions.Of(outside);
  EXPECT_EQ(service_session.kind, EntryKind::kService);
  EXPECT_EQ(container.caused_by, service_session.id);
  EXPECT_NE(container.id, service_session.id);
}

// As a runtime like runc does it: a process in a new pid namespace and in a group of its own runs
// the container's program; later a second process enters both.
TEST(ContainersTest, ProcessesOfARuntime_AreOneContainerByTheirCgroup) {
  Recorder recorder;
  const Cgroup top("top");
  const Subgroup scope(top.path(), absl::StrCat("docker-", kId, ".scope"));
  Child runtime([&] {
    if (unshare(CLONE_NEWPID) != 0) return 1;
    int hold[2], ready[2];
    char byte = 0;
    if (pipe(hold) != 0 || pipe(ready) != 0) return 2;
    Child first([&] {
      if (!scope.Enter()) return 1;
      Child program([] { return Sh("first-child"); });
      program.Wait();
      close(hold[1]);
      if (write(ready[1], &byte, 1) != 1) return 2;
      return read(hold[0], &byte, 1) == 0 ? Sh("first") : 3;
    });
    if (read(ready[0], &byte, 1) != 1) return 4;
    const std::string own = absl::StrCat("/proc/", first.pid(), "/ns/pid");
    Child entering([&] {
      const int fd = open(own.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0 || setns(fd, CLONE_NEWPID) != 0 || !scope.Enter()) return 1;
      Child second([] { return Sh("second"); });
      return second.Wait();
    });
    if (entering.Wait() != 0) return 3;
    close(hold[0]);
    close(hold[1]);
    return first.Wait();
  });
  EXPECT_EQ(runtime.Wait(), 0);
  const model::ProcessKey first = ProcessThatRan(&recorder, "first");
  recorder.Settle();
  Sessions sessions;
  sessions.Read(recorder);
  const model::Session container = sessions.Of(first);
  EXPECT_EQ(container.kind, EntryKind::kContainer);
  EXPECT_EQ(container.unit, kId);
  EXPECT_EQ(container.first_process, first);
  for (const char* member : {"first-child", "second"}) {
    EXPECT_EQ(sessions.Of(ProcessThatRan(&recorder, member)).id, container.id) << member;
  }
}

// The container is older than the sensor.
TEST(ContainersFreshSensorTest, SnapshotOfARunningContainer_FindsItByNamespaceAndCgroup) {
  const Cgroup top("top");
  const Subgroup scope(top.path(), absl::StrCat("cri-containerd-", kId, ".scope"));
  int ready[2], hold[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(hold), 0);
  Child runtime([&] {
    if (unshare(CLONE_NEWPID) != 0) return 1;
    close(hold[1]);
    Child first([&] {
      char byte = 0;
      if (!scope.Enter()) return 1;
      Child member([&] {
        if (write(ready[1], &byte, 1) != 1) return 1;
        return static_cast<int>(read(hold[0], &byte, 1));
      });
      return member.Wait();
    });
    const pid_t pid = first.pid();
    if (write(ready[1], &pid, sizeof(pid)) != sizeof(pid)) return 2;
    return first.Wait();
  });
  char bytes[sizeof(pid_t) + 1];
  for (size_t length = 0; length < sizeof(bytes);) {
    const ssize_t count = read(ready[0], bytes + length, sizeof(bytes) - length);
    ASSERT_GT(count, 0);
    length += static_cast<size_t>(count);
  }
  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  Sessions sessions;
  sessions.Read(recorder);
  size_t members = 0;
  model::SessionId container;
  for (const auto& [event, body] : recorder.All<agent::decode::ProcessSnapshot>()) {
    if (event->header.parent.tgid == static_cast<uint32_t>(runtime.pid())) {
      const model::Session session = sessions.Of(event->header.process);
      EXPECT_EQ(session.kind, EntryKind::kContainer);
      EXPECT_EQ(session.unit, kId);
      EXPECT_EQ(session.first_process, event->header.process);
      container = session.id;
      ++members;
    }
  }
  ASSERT_EQ(members, 1u);
  for (const auto& [event, body] : recorder.All<agent::decode::ProcessSnapshot>()) {
    if (sessions.Of(event->header.process).id == container) ++members;
  }
  EXPECT_EQ(members, 3u) << "the first process, counted twice, and its child";
  close(hold[1]);
  EXPECT_EQ(runtime.Wait(), 0);
  for (int fd : {ready[0], ready[1], hold[0]}) close(fd);
}

}  // namespace
}  // namespace hoptrail::kernel_test
