#include "collector/notify/json_lines/json_lines.h"

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/notify/notify_fixture.h"
#include <sys/resource.h>

namespace hoptrail::collector::notify {
namespace {

using ::testing::HasSubstr;

class JsonLinesTest : public StoreForNotifiers {
 protected:
  // Checks that each line is JSON.
  static std::vector<std::string> LinesOf(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) {
      ParseJson(line);
      all.push_back(line);
    }
    return all;
  }
};

TEST_F(JsonLinesTest, EachChange_IsOneLineAcrossARestart) {
  const std::string path = directory_ + "/out.jsonl";
  auto lines = JsonLines::Create(store_.get(), path);
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_TRUE((*lines)->WriteNew().ok());
  Write();
  ASSERT_TRUE((*lines)->WriteNew().ok());
  ASSERT_TRUE((*lines)->WriteNew().ok());
  incident_.title = "escalated\x1b[2J\u202e\u2066";
  Write();
  lines = JsonLines::Create(store_.get(), path);
  ASSERT_TRUE((*lines)->WriteNew().ok());
  const std::vector<std::string> all = LinesOf(path);
  ASSERT_EQ(all.size(), 3u);
  // Escaped for JSON, and for a terminal.
  EXPECT_THAT(all[2], HasSubstr("escalated\\u001b[2J\\u202e\\u2066"));
}

TEST_F(JsonLinesTest, FullDisk_LosesNoLineAndTearsNone) {
  const std::string path = directory_ + "/out.jsonl";
  auto lines = JsonLines::Create(store_.get(), path);
  ASSERT_TRUE(lines.ok()) << lines.status();
  Write();
  ASSERT_TRUE((*lines)->WriteNew().ok());
  const size_t before = LinesOf(path).size();
  struct rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlim_t unlimited = limit.rlim_cur;
  signal(SIGXFSZ, SIG_IGN);
  incident_.title = "escalated while the disk was full";
  Write();
  // Room for a part of the line. The store's own files are larger already.
  limit.rlim_cur = std::filesystem::file_size(path) + 100;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE((*lines)->WriteNew().ok());
  limit.rlim_cur = unlimited;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  ASSERT_TRUE((*lines)->WriteNew().ok());
  const std::vector<std::string> all = LinesOf(path);
  ASSERT_EQ(all.size(), before + 1);
  EXPECT_THAT(all.back(), HasSubstr("escalated while the disk was full"));
}

TEST_F(JsonLinesTest, LineHalfWrittenByACrash_IsEnded) {
  const std::string path = directory_ + "/out.jsonl";
  auto lines = JsonLines::Create(store_.get(), path);
  { std::ofstream(path) << "{\"detec"; }
  Write();
  ASSERT_TRUE((*lines)->WriteNew().ok());
  std::ifstream file(path);
  std::string torn;
  std::getline(file, torn);
  EXPECT_EQ(torn, "{\"detec");
  std::string whole;
  ASSERT_TRUE(std::getline(file, whole));
  ParseJson(whole);
}

TEST_F(JsonLinesTest, StoreThatCannotSaveTheCursor_DoesNotDoubleLines) {
  const std::string path = directory_ + "/out.jsonl";
  auto lines = JsonLines::Create(store_.get(), path);
  Write();
  sqlite::Database* database = store_->writer()->database();
  ASSERT_TRUE(database
                  ->Execute("CREATE TRIGGER no BEFORE INSERT ON meta BEGIN SELECT RAISE(ABORT,"
                            " 'disk full'); END")
                  .ok());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE((*lines)->WriteNew().ok());
  ASSERT_TRUE(database->Execute("DROP TRIGGER no").ok());
  ASSERT_TRUE((*lines)->WriteNew().ok());
  const size_t once = LinesOf(path).size();
  EXPECT_EQ(once, 2u) << "a detection and its incident";
  lines = JsonLines::Create(store_.get(), path);
  ASSERT_TRUE((*lines)->WriteNew().ok());
  EXPECT_EQ(LinesOf(path).size(), once);
}

// logrotate, with and without `copytruncate`.
TEST_F(JsonLinesTest, RotatedFile_LosesAndDoublesNoLine) {
  const std::string path = directory_ + "/out.jsonl";
  auto lines = JsonLines::Create(store_.get(), path);
  std::vector<std::string> all;
  const auto change = [&](int number) {
    incident_.title = absl::StrCat("change ", number);
    Write();
    ASSERT_TRUE((*lines)->WriteNew().ok());
  };
  const auto collect = [&](const std::string& file) {
    for (const std::string& line : LinesOf(file)) {
      if (line.rfind("{\"incident\"", 0) == 0) all.push_back(line);
    }
  };
  change(1);
  std::filesystem::rename(path, path + ".1");
  change(2);  // before the signal: still into the renamed file
  (*lines)->Reopen();
  change(3);
  EXPECT_EQ(LinesOf(path).size(), 1u);
  std::filesystem::copy_file(path, path + ".2");
  std::filesystem::resize_file(path, 0);
  change(4);
  v1::CollectorConfig nowhere;
  nowhere.set_json_output(directory_ + "/no/such/directory.jsonl");
  EXPECT_FALSE((*lines)->Reconfigure(nowhere).ok());
  change(5);
  for (const char* suffix : {".1", ".2", ""}) collect(path + suffix);
  ASSERT_EQ(all.size(), 5u);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_THAT(all[i], HasSubstr(absl::StrCat("change ", i + 1)));
  }
}

// An intruder may choose names and titles.
TEST_F(JsonLinesTest, ControlCharactersInTitles_AreEscaped) {
  const std::string path = directory_ + "/out.jsonl";
  auto lines = JsonLines::Create(store_.get(), path);
  incident_.title = "a\x1b[2J\nforged: {\"incident\": {}}\r\x7f";
  Write();
  ASSERT_TRUE((*lines)->WriteNew().ok());
  const std::vector<std::string> all = LinesOf(path);
  ASSERT_EQ(all.size(), 2u);
  for (const std::string& line : all) {
    for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
}

}  // namespace
}  // namespace hoptrail::collector::notify
