#include "agent/kernel/uprobes/file_key.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

class FileKeyTest : public testing::Test {
 protected:
  FileKeyTest() : directory_(testing::TempDir() + "file_key_" + std::to_string(getpid())) {
    std::filesystem::create_directory(directory_);
    std::ofstream(directory_ + "/one") << "x";
    std::ofstream(directory_ + "/two") << "x";
  }
  ~FileKeyTest() override { std::filesystem::remove_all(directory_); }

  const std::string directory_;
};

TEST_F(FileKeyTest, TwoPathsOfOneFile_HaveTheSameKey) {
  std::filesystem::create_hard_link(directory_ + "/one", directory_ + "/hard");
  std::filesystem::create_symlink("one", directory_ + "/soft");
  const auto one = FileKeyOf(directory_ + "/one");
  ASSERT_TRUE(one.has_value());
  EXPECT_NE(one, FileKeyOf(directory_ + "/two"));
  EXPECT_EQ(FileKeyOf(directory_ + "/soft"), FileKeyOf(directory_ + "/one"));
  EXPECT_EQ(FileKeyOf(directory_ + "/hard"), FileKeyOf(directory_ + "/one"));
}

TEST_F(FileKeyTest, DirectoryOrMissingFile_HasNoKey) {
  EXPECT_FALSE(FileKeyOf(directory_).has_value());
  EXPECT_FALSE(FileKeyOf(directory_ + "/missing").has_value());
}

}  // namespace
}  // namespace hoptrail::agent::kernel
