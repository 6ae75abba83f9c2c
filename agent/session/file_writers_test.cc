#include "agent/session/file_writers.h"

#include <string>

#include "absl/strings/str_cat.h"

#include "agent/session/correlator_fixture.h"
#include "agent/session/startup_files.h"

namespace hoptrail::agent::session {
namespace {

class FileWritersTest : public CorrelatorFixture {
 protected:
  FileWritersTest() {
    sshd_ = kernel_.StartSshd();
    cron_ = kernel_.Fork(kernel_.init());
    kernel_.Exec(cron_, "/usr/sbin/cron");
  }

  ProcessKey Login(const std::string& from, uint32_t uid, uint32_t audit_session) {
    const auto port = static_cast<uint16_t>(40000 + audit_session);
    const ProcessKey monitor = kernel_.Serve(sshd_, kernel_.Arrive(port, from), true);
    const std::string user = uid == 1000 ? "staff" : uid == 0 ? "root" : "www-data";
    const ProcessKey child =
        kernel_.LogIn(monitor, user, uid, audit_session, FakeKernel::AcceptedKey(user, port, from));
    kernel_.Exec(child, "/bin/bash");
    return child;
  }
  // A line of the user's crontab runs. Returns the job's first process.
  ProcessKey Job(uint32_t uid, uint32_t audit_session) {
    const ProcessKey job = kernel_.Fork(cron_);
    kernel_.SetAudit(job, uid, audit_session);
    kernel_.Pam(job, decode::PamStep::kOpenSession, uid == 1000 ? "staff" : "root", 0, "cron");
    const ProcessKey shell = kernel_.Fork(job);
    kernel_.SetUid(shell, uid);
    kernel_.Exec(shell, "/bin/sh", FakeKernel::Null(), {"/bin/sh", "-c", "backup"});
    return job;
  }
  model::Drivers DriversOf(ProcessKey process) {
    const auto found = reported_.find(correlator_->SessionOf(process));
    EXPECT_NE(found, reported_.end());
    return found == reported_.end() ? model::Drivers() : found->second.drivers;
  }

  ProcessKey sshd_, cron_;
};

TEST_F(FileWritersTest, JobOfACrontabThatARemoteSessionWrote_IsDrivenByIt) {
  const ProcessKey writer = Login("198.51.100.9", 1000, 7);
  kernel_.RenameTo(writer, "/var/spool/cron/crontabs/staff", 1000);
  const ProcessKey job = Job(1000, 8);
  const model::Drivers drivers = DriversOf(job);
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_EQ(drivers[0].session, correlator_->SessionOf(writer));
  EXPECT_EQ(drivers[0].method, "file /var/spool/cron/crontabs/staff");
  EXPECT_NEAR(drivers[0].probability, 0.8, 0.001);
  EXPECT_TRUE(DriversOf(Job(0, 9)).empty()) << "another user's job";
}

TEST_F(FileWritersTest, CrontabWhoseRenameWasNotSeen_IsKnownByItsOwner) {
  const ProcessKey writer = Login("198.51.100.9", 1000, 7);
  kernel_.OpenFile(writer, "/var/spool/cron/crontabs/tmp.Xa3", 1000);
  EXPECT_EQ(DriversOf(Job(1000, 8)).size(), 1u);
  EXPECT_TRUE(DriversOf(Job(0, 9)).empty());
}

TEST_F(FileWritersTest, ConnectionOfAPlantedJob_IsReportedOnAnyPort) {
  const ProcessKey writer = Login("198.51.100.9", 1000, 7);
  kernel_.RenameTo(writer, "/var/spool/cron/crontabs/staff", 1000);
  const ProcessKey job = Job(1000, 8);
  hops_.clear();
  kernel_.Connect(job, "192.0.2.50", 8080);
  EXPECT_EQ(Hops(model::HopSide::kClient).size(), 1u);
}

TEST_F(FileWritersTest, WriterOfABootBefore_IsStillKnown) {
  const ProcessKey writer = Login("198.51.100.9", 0, 7);
  kernel_.OpenFile(writer, "/etc/cron.d/backup", 0);
  const model::SessionId session = correlator_->SessionOf(writer);
  Kill();
  store_.sessions.clear();
  store_.members.clear();
  store_.hops.clear();
  host_.boot.bytes[0] = 99;
  clock_.AdvanceNs(86'400'000'000'000);
  Restart();
  const model::Drivers drivers = DriversOf(Job(0, 8));
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_EQ(drivers[0].session, session);
  EXPECT_EQ(drivers[0].method, "file /etc/cron.d/backup");
}

TEST_F(FileWritersTest, LoginAfterItsStartupFileWasWritten_HasTheWriterAsDriver) {
  const ProcessKey writer = Login("198.51.100.66", 33, 7);
  kernel_.OpenFile(writer, "/home/staff/.bashrc", 1000);
  model::Drivers drivers = DriversOf(Login("198.51.100.9", 1000, 8));
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_EQ(drivers[0].session, correlator_->SessionOf(writer));
  EXPECT_EQ(drivers[0].method, "file /home/staff/.bashrc");
  EXPECT_LT(drivers[0].probability, 0.5);
  EXPECT_TRUE(DriversOf(Login("198.51.100.9", 0, 9)).empty()) << "another user's login";
}

TEST_F(FileWritersTest, SameAccountFromTheSameAddress_IsNoDriverOfItsOwnLogin) {
  kernel_.OpenFile(Login("198.51.100.9", 1000, 7), "/home/staff/.bashrc", 1000);
  EXPECT_TRUE(DriversOf(Login("198.51.100.9", 1000, 8)).empty());
  EXPECT_EQ(DriversOf(Login("198.51.100.10", 1000, 9)).size(), 1u);
}

TEST_F(FileWritersTest, LoginBeforeTheFileWasWritten_HasNoDriver) {
  const ProcessKey early = Login("198.51.100.9", 1000, 8);
  const ProcessKey writer = Login("198.51.100.66", 33, 7);
  kernel_.OpenFile(writer, "/home/staff/.bashrc", 1000);
  correlator_->Repeat();
  EXPECT_TRUE(DriversOf(early).empty());
}

TEST_F(FileWritersTest, FileOnlyReadOrWrittenByAService_IsNotRemembered) {
  kernel_.OpenFile(Login("198.51.100.66", 33, 7), "/home/staff/.bashrc", 1000, /*writes=*/false);
  const ProcessKey service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/bin/apt-get");
  kernel_.OpenFile(service, "/home/staff/.bashrc", 1000);
  kernel_.OpenFile(Login("198.51.100.66", 33, 9), "/home/staff/.ssh/known_hosts", 1000);
  EXPECT_TRUE(store_.file_writers.empty());
  EXPECT_TRUE(DriversOf(Login("198.51.100.9", 1000, 8)).empty());
}

TEST_F(FileWritersTest, ServiceOfAPlantedUnit_IsDrivenByTheWriter) {
  const ProcessKey writer = Login("198.51.100.9", 0, 7);
  kernel_.OpenFile(writer, "/etc/systemd/system/update.service", 0);
  const ProcessKey service = kernel_.Fork(kernel_.init());
  kernel_.MoveTo(service, "/system.slice/update.service");
  kernel_.Exec(service, "/usr/local/bin/update");
  const model::Drivers drivers = DriversOf(service);
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_EQ(drivers[0].session, correlator_->SessionOf(writer));
}

TEST_F(FileWritersTest, TwoWritersOfOneFile_AreBothShownAndSumBelowOne) {
  kernel_.RenameTo(Login("198.51.100.9", 1000, 7), "/var/spool/cron/crontabs/staff", 1000);
  const ProcessKey last = Login("198.51.100.66", 33, 8);
  kernel_.RenameTo(last, "/var/spool/cron/crontabs/staff", 1000);
  const ProcessKey job = Job(1000, 9);
  correlator_->Repeat();  // reporting it again changes nothing
  const model::Drivers drivers = DriversOf(job);
  ASSERT_EQ(drivers.size(), 2u);
  EXPECT_EQ(drivers[0].session, correlator_->SessionOf(last));
  EXPECT_NEAR(drivers[0].probability + drivers[1].probability, 0.95, 0.001);
}

TEST_F(FileWritersTest, ThousandsOfFiles_StayBoundedAndKeepOtherWriters) {
  const ProcessKey first = Login("198.51.100.9", 1000, 7);
  kernel_.RenameTo(first, "/var/spool/cron/crontabs/staff", 1000);
  const ProcessKey flood = Login("198.51.100.66", 33, 8);
  for (int i = 0; i < 3'000; ++i) {
    kernel_.OpenFile(flood, absl::StrCat("/etc/cron.d/", i), 0);
  }
  EXPECT_EQ(store_.file_writers.size(), FileWriters::kMaxOfSession + 1);
  const model::Drivers drivers = DriversOf(Job(1000, 9));
  ASSERT_FALSE(drivers.empty());
  EXPECT_EQ(drivers[0].session, correlator_->SessionOf(first));
}

TEST(StartupFileTest, Paths_SayWhoRunsTheFile) {
  struct Case {
    const char* path;
    RunBy run_by;
    const char* name;
  };
  for (const Case& each : {Case{"/root/.bashrc", RunBy::kLoginsOfUser, "root"},
                           {"/home/a/.ssh/rc", RunBy::kLoginsOfUser, "a"},
                           {"/home/a/.ssh/authorized_keys", RunBy::kKeyLogins, "a"},
                           {"/home/a/.ssh/id_ed25519", RunBy::kNobody, ""},
                           {"/etc/profile.d/x.sh", RunBy::kAllLogins, ""},
                           {"/etc/profile", RunBy::kAllLogins, ""},
                           {"/etc/passwd", RunBy::kNobody, ""},
                           {"/var/spool/cron/crontabs/a", RunBy::kJobsOfUser, "a"},
                           {"/spool/cron/crontabs/a", RunBy::kJobsOfUser, "a"},
                           {"/var/spool/cron/a", RunBy::kJobsOfUser, "a"},
                           {"/etc/crontab", RunBy::kAllJobs, ""},
                           {"/etc/cron.daily/x", RunBy::kAllJobs, ""},
                           {"/var/spool/cron/atjobs/a0001", RunBy::kAtJobs, ""},
                           {"/etc/systemd/system/a.service", RunBy::kUnit, "a.service"},
                           {"/etc/systemd/system/a.timer", RunBy::kUnit, "a.service"},
                           {"/etc/systemd/system/a.service.d/b.conf", RunBy::kUnit, "a.service"},
                           {"/etc/systemd/system/a.mount", RunBy::kNobody, ""},
                           {"crontab", RunBy::kNobody, ""},
                           {"", RunBy::kNobody, ""}}) {
    const StartupFile file = StartupFileAt(each.path);
    EXPECT_EQ(file.run_by, each.run_by) << each.path;
    EXPECT_EQ(file.name, each.name) << each.path;
  }
}

}  // namespace
}  // namespace hoptrail::agent::session
