#include "collector/rpc/peer.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace hoptrail::collector::rpc {
namespace {

TEST(PeerTest, AddressOfANetworkPeer_IsFoundInItsText) {
  for (const auto& [peer, address] : std::vector<std::pair<std::string, std::string>>{
           {"ipv4:192.0.2.1:43212", "192.0.2.1"},
           {"ipv6:[2001:db8::1]:43212", "2001:db8::1"},
           {"ipv6:%5B2001:db8::1%5D:43212", "2001:db8::1"},
           {"ipv6:%5B::ffff:192.0.2.1%5D:43212", "192.0.2.1"},
           {"ipv6:%5Bfe80::1%25to-mgmt%5D:43212", "fe80::1"}}) {
    const std::optional<model::IpAddress> found = AddressOf(peer);
    ASSERT_TRUE(found.has_value()) << peer;
    EXPECT_EQ(model::ToString(*found), address) << peer;
  }
}

TEST(PeerTest, OtherPeer_HasNoAddress) {
  for (const char* peer : {"", "unix:", "unix:/run/c.sock", "ipv4:", "ipv4:name:1", "ipv6:[]:1"}) {
    EXPECT_EQ(AddressOf(peer), std::nullopt) << peer;
  }
}

}  // namespace
}  // namespace hoptrail::collector::rpc
