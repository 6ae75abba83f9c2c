#include "core/model/ip_prefix.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::model {
namespace {

using ::testing::HasSubstr;

bool Contains(const char* prefix, const char* address) {
  return ParseIpPrefix(prefix)->Contains(*ParseIpAddress(address));
}

TEST(IpPrefixTest, Prefix_ContainsItsFirstAndLastAddressOnly) {
  EXPECT_TRUE(Contains("198.51.100.0/22", "198.51.100.0"));
  EXPECT_TRUE(Contains("198.51.100.0/22", "198.51.103.255"));
  EXPECT_FALSE(Contains("198.51.100.0/22", "198.51.99.255"));
  EXPECT_FALSE(Contains("198.51.100.0/22", "198.51.104.0"));
  EXPECT_TRUE(Contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(Contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(Contains("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(Contains("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(Contains("0.0.0.0/0", "192.0.2.6"));
  EXPECT_FALSE(Contains("0.0.0.0/0", "2001:db8::1")) << "an IPv4 prefix has IPv4 addresses only";
}

TEST(IpPrefixTest, ParsedText_IsWrittenAlike) {
  for (const char* text : {"198.51.100.0/22", "192.0.2.7", "2001:db8::/33", "::/0", "0.0.0.0/0"}) {
    EXPECT_EQ(ToString(*ParseIpPrefix(text)), text);
  }
}

TEST(IpPrefixTest, WrongText_IsRefusedWithAReason) {
  for (const auto& [text, reason] :
       std::vector<std::pair<std::string, std::string>>{{"", "not an IP address"},
                                                        {"gw", "not an IP address"},
                                                        {"10.0.0.0/33", "from 0 to 32"},
                                                        {"10.0.0.0/", "from 0 to 32"},
                                                        {"10.0.0.0/-1", "from 0 to 32"},
                                                        {"2001:db8::/129", "from 0 to 128"},
                                                        {"10.1.2.3/24", "write 10.1.2.0/24"}}) {
    const auto prefix = ParseIpPrefix(text);
    ASSERT_FALSE(prefix.ok()) << text;
    EXPECT_THAT(std::string(prefix.status().message()), HasSubstr(reason)) << text;
  }
}

TEST(IpPrefixTest, AddressThatTheInternetDoesNotRoute_IsNotPublic) {
  for (const char* own :
       {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255",
        "169.254.1.1", "127.0.0.1", "0.0.0.0", "::", "::1", "fe80::1", "fd00::1", "fc00::1"}) {
    EXPECT_FALSE(IsPublic(*ParseIpAddress(own))) << own;
  }
  for (const char* outside : {"11.0.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1", "100.63.0.1",
                              "100.128.0.1", "8.8.8.8", "192.0.2.1", "2001:db8::1", "2600::1"}) {
    EXPECT_TRUE(IsPublic(*ParseIpAddress(outside))) << outside;
  }
}

}  // namespace
}  // namespace hoptrail::model
