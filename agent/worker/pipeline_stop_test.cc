// Who asked the agent to end.

#include <string>

#include <gtest/gtest.h>

#include "agent/worker/pipeline_fixture.h"

namespace hoptrail::agent {
namespace {

using PipelineStopTest = PipelineTest;

TEST_F(PipelineStopTest, StopSignalFromALogin_NamesItsSession) {
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
TEST_F(PipelineStopTest, StopSignalWithoutKernelEvent_SenderIsFoundInTheProcessTable) {
  StartAgent(kernel_.init());
  model::ProcessKey monitor;
  const model::ProcessKey shell = LogIn(&monitor);
  const model::Goodbye goodbye = Stop(shell.tgid);
  EXPECT_EQ(goodbye.cause, model::StopCause::kProcess);
  EXPECT_EQ(goodbye.session, model::DeriveSessionId(host_, monitor));
}

TEST_F(PipelineStopTest, StopSignalFromAnUnknownProcess_NamesNoSession) {
  StartAgent(kernel_.init());
  const model::Goodbye goodbye = Stop(77'777);
  EXPECT_EQ(goodbye.cause, model::StopCause::kProcess);
  EXPECT_TRUE(goodbye.session.empty());
}

TEST_F(PipelineStopTest, StopByTheServiceManager_NamesTheLoginThatAskedForIt) {
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

TEST_F(PipelineStopTest, StopCommandFromAService_NamesItsSession) {
  StartAgent(kernel_.init());
  const model::ProcessKey timer = kernel_.Fork(kernel_.init());
  kernel_.Exec(timer, "/usr/bin/systemctl", kernel_.Null(), {"systemctl", "stop", "sensor"});
  const model::Goodbye goodbye = Stop(1);
  EXPECT_EQ(goodbye.cause, model::StopCause::kServiceManager);
  EXPECT_EQ(goodbye.session, model::DeriveSessionId(host_, timer));
}

// The same shim starts runc and the container.
TEST_F(PipelineStopTest, StopByTheContainerRuntime_IsTheServiceManager) {
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
TEST_F(PipelineStopTest, SignalFromTheAgentsUnit_IsTheServiceManager) {
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
TEST_F(PipelineStopTest, LoginThatStartedTheAgent_IsNoServiceManager) {
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

}  // namespace
}  // namespace hoptrail::agent
