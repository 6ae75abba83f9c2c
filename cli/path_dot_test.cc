#include "cli/path_dot.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/story_fixture.h"
#include "cli/time_zone_testing.h"

namespace hoptrail::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PathDotTest : public StoryFixture {};

TEST_F(PathDotTest, Path_IsDrawnAsAGraph) {
  path_.mutable_steps(2)->mutable_hop()->set_proof(v1::INFERRED);
  path_.mutable_steps(2)->set_proof(v1::INFERRED);
  path_.mutable_steps(2)->set_probability(0.5);
  path_.mutable_steps(3)->mutable_session()->set_user("ro\"ot\\");
  const std::string dot = RenderPathDot(View(), true);
  EXPECT_THAT(dot, HasSubstr("digraph path {\n"));
  EXPECT_THAT(dot, HasSubstr("o0 [label=\"outside the fleet\\n192.0.2.9:51515\""));
  EXPECT_THAT(dot, HasSubstr("s0 -> s1 [label=\"PROVEN\\n10.0.2.1:40022 → 10.0.2.2:22\"];"));
  EXPECT_THAT(dot, HasSubstr("s1 -> s2 [label=\"INFERRED p=0.50"));
  EXPECT_THAT(dot, HasSubstr("style=dashed"));
  EXPECT_THAT(dot, HasSubstr("vault as ro\\\"ot\\\\"));
  EXPECT_THAT(dot, HasSubstr("HIGH brute-force"));
}

TEST_F(PathDotTest, Times_AreLocalUnlessUtcIsAsked) {
  const TimeZone berlin("Europe/Berlin");
  EXPECT_THAT(RenderPathDot(View(), false), HasSubstr("2026-11-22 07:00:05.000 CET"));
  EXPECT_THAT(RenderPathDot(View(), true), HasSubstr("2026-11-22 06:00:05.000 UTC"));
}

TEST_F(PathDotTest, TruncatedPath_SaysSo) {
  path_.set_truncated(true);
  EXPECT_THAT(RenderPathDot(View(), true), HasSubstr("the path goes on"));
}

TEST_F(PathDotTest, RootFromAnAddressOfTheFleet_IsNotOutside) {
  path_.mutable_steps(0)->add_origin_hosts()->set_host_name("web");
  path_.mutable_steps(0)->add_origin_hosts()->set_host_name("db");
  const std::string dot = RenderPathDot(View(), true);
  EXPECT_THAT(
      dot, HasSubstr(
               "from web (its agent reported no such connection) or db (its agent reported no such "
               "connection)\\n192.0.2.9:51515"));
  EXPECT_THAT(dot, Not(HasSubstr("outside")));
}

TEST_F(PathDotTest, ContainerAsRoot_IsNamed) {
  v1::Path path;
  v1::Session* session = AddStep("web", "root", -1, 0, &path)->mutable_session();
  session->set_kind(v1::CONTAINER);
  session->set_title("container 3f2a1b4c5d6e running node (root)");
  EXPECT_THAT(RenderPathDot({&path, nullptr, &detections_}, true),
              HasSubstr("web as container 3f2a1b4c5d6e running node (root)"));
}

TEST_F(PathDotTest, HostileText_IsEscaped) {
  MakeHostile();
  ExpectEscaped(RenderPathDot(View(), true));
}

}  // namespace
}  // namespace hoptrail::cli
