// A whole collector in one process, spoken to over real gRPC with real certificates.

#include "collector/app/collector.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "core/config/credentials.h"
#include "core/wire/resource_names.h"
#include "core/wire/sensor.h"
#include "core/wire/testing.h"
#include <sys/stat.h>

namespace hoptrail::collector::app {
namespace {

using ::testing::HasSubstr;
using AgentStream = grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>;

// Runs a command that must succeed.
void Shell(const std::string& command) {
  ASSERT_EQ(std::system((command + " 2>/dev/null >/dev/null").c_str()), 0) << command;
}

model::Detection DetectionNumber(uint8_t n) {
  model::Detection detection = wire::TestDetection();
  detection.id.bytes[0] = n;
  detection.severity = n % 2 == 0 ? model::Severity::kLow : model::Severity::kHigh;
  return detection;
}

class CollectorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    char folder[] = "/tmp/hoptrail-app-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    certificates_ = new std::string(folder);
    MakeAuthority("ca");
    MakeAuthority("other");
    const std::string agent =
        "spiffe://hoptrail/agent/" + model::ToString(wire::TestHost().machine);
    Issue("ca", "server", "spiffe://hoptrail/collector/one");
    Issue("ca", "agent", agent);
    Issue("ca", "stranger", "spiffe://hoptrail/agent/" + std::string(32, '7'));
    Issue("ca", "reader", "spiffe://hoptrail/reader/rita");
    Issue("ca", "operator", "spiffe://hoptrail/operator/olga");
    Issue("ca", "nobody", "spiffe://elsewhere/operator/mallory");
    Issue("other", "forged", "spiffe://hoptrail/operator/mallory");
  }
  static void TearDownTestSuite() {
    std::filesystem::remove_all(*certificates_);
    delete certificates_;
  }
  static void MakeAuthority(const std::string& name) {
    const std::string base = *certificates_ + "/" + name;
    Shell(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" +
        name + " -keyout " + base + ".key -out " + base + ".pem");
  }
  static void Issue(const std::string& authority, const std::string& name, const std::string& uri) {
    const std::string base = *certificates_ + "/" + name;
    const std::string ca = *certificates_ + "/" + authority;
    { std::ofstream(base + ".ext") << "subjectAltName=DNS:localhost,URI:" << uri << "\n"; }
    Shell("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name +
          " -keyout " + base + ".key -out " + base + ".csr");
    Shell("openssl x509 -req -days 2 -in " + base + ".csr -CA " + ca + ".pem -CAkey " + ca +
          ".key -CAcreateserial -extfile " + base + ".ext -out " + base + ".pem");
  }

  void SetUp() override {
    char folder[] = "/tmp/hoptrail-app-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    port_ = 20000 + static_cast<int>(getpid() % 20000);
    Start();
  }
  void TearDown() override {
    collector_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string Config() const {
    return absl::StrCat(
        "listen:\n- address: localhost:", port_, "\n  tls:\n    ca_file: ", *certificates_,
        "/ca.pem\n    certificate_file: ", *certificates_,
        "/server.pem\n    key_file: ", *certificates_, "/server.key\n", "- address: unix:", folder_,
        "/c.sock\nstore: {path: ", folder_, "/state/c.db, retention_days: 3650}\n");
  }
  absl::StatusOr<Options> Load(const std::string& text) {
    const std::string path = folder_ + "/c.yaml";
    { std::ofstream(path) << text; }
    return LoadOptions(path);
  }
  void Start() {
    auto options = Load(Config());
    ASSERT_TRUE(options.ok()) << options.status();
    ASSERT_TRUE(CheckFiles(*options).ok()) << CheckFiles(*options);
    for (int i = 0; i < 50; ++i) {
      auto collector = Collector::Start(*options);
      if (collector.ok()) {
        collector_ = *std::move(collector);
        return;
      }
      ASSERT_THAT(std::string(collector.status().message()), HasSubstr("in use"));
      ++port_;
      options = Load(Config());
    }
    FAIL() << "no free port";
  }
  void Restart() {
    collector_.reset();
    Start();
  }

  std::shared_ptr<grpc::Channel> Local() { return OpenChannel("unix:" + folder_ + "/c.sock", ""); }
  std::shared_ptr<grpc::Channel> As(const std::string& name, const std::string& authority = "ca") {
    return OpenChannel(absl::StrCat("localhost:", port_), name, authority);
  }
  std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, const std::string& name,
                                             const std::string& authority = "ca") {
    v1::CollectorAddress collector;
    collector.set_address(address);
    if (!name.empty()) {
      const std::string base = *certificates_ + "/";
      collector.mutable_tls()->set_ca_file(base + authority + ".pem");
      collector.mutable_tls()->set_certificate_file(base + name + ".pem");
      collector.mutable_tls()->set_key_file(base + name + ".key");
    }
    auto channel = config::OpenChannel(collector, grpc::ChannelArguments());
    EXPECT_TRUE(channel.ok()) << channel.status();
    return *channel;
  }

  // An agent's stream, opened and greeted.
  struct Agent {
    std::unique_ptr<grpc::ClientContext> context = std::make_unique<grpc::ClientContext>();
    std::unique_ptr<v1::SensorService::Stub> stub;
    std::unique_ptr<AgentStream> stream;
    uint64_t welcome = 0;
    bool welcomed = false;

    bool Hello(const model::HostId& host) {
      v1::AgentMessage message;
      message.mutable_hello()->set_host(wire::ResourceName(host));
      message.mutable_hello()->set_host_name("gw");
      stream->Write(message);
      v1::CollectorMessage answer;
      welcomed = stream->Read(&answer) && answer.has_welcome();
      welcome = answer.welcome().acknowledged_sequence();
      return welcomed;
    }
    void Send(const std::vector<std::pair<uint64_t, model::Fact>>& facts) {
      v1::AgentMessage message;
      message.mutable_batch();
      for (const auto& [sequence, fact] : facts) {
        *message.mutable_batch()->add_records() = wire::ToRecord(sequence, fact);
      }
      stream->Write(message);
    }
    // Reads until this is acknowledged; false when the stream ends before.
    bool Acknowledged(uint64_t sequence) {
      v1::CollectorMessage answer;
      while (stream->Read(&answer)) {
        if (answer.has_acknowledgement() && answer.acknowledgement().sequence() >= sequence) {
          return true;
        }
      }
      return false;
    }
    grpc::Status End() {
      v1::CollectorMessage answer;
      while (stream->Read(&answer)) {
      }
      return stream->Finish();
    }
  };
  Agent Connect(std::shared_ptr<grpc::Channel> channel) {
    Agent agent;
    agent.context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    agent.stub = v1::SensorService::NewStub(channel);
    agent.stream = agent.stub->Connect(agent.context.get());
    return agent;
  }
  void Deliver(const std::vector<std::pair<uint64_t, model::Fact>>& facts) {
    Agent agent = Connect(Local());
    ASSERT_TRUE(agent.Hello(wire::TestHost()));
    agent.Send(facts);
    ASSERT_TRUE(agent.Acknowledged(facts.back().first));
    agent.stream->WritesDone();
    EXPECT_TRUE(agent.End().ok());
  }
  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(const std::unique_ptr<Stub>& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return (stub.get()->*method)(&context, request, response);
  }

  static std::string* certificates_;
  std::string folder_;
  int port_ = 0;
  std::unique_ptr<Collector> collector_;
};
std::string* CollectorTest::certificates_ = nullptr;

TEST_F(CollectorTest, FactsAreAcknowledgedShownAndSurviveARestart) {
  std::vector<std::pair<uint64_t, model::Fact>> facts;
  for (const model::Fact& fact : wire::TestFacts()) facts.emplace_back(facts.size() + 10, fact);
  Deliver(facts);
  for (int round = 0; round < 2; ++round) {
    auto graph = v1::GraphService::NewStub(Local());
    v1::Session session;
    v1::GetSessionRequest request;
    request.set_name("sessions/0100");
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
    path_request.set_name("sessions/0100");
    grpc::Status status = Call(graph, &v1::GraphService::Stub::GetPath, path_request, &path);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_GE(path.steps_size(), 1);
    Restart();
  }
}

TEST_F(CollectorTest, ReplayIsSkippedAndAcknowledged) {
  const auto edge = wire::TestFacts()[3];
  Deliver({{5, edge}, {6, edge}});
  {
    Agent agent = Connect(Local());
    ASSERT_TRUE(agent.Hello(wire::TestHost()));
    EXPECT_EQ(agent.welcome, 6u);
    agent.Send({{5, edge}, {6, edge}, {9, edge}});
    EXPECT_TRUE(agent.Acknowledged(9));
    agent.Send({{5, edge}});
    EXPECT_TRUE(agent.Acknowledged(9)) << "told again";
  }
  v1::ListEdgesResponse edges;
  auto graph = v1::GraphService::NewStub(Local());
  ASSERT_TRUE(Call(graph, &v1::GraphService::Stub::ListEdges, v1::ListEdgesRequest(), &edges).ok());
  ASSERT_EQ(edges.edges_size(), 1);
  EXPECT_EQ(edges.edges(0).connections(), 3 * std::get<model::EdgeCount>(edge).connections);
}

TEST_F(CollectorTest, AbusedStreamsEndWithAProperStatusAndOthersDoNotNotice) {
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

TEST_F(CollectorTest, GarbageIsInvalidArgument) {
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

TEST_F(CollectorTest, SecondStreamOfAHostEndsTheFirst) {
  Agent first = Connect(Local());
  ASSERT_TRUE(first.Hello(wire::TestHost()));
  Agent second = Connect(Local());
  ASSERT_TRUE(second.Hello(wire::TestHost()));
  EXPECT_EQ(first.End().error_code(), grpc::StatusCode::ABORTED);
  second.Send({{1, wire::TestFacts()[3]}});
  EXPECT_TRUE(second.Acknowledged(1));
}

TEST_F(CollectorTest, RolesComeFromTheCertificate) {
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
      {"stranger", grpc::PERMISSION_DENIED, grpc::PERMISSION_DENIED, grpc::PERMISSION_DENIED},
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
  // Another authority's certificate does not get as far as a role.
  auto fleet = v1::FleetService::NewStub(As("forged"));
  EXPECT_EQ(Call(fleet, &v1::FleetService::Stub::ListHosts, list, &hosts).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  struct stat info;
  ASSERT_EQ(stat((folder_ + "/c.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(CollectorTest, ListsPageAndFilterAndSayWhatIsWrong) {
  std::vector<std::pair<uint64_t, model::Fact>> facts{{1, wire::TestSession()}};
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

TEST_F(CollectorTest, WatchResumesAndMissesNothing) {
  Deliver({{1, wire::TestSession()}});
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
    model::Detection detection = wire::TestDetection();
    detection.id.bytes[1] = static_cast<uint8_t>(i >> 8);
    detection.id.bytes[2] = static_cast<uint8_t>(i);
    detection.id.bytes[3] = 1;
    facts.emplace_back(10 + i, detection);
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

TEST_F(CollectorTest, IncidentIsAcknowledgedAndResolvedByName) {
  model::Detection detection = wire::TestDetection();
  Deliver({{1, wire::TestSession()}, {2, detection}});
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

TEST_F(CollectorTest, PortInUseIsSaidClearly) {
  auto options = Load(Config());
  options->store.path = folder_ + "/other.db";
  auto second = Collector::Start(*options);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use"));
  options->config.mutable_listen()->DeleteSubrange(0, 1);
  second = Collector::Start(*options);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("c.sock"));
}

TEST_F(CollectorTest, ConfigurationIsChecked) {
  for (const auto& [text, named] : std::vector<std::pair<std::string, std::string>>{
           {"listen: [{address: '0.0.0.0:1'}]\nstore: {path: /x}\n", "tls is required"},
           {"listen: [{address: 'unix:/x'}]\n", "store"},
           {"listen: [{address: 'unix:/x'}]\nstore: {path: /x}\nincidents: "
            "{minimum_severity: huge}\n",
            "huge"},
           {"listen: [{address: 'unix:/x'}]\nstore: {path: /x}\ncolour: red\n", "colour"}}) {
    auto options = Load(text);
    ASSERT_FALSE(options.ok()) << text;
    EXPECT_THAT(std::string(options.status().message()), HasSubstr(named));
  }
  auto options = Load(
      "listen: [{address: 'unix:/x'}]\nstore: {path: /x}\npagerduty: {endpoint: "
      "'http://example.com/', routing_key_file: /nowhere}\n");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(std::string(CheckFiles(*options).message()), HasSubstr("loopback"));
}

}  // namespace
}  // namespace hoptrail::collector::app
