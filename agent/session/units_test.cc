// The names of sessions that are no logins.

#include "agent/session/correlator.h"
#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using model::EntryKind;
using model::HopSide;

class UnitsTest : public CorrelatorFixture {
 protected:
  ProcessKey Service(const std::string& unit, const std::string& program, uint32_t uid = 0) {
    const ProcessKey service = kernel_.Fork(kernel_.init());
    kernel_.MoveTo(service, "/system.slice/" + unit);
    kernel_.SetUid(service, uid);
    kernel_.Exec(service, program);
    return service;
  }
  // A line of a crontab: cron's child starts a shell to run it.
  ProcessKey Line(ProcessKey cron, std::vector<std::string> arguments, uint32_t uid,
                  uint32_t audit_session) {
    const ProcessKey child = kernel_.Fork(cron);
    if (audit_session != 0) {
      kernel_.SetAudit(child, uid, audit_session);
      kernel_.Pam(child, decode::PamStep::kOpenSession, uid == 33 ? "www-data" : "root", 0, "cron");
    }
    const ProcessKey shell = kernel_.Fork(child);
    kernel_.SetUid(shell, uid);
    kernel_.Exec(shell, "/bin/dash", FakeKernel::Null(), std::move(arguments));
    shell_ = shell;
    return child;
  }

  ProcessKey shell_;
};

TEST_F(UnitsTest, Service_IsNamedByItsUnitAndUser) {
  const ProcessKey nginx = Service("nginx.service", "/usr/sbin/nginx", 33);
  EXPECT_EQ(Reported(nginx).kind, EntryKind::kService);
  EXPECT_EQ(Reported(nginx).unit, "nginx.service");
  EXPECT_EQ(Reported(nginx).user, "www-data");
  EXPECT_EQ(Reported(nginx).uid, 33u);
  EXPECT_EQ(Reported(nginx).program, "/usr/sbin/nginx");
}

TEST_F(UnitsTest, EscapedUnit_IsShownUnescaped) {
  const ProcessKey service = Service("fsck@dev-disk-by\\x2duuid-1.service", "/sbin/fsck");
  EXPECT_EQ(Reported(service).unit, "fsck@dev-disk-by-uuid-1.service");
}

TEST_F(UnitsTest, ServiceWithoutControlGroups_HasProgramAndUser) {
  const ProcessKey service = kernel_.Fork(kernel_.init());
  kernel_.SetUid(service, 4711);
  kernel_.Exec(service, "/usr/sbin/dropbear");
  EXPECT_EQ(Reported(service).kind, EntryKind::kService);
  EXPECT_EQ(Reported(service).unit, "");
  EXPECT_EQ(Reported(service).program, "/usr/sbin/dropbear");
  EXPECT_EQ(Reported(service).user, "") << "no user has that uid";
  EXPECT_EQ(Reported(service).uid, 4711u);
}

// systemd's helper, from version 255 on, runs as root and is moved while it prepares the service.
TEST_F(UnitsTest, HelperOfSystemd_IsNotReportedAsTheService) {
  const ProcessKey service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/lib/systemd/systemd-executor");
  EXPECT_FALSE(IsReported(service));
  kernel_.MoveTo(service, "/system.slice/nginx.service");
  kernel_.SetUid(service, 33);
  kernel_.Exec(service, "/usr/sbin/nginx");
  EXPECT_EQ(Reported(service).program, "/usr/sbin/nginx");
  EXPECT_EQ(Reported(service).unit, "nginx.service");
  EXPECT_EQ(Reported(service).user, "www-data");
}

TEST_F(UnitsTest, ServiceWhoseFirstProcessExecutesAgain_HasTheLastProgram) {
  const ProcessKey service = Service("app.service", "/bin/sh");
  kernel_.SetUid(service, 33);
  kernel_.Exec(service, "/usr/bin/java");
  EXPECT_EQ(Reported(service).program, "/usr/bin/java");
  EXPECT_EQ(Reported(service).user, "www-data");
  const ProcessKey child = kernel_.Fork(service);
  kernel_.Exec(child, "/usr/bin/ssh");
  EXPECT_EQ(Reported(service).program, "/usr/bin/java");
  // It is not reported again without end.
  const size_t reports = all_sessions_.size();
  for (int i = 0; i < 100; ++i) kernel_.Exec(service, "/bin/program-" + std::to_string(i));
  EXPECT_LT(all_sessions_.size() - reports, 10u);
}

TEST_F(UnitsTest, Snapshot_ShowsUnits) {
  const ProcessKey nginx = Service("nginx.service", "/usr/sbin/nginx", 33);
  Kill();
  Restart();
  EXPECT_EQ(Reported(nginx).unit, "nginx.service");
  EXPECT_EQ(Reported(nginx).user, "www-data");
}

TEST_F(UnitsTest, Snapshot_ShowsTheUnitOfAServiceWhoseExecWasLost) {
  const ProcessKey service = kernel_.Fork(kernel_.init());
  kernel_.MoveTo(service, "/system.slice/nginx.service");
  kernel_.at(service).path = "/usr/sbin/nginx";
  kernel_.Connect(service, "203.0.113.7", 22);
  kernel_.Snapshot();
  EXPECT_EQ(Reported(service).unit, "nginx.service");
}

TEST_F(UnitsTest, GroupFromBeforeAMove_IsNotUsed) {
  const ProcessKey first = Service("first.service", "/usr/bin/first");
  kernel_.MoveTo(first, "/system.slice/second.service");
  kernel_.SetAudit(first, 33, 12);
  const ProcessKey child = kernel_.Fork(first);
  kernel_.SetAudit(child, 33, 13);
  kernel_.Exec(child, "/bin/sh");
  EXPECT_EQ(Reported(child).unit, "");
}

TEST_F(UnitsTest, ServiceThatATimerStarts_IsAScheduledJob) {
  timed_.insert("logrotate.service");
  const ProcessKey job = Service("logrotate.service", "/usr/bin/setpriv");
  EXPECT_EQ(Reported(job).kind, EntryKind::kCron);
  EXPECT_EQ(Reported(job).unit, "logrotate.service");
  EXPECT_EQ(Reported(job).user, "root");
  kernel_.SetUid(job, 33);
  kernel_.Exec(job, "/usr/sbin/logrotate");
  EXPECT_EQ(Reported(job).kind, EntryKind::kCron);
  EXPECT_EQ(Reported(job).user, "www-data");
  const ProcessKey hook = kernel_.Fork(job);
  kernel_.Exec(hook, "/usr/bin/ssh");
  kernel_.Connect(hook, "203.0.113.7", 22);
  EXPECT_EQ(Reported(job).unit, "logrotate.service");
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(job));
}

TEST_F(UnitsTest, CronJob_IsNamedByItsUserAndProgram) {
  const ProcessKey cron = Service("cron.service", "/usr/sbin/cron");
  const ProcessKey job = Line(cron, {"/bin/sh", "-c", "PASSWORD=x backup.sh --all"}, 33, 9);
  EXPECT_EQ(Reported(job).kind, EntryKind::kCron);
  EXPECT_EQ(Reported(job).unit, "www-data") << "its program is not known yet";
  kernel_.Exec(shell_, "/bin/bash", FakeKernel::Null(),
               {"/bin/bash", "/usr/local/bin/backup.sh", "--all"});
  EXPECT_EQ(Reported(job).unit, "www-data/backup.sh");
  const ProcessKey more = kernel_.Fork(shell_);
  kernel_.Exec(more, "/usr/bin/ssh");
  EXPECT_EQ(Reported(job).unit, "www-data/backup.sh");
}

TEST_F(UnitsTest, CodeOnTheCommandLine_IsNotInTheJobsName) {
  const ProcessKey cron = Service("cron.service", "/usr/sbin/cron");
  const ProcessKey job = Line(cron, {"/bin/sh", "-c", "perl -e 'secret'"}, 0, 9);
  kernel_.Exec(shell_, "/usr/bin/perl", FakeKernel::Null(), {"perl", "-e", "/secret/"});
  EXPECT_EQ(Reported(job).unit, "root/perl");
}

// Without PAM and without audit in the kernel, only the parents show a job.
TEST_F(UnitsTest, CronWithoutPamAndAudit_HasJobs) {
  const ProcessKey cron = Service("crond.service", "/usr/sbin/crond");
  const ProcessKey job = Line(cron, {"/bin/sh", "-c", "run-parts /etc/cron.hourly"}, 33, 0);
  const ProcessKey program = kernel_.Fork(shell_);
  kernel_.Exec(program, "/usr/bin/run-parts", FakeKernel::Null(), {"run-parts", "/etc/x"});
  kernel_.Connect(program, "203.0.113.7", 22);
  EXPECT_EQ(Reported(job).kind, EntryKind::kCron);
  EXPECT_EQ(Reported(job).unit, "www-data/run-parts");
  EXPECT_EQ(Reported(job).user, "www-data");
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(job));
  EXPECT_EQ(correlator_->SessionOf(cron), Id(cron));
  EXPECT_EQ(Reported(cron).kind, EntryKind::kService);
  EXPECT_EQ(Reported(cron).unit, "crond.service");
  // A cron that forks only once.
  const ProcessKey direct = kernel_.Fork(cron);
  kernel_.Exec(direct, "/usr/bin/find");
  EXPECT_EQ(Reported(direct).kind, EntryKind::kCron);
  EXPECT_EQ(Reported(direct).unit, "root/find");
}

TEST_F(UnitsTest, UsersProgramCalledCron_HasNoJobs) {
  const ProcessKey service = Service("app.service", "/home/x/cron", 33);
  const ProcessKey child = kernel_.Fork(service);
  kernel_.Exec(child, "/bin/sh");
  EXPECT_EQ(correlator_->SessionOf(child), Id(service));
}

// A child of a listener begins a service because its fork was lost; then its connection is seen.
TEST_F(UnitsTest, RemoteSessionFirstTakenForAService_HasNoUnit) {
  const ProcessKey listener = Service("helper.service", "/usr/local/bin/helper", 33);
  kernel_.Listen(listener);
  const uint64_t socket = kernel_.Arrive();
  kernel_.lose_forks = true;
  const ProcessKey child = kernel_.Fork(kernel_.init());
  kernel_.MoveTo(child, "/system.slice/helper.service");
  kernel_.Exec(child, "/bin/sh");
  EXPECT_EQ(Reported(child).unit, "helper.service");
  kernel_.Exec(child, "/bin/sh", FakeKernel::All(kernel_.Tcp(socket)));
  EXPECT_EQ(Reported(child).kind, EntryKind::kRemote);
  EXPECT_EQ(Reported(child).unit, "");
}

}  // namespace
}  // namespace hoptrail::agent::session
