#include "core/sqlite/database.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "core/sqlite/quarantine.h"
#include <sys/stat.h>

namespace hoptrail::sqlite {
namespace {

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char directory[] = "/tmp/hoptrail-sqlite-XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    directory_ = directory;
    path_ = directory_ + "/a.db";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Fill(Database* database, int rows) {
    ASSERT_TRUE(database->Execute("CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB)").ok());
    auto transaction = Transaction::Begin(database);
    ASSERT_TRUE(transaction.ok());
    auto insert = database->Prepare("INSERT INTO t VALUES(?1, ?2)");
    ASSERT_TRUE(insert.ok());
    for (int i = 0; i < rows; ++i) {
      ASSERT_TRUE(insert->BindInt(1, i).BindBlob(2, std::string(100, 'x')).Run().ok());
    }
    ASSERT_TRUE(transaction->Commit().ok());
  }

  std::string directory_, path_;
};

TEST_F(DatabaseTest, BoundValues_ComeBackUnchanged) {
  auto database = Database::Open({.path = path_});
  ASSERT_TRUE(database.ok()) << database.status();
  auto select = database->Prepare("SELECT ?1, ?2, ?3, ?4");
  ASSERT_TRUE(select.ok());
  select->BindInt(1, -5).BindText(2, "").BindBlob(3, absl::string_view("a\0b", 3)).BindNull(4);
  ASSERT_EQ(select->Step().value(), true);
  EXPECT_EQ(select->Int(0), -5);
  EXPECT_FALSE(select->IsNull(1));
  EXPECT_EQ(select->Blob(2), absl::string_view("a\0b", 3));
  EXPECT_TRUE(select->IsNull(3));
  EXPECT_EQ(select->Step().value(), false);
}

TEST_F(DatabaseTest, NewFile_IsPrivate) {
  ASSERT_TRUE(Database::Open({.path = path_}).ok());
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(DatabaseTest, UncommittedTransaction_IsRolledBack) {
  auto database = Database::Open({.path = path_});
  ASSERT_TRUE(database.ok());
  Fill(&*database, 1);
  {
    auto transaction = Transaction::Begin(&*database);
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(database->Execute("DELETE FROM t").ok());
  }
  auto count = database->Prepare("SELECT count(*) FROM t");
  ASSERT_TRUE(count->Step().value());
  EXPECT_EQ(count->Int(0), 1);
}

// On a read-only file system a write-ahead log cannot create the files that it needs.
TEST_F(DatabaseTest, ImmutableFile_NeedsNoFileBesideIt) {
  path_ = directory_ + "/a?b#c%20.db";
  {
    auto database = Database::Open({.path = path_});
    ASSERT_TRUE(database.ok());
    Fill(&*database, 3);
  }
  auto database = Database::Open(
      {.path = path_, .read_only = true, .immutable = true, .check_integrity = true});
  ASSERT_TRUE(database.ok()) << database.status();
  auto count = database->Prepare("SELECT count(*) FROM t");
  ASSERT_TRUE(count->Step().value());
  EXPECT_EQ(count->Int(0), 3);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) files += entry.exists();
  EXPECT_EQ(files, 1u);
  EXPECT_EQ(database->Execute("DELETE FROM t").code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(DatabaseTest, BindColumn_CopiesEveryType) {
  auto database = Database::Open({.path = path_});
  ASSERT_TRUE(database.ok());
  auto from = database->Prepare("SELECT 5, x'6100', NULL");
  ASSERT_TRUE(from->Step().value());
  auto to = database->Prepare("SELECT ?1, ?2, ?3");
  for (int i = 0; i < 3; ++i) to->BindColumn(i + 1, *from, i);
  ASSERT_TRUE(to->Step().value());
  EXPECT_EQ(to->Int(0), 5);
  EXPECT_EQ(to->Blob(1), absl::string_view("a\0", 2));
  EXPECT_TRUE(to->IsNull(2));
}

TEST_F(DatabaseTest, BindError_IsReportedByStep) {
  auto database = Database::Open({.path = path_});
  auto select = database->Prepare("SELECT ?1");
  select->BindInt(2, 1);
  EXPECT_FALSE(select->Step().ok());
  select->Reset();
  EXPECT_TRUE(select->Step().ok());
}

TEST_F(DatabaseTest, BrokenConstraint_IsAlreadyExists) {
  auto database = Database::Open({.path = path_});
  Fill(&*database, 1);
  EXPECT_EQ(database->Execute("INSERT INTO t VALUES(0, NULL)").code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_F(DatabaseTest, StatementThatFailed_CanBeUsedAgain) {
  auto database = Database::Open({.path = path_});
  ASSERT_TRUE(database.ok());
  Fill(&*database, 1);
  auto insert = database->Prepare("INSERT INTO t VALUES(?1, x'') RETURNING k");
  ASSERT_TRUE(insert.ok());
  EXPECT_FALSE(insert->BindInt(1, 0).Step().ok()) << "the row exists";
  EXPECT_FALSE(insert->BindInt(9, 0).Step().ok()) << "there is no ninth parameter";
  const absl::StatusOr<bool> row = insert->BindInt(1, 1).Step();
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(insert->Int(0), 1);
}

TEST_F(DatabaseTest, ReadOnlyConnection_ReadsCommittedRowsAndWritesNothing) {
  auto writer = Database::Open({.path = path_});
  Fill(&*writer, 3);
  auto reader = Database::Open({.path = path_, .read_only = true});
  ASSERT_TRUE(reader.ok()) << reader.status();
  auto count = reader->Prepare("SELECT count(*) FROM t");
  ASSERT_TRUE(count->Step().value());
  EXPECT_EQ(count->Int(0), 3);
  EXPECT_EQ(reader->Execute("DELETE FROM t").code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(DatabaseTest, GarbageFile_IsQuarantinedAndReplaced) {
  { std::ofstream(path_) << std::string(8192, 'g'); }
  std::string quarantined;
  auto database = OpenOrQuarantine({.path = path_}, "test", 0, &quarantined);
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(quarantined, path_ + ".damaged-19700101T000000Z");
  EXPECT_EQ(std::filesystem::file_size(quarantined), 8192u);
  EXPECT_EQ(database->UserVersion().value(), 0);
}

TEST_F(DatabaseTest, DamagedPagesTwice_AreQuarantinedUnderTwoNames) {
  for (int round = 0; round < 2; ++round) {
    {
      auto database = Database::Open({.path = path_});
      ASSERT_TRUE(database.ok());
      Fill(&*database, 1000);
    }
    {
      std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(4096 * 3);
      file << std::string(4096 * 4, '\xff');
    }
    std::string quarantined;
    auto database = OpenOrQuarantine({.path = path_}, "test", 0, &quarantined);
    ASSERT_TRUE(database.ok()) << database.status();
    EXPECT_EQ(quarantined, path_ + ".damaged-19700101T000000Z" + (round == 0 ? "" : "-2"));
    EXPECT_TRUE(std::filesystem::exists(quarantined));
  }
}

TEST_F(DatabaseTest, HealthyFile_IsNotQuarantined) {
  {
    auto database = Database::Open({.path = path_});
    Fill(&*database, 10);
    ASSERT_TRUE(database->SetUserVersion(7).ok());
  }
  std::string quarantined;
  auto database = OpenOrQuarantine({.path = path_}, "test", 0, &quarantined);
  ASSERT_TRUE(database.ok());
  EXPECT_EQ(quarantined, "");
  EXPECT_EQ(database->UserVersion().value(), 7);
  EXPECT_GT(database->UsedBytes().value(), 0);
}

TEST_F(DatabaseTest, MissingDirectory_IsNotFound) {
  EXPECT_EQ(Database::Open({.path = directory_ + "/no/a.db"}).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace hoptrail::sqlite
