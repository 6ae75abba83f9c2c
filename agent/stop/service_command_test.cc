#include "agent/stop/service_command.h"

#include <vector>

#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

constexpr char kUnit[] = "hoptrail-agent.service";

model::Image Command(const std::string& path, std::vector<std::string> arguments) {
  model::Image image;
  image.path = path;
  image.arguments = std::move(arguments);
  return image;
}

bool Systemctl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "systemctl");
  return MayStopService(Command("/usr/bin/systemctl", std::move(arguments)), kUnit);
}

TEST(MayStopService, SystemctlThatStopsTheUnit_Matches) {
  EXPECT_TRUE(Systemctl({"stop", "hoptrail-agent"}));
  EXPECT_TRUE(Systemctl({"stop", "hoptrail-agent.service"}));
  EXPECT_TRUE(Systemctl({"--no-block", "restart", "cron", "hoptrail-agent"}));
  EXPECT_TRUE(Systemctl({"stop", "hop*"}));
  EXPECT_TRUE(Systemctl({"kill", "-s", "KILL", "*agent.service"}));
  EXPECT_TRUE(Systemctl({"disable", "--now", "hoptrail-agent"}));
  EXPECT_TRUE(Systemctl({"stop", "system.slice"}));
  EXPECT_TRUE(Systemctl({"isolate", "rescue.target"}));
  EXPECT_TRUE(Systemctl({"rescue"}));
}

TEST(MayStopService, SystemctlThatDoesNotStopTheUnit_DoesNotMatch) {
  EXPECT_FALSE(Systemctl({"status", "hoptrail-agent"}));
  EXPECT_FALSE(Systemctl({"reload", "hoptrail-agent"}));
  EXPECT_FALSE(Systemctl({"stop", "cron"}));
  EXPECT_FALSE(Systemctl({"stop", "hoptrail-collector"}));
  EXPECT_FALSE(Systemctl({"hoptrail-agent", "stop"}));
  EXPECT_FALSE(Systemctl({"reboot"}));
  EXPECT_FALSE(Systemctl({}));
}

TEST(MayStopService, OtherProgramThatNamesTheUnit_Matches) {
  EXPECT_TRUE(MayStopService(
      Command("/usr/bin/busctl", {"busctl", "call", "org.freedesktop.systemd1",
                                  "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                  "StopUnit", "ss", "hoptrail-agent.service", "replace"}),
      kUnit));
  EXPECT_TRUE(MayStopService(
      Command("/usr/bin/dash", {"/bin/sh", "/usr/sbin/service", "hoptrail-agent", "stop"}), kUnit));
  EXPECT_FALSE(MayStopService(
      Command("/usr/bin/journalctl", {"journalctl", "-fu", "hoptrail-agent"}), kUnit));
  EXPECT_FALSE(MayStopService(Command("/usr/bin/docker", {"docker", "stop", "web"}), kUnit));
}

TEST(MayStopService, AgentWithoutAUnit_ContainerRuntimeCommandMatches) {
  EXPECT_TRUE(MayStopService(Command("/usr/bin/docker", {"docker", "stop", "whatever"}), ""));
  EXPECT_TRUE(MayStopService(Command("/usr/local/bin/crictl", {"crictl", "rm", "-f", "3f2a"}), ""));
  EXPECT_FALSE(MayStopService(Command("/usr/bin/docker", {"docker", "ps"}), ""));
  EXPECT_TRUE(
      MayStopService(Command("/usr/bin/systemctl", {"systemctl", "stop", "hoptrail-agent"}), ""));
}

}  // namespace
}  // namespace hoptrail::agent
