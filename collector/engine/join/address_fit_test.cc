#include "collector/engine/join/address_fit.h"

#include <vector>

#include <gtest/gtest.h>

namespace hoptrail::collector::engine {
namespace {

model::MachineId FitMachine(uint8_t number) {
  model::MachineId id;
  id.bytes[0] = number;
  return id;
}

model::IpAddress FitIp(const char* text) { return *model::ParseIpAddress(text); }

// Machine 1 (10.0.0.1) connects to machine 2 (10.0.0.2). Machine 3 has 10.0.0.3.
class AddressFitTest : public testing::Test {
 protected:
  AddressFitTest() {
    owners_.Set(FitMachine(1), {FitIp("10.0.0.1"), FitIp("172.17.0.1")});
    owners_.Set(FitMachine(2), {FitIp("10.0.0.2"), FitIp("172.17.0.1")});
    owners_.Set(FitMachine(3), {FitIp("10.0.0.3")});
    client_.side = model::HopSide::kClient;
    client_.host.machine = FitMachine(1);
    server_.side = model::HopSide::kServer;
    server_.host.machine = FitMachine(2);
    client_.flow = server_.flow = {{FitIp("10.0.0.1"), 40000}, {FitIp("10.0.0.2"), 22}};
  }
  AddressFit Fit() const { return fits_.Of(client_, server_); }
  // The class if the server sees the client under that address.
  AddressFit FitOfClientSeenAs(const char* address) {
    server_.flow.client.address = FitIp(address);
    return Fit();
  }

  AddressOwners owners_;
  Translations translations_{&owners_};
  const AddressFits fits_{&owners_, &translations_};
  model::HopEnd client_, server_;
};

TEST_F(AddressFitTest, OwnAddressesOfOneFlow_AreTheSame) {
  EXPECT_EQ(Fit(), AddressFit::kSame);
  client_.host.boot.bytes[0] = 7;
  EXPECT_EQ(Fit(), AddressFit::kSame) << "another boot of the machine";
  client_.flow.client.address = server_.flow.client.address = FitIp("172.17.0.1");
  EXPECT_EQ(Fit(), AddressFit::kSame) << "two machines have reported it";
  client_.flow.client.port = 1;
  EXPECT_EQ(Fit(), AddressFit::kTranslated);
}

TEST_F(AddressFitTest, AddressThatIsNotPublic_MayBeTranslatedOrAContainers) {
  for (const char* address : {"10.9.9.9", "192.168.1.1", "172.30.0.1", "100.64.1.1", "169.254.7.7",
                              "fe80::7", "fd00::7", "172.17.0.1"}) {
    EXPECT_EQ(FitOfClientSeenAs(address), AddressFit::kTranslated) << address;
    EXPECT_TRUE(IsProof(Fit()));
  }
  client_.flow.client.address = server_.flow.client.address = FitIp("10.244.0.7");
  EXPECT_EQ(Fit(), AddressFit::kTranslated) << "a container's";
}

TEST_F(AddressFitTest, UnknownPublicAddress_IsAnOutsiders) {
  for (const char* address : {"198.51.100.9", "2001:db8::9"}) {
    EXPECT_EQ(FitOfClientSeenAs(address), AddressFit::kOutside) << address;
    EXPECT_FALSE(IsProof(Fit()));
  }
  client_.flow.client.address = server_.flow.client.address = FitIp("198.51.100.9");
  EXPECT_EQ(Fit(), AddressFit::kOutside) << "the client's host has not reported it";
}

TEST_F(AddressFitTest, UnknownPublicServer_IsAnOutsiders) {
  client_.flow.server.address = FitIp("198.51.100.9");
  EXPECT_EQ(Fit(), AddressFit::kOutside);
  translations_.Configure({*model::ParseIpPrefix("198.51.100.0/24")});
  EXPECT_EQ(Fit(), AddressFit::kTranslated);
}

TEST_F(AddressFitTest, AddressOfAnotherMachine_IsForeign) {
  EXPECT_EQ(FitOfClientSeenAs("10.0.0.3"), AddressFit::kForeign) << "the server saw machine 3";
  EXPECT_FALSE(IsProof(Fit()));
  owners_.Set(FitMachine(3), {FitIp("10.0.0.4")});
  EXPECT_EQ(Fit(), AddressFit::kTranslated) << "no longer its address";
  client_.flow.client.address = FitIp("10.0.0.4");
  EXPECT_EQ(Fit(), AddressFit::kForeign) << "the client's own view has machine 3's address";
}

TEST_F(AddressFitTest, LoopbackConnection_StaysOnItsMachine) {
  client_.flow = server_.flow = {{FitIp("127.0.0.1"), 40000}, {FitIp("127.0.0.1"), 22}};
  EXPECT_EQ(Fit(), AddressFit::kForeign);
  client_.host = server_.host;
  EXPECT_EQ(Fit(), AddressFit::kSame);
}

TEST_F(AddressFitTest, ConfiguredTranslation_IsNobodysOwn) {
  translations_.Configure({*model::ParseIpPrefix("10.0.0.3")});
  EXPECT_EQ(FitOfClientSeenAs("10.0.0.3"), AddressFit::kTranslated)
      << "whatever machine 3 has reported";
  client_.host.machine = FitMachine(3);
  client_.flow = server_.flow;
  EXPECT_EQ(Fit(), AddressFit::kTranslated);
  EXPECT_FALSE(fits_.OwnsItsAddress(client_));
  EXPECT_TRUE(fits_.OwnsItsAddress(server_));
}

}  // namespace
}  // namespace hoptrail::collector::engine
