#include "agent/worker/pipeline.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "agent/worker/pipeline_fixture.h"

namespace hoptrail::agent {
namespace {

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
