// SIGHUP: what is applied without a restart, and what needs one.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/app/collector_fixture.h"

namespace hoptrail::collector::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ReloadTest : public CollectorTest {
 protected:
  // With copies of the files, which a test can replace.
  std::string Config() const override {
    Install("ca", "server");
    return absl::StrReplaceAll(CollectorTest::Config(),
                               {{*certificates_ + "/", directory_ + "/"}}) +
           "json_output: " + directory_ + "/out.jsonl\n";
  }
  void Install(const std::string& authority, const std::string& server) const {
    const auto copy = [this](const std::string& from, const std::string& to) {
      std::filesystem::copy_file(*certificates_ + from, directory_ + to,
                                 std::filesystem::copy_options::overwrite_existing);
    };
    copy("/" + authority + ".pem", "/ca.pem");
    copy("/" + server + ".pem", "/server.pem");
    copy("/" + server + ".key", "/server.key");
  }
  // As main does on SIGHUP. Returns what the log says.
  std::string Reload(const std::string& text) {
    absl::StatusOr<Options> options = Load(text);
    if (absl::Status files = options.ok() ? CheckFiles(*options) : options.status(); !files.ok()) {
      options = files;
    }
    testing::internal::CaptureStderr();
    collector_->Reload(options);
    return testing::internal::GetCapturedStderr();
  }
  grpc::StatusCode List(const std::shared_ptr<grpc::Channel>& channel) {
    v1::ListHostsResponse hosts;
    auto stub = v1::FleetService::NewStub(channel);
    return Call(stub, &v1::FleetService::Stub::ListHosts, v1::ListHostsRequest(), &hosts)
        .error_code();
  }
  int Incidents() {
    v1::ListIncidentsResponse incidents;
    auto stub = v1::DetectionService::NewStub(Local());
    EXPECT_TRUE(Call(stub, &v1::DetectionService::Stub::ListIncidents, v1::ListIncidentsRequest(),
                     &incidents)
                    .ok());
    return incidents.incidents_size();
  }
  template <typename Condition>
  bool Becomes(Condition condition) {
    for (int i = 0; i < 200; ++i) {
      if (condition()) return true;
      absl::SleepFor(absl::Milliseconds(50));
    }
    return false;
  }
  static size_t LinesOf(const std::string& path) {
    std::ifstream file(path);
    size_t lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    return lines;
  }
};

TEST_F(ReloadTest, NewCertificates_ApplyToNewConnectionsOnly) {
  Issue("other", "other_server", "spiffe://hoptrail/collector/one");
  Issue("other", "other_reader", "spiffe://hoptrail/reader/rita");
  Agent agent = Connect(As("agent"));
  ASSERT_TRUE(agent.Hello(wire::TestHost()));
  const std::string config = Config();
  EXPECT_EQ(List(As("reader")), grpc::StatusCode::OK);
  EXPECT_EQ(List(As("other_reader")), grpc::StatusCode::UNAVAILABLE);

  Install("other", "other_server");
  EXPECT_EQ(List(As("reader")), grpc::StatusCode::OK) << "not before the signal";
  EXPECT_THAT(Reload(config), HasSubstr("new certificates"));
  EXPECT_THAT(Reload(config), Not(HasSubstr("new certificates")));

  EXPECT_EQ(List(As("other_reader", "other")), grpc::StatusCode::OK);
  EXPECT_EQ(List(As("reader", "other")), grpc::StatusCode::UNAVAILABLE)
      << "its authority is no longer accepted";
  EXPECT_EQ(List(As("reader")), grpc::StatusCode::UNAVAILABLE);
  agent.Send({{1, wire::TestFacts()[3]}});
  EXPECT_TRUE(agent.Acknowledged(1)) << "its stream is still open";

  std::filesystem::copy_file(*certificates_ + "/server.key", directory_ + "/server.key",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(Reload(config), HasSubstr("the certificates stay as they were"));
  EXPECT_EQ(List(As("other_reader", "other")), grpc::StatusCode::OK);
}

TEST_F(ReloadTest, RulesAndLevels_AreAppliedAndABadFileChangesNothing) {
  Deliver({{1, SessionNumber(1)}, {2, DetectionNumber(2)}});  // low
  EXPECT_EQ(Incidents(), 0);
  const std::string config = Config();
  std::string log = Reload(config + "incidents: {minimum_severity: low}\ncolour: red\n");
  EXPECT_THAT(log, HasSubstr("the configuration stays as it was"));
  EXPECT_THAT(log, HasSubstr("colour"));
  EXPECT_THAT(log, HasSubstr("c.yaml:11"));
  log = Reload(config + "incidents: {minimum_severity: low}\nlog_level: warning\n");
  EXPECT_TRUE(Becomes([this] { return Incidents() == 1; }));
  log = Reload(config + "log_level: info\n");
  EXPECT_THAT(log, HasSubstr("changed: incidents, log_level"));
  EXPECT_THAT(Reload(config + "log_level: info\n"), HasSubstr("nothing in it has changed"));
  EXPECT_EQ(Incidents(), 1) << "an open incident stays";
}

TEST_F(ReloadTest, AddressesAndStorePath_NeedARestartAndTheLogSaysSo) {
  const std::string config = Config();
  const std::string other =
      absl::StrReplaceAll(config, {{"c.sock", "other.sock"}, {"/state/c.db", "/state/other.db"}});
  for (int i = 0; i < 2; ++i) {
    const std::string log = Reload(other);
    EXPECT_THAT(log, HasSubstr("listen: other addresses need a restart"));
    EXPECT_THAT(log, HasSubstr("store.path: another store needs a restart"));
  }
  EXPECT_THAT(Reload(config), Not(HasSubstr("restart")));
  EXPECT_EQ(List(Local()), grpc::StatusCode::OK);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/state/other.db"));
}

TEST_F(ReloadTest, RotatedOutput_IsReopenedEvenByABadFile) {
  const std::string path = directory_ + "/out.jsonl";
  Deliver({{1, SessionNumber(1)}, {2, DetectionNumber(2)}});
  ASSERT_TRUE(Becomes([&] { return LinesOf(path) == 1; }));
  std::filesystem::rename(path, path + ".1");
  Reload(Config() + "colour: red\n");
  Deliver({{3, DetectionNumber(4)}});
  ASSERT_TRUE(Becomes([&] { return LinesOf(path) == 1; }));
  EXPECT_EQ(LinesOf(path + ".1"), 1u);
  // Another name, none, and the first name again: its file has every line.
  Reload(absl::StrReplaceAll(Config(), {{"out.jsonl", "new.jsonl"}}));
  Deliver({{4, DetectionNumber(6)}});
  EXPECT_TRUE(Becomes([&] { return LinesOf(directory_ + "/new.jsonl") == 1; }));
  Reload(absl::StrReplaceAll(Config(), {{"json_output: " + path + "\n", ""}}));
  Deliver({{5, DetectionNumber(8)}});
  Reload(Config());
  EXPECT_TRUE(Becomes([&] { return LinesOf(path) == 2; }));
}

TEST_F(ReloadTest, Pages_AreSwitchedOnAndOff) {
  const std::string key = directory_ + "/key";
  { std::ofstream(key) << std::string(32, 'a') << "\n"; }
  // A page waits no longer than this for the agent of a broken stream.
  const std::string config = Config() + "rules: {blinding: {silent_seconds: 1}}\n";
  const std::string pages =
      config + "pagerduty: {endpoint: 'http://127.0.0.1:1/', routing_key_file: " + key + "}\n";
  Deliver({{1, SessionNumber(1)}});
  EXPECT_THAT(Reload(pages), HasSubstr("changed: pagerduty, rules"));
  Deliver({{2, DetectionNumber(1)}});
  const auto deliveries = [this] {
    v1::ListIncidentsResponse incidents;
    auto stub = v1::DetectionService::NewStub(Local());
    EXPECT_TRUE(Call(stub, &v1::DetectionService::Stub::ListIncidents, v1::ListIncidentsRequest(),
                     &incidents)
                    .ok());
    return incidents.incidents(0).deliveries();
  };
  ASSERT_TRUE(
      Becomes([&] { return deliveries().size() == 1 && deliveries()[0].state() == v1::RETRYING; }));
  EXPECT_THAT(deliveries()[0].last_error(), HasSubstr("connect"));
  EXPECT_EQ(deliveries()[0].notifier(), "pagerduty");
  { std::ofstream(key) << "short\n"; }
  EXPECT_THAT(Reload(pages), HasSubstr("the configuration stays as it was"));
  EXPECT_THAT(Reload(config), HasSubstr("nobody is paged any more"));
}

}  // namespace
}  // namespace hoptrail::collector::app
