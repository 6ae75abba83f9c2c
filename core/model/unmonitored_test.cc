#include "core/model/unmonitored.h"

#include <string>

#include <gtest/gtest.h>

#include "core/model/session.h"
#include "core/model/title.h"

namespace hoptrail::model {
namespace {

TEST(UnmonitoredTest, HostOfAnAddress_IsFoundAgainAndNamedByIt) {
  for (const char* text : {"10.0.0.5", "2001:db8::5"}) {
    const IpAddress address = *ParseIpAddress(text);
    const HostId host = UnmonitoredHost(address);
    EXPECT_EQ(UnmonitoredAddress(host), address);
    EXPECT_EQ(HostTitle("", host), std::string(text) + " (unmonitored)");
    Session session;
    session.host = host;
    session.kind = EntryKind::kRemote;
    EXPECT_EQ(Title(session), "unseen");
  }
}

TEST(UnmonitoredTest, OtherHosts_HaveNoSuchAddress) {
  HostId host = UnmonitoredHost(*ParseIpAddress("10.0.0.5"));
  host.boot.bytes[0] ^= 1;
  EXPECT_FALSE(UnmonitoredAddress(host).has_value());
  EXPECT_FALSE(UnmonitoredAddress({}).has_value());
}

}  // namespace
}  // namespace hoptrail::model
