#include "agent/worker/pipeline.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "agent/session/fake_kernel.h"

namespace hoptrail::agent {
namespace {

using session::FakeKernel;

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() {
    Pipeline::Options options;
    options.host.machine.bytes[0] = 1;
    options.clock = &clock_;
    options.host_pid_namespace = 100;
    options.unit = "sensor.service";
    options.supervisor_tgid = kAgentTgid;
    options.sink = [this](model::Fact fact) { facts_.push_back(std::move(fact)); };
    host_ = options.host;
    pipeline_ = std::make_unique<Pipeline>(std::move(options));
    kernel_.out = [this](const decode::Event& event) { pipeline_->Handle(event); };
    sshd_ = kernel_.StartSshd();
  }

  void Guess(int times) {
    for (int i = 0; i < times; ++i) {
      const uint16_t port = next_port_++;
      const uint64_t socket = kernel_.Arrive(port);
      const model::ProcessKey monitor = kernel_.Serve(sshd_, socket, false);
      kernel_.Pam(monitor, decode::PamStep::kAuthenticate, "staff", 7);
      kernel_.Say(monitor, "Failed password for staff from 198.51.100.9 port " +
                               std::to_string(port) + " ssh2");
      kernel_.Close(socket);
      kernel_.Exit(monitor);
    }
  }

  model::ProcessKey LogIn(model::ProcessKey* monitor) {
    const uint16_t port = next_port_++;
    *monitor = kernel_.Serve(sshd_, kernel_.Arrive(port), false);
    kernel_.Pam(*monitor, decode::PamStep::kAuthenticate, "staff", 0);
    return kernel_.LogIn(
        *monitor, "staff", 1000, 7,
        "Accepted password for staff from 198.51.100.9 port " + std::to_string(port) + " ssh2");
  }

  // Starts the agent's supervisor.
  void StartAgent(model::ProcessKey parent) {
    agent_ = kernel_.Fork(parent, kAgentTgid);
    kernel_.Exec(agent_, "/usr/bin/hoptrail-agent");
  }
  // The kernel side's record of a SIGTERM to the supervisor.
  void Signal(model::ProcessKey from, const std::string& command) {
    decode::Tampering tampering;
    tampering.kind = decode::TamperingKind::kSignal;
    tampering.signal = 15;
    tampering.target = agent_;
    tampering.target_command = "hoptrail-agent";
    kernel_.EmitTampering(from, command, tampering);
  }
  model::Goodbye Stop(uint32_t pid) {
    return pipeline_->OnStop({.number = 15, .pid = pid, .uid = 0});
  }

  template <typename T>
  std::vector<T> All() const {
    std::vector<T> result;
    for (const model::Fact& fact : facts_) {
      if (const T* value = std::get_if<T>(&fact)) result.push_back(*value);
    }
    return result;
  }

  static constexpr uint32_t kAgentTgid = 555;

  FakeClock clock_;
  FakeKernel kernel_{&clock_};
  model::HostId host_;
  model::ProcessKey agent_;
  std::vector<model::Fact> facts_;
  std::unique_ptr<Pipeline> pipeline_;
  model::ProcessKey sshd_;
  uint16_t next_port_ = 40000;
};

TEST_F(PipelineTest, FiveFailuresThenALogin_AreBruteForce) {
  Guess(5);
  EXPECT_EQ(All<model::LoginAttempt>().size(), 5u);
  EXPECT_TRUE(All<model::Detection>().empty());
  model::ProcessKey monitor;
  LogIn(&monitor);
  const auto detections = All<model::Detection>();
  ASSERT_EQ(detections.size(), 1u);
  EXPECT_EQ(detections[0].rule, "brute-force");
  EXPECT_EQ(detections[0].severity, model::Severity::kHigh);
  EXPECT_EQ(detections[0].session, model::DeriveSessionId(host_, monitor));
  EXPECT_EQ(detections[0].session_process, monitor);
  EXPECT_EQ(detections[0].occurrence, "198.51.100.9");
  EXPECT_EQ(detections[0].evidence.at("failures"), "5");
  EXPECT_EQ(detections[0].evidence.at("origin"), "198.51.100.9");
  // The session was emitted before the detection that names it.
  bool emitted = false;
  for (const model::Fact& fact : facts_) {
    if (const auto* session = std::get_if<model::Session>(&fact)) {
      emitted = emitted || session->id == detections[0].session;
    }
    if (std::holds_alternative<model::Detection>(fact)) {
      EXPECT_TRUE(emitted);
    }
  }
}

TEST_F(PipelineTest, FourFailuresSeenByPamAndSshd_CountOnce) {
  Guess(4);
  model::ProcessKey monitor;
  LogIn(&monitor);
  EXPECT_TRUE(All<model::Detection>().empty());
}

TEST_F(PipelineTest, FailuresWithoutALogin_AreTiedToTheListener) {
  Guess(20);
  const auto detections = All<model::Detection>();
  ASSERT_EQ(detections.size(), 1u);
  EXPECT_EQ(detections[0].severity, model::Severity::kLow);
  EXPECT_EQ(detections[0].session, model::DeriveSessionId(host_, sshd_));
  EXPECT_EQ(detections[0].session_process, sshd_);
}

TEST_F(PipelineTest, ConnectOutOfALogin_IsAPivotAndMoreSevereOnAKnownPath) {
  model::ProcessKey monitor;
  const model::ProcessKey child = LogIn(&monitor);
  kernel_.Exec(child, "/usr/bin/ssh");
  kernel_.Connect(child, "192.0.2.2", 22);
  auto detections = All<model::Detection>();
  ASSERT_EQ(detections.size(), 1u);
  EXPECT_EQ(detections[0].rule, "pivot");
  EXPECT_EQ(detections[0].severity, model::Severity::kLow);
  model::Provenance provenance;
  provenance.session = model::DeriveSessionId(host_, monitor);
  provenance.depth = 1;
  provenance.path = {"staff@gw", "staff@web"};
  pipeline_->Handle(provenance);
  detections = All<model::Detection>();
  ASSERT_EQ(detections.size(), 2u);
  EXPECT_EQ(detections[1].id, detections[0].id);
  EXPECT_EQ(detections[1].severity, model::Severity::kMedium);
}

TEST_F(PipelineTest, ServiceThatConnects_IsAHopAndNoPivot) {
  kernel_.Connect(sshd_, "192.0.2.2", 22);
  EXPECT_TRUE(All<model::Detection>().empty());
  EXPECT_EQ(All<model::HopEnd>().size(), 1u);
}

TEST_F(PipelineTest, ProvenanceOfAnUnknownSession_IsIgnored) {
  model::Provenance provenance;
  provenance.session.bytes[0] = 77;
  pipeline_->Handle(provenance);
  EXPECT_TRUE(All<model::Detection>().empty());
}

TEST_F(PipelineTest, SensorTampering_IsTiedToItsSession) {
  model::ProcessKey monitor;
  const model::ProcessKey shell = LogIn(&monitor);
  decode::Tampering tampering;
  tampering.kind = decode::TamperingKind::kSignal;
  tampering.signal = 9;
  tampering.target_command = "hoptrail-worker";
  decode::Header who;
  who.process = shell;
  who.command = "bash";
  kernel_.Emit(who, tampering);
  const auto detections = All<model::Detection>();
  ASSERT_EQ(detections.size(), 1u);
  EXPECT_EQ(detections[0].rule, "blinding");
  EXPECT_EQ(detections[0].session, model::DeriveSessionId(host_, monitor));
  tampering.signal = 0;
  kernel_.Emit(who, tampering);
  EXPECT_EQ(All<model::Detection>().size(), 1u);
}

TEST_F(PipelineTest, StopSignalFromALogin_NamesItsSession) {
  StartAgent(kernel_.init());
  model::ProcessKey monitor;
  const model::ProcessKey shell = LogIn(&monitor);
  const model::ProcessKey kill = kernel_.Fork(shell);
  kernel_.Exec(kill, "/usr/bin/kill");
  Signal(kill, "kill");
  kernel_.Exit(kill);
  const model::Goodbye goodbye = Stop(kill.tgid);
  EXPECT_EQ(goodbye.cause, model::StopCause::kProcess);
  EXPECT_EQ(goodbye.session, model::DeriveSessionId(host_, monitor));
  EXPECT_EQ(goodbye.detail,
            "signal 15 from kill (process " + std::to_string(kill.tgid) + ", uid 1000)");
  ASSERT_EQ(All<model::Detection>().size(), 1u);
  EXPECT_EQ(All<model::Detection>()[0].session, goodbye.session);
}

// The kernel side has no hook for the signal, or the sender is known by its pid only.
TEST_F(PipelineTest, StopSignalWithoutKernelEvent_SenderIsFoundInTheProcessTable) {
  StartAgent(kernel_.init());
  model::ProcessKey monitor;
  const model::ProcessKey shell = LogIn(&monitor);
  const model::Goodbye goodbye = Stop(shell.tgid);
  EXPECT_EQ(goodbye.cause, model::StopCause::kProcess);
  EXPECT_EQ(goodbye.session, model::DeriveSessionId(host_, monitor));
}

TEST_F(PipelineTest, StopSignalFromAnUnknownProcess_NamesNoSession) {
  StartAgent(kernel_.init());
  const model::Goodbye goodbye = Stop(77'777);
  EXPECT_EQ(goodbye.cause, model::StopCause::kProcess);
  EXPECT_TRUE(goodbye.session.empty());
}

TEST_F(PipelineTest, StopByTheServiceManager_NamesTheLoginThatAskedForIt) {
  StartAgent(kernel_.init());
  model::ProcessKey monitor;
  const model::ProcessKey shell = LogIn(&monitor);
  Signal(kernel_.init(), "systemd");
  model::Goodbye goodbye = Stop(1);
  EXPECT_EQ(goodbye.cause, model::StopCause::kServiceManager);
  EXPECT_TRUE(goodbye.session.empty());
  EXPECT_TRUE(All<model::Detection>().empty());
  // Now a login asks the service manager to stop the agent.
  kernel_.Exec(kernel_.Fork(shell), "/usr/bin/systemctl", kernel_.Null(),
               {"systemctl", "stop", "sensor"});
  Signal(kernel_.init(), "systemd");
  goodbye = Stop(1);
  EXPECT_EQ(goodbye.cause, model::StopCause::kServiceManager);
  EXPECT_EQ(goodbye.session, model::DeriveSessionId(host_, monitor));
}

TEST_F(PipelineTest, StopCommandFromAService_NamesItsSession) {
  StartAgent(kernel_.init());
  const model::ProcessKey timer = kernel_.Fork(kernel_.init());
  kernel_.Exec(timer, "/usr/bin/systemctl", kernel_.Null(), {"systemctl", "stop", "sensor"});
  const model::Goodbye goodbye = Stop(1);
  EXPECT_EQ(goodbye.cause, model::StopCause::kServiceManager);
  EXPECT_EQ(goodbye.session, model::DeriveSessionId(host_, timer));
}

// The same shim starts runc and the container.
TEST_F(PipelineTest, StopByTheContainerRuntime_IsTheServiceManager) {
  const model::ProcessKey shim = kernel_.Fork(kernel_.init());
  kernel_.Exec(shim, "/usr/bin/containerd-shim-runc-v2");
  StartAgent(shim);
  const model::ProcessKey runc = kernel_.Fork(shim);
  kernel_.Exec(runc, "/usr/bin/runc");
  Signal(runc, "runc");
  EXPECT_EQ(Stop(runc.tgid).cause, model::StopCause::kServiceManager);
  EXPECT_TRUE(All<model::Detection>().empty());
  // Another service is not its manager.
  const model::ProcessKey other = kernel_.Fork(kernel_.init());
  kernel_.at(other).cgroup_id = 2;
  kernel_.Exec(other, "/usr/sbin/apache2");
  Signal(other, "apache2");
  const model::Goodbye goodbye = Stop(other.tgid);
  EXPECT_EQ(goodbye.cause, model::StopCause::kProcess);
  EXPECT_EQ(goodbye.session, model::DeriveSessionId(host_, other));
  EXPECT_EQ(All<model::Detection>().size(), 1u);
}

// `systemctl reload` has process 1 run kill(1) in the unit.
TEST_F(PipelineTest, SignalFromTheAgentsUnit_IsTheServiceManager) {
  StartAgent(kernel_.init());
  kernel_.at(agent_).cgroup_id = 77;
  kernel_.Exec(agent_, "/usr/bin/hoptrail-agent");
  const model::ProcessKey kill = kernel_.Fork(kernel_.init());
  kernel_.at(kill).cgroup_id = 77;
  kernel_.Exec(kill, "/bin/kill");
  Signal(kill, "kill");
  EXPECT_TRUE(All<model::Detection>().empty());
  EXPECT_EQ(Stop(kill.tgid).cause, model::StopCause::kServiceManager);
  // A login that moved itself into the unit is no manager.
  model::ProcessKey monitor;
  const model::ProcessKey shell = LogIn(&monitor);
  kernel_.at(shell).cgroup_id = 77;
  Signal(shell, "bash");
  EXPECT_EQ(All<model::Detection>().size(), 1u);
  EXPECT_EQ(Stop(shell.tgid).cause, model::StopCause::kProcess);
}

// The agent was started by hand from a login, which is no service manager.
TEST_F(PipelineTest, LoginThatStartedTheAgent_IsNoServiceManager) {
  model::ProcessKey monitor;
  const model::ProcessKey shell = LogIn(&monitor);
  StartAgent(shell);
  Signal(shell, "bash");
  EXPECT_EQ(Stop(shell.tgid).session, model::DeriveSessionId(host_, monitor));
  const model::Goodbye at_terminal =
      pipeline_->OnStop({.number = 2, .from = StopSignal::From::kKernel});
  EXPECT_EQ(at_terminal.cause, model::StopCause::kProcess);
  EXPECT_EQ(at_terminal.session, model::DeriveSessionId(host_, monitor));
}

TEST_F(PipelineTest, Finish_EmitsPendingEdges) {
  kernel_.Connect(sshd_, "192.0.2.2", 8080);
  EXPECT_TRUE(All<model::EdgeCount>().empty());
  pipeline_->Finish();
  ASSERT_EQ(All<model::EdgeCount>().size(), 1u);
  EXPECT_EQ(All<model::EdgeCount>()[0].connections, 1u);
  pipeline_->Finish();
  EXPECT_EQ(All<model::EdgeCount>().size(), 1u);
}

// Nobody has logged in by the connection, and its session would not be reported otherwise.
TEST_F(PipelineTest, SensorTamperingByAPendingConnection_NamesAReportedSession) {
  const model::ProcessKey monitor = kernel_.Serve(sshd_, kernel_.Arrive(next_port_++), false);
  EXPECT_TRUE(All<model::Session>().empty() ||
              All<model::Session>().back().id != model::DeriveSessionId(host_, monitor));
  decode::Tampering tampering;
  tampering.kind = decode::TamperingKind::kPtrace;
  decode::Header who;
  who.process = monitor;
  who.command = "sshd";
  kernel_.Emit(who, tampering);
  ASSERT_EQ(All<model::Detection>().size(), 1u);
  const model::SessionId session = All<model::Detection>()[0].session;
  EXPECT_EQ(session, model::DeriveSessionId(host_, monitor));
  bool emitted = false;
  for (const model::Fact& fact : facts_) {
    if (const auto* value = std::get_if<model::Session>(&fact)) emitted |= value->id == session;
    if (std::holds_alternative<model::Detection>(fact)) {
      EXPECT_TRUE(emitted);
    }
  }
}

TEST_F(PipelineTest, OpenLogin_IsCountedUntilItCloses) {
  EXPECT_EQ(pipeline_->counts().logins, 0u);
  model::ProcessKey monitor;
  const model::ProcessKey shell = LogIn(&monitor);
  EXPECT_EQ(pipeline_->counts().logins, 1u);
  kernel_.Exit(shell);
  kernel_.Exit(monitor);
  EXPECT_EQ(pipeline_->counts().logins, 0u);
}

TEST_F(PipelineTest, KernelLoss_IsCountedAndEmitted) {
  kernel_.Emit({}, decode::Lost{"ring/low", "fork", 9});
  EXPECT_EQ(pipeline_->counts().lost, 9u);
  EXPECT_EQ(All<model::Loss>().size(), 1u);
}

}  // namespace
}  // namespace hoptrail::agent
