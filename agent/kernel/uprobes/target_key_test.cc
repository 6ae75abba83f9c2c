#include "agent/kernel/uprobes/target_key.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

class TargetKeyTest : public testing::Test {
 protected:
  TargetKeyTest() : directory_(testing::TempDir() + "target_key_" + std::to_string(getpid())) {
    std::filesystem::create_directory(directory_);
    std::ofstream(directory_ + "/one") << "x";
    std::ofstream(directory_ + "/two") << "x";
  }
  ~TargetKeyTest() override { std::filesystem::remove_all(directory_); }

  const std::string directory_;
};

TEST_F(TargetKeyTest, TwoPathsOfOneFile_HaveTheSameKey) {
  std::filesystem::create_hard_link(directory_ + "/one", directory_ + "/hard");
  std::filesystem::create_symlink("one", directory_ + "/soft");
  const auto one = TargetKeyOf(directory_ + "/one");
  ASSERT_TRUE(one.has_value());
  EXPECT_NE(one, TargetKeyOf(directory_ + "/two"));
  EXPECT_EQ(TargetKeyOf(directory_ + "/soft"), TargetKeyOf(directory_ + "/one"));
  EXPECT_EQ(TargetKeyOf(directory_ + "/hard"), TargetKeyOf(directory_ + "/one"));
}

TEST_F(TargetKeyTest, DirectoryOrMissingFile_HasNoKey) {
  EXPECT_FALSE(TargetKeyOf(directory_).has_value());
  EXPECT_FALSE(TargetKeyOf(directory_ + "/missing").has_value());
}

}  // namespace
}  // namespace hoptrail::agent::kernel
