#include "agent/stop/package_manager.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace hoptrail::agent {
namespace {

// A package manager at a path of its own, which runs a shell, which runs systemctl.
class PackageManagersTest : public testing::Test {
 protected:
  PackageManagersTest() {
    directory_ = testing::TempDir() + "/packages_XXXXXX";
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    path_ = directory_ + "/dpkg";
    std::ofstream(path_) << "program";
    ::chmod(path_.c_str(), 0755);
    uint32_t parent = 1;
    for (uint32_t tgid = 10; tgid <= 12; ++tgid) {
      decode::Header header;
      header.process = {tgid, 1};
      header.parent = {parent, 1};
      header.credentials.uid = header.credentials.euid = ::geteuid();
      bool created = false;
      table_.Upsert(header, &created);
      parent = tgid;
    }
    Run(10, path_, path_);
    Run(11, "/usr/bin/dash", "/bin/sh");
    Run(12, "/usr/bin/systemctl", "/bin/sh");
  }

  ~PackageManagersTest() override { std::filesystem::remove_all(directory_); }

  // The process runs `file`, which it names `path`.
  void Run(uint32_t tgid, const std::string& path, const std::string& file) {
    struct stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    model::Image image;
    image.path = path;
    image.device = status.st_dev;
    image.inode = status.st_ino;
    process::Process* process = table_.Find({tgid, 1});
    ASSERT_NE(process, nullptr);
    table_.SetImage(*process, image, 5);
  }
  std::string Find(uint32_t owner = ::geteuid()) {
    const PackageManagers managers({path_}, owner);
    return managers.Find(*table_.Find({12, 1}), session::Lineage(&table_));
  }

  std::string directory_;
  std::string path_;
  process::ProcessTable table_;
};

TEST_F(PackageManagersTest, ScriptOfAPackage_IsRecognizedByItsAncestor) {
  EXPECT_EQ(Find(), path_);
}

TEST_F(PackageManagersTest, FileOfAnotherOwner_IsNoPackageManager) {
  EXPECT_EQ(Find(::geteuid() + 1), "");
}

TEST_F(PackageManagersTest, FileThatOthersMayWrite_IsNoPackageManager) {
  ::chmod(path_.c_str(), 0775);
  EXPECT_EQ(Find(), "");
  ::chmod(path_.c_str(), 0757);
  EXPECT_EQ(Find(), "");
}

TEST_F(PackageManagersTest, AnotherFileAtThePath_IsNoPackageManager) {
  Run(10, path_, "/bin/sh");  // in another mount namespace
  EXPECT_EQ(Find(), "");
}

TEST_F(PackageManagersTest, SameFileUnderAnotherName_IsNoPackageManager) {
  Run(10, "/tmp/dpkg", path_);
  EXPECT_EQ(Find(), "");
}

TEST_F(PackageManagersTest, RemovedFile_IsNoPackageManager) {
  ::unlink(path_.c_str());
  EXPECT_EQ(Find(), "");
}

TEST_F(PackageManagersTest, CommandOutsideItsLineage_IsOfNoPackageManager) {
  Run(10, "/usr/bin/bash", "/bin/sh");
  EXPECT_EQ(Find(), "");
}

}  // namespace
}  // namespace hoptrail::agent
