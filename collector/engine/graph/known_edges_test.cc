#include "collector/engine/graph/known_edges.h"

#include <gtest/gtest.h>

#include "collector/engine/graph/ids_for_test.h"

namespace hoptrail::collector::engine {
namespace {

TEST(KnownEdgesTest, First_IsTheEarliestSessionInAnyOrderOfLearning) {
  KnownEdges edges;
  const KnownEdges::Edge edge{{}, {}, "ann"};
  EXPECT_EQ(edges.Learn(edge, Id(2), 20), std::nullopt);
  EXPECT_EQ(edges.Learn(edge, Id(3), 30), std::nullopt);
  EXPECT_EQ(edges.First(edge), Id(2));
  EXPECT_EQ(edges.Learn(edge, Id(1), 10), Id(2));
  EXPECT_EQ(edges.First(edge), Id(1));
  EXPECT_TRUE(edges.First({{}, {}, "bob"}).empty());
}

TEST(KnownEdgesTest, EdgeBeyondTheBound_IsNotLearned) {
  KnownEdges edges(1);
  edges.Learn({{}, {}, "ann"}, Id(1), 1);
  edges.Learn({{}, {}, "bob"}, Id(2), 1);
  EXPECT_EQ(edges.First({{}, {}, "ann"}), Id(1));
  EXPECT_TRUE(edges.First({{}, {}, "bob"}).empty());
}

}  // namespace
}  // namespace hoptrail::collector::engine
