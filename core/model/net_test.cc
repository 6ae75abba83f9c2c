#include "core/model/net.h"

#include <gtest/gtest.h>

namespace hoptrail::model {
namespace {

TEST(IpAddressTest, MappedAndPlainIpv4_AreEqual) {
  EXPECT_EQ(*ParseIpAddress("::ffff:192.0.2.1"), *ParseIpAddress("192.0.2.1"));
  EXPECT_EQ(ToString(*ParseIpAddress("::ffff:192.0.2.1")), "192.0.2.1");
}

TEST(IpAddressTest, Kinds_AreRecognized) {
  EXPECT_TRUE(ParseIpAddress("127.0.0.2")->is_loopback());
  EXPECT_TRUE(ParseIpAddress("::1")->is_loopback());
  EXPECT_FALSE(ParseIpAddress("::2")->is_loopback());
  EXPECT_TRUE(ParseIpAddress("fe80::1")->is_link_local());
  EXPECT_TRUE(ParseIpAddress("169.254.0.1")->is_link_local());
  EXPECT_FALSE(ParseIpAddress("fd00::1")->is_link_local());
}

TEST(IpAddressTest, MalformedAddress_IsRefused) {
  EXPECT_FALSE(ParseIpAddress("192.0.2").ok());
  EXPECT_FALSE(ParseIpAddress("host").ok());
}

TEST(EndpointTest, ToString_BracketsIpv6) {
  EXPECT_EQ(ToString(Endpoint{*ParseIpAddress("192.0.2.1"), 22}), "192.0.2.1:22");
  EXPECT_EQ(ToString(Endpoint{*ParseIpAddress("2001:db8::1"), 22}), "[2001:db8::1]:22");
}

TEST(HopKeyTest, TextForm_RoundTrips) {
  const HopKey key{0xbcd899a2, 0x6388a617};
  EXPECT_EQ(ToString(key), "bcd899a26388a617");
  EXPECT_EQ(*ParseHopKey("bcd899a26388a617"), key);
  EXPECT_FALSE(ParseHopKey("0xd899a26388a617").ok());
  EXPECT_FALSE(ParseHopKey("bcd899a2").ok());
}

}  // namespace
}  // namespace hoptrail::model
