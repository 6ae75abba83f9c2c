// Which session a process in a container is in, and what that is called.

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

  Name Service(const std::string& unit, const std::string& program) {
    const Name service = kernel_.Fork(kernel_.init());
    kernel_.MoveTo(service, "/system.slice/" + unit);
    kernel_.Exec(service, program);
    return service;
  }

  // As runc does it: the container's first process is put into its group after it was forked.
  Name Run(Name parent, const std::string& id, uint32_t pid_namespace) {
    const Name first = kernel_.Fork(parent);
    if (pid_namespace != 0) kernel_.NewPidNamespace(first, pid_namespace);
    kernel_.MoveTo(first, Docker(id));
    kernel_.Exec(first, "/usr/sbin/nginx");
    return first;
  }

  // A login's shell; its session begins with `monitor`.
  Name Shell(Name* monitor) {
    const Name sshd = kernel_.StartSshd();
    *monitor = kernel_.Serve(sshd, kernel_.Arrive(), /*tier1=*/true);
    const Name child = kernel_.LogIn(*monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
    const Name shell = kernel_.Fork(child);
    kernel_.Exec(shell, "/bin/bash", FakeKernel::All(FakeKernel::Of(StreamKind::kTerminal)));
    return shell;
  }

  Name shim_;
};

TEST_F(ContainersTest, ARuntimesContainerIsASessionByItsId) {
  const Name first = Run(shim_, kId, 555);
  const Name worker = kernel_.Fork(first);
  kernel_.Exec(worker, "/usr/bin/ssh");
  kernel_.Connect(worker, "203.0.113.7", 22);
  EXPECT_EQ(Told(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Told(first).unit, kId);
  EXPECT_EQ(Told(first).program, "/usr/sbin/nginx");
  EXPECT_TRUE(Told(first).caused_by.empty()) << "a path that it begins, begins with it";
  EXPECT_EQ(correlator_->SessionOf(shim_), Id(shim_));
  EXPECT_EQ(Told(shim_).unit, "containerd.service");
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(first));
}

// Another process of the same namespace speaks before the first one has been put into its group.
TEST_F(ContainersTest, ARuntimeNamesWhatTheNamespaceHadShown) {
  const Name first = kernel_.Fork(shim_);
  kernel_.NewPidNamespace(first, 555);
  const Name other = kernel_.Fork(shim_);
  kernel_.NewPidNamespace(other, 555);
  kernel_.Connect(other, "203.0.113.7", 22);
  kernel_.MoveTo(first, Docker(kId));
  kernel_.Exec(first, "/app");
  EXPECT_EQ(correlator_->SessionOf(first), correlator_->SessionOf(other));
  EXPECT_EQ(Told(other).unit, kId);
}

TEST_F(ContainersTest, WhatEntersAContainerIsOfItsSession) {
  const Name first = Run(shim_, kId, 555);
  const Name entered = kernel_.Fork(shim_);
  kernel_.NewPidNamespace(entered, 555);
  kernel_.MoveTo(entered, Docker(kId));
  kernel_.Exec(entered, "/bin/sh");
  EXPECT_EQ(correlator_->SessionOf(entered), Id(first));
  EXPECT_FALSE(IsTold(entered));
}

TEST_F(ContainersTest, AContainerInTheHostsPidNamespaceIsOneByItsGroup) {
  const Name first = Run(shim_, kId, 0);
  EXPECT_EQ(Told(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Told(first).unit, kId);
}

TEST_F(ContainersTest, ContainersThatShareAPidNamespaceAreApart) {
  const Name pause = Run(shim_, kOther, 555);
  const Name app = Run(shim_, kId, 555);
  EXPECT_EQ(Told(pause).unit, kOther);
  EXPECT_EQ(Told(app).unit, kId);
  EXPECT_EQ(correlator_->SessionOf(app), Id(app));
  EXPECT_EQ(correlator_->SessionOf(pause), Id(pause));
}

TEST_F(ContainersTest, AContainerWithinAContainerIsAnother) {
  const Name outer = Run(shim_, kOther, 555);
  const Name daemon = kernel_.Fork(outer);
  kernel_.Exec(daemon, "/usr/bin/dockerd");
  const Name inner = kernel_.Fork(daemon);
  kernel_.NewPidNamespace(inner, 556);
  kernel_.MoveTo(inner, Docker(kOther) + "/docker/" + kId);
  kernel_.Exec(inner, "/app");
  EXPECT_EQ(Told(inner).kind, EntryKind::kContainer);
  EXPECT_EQ(Told(inner).unit, kId);
  EXPECT_EQ(correlator_->SessionOf(daemon), Id(outer));
}

// A number of a namespace is used again at once.
TEST_F(ContainersTest, ANamespaceThatIsUsedAgainIsAnotherContainer) {
  const Name first = Run(shim_, kId, 555);
  kernel_.Exit(first);
  EXPECT_NE(Told(first).closed_wall_ns, 0);
  const Name second = Run(shim_, kOther, 555);
  EXPECT_EQ(correlator_->SessionOf(second), Id(second));
  EXPECT_EQ(Told(second).unit, kOther);
  EXPECT_NE(Told(first).closed_wall_ns, 0);
}

// unshare -p --fork in a service, whatever the version of control groups: it stays in its group.
TEST_F(ContainersTest, APidNamespaceAloneIsAContainerThatTheServiceCaused) {
  const Name nginx = Service("nginx.service", "/usr/sbin/nginx");
  kernel_.SetUid(nginx, 33);
  const Name unshare = kernel_.Fork(nginx);
  kernel_.Exec(unshare, "/usr/bin/unshare");
  const Name first = kernel_.Fork(unshare);
  kernel_.NewPidNamespace(first, 557);
  kernel_.Exec(first, "/bin/sh");
  const Name ssh = kernel_.Fork(first);
  kernel_.Exec(ssh, "/usr/bin/ssh");
  kernel_.Connect(ssh, "203.0.113.7", 22);
  EXPECT_EQ(Told(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Told(first).unit, "pid:[557]");
  EXPECT_EQ(Told(first).caused_by, Id(nginx)) << "the path begins with the service";
  EXPECT_EQ(Told(first).program, "/bin/sh");
  EXPECT_EQ(correlator_->SessionOf(unshare), Id(nginx));
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(first));
}

// A program that makes the namespace itself and runs no other in it.
TEST_F(ContainersTest, ANamespaceWithoutAnExecIsAContainerToo) {
  const Name service = Service("app.service", "/usr/bin/python3");
  const Name first = kernel_.Fork(service);
  kernel_.NewPidNamespace(first, 557);
  kernel_.Connect(first, "203.0.113.7", 22);
  EXPECT_EQ(Told(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Told(first).caused_by, Id(service));
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(first));
}

TEST_F(ContainersTest, ALoginKeepsWhatItStartsInContainers) {
  Name login;
  const Name shell = Shell(&login);
  const Name unshare = kernel_.Fork(shell);
  kernel_.Exec(unshare, "/usr/bin/unshare");
  const Name first = kernel_.Fork(unshare);
  kernel_.NewPidNamespace(first, 557);
  kernel_.Exec(first, "/usr/bin/ssh");
  kernel_.Connect(first, "203.0.113.7", 22);
  const Name podman = Run(shell, kId, 558);
  EXPECT_EQ(correlator_->SessionOf(first), Id(login));
  EXPECT_EQ(correlator_->SessionOf(podman), Id(login));
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(login));
  EXPECT_EQ(CountOf(EntryKind::kContainer), 0u);
}

TEST_F(ContainersTest, APidNamespaceWithinAContainerStaysInIt) {
  const Name first = Run(shim_, kId, 555);
  const Name sandbox = kernel_.Fork(first);
  kernel_.NewPidNamespace(sandbox, 559);
  kernel_.Exec(sandbox, "/usr/bin/bwrap");
  EXPECT_EQ(correlator_->SessionOf(sandbox), Id(first));
}

TEST_F(ContainersTest, AServiceInAPidNamespaceOfItsOwnIsThatService) {
  const Name service = kernel_.Fork(kernel_.init());
  kernel_.NewPidNamespace(service, 560);
  kernel_.MoveTo(service, "/system.slice/private.service");
  kernel_.Exec(service, "/usr/lib/systemd/systemd-executor");
  kernel_.Exec(service, "/usr/bin/private");
  EXPECT_EQ(Told(service).kind, EntryKind::kService);
  EXPECT_EQ(Told(service).unit, "private.service");
}

// The agent starts after everything else: the order of events is not there to help.
TEST_F(ContainersTest, ASnapshotFindsContainersAndWhatTheyAreCalled) {
  const Name first = Run(shim_, kId, 555);
  const Name worker = kernel_.Fork(first);
  kernel_.Exec(worker, "/usr/sbin/nginx");
  const Name entered = kernel_.Fork(shim_);
  kernel_.NewPidNamespace(entered, 555);
  kernel_.MoveTo(entered, Docker(kId));
  kernel_.Exec(entered, "/bin/sh");
  const Name nginx = Service("nginx.service", "/usr/sbin/nginx");
  const Name bare = kernel_.Fork(nginx);
  kernel_.NewPidNamespace(bare, 557);
  kernel_.Exec(bare, "/bin/sh");
  Kill();
  Restart();
  EXPECT_EQ(Told(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Told(first).unit, kId);
  for (const Name member : {first, worker, entered}) {
    EXPECT_EQ(correlator_->SessionOf(member), Id(first));
  }
  EXPECT_EQ(Told(shim_).kind, EntryKind::kService);
  EXPECT_EQ(Told(shim_).unit, "containerd.service");
  EXPECT_EQ(Told(bare).kind, EntryKind::kContainer);
  EXPECT_EQ(Told(bare).unit, "pid:[557]");
  EXPECT_EQ(Told(bare).caused_by, Id(nginx));
}

// Its runtime has ended, so that process 1 has taken it over.
TEST_F(ContainersTest, ASnapshotFindsAContainerWhoseRuntimeHasEnded) {
  const Name runtime = kernel_.Fork(kernel_.init());
  kernel_.Exec(runtime, "/usr/sbin/runc");
  const Name first = kernel_.Fork(runtime);
  kernel_.NewPidNamespace(first, 561);
  kernel_.Exec(first, "/app");
  const Name child = kernel_.Fork(first);
  kernel_.Exit(runtime);
  Kill();
  Restart();
  EXPECT_EQ(Told(first).kind, EntryKind::kContainer);
  EXPECT_EQ(Told(first).unit, "pid:[561]");
  EXPECT_EQ(correlator_->SessionOf(child), Id(first));
}

// sshd and cron in a container, as on any host.
TEST_F(ContainersTest, LoginsAndJobsBeginInAContainerToo) {
  const Name sshd = Run(shim_, kId, 555);
  kernel_.Exec(sshd, "/usr/sbin/sshd");
  kernel_.Listen(sshd);
  kernel_.lose_forks = true;
  const Name monitor = kernel_.Fork(sshd);
  kernel_.lose_forks = false;
  kernel_.SetAudit(monitor, 1000, 7);
  kernel_.Connect(monitor, "203.0.113.7", 443);
  EXPECT_EQ(Told(monitor).kind, EntryKind::kRemote) << "by its audit login and its listener";

  const Name cron = kernel_.Fork(sshd);
  kernel_.at(cron).tag = {};
  kernel_.Exec(cron, "/usr/sbin/cron");
  const Name job = kernel_.Fork(cron);
  kernel_.Pam(job, decode::PamStep::kOpenSession, "staff", 0, "cron");
  const Name program = kernel_.Fork(job);
  kernel_.Exec(program, "/usr/bin/find");
  EXPECT_EQ(Told(job).kind, EntryKind::kCron);
  EXPECT_EQ(Told(job).unit, "staff/find");
  EXPECT_EQ(Told(sshd).unit, kId);
  EXPECT_EQ(Told(sshd).user, "root");
}

TEST_F(ContainersTest, WhoMakesNamespacesWithoutEndMakesNoSessionsWithoutEnd) {
  const Name service = Service("app.service", "/app");
  for (uint32_t i = 0; i < 200; ++i) {
    const Name first = kernel_.Fork(service);
    kernel_.NewPidNamespace(first, 1000 + i);
    kernel_.Exec(first, "/bin/true");
    kernel_.Exit(first);
  }
  EXPECT_EQ(CountOf(EntryKind::kContainer), 60u);
  clock_.AdvanceNs(int64_t{61} * 1'000'000'000);
  const Name later = kernel_.Fork(service);
  kernel_.NewPidNamespace(later, 2000);
  kernel_.Exec(later, "/bin/true");
  EXPECT_EQ(Told(later).kind, EntryKind::kContainer);
}

// Names of containers are the host's to give, uids are not: only root is the same user inside.
TEST_F(ContainersTest, AContainersUserIsNotLookedUpOnTheHost) {
  const Name first = kernel_.Fork(shim_);
  kernel_.NewPidNamespace(first, 555);
  kernel_.MoveTo(first, Docker(kId));
  kernel_.Exec(first, "/entrypoint.sh");
  EXPECT_EQ(Told(first).user, "root");
  kernel_.SetUid(first, 33);
  kernel_.Exec(first, "/usr/bin/redis-server");
  EXPECT_EQ(Told(first).program, "/usr/bin/redis-server");
  EXPECT_EQ(Told(first).uid, 33u);
  EXPECT_EQ(Told(first).user, "");
}

}  // namespace
}  // namespace hoptrail::agent::session
