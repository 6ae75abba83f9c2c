#include "cli/commands.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <gtest/gtest.h>

#include "core/base/mutex.h"
#include "core/config/test_certificates.h"
#include <hoptrail/v1/detection.grpc.pb.h>
#include <hoptrail/v1/fleet.grpc.pb.h>
#include <hoptrail/v1/graph.grpc.pb.h>

namespace hoptrail::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kIncident[] = "incidents/3fa2c81d90ab00000000000000000000";

// What a service was asked: written by gRPC's threads, read by the test's.
template <typename T>
class Asked {
 public:
  // How many there are now.
  size_t Add(T value) {
    MutexLock lock(&mutex_);
    values_.push_back(std::move(value));
    return values_.size();
  }
  std::vector<T> All() const {
    MutexLock lock(&mutex_);
    return values_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<T> values_ ABSL_GUARDED_BY(mutex_);
};

// A fleet of five hosts, in pages of two.
class FakeFleet : public v1::FleetService::Service {
 public:
  grpc::Status ListHosts(grpc::ServerContext*, const v1::ListHostsRequest* request,
                         v1::ListHostsResponse* response) override {
    const int begin = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    page_sizes.Add(request->page_size());
    for (int i = begin; i < 5 && i < begin + std::min(2, request->page_size()); ++i) {
      v1::Host* host = response->add_hosts();
      host->set_host_name(absl::StrCat("host", i, bad_text ? "\xff" : ""));
      if (!read_only) continue;
      v1::Degradation* degradation = host->add_degradations();
      degradation->set_kind(v1::COLLECTOR_STORE_READ_ONLY);
      degradation->set_detail("No space left on device\x1b[2J\u2066");
    }
    const int end = begin + response->hosts_size();
    if (endless) response->set_next_page_token("0");
    if (!endless && end < 5) response->set_next_page_token(absl::StrCat(end));
    return grpc::Status::OK;
  }

  grpc::Status GetHost(grpc::ServerContext*, const v1::GetHostRequest* request,
                       v1::Host* host) override {
    if (request->name() == "gone") return {grpc::StatusCode::NOT_FOUND, "there is no host 'gone'"};
    host->set_name(absl::StrCat("hosts/", std::string(32, '1')));
    host->set_host_name("web");
    host->add_boots()->set_name(absl::StrCat(host->name(), ".", std::string(32, '2')));
    return grpc::Status::OK;
  }
  grpc::Status RemoveHost(grpc::ServerContext*, const v1::RemoveHostRequest* request,
                          v1::RemoveHostResponse*) override {
    removed.Add(request->name());
    if (connected) return {grpc::StatusCode::FAILED_PRECONDITION, "its agent is connected"};
    return grpc::Status::OK;
  }

  Asked<int> page_sizes;
  Asked<std::string> removed;
  std::atomic<bool> endless = false;
  std::atomic<bool> read_only = false;
  std::atomic<bool> connected = false;
  std::atomic<bool> bad_text = false;
};

// Knows one incident, and no session's path.
class FakeGraph : public v1::GraphService::Service {
 public:
  grpc::Status GetPath(grpc::ServerContext*, const v1::GetPathRequest* request,
                       v1::Path* path) override {
    asked.Add(request->name());
    if (request->name() == "sessions/beef") {
      path->set_name("sessions/beef0000000000000000000000000000");
      path->add_steps()->set_parent(-1);
      return grpc::Status::OK;
    }
    return {grpc::StatusCode::NOT_FOUND, "nothing of that name"};
  }
  grpc::Status ListSessions(grpc::ServerContext*, const v1::ListSessionsRequest* request,
                            v1::ListSessionsResponse*) override {
    filters.Add(request->filter());
    return grpc::Status::OK;
  }

  Asked<std::string> asked, filters;
};

// Knows no incident by list. Breaks the first stream off after two detections; refuses the third.
class FakeDetections : public v1::DetectionService::Service {
 public:
  grpc::Status ListDetections(grpc::ServerContext*, const v1::ListDetectionsRequest*,
                              v1::ListDetectionsResponse*) override {
    return grpc::Status::OK;
  }
  grpc::Status WatchDetections(grpc::ServerContext*, const v1::WatchDetectionsRequest* request,
                               grpc::ServerWriter<v1::WatchDetectionsResponse>* writer) override {
    const size_t times = tokens.Add(request->resume_token());
    if (times == 3) return {grpc::StatusCode::PERMISSION_DENIED, "no reader any more"};
    for (size_t sent = 2 * times - 1; sent <= 2 * times; ++sent) {
      v1::WatchDetectionsResponse response;
      response.set_resume_token(absl::StrCat("token", sent));
      response.mutable_detection()->set_name(absl::StrCat("detections/", sent / 2));
      response.mutable_detection()->set_rule(absl::StrCat("rule", sent));
      writer->Write(response);
    }
    return {grpc::StatusCode::UNAVAILABLE, "going down\x1b[2J"};
  }
  grpc::Status ListIncidents(grpc::ServerContext*, const v1::ListIncidentsRequest*,
                             v1::ListIncidentsResponse*) override {
    return incidents_fail ? grpc::Status(grpc::StatusCode::INTERNAL, "the store is broken")
                          : grpc::Status::OK;
  }
  grpc::Status GetIncident(grpc::ServerContext*, const v1::GetIncidentRequest* request,
                           v1::Incident* incident) override {
    incident->set_name(request->name());
    incident->set_title("gw → web");
    incident->add_detections("detections/aa");
    return grpc::Status::OK;
  }
  grpc::Status GetDetection(grpc::ServerContext*, const v1::GetDetectionRequest* request,
                            v1::Detection* detection) override {
    detection->set_name(request->name());
    detection->set_rule("pivot");
    return grpc::Status::OK;
  }
  grpc::Status ResolveIncident(grpc::ServerContext*, const v1::ResolveIncidentRequest* request,
                               v1::Incident* incident) override {
    if (!absl::StartsWith(kIncident, request->name())) {
      return {grpc::StatusCode::NOT_FOUND, absl::StrCat("no incident ", request->name())};
    }
    incident->set_name(kIncident);
    incident->set_state(v1::RESOLVED);
    incident->set_changed_by("alice");
    return grpc::Status::OK;
  }

  Asked<std::string> tokens;
  std::atomic<bool> incidents_fail = false;
};

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() : address_(absl::StrCat("unix:", ::testing::TempDir(), "/cli_", getpid())) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    for (grpc::Service* service :
         std::initializer_list<grpc::Service*>{&fleet_, &graph_, &detections_}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
  }

  // Runs a command line; standard output lands in `out_`, the exit status in `exit_`.
  absl::Status Run(std::vector<std::string> arguments) {
    arguments.push_back("--collector");
    arguments.push_back(address_);
    const auto options = ParseOptions(arguments, [](absl::string_view) { return std::string(); });
    if (!options.ok()) return options.status();
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    auto client = Client::Create(options->collector);
    const absl::StatusOr<ExitStatus> done = client.ok()
                                                ? RunCommand(*options, Style(), client->get())
                                                : absl::StatusOr<ExitStatus>(client.status());
    out_ = ::testing::internal::GetCapturedStdout();
    error_ = ::testing::internal::GetCapturedStderr();
    exit_ = done.ok() ? *done : kFailed;
    return done.status();
  }

  FakeFleet fleet_;
  FakeGraph graph_;
  FakeDetections detections_;
  const std::string address_;
  std::unique_ptr<grpc::Server> server_;
  std::string out_, error_;
  ExitStatus exit_ = kDone;
};

TEST_F(CommandsTest, PutsPagesTogether) {
  ASSERT_TRUE(Run({"hosts", "--limit", "0"}).ok());
  for (int i = 0; i < 5; ++i) EXPECT_THAT(out_, HasSubstr(absl::StrCat("host", i)));
  EXPECT_EQ(error_, "");
}

TEST_F(CommandsTest, StopsAtTheLimitAndSaysSo) {
  ASSERT_TRUE(Run({"hosts", "--limit", "3"}).ok());
  // The first asks whether the collector can write.
  EXPECT_THAT(fleet_.page_sizes.All(), ElementsAre(1, 3, 1));
  EXPECT_THAT(out_, HasSubstr("host2"));
  EXPECT_THAT(out_, ::testing::Not(HasSubstr("host3")));
  EXPECT_THAT(error_, HasSubstr("--limit"));
}

TEST_F(CommandsTest, PagesThatGoInCirclesEnd) {
  fleet_.endless = true;
  EXPECT_EQ(Run({"hosts", "--limit", "0"}).code(), absl::StatusCode::kInternal);
}

TEST_F(CommandsTest, PrintsTheApisMessageAsJson) {
  ASSERT_TRUE(Run({"hosts", "--output", "json", "--limit", "1"}).ok());
  EXPECT_THAT(out_, HasSubstr("\"host_name\": \"host0\""));
  EXPECT_THAT(out_, HasSubstr("\"spooled\": \"0\""));
}

TEST_F(CommandsTest, AsksForAnIncidentThenForASession) {
  ASSERT_TRUE(Run({"path", "beef"}).ok());
  EXPECT_THAT(graph_.asked.All(), ElementsAre("incidents/beef", "sessions/beef"));
  EXPECT_THAT(out_, HasSubstr("Path of session beef00000000\n"));
  const absl::Status status = Run({"path", "dead"});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no incident and no session"));
  EXPECT_EQ(Run({"path", "incidents/beef"}).code(), absl::StatusCode::kNotFound);
}

TEST_F(CommandsTest, QuotesWhatItFiltersBy) {
  ASSERT_TRUE(Run({"sessions", "--all", "--user", "a\" OR \\", "--host", "web"}).ok());
  EXPECT_THAT(graph_.filters.All(), ElementsAre(R"(host_name = "web" AND user = "a\" OR \\")"));
}

TEST_F(CommandsTest, ResolvesByPrefix) {
  ASSERT_TRUE(Run({"resolve", "3fa2"}).ok());
  EXPECT_THAT(out_, HasSubstr("RESOLVED by alice"));
  EXPECT_EQ(Run({"resolve", "3fa3"}).code(), absl::StatusCode::kNotFound);
}

TEST_F(CommandsTest, AWatchGoesOnWhereItWasBrokenOff) {
  EXPECT_EQ(Run({"detections", "--watch"}).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(detections_.tokens.All(), ElementsAre("", "token2", "token4"));
  for (int i = 1; i <= 4; ++i) EXPECT_THAT(out_, HasSubstr(absl::StrCat("rule", i)));
  EXPECT_THAT(out_, HasSubstr("(more evidence)"));
  EXPECT_THAT(error_, HasSubstr("nothing will be missed"));
  EXPECT_THAT(error_, ::testing::Not(HasSubstr("\x1b")));
}

TEST_F(CommandsTest, SaysWhereNobodyAnswers) {
  server_->Shutdown();
  const absl::Status status = Run({"hosts"});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(status.message()), absl::StrCat("no connection to the collector at ",
                                                        address_, ": No such file or directory"));
}

TEST_F(CommandsTest, NoIncidentIsSaidOnlyByACollectorThatCanKnow) {
  ASSERT_TRUE(Run({"incidents"}).ok());
  EXPECT_EQ(out_, "No incident.\n");
  EXPECT_EQ(error_, "");
  EXPECT_EQ(exit_, kDone);

  fleet_.read_only = true;
  ASSERT_TRUE(Run({"incidents"}).ok());
  EXPECT_EQ(out_, "Nothing is known, but something may be missing.\n");
  EXPECT_EQ(error_,
            "hoptrail: warning: the collector cannot write its store, and takes in nothing new: No "
            "space left on device\\x1b[2J\\u2066; something may be missing\n");
  EXPECT_EQ(exit_, kIncomplete);
  fleet_.read_only = false;

  server_->GetHealthCheckService()->SetServingStatus(false);
  ASSERT_TRUE(Run({"incidents", "--all"}).ok());
  EXPECT_EQ(out_, "Nothing is known, but something may be missing.\n");
  EXPECT_THAT(error_, HasSubstr("the collector makes no progress"));
  EXPECT_EQ(exit_, kIncomplete);
}

TEST_F(CommandsTest, HealthIsForProbesToo) {
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"health"}, {"health", "--live"}}) {
    const bool live = arguments.size() > 1;
    health->SetServingStatus(true);
    ASSERT_TRUE(Run(arguments).ok());
    EXPECT_EQ(out_, "serving\n");
    EXPECT_EQ(exit_, kDone);

    // It can only read: no reason to start it again.
    health->SetServingStatus("", false);
    health->SetServingStatus(v1::DetectionService::service_full_name(), true);
    ASSERT_TRUE(Run(arguments).ok());
    EXPECT_EQ(out_, "the collector serves only what was stored before\n");
    EXPECT_EQ(exit_, live ? kDone : kIncomplete);

    health->SetServingStatus(v1::DetectionService::service_full_name(), false);
    ASSERT_TRUE(Run(arguments).ok());
    EXPECT_EQ(out_, "the collector makes no progress\n");
    EXPECT_EQ(exit_, kFailed);
  }
  server_->Shutdown();
  EXPECT_EQ(Run({"health", "--live"}).code(), absl::StatusCode::kUnavailable);
}

TEST_F(CommandsTest, EveryListSaysWhenSomethingMayBeMissing) {
  fleet_.read_only = true;
  for (const char* command : {"sessions", "detections"}) {
    ASSERT_TRUE(Run({command}).ok());
    EXPECT_EQ(out_, "Nothing is known, but something may be missing.\n") << command;
    EXPECT_EQ(exit_, kIncomplete);
  }
  ASSERT_TRUE(Run({"hosts"}).ok());
  EXPECT_THAT(out_, HasSubstr("host0"));
  EXPECT_EQ(exit_, kIncomplete);
  ASSERT_TRUE(Run({"incidents", "--output", "json"}).ok());
  EXPECT_THAT(out_, HasSubstr("\"incidents\": []"));
  EXPECT_THAT(error_, HasSubstr("warning: "));
  EXPECT_EQ(exit_, kIncomplete);
}

TEST_F(CommandsTest, AListThatFailsIsNoEmptyOne) {
  detections_.incidents_fail = true;
  EXPECT_EQ(Run({"incidents"}).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(out_, "");
}

TEST_F(CommandsTest, ShowsOneHost) {
  ASSERT_TRUE(Run({"hosts", "web"}).ok());
  EXPECT_THAT(out_, HasSubstr("web  -\n"));
  EXPECT_THAT(out_, HasSubstr(std::string(32, '2')));
  ASSERT_TRUE(Run({"hosts", "web", "--output", "json"}).ok());
  EXPECT_THAT(out_, HasSubstr("\"host_name\": \"web\""));
  EXPECT_EQ(Run({"hosts", "gone"}).code(), absl::StatusCode::kNotFound);
}

TEST_F(CommandsTest, RemovesAHostByItsWholeNameAndSaysWhat) {
  const std::string machine(32, '1'), boot(32, '2');
  ASSERT_TRUE(Run({"remove-host", "web"}).ok());
  EXPECT_THAT(out_, HasSubstr(absl::StrCat("Removed web (hosts/", machine, "): 1 boot")));
  ASSERT_TRUE(Run({"remove-host", "web.example.com"}).ok());
  ASSERT_TRUE(Run({"remove-host", absl::StrCat("hosts/", machine, ".", boot)}).ok());
  EXPECT_THAT(out_, HasSubstr("Removed one boot of web: hosts/"));
  ASSERT_TRUE(Run({"remove-host", absl::StrCat(machine, ".2222")}).ok());
  EXPECT_THAT(fleet_.removed.All(), ElementsAre("hosts/" + machine, "hosts/" + machine,
                                                absl::StrCat("hosts/", machine, ".", boot),
                                                absl::StrCat("hosts/", machine, ".2222")));
}

TEST_F(CommandsTest, RemovesNothingThatIsNotThereOrIsConnected) {
  EXPECT_EQ(Run({"remove-host", "gone"}).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(fleet_.removed.All(), ElementsAre());
  fleet_.connected = true;
  EXPECT_EQ(Run({"remove-host", "web"}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(out_, "");
}

TEST_F(CommandsTest, ShowsOneIncident) {
  ASSERT_TRUE(Run({"incident", "3fa2"}).ok());
  EXPECT_THAT(out_, HasSubstr("Incident 3fa2  "));
  EXPECT_THAT(out_, HasSubstr("gw → web\n"));
  EXPECT_THAT(out_, HasSubstr("pivot"));
}

TEST_F(CommandsTest, JsonActsOnNoTerminalEither) {
  EXPECT_EQ(Run({"detections", "--watch", "--output", "json"}).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(out_, HasSubstr("\"rule\":\"rule1\""));
  fleet_.read_only = true;
  ASSERT_TRUE(Run({"hosts", "--output", "json"}).ok());
  EXPECT_THAT(out_, ::testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(out_, HasSubstr("\\u001b[2J\\u2066"));
}

TEST_F(CommandsTest, NoLibrarysLogLeaks) {
  fleet_.bad_text = true;  // protobuf complains of it at both ends
  (void)Run({"hosts"});
  EXPECT_EQ(error_, "");
}

// gRPC writes lines of its own of every TLS failure, and a message that says nothing.
class TlsFailureTest : public ::testing::Test {
 protected:
  static grpc::SslServerCredentialsOptions ServerOptions(const v1::TlsConfig& tls) {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = Content(tls.ca_file());
    options.pem_key_cert_pairs.push_back(
        {Content(tls.key_file()), Content(tls.certificate_file())});
    return options;
  }
  static std::string Content(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }
  // What `hoptrail hosts` says, and what leaks past it.
  std::string Message(const v1::TlsConfig& server_tls, const v1::TlsConfig& tls) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("localhost:0", grpc::SslServerCredentials(ServerOptions(server_tls)),
                             &port);
    builder.RegisterService(&fleet_);
    const auto server = builder.BuildAndStart();
    v1::CollectorAddress collector;
    collector.set_address(absl::StrCat("localhost:", port));
    *collector.mutable_tls() = tls;
    ::testing::internal::CaptureStderr();
    const auto client = Client::Create(collector);
    const absl::Status status = client.ok() ? (*client)->ListHosts(1).status() : client.status();
    leaked_ = ::testing::internal::GetCapturedStderr();
    return std::string(status.message());
  }

  FakeFleet fleet_;
  const config::TestAuthority ours_{"cli_tls", "Test CA"};
  const config::TestAuthority other_{"cli_tls_other", "Other CA"};
  std::string leaked_;
};

TEST_F(TlsFailureTest, IsOneClearErrorAndNothingElse) {
  const v1::TlsConfig good = ours_.Issue("reader", 3600);
  EXPECT_EQ(Message(ours_.Issue("server", 3600), good), "");

  EXPECT_THAT(Message(other_.Issue("server", 3600), good),
              ::testing::AllOf(HasSubstr("no connection to the collector at localhost:"),
                               HasSubstr("was issued by CN = Other CA")));
  EXPECT_EQ(leaked_, "");

  v1::TlsConfig foreign = other_.Issue("reader", 3600);
  foreign.set_ca_file(good.ca_file());
  EXPECT_THAT(Message(ours_.Issue("server", 3600), foreign),
              HasSubstr("does not take the certificate " + foreign.certificate_file()));
  EXPECT_EQ(leaked_, "");

  EXPECT_THAT(Message(ours_.Issue("server", 3600, {.names = "DNS:elsewhere.example"}), good),
              HasSubstr("is for elsewhere.example, not for localhost"));
  EXPECT_EQ(leaked_, "");

  EXPECT_THAT(Message(ours_.Issue("server", -60), good), HasSubstr("expired on"));
  EXPECT_EQ(leaked_, "");

  v1::TlsConfig mixed = good;
  mixed.set_key_file(ours_.Issue("other", 3600).key_file());
  EXPECT_THAT(Message(ours_.Issue("server", 3600), mixed), HasSubstr("is not the key of"));
  EXPECT_EQ(leaked_, "");
}

TEST(ClientTest, NamesTheFileThatItCannotRead) {
  v1::CollectorAddress collector;
  collector.set_address("c:1");
  collector.mutable_tls()->set_ca_file("/nonexistent/ca.crt");
  EXPECT_THAT(std::string(Client::Create(collector).status().message()),
              HasSubstr("/nonexistent/ca.crt: No such"));
}

}  // namespace
}  // namespace hoptrail::cli
