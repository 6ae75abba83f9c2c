#include "collector/notify/pagerduty/event.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/notify/pagerduty/pagerduty_fixture.h"
#include "core/wire/detection.h"
#include "core/wire/graph.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::notify {
namespace {

using ::testing::HasSubstr;

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

TEST(EventTest, Trigger_HasTheApisFieldsAndTheWholePath) {
  const auto event = ParseJson(MakeEvent(Input(3)));
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

// An intruder may choose names.
TEST(EventTest, HostileNames_StayData) {
  const std::string evil = "x\x1b[2J\r\n\", \"event_action\": \"resolve\", \"a\": \"\x7f";
  EventInput input = Input(2);
  input.incident.set_title(evil);
  input.detections[0].set_summary(evil);
  for (auto& step : *input.path.mutable_steps()) {
    step.mutable_session()->set_user(evil);
    step.mutable_session()->set_host_name(evil);
  }
  for (const std::string& json : {MakeEvent(input), MakeReducedEvent(input)}) {
    const auto event = ParseJson(json);
    EXPECT_EQ(event.fields().at("event_action").string_value(), "trigger");
    for (const char c : json) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
}

TEST(EventTest, DegradedHosts_AreListed) {
  EventInput input = Input(1);
  v1::DegradedHost* host = input.incident.add_degraded_hosts();
  host->set_host("hosts/aa.bb");
  host->set_host_name("web");
  host->add_degradations()->set_kind(v1::SPOOL_FULL);
  host->mutable_degradations(0)->set_detail("the spool has 256 MiB");
  const auto payload = ParseJson(MakeEvent(input)).fields().at("payload").struct_value().fields();
  const auto hosts =
      payload.at("custom_details").struct_value().fields().at("degraded_hosts").list_value();
  ASSERT_EQ(hosts.values_size(), 1);
  EXPECT_EQ(hosts.values(0).string_value(), "web: spool full, the spool has 256 MiB");
}

TEST(EventTest, LongPathAndTitle_StayWithinTheApisBounds) {
  EventInput input = Input(1000);
  input.incident.set_title(std::string(5000, 'x'));
  for (auto& step : *input.path.mutable_steps())
    step.mutable_session()->set_user(std::string(900, 'u'));
  const std::string json = MakeEvent(input);
  EXPECT_LE(json.size(), kMaxEvent);
  const auto payload = ParseJson(json).fields().at("payload").struct_value().fields();
  EXPECT_EQ(payload.at("summary").string_value().size(), kMaxSummary);
  const auto path = payload.at("custom_details").struct_value().fields().at("path").list_value();
  ASSERT_GT(path.values_size(), 2);
  EXPECT_EQ(path.values(0).struct_value().fields().at("host").string_value(), "host-0");
  EXPECT_EQ(path.values(path.values_size() - 1).struct_value().fields().at("host").string_value(),
            "host-999");
  bool noted = false;
  for (const auto& value : path.values()) noted |= value.has_string_value();
  EXPECT_TRUE(noted) << "a note must say that steps were left out";
}

TEST(EventTest, Severity_MapsToPagerDutys) {
  EXPECT_EQ(PagerDutySeverity(v1::CRITICAL), "critical");
  EXPECT_EQ(PagerDutySeverity(v1::HIGH), "error");
  EXPECT_EQ(PagerDutySeverity(v1::MEDIUM), "warning");
  EXPECT_EQ(PagerDutySeverity(v1::LOW), "info");
  EXPECT_EQ(PagerDutySeverity(v1::INFO), "info");
  EXPECT_EQ(PagerDutySeverity(v1::SEVERITY_UNSPECIFIED), "error");
}

// As for an incident whose stored data are damaged.
TEST(EventTest, IncidentWithOnlyAName_IsAValidEvent) {
  EventInput input;
  input.incident.set_name("incidents/1");
  const auto payload = ParseJson(MakeEvent(input)).fields().at("payload").struct_value().fields();
  for (const char* required : {"summary", "source"}) {
    EXPECT_EQ(payload.at(required).string_value(), "incidents/1");
  }
  EXPECT_EQ(payload.at("severity").string_value(), "error");
  EXPECT_EQ(payload.count("timestamp"), 0u);
}

TEST(EventTest, Resolve_HasNoPayload) {
  EventInput input = Input(0);
  input.action = store::Outbox::kResolve;
  const auto event = ParseJson(MakeEvent(input));
  EXPECT_EQ(event.fields().at("event_action").string_value(), "resolve");
  EXPECT_EQ(event.fields().count("payload"), 0u);
}

TEST(EventTest, ReducedEvent_HasOnlyTheTitleInAscii) {
  const auto event = ParseJson(MakeReducedEvent(Input(3)));
  EXPECT_EQ(event.fields().at("event_action").string_value(), "trigger");
  EXPECT_EQ(event.fields().at("dedup_key").string_value(), DedupKey(Input(3)));
  const auto& payload = event.fields().at("payload").struct_value().fields();
  ASSERT_EQ(payload.size(), 3u);
  EXPECT_EQ(payload.at("summary").string_value(), "staff from 192.0.2.9: gw ??? web");
  EXPECT_EQ(payload.at("severity").string_value(), "critical");
  EXPECT_THAT(payload.at("source").string_value(), HasSubstr("incidents/"));
}

}  // namespace
}  // namespace hoptrail::collector::notify
