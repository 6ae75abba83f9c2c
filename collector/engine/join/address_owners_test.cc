#include "collector/engine/join/address_owners.h"

#include <gtest/gtest.h>

namespace hoptrail::collector::engine {
namespace {

model::MachineId Machine(uint8_t number) {
  model::MachineId id;
  id.bytes[0] = number;
  return id;
}

model::IpAddress Ip(const char* text) { return *model::ParseIpAddress(text); }

class AddressOwnersTest : public testing::Test {
 protected:
  AddressOwnersTest() {
    owners_.Set(Machine(1), {Ip("10.0.0.1"), Ip("172.17.0.1")});
    owners_.Set(Machine(2), {Ip("10.0.0.2"), Ip("172.17.0.1")});
    client_.host.machine = Machine(1);
    server_.host.machine = Machine(2);
    client_.flow = server_.flow = {{Ip("10.0.0.1"), 40000}, {Ip("10.0.0.2"), 22}};
  }
  AddressFit Fit() const { return owners_.Fit(client_, server_); }

  AddressOwners owners_;
  model::HopEnd client_, server_;
};

TEST_F(AddressOwnersTest, OwnAddressesOfOneFlow_FitBest) {
  EXPECT_EQ(Fit(), AddressFit::kSame);
  client_.host.boot.bytes[0] = 7;
  EXPECT_EQ(Fit(), AddressFit::kSame) << "another boot of the machine";
}

TEST_F(AddressOwnersTest, UnknownAddresses_MayBeTranslated) {
  server_.flow.client.address = Ip("192.0.2.1");
  EXPECT_EQ(Fit(), AddressFit::kTranslated);
  client_.flow = server_.flow;
  EXPECT_EQ(Fit(), AddressFit::kTranslated) << "its own address is not one that it has reported";
}

TEST_F(AddressOwnersTest, AddressOfAnotherMachine_DoesNotFit) {
  owners_.Set(Machine(3), {Ip("10.0.0.3")});
  server_.flow.client.address = Ip("10.0.0.3");
  EXPECT_EQ(Fit(), AddressFit::kForeign);
  owners_.Set(Machine(3), {Ip("10.0.0.4")});
  EXPECT_EQ(Fit(), AddressFit::kTranslated) << "no longer its address";
}

TEST_F(AddressOwnersTest, AddressThatTwoMachinesReport_IsEithers) {
  client_.flow.client.address = server_.flow.client.address = Ip("172.17.0.1");
  EXPECT_EQ(Fit(), AddressFit::kSame);
}

TEST_F(AddressOwnersTest, MachineWithTooManyAddresses_IsBounded) {
  std::vector<model::IpAddress> many;
  for (int i = 0; i < 200; ++i) many.push_back(Ip(("10.1.0." + std::to_string(i)).c_str()));
  owners_.Set(Machine(3), many);
  server_.flow.client.address = Ip("10.1.0.0");
  EXPECT_EQ(Fit(), AddressFit::kForeign);
  server_.flow.client.address = Ip("10.1.0.199");
  EXPECT_EQ(Fit(), AddressFit::kTranslated);
}

}  // namespace
}  // namespace hoptrail::collector::engine
