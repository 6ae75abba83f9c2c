#include "collector/engine/join/address_owners.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::collector::engine {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

model::MachineId Machine(uint8_t number) {
  model::MachineId id;
  id.bytes[0] = number;
  return id;
}

model::IpAddress Ip(const char* text) { return *model::ParseIpAddress(text); }

TEST(AddressOwnersTest, ReportedAddress_IsForeignToOtherMachinesOnly) {
  AddressOwners owners;
  owners.Set(Machine(1), {Ip("10.0.0.1")});
  EXPECT_TRUE(owners.Owns(Machine(1), Ip("10.0.0.1")));
  EXPECT_FALSE(owners.Owns(Machine(2), Ip("10.0.0.1")));
  EXPECT_TRUE(owners.IsForeign(Machine(2), Ip("10.0.0.1")));
  EXPECT_FALSE(owners.IsForeign(Machine(1), Ip("10.0.0.1")));
  EXPECT_FALSE(owners.IsForeign(Machine(1), Ip("10.0.0.9"))) << "nobody has reported it";
}

TEST(AddressOwnersTest, AddressThatTwoMachinesReport_IsEithers) {
  AddressOwners owners;
  owners.Set(Machine(1), {Ip("172.17.0.1")});
  owners.Set(Machine(2), {Ip("172.17.0.1")});
  for (uint8_t machine : {1, 2}) EXPECT_TRUE(owners.Owns(Machine(machine), Ip("172.17.0.1")));
  owners.Set(Machine(1), {});
  EXPECT_TRUE(owners.IsForeign(Machine(1), Ip("172.17.0.1")));
  EXPECT_TRUE(owners.Owns(Machine(2), Ip("172.17.0.1")));
}

TEST(AddressOwnersTest, NewList_ReplacesTheOldOneAndGivesTheDifference) {
  AddressOwners owners;
  EXPECT_THAT(owners.Set(Machine(1), {Ip("10.0.0.2"), Ip("10.0.0.1"), Ip("10.0.0.1")}),
              UnorderedElementsAre(Ip("10.0.0.1"), Ip("10.0.0.2")));
  EXPECT_THAT(owners.Set(Machine(1), {Ip("10.0.0.1"), Ip("10.0.0.2")}), IsEmpty());
  EXPECT_THAT(owners.Set(Machine(1), {Ip("10.0.0.3"), Ip("10.0.0.1")}),
              UnorderedElementsAre(Ip("10.0.0.2"), Ip("10.0.0.3")));
  EXPECT_FALSE(owners.IsForeign(Machine(2), Ip("10.0.0.2")));
}

TEST(AddressOwnersTest, MachineWithTooManyAddresses_IsBounded) {
  AddressOwners owners;
  std::vector<model::IpAddress> many;
  for (int i = 0; i < 200; ++i) many.push_back(Ip(("10.1.0." + std::to_string(i)).c_str()));
  owners.Set(Machine(3), many);
  EXPECT_TRUE(owners.Owns(Machine(3), Ip("10.1.0.0")));
  EXPECT_FALSE(owners.Owns(Machine(3), Ip("10.1.0.199")));
}

}  // namespace
}  // namespace hoptrail::collector::engine
