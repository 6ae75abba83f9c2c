#include "core/graph/hop_end_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

model::HopEnd MakeEnd(uint8_t host, model::HopKey hop_key) {
  model::HopEnd end;
  end.side = model::HopSide::kClient;
  end.host.machine.bytes[0] = host;
  end.hop_key = hop_key;
  end.flow.client.port = 5;
  end.established_boot_ns = 9;
  return end;
}

TEST(HopEndTableTest, EndThatLearnsItsHopKey_ChangesItsId) {
  HopEndTable table;
  const auto keyless = table.Put(MakeEnd(1, {}));
  EXPECT_TRUE(keyless.added);
  const auto keyed = table.Put(MakeEnd(1, {7, 8}));
  EXPECT_EQ(keyed.replaced, keyless.id);
  EXPECT_NE(keyed.id, keyless.id);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_THAT(table.ByKey({7, 8}), ElementsAre(keyed.id));
  EXPECT_THAT(table.ByFlow(MakeEnd(1, {}).flow), ElementsAre(keyed.id));
  // The end without its hop key, sent again.
  const auto again = table.Put(MakeEnd(1, {}));
  EXPECT_EQ(again.id, keyed.id);
  EXPECT_FALSE(again.changed);
}

TEST(HopEndTableTest, SameHopKey_HostsAndSidesAreKeptApart) {
  HopEndTable table;
  table.Put(MakeEnd(1, {7, 8}));
  table.Put(MakeEnd(2, {7, 8}));
  model::HopEnd server = MakeEnd(1, {7, 8});
  server.side = model::HopSide::kServer;
  const auto put = table.Put(server);
  EXPECT_THAT(table.ByKey({7, 8}), SizeIs(3));
  table.Erase(put.id);
  EXPECT_THAT(table.ByKey({7, 8}), SizeIs(2));
  EXPECT_EQ(table.Find(put.id), nullptr);
  EXPECT_THAT(table.ByKey({1, 1}), IsEmpty());
}

}  // namespace
}  // namespace hoptrail::graph
