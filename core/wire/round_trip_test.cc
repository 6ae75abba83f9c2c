#include <gtest/gtest.h>

#include "core/wire/detection.h"
#include "core/wire/graph.h"
#include "core/wire/resource_names.h"
#include "core/wire/sensor.h"
#include "core/wire/testing.h"

namespace hoptrail::wire {
namespace {

// Through bytes, as it will go.
template <typename T>
void ExpectRoundTrip(const T& value) {
  auto message = ToProto(value);
  decltype(message) received;
  ASSERT_TRUE(received.ParseFromString(message.SerializeAsString()));
  auto back = FromProto(received);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(*back == value) << message.DebugString();
}

TEST(RoundTrip, Session) {
  ExpectRoundTrip(TestSession());
  model::Session bare;
  bare.id.bytes[3] = 9;
  bare.host = TestHost();
  ExpectRoundTrip(bare);
}

TEST(RoundTrip, HopEndAndHop) {
  ExpectRoundTrip(TestHopEnd());
  ExpectRoundTrip(model::Hop{TestHopEnd(), std::nullopt, model::Proof::kUnknown, 0});
  ExpectRoundTrip(model::Hop{TestHopEnd(), TestHopEnd(), model::Proof::kInferred, 0.25});
}

TEST(RoundTrip, DetectionAndIncident) {
  ExpectRoundTrip(TestDetection());
  ExpectRoundTrip(TestIncident());
}

TEST(RoundTrip, Provenance) { ExpectRoundTrip(TestProvenance()); }

TEST(RoundTrip, EveryFactInARecord) {
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

TEST(RoundTrip, EdgesOfOtherProtocols) {
  auto edge = std::get<model::EdgeCount>(TestFacts()[3]);
  edge.protocol = model::kProtocolUdp;
  ExpectRoundTrip(edge);
  // An agent that knows nothing of protocols tells of TCP only.
  v1::Edge old = ToProto(edge);
  old.clear_protocol();
  auto read = FromProto(old);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->protocol, model::kProtocolTcp);
}

TEST(RoundTrip, ResourceNames) {
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
