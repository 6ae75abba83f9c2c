// The sessions of processes in containers, and their names.

#include "agent/session/correlator.h"
#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using decode::StreamKind;
using model::EntryKind;
using model::HopSide;

constexpr char kId[] = "3f2a1b4c5d6e7f80910a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70";
constexpr char kOther[] = "aa11bb22cc33dd44ee55ff6600112233445566778899aabbccddeeff00112233";

std::string Docker(const std::string& id) { return "/system.slice/docker-" + id + ".scope"; }

class ContainersTest : public CorrelatorFixture {
 protected:
  ContainersTest() { shim_ = Service("containerd.service", "/usr/bin/containerd-shim-runc-v2"); }

  ProcessKey Service(const std::string& unit, const std::string& program) {
    const ProcessKey service = kernel_.Fork(kernel_.init());
    kernel_.MoveTo(service, "/system.slice/" + unit);
    kernel_.Exec(service, program);
    return service;
  }

  // As runc does it: the container's first process is moved into its group after the fork.
  ProcessKey Run(ProcessKey parent, const std::string& id, uint32_t pid_namespace) {
    const ProcessKey first = kernel_.Fork(parent);
    if (pid_namespace != 0) kernel_.NewPidNamespace(first, pid_namespace);
    kernel_.MoveTo(first, Docker(id));
    kernel_.Exec(first, "/usr/sbin/nginx");
    return first;
  }

  // A login's shell; its session begins with `monitor`.
  ProcessKey Shell(ProcessKey* monitor) {
    const ProcessKey sshd = kernel_.StartSshd();
    *monitor = kernel_.Serve(sshd, kernel_.Arrive(), /*tier1=*/true);
    const ProcessKey child =
        kernel_.LogIn(*monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
    const ProcessKey shell = kernel_.Fork(child);
    kernel_.Exec(shell, "/bin/bash", FakeKernel::All(FakeKernel::Of(StreamKind::kTerminal)));
    return shell;
  }

  ProcessKey shim_;
};

TEST_F(ContainersTest, ContainerOfARuntime_IsASessionNamedByItsId) {
  const ProcessKey first = Run(shim_, kId, 555);
  const ProcessKey worker = kernel_.Fork(first);
  kernel_.Exec(worker, "/usr/bin/ssh");
  kernel_.Connect(worker, "203.0.113.7", 22);
  EXPECT_EQ(Reported(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Reported(first).unit, kId);
  EXPECT_EQ(Reported(first).program, "/usr/sbin/nginx");
  EXPECT_TRUE(Reported(first).caused_by.empty()) << "the container is the root of its paths";
  EXPECT_EQ(correlator_->SessionOf(shim_), Id(shim_));
  EXPECT_EQ(Reported(shim_).unit, "containerd.service");
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(first));
}

// runc's first helper executes a copy of runc, in most runs before it is moved into the group.
TEST_F(ContainersTest, ContainerThatAHelperOfTheRuntimeBegins_IsNamedByTheProcessThatItLeaves) {
  const ProcessKey helper = kernel_.Fork(shim_);
  kernel_.MoveTo(helper, Docker(kId));
  kernel_.Exec(helper, "/memfd:runc_cloned:/proc/self/exe");
  const ProcessKey second = kernel_.Fork(helper);
  const ProcessKey first = kernel_.Fork(second);
  kernel_.NewPidNamespace(first, 555);
  kernel_.Exit(helper);
  kernel_.Exit(second);
  kernel_.Exec(first, "/usr/bin/dash");
  EXPECT_EQ(correlator_->SessionOf(first), Id(helper));
  EXPECT_EQ(Reported(helper).unit, kId);
  EXPECT_EQ(Reported(helper).program, "/usr/bin/dash");
}

TEST_F(ContainersTest, ContainerThatAHelperOfTheRuntimeBegins_IsNamedAlsoIfTheHelperEndsLast) {
  const ProcessKey helper = kernel_.Fork(shim_);
  kernel_.MoveTo(helper, Docker(kId));
  kernel_.Exec(helper, "/memfd:runc_cloned:/proc/self/exe");
  const ProcessKey first = kernel_.Fork(helper);
  kernel_.Exec(first, "/usr/bin/dash");
  kernel_.Exit(helper);
  EXPECT_EQ(Reported(helper).program, "/usr/bin/dash");
}

TEST_F(ContainersTest, ContainerWhoseFirstProcessEndsLater_KeepsItsName) {
  const ProcessKey first = Run(shim_, kId, 0);
  const ProcessKey worker = kernel_.Fork(first);
  kernel_.Exec(worker, "/usr/bin/ssh");
  clock_.AdvanceNs(60'000'000'000);
  kernel_.Exit(first);
  EXPECT_EQ(Reported(first).program, "/usr/sbin/nginx");
}

// Another process of the namespace has a record before the first one is moved into its group.
TEST_F(ContainersTest, ContainerFoundByItsNamespace_GetsTheRuntimesName) {
  const ProcessKey first = kernel_.Fork(shim_);
  kernel_.NewPidNamespace(first, 555);
  const ProcessKey other = kernel_.Fork(shim_);
  kernel_.NewPidNamespace(other, 555);
  kernel_.Connect(other, "203.0.113.7", 22);
  kernel_.MoveTo(first, Docker(kId));
  kernel_.Exec(first, "/app");
  EXPECT_EQ(correlator_->SessionOf(first), correlator_->SessionOf(other));
  EXPECT_EQ(Reported(other).unit, kId);
}

TEST_F(ContainersTest, ProcessThatEntersAContainer_IsInItsSession) {
  const ProcessKey first = Run(shim_, kId, 555);
  const ProcessKey entered = kernel_.Fork(shim_);
  kernel_.NewPidNamespace(entered, 555);
  kernel_.MoveTo(entered, Docker(kId));
  kernel_.Exec(entered, "/bin/sh");
  EXPECT_EQ(correlator_->SessionOf(entered), Id(first));
  EXPECT_FALSE(IsReported(entered));
}

TEST_F(ContainersTest, ContainerInTheHostsPidNamespace_IsFoundByItsGroup) {
  const ProcessKey first = Run(shim_, kId, 0);
  EXPECT_EQ(Reported(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Reported(first).unit, kId);
}

TEST_F(ContainersTest, ContainersThatShareAPidNamespace_AreSeparateSessions) {
  const ProcessKey pause = Run(shim_, kOther, 555);
  const ProcessKey app = Run(shim_, kId, 555);
  EXPECT_EQ(Reported(pause).unit, kOther);
  EXPECT_EQ(Reported(app).unit, kId);
  EXPECT_EQ(correlator_->SessionOf(app), Id(app));
  EXPECT_EQ(correlator_->SessionOf(pause), Id(pause));
}

TEST_F(ContainersTest, ContainerWithinAContainer_IsAnotherSession) {
  const ProcessKey outer = Run(shim_, kOther, 555);
  const ProcessKey daemon = kernel_.Fork(outer);
  kernel_.Exec(daemon, "/usr/bin/dockerd");
  const ProcessKey inner = kernel_.Fork(daemon);
  kernel_.NewPidNamespace(inner, 556);
  kernel_.MoveTo(inner, Docker(kOther) + "/docker/" + kId);
  kernel_.Exec(inner, "/app");
  EXPECT_EQ(Reported(inner).kind, EntryKind::kContainer);
  EXPECT_EQ(Reported(inner).unit, kId);
  EXPECT_EQ(correlator_->SessionOf(daemon), Id(outer));
}

// The kernel reuses the number of a namespace at once.
TEST_F(ContainersTest, ReusedNamespaceNumber_IsAnotherContainer) {
  const ProcessKey first = Run(shim_, kId, 555);
  kernel_.Exit(first);
  EXPECT_NE(Reported(first).closed_wall_ns, 0);
  const ProcessKey second = Run(shim_, kOther, 555);
  EXPECT_EQ(correlator_->SessionOf(second), Id(second));
  EXPECT_EQ(Reported(second).unit, kOther);
  EXPECT_NE(Reported(first).closed_wall_ns, 0);
}

// unshare -p --fork in a service, which stays in its control group.
TEST_F(ContainersTest, PidNamespaceOfAService_IsAContainerCausedByTheService) {
  const ProcessKey nginx = Service("nginx.service", "/usr/sbin/nginx");
  kernel_.SetUid(nginx, 33);
  const ProcessKey unshare = kernel_.Fork(nginx);
  kernel_.Exec(unshare, "/usr/bin/unshare");
  const ProcessKey first = kernel_.Fork(unshare);
  kernel_.NewPidNamespace(first, 557);
  kernel_.Exec(first, "/bin/sh");
  const ProcessKey ssh = kernel_.Fork(first);
  kernel_.Exec(ssh, "/usr/bin/ssh");
  kernel_.Connect(ssh, "203.0.113.7", 22);
  EXPECT_EQ(Reported(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Reported(first).unit, "pid:[557]");
  EXPECT_EQ(Reported(first).caused_by, Id(nginx)) << "the path begins with the service";
  EXPECT_EQ(Reported(first).program, "/bin/sh");
  EXPECT_EQ(correlator_->SessionOf(unshare), Id(nginx));
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(first));
}

TEST_F(ContainersTest, PidNamespaceWithoutAnExec_IsAContainer) {
  const ProcessKey service = Service("app.service", "/usr/bin/python3");
  const ProcessKey first = kernel_.Fork(service);
  kernel_.NewPidNamespace(first, 557);
  kernel_.Connect(first, "203.0.113.7", 22);
  EXPECT_EQ(Reported(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Reported(first).caused_by, Id(service));
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(first));
}

TEST_F(ContainersTest, ContainerStartedByALogin_StaysInTheLogin) {
  ProcessKey login;
  const ProcessKey shell = Shell(&login);
  const ProcessKey unshare = kernel_.Fork(shell);
  kernel_.Exec(unshare, "/usr/bin/unshare");
  const ProcessKey first = kernel_.Fork(unshare);
  kernel_.NewPidNamespace(first, 557);
  kernel_.Exec(first, "/usr/bin/ssh");
  kernel_.Connect(first, "203.0.113.7", 22);
  const ProcessKey podman = Run(shell, kId, 558);
  EXPECT_EQ(correlator_->SessionOf(first), Id(login));
  EXPECT_EQ(correlator_->SessionOf(podman), Id(login));
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(login));
  EXPECT_EQ(CountOf(EntryKind::kContainer), 0u);
}

TEST_F(ContainersTest, PidNamespaceWithinAContainer_StaysInTheContainer) {
  const ProcessKey first = Run(shim_, kId, 555);
  const ProcessKey sandbox = kernel_.Fork(first);
  kernel_.NewPidNamespace(sandbox, 559);
  kernel_.Exec(sandbox, "/usr/bin/bwrap");
  EXPECT_EQ(correlator_->SessionOf(sandbox), Id(first));
}

TEST_F(ContainersTest, ServiceInAPidNamespaceOfItsOwn_IsAService) {
  const ProcessKey service = kernel_.Fork(kernel_.init());
  kernel_.NewPidNamespace(service, 560);
  kernel_.MoveTo(service, "/system.slice/private.service");
  kernel_.Exec(service, "/usr/lib/systemd/systemd-executor");
  kernel_.Exec(service, "/usr/bin/private");
  EXPECT_EQ(Reported(service).kind, EntryKind::kService);
  EXPECT_EQ(Reported(service).unit, "private.service");
}

// The agent starts after everything else, so it cannot use the order of events.
TEST_F(ContainersTest, Snapshot_FindsContainersAndTheirNames) {
  const ProcessKey first = Run(shim_, kId, 555);
  const ProcessKey worker = kernel_.Fork(first);
  kernel_.Exec(worker, "/usr/sbin/nginx");
  const ProcessKey entered = kernel_.Fork(shim_);
  kernel_.NewPidNamespace(entered, 555);
  kernel_.MoveTo(entered, Docker(kId));
  kernel_.Exec(entered, "/bin/sh");
  const ProcessKey nginx = Service("nginx.service", "/usr/sbin/nginx");
  const ProcessKey bare = kernel_.Fork(nginx);
  kernel_.NewPidNamespace(bare, 557);
  kernel_.Exec(bare, "/bin/sh");
  Kill();
  Restart();
  EXPECT_EQ(Reported(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Reported(first).unit, kId);
  for (const ProcessKey member : {first, worker, entered}) {
    EXPECT_EQ(correlator_->SessionOf(member), Id(first));
  }
  EXPECT_EQ(Reported(shim_).kind, EntryKind::kService);
  EXPECT_EQ(Reported(shim_).unit, "containerd.service");
  EXPECT_EQ(Reported(bare).kind, EntryKind::kContainer);
  EXPECT_EQ(Reported(bare).unit, "pid:[557]");
  EXPECT_EQ(Reported(bare).caused_by, Id(nginx));
}

// The container's parent is process 1 because its runtime has ended.
TEST_F(ContainersTest, Snapshot_FindsAContainerWhoseRuntimeHasEnded) {
  const ProcessKey runtime = kernel_.Fork(kernel_.init());
  kernel_.Exec(runtime, "/usr/sbin/runc");
  const ProcessKey first = kernel_.Fork(runtime);
  kernel_.NewPidNamespace(first, 561);
  kernel_.Exec(first, "/app");
  const ProcessKey child = kernel_.Fork(first);
  kernel_.Exit(runtime);
  Kill();
  Restart();
  EXPECT_EQ(Reported(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Reported(first).unit, "pid:[561]");
  EXPECT_EQ(correlator_->SessionOf(child), Id(first));
}

TEST_F(ContainersTest, SshdAndCronInAContainer_OpenLoginsAndJobs) {
  const ProcessKey sshd = Run(shim_, kId, 555);
  kernel_.Exec(sshd, "/usr/sbin/sshd");
  kernel_.Listen(sshd);
  kernel_.lose_forks = true;
  const ProcessKey monitor = kernel_.Fork(sshd);
  kernel_.lose_forks = false;
  kernel_.SetAudit(monitor, 1000, 7);
  kernel_.Connect(monitor, "203.0.113.7", 443);
  EXPECT_EQ(Reported(monitor).kind, EntryKind::kRemote) << "by its audit login and its listener";

  const ProcessKey cron = kernel_.Fork(sshd);
  kernel_.at(cron).tag = {};
  kernel_.Exec(cron, "/usr/sbin/cron");
  const ProcessKey job = kernel_.Fork(cron);
  kernel_.Pam(job, decode::PamStep::kOpenSession, "staff", 0, "cron");
  const ProcessKey program = kernel_.Fork(job);
  kernel_.Exec(program, "/usr/bin/find");
  EXPECT_EQ(Reported(job).kind, EntryKind::kCron);
  EXPECT_EQ(Reported(job).unit, "staff/find");
  EXPECT_EQ(Reported(sshd).unit, kId);
  EXPECT_EQ(Reported(sshd).user, "root");
}

TEST_F(ContainersTest, ServiceThatCreatesManyNamespaces_IsLimitedTo60SessionsAMinute) {
  const ProcessKey service = Service("app.service", "/app");
  for (uint32_t i = 0; i < 200; ++i) {
    const ProcessKey first = kernel_.Fork(service);
    kernel_.NewPidNamespace(first, 1000 + i);
    kernel_.Exec(first, "/bin/true");
    kernel_.Exit(first);
  }
  EXPECT_EQ(CountOf(EntryKind::kContainer), 60u);
  clock_.AdvanceNs(int64_t{61} * 1'000'000'000);
  const ProcessKey later = kernel_.Fork(service);
  kernel_.NewPidNamespace(later, 2000);
  kernel_.Exec(later, "/bin/true");
  EXPECT_EQ(Reported(later).kind, EntryKind::kContainer);
}

// A container has accounts of its own. Only root is the same user inside.
TEST_F(ContainersTest, UidInAContainer_IsNotLookedUpOnTheHost) {
  const ProcessKey first = kernel_.Fork(shim_);
  kernel_.NewPidNamespace(first, 555);
  kernel_.MoveTo(first, Docker(kId));
  kernel_.Exec(first, "/entrypoint.sh");
  EXPECT_EQ(Reported(first).user, "root");
  kernel_.SetUid(first, 33);
  kernel_.Exec(first, "/usr/bin/redis-server");
  EXPECT_EQ(Reported(first).program, "/usr/bin/redis-server");
  EXPECT_EQ(Reported(first).uid, 33u);
  EXPECT_EQ(Reported(first).user, "");
}

}  // namespace
}  // namespace hoptrail::agent::session
