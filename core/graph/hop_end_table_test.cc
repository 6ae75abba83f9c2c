#include "core/graph/hop_end_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

model::HopEnd MakeEnd(uint8_t host, model::HopKey name) {
  model::HopEnd end;
  end.side = model::HopSide::kClient;
  end.host.machine.bytes[0] = host;
  end.hop_key = name;
  end.flow.client.port = 5;
  end.established_boot_ns = 9;
  return end;
}

TEST(HopEndTableTest, AnEndThatLearnsItsNameChangesItsKey) {
  HopEndTable table;
  const auto keyless = table.Put(MakeEnd(1, {}));
  EXPECT_TRUE(keyless.added);
  const auto named = table.Put(MakeEnd(1, {7, 8}));
  EXPECT_EQ(named.replaced, keyless.key);
  EXPECT_NE(named.key, keyless.key);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_THAT(table.ByKey({7, 8}), ElementsAre(named.key));
  EXPECT_THAT(table.ByFlow(MakeEnd(1, {}).flow), ElementsAre(named.key));
  // The old word again.
  const auto again = table.Put(MakeEnd(1, {}));
  EXPECT_EQ(again.key, named.key);
  EXPECT_FALSE(again.changed);
}

TEST(HopEndTableTest, HostsAndSidesAreKeptApart) {
  HopEndTable table;
  table.Put(MakeEnd(1, {7, 8}));
  table.Put(MakeEnd(2, {7, 8}));
  model::HopEnd server = MakeEnd(1, {7, 8});
  server.side = model::HopSide::kServer;
  const auto put = table.Put(server);
  EXPECT_THAT(table.ByKey({7, 8}), SizeIs(3));
  table.Erase(put.key);
  EXPECT_THAT(table.ByKey({7, 8}), SizeIs(2));
  EXPECT_EQ(table.Find(put.key), nullptr);
  EXPECT_THAT(table.ByKey({1, 1}), IsEmpty());
}

}  // namespace
}  // namespace hoptrail::graph
