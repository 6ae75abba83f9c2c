#include "core/base/read_file.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace hoptrail {
namespace {

using ::testing::HasSubstr;

class ReadFileTest : public testing::Test {
 protected:
  ReadFileTest() { ::unlink(path_.c_str()); }
  ~ReadFileTest() override { ::unlink(path_.c_str()); }

  const std::string path_ = testing::TempDir() + "/read_file_test";
};

TEST_F(ReadFileTest, WholeFile_IsReturned) {
  const std::string text(40'000, 'x');
  std::ofstream(path_) << text;
  EXPECT_EQ(ReadFile(path_, text.size()).value_or(""), text);
}

TEST_F(ReadFileTest, LargerFile_IsRefusedByName) {
  std::ofstream(path_) << "12345";
  EXPECT_THAT(std::string(ReadFile(path_, 4).status().message()),
              HasSubstr(path_ + ": larger than 4 bytes"));
}

TEST_F(ReadFileTest, MissingFileOrDirectory_IsRefusedByName) {
  EXPECT_THAT(std::string(ReadFile(path_, 4).status().message()), HasSubstr(path_));
  EXPECT_FALSE(ReadFile(testing::TempDir(), 4).ok());
}

TEST_F(ReadFileTest, Fifo_DoesNotBlock) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(ReadFile(path_, 4).value_or("none"), "");
}

}  // namespace
}  // namespace hoptrail
