#include "collector/store/sqlite/codec.h"

#include <limits>

#include <gtest/gtest.h>

#include "core/wire/testing.h"

namespace hoptrail::collector::store {
namespace {

template <typename T>
void ExpectRoundTrip(const T& value, absl::StatusOr<T> (*decode)(absl::string_view)) {
  const auto read = decode(Encode(value));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, value);
}

TEST(CodecTest, EveryValue_SurvivesARoundTrip) {
  ExpectRoundTrip(wire::TestSession(), DecodeSession);
  ExpectRoundTrip(wire::TestDetection(), DecodeDetection);
  ExpectRoundTrip(wire::TestIncident(), DecodeIncident);
  model::Hop hop{.client = wire::TestHopEnd(),
                 .server = wire::TestHopEnd(),
                 .proof = model::Proof::kInferred,
                 .probability = 0.25};
  hop.client->side = model::HopSide::kClient;
  ExpectRoundTrip(hop, DecodeHop);
  ExpectRoundTrip(model::Hop{.server = wire::TestHopEnd()}, DecodeHop);
  int seen = 0;
  for (const model::Fact& fact : wire::TestFacts()) {
    if (const auto* health = std::get_if<model::AgentHealth>(&fact)) {
      ExpectRoundTrip(*health, DecodeHealth);
      ++seen;
    } else if (const auto* coverage = std::get_if<model::Coverage>(&fact)) {
      ExpectRoundTrip(*coverage, DecodeCoverage);
      ++seen;
    } else if (const auto* loss = std::get_if<model::Loss>(&fact)) {
      ExpectRoundTrip(*loss, DecodeLoss);
      ++seen;
    }
  }
  EXPECT_EQ(seen, 3);
}

TEST(CodecTest, EmptyAndExtremeValues_SurviveARoundTrip) {
  model::Session session = wire::TestSession();
  session.entry.reset();
  session.caused_by = {};
  session.authentication = {};
  session.user = std::string("\xff\0\n", 3);  // not valid in a message of the API
  session.opened_wall_ns = std::numeric_limits<int64_t>::min();
  session.opened_boot_ns = std::numeric_limits<uint64_t>::max();
  ExpectRoundTrip(session, DecodeSession);
  EXPECT_EQ(Encode(std::vector<model::Degradation>()), "") << "an empty list has no bytes";
}

TEST(CodecTest, EqualDetections_AreEqualBytes) {
  EXPECT_EQ(Encode(wire::TestDetection()), Encode(wire::TestDetection()));
}

TEST(CodecTest, DamagedBytes_AreDataLoss) {
  for (const char* damaged :
       {"\xff", "\x0a\x02xx", "\x20\x63"}) {  // an unfinished field, a short id, an unknown kind
    EXPECT_EQ(DecodeSession(damaged).status().code(), absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace hoptrail::collector::store
