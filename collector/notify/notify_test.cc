#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "collector/notify/event.h"
#include "collector/notify/http_server_fake.h"
#include "collector/notify/json_lines.h"
#include "collector/notify/pagerduty.h"
#include "core/wire/detection.h"
#include "core/wire/graph.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kKey[] = "0123456789abcdef0123456789abcdef";
constexpr int64_t kNow = 1'700'000'000'000'000'000;

google::protobuf::Struct Parse(const std::string& json) {
  google::protobuf::Struct object;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &object).ok()) << json;
  return object;
}

EventInput Input(int steps) {
  EventInput input;
  input.routing_key = kKey;
  input.client_url = "https://hoptrail.example";
  input.incident = wire::ToProto(wire::TestIncident());
  input.detections = {wire::ToProto(wire::TestDetection())};
  for (int i = 0; i < steps; ++i) {
    v1::PathStep* step = input.path.add_steps();
    *step->mutable_session() = wire::ToProto(wire::TestSession());
    step->mutable_session()->set_host_name("host-" + std::to_string(i));
    step->set_parent(i - 1);
    step->set_depth(static_cast<uint32_t>(i));
    *step->mutable_hop()->mutable_server() = wire::ToProto(wire::TestHopEnd());
    step->mutable_hop()->set_proof(v1::PROVEN);
    step->add_detections(input.detections[0].name());
  }
  return input;
}

TEST(EventTest, TriggerHasWhatTheApiAsksForAndTheWholePath) {
  const auto event = Parse(MakeEvent(Input(3)));
  const auto& fields = event.fields();
  EXPECT_EQ(fields.at("routing_key").string_value(), kKey);
  EXPECT_EQ(fields.at("event_action").string_value(), "trigger");
  EXPECT_EQ(fields.at("dedup_key").string_value(), Input(0).incident.name());
  EXPECT_EQ(fields.at("client_url").string_value(), "https://hoptrail.example");
  const auto& payload = fields.at("payload").struct_value().fields();
  EXPECT_EQ(payload.at("severity").string_value(), "critical");
  EXPECT_EQ(payload.at("source").string_value(), "host-0");
  EXPECT_EQ(payload.at("component").string_value(), "host-2");
  EXPECT_EQ(payload.at("class").string_value(), "pivot");
  const auto& path = payload.at("custom_details").struct_value().fields().at("path").list_value();
  ASSERT_EQ(path.values_size(), 3);
  const auto& step = path.values(1).struct_value().fields();
  EXPECT_EQ(step.at("host").string_value(), "host-1");
  EXPECT_EQ(step.at("from_host").string_value(), "host-0");
  EXPECT_EQ(step.at("user").string_value(), "staff");
  EXPECT_EQ(step.at("method").string_value(), "public_key");
  EXPECT_EQ(step.at("key").string_value(), "ED25519 SHA256:abc");
  EXPECT_EQ(step.at("from_address").string_value(), "192.0.2.9:40000");
  EXPECT_EQ(step.at("to_address").string_value(), "[2001:db8::1]:22");
  EXPECT_EQ(step.at("joined").string_value(), "PROVEN");
  EXPECT_THAT(step.at("detections").list_value().values(0).string_value(), HasSubstr("pivot: "));
}

TEST(EventTest, BoundsHold) {
  EventInput input = Input(1000);
  input.incident.set_title(std::string(5000, 'x'));
  for (auto& step : *input.path.mutable_steps())
    step.mutable_session()->set_user(std::string(900, 'u'));
  const std::string json = MakeEvent(input);
  EXPECT_LE(json.size(), kMaxEvent);
  const auto payload = Parse(json).fields().at("payload").struct_value().fields();
  EXPECT_EQ(payload.at("summary").string_value().size(), kMaxSummary);
  const auto path = payload.at("custom_details").struct_value().fields().at("path").list_value();
  ASSERT_GT(path.values_size(), 2);
  EXPECT_EQ(path.values(0).struct_value().fields().at("host").string_value(), "host-0");
  EXPECT_EQ(path.values(path.values_size() - 1).struct_value().fields().at("host").string_value(),
            "host-999");
  bool noted = false;
  for (const auto& value : path.values()) noted |= value.has_string_value();
  EXPECT_TRUE(noted) << "says that steps were left out";
}

TEST(EventTest, SeverityMap) {
  EXPECT_EQ(PagerDutySeverity(v1::CRITICAL), "critical");
  EXPECT_EQ(PagerDutySeverity(v1::HIGH), "error");
  EXPECT_EQ(PagerDutySeverity(v1::MEDIUM), "warning");
  EXPECT_EQ(PagerDutySeverity(v1::LOW), "info");
  EXPECT_EQ(PagerDutySeverity(v1::INFO), "info");
}

TEST(EventTest, ResolveHasNoPayload) {
  EventInput input = Input(0);
  input.action = store::Outbox::kResolve;
  const auto event = Parse(MakeEvent(input));
  EXPECT_EQ(event.fields().at("event_action").string_value(), "resolve");
  EXPECT_EQ(event.fields().count("payload"), 0u);
}

TEST(EndpointTest, PlainHttpIsForLoopbackOnly) {
  for (const char* good : {"https://events.pagerduty.com/v2/enqueue", "http://127.0.0.1:80/x",
                           "http://localhost:1/", "http://[::1]:9/"}) {
    EXPECT_TRUE(CheckEndpoint(good).ok()) << good;
  }
  for (const char* bad : {"http://events.pagerduty.com/", "http://192.0.2.1/", "ftp://localhost/",
                          "http://localhost.example/", "nonsense", ""}) {
    EXPECT_FALSE(CheckEndpoint(bad).ok()) << bad;
  }
}

class PagerDutyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/hoptrail-notify-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    auto store = store::Store::Open({.path = folder_ + "/a.db", .writer = {.notify = true}}, kNow);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    clock_.StepWallNs(kNow - clock_.WallNs());
    incident_ = wire::TestIncident();
    incident_.state = model::IncidentState::kOpen;
    incident_.merged_into = {};
    incident_.root = wire::TestSession().id;
    Make();
  }
  void TearDown() override {
    pager_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Make() {
    PagerDuty::Options options;
    options.endpoint = server_.url();
    options.routing_key = kKey;
    options.clock = &clock_;
    auto source = [](const model::SessionId& id) -> absl::StatusOr<path::Path> {
      path::Path path;
      path.steps.push_back({.session = id});
      return path;
    };
    auto pager = PagerDuty::Create(store_.get(), source, options);
    ASSERT_TRUE(pager.ok()) << pager.status();
    pager_ = *std::move(pager);
  }
  void Write() {
    ASSERT_TRUE(store_
                    ->Write({.sessions = {wire::TestSession()},
                             .detections = {wire::TestDetection()},
                             .incidents = {incident_}},
                            kNow)
                    .ok());
    ASSERT_TRUE(store_->ReleasePages(kNow, 0).ok());
  }
  bool Send() {
    auto sent = pager_->SendOne();
    EXPECT_TRUE(sent.ok()) << sent.status();
    return sent.ok() && *sent;
  }
  std::string Sent(size_t i, const std::string& field) {
    return Parse(server_.bodies().at(i)).fields().at(field).string_value();
  }

  std::string folder_;
  FakeHttpServer server_;
  FakeClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<PagerDuty> pager_;
  model::Incident incident_;
};

TEST_F(PagerDutyTest, TriggerUpdateAcknowledgeResolveUnderOneKey) {
  Write();
  EXPECT_TRUE(Send());
  incident_.title = "grew";
  Write();
  EXPECT_TRUE(Send());
  incident_.state = model::IncidentState::kAcknowledged;
  Write();
  EXPECT_TRUE(Send());
  incident_.state = model::IncidentState::kResolved;
  Write();
  EXPECT_TRUE(Send());
  EXPECT_FALSE(Send());
  const char* kActions[] = {"trigger", "trigger", "acknowledge", "resolve"};
  ASSERT_EQ(server_.bodies().size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(Sent(i, "event_action"), kActions[i]);
    EXPECT_EQ(Sent(i, "dedup_key"), Sent(0, "dedup_key"));
  }
  EXPECT_THAT(server_.bodies()[1], HasSubstr("grew"));
}

TEST_F(PagerDutyTest, TooManyRequestsWaitsAsLongAsAsked) {
  server_.Answer(429, "Retry-After: 7\r\n");
  Write();
  EXPECT_TRUE(Send());
  clock_.AdvanceNs(6'900'000'000);
  EXPECT_FALSE(Send());
  clock_.AdvanceNs(200'000'000);
  EXPECT_TRUE(Send());
  EXPECT_EQ(server_.bodies().size(), 2u);
  EXPECT_FALSE(Send());
}

TEST_F(PagerDutyTest, ServerErrorBacksOffMoreEachTimeAndARestartResumes) {
  for (int i = 0; i < 5; ++i) server_.Answer(500);
  Write();
  int64_t waited = 0;
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Send());
    Make();  // a new process
    EXPECT_FALSE(Send()) << "not at once";
    // Between half of 2^i seconds and the whole.
    clock_.AdvanceNs((int64_t{1} << i) * 490'000'000);
    EXPECT_FALSE(Send());
    clock_.AdvanceNs((int64_t{1} << i) * 520'000'000);
    waited += (int64_t{1} << i);
  }
  EXPECT_TRUE(Send());
  EXPECT_FALSE(Send());
  EXPECT_EQ(server_.bodies().size(), 6u);
}

TEST_F(PagerDutyTest, RefusedIsParkedWithoutTheKeyAndNotTriedAgain) {
  server_.Answer(400);
  Write();
  testing::internal::CaptureStderr();
  EXPECT_TRUE(Send());
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("HTTP 400"));
  EXPECT_THAT(log, Not(HasSubstr(kKey)));
  clock_.AdvanceNs(int64_t{3600} * 1'000'000'000);
  EXPECT_FALSE(Send());
  EXPECT_EQ(server_.bodies().size(), 1u);
  pager_.reset();
  store_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    std::stringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    EXPECT_THAT(bytes.str(), Not(HasSubstr(kKey))) << entry.path();
  }
}

TEST_F(PagerDutyTest, NoAnswerIsTriedAgain) {
  PagerDuty::Options options;
  options.endpoint = "http://127.0.0.1:1/";
  options.routing_key = kKey;
  options.clock = &clock_;
  auto pager = PagerDuty::Create(store_.get(), nullptr, options);
  ASSERT_TRUE(pager.ok());
  incident_.state = model::IncidentState::kOpen;
  Write();
  incident_.state = model::IncidentState::kResolved;
  pager_ = *std::move(pager);
  auto outbox = store_->OpenOutbox();
  // The path source is missing too, but only triggers ask for it.
  ASSERT_TRUE((*outbox)->Done(**(*outbox)->Next(kNow)).ok());
  Write();
  EXPECT_TRUE(Send());
  EXPECT_EQ((*outbox)->Waiting().value(), 1);
}

TEST_F(PagerDutyTest, OwnThreadSends) {
  pager_.reset();
  PagerDuty::Options options;
  options.endpoint = server_.url();
  options.routing_key = kKey;
  auto pager = PagerDuty::Create(
      store_.get(), [](const model::SessionId&) { return path::Path(); }, options);
  ASSERT_TRUE(pager.ok());
  (*pager)->Start();
  Write();
  for (int i = 0; i < 500 && server_.bodies().empty(); ++i) usleep(10'000);
  (*pager)->Stop();
  EXPECT_EQ(server_.bodies().size(), 1u);
}

TEST_F(PagerDutyTest, RoutingKeyFileIsCheckedAndNeverShown) {
  const std::string path = folder_ + "/key";
  { std::ofstream(path) << kKey << "\n"; }
  EXPECT_EQ(ReadRoutingKey(path).value(), kKey);
  { std::ofstream(path) << "short-secret\n"; }
  absl::Status status = ReadRoutingKey(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("short-secret")));
  EXPECT_EQ(ReadRoutingKey(folder_ + "/none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PagerDutyTest, JsonLinesSayEachChangeAndGoOnAfterARestart) {
  const std::string path = folder_ + "/out.jsonl";
  auto lines = JsonLines::Create(store_.get(), path);
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_TRUE((*lines)->WriteNew().ok());
  Write();
  ASSERT_TRUE((*lines)->WriteNew().ok());
  ASSERT_TRUE((*lines)->WriteNew().ok());
  incident_.title = "grew\x1b[2J\u202e\u2066";
  Write();
  lines = JsonLines::Create(store_.get(), path);
  ASSERT_TRUE((*lines)->WriteNew().ok());
  std::ifstream file(path);
  std::vector<std::string> all;
  for (std::string line; std::getline(file, line);) {
    Parse(line);
    all.push_back(line);
  }
  ASSERT_EQ(all.size(), 3u);
  // As JSON, and as what a terminal may show.
  EXPECT_THAT(all[2], HasSubstr("grew\\u001b[2J\\u202e\\u2066"));
}

}  // namespace
}  // namespace hoptrail::collector::notify
