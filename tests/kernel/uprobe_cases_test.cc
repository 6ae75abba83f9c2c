// The uprobe on the library through which sshd logs, when that library is replaced, removed, gone
// with its container, loaded from another directory, or not there at all.

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include "tests/kernel/syslog_writer.h"

namespace hoptrail::kernel_test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const SelfPrograms programs({{"write-syslog", WriteSyslog}});

model::SourceCoverage SshdCoverage(Recorder* recorder) {
  for (const model::SourceCoverage& row : recorder->sensor()->Coverage()) {
    if (row.source == "sshd") return row;
  }
  ADD_FAILURE() << "no event source sshd in the coverage report";
  return {};
}

// Makes `directory` like a container's root, with a copy of the C library. Returns the library's
// directory.
std::string MakeRoot(const TestDirectory& directory) {
  EXPECT_TRUE(std::filesystem::create_directory(directory.path() + "/lib"));
  directory.Copy(OwnLibrary(), "lib/libc.so.6");
  return directory.path() + "/lib";
}

TEST(UprobeCasesTest, ReplacedLibrary_GetsItsUprobeInTheNextSearch) {
  const TestDirectory directory;
  const std::string libraries = MakeRoot(directory);
  const ContainerProcess process(directory.path());
  Recorder recorder({}, SensorAge::kFresh);
  SyslogWriter old_program(libraries);
  EXPECT_EQ(old_program.TimesRecorded(&recorder), 1u);
  // As dpkg replaces it.
  directory.Copy(OwnLibrary(), "lib/libc.so.6.dpkg-new");
  ASSERT_EQ(rename((libraries + "/libc.so.6.dpkg-new").c_str(), (libraries + "/libc.so.6").c_str()),
            0);
  SyslogWriter new_program(libraries);
  EXPECT_EQ(new_program.TimesRecorded(&recorder), 0u);
  EXPECT_GE(recorder.sensor()->AttachNewUprobes(), 1u);
  EXPECT_EQ(new_program.TimesRecorded(&recorder), 1u);
  // A program from before still runs with the old library.
  EXPECT_EQ(old_program.TimesRecorded(&recorder), 1u);
  recorder.sensor()->AttachNewUprobes();
  EXPECT_EQ(old_program.TimesRecorded(&recorder), 1u);
  EXPECT_EQ(new_program.TimesRecorded(&recorder), 1u);
}

// After an upgrade the sensor opens anew, and sshd was not restarted.
TEST(UprobeCasesTest, LibraryRemovedBeforeTheSensorOpens_GetsItsUprobe) {
  const TestDirectory directory;
  const std::string libraries = MakeRoot(directory);
  SyslogWriter program(libraries);
  ASSERT_EQ(unlink((libraries + "/libc.so.6").c_str()), 0);
  Recorder recorder({}, SensorAge::kFresh);
  EXPECT_EQ(program.TimesRecorded(&recorder), 1u);
}

TEST(UprobeCasesTest, LibraryInAnotherDirectory_GetsItsUprobe) {
  const TestDirectory directory;
  directory.Copy(OwnLibrary(), "libc.so.6");
  SyslogWriter before(directory.path());
  Recorder recorder({}, SensorAge::kFresh);
  EXPECT_EQ(before.TimesRecorded(&recorder), 1u);
  const TestDirectory other;
  other.Copy(OwnLibrary(), "libc.so.6");
  SyslogWriter after(other.path());
  EXPECT_EQ(after.TimesRecorded(&recorder), 0u);
  recorder.sensor()->AttachNewUprobes();
  EXPECT_EQ(after.TimesRecorded(&recorder), 1u);
}

// More containers come and go than the sensor can attach to at once.
TEST(UprobeCasesTest, LibraryOfAnEndedContainer_FreesItsPlace) {
  constexpr size_t kRoom = 24, kTimes = 30;
  Recorder recorder({.max_library_copies = kRoom}, SensorAge::kFresh);
  for (size_t i = 0; i < kTimes; ++i) {
    const TestDirectory directory;
    const std::string libraries = MakeRoot(directory);
    const ContainerProcess process(directory.path());
    EXPECT_GE(recorder.sensor()->AttachNewUprobes(), 1u);
    if (i + 1 < kTimes) continue;
    SyslogWriter program(libraries);
    EXPECT_EQ(program.TimesRecorded(&recorder), 1u)
        << testing::PrintToString(SshdCoverage(&recorder).refusals);
  }
}

// A library is replaced in one file system more often than the sensor can attach to copies of it.
TEST(UprobeCasesTest, ReplacedLibrary_FreesItsPlace) {
  constexpr size_t kRoom = 24, kTimes = 30;
  Recorder recorder({.max_library_copies = kRoom}, SensorAge::kFresh);
  const TestDirectory directory;
  const std::string libraries = MakeRoot(directory);
  const ContainerProcess process(directory.path());
  for (size_t i = 0; i < kTimes; ++i) {
    directory.Copy(OwnLibrary(), "lib/new");
    ASSERT_EQ(rename((libraries + "/new").c_str(), (libraries + "/libc.so.6").c_str()), 0);
    EXPECT_GE(recorder.sensor()->AttachNewUprobes(), 1u);
  }
  SyslogWriter program(libraries);
  EXPECT_EQ(program.TimesRecorded(&recorder), 1u)
      << testing::PrintToString(SshdCoverage(&recorder).refusals);
}

// A program of a few instructions that waits for a signal, without any library.
std::string StaticProgram() {
#if defined(__x86_64__)
  const unsigned char code[] = {0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7};  // pause, again
  constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
  // ppoll(NULL, 0, NULL, NULL, 0)
  const uint32_t code[] = {0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003,
                           0xd2800004, 0xd2800928, 0xd4000001, 0x17fffff9};
  constexpr Elf64_Half kMachine = EM_AARCH64;
#endif
  constexpr uint64_t kAddress = 0x400000;
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = kMachine;
  header.e_version = EV_CURRENT;
  header.e_entry = kAddress + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
  header.e_phoff = sizeof(Elf64_Ehdr);
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment = {};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_X;
  segment.p_vaddr = segment.p_paddr = kAddress;
  segment.p_filesz = segment.p_memsz = sizeof(header) + sizeof(segment) + sizeof(code);
  segment.p_align = 4096;
  std::string program(reinterpret_cast<const char*>(&header), sizeof(header));
  program.append(reinterpret_cast<const char*>(&segment), sizeof(segment));
  program.append(reinterpret_cast<const char*>(code), sizeof(code));
  return program;
}

TEST(UprobeCasesTest, SshdWithoutALibrary_IsReportedAsRefused) {
  const TestDirectory directory;
  const std::string program = directory.path() + "/sshd";
  ASSERT_TRUE(WriteWholeFile(program, StaticProgram()));
  ASSERT_EQ(chmod(program.c_str(), 0755), 0);
  Child sshd([&] { return Exec({program}); });
  const std::string executable = "/proc/" + std::to_string(sshd.pid()) + "/exe";
  std::error_code error;
  while (std::filesystem::read_symlink(executable, error) != program) usleep(1000);
  Recorder recorder({}, SensorAge::kFresh);
  const std::string process = "process " + std::to_string(sshd.pid()) + " (sshd)";
  EXPECT_THAT(SshdCoverage(&recorder).refusals, Contains(HasSubstr(process)));
  EXPECT_NE(SshdCoverage(&recorder).hook, "") << "the source must still serve other processes";
  kill(sshd.pid(), SIGKILL);
  sshd.Wait();
  recorder.sensor()->AttachNewUprobes();
  EXPECT_THAT(SshdCoverage(&recorder).refusals, Not(Contains(HasSubstr(process))));
}

// A login server whose name is not sshd: the sensor recognizes it as a listener's child.
TEST(UprobeCasesTest, LoginServerOfAnotherName_IsRecordedByItsLineage) {
  Recorder recorder({}, SensorAge::kFresh);
  SyslogWriter unrelated("", "my-server");
  EXPECT_EQ(unrelated.TimesRecorded(&recorder), 0u);
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);  // children get session tags from here on
  SyslogWriter server("", "my-server");
  EXPECT_EQ(server.TimesRecorded(&recorder), 1u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
