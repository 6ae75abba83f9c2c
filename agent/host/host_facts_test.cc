#include "agent/host/host_facts.h"

#include <fstream>

#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

TEST(HostFacts, MachineIdFile_GivesTheHostId) {
  const std::string path = testing::TempDir() + "/machine-id_test";
  std::ofstream(path) << "0123456789abcdef0123456789abcdef\n";
  const auto host = ReadHostId(path);
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(model::ToString(host->machine), "0123456789abcdef0123456789abcdef");
  EXPECT_FALSE(host->boot.empty());
  std::ofstream(path) << "uninitialized\n";
  EXPECT_FALSE(ReadHostId(path).ok());
  std::ofstream(path) << std::string(32, '0');
  EXPECT_FALSE(ReadHostId(path).ok());
  EXPECT_EQ(ReadHostId(path + ".absent").status().code(), absl::StatusCode::kNotFound);
}

TEST(HostFacts, NetworkNamespace_IsFoundByNameOrPath) {
  const auto self = NetworkNamespaceInode("self");
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_NE(*self, 0u);
  EXPECT_EQ(*NetworkNamespaceInode("/proc/self/ns/net"), *self);
  EXPECT_FALSE(NetworkNamespaceInode("/nowhere").ok());
}

TEST(HostFacts, SystemValues_ArePlausible) {
  EXPECT_FALSE(SystemHostName().empty());
  EXPECT_GT(ResidentBytes(), uint64_t{1} << 20);
  for (const model::IpAddress& address : InterfaceAddresses()) {
    EXPECT_FALSE(address.is_loopback() || address.is_link_local());
  }
}

TEST(UnitOfCgroup, SeveralServices_TheLastIsTheUnit) {
  EXPECT_EQ(UnitOfCgroup("0::/system.slice/hoptrail-agent.service\n"), "hoptrail-agent.service");
  EXPECT_EQ(
      UnitOfCgroup("12:memory:/x.service\n"
                   "1:name=systemd:/user.slice/user@0.service/app.slice/sensor.service/sub\n"),
      "sensor.service");
  EXPECT_EQ(UnitOfCgroup("0::/kubepods/besteffort/pod1/3f2a\n"), "");
  EXPECT_EQ(UnitOfCgroup("0::/\n"), "");
  EXPECT_EQ(UnitOfCgroup(""), "");
  EXPECT_EQ(UnitOfCgroup(":\n::"), "");
}

}  // namespace
}  // namespace hoptrail::agent
