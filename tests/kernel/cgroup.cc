#include "tests/kernel/cgroup.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "gtest/gtest.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace hoptrail::kernel_test {
namespace {

bool MoveInto(const std::string& group) {
  std::ofstream file(group + "/cgroup.procs");
  file << getpid() << std::flush;
  return file.good();
}

}  // namespace

Cgroup::Cgroup(const std::string& name) {
  for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    struct statfs file_system;
    if (statfs(root, &file_system) == 0 && file_system.f_type == CGROUP2_SUPER_MAGIC) path_ = root;
  }
  if (path_.empty()) {
    mount_ = "/tmp/hoptrail-cgroup-XXXXXX";
    EXPECT_NE(mkdtemp(mount_.data()), nullptr) << strerror(errno);
    EXPECT_EQ(mount("cgroup2", mount_.c_str(), "cgroup2", 0, nullptr), 0) << strerror(errno);
    path_ = mount_;
  }
  path_ += "/hoptrail-test-" + std::to_string(getpid()) + "-" + name;
  EXPECT_EQ(mkdir(path_.c_str(), 0755), 0) << path_ << ": " << strerror(errno);
}

Cgroup::~Cgroup() {
  EXPECT_EQ(rmdir(path_.c_str()), 0) << path_ << ": " << strerror(errno);
  if (mount_.empty()) return;
  umount2(mount_.c_str(), MNT_DETACH);
  rmdir(mount_.c_str());
}

bool Cgroup::Enter() const { return MoveInto(path_); }

uint64_t Cgroup::id() const {
  struct stat file;
  return stat(path_.c_str(), &file) == 0 ? file.st_ino : 0;
}

Subgroup::Subgroup(const std::string& parent, const std::string& name)
    : path_(parent + "/" + name) {
  EXPECT_EQ(mkdir(path_.c_str(), 0755), 0) << path_ << ": " << strerror(errno);
}

Subgroup::~Subgroup() { EXPECT_EQ(rmdir(path_.c_str()), 0) << path_ << ": " << strerror(errno); }

bool Subgroup::Enter() const { return MoveInto(path_); }

NamedHierarchy::NamedHierarchy()
    : name_("name=hoptrail-" + std::to_string(getpid())), path_("/tmp/hoptrail-hierarchy-XXXXXX") {
  EXPECT_NE(mkdtemp(path_.data()), nullptr) << strerror(errno);
  EXPECT_TRUE(Mount()) << strerror(errno);
}

NamedHierarchy::~NamedHierarchy() {
  EXPECT_EQ(umount2(path_.c_str(), 0), 0) << strerror(errno);
  // The hierarchy outlives its mount until the kernel has freed the groups removed from it.
  for (int i = 1; i <= 500 && Exists(); ++i) {
    usleep(20'000);
    if (i % 50 == 0 && Mount()) umount2(path_.c_str(), 0);
  }
  EXPECT_FALSE(Exists());
  EXPECT_EQ(rmdir(path_.c_str()), 0) << strerror(errno);
}

bool NamedHierarchy::Mount() const {
  return mount("cgroup", path_.c_str(), "cgroup", 0, ("none," + name_).c_str()) == 0;
}

bool NamedHierarchy::Exists() const {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.find(name_ + ":") != std::string::npos) return true;
  }
  return false;
}

}  // namespace hoptrail::kernel_test
