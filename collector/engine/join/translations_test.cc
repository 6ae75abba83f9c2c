#include "collector/engine/join/translations.h"

#include <gtest/gtest.h>

namespace hoptrail::collector::engine {
namespace {

model::MachineId Behind(uint8_t number) {
  model::MachineId id;
  id.bytes[0] = number;
  return id;
}

const model::IpAddress kOuter = *model::ParseIpAddress("203.0.113.7");
const model::IpAddress kOther = *model::ParseIpAddress("203.0.113.9");

class TranslationsTest : public testing::Test {
 protected:
  AddressOwners owners_;
  Translations translations_{&owners_};
};

TEST_F(TranslationsTest, ConfiguredNetwork_IsKnownForEveryMachine) {
  EXPECT_FALSE(translations_.Knows(Behind(1), kOuter));
  translations_.Configure(
      {*model::ParseIpPrefix("10.0.0.1"), *model::ParseIpPrefix("203.0.113.0/29")});
  EXPECT_TRUE(translations_.Knows(Behind(1), kOuter));
  EXPECT_FALSE(translations_.Knows(Behind(1), kOther));
  translations_.Configure({});
  EXPECT_FALSE(translations_.Knows(Behind(1), kOuter));
}

TEST_F(TranslationsTest, AddressOfOneMachinesStream_IsNotKnown) {
  translations_.SetStream(Behind(1), kOuter);
  translations_.SetStream(Behind(1), kOuter);
  EXPECT_FALSE(translations_.Knows(Behind(1), kOuter)) << "it may be where a thief connects from";
}

TEST_F(TranslationsTest, AddressOfTwoMachinesStreams_IsKnownForThem) {
  translations_.SetStream(Behind(1), kOuter);
  translations_.SetStream(Behind(2), kOuter);
  translations_.SetStream(Behind(3), kOther);
  EXPECT_TRUE(translations_.Knows(Behind(1), kOuter));
  EXPECT_TRUE(translations_.Knows(Behind(2), kOuter));
  EXPECT_FALSE(translations_.Knows(Behind(3), kOuter)) << "its stream comes from elsewhere";
  translations_.SetStream(Behind(2), kOther);
  EXPECT_FALSE(translations_.Knows(Behind(1), kOuter)) << "one is left";
}

TEST_F(TranslationsTest, MachineThatHasTheAddress_IsNotBehindIt) {
  owners_.Set(Behind(1), {kOuter});
  translations_.SetStream(Behind(1), kOuter);
  translations_.SetStream(Behind(2), kOuter);
  EXPECT_FALSE(translations_.Knows(Behind(2), kOuter));
  translations_.SetStream(Behind(3), kOuter);
  EXPECT_TRUE(translations_.Knows(Behind(2), kOuter));
}

}  // namespace
}  // namespace hoptrail::collector::engine
