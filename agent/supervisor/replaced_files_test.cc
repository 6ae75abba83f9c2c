#include "agent/supervisor/replaced_files.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"

namespace hoptrail::agent::supervisor {
namespace {

class ReplacedFilesTest : public testing::Test {
 protected:
  ReplacedFilesTest() {
    Write("resolv.conf");
    files_.Remember(now_);
  }

  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  void Write(const std::string& name) const { std::ofstream(Path(name)) << "x"; }

  // Whether the next check finds other files.
  bool Differ() {
    now_ = files_.due();
    return files_.CheckTime(now_);
  }

  SteadyTime now_ = SteadyTime::Now();
  const spool::TestDirectory directory_;
  ReplacedFiles files_{{Path("resolv.conf"), Path("hosts")}};
};

TEST_F(ReplacedFilesTest, FileWrittenTo_IsTheSame) {
  EXPECT_FALSE(Differ());
  Write("resolv.conf");
  EXPECT_FALSE(Differ());
}

TEST_F(ReplacedFilesTest, FileRenamedOverAnother_Differs) {
  Write("new");
  std::filesystem::rename(Path("new"), Path("resolv.conf"));
  EXPECT_TRUE(Differ());
  files_.Remember(now_);
  EXPECT_FALSE(Differ());
}

TEST_F(ReplacedFilesTest, MissingFileThatAppears_Differs) {
  Write("hosts");
  EXPECT_TRUE(Differ());
}

TEST_F(ReplacedFilesTest, FileThatIsRemoved_Differs) {
  std::filesystem::remove(Path("resolv.conf"));
  EXPECT_TRUE(Differ());
}

TEST_F(ReplacedFilesTest, ReplacedFile_IsNoticedWhenTheCheckIsDue) {
  Write("hosts");
  EXPECT_EQ(files_.due(), now_ + ReplacedFiles::kCheckEvery);
  EXPECT_FALSE(files_.CheckTime(now_ + (ReplacedFiles::kCheckEvery - absl::Seconds(1))));
  EXPECT_TRUE(files_.CheckTime(files_.due()));
}

}  // namespace
}  // namespace hoptrail::agent::supervisor
