#include <gtest/gtest.h>

#include "core/wire/agent_state.h"
#include "core/wire/detection.h"
#include "core/wire/graph.h"
#include "core/wire/limits.h"
#include "core/wire/observations.h"
#include "core/wire/record.h"
#include "core/wire/resource_names.h"
#include "core/wire/stream_control.h"
#include "core/wire/testing.h"

namespace hoptrail::wire {
namespace {

// Through serialized bytes, as on the wire.
template <typename T>
void ExpectRoundTrip(const T& value) {
  auto message = ToProto(value);
  decltype(message) received;
  ASSERT_TRUE(received.ParseFromString(message.SerializeAsString()));
  auto back = FromProto(received);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(*back == value) << message.DebugString();
}

TEST(RoundTrip, SessionFullOrBare_IsUnchanged) {
  ExpectRoundTrip(TestSession());
  model::Session bare;
  bare.id.bytes[3] = 9;
  bare.host = TestHost();
  ExpectRoundTrip(bare);
  model::Session drive = TestSession();
  drive.drives = TestSessionId(4);
  ExpectRoundTrip(drive);
}

TEST(RoundTrip, HopWithOneOrBothEnds_IsUnchanged) {
  ExpectRoundTrip(TestHopEnd());
  ExpectRoundTrip(model::Hop{TestHopEnd(), std::nullopt, model::Proof::kUnknown, 0});
  ExpectRoundTrip(model::Hop{TestHopEnd(), std::nullopt, model::Proof::kUnknown, 0,
                             model::Contradiction::kRival});
  ExpectRoundTrip(model::Hop{TestHopEnd(), TestHopEnd(), model::Proof::kInferred, 0.25});
}

TEST(RoundTrip, DetectionAndIncident_AreUnchanged) {
  ExpectRoundTrip(TestDetection());
  ExpectRoundTrip(TestIncident());
}

TEST(RoundTrip, GoodbyeWithOrWithoutACause_IsUnchanged) {
  ExpectRoundTrip(model::Goodbye());
  ExpectRoundTrip(model::Goodbye{model::StopCause::kProcess,
                                 "signal 15 from bash (process 7, uid 0)", TestSession().id});
}

TEST(RoundTrip, AgentRunInAHello_IsUnchanged) {
  v1::Hello hello;
  EXPECT_EQ(*RunOf(hello), model::AgentRun()) << "an older agent's";
  SetRun({7'000'000, model::PreviousEnd::kCutShort}, &hello);
  v1::Hello received;
  ASSERT_TRUE(received.ParseFromString(hello.SerializeAsString()));
  EXPECT_EQ(*RunOf(received), (model::AgentRun{7'000'000, model::PreviousEnd::kCutShort}));
  received.set_previous_end(static_cast<v1::PreviousEnd>(9));
  EXPECT_FALSE(RunOf(received).ok());
  received.set_previous_end(v1::ASKED);
  received.set_run_first_sequence(kMaxCount + 1);
  EXPECT_FALSE(RunOf(received).ok());
}

TEST(RoundTrip, Incarnation_IsUnchanged) {
  ExpectRoundTrip(model::Incarnation());
  model::Incarnation incarnation{7, {}};
  incarnation.nonce.bytes.fill(9);
  ExpectRoundTrip(incarnation);
}

TEST(RoundTrip, Provenance_IsUnchanged) { ExpectRoundTrip(TestProvenance()); }

TEST(RoundTrip, EveryFactInARecord_IsUnchanged) {
  uint64_t sequence = 1'000'000;
  for (const model::Fact& fact : TestFacts()) {
    v1::Record received;
    ASSERT_TRUE(received.ParseFromString(ToRecord(++sequence, fact).SerializeAsString()));
    EXPECT_EQ(received.sequence(), sequence);
    auto back = FactFromProto(received);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_TRUE(*back == fact) << received.DebugString();
    EXPECT_EQ(HostOf(*back), TestHost());
  }
}

TEST(RoundTrip, EdgeWithoutAProtocol_IsOfTcp) {
  auto edge = std::get<model::EdgeCount>(TestFacts()[3]);
  edge.protocol = model::kProtocolUdp;
  ExpectRoundTrip(edge);
  // An older agent, which does not set the protocol, reports TCP only.
  v1::Edge old = ToProto(edge);
  old.clear_protocol();
  auto read = FromProto(old);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->protocol, model::kProtocolTcp);
}

// A fact that the collector refused would block all that follow it.
TEST(RoundTrip, HugeCounts_AreCutToTheWireLimit) {
  constexpr uint64_t kMost = ~uint64_t{0};
  model::Session session = TestSession();
  session.first_process.start_boot_ns = session.opened_boot_ns = kMost;
  session.entry->accepted_boot_ns = kMost;
  auto read_session = FromProto(ToProto(session));
  ASSERT_TRUE(read_session.ok()) << read_session.status();
  EXPECT_EQ(read_session->first_process.start_boot_ns, kMaxCount);
  EXPECT_EQ(read_session->opened_boot_ns, kMaxCount);
  EXPECT_EQ(read_session->entry->accepted_boot_ns, kMaxCount);
  session.opened_wall_ns = INT64_MAX;
  EXPECT_EQ(FromProto(ToProto(session))->opened_wall_ns, kMaxTimeSeconds * 1'000'000'000);
  model::HopEnd end = TestHopEnd();
  end.established_boot_ns = end.bytes_sent = end.bytes_received = kMost;
  auto read_end = FromProto(ToProto(end));
  ASSERT_TRUE(read_end.ok()) << read_end.status();
  EXPECT_EQ(read_end->bytes_sent, kMaxCount);
  for (model::Fact fact : TestFacts()) {
    if (auto* edge = std::get_if<model::EdgeCount>(&fact)) edge->bytes_sent = kMost;
    if (auto* loss = std::get_if<model::Loss>(&fact)) loss->count = kMost;
    if (auto* health = std::get_if<model::AgentHealth>(&fact)) health->events = kMost;
    EXPECT_TRUE(FactFromProto(ToRecord(1, fact)).ok());
  }
}

TEST(RoundTrip, ResourceName_IsTheOnlyFormThatIsParsed) {
  EXPECT_EQ(ResourceName(TestSession().id), "sessions/01000000000000000000000000000000");
  EXPECT_EQ(ResourceName(TestHost()),
            "hosts/aa000000000000000000000000000000.bb000000000000000000000000000000");
  EXPECT_EQ(ResourceName(model::IncidentId{}), "");
  EXPECT_FALSE(ParseSessionName("").ok());
  EXPECT_FALSE(ParseSessionName("sessions/0A000000000000000000000000000000").ok());
  EXPECT_FALSE(ParseSessionName("incidents/01000000000000000000000000000000").ok());
  EXPECT_FALSE(ParseSessionName("sessions/00000000000000000000000000000000").ok());
}

}  // namespace
}  // namespace hoptrail::wire
