#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "collector/app/collector_fixture.h"

namespace hoptrail::collector::app {
namespace {

using ::testing::HasSubstr;

TEST_F(CollectorTest, Role_ComesFromTheCertificate) {
  const v1::ListHostsRequest list;
  v1::ListHostsResponse hosts;
  v1::ResolveIncidentRequest resolve;
  resolve.set_name("incidents/abcd");
  v1::Incident incident;
  struct Case {
    const char* name;
    grpc::StatusCode list;
    grpc::StatusCode resolve;
    grpc::StatusCode agent;
  };
  const Case kCases[] = {
      {"reader", grpc::OK, grpc::PERMISSION_DENIED, grpc::PERMISSION_DENIED},
      {"operator", grpc::OK, grpc::NOT_FOUND, grpc::PERMISSION_DENIED},
      {"agent", grpc::PERMISSION_DENIED, grpc::PERMISSION_DENIED, grpc::OK},
      {"other_agent", grpc::PERMISSION_DENIED, grpc::PERMISSION_DENIED, grpc::PERMISSION_DENIED},
      {"nobody", grpc::PERMISSION_DENIED, grpc::PERMISSION_DENIED, grpc::PERMISSION_DENIED},
  };
  for (const Case& c : kCases) {
    auto channel = As(c.name);
    auto fleet = v1::FleetService::NewStub(channel);
    auto detection = v1::DetectionService::NewStub(channel);
    grpc::Status status = Call(fleet, &v1::FleetService::Stub::ListHosts, list, &hosts);
    EXPECT_EQ(status.error_code(), c.list) << c.name << ": " << status.error_message();
    if (!status.ok()) {
      EXPECT_THAT(status.error_message(), HasSubstr("role reader"));
    }
    status = Call(detection, &v1::DetectionService::Stub::ResolveIncident, resolve, &incident);
    EXPECT_EQ(status.error_code(), c.resolve) << c.name << ": " << status.error_message();
    Agent agent = Connect(channel);
    agent.Hello(wire::TestHost());
    EXPECT_EQ(agent.welcomed, c.agent == grpc::OK) << c.name;
    agent.stream->WritesDone();
    EXPECT_EQ(agent.End().error_code(), c.agent) << c.name;
  }
  // The certificate of another authority fails before roles are checked.
  auto fleet = v1::FleetService::NewStub(As("forged"));
  EXPECT_EQ(Call(fleet, &v1::FleetService::Stub::ListHosts, list, &hosts).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  struct stat info;
  ASSERT_EQ(stat((directory_ + "/c.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(CollectorTest, NameInTheCertificate_IsTheHostsWhateverItsAgentSays) {
  auto fleet = v1::FleetService::NewStub(Local());
  v1::GetHostRequest get;
  get.set_name(wire::ResourceName(wire::TestHost().machine));
  v1::Host host;
  for (const char* certificate : {"named_agent", "agent"}) {
    Agent agent = Connect(As(certificate));
    ASSERT_TRUE(agent.Hello(wire::TestHost()));
    model::AgentHealth health{.host = wire::TestHost(), .host_name = "db1", .wall_ns = 1};
    const uint64_t sequence = agent.welcome + 1;
    agent.Send({{sequence, health}});
    EXPECT_TRUE(agent.Acknowledged(sequence));
    ASSERT_TRUE(Call(fleet, &v1::FleetService::Stub::GetHost, get, &host).ok());
    EXPECT_EQ(host.host_name(), certificate == std::string("agent") ? "db1" : "web1");
    agent.stream->WritesDone();
    EXPECT_TRUE(agent.End().ok());
  }
}

TEST_F(CollectorTest, Lists_PageFilterAndRefuseBadRequests) {
  std::vector<std::pair<uint64_t, model::Fact>> facts{{1, SessionNumber(1)}};
  for (uint8_t n = 1; n <= 9; ++n) facts.emplace_back(n + 1, DetectionNumber(n));
  Deliver(facts);
  auto stub = v1::DetectionService::NewStub(Local());
  v1::ListDetectionsRequest request;
  v1::ListDetectionsResponse response;
  std::set<std::string> names;
  request.set_page_size(4);
  request.set_filter("rule = pivot AND host_name=\"gw\"");
  int pages = 0;
  do {
    response.Clear();
    ASSERT_TRUE(Call(stub, &v1::DetectionService::Stub::ListDetections, request, &response).ok());
    for (const auto& detection : response.detections()) {
      EXPECT_TRUE(names.insert(detection.name()).second);
    }
    request.set_page_token(response.next_page_token());
    ++pages;
  } while (!response.next_page_token().empty());
  EXPECT_EQ(names.size(), 9u);
  EXPECT_EQ(pages, 3);

  auto listed = [&](const std::string& filter, int size, const std::string& token) {
    v1::ListDetectionsRequest r;
    r.set_filter(filter);
    r.set_page_size(size);
    r.set_page_token(token);
    response.Clear();
    return Call(stub, &v1::DetectionService::Stub::ListDetections, r, &response);
  };
  ASSERT_TRUE(listed("severity >= HIGH", 1000, "").ok());
  EXPECT_EQ(response.detections_size(), 5);
  ASSERT_TRUE(listed("severity = low", 2, "").ok());
  EXPECT_EQ(response.detections_size(), 2);
  const std::string token = response.next_page_token();
  for (const auto& [filter, size, bad_token, named] :
       std::vector<std::tuple<std::string, int, std::string, std::string>>{
           {"colour = red", 0, "", "colour"},
           {"severity = awful", 0, "", "awful"},
           {"rule >= pivot", 0, "", ">="},
           {"rule = pivot OR rule = scan", 0, "", "AND"},
           {"rule = \"pivot", 0, "", "quoted"},
           {"rule", 0, "", "rule"},
           {"host = gw", 0, "", "gw"},
           {"", -1, "", "page_size"},
           {"", 0, "garbage", "page_token"},
           {"rule = pivot", 0, token, "page_token"}}) {
    grpc::Status status = listed(filter, size, bad_token);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << filter;
    EXPECT_THAT(status.error_message(), HasSubstr(named));
  }
}

TEST_F(CollectorTest, SessionsOfSeveralKinds_AreOneList) {
  std::vector<std::pair<uint64_t, model::Fact>> facts;
  using Kind = model::EntryKind;
  for (const Kind kind : {Kind::kRemote, Kind::kService, Kind::kCron, Kind::kRemote}) {
    model::Session session = SessionNumber(static_cast<uint32_t>(facts.size() + 1));
    session.kind = kind;
    facts.emplace_back(facts.size() + 1, session);
  }
  for (const auto& fact : facts) Deliver({fact});
  auto stub = v1::GraphService::NewStub(Local());
  v1::ListSessionsRequest request;
  request.set_filter("kind = REMOTE,cron AND host = hosts/" +
                     model::ToString(wire::TestHost().machine));
  v1::ListSessionsResponse response;
  grpc::Status status = Call(stub, &v1::GraphService::Stub::ListSessions, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  std::string order;
  for (const v1::Session& session : response.sessions()) {
    absl::StrAppend(&order, session.first_process().tgid());
  }
  EXPECT_EQ(order, "431");
  for (const char* bad : {"kind = REMOTE,", "kind = REMOTE,sudo", "kind = ,"}) {
    request.set_filter(bad);
    status = Call(stub, &v1::GraphService::Stub::ListSessions, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << bad;
  }
}

TEST_F(CollectorTest, Host_IsOneMachineThatAnOperatorCanRemove) {
  model::HostId second = wire::TestHost();
  second.boot.bytes[5] = 1;
  Deliver({{1, SessionNumber(1)}});
  Agent agent = Connect(As("agent"));
  ASSERT_TRUE(agent.Hello(second));
  auto reader = v1::FleetService::NewStub(As("reader"));
  auto operators = v1::FleetService::NewStub(As("operator"));
  using Stub = v1::FleetService::Stub;
  v1::ListHostsResponse hosts;
  ASSERT_TRUE(Call(reader, &Stub::ListHosts, v1::ListHostsRequest(), &hosts).ok());
  ASSERT_EQ(hosts.hosts_size(), 1);
  EXPECT_EQ(hosts.hosts(0).name(), wire::ResourceName(second.machine));
  ASSERT_EQ(hosts.hosts(0).boots_size(), 2);
  EXPECT_EQ(hosts.hosts(0).boots(0).name(), wire::ResourceName(second));
  EXPECT_EQ(hosts.hosts(0).boots(0).state(), v1::CONNECTED);

  v1::GetHostRequest get;
  v1::Host host;
  for (const std::string& name : {wire::ResourceName(wire::TestHost()), hosts.hosts(0).name(),
                                  std::string("hosts/gw"), std::string("aa00")}) {
    get.set_name(name);
    ASSERT_TRUE(Call(reader, &Stub::GetHost, get, &host).ok()) << name;
    EXPECT_EQ(host.name(), hosts.hosts(0).name());
  }

  v1::RemoveHostRequest remove;
  v1::RemoveHostResponse removed;
  remove.set_name(hosts.hosts(0).name());
  EXPECT_EQ(Call(reader, &Stub::RemoveHost, remove, &removed).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  const grpc::Status connected = Call(operators, &Stub::RemoveHost, remove, &removed);
  EXPECT_EQ(connected.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(connected.error_message(), HasSubstr("is connected"));
  agent.stream->WritesDone();
  EXPECT_TRUE(agent.End().ok());
  grpc::Status status;
  for (int i = 0; i < 100; ++i) {  // until the engine knows that the stream has ended
    status = Call(operators, &Stub::RemoveHost, remove, &removed);
    if (status.error_code() != grpc::StatusCode::FAILED_PRECONDITION) break;
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_TRUE(status.ok()) << status.error_message();
  ASSERT_TRUE(Call(reader, &Stub::ListHosts, v1::ListHostsRequest(), &hosts).ok());
  EXPECT_EQ(hosts.hosts_size(), 0);
  EXPECT_EQ(Call(reader, &Stub::GetHost, get, &host).error_code(), grpc::StatusCode::NOT_FOUND);
  auto graph = v1::GraphService::NewStub(Local());
  v1::ListSessionsResponse sessions;
  v1::ListSessionsRequest all;
  ASSERT_TRUE(Call(graph, &v1::GraphService::Stub::ListSessions, all, &sessions).ok());
  ASSERT_EQ(sessions.sessions_size(), 1);
  EXPECT_EQ(sessions.sessions(0).host_name(), "gw");
}

TEST_F(CollectorTest, Watch_ResumesAndMissesNothing) {
  Deliver({{1, SessionNumber(1)}});
  auto stub = v1::DetectionService::NewStub(Local());
  std::string token;
  {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    auto watch = stub->WatchDetections(&context, v1::WatchDetectionsRequest());
    watch->WaitForInitialMetadata();
    Deliver({{2, DetectionNumber(1)}});
    v1::WatchDetectionsResponse response;
    ASSERT_TRUE(watch->Read(&response));
    EXPECT_EQ(response.detection().severity(), v1::HIGH);
    token = response.resume_token();
    context.TryCancel();
  }
  // 300 of them while nobody watches, more than one page of the store.
  std::vector<std::pair<uint64_t, model::Fact>> facts;
  for (int i = 0; i < 300; ++i) {
    facts.emplace_back(10 + i, DetectionNumber(1000 + static_cast<uint32_t>(i)));
  }
  Deliver(facts);
  Restart();
  stub = v1::DetectionService::NewStub(Local());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::WatchDetectionsRequest request;
  request.set_resume_token(token);
  auto watch = stub->WatchDetections(&context, request);
  std::set<std::string> names;
  v1::WatchDetectionsResponse response;
  while (names.size() < 300 && watch->Read(&response)) {
    if (response.detection().name() != "detections/" + model::ToString(DetectionNumber(1).id)) {
      names.insert(response.detection().name());
    }
  }
  EXPECT_EQ(names.size(), 300u);
  context.TryCancel();

  for (const auto& [bad, code] : std::vector<std::pair<std::string, grpc::StatusCode>>{
           {"junk", grpc::INVALID_ARGUMENT}, {"0000.5", grpc::FAILED_PRECONDITION}}) {
    grpc::ClientContext other;
    request.set_resume_token(bad);
    auto refused = stub->WatchDetections(&other, request);
    EXPECT_FALSE(refused->Read(&response));
    EXPECT_EQ(refused->Finish().error_code(), code);
  }
}

TEST_F(CollectorTest, Incident_IsAcknowledgedAndResolvedByName) {
  model::Detection detection = DetectionNumber(1);
  Deliver({{1, SessionNumber(1)}, {2, detection}});
  auto stub = v1::DetectionService::NewStub(As("operator"));
  v1::ListIncidentsResponse incidents;
  ASSERT_TRUE(
      Call(stub, &v1::DetectionService::Stub::ListIncidents, v1::ListIncidentsRequest(), &incidents)
          .ok());
  ASSERT_EQ(incidents.incidents_size(), 1);
  const std::string name = incidents.incidents(0).name();
  v1::Incident incident;
  v1::AcknowledgeIncidentRequest acknowledge;
  acknowledge.set_name(name.substr(0, name.size() - 20));
  ASSERT_TRUE(
      Call(stub, &v1::DetectionService::Stub::AcknowledgeIncident, acknowledge, &incident).ok());
  EXPECT_EQ(incident.state(), v1::ACKNOWLEDGED);
  EXPECT_EQ(incident.changed_by(), "olga");
  v1::ResolveIncidentRequest resolve;
  resolve.set_name(name);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Call(stub, &v1::DetectionService::Stub::ResolveIncident, resolve, &incident).ok());
    EXPECT_EQ(incident.state(), v1::RESOLVED);
  }
  EXPECT_EQ(Call(stub, &v1::DetectionService::Stub::AcknowledgeIncident, acknowledge, &incident)
                .error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  v1::Path path;
  v1::GetPathRequest request;
  request.set_name(name);
  auto graph = v1::GraphService::NewStub(As("reader"));
  ASSERT_TRUE(Call(graph, &v1::GraphService::Stub::GetPath, request, &path).ok());
  ASSERT_EQ(path.steps_size(), 1);
  EXPECT_EQ(path.steps(0).parent(), -1);
  EXPECT_EQ(path.steps(0).detections_size(), 1);
  v1::Neighborhood near;
  v1::GetNeighborhoodRequest around;
  around.set_host("gw");
  around.mutable_window()->set_seconds(int64_t{3600} * 24 * 365 * 20);
  ASSERT_TRUE(Call(graph, &v1::GraphService::Stub::GetNeighborhood, around, &near).ok());
  EXPECT_EQ(near.sessions_size(), 1);
}

}  // namespace
}  // namespace hoptrail::collector::app
