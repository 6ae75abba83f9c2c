#include "core/config/file_checks.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/fsuid.h>
#include <sys/stat.h>

namespace hoptrail::config {
namespace {

using ::testing::HasSubstr;

// While it lives, this thread uses files as a user that owns none of them: root may use all files,
// whatever their modes.
class AsNobody {
 public:
  AsNobody() {
    if (::geteuid() == 0) ::setfsuid(65534);
  }
  ~AsNobody() { ::setfsuid(::geteuid()); }
};

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

class FileChecks : public ::testing::Test {
 protected:
  FileChecks() {
    char directory[] = "/tmp/hoptrail-checks-XXXXXX";
    EXPECT_NE(::mkdtemp(directory), nullptr);
    directory_ = directory;
    ::chmod(directory, 0755);
    ::mkdir((directory_ + "/shut").c_str(), 0555);
    std::ofstream(directory_ + "/file") << "x";
    ::chmod((directory_ + "/file").c_str(), 0444);
  }
  ~FileChecks() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
};

TEST_F(FileChecks, WritableDirectory_ExistsOrCanBeCreated) {
  EXPECT_TRUE(CheckWritableDirectory(directory_).ok());
  EXPECT_TRUE(CheckWritableDirectory(directory_ + "/").ok());
  EXPECT_TRUE(CheckWritableDirectory(directory_ + "/a/b/c").ok());
  EXPECT_THAT(MessageOf(CheckWritableDirectory(directory_ + "/file")),
              HasSubstr("/file: is no directory"));
  EXPECT_THAT(MessageOf(CheckWritableDirectory(directory_ + "/file/a")),
              HasSubstr("Not a directory"));
  const AsNobody nobody;
  EXPECT_THAT(MessageOf(CheckWritableDirectory(directory_ + "/shut")),
              HasSubstr("/shut: Permission denied: it must be writable"));
  EXPECT_THAT(MessageOf(CheckWritableDirectory(directory_ + "/shut/a/b")),
              HasSubstr("/shut/a/b cannot be created there"));
}

TEST_F(FileChecks, WritableFile_ExistsOrCanBeCreated) {
  EXPECT_TRUE(CheckWritableFile(directory_ + "/new").ok());
  EXPECT_THAT(MessageOf(CheckWritableFile(directory_)), HasSubstr("is a directory"));
  const AsNobody nobody;
  EXPECT_THAT(MessageOf(CheckWritableFile(directory_ + "/file")),
              HasSubstr("/file: Permission denied"));
  EXPECT_THAT(MessageOf(CheckWritableFile(directory_ + "/shut/new")),
              HasSubstr("/shut: Permission"));
}

TEST_F(FileChecks, IsOpenToOthers_GoesByMode) {
  EXPECT_TRUE(IsOpenToOthers(directory_ + "/file"));
  ::chmod((directory_ + "/file").c_str(), 0440);
  EXPECT_FALSE(IsOpenToOthers(directory_ + "/file"));
  EXPECT_FALSE(IsOpenToOthers(directory_ + "/absent"));
}

}  // namespace
}  // namespace hoptrail::config
