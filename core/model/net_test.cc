#include "core/model/net.h"

#include <gtest/gtest.h>

namespace hoptrail::model {
namespace {

TEST(IpAddressTest, MappedAndPlainAreOneAddress) {
  EXPECT_EQ(*ParseIpAddress("::ffff:192.0.2.1"), *ParseIpAddress("192.0.2.1"));
  EXPECT_EQ(ToString(*ParseIpAddress("::ffff:192.0.2.1")), "192.0.2.1");
}

TEST(IpAddressTest, KnowsItsKind) {
  EXPECT_TRUE(ParseIpAddress("127.0.0.2")->is_loopback());
  EXPECT_TRUE(ParseIpAddress("::1")->is_loopback());
  EXPECT_FALSE(ParseIpAddress("::2")->is_loopback());
  EXPECT_TRUE(ParseIpAddress("fe80::1")->is_link_local());
  EXPECT_TRUE(ParseIpAddress("172.31.0.1")->is_private());
  EXPECT_FALSE(ParseIpAddress("172.32.0.1")->is_private());
  EXPECT_TRUE(ParseIpAddress("fd00::1")->is_private());
  EXPECT_TRUE(ParseIpAddress("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(ParseIpAddress("::")->is_unspecified());
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  EXPECT_FALSE(ParseIpAddress("192.0.2").ok());
  EXPECT_FALSE(ParseIpAddress("host").ok());
}

TEST(EndpointTest, Prints) {
  EXPECT_EQ(ToString(Endpoint{*ParseIpAddress("192.0.2.1"), 22}), "192.0.2.1:22");
  EXPECT_EQ(ToString(Endpoint{*ParseIpAddress("2001:db8::1"), 22}), "[2001:db8::1]:22");
}

TEST(HopKeyTest, RoundTrips) {
  const HopKey name{0xbcd899a2, 0x6388a617};
  EXPECT_EQ(ToString(name), "bcd899a26388a617");
  EXPECT_EQ(*ParseHopKey("bcd899a26388a617"), name);
  EXPECT_FALSE(ParseHopKey("0xd899a26388a617").ok());
  EXPECT_FALSE(ParseHopKey("bcd899a2").ok());
}

}  // namespace
}  // namespace hoptrail::model
