#include "agent/host/host_name.h"

#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

TEST(HostName, SystemNameChanges_RefreshFollows) {
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

TEST(HostName, FixedName_NeverChanges) {
  HostName host("fixed", [] { return std::string("other"); });
  EXPECT_FALSE(host.Refresh());
  EXPECT_EQ(host.name(), "fixed");
}

TEST(HostName, NoFixedName_IsTheSystemName) { EXPECT_EQ(HostName("").name(), SystemHostName()); }

}  // namespace
}  // namespace hoptrail::agent
