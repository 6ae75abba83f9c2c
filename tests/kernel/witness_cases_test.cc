// The library by which sshd is heard: replaced, removed, gone with its container, loaded from
// elsewhere, or not there at all.

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include "tests/kernel/speaker.h"

namespace hoptrail::kernel_test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const SelfPrograms programs({{"speak", Speak}});

model::SourceCoverage SshdCoverage(Recorder* recorder) {
  for (const model::SourceCoverage& row : recorder->sensor()->Coverage()) {
    if (row.source == "sshd") return row;
  }
  ADD_FAILURE() << "no such source";
  return {};
}

// A directory like a container's root, with a copy of the C library of its own.
std::string MakeRoot(const TestDirectory& directory) {
  EXPECT_TRUE(std::filesystem::create_directory(directory.path() + "/lib"));
  directory.Copy(OwnLibrary(), "lib/libc.so.6");
  return directory.path() + "/lib";
}

TEST(UprobeCasesTest, ALibraryThatIsReplacedIsHeardAgain) {
  const TestDirectory directory;
  const std::string libraries = MakeRoot(directory);
  const Inhabitant inhabitant(directory.path());
  Recorder recorder({}, SensorAge::kFresh);
  Speaker old_speaker(libraries);
  EXPECT_EQ(old_speaker.TimesHeard(&recorder), 1u);
  // As dpkg does it.
  directory.Copy(OwnLibrary(), "lib/libc.so.6.dpkg-new");
  ASSERT_EQ(rename((libraries + "/libc.so.6.dpkg-new").c_str(), (libraries + "/libc.so.6").c_str()),
            0);
  Speaker new_speaker(libraries);
  EXPECT_EQ(new_speaker.TimesHeard(&recorder), 0u);
  EXPECT_GE(recorder.sensor()->AttachNewUprobes(), 1u);
  EXPECT_EQ(new_speaker.TimesHeard(&recorder), 1u);
  // Who was started before goes on with the old one.
  EXPECT_EQ(old_speaker.TimesHeard(&recorder), 1u);
  recorder.sensor()->AttachNewUprobes();
  EXPECT_EQ(old_speaker.TimesHeard(&recorder), 1u);
  EXPECT_EQ(new_speaker.TimesHeard(&recorder), 1u);
}

// A sensor that opens after the upgrade, while sshd was not started anew.
TEST(UprobeCasesTest, ALibraryThatWasRemovedBeforeIsHeard) {
  const TestDirectory directory;
  const std::string libraries = MakeRoot(directory);
  Speaker speaker(libraries);
  ASSERT_EQ(unlink((libraries + "/libc.so.6").c_str()), 0);
  Recorder recorder({}, SensorAge::kFresh);
  EXPECT_EQ(speaker.TimesHeard(&recorder), 1u);
}

TEST(UprobeCasesTest, ALibraryInAnotherDirectoryIsHeard) {
  const TestDirectory directory;
  directory.Copy(OwnLibrary(), "libc.so.6");
  Speaker before(directory.path());
  Recorder recorder({}, SensorAge::kFresh);
  EXPECT_EQ(before.TimesHeard(&recorder), 1u);
  const TestDirectory other;
  other.Copy(OwnLibrary(), "libc.so.6");
  Speaker after(other.path());
  EXPECT_EQ(after.TimesHeard(&recorder), 0u);
  recorder.sensor()->AttachNewUprobes();
  EXPECT_EQ(after.TimesHeard(&recorder), 1u);
}

// More containers come and go than there is room for at once.
TEST(UprobeCasesTest, WhatIsGoneGivesItsPlaceBack) {
  constexpr size_t kRoom = 24, kTimes = 30;
  Recorder recorder({.max_library_copies = kRoom}, SensorAge::kFresh);
  for (size_t i = 0; i < kTimes; ++i) {
    const TestDirectory directory;
    const std::string libraries = MakeRoot(directory);
    const Inhabitant inhabitant(directory.path());
    EXPECT_GE(recorder.sensor()->AttachNewUprobes(), 1u);
    if (i + 1 < kTimes) continue;
    Speaker speaker(libraries);
    EXPECT_EQ(speaker.TimesHeard(&recorder), 1u)
        << testing::PrintToString(SshdCoverage(&recorder).refusals);
  }
}

// A library that is replaced over and over, in a file system that stays.
TEST(UprobeCasesTest, WhatWasReplacedGivesItsPlaceBack) {
  constexpr size_t kRoom = 24, kTimes = 30;
  Recorder recorder({.max_library_copies = kRoom}, SensorAge::kFresh);
  const TestDirectory directory;
  const std::string libraries = MakeRoot(directory);
  const Inhabitant inhabitant(directory.path());
  for (size_t i = 0; i < kTimes; ++i) {
    directory.Copy(OwnLibrary(), "lib/new");
    ASSERT_EQ(rename((libraries + "/new").c_str(), (libraries + "/libc.so.6").c_str()), 0);
    EXPECT_GE(recorder.sensor()->AttachNewUprobes(), 1u);
  }
  Speaker speaker(libraries);
  EXPECT_EQ(speaker.TimesHeard(&recorder), 1u)
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

TEST(UprobeCasesTest, AnSshdWithoutALibraryIsReported) {
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
  EXPECT_NE(SshdCoverage(&recorder).hook, "") << "others are heard all the same";
  kill(sshd.pid(), SIGKILL);
  sshd.Wait();
  recorder.sensor()->AttachNewUprobes();
  EXPECT_THAT(SshdCoverage(&recorder).refusals, Not(Contains(HasSubstr(process))));
}

// A login server by any other name: it came in through a listener.
TEST(UprobeCasesTest, ALoginServerOfAnotherNameIsHeardByItsLineage) {
  Recorder recorder({}, SensorAge::kFresh);
  Speaker unrelated("", "my-server");
  EXPECT_EQ(unrelated.TimesHeard(&recorder), 0u);
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);  // from here on children begin labels
  Speaker server("", "my-server");
  EXPECT_EQ(server.TimesHeard(&recorder), 1u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
