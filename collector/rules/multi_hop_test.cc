#include "collector/rules/multi_hop.h"

#include <gtest/gtest.h>

#include "collector/rules/path_for_test.h"

namespace hoptrail::collector::detect {
namespace {

TEST(MultiHopTest, OneHopIsNotMany) {
  EXPECT_FALSE(MultiHop(2).Judge(MakePath({{"ann", "a"}, {"bob", "b"}})).has_value());
  EXPECT_FALSE(MultiHop(3).Judge(MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}})).has_value());
}

TEST(MultiHopTest, FiresOnTheDeepestSession) {
  PathView path = MakePath({{"ann", "a"}, {"ann", "b"}, {"ann", "c"}});
  path[0].origin = "192.0.2.9";
  path[2].new_edge = true;
  const auto detection = MultiHop(2).Judge(path);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->session, path[2].session);
  EXPECT_EQ(detection->host, path[2].host);
  EXPECT_EQ(detection->severity, model::Severity::kMedium);
  EXPECT_EQ(detection->summary, "ann@a from 192.0.2.9 went on over 2 hops: ann@a → ann@b → ann@c");
  EXPECT_EQ(detection->evidence.at("new_edges"), "b → ann@c");
  EXPECT_EQ(detection->evidence.count("user_changes"), 0u);
}

TEST(MultiHopTest, DepthAndChangesOfUserMakeItHigh) {
  const auto deeper = MultiHop(2).Judge(MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}, {"x", "d"}}));
  EXPECT_EQ(deeper->severity, model::Severity::kHigh);
  const auto changed = MultiHop(2).Judge(MakePath({{"x", "a"}, {"y", "b"}, {"y", "c"}}));
  EXPECT_EQ(changed->severity, model::Severity::kHigh);
  EXPECT_EQ(changed->evidence.at("user_changes"), "x@a → y@b");
}

TEST(MultiHopTest, AnInferredHopIsSaidToBe) {
  PathView path = MakePath({{"x", "a"}, {"x", "b"}, {"x", "c"}});
  path[1].proof = model::Proof::kInferred;
  EXPECT_EQ(MultiHop(2).Judge(path)->evidence.at("proof"), "INFERRED");
}

TEST(PathViewTest, TheMiddleOfALongChainIsLeftOut) {
  const std::string chain = Chain(
      MakePath(std::vector<std::pair<std::string, std::string>>(40, {"someone", "somewhere"})));
  EXPECT_LT(chain.size(), 512u);
  EXPECT_NE(chain.find("…"), std::string::npos);
}

}  // namespace
}  // namespace hoptrail::collector::detect
