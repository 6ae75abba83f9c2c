#include "collector/app/collector.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "collector/app/collector_fixture.h"

namespace hoptrail::collector::app {
namespace {

TEST_F(CollectorTest, Facts_AreAcknowledgedShownAndSurviveARestart) {
  std::vector<std::pair<uint64_t, model::Fact>> facts;
  for (model::Fact fact : wire::TestFacts()) {
    if (std::holds_alternative<model::Session>(fact)) fact = SessionNumber(1);
    facts.emplace_back(facts.size() + 10, fact);
  }
  const std::string name =
      wire::ResourceName(SessionNumber(1).id).substr(0, std::string("sessions/").size() + 8);
  Deliver(facts);
  for (int round = 0; round < 2; ++round) {
    auto graph = v1::GraphService::NewStub(Local());
    v1::Session session;
    v1::GetSessionRequest request;
    request.set_name(name);
    ASSERT_TRUE(Call(graph, &v1::GraphService::Stub::GetSession, request, &session).ok());
    EXPECT_EQ(session.user(), "staff");
    EXPECT_EQ(session.host_name(), "gw");
    v1::Host host;
    v1::GetHostRequest host_request;
    host_request.set_name("gw");
    auto fleet = v1::FleetService::NewStub(Local());
    ASSERT_TRUE(Call(fleet, &v1::FleetService::Stub::GetHost, host_request, &host).ok());
    EXPECT_EQ(host.acknowledged_sequence(), facts.back().first);
    EXPECT_EQ(host.losses_size(), 1);
    v1::Path path;
    v1::GetPathRequest path_request;
    path_request.set_name(name);
    grpc::Status status = Call(graph, &v1::GraphService::Stub::GetPath, path_request, &path);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_GE(path.steps_size(), 1);
    Restart();
  }
}

TEST_F(CollectorTest, ReplayedRecords_AreAcknowledgedAndNotCountedAgain) {
  const auto edge = wire::TestFacts()[3];
  Deliver({{5, edge}, {6, edge}});
  {
    Agent agent = Connect(Local());
    ASSERT_TRUE(agent.Hello(wire::TestHost()));
    EXPECT_EQ(agent.welcome, 6u);
    agent.Send({{5, edge}, {6, edge}, {9, edge}});
    EXPECT_TRUE(agent.Acknowledged(9));
    agent.Send({{5, edge}});
    EXPECT_TRUE(agent.Acknowledged(9)) << "acknowledged again";
  }
  v1::ListEdgesResponse edges;
  auto graph = v1::GraphService::NewStub(Local());
  ASSERT_TRUE(Call(graph, &v1::GraphService::Stub::ListEdges, v1::ListEdgesRequest(), &edges).ok());
  ASSERT_EQ(edges.edges_size(), 1);
  EXPECT_EQ(edges.edges(0).connections(), 3 * std::get<model::EdgeCount>(edge).connections);
}

TEST_F(CollectorTest, AbusedStream_EndsWithAStatusAndOthersGoOn) {
  model::HostId other_host = wire::TestHost();
  other_host.boot.bytes[5] = 1;
  Agent good = Connect(Local());
  ASSERT_TRUE(good.Hello(other_host));
  const auto edge = wire::TestFacts()[3];

  Agent no_hello = Connect(Local());
  no_hello.Send({{1, edge}});
  EXPECT_EQ(no_hello.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  Agent wrong_order = Connect(Local());
  ASSERT_TRUE(wrong_order.Hello(wire::TestHost()));
  wrong_order.Send({{4, edge}, {3, edge}});
  EXPECT_EQ(wrong_order.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  Agent too_many = Connect(Local());
  ASSERT_TRUE(too_many.Hello(wire::TestHost()));
  std::vector<std::pair<uint64_t, model::Fact>> many;
  for (uint64_t i = 1; i <= 1001; ++i) many.emplace_back(i, edge);
  too_many.Send(many);
  EXPECT_EQ(too_many.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);

  for (size_t size : {size_t{2} << 20, size_t{8} << 20}) {
    Agent too_large = Connect(Local());
    ASSERT_TRUE(too_large.Hello(wire::TestHost()));
    v1::AgentMessage message;
    message.mutable_hello()->set_host_name(std::string(size, 'x'));
    too_large.stream->Write(message);
    EXPECT_EQ(too_large.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << size;
  }

  Agent other = Connect(Local());
  ASSERT_TRUE(other.Hello(wire::TestHost()));
  auto foreign = std::get<model::EdgeCount>(edge);
  foreign.host.machine.bytes[9] = 9;
  other.Send({{1, foreign}});
  EXPECT_EQ(other.End().error_code(), grpc::StatusCode::PERMISSION_DENIED);

  Agent twice = Connect(Local());
  ASSERT_TRUE(twice.Hello(wire::TestHost()));
  twice.Hello(wire::TestHost());
  EXPECT_EQ(twice.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  auto mine = std::get<model::EdgeCount>(edge);
  mine.host = other_host;
  good.Send({{1, mine}});
  EXPECT_TRUE(good.Acknowledged(1));
}

// An intruder may choose names.
TEST_F(CollectorTest, HostileNames_ForgeNoLogLineAndReachNoTerminal) {
  const std::string evil =
      "x\x1b[2J\r\n2026-01-01T00:00:00.000Z I audit: mallory removed hosts/1\x07\x7f";
  model::Session session = SessionNumber(1);
  session.user = session.program = session.unit = evil;
  model::Detection detection = DetectionNumber(1);
  detection.title = detection.summary = evil;  // a rule of that name is refused
  model::LoginAttempt attempt = std::get<model::LoginAttempt>(wire::TestFacts()[2]);
  attempt.user = evil;
  model::AgentHealth health{.host = wire::TestHost(), .host_name = evil, .wall_ns = 1};
  health.degradations = {{model::DegradationKind::kStateUnwritable, evil, 1}};
  testing::internal::CaptureStderr();
  {
    Agent agent = Connect(Local());
    v1::AgentMessage message;
    message.mutable_hello()->set_host(wire::ResourceName(wire::TestHost()));
    message.mutable_hello()->set_host_name(evil);
    agent.stream->Write(message);
    agent.Send({{1, session}, {2, detection}, {3, attempt}, {4, health}});
    EXPECT_TRUE(agent.Acknowledged(4));
    agent.stream->WritesDone();
    EXPECT_TRUE(agent.End().ok());
  }
  {
    Agent agent = Connect(Local());
    v1::AgentMessage message;
    message.mutable_hello()->set_host("hosts/" + evil);
    agent.stream->Write(message);
    EXPECT_EQ(agent.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  v1::RemoveHostRequest remove;
  v1::RemoveHostResponse removed;
  remove.set_name(wire::ResourceName(wire::TestHost().machine));
  auto fleet = v1::FleetService::NewStub(Local());
  grpc::Status status;
  for (int i = 0; i < 100; ++i) {
    status = Call(fleet, &v1::FleetService::Stub::RemoveHost, remove, &removed);
    if (status.error_code() != grpc::StatusCode::FAILED_PRECONDITION) break;
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_TRUE(status.ok()) << status.error_message();
  collector_.reset();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, ::testing::HasSubstr("audit: local removed"));
  int named = 0;
  for (absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    EXPECT_THAT(std::string(line),
                ::testing::MatchesRegex("2[0-9-]+T[0-9:.]+Z [DIWE] [a-z_]+: .*"));
    for (const char c : line) EXPECT_TRUE(absl::ascii_isprint(c)) << line;
    named += absl::StrContains(line, "mallory") ? 1 : 0;
  }
  EXPECT_GE(named, 3) << "connected, refused, removed";
}

TEST_F(CollectorTest, MalformedMessage_IsInvalidArgument) {
  grpc::GenericStub stub(Local());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::CompletionQueue queue;
  auto call = stub.PrepareCall(&context, "/hoptrail.v1.SensorService/Connect", &queue);
  void* tag;
  bool ok;
  call->StartCall(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::Slice slice("\xff\xff\xff\xff not a message");
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  grpc::Status status;
  call->Finish(&status, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
}

TEST_F(CollectorTest, SecondStreamOfAHost_EndsTheFirst) {
  Agent first = Connect(Local());
  ASSERT_TRUE(first.Hello(wire::TestHost()));
  Agent second = Connect(Local());
  ASSERT_TRUE(second.Hello(wire::TestHost()));
  EXPECT_EQ(first.End().error_code(), grpc::StatusCode::ABORTED);
  second.Send({{1, wire::TestFacts()[3]}});
  EXPECT_TRUE(second.Acknowledged(1));
}

}  // namespace
}  // namespace hoptrail::collector::app
