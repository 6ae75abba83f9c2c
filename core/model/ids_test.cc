#include "core/model/ids.h"

#include <gtest/gtest.h>

namespace hoptrail::model {
namespace {

TEST(IdsTest, BootIdWithOrWithoutDashes_IsParsed) {
  const auto dashed = ParseId<BootId>("01234567-89ab-cdef-0123-456789abcdef");
  const auto plain = ParseId<BootId>("0123456789ABCDEF0123456789abcdef");
  ASSERT_TRUE(dashed.ok());
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(*dashed, *plain);
  EXPECT_EQ(ToString(*dashed), "0123456789abcdef0123456789abcdef");
}

TEST(IdsTest, MalformedId_IsRefused) {
  EXPECT_FALSE(ParseId<SessionId>("").ok());
  EXPECT_FALSE(ParseId<SessionId>("0123456789abcdef0123456789abcdeg").ok());
  EXPECT_FALSE(ParseId<SessionId>("0123456789abcdef0123456789abcdef00").ok());
  EXPECT_FALSE(ParseHostId("0123456789abcdef0123456789abcdef").ok());
}

TEST(IdsTest, HostId_RoundTrips) {
  const HostId host{*ParseId<MachineId>("11111111111111111111111111111111"),
                    *ParseId<BootId>("22222222222222222222222222222222")};
  EXPECT_EQ(*ParseHostId(ToString(host)), host);
}

TEST(IdsTest, SessionIds_DifferByHostBootAndProcess) {
  HostId host{*ParseId<MachineId>("11111111111111111111111111111111"),
              *ParseId<BootId>("22222222222222222222222222222222")};
  const SessionId id = DeriveSessionId(host, {100, 5});
  EXPECT_EQ(id, DeriveSessionId(host, {100, 5}));
  EXPECT_NE(id, DeriveSessionId(host, {100, 6}));
  EXPECT_NE(id, DeriveSessionId(host, {101, 5}));
  host.boot.bytes[0] ^= 1;
  EXPECT_NE(id, DeriveSessionId(host, {100, 5}));
}

}  // namespace
}  // namespace hoptrail::model
