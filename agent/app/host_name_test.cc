#include "agent/app/host_name.h"

#include <gtest/gtest.h>

namespace hoptrail::agent::app {
namespace {

TEST(HostName, FollowsTheSystems) {
  std::string system = "gw";
  HostName host("", [&] { return system; });
  EXPECT_EQ(host.name(), "gw");
  EXPECT_FALSE(host.Refresh());
  system = "gateway";
  EXPECT_TRUE(host.Refresh());
  EXPECT_EQ(host.name(), "gateway");
  EXPECT_FALSE(host.Refresh());
  system = "";
  EXPECT_FALSE(host.Refresh());
  EXPECT_EQ(host.name(), "gateway");
}

TEST(HostName, StaysAsItIsFixed) {
  HostName host("fixed", [] { return std::string("other"); });
  EXPECT_FALSE(host.Refresh());
  EXPECT_EQ(host.name(), "fixed");
}

TEST(HostName, IsTheSystemsOwn) { EXPECT_EQ(HostName("").name(), SystemHostName()); }

}  // namespace
}  // namespace hoptrail::agent::app
