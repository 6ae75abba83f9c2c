#include "cli/commands.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "core/base/mutex.h"
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
      response->add_hosts()->set_host_name(absl::StrCat("host", i));
    }
    const int end = begin + response->hosts_size();
    if (endless) response->set_next_page_token("0");
    if (!endless && end < 5) response->set_next_page_token(absl::StrCat(end));
    return grpc::Status::OK;
  }

  Asked<int> page_sizes;
  std::atomic<bool> endless = false;
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

// Breaks the first stream off after two detections; refuses the third.
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
};

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() : address_(absl::StrCat("unix:", ::testing::TempDir(), "/cli_", getpid())) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    for (grpc::Service* service :
         std::initializer_list<grpc::Service*>{&fleet_, &graph_, &detections_}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
  }

  // Runs a command line; standard output lands in `out_`.
  absl::Status Run(std::vector<std::string> arguments) {
    arguments.push_back("--collector");
    arguments.push_back(address_);
    const auto options = ParseOptions(arguments, [](absl::string_view) { return std::string(); });
    if (!options.ok()) return options.status();
    auto client = Client::Create(options->connection);
    if (!client.ok()) return client.status();
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const absl::Status status = RunCommand(*options, Style(), client->get());
    out_ = ::testing::internal::GetCapturedStdout();
    error_ = ::testing::internal::GetCapturedStderr();
    return status;
  }

  FakeFleet fleet_;
  FakeGraph graph_;
  FakeDetections detections_;
  const std::string address_;
  std::unique_ptr<grpc::Server> server_;
  std::string out_, error_;
};

TEST_F(CommandsTest, PutsPagesTogether) {
  ASSERT_TRUE(Run({"hosts", "--limit", "0"}).ok());
  for (int i = 0; i < 5; ++i) EXPECT_THAT(out_, HasSubstr(absl::StrCat("host", i)));
  EXPECT_EQ(error_, "");
}

TEST_F(CommandsTest, StopsAtTheLimitAndSaysSo) {
  ASSERT_TRUE(Run({"hosts", "--limit", "3"}).ok());
  EXPECT_THAT(fleet_.page_sizes.All(), ElementsAre(3, 1));
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
  EXPECT_THAT(std::string(status.message()), HasSubstr(address_));
}

TEST(ClientTest, NamesTheFileThatItCannotRead) {
  const auto client = Client::Create({.address = "c:1", .ca_file = "/nonexistent/ca.crt"});
  EXPECT_THAT(std::string(client.status().message()), HasSubstr("/nonexistent/ca.crt: No such"));
}

}  // namespace
}  // namespace hoptrail::cli
