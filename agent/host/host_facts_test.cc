#include "agent/host/host_facts.h"

#include <sched.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

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
}

// A child process in a network namespace of its own gives its only interface an address more. The
// interface has the loopback addresses as well.
TEST(HostFacts, InterfaceAddresses_AreThoseOfInterfacesThatAreUpWithoutLoopback) {
  enum Outcome { kRight, kNoNamespace, kNoInterface, kLoopback, kWrong, kOfInterfaceThatIsDown };
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
      ::_exit(kNoNamespace);
    }
    const int control = ::socket(AF_INET, SOCK_DGRAM, 0);
    ifreq up = {};
    std::strcpy(up.ifr_name, "lo");
    up.ifr_flags = IFF_UP | IFF_RUNNING;
    ifreq address = {};
    std::strcpy(address.ifr_name, "lo:1");
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.ifr_addr);
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(0xc0000207);
    if (::ioctl(control, SIOCSIFFLAGS, &up) != 0) ::_exit(kNoInterface);
    if (!InterfaceAddresses().empty()) ::_exit(kLoopback);
    if (::ioctl(control, SIOCSIFADDR, &address) != 0) ::_exit(kNoInterface);
    const std::vector<model::IpAddress> addresses = InterfaceAddresses();
    if (addresses.size() != 1 || model::ToString(addresses[0]) != "192.0.2.7") ::_exit(kWrong);
    up.ifr_flags = 0;
    if (::ioctl(control, SIOCSIFFLAGS, &up) != 0) ::_exit(kNoInterface);
    ::_exit(InterfaceAddresses().empty() ? kRight : kOfInterfaceThatIsDown);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), kRight);
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
