#include "cli/commands.h"

#include <unistd.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <gtest/gtest.h>

#include "cli/services_fake.h"

namespace hoptrail::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

TEST_F(CommandsTest, ListOfSeveralPages_IsShownWhole) {
  ASSERT_TRUE(Run({"hosts", "--limit", "0"}).ok());
  for (int i = 0; i < 5; ++i) EXPECT_THAT(out_, HasSubstr(absl::StrCat("host", i)));
  EXPECT_EQ(error_, "");
}

TEST_F(CommandsTest, List_StopsAtTheLimitAndSaysSo) {
  ASSERT_TRUE(Run({"hosts", "--limit", "3"}).ok());
  // The first request asks whether the collector can write.
  EXPECT_THAT(fleet_.page_sizes.All(), ElementsAre(1, 3, 1));
  EXPECT_THAT(out_, HasSubstr("host2"));
  EXPECT_THAT(out_, ::testing::Not(HasSubstr("host3")));
  EXPECT_THAT(error_, HasSubstr("--limit"));
}

TEST_F(CommandsTest, EndlessPages_AreAnError) {
  fleet_.endless = true;
  EXPECT_EQ(Run({"hosts", "--limit", "0"}).code(), absl::StatusCode::kInternal);
}

TEST_F(CommandsTest, JsonOutput_IsTheApisMessage) {
  ASSERT_TRUE(Run({"hosts", "--output", "json", "--limit", "1"}).ok());
  EXPECT_THAT(out_, HasSubstr("\"host_name\": \"host0\""));
  EXPECT_THAT(out_, HasSubstr("\"spooled\": \"0\""));
}

TEST_F(CommandsTest, PathOfAnId_TriesTheIncidentThenTheSession) {
  ASSERT_TRUE(Run({"path", "beef"}).ok());
  EXPECT_THAT(graph_.asked.All(), ElementsAre("incidents/beef", "sessions/beef"));
  EXPECT_THAT(out_, HasSubstr("Path of session beef00000000\n"));
  const absl::Status status = Run({"path", "dead"});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no incident and no session"));
  EXPECT_EQ(Run({"path", "incidents/beef"}).code(), absl::StatusCode::kNotFound);
}

TEST_F(CommandsTest, FilterValues_AreQuoted) {
  ASSERT_TRUE(Run({"sessions", "--all", "--user", "a\" OR \\", "--host", "web"}).ok());
  EXPECT_THAT(graph_.filters.All(), ElementsAre(R"(host_name = "web" AND user = "a\" OR \\")"));
}

TEST_F(CommandsTest, Resolve_AcceptsTheBeginningOfAnId) {
  ASSERT_TRUE(Run({"resolve", "3fa2"}).ok());
  EXPECT_THAT(out_, HasSubstr("RESOLVED by alice"));
  EXPECT_EQ(Run({"resolve", "3fa3"}).code(), absl::StatusCode::kNotFound);
}

TEST_F(CommandsTest, BrokenWatch_ResumesWhereItEnded) {
  EXPECT_EQ(Run({"detections", "--watch"}).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(detections_.tokens.All(), ElementsAre("", "token2", "token4"));
  for (int i = 1; i <= 4; ++i) EXPECT_THAT(out_, HasSubstr(absl::StrCat("rule", i)));
  EXPECT_THAT(out_, HasSubstr("(more evidence)"));
  EXPECT_THAT(error_, HasSubstr("nothing will be missed"));
  EXPECT_THAT(error_, ::testing::Not(HasSubstr("\x1b")));
}

TEST_F(CommandsTest, UnreachableCollector_IsNamedInTheError) {
  server_->Shutdown();
  const absl::Status status = Run({"hosts"});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(status.message()), absl::StrCat("no connection to the collector at ",
                                                        address_, ": No such file or directory"));
}

TEST_F(CommandsTest, NoIncident_IsShownOnlyWhereTheCollectorWorks) {
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

TEST_F(CommandsTest, Health_ExitStatusServesProbes) {
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"health"}, {"health", "--live"}}) {
    const bool live = arguments.size() > 1;
    health->SetServingStatus(true);
    ASSERT_TRUE(Run(arguments).ok());
    EXPECT_EQ(out_, "serving\n");
    EXPECT_EQ(exit_, kDone);

    // It can only read, which is no reason to restart it.
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

TEST_F(CommandsTest, CollectorWithoutAnAnswer_IsNotHealthy) {
  for (const auto code : {grpc::StatusCode::INTERNAL, grpc::StatusCode::RESOURCE_EXHAUSTED}) {
    fleet_.failure = code;
    ASSERT_TRUE(Run({"health"}).ok());
    EXPECT_EQ(out_, "the collector does not answer a query: no answer from the store\n");
    EXPECT_EQ(exit_, kFailed);
    ASSERT_TRUE(Run({"health", "--live"}).ok());
    EXPECT_EQ(exit_, kDone) << "a restart would not help";
    ASSERT_TRUE(Run({"incidents"}).ok());
    EXPECT_EQ(out_, "Nothing is known, but something may be missing.\n");
    EXPECT_EQ(exit_, kIncomplete);
  }
  fleet_.failure = grpc::StatusCode::DEADLINE_EXCEEDED;
  ASSERT_TRUE(Run({"health", "--live"}).ok());
  EXPECT_EQ(exit_, kFailed);
}

TEST_F(CommandsTest, IncidentsOfTwoStates_AreCutToOneLimit) {
  detections_.incidents = 3;
  ASSERT_TRUE(Run({"incidents", "--output", "json", "--limit", "4"}).ok());
  const auto count = [this](absl::string_view title) {
    return std::vector<std::string>(absl::StrSplit(out_, title)).size() - 1;
  };
  EXPECT_EQ(count("state = OPEN"), 3u);
  EXPECT_EQ(count("state = ACKNOWLEDGED"), 1u);
  EXPECT_THAT(error_, HasSubstr("--limit"));
}

TEST_F(CommandsTest, StoreThatCannotBeWritten_EveryListSaysSo) {
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

TEST_F(CommandsTest, FailedList_IsNotShownAsEmpty) {
  detections_.incidents_fail = true;
  EXPECT_EQ(Run({"incidents"}).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(out_, "");
}

TEST_F(CommandsTest, HostByName_IsShown) {
  ASSERT_TRUE(Run({"hosts", "web"}).ok());
  EXPECT_THAT(out_, HasSubstr("web  -\n"));
  EXPECT_THAT(out_, HasSubstr(std::string(32, '2')));
  ASSERT_TRUE(Run({"hosts", "web", "--output", "json"}).ok());
  EXPECT_THAT(out_, HasSubstr("\"host_name\": \"web\""));
  EXPECT_EQ(Run({"hosts", "gone"}).code(), absl::StatusCode::kNotFound);
}

TEST_F(CommandsTest, RemoveHost_UsesTheWholeNameAndSaysWhatWasRemoved) {
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

TEST_F(CommandsTest, RemoveHost_RefusesUnknownAndConnectedHosts) {
  EXPECT_EQ(Run({"remove-host", "gone"}).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(fleet_.removed.All(), ElementsAre());
  fleet_.connected = true;
  EXPECT_EQ(Run({"remove-host", "web"}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(out_, "");
}

TEST_F(CommandsTest, IncidentById_IsShownWithItsDetections) {
  ASSERT_TRUE(Run({"incident", "3fa2"}).ok());
  EXPECT_THAT(out_, HasSubstr("Incident 3fa2  "));
  EXPECT_THAT(out_, HasSubstr("gw → web\n"));
  EXPECT_THAT(out_, HasSubstr("pivot"));
}

TEST_F(CommandsTest, JsonOutput_IsEscapedForTerminals) {
  EXPECT_EQ(Run({"detections", "--watch", "--output", "json"}).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(out_, HasSubstr("\"rule\":\"rule1\""));
  fleet_.read_only = true;
  ASSERT_TRUE(Run({"hosts", "--output", "json"}).ok());
  EXPECT_THAT(out_, ::testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(out_, HasSubstr("\\u001b[2J\\u2066"));
}

TEST_F(CommandsTest, LibraryLogs_StaySilent) {
  fleet_.bad_text = true;  // protobuf logs an error about it at both ends
  (void)Run({"hosts"});
  EXPECT_EQ(error_,
            "hoptrail: warning: the collector does not answer a query: No message returned for "
            "unary request; something may be missing\n");
}

}  // namespace
}  // namespace hoptrail::cli
