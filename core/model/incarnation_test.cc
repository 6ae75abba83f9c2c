#include "core/model/incarnation.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace hoptrail::model {
namespace {

TEST(Incarnation, AssumedBoots_DifferAndAreRecognized) {
  HostId host;
  host.machine.bytes.fill(1);
  host.boot.bytes.fill(0x84);
  Nonce one, other;
  one.bytes.fill(1);
  other.bytes.fill(2);
  const BootId assumed = AssumedBoot(host, one);
  EXPECT_TRUE(IsAssumed(assumed));
  EXPECT_NE(assumed, AssumedBoot(host, other));
  EXPECT_EQ(assumed, AssumedBoot(host, one));
  EXPECT_NE(assumed, host.boot);
  host.boot = assumed;
  EXPECT_NE(assumed, AssumedBoot(host, one)) << "an assumed host may get an assumed boot again";
}

TEST(Incarnation, KernelBootId_IsNotAssumed) {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  ASSERT_TRUE(std::getline(file, text));
  EXPECT_FALSE(IsAssumed(*ParseId<BootId>(text)));
  EXPECT_FALSE(IsAssumed(BootId()));
}

}  // namespace
}  // namespace hoptrail::model
