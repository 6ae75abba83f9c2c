#include "core/model/ids.h"

#include <vector>

#include <gtest/gtest.h>

namespace hoptrail::model {
namespace {

TEST(IdsTest, Ids_AreOrderedAsTheirDigits) {
  std::vector<SessionId> ids;
  for (const char* text :
       {"00000000000000000000000000000001", "00000000000000000100000000000000",
        "000000000000000001000000000000ff", "00000000000000020000000000000000",
        "01000000000000000000000000000000", "ff000000000000000000000000000000"}) {
    ids.push_back(*ParseId<SessionId>(text));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    for (size_t j = 0; j < ids.size(); ++j) {
      EXPECT_EQ(ids[i] < ids[j], i < j) << i << " " << j;
      EXPECT_EQ(ids[i] == ids[j], i == j) << i << " " << j;
    }
    EXPECT_FALSE(ids[i].empty());
  }
  EXPECT_TRUE(SessionId().empty());
}

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
