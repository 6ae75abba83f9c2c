#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/wire/agent_state.h"
#include "core/wire/detection.h"
#include "core/wire/graph.h"
#include "core/wire/limits.h"
#include "core/wire/observations.h"
#include "core/wire/record.h"
#include "core/wire/stream_control.h"
#include "core/wire/testing.h"

namespace hoptrail::wire {
namespace {

using ::testing::StartsWith;

template <typename Message>
void ExpectRefused(const Message& message, const std::string& beginning) {
  auto result = FromProto(message);
  ASSERT_FALSE(result.ok()) << "accepted: " << message.ShortDebugString();
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), StartsWith(beginning));
}

TEST(Strict, BadId_IsRefusedByField) {
  v1::Session session = ToProto(TestSession());
  session.set_name("");
  ExpectRefused(session, "session.name: ");
  session = ToProto(TestSession());
  session.set_host("hosts/aa");
  ExpectRefused(session, "session.host: ");
  session.set_host("hosts/" + std::string(32, 'a') + "." + std::string(32, '0'));
  ExpectRefused(session, "session.host: the boot id is zero");
  session = ToProto(TestSession());
  session.set_caused_by("sessions/" + std::string(1000000, '-'));
  ExpectRefused(session, "session.caused_by: ");
}

TEST(Strict, BadAddressPortOrHopKey_IsRefusedByField) {
  v1::Session session = ToProto(TestSession());
  session.mutable_entry_flow()->mutable_client()->set_address("gw.example");
  ExpectRefused(session, "session.entry_flow.client.address: not an IP address");
  session.mutable_entry_flow()->mutable_client()->set_address(std::string("10.0.0.1\0x", 10));
  ExpectRefused(session, "session.entry_flow.client.address: ");
  session = ToProto(TestSession());
  session.mutable_entry_flow()->mutable_server()->set_port(65536);
  ExpectRefused(session, "session.entry_flow.server.port: not a port: 65536");
  session = ToProto(TestSession());
  session.set_entry_hop_key("0x1");
  ExpectRefused(session, "session.entry_hop_key: ");
  session = ToProto(TestSession());
  session.clear_entry_flow();
  ExpectRefused(session, "session.entry_flow: must be set");
}

TEST(Strict, BadDriver_IsRefusedByField) {
  v1::HopEnd end = ToProto(TestHopEnd());
  end.mutable_drivers(0)->set_probability(0);
  ExpectRefused(end, "hop_end.drivers.probability: ");
  end.mutable_drivers(0)->set_probability(std::numeric_limits<double>::quiet_NaN());
  ExpectRefused(end, "hop_end.drivers.probability: ");
  end = ToProto(TestHopEnd());
  end.mutable_drivers(0)->clear_hop_key();
  ExpectRefused(end, "hop_end.drivers: needs either");
  end = ToProto(TestHopEnd());
  for (size_t i = 0; i < model::kMaxDrivers; ++i) *end.add_drivers() = end.drivers(0);
  ExpectRefused(end, "hop_end.drivers: 6, more than 4");
  v1::Session session = ToProto(TestSession());
  session.set_drives("sessions/x");
  ExpectRefused(session, "session.drives: ");
}

TEST(Strict, EndRequest_RoundTripsAndNeedsAKey) {
  const auto key = FromProto(EndRequestToProto({7, 9}));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(*key, (model::HopKey{7, 9}));
  ExpectRefused(v1::EndRequest(), "end_request.hop_key: ");
}

TEST(Strict, BadGoodbye_IsRefusedByField) {
  v1::Goodbye goodbye = ToProto(model::Goodbye{model::StopCause::kProcess, "kill", {}});
  goodbye.set_cause(static_cast<v1::StopCause>(9));
  ExpectRefused(goodbye, "goodbye.cause: ");
  goodbye.set_cause(v1::PROCESS);
  goodbye.set_detail(std::string(kMaxTitleBytes + 1, 'x'));
  ExpectRefused(goodbye, "goodbye.detail: ");
  goodbye.set_detail("");
  goodbye.set_session("sessions/x");
  ExpectRefused(goodbye, "goodbye.session: ");
}

TEST(Strict, BadIncarnation_IsRefusedByField) {
  v1::Incarnation incarnation;
  incarnation.set_counter(7);
  ExpectRefused(incarnation, "incarnation.nonce: ");
  incarnation.set_nonce(std::string(33, '0'));
  ExpectRefused(incarnation, "incarnation.nonce: ");
  incarnation.set_nonce(std::string(32, '0'));
  incarnation.set_counter(kMaxCount + 1);
  ExpectRefused(incarnation, "incarnation.counter: ");
}

TEST(Strict, ProtocolOutOfRange_IsRefused) {
  v1::Edge edge = ToProto(std::get<model::EdgeCount>(TestFacts()[3]));
  edge.set_protocol(256);
  ExpectRefused(edge, "edge.protocol: not a protocol: 256");
}

TEST(Strict, OversizedTextOrMap_IsRefused) {
  v1::Session session = ToProto(TestSession());
  session.set_user(std::string(kMaxNameBytes + 1, 'x'));
  ExpectRefused(session, "session.user: 257 bytes long, at most 256");
  v1::Detection detection = ToProto(TestDetection());
  for (size_t i = 0; i <= kMaxEvidenceEntries; ++i) {
    (*detection.mutable_evidence())[std::to_string(i)] = "x";
  }
  ExpectRefused(detection, "detection.evidence: ");
}

TEST(Strict, UnknownOrMissingEnumeration_IsRefused) {
  v1::Session session = ToProto(TestSession());
  session.set_kind(static_cast<v1::EntryKind>(99));
  ExpectRefused(session, "session.kind: unknown value 99");
  session.set_kind(static_cast<v1::EntryKind>(-1));
  ExpectRefused(session, "session.kind: unknown value -1");
  v1::HopEnd end = ToProto(TestHopEnd());
  end.clear_side();
  ExpectRefused(end, "hop_end.side: must be set");
}

TEST(Strict, TimeOutOfRange_IsRefused) {
  v1::Session session = ToProto(TestSession());
  session.mutable_open_time()->set_seconds(std::numeric_limits<int64_t>::max());
  ExpectRefused(session, "session.open_time: time out of range");
  session.mutable_open_time()->set_seconds(-1);
  ExpectRefused(session, "session.open_time: time out of range");
  session.mutable_open_time()->set_seconds(1);
  session.mutable_open_time()->set_nanos(1'000'000'000);
  ExpectRefused(session, "session.open_time: time out of range");
  session = ToProto(TestSession());
  session.set_open_boot_ns(uint64_t{1} << 63);
  ExpectRefused(session, "session.open_boot_ns: out of range");
}

TEST(Strict, ProbabilityThatIsNone_IsRefused) {
  v1::Hop hop;
  hop.set_probability(std::numeric_limits<double>::quiet_NaN());
  ExpectRefused(hop, "hop.probability: ");
  hop.set_probability(1.5);
  ExpectRefused(hop, "hop.probability: ");
}

TEST(Strict, RecordWithoutSequenceOrFact_IsRefused) {
  v1::Record record = ToRecord(0, TestSession());
  EXPECT_EQ(FactFromProto(record).status().code(), absl::StatusCode::kInvalidArgument);
  record.set_sequence(uint64_t{1} << 63);
  EXPECT_EQ(FactFromProto(record).status().code(), absl::StatusCode::kInvalidArgument);
  record.Clear();
  record.set_sequence(1);
  EXPECT_EQ(FactFromProto(record).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Strict, ValuesCutByToProto_AreAccepted) {
  model::Session session = TestSession();
  session.user = std::string(10000, '\xff');
  session.program = "/tmp/" + std::string(8000, 'a') + "\xC3";
  session.opened_wall_ns = -5;
  v1::Session received;
  ASSERT_TRUE(received.ParseFromString(ToProto(session).SerializeAsString()));
  auto back = FromProto(received);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->program.size(), kMaxPathBytes);
  EXPECT_EQ(back->opened_wall_ns, 0);
  model::Detection detection = TestDetection();
  for (int i = 0; i < 100; ++i) detection.evidence[std::to_string(i)] = std::string(9000, 'x');
  auto cut = FromProto(ToProto(detection));
  ASSERT_TRUE(cut.ok()) << cut.status();
  EXPECT_EQ(cut->evidence.size(), kMaxEvidenceEntries);
}

}  // namespace
}  // namespace hoptrail::wire
