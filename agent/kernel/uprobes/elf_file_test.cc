#include "agent/kernel/uprobes/elf_file.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace hoptrail::agent::kernel {
namespace {

// The bytes at the offset in the file are the bytes at the symbol's address in memory. The
// functions are ones that no sensor probes: a probe puts a breakpoint into memory that the file
// does not have.
TEST(FileOffsetOfTest, DynamicFunction_IsAtTheReturnedOffset) {
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

// tests/kernel has the calls that exist.
TEST(LinkageOffsetOfTest, FunctionThatTheProgramDoesNotCall_IsNotFound) {
  EXPECT_TRUE(
      absl::IsNotFound(LinkageOffsetOf("/proc/self/exe", "hoptrail_no_such_function").status()));
  EXPECT_TRUE(absl::IsNotFound(LinkageOffsetOf("/nothing", "syslog").status()));
}

class HostileFileTest : public testing::Test {
 protected:
  ~HostileFileTest() override { std::remove(path_.c_str()); }

  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  // A file with `count` symbol tables, each of which covers the whole file and is its own string
  // table.
  static std::string ManyTables(size_t count, size_t padding) {
    Elf64_Ehdr head = {};
    std::memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = ELFCLASS64;
    head.e_ident[EI_DATA] = ELFDATA2LSB;
    head.e_ident[EI_VERSION] = EV_CURRENT;
    head.e_version = EV_CURRENT;
    head.e_type = ET_DYN;
    head.e_machine = EM_X86_64;
    head.e_ehsize = sizeof(head);
    head.e_shentsize = sizeof(Elf64_Shdr);
    head.e_shnum = static_cast<uint16_t>(count);
    head.e_shoff = sizeof(head);
    Elf64_Shdr table = {};
    table.sh_type = SHT_DYNSYM;
    table.sh_size = sizeof(head) + count * sizeof(table) + padding;
    table.sh_link = 1;
    table.sh_entsize = sizeof(Elf64_Sym);
    std::string bytes(reinterpret_cast<const char*>(&head), sizeof(head));
    for (size_t i = 0; i < count; ++i) {
      bytes.append(reinterpret_cast<const char*>(&table), sizeof(table));
    }
    // Symbols that claim to be functions.
    bytes.append(padding, '\x12');
    return bytes;
  }

  const std::string path_ = testing::TempDir() + "hostile_elf_" + std::to_string(getpid());
};

TEST_F(HostileFileTest, FileThatIsNoLibrary_IsRefused) {
  EXPECT_FALSE(FileOffsetOf("/nonexistent", "f").ok());
  EXPECT_FALSE(FileOffsetOf("/", "f").ok());
  EXPECT_FALSE(FileOffsetOf("/etc/passwd", "f").ok());
  EXPECT_FALSE(FileOffsetOf("/dev/zero", "f").ok());
  std::ifstream self("/proc/self/exe", std::ios::binary);
  std::string head(4096, '\0');
  self.read(head.data(), static_cast<std::streamsize>(head.size()));
  Write(head);
  EXPECT_FALSE(FileOffsetOf(path_, "main").ok());
}

TEST_F(HostileFileTest, Fifo_IsRefusedWithoutWaiting) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(FileOffsetOf(path_, "f").ok());
}

TEST_F(HostileFileTest, HugeFile_IsRefusedUnread) {
  Write("\177ELF");
  ASSERT_EQ(truncate(path_.c_str(), off_t{1} << 40), 0);
  EXPECT_FALSE(FileOffsetOf(path_, "f").ok());
}

// Reading every table would take 700 GB of memory.
TEST_F(HostileFileTest, OverlappingTables_CostNoMoreThanOne) {
  Write(ManyTables(60'000, size_t{8} << 20));
  EXPECT_FALSE(FileOffsetOf(path_, "f").ok());
}

}  // namespace
}  // namespace hoptrail::agent::kernel
