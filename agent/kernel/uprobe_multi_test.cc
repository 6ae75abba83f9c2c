#include "agent/kernel/uprobe_multi.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace hoptrail::agent::kernel {
namespace {

// What lies at the offset in the file is what runs at the symbol's address. Functions that no
// sensor on this host probes: where one does, memory has a breakpoint that the file does not.
TEST(FileOffsetOfTest, FindsTheCodeOfAFunction) {
  void* libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  ASSERT_NE(libc, nullptr);
  link_map* map = nullptr;
  ASSERT_EQ(dlinfo(libc, RTLD_DI_LINKMAP, &map), 0);
  for (const char* function : {"qsort", "getopt_long"}) {
    const auto offset = FileOffsetOf(map->l_name, function);
    ASSERT_TRUE(offset.ok()) << offset.status();
    std::ifstream file(map->l_name, std::ios::binary);
    std::string in_file(32, '\0');
    file.seekg(static_cast<std::streamoff>(*offset));
    file.read(in_file.data(), static_cast<std::streamsize>(in_file.size()));
    const std::string in_memory(static_cast<const char*>(dlsym(libc, function)), 32);
    EXPECT_EQ(in_file, in_memory) << function;
  }
  EXPECT_FALSE(FileOffsetOf(map->l_name, "hoptrail_no_such_function").ok());
  dlclose(libc);
}

TEST(FileOffsetOfTest, TakesNothingForGranted) {
  EXPECT_FALSE(FileOffsetOf("/nonexistent", "f").ok());
  EXPECT_FALSE(FileOffsetOf("/", "f").ok());
  EXPECT_FALSE(FileOffsetOf("/etc/passwd", "f").ok());
  std::ifstream self("/proc/self/exe", std::ios::binary);
  std::string head(4096, '\0');
  self.read(head.data(), static_cast<std::streamsize>(head.size()));
  const std::string path = ::testing::TempDir() + "cut_elf_" + std::to_string(getpid());
  std::ofstream(path, std::ios::binary) << head;
  EXPECT_FALSE(FileOffsetOf(path, "main").ok());
  std::remove(path.c_str());
}

}  // namespace
}  // namespace hoptrail::agent::kernel
