#include "agent/health/service_manager.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>

namespace hoptrail::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kNsInSecond = 1'000'000'000;

class ServiceManagerTest : public ::testing::TestWithParam<std::string> {
 protected:
  ServiceManagerTest() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    const std::string path = GetParam() + std::to_string(::getpid());
    sockaddr_un address = {.sun_family = AF_UNIX};
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path[0] == '@') address.sun_path[0] = '\0';
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                     offsetof(sockaddr_un, sun_path) + path.size()),
              0);
    if (path[0] != '@') path_ = path;
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ::unsetenv("WATCHDOG_USEC");
  }
  ~ServiceManagerTest() override {
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
    std::filesystem::remove(path_);
  }

  std::vector<std::string> Received() {
    std::vector<std::string> all;
    char text[64];
    for (ssize_t size; (size = ::read(socket_.get(), text, sizeof(text))) > 0;) {
      all.emplace_back(text, static_cast<size_t>(size));
    }
    return all;
  }

  UniqueFd socket_;
  std::string path_;
};

TEST_P(ServiceManagerTest, ReadyAndStopping_AreSent) {
  const ServiceManager manager = ServiceManager::FromEnvironment();
  manager.NotifyReady();
  manager.NotifyStopping();
  EXPECT_THAT(Received(), ElementsAre("READY=1", "STOPPING=1"));
}

TEST_P(ServiceManagerTest, KeepAlive_SendsTwiceWithinTheWatchdogTime) {
  ::setenv("WATCHDOG_USEC", "20000000", 1);
  ServiceManager manager = ServiceManager::FromEnvironment();
  for (uint64_t second = 100; second < 125; ++second) manager.KeepAlive(second * kNsInSecond);
  EXPECT_THAT(Received(), ElementsAre("WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"));
}

TEST_P(ServiceManagerTest, KeepAliveWithoutWatchdog_SendsNothing) {
  ServiceManager manager = ServiceManager::FromEnvironment();
  manager.KeepAlive(100 * kNsInSecond);
  EXPECT_THAT(Received(), IsEmpty());
}

TEST_P(ServiceManagerTest, MissingOrClosedSocket_IsIgnored) {
  ServiceManager manager = ServiceManager::FromEnvironment();
  socket_.reset();
  manager.NotifyReady();
  ::setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
  EXPECT_LT(ServiceManager::FromEnvironment().fd(), 0);
  ::setenv("NOTIFY_SOCKET", std::string(200, 'x').c_str(), 1);
  EXPECT_LT(ServiceManager::FromEnvironment().fd(), 0);
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_LT(ServiceManager::FromEnvironment().fd(), 0);
}

INSTANTIATE_TEST_SUITE_P(Sockets, ServiceManagerTest,
                         ::testing::Values("/tmp/hoptrail-notify-", "@hoptrail-notify-"));

}  // namespace
}  // namespace hoptrail::agent
