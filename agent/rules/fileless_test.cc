#include <gtest/gtest.h>

#include "agent/rules/rule_fixture.h"

namespace hoptrail::agent::rules {
namespace {

constexpr char kMemory[] = "/memfd:x (deleted)";

class FilelessRuleTest : public HostRuleTest {
 protected:
  FilelessRuleTest() : HostRuleTest("fileless") {}

  struct File {
    bool memory_only = false;
    bool deleted = false;
    uint64_t inode = 0;
  };

  void Exec(ProcessKey process, const std::string& path, File file) {
    decode::Exec exec;
    exec.image.path = path;
    exec.image.device = 2049;
    exec.image.inode = file.inode;
    exec.memory_only = file.memory_only;
    exec.deleted = file.deleted;
    decode::Header header;
    header.process = process;
    header.parent = kernel_.at(process).parent;
    header.credentials = kernel_.at(process).credentials;
    header.namespaces = kernel_.at(process).namespaces;
    header.cgroup_id = kernel_.at(process).cgroup_id;
    header.tag = kernel_.at(process).tag;
    kernel_.Emit(header, exec);
  }
  void ExecFromMemory(ProcessKey process) {
    Exec(process, kMemory, {.memory_only = true, .deleted = true});
  }
};

TEST_F(FilelessRuleTest, Fires_OnAProgramFromMemory) {
  const ProcessKey shell = LogIn();
  const ProcessKey child = kernel_.Fork(shell);
  ExecFromMemory(child);
  ASSERT_EQ(detections_.size(), 1u);
  const model::Detection& detection = detections_[0];
  EXPECT_EQ(detection.rule, "fileless");
  EXPECT_EQ(detection.severity, model::Severity::kMedium);
  EXPECT_EQ(detection.session, Login());
  EXPECT_EQ(detection.techniques, std::vector<std::string>{"T1620"});
  EXPECT_EQ(detection.summary, "staff ran /memfd:x (deleted) from memory");
  EXPECT_EQ(detection.evidence.at("kind"), "memory");
  EXPECT_EQ(detection.evidence.at("started_by"), "/bin/bash");
  EXPECT_EQ(detection.evidence.at("process"), std::to_string(child.tgid));
  EXPECT_EQ(refused(), 0u);
}

TEST_F(FilelessRuleTest, Fires_OnADeletedFile) {
  Exec(LogIn(), "/tmp/x (deleted)", {.deleted = true, .inode = 7});
  ASSERT_EQ(detections_.size(), 1u);
  EXPECT_EQ(detections_[0].techniques, std::vector<std::string>{"T1070.004"});
  EXPECT_EQ(detections_[0].summary, "staff ran /tmp/x (deleted), a deleted file");
}

TEST_F(FilelessRuleTest, Fires_OnceForASessionAndKind) {
  const ProcessKey shell = LogIn();
  ExecFromMemory(kernel_.Fork(shell));
  ExecFromMemory(kernel_.Fork(shell));
  EXPECT_EQ(detections_.size(), 1u);
  Exec(kernel_.Fork(shell), "/tmp/x (deleted)", {.deleted = true, .inode = 7});
  EXPECT_EQ(detections_.size(), 2u);
  ExecFromMemory(LogIn());
  EXPECT_EQ(detections_.size(), 3u) << "another session";
}

TEST_F(FilelessRuleTest, Fires_HighInASessionThatAHopOpened) {
  const ProcessKey shell = LogIn();
  SetDepth(1);
  ExecFromMemory(shell);
  ASSERT_EQ(detections_.size(), 1u);
  EXPECT_EQ(detections_[0].severity, model::Severity::kHigh);
  EXPECT_EQ(detections_[0].evidence.at("depth"), "1");
}

TEST_F(FilelessRuleTest, Fires_AgainAndHighWhenTheProvenanceComesLater) {
  const ProcessKey shell = LogIn();
  ExecFromMemory(shell);
  SetDepth(0);
  ASSERT_EQ(detections_.size(), 2u);
  EXPECT_EQ(detections_[1].severity, model::Severity::kMedium) << "the session is the root";
  SetDepth(2);
  ASSERT_EQ(detections_.size(), 3u);
  EXPECT_EQ(detections_[2].id, detections_[0].id);
  EXPECT_EQ(detections_[2].severity, model::Severity::kHigh);
}

// Anybody can give a program the name of a runtime.
TEST_F(FilelessRuleTest, Fires_OnACopyWithOnlyTheNameOfARuntime) {
  const ProcessKey shell = LogIn();
  Exec(kernel_.Fork(shell), "/memfd:runc_cloned:/proc/self/exe (deleted)",
       {.memory_only = true, .deleted = true});
  EXPECT_EQ(detections_.size(), 1u);
  const ProcessKey own = kernel_.Fork(LogIn());
  kernel_.Exec(own, "/home/staff/runc");
  ExecFromMemory(own);
  EXPECT_EQ(detections_.size(), 2u);
}

// The program deletes its file and executes itself again.
TEST_F(FilelessRuleTest, Fires_OnAUsersProgramThatWasDeleted) {
  const ProcessKey shell = LogIn();
  Exec(shell, "/dev/shm/x", {.inode = 7});
  Exec(shell, "/dev/shm/x (deleted)", {.deleted = true, .inode = 7});
  EXPECT_EQ(detections_.size(), 1u);
}

TEST_F(FilelessRuleTest, StaysSilent_ForProgramsWithAFile) {
  const ProcessKey shell = LogIn();
  kernel_.Exec(kernel_.Fork(shell), "/usr/bin/id");
  Exec(shell, "/home/staff/x", {.inode = 7});
  EXPECT_TRUE(detections_.empty());
}

// containerd's shim starts runc, and systemd starts its executor, in services: nobody has logged
// in.
TEST_F(FilelessRuleTest, StaysSilent_ForServicesAndContainers) {
  const ProcessKey shim = kernel_.Fork(kernel_.init());
  kernel_.Exec(shim, "/usr/bin/containerd-shim-runc-v2");
  ExecFromMemory(kernel_.Fork(shim));
  const ProcessKey container = kernel_.Fork(shim);
  kernel_.NewPidNamespace(container, 4000);
  ExecFromMemory(container);
  Exec(kernel_.Fork(kernel_.init()), "/usr/lib/systemd/systemd-executor (deleted)",
       {.deleted = true, .inode = 7});
  EXPECT_TRUE(detections_.empty());
}

// An administrator's `docker exec` and `docker run`: the daemon starts the runtime.
TEST_F(FilelessRuleTest, StaysSilent_WhenALoginAsksADaemonForAContainer) {
  const ProcessKey daemon = kernel_.Fork(kernel_.init());
  kernel_.Exec(daemon, "/usr/bin/dockerd");
  const ProcessKey client = kernel_.Fork(LogIn());
  kernel_.Exec(client, "/usr/bin/docker");
  kernel_.ConnectUnix(client, "/run/docker.sock", daemon, 0);
  const ProcessKey runc = kernel_.Fork(daemon);
  kernel_.Exec(runc, "/usr/bin/runc");
  ExecFromMemory(runc);
  EXPECT_TRUE(detections_.empty());
}

// `podman run` and `runc run` need no daemon: the session itself starts the runtime.
TEST_F(FilelessRuleTest, StaysSilent_ForARuntimeThatALoginStarts) {
  ProcessKey copy;
  for (const char* runtime : {"/usr/bin/runc", "/usr/sbin/runc", "/usr/bin/crun"}) {
    copy = kernel_.Fork(LogIn());
    kernel_.Exec(copy, runtime);
    ExecFromMemory(copy);
  }
  EXPECT_TRUE(detections_.empty());
  ExecFromMemory(kernel_.Fork(copy));
  EXPECT_EQ(detections_.size(), 1u)
      << "a program that the copy starts from memory is no copy of the runtime";
}

TEST_F(FilelessRuleTest, StaysSilent_ForAnInstalledProgramThatWasUpgraded) {
  const ProcessKey shell = LogIn();
  Exec(shell, "/usr/bin/tmux", {.inode = 7});
  Exec(shell, "/usr/bin/tmux (deleted)", {.deleted = true, .inode = 7});
  EXPECT_TRUE(detections_.empty());
  Exec(shell, "/tmp/x (deleted)", {.deleted = true, .inode = 8});
  EXPECT_EQ(detections_.size(), 1u) << "it is another file";
}

// sshd serves a connection through which nobody has logged in.
TEST_F(FilelessRuleTest, StaysSilent_BeforeTheLogin) {
  ExecFromMemory(kernel_.Serve(sshd_, kernel_.Arrive(41000), true));
  EXPECT_TRUE(detections_.empty());
  EXPECT_EQ(refused(), 0u);
}

}  // namespace
}  // namespace hoptrail::agent::rules
