#include "collector/engine/graph/host_names.h"

#include <string>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::collector::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

model::HostId Host(uint8_t machine, uint8_t boot = 1) {
  model::HostId host;
  host.machine.bytes[0] = machine;
  host.boot.bytes[0] = boot;
  return host;
}

TEST(HostNamesTest, NameOfOneMachine_IsItsLabel) {
  HostNames names;
  EXPECT_EQ(names.Label(Host(1)), "");
  EXPECT_THAT(names.Set(Host(1), "web1").relabelled, ElementsAre(Host(1)));
  EXPECT_THAT(names.Set(Host(1), "web1").relabelled, IsEmpty());
  EXPECT_THAT(names.Set(Host(1), "").relabelled, IsEmpty());
  names.Set(Host(1, 2), "web1");
  EXPECT_EQ(names.Label(Host(1)), "web1") << "boots of one machine share its name";
  EXPECT_EQ(names.OtherMachine("web1", Host(1).machine), std::nullopt);
}

TEST(HostNamesTest, NameOfTwoMachines_IsLabelledWithTheMachineIds) {
  HostNames names;
  names.Set(Host(1), "web1");
  names.Set(Host(2), "web2");
  EXPECT_THAT(names.Set(Host(2), "web1").relabelled, UnorderedElementsAre(Host(1), Host(2)));
  EXPECT_EQ(names.Label(Host(1)), "web1 (01000000)");
  EXPECT_EQ(names.Label(Host(2)), "web1 (02000000)");
  EXPECT_EQ(names.Name(Host(2)), "web1");
  EXPECT_EQ(names.OtherMachine("web1", Host(2).machine), Host(1).machine);
  EXPECT_THAT(names.Set(Host(3), "web1").relabelled, ElementsAre(Host(3)));
}

TEST(HostNamesTest, NameThatAnotherMachineHad_StaysShared) {
  HostNames names;
  names.Set(Host(1), "web1");
  names.Set(Host(2), "web1");
  EXPECT_THAT(names.Set(Host(2), "web2").relabelled, ElementsAre(Host(2)))
      << "a host that changes its name all the time costs the others nothing";
  EXPECT_EQ(names.Label(Host(1)), "web1 (01000000)");
  EXPECT_EQ(names.Label(Host(2)), "web2");
  names.Forget(Host(2));
  EXPECT_EQ(names.Label(Host(1)), "web1");
}

TEST(HostNamesTest, TooManyNames_AreRefused) {
  HostNames names;
  names.Set(Host(2), "web");
  for (size_t i = 0; i < HostNames::kMaxNamesOfMachine; ++i) {
    EXPECT_FALSE(names.Set(Host(1), absl::StrCat("web", i)).refused);
  }
  const HostNames::Change change = names.Set(Host(1), "web");
  EXPECT_TRUE(change.refused);
  EXPECT_THAT(change.relabelled, IsEmpty());
  EXPECT_EQ(names.Label(Host(2)), "web");
  EXPECT_FALSE(names.Set(Host(1), "web3").refused) << "it had this one before";
  EXPECT_EQ(names.Name(Host(1)), "web3");
}

TEST(HostNamesTest, ForgottenBoot_LeavesTheNamesToItsMachine) {
  HostNames names;
  names.Set(Host(1, 1), "web1");
  names.Set(Host(1, 2), "web1");
  names.Set(Host(2), "web1");
  names.Forget(Host(1, 1));
  EXPECT_EQ(names.Label(Host(2)), "web1 (02000000)");
  names.Forget(Host(1, 2));
  EXPECT_EQ(names.Label(Host(2)), "web1");
  names.Forget(Host(2));
  EXPECT_EQ(names.Label(Host(2)), "");
}

}  // namespace
}  // namespace hoptrail::collector::engine
