#include "agent/spool/marks.h"

#include <signal.h>

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include <sys/resource.h>
#include <sys/stat.h>

namespace hoptrail::agent::spool {
namespace {

Marks Some() {
  return {.host = wire::TestHost(),
          .used_sequence = 1,
          .in_memory = {{2, 40}, {50, 50}},
          .state_behind = true,
          .incarnation = {7, {}},
          .kernel_boot = wire::TestHost().boot,
          .given_up = 3};
}

TEST(Marks, TextForm_RoundTrips) {
  EXPECT_EQ(ParseMarks(ToText(Some())), Some());
  EXPECT_EQ(ParseMarks(ToText(Some()) + std::string(1000, '\0')), Some());
  EXPECT_EQ(ParseMarks(ToText(Marks())), Marks());
}

TEST(Marks, DamagedText_GivesEmptyMarks) {
  const std::string text = ToText(Some());
  for (size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = damaged[at] == '0' ? '1' : '0';
    EXPECT_EQ(ParseMarks(damaged), Marks()) << damaged;
    EXPECT_EQ(ParseMarks(text.substr(0, at)), Marks()) << at;
  }
}

TEST(Marks, AssumedHost_IsSpokenForInItsBootOnly) {
  model::HostId own = wire::TestHost();
  Marks marks;
  marks.host = own;
  EXPECT_EQ(SpokenFor(marks, own), own);
  EXPECT_EQ(SpokenFor(Marks(), own), own);
  marks.host.boot.bytes.fill(9);
  EXPECT_EQ(SpokenFor(marks, own), own) << "of an earlier boot";
  marks.kernel_boot = own.boot;
  EXPECT_EQ(SpokenFor(marks, own), marks.host);
  own.boot.bytes.fill(8);
  EXPECT_EQ(SpokenFor(marks, own), own) << "the machine was started again";
  own = wire::TestHost();
  own.machine.bytes.fill(8);
  EXPECT_EQ(SpokenFor(marks, own), own) << "of another machine";
}

TEST(MarkFile, WrittenMarks_AreReadByTheNextRun) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/marks";
  {
    MarkFile file(path);
    EXPECT_EQ(file.Get(), Marks());
    EXPECT_TRUE(file.Update([](Marks& marks) { marks = Some(); }).ok());
  }
  EXPECT_EQ(MarkFile(path).Get(), Some());
}

// A limit on file sizes acts like a full disk: nothing new can be allocated.
TEST(MarkFile, FullDisk_FileIsWrittenInPlace) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/marks";
  MarkFile file(path);
  ASSERT_TRUE(file.Update([](Marks& marks) { marks = Some(); }).ok());
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  ASSERT_EQ(before.st_size, 4096);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit full{.rlim_cur = 4096, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  const absl::Status status = file.Update([](Marks& marks) { marks.used_sequence = 41; });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_TRUE(status.ok()) << status;
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_size, before.st_size);
  EXPECT_EQ(MarkFile(path).Get().used_sequence, 41u);
}

TEST(MarkFile, UnwritablePath_MarksHoldForThisRun) {
  MarkFile file("/proc/nowhere/marks");
  EXPECT_FALSE(file.Update([](Marks& marks) { marks = Some(); }).ok());
  EXPECT_EQ(file.Get(), Some());
}

TEST(MarkFile, RemovedFile_IsCreatedAgain) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/marks";
  MarkFile file(path);
  ASSERT_TRUE(file.Update([](Marks& marks) { marks = Some(); }).ok());
  std::filesystem::remove(path);
  ASSERT_TRUE(file.Update([](Marks& marks) { marks.used_sequence = 41; }).ok());
  EXPECT_EQ(MarkFile(path).Get().used_sequence, 41u);
}

}  // namespace
}  // namespace hoptrail::agent::spool
