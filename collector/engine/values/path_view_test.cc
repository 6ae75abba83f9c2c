#include "collector/engine/values/path_view.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "collector/engine/values/path_for_test.h"

namespace hoptrail::collector::engine {
namespace {

TEST(PathViewTest, ChainOfALongPath_OmitsItsMiddle) {
  const std::string chain = Chain(
      MakePath(std::vector<std::pair<std::string, std::string>>(40, {"someone", "somewhere"})));
  EXPECT_LT(chain.size(), 512u);
  EXPECT_NE(chain.find("…"), std::string::npos);
}

}  // namespace
}  // namespace hoptrail::collector::engine
