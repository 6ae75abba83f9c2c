// What sessions are called that are no logins.

#include "agent/session/correlator.h"
#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using model::EntryKind;
using model::HopSide;

class UnitsTest : public CorrelatorFixture {
 protected:
  Name Service(const std::string& unit, const std::string& program, uint32_t uid = 0) {
    const Name service = kernel_.Fork(kernel_.init());
    kernel_.MoveTo(service, "/system.slice/" + unit);
    kernel_.SetUid(service, uid);
    kernel_.Exec(service, program);
    return service;
  }
  // A line of a crontab: cron's child asks its shell to run it.
  Name Line(Name cron, std::vector<std::string> arguments, uint32_t uid, uint32_t audit_session) {
    const Name child = kernel_.Fork(cron);
    if (audit_session != 0) {
      kernel_.SetAudit(child, uid, audit_session);
      kernel_.Pam(child, decode::PamStep::kOpenSession, uid == 33 ? "www-data" : "root", 0, "cron");
    }
    const Name shell = kernel_.Fork(child);
    kernel_.SetUid(shell, uid);
    kernel_.Exec(shell, "/bin/dash", FakeKernel::Null(), std::move(arguments));
    shell_ = shell;
    return child;
  }

  Name shell_;
};

TEST_F(UnitsTest, AServiceIsCalledByItsUnitAndUser) {
  const Name nginx = Service("nginx.service", "/usr/sbin/nginx", 33);
  EXPECT_EQ(Told(nginx).kind, EntryKind::kService);
  EXPECT_EQ(Told(nginx).unit, "nginx.service");
  EXPECT_EQ(Told(nginx).user, "www-data");
  EXPECT_EQ(Told(nginx).uid, 33u);
  EXPECT_EQ(Told(nginx).program, "/usr/sbin/nginx");
}

TEST_F(UnitsTest, AnEscapedUnitIsShownUnescaped) {
  const Name service = Service("fsck@dev-disk-by\\x2duuid-1.service", "/sbin/fsck");
  EXPECT_EQ(Told(service).unit, "fsck@dev-disk-by-uuid-1.service");
}

TEST_F(UnitsTest, WithoutControlGroupsAServiceHasProgramAndUser) {
  const Name service = kernel_.Fork(kernel_.init());
  kernel_.SetUid(service, 4711);
  kernel_.Exec(service, "/usr/sbin/dropbear");
  EXPECT_EQ(Told(service).kind, EntryKind::kService);
  EXPECT_EQ(Told(service).unit, "");
  EXPECT_EQ(Told(service).program, "/usr/sbin/dropbear");
  EXPECT_EQ(Told(service).user, "") << "nobody has that number";
  EXPECT_EQ(Told(service).uid, 4711u);
}

// systemd from version 255 on: its helper runs as root and is moved while it prepares the service.
TEST_F(UnitsTest, TheManagersHelperIsNotTheService) {
  const Name service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/lib/systemd/systemd-executor");
  EXPECT_FALSE(IsTold(service));
  kernel_.MoveTo(service, "/system.slice/nginx.service");
  kernel_.SetUid(service, 33);
  kernel_.Exec(service, "/usr/sbin/nginx");
  EXPECT_EQ(Told(service).program, "/usr/sbin/nginx");
  EXPECT_EQ(Told(service).unit, "nginx.service");
  EXPECT_EQ(Told(service).user, "www-data");
}

TEST_F(UnitsTest, AServiceIsWhatItsFirstProcessBecomes) {
  const Name service = Service("app.service", "/bin/sh");
  kernel_.SetUid(service, 33);
  kernel_.Exec(service, "/usr/bin/java");
  EXPECT_EQ(Told(service).program, "/usr/bin/java");
  EXPECT_EQ(Told(service).user, "www-data");
  const Name child = kernel_.Fork(service);
  kernel_.Exec(child, "/usr/bin/ssh");
  EXPECT_EQ(Told(service).program, "/usr/bin/java");
  // Without end it is not told anew.
  const size_t told = all_sessions_.size();
  for (int i = 0; i < 100; ++i) kernel_.Exec(service, "/bin/program-" + std::to_string(i));
  EXPECT_LT(all_sessions_.size() - told, 10u);
}

TEST_F(UnitsTest, ASnapshotTellsUnits) {
  const Name nginx = Service("nginx.service", "/usr/sbin/nginx", 33);
  Kill();
  Restart();
  EXPECT_EQ(Told(nginx).unit, "nginx.service");
  EXPECT_EQ(Told(nginx).user, "www-data");
}

TEST_F(UnitsTest, AnExecThatWasLostIsMadeUpForByASnapshot) {
  const Name service = kernel_.Fork(kernel_.init());
  kernel_.MoveTo(service, "/system.slice/nginx.service");
  kernel_.at(service).path = "/usr/sbin/nginx";
  kernel_.Connect(service, "203.0.113.7", 22);
  kernel_.Snapshot();
  EXPECT_EQ(Told(service).unit, "nginx.service");
}

// What was moved to another group since is not called by the old one.
TEST_F(UnitsTest, AGroupThatIsOldIsNotUsed) {
  const Name first = Service("first.service", "/usr/bin/first");
  kernel_.MoveTo(first, "/system.slice/second.service");
  kernel_.SetAudit(first, 33, 12);
  const Name child = kernel_.Fork(first);
  kernel_.SetAudit(child, 33, 13);
  kernel_.Exec(child, "/bin/sh");
  EXPECT_EQ(Told(child).unit, "");
}

TEST_F(UnitsTest, ATimersServiceIsAScheduledJob) {
  timed_.insert("logrotate.service");
  const Name job = Service("logrotate.service", "/usr/bin/setpriv");
  EXPECT_EQ(Told(job).kind, EntryKind::kCron);
  EXPECT_EQ(Told(job).unit, "logrotate.service");
  EXPECT_EQ(Told(job).user, "root");
  kernel_.SetUid(job, 33);
  kernel_.Exec(job, "/usr/sbin/logrotate");
  EXPECT_EQ(Told(job).kind, EntryKind::kCron);
  EXPECT_EQ(Told(job).user, "www-data");
  const Name hook = kernel_.Fork(job);
  kernel_.Exec(hook, "/usr/bin/ssh");
  kernel_.Connect(hook, "203.0.113.7", 22);
  EXPECT_EQ(Told(job).unit, "logrotate.service");
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(job));
}

TEST_F(UnitsTest, ACronJobIsCalledByItsUserAndProgram) {
  const Name cron = Service("cron.service", "/usr/sbin/cron");
  const Name job = Line(cron, {"/bin/sh", "-c", "PASSWORD=x backup.sh --all"}, 33, 9);
  EXPECT_EQ(Told(job).kind, EntryKind::kCron);
  EXPECT_EQ(Told(job).unit, "www-data") << "what it runs is not known yet";
  kernel_.Exec(shell_, "/bin/bash", FakeKernel::Null(),
               {"/bin/bash", "/usr/local/bin/backup.sh", "--all"});
  EXPECT_EQ(Told(job).unit, "www-data/backup.sh");
  const Name more = kernel_.Fork(shell_);
  kernel_.Exec(more, "/usr/bin/ssh");
  EXPECT_EQ(Told(job).unit, "www-data/backup.sh");
}

TEST_F(UnitsTest, AnInterpretersCodeIsNoName) {
  const Name cron = Service("cron.service", "/usr/sbin/cron");
  const Name job = Line(cron, {"/bin/sh", "-c", "perl -e 'secret'"}, 0, 9);
  kernel_.Exec(shell_, "/usr/bin/perl", FakeKernel::Null(), {"perl", "-e", "/secret/"});
  EXPECT_EQ(Told(job).unit, "root/perl");
}

// A cron without PAM on a kernel without audit: parentage is all there is.
TEST_F(UnitsTest, ACronWithoutPamHasJobsAllTheSame) {
  const Name cron = Service("crond.service", "/usr/sbin/crond");
  const Name job = Line(cron, {"/bin/sh", "-c", "run-parts /etc/cron.hourly"}, 33, 0);
  const Name program = kernel_.Fork(shell_);
  kernel_.Exec(program, "/usr/bin/run-parts", FakeKernel::Null(), {"run-parts", "/etc/x"});
  kernel_.Connect(program, "203.0.113.7", 22);
  EXPECT_EQ(Told(job).kind, EntryKind::kCron);
  EXPECT_EQ(Told(job).unit, "www-data/run-parts");
  EXPECT_EQ(Told(job).user, "www-data");
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(job));
  EXPECT_EQ(correlator_->SessionOf(cron), Id(cron));
  EXPECT_EQ(Told(cron).kind, EntryKind::kService);
  EXPECT_EQ(Told(cron).unit, "crond.service");
  // One that forks once only.
  const Name direct = kernel_.Fork(cron);
  kernel_.Exec(direct, "/usr/bin/find");
  EXPECT_EQ(Told(direct).kind, EntryKind::kCron);
  EXPECT_EQ(Told(direct).unit, "root/find");
}

TEST_F(UnitsTest, WhoeverCallsHisProgramCronHasNoJobs) {
  const Name service = Service("app.service", "/home/x/cron", 33);
  const Name child = kernel_.Fork(service);
  kernel_.Exec(child, "/bin/sh");
  EXPECT_EQ(correlator_->SessionOf(child), Id(service));
}

// A listener's child that had begun a session of its own turns out to be a connection.
TEST_F(UnitsTest, AConnectionIsNotCalledLikeTheServiceItWasTakenFor) {
  const Name listener = Service("helper.service", "/usr/local/bin/helper", 33);
  kernel_.Listen(listener);
  const uint64_t socket = kernel_.Arrive();
  kernel_.lose_forks = true;
  const Name child = kernel_.Fork(kernel_.init());
  kernel_.MoveTo(child, "/system.slice/helper.service");
  kernel_.Exec(child, "/bin/sh");
  EXPECT_EQ(Told(child).unit, "helper.service");
  kernel_.Exec(child, "/bin/sh", FakeKernel::All(kernel_.Tcp(socket)));
  EXPECT_EQ(Told(child).kind, EntryKind::kRemote);
  EXPECT_EQ(Told(child).unit, "");
}

}  // namespace
}  // namespace hoptrail::agent::session
