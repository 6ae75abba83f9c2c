#include "collector/engine/join/contradiction.h"

#include <limits>

#include <gtest/gtest.h>

#include "collector/engine/join/times_for_test.h"

namespace hoptrail::collector::engine {
namespace {

model::HopEnd End(int64_t from, int64_t until, uint64_t sent, uint64_t received) {
  model::HopEnd end;
  end.established_wall_ns = kStart + from * kSecond;
  end.established_boot_ns = (1000 + from) * kSecond;
  if (until != 0) end.closed_wall_ns = kStart + until * kSecond;
  end.bytes_sent = sent;
  end.bytes_received = received;
  return end;
}

TEST(ContradictionTest, ReceivedBytesThatWereNotSent_AreAContradiction) {
  const model::HopEnd client = End(0, 9, 5001, 9000);
  EXPECT_EQ(FindContradiction(client, End(0, 9, 9001, 5000), {}), model::Contradiction::kNone);
  // The bytes were in flight when the client was reset.
  EXPECT_EQ(FindContradiction(client, End(0, 9, 9000, 90000), {}), model::Contradiction::kNone);
  EXPECT_EQ(FindContradiction(client, End(0, 9, 9000, 100), {}), model::Contradiction::kBytes);
  EXPECT_EQ(FindContradiction(client, End(0, 9, 9000, 1ull << 40), {}),
            model::Contradiction::kBytes);
  // No counts: the server's end is open, or its agent did not see the close.
  EXPECT_EQ(FindContradiction(client, End(0, 0, 0, 0), {}), model::Contradiction::kNone);
  EXPECT_EQ(FindContradiction(client, End(0, 9, 0, 0), {}), model::Contradiction::kNone);
}

TEST(ContradictionTest, LifetimesThatDoNotOverlap_AreAContradiction) {
  const model::HopEnd client = End(0, 60, 0, 0);
  EXPECT_EQ(FindContradiction(client, End(3600, 0, 0, 0), {}), model::Contradiction::kNone);
  EXPECT_EQ(FindContradiction(client, End(100'000, 0, 0, 0), {}), model::Contradiction::kTime);
  EXPECT_EQ(FindContradiction(End(100'000, 0, 0, 0), client, {}), model::Contradiction::kTime);
  // With a known difference of the clocks, minutes are enough.
  EXPECT_EQ(FindContradiction(client, End(3600, 0, 0, 0), 0), model::Contradiction::kTime);
  EXPECT_EQ(FindContradiction(client, End(3600, 0, 0, 0), 3600 * kSecond),
            model::Contradiction::kNone);
  // Times that only a lying agent reports.
  model::HopEnd late = End(0, 9, 0, 0);
  late.established_wall_ns = std::numeric_limits<int64_t>::max() - 1;
  late.closed_wall_ns = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(FindContradiction(client, late, {}), model::Contradiction::kTime);
  late.established_wall_ns = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(FindContradiction(late, client, {}), model::Contradiction::kNone)
      << "its lifetime covers all time";
  // The server's agent started in the middle of a long connection.
  EXPECT_EQ(FindContradiction(End(0, 0, 0, 0), End(500'000, 0, 0, 0), 0),
            model::Contradiction::kNone);
}

}  // namespace
}  // namespace hoptrail::collector::engine
