#include "agent/health/health_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace hoptrail::agent {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSecondNs = 1'000'000'000;

class HealthFileTest : public ::testing::Test {
 protected:
  HealthFileTest() {
    char directory[] = "/tmp/hoptrail-health-XXXXXX";
    EXPECT_NE(::mkdtemp(directory), nullptr);
    directory_ = directory;
    run_ = directory_ + "/run";
    state_ = directory_ + "/state";
    std::filesystem::create_directory(state_);
    boot_.bytes.fill(7);
  }
  ~HealthFileTest() override { std::filesystem::remove_all(directory_); }

  HealthFile Create(const std::string& config = "/etc/a.yaml") {
    auto file = HealthFile::Create(config, state_, run_);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  absl::StatusOr<HealthRecord> Read(const std::string& config = "/etc/a.yaml") {
    return ReadHealth(config, state_, run_);
  }

  std::string directory_, run_, state_;
  model::BootId boot_;
};

TEST_F(HealthFileTest, WrittenRecord_IsRead) {
  const HealthFile file = Create();
  const HealthRecord first{boot_, 12345, HealthState::kReady, "the kernel's events come"};
  ASSERT_TRUE(file.Write(first).ok());
  EXPECT_EQ(Read().value(), first);
  // A shorter one covers it.
  const HealthRecord second{boot_, 12346, HealthState::kLive, "no"};
  ASSERT_TRUE(file.Write(second).ok());
  EXPECT_EQ(Read().value(), second);
  EXPECT_EQ(Create().Write(first).ok(), true);  // another worker
  EXPECT_EQ(Read().value(), first);
}

TEST_F(HealthFileTest, TwoConfigurationFiles_HaveTwoHealthFiles) {
  ASSERT_TRUE(Create("/etc/a.yaml").Write({boot_, 1, HealthState::kReady, "a"}).ok());
  ASSERT_TRUE(Create("/etc/b.yaml").Write({boot_, 2, HealthState::kReady, "b"}).ok());
  EXPECT_EQ(Read("/etc/a.yaml")->detail, "a");
  EXPECT_EQ(Read("/etc/../etc/b.yaml")->detail, "b");
  EXPECT_EQ(Read("/etc/c.yaml").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(HealthFileTest, UnusableDirectory_FallsBackToTheStateDirectory) {
  run_ = "/dev/null/run";
  ASSERT_TRUE(Create().Write({boot_, 5, HealthState::kReady, "x"}).ok());
  EXPECT_TRUE(std::filesystem::exists(state_ + "/health"));
  EXPECT_EQ(Read()->boot_ns, 5u);
}

TEST_F(HealthFileTest, TwoHealthFiles_TheNewerCounts) {
  ASSERT_TRUE(Create().Write({boot_, 9, HealthState::kReady, "in run"}).ok());
  const std::string run = std::exchange(run_, "/dev/null/run");
  ASSERT_TRUE(Create().Write({boot_, 5, HealthState::kReady, "in state"}).ok());
  run_ = run;
  EXPECT_EQ(Read()->detail, "in run");
  ASSERT_TRUE(HealthFile::Create("/etc/a.yaml", state_, "/dev/null/run")
                  ->Write({boot_, 10, HealthState::kReady, "in state"})
                  .ok());
  EXPECT_EQ(Read()->detail, "in state");
}

TEST_F(HealthFileTest, DirectoryOfAnotherUser_IsNotUsed) {
  if (::geteuid() != 0) GTEST_FAIL() << "needs root, to make a directory another user's";
  std::filesystem::create_directory(run_);
  ASSERT_EQ(::chown(run_.c_str(), 65534, 65534), 0);
  ASSERT_TRUE(Create().Write({boot_, 5, HealthState::kReady, "x"}).ok());
  EXPECT_TRUE(std::filesystem::is_empty(run_));
  // Nor a symbolic link in its place.
  std::filesystem::remove(run_);
  std::filesystem::create_symlink(state_, run_);
  ASSERT_TRUE(Create().Write({boot_, 6, HealthState::kReady, "x"}).ok());
  EXPECT_TRUE(std::filesystem::exists(state_ + "/health"));
}

TEST_F(HealthFileTest, DamagedFile_IsDataLoss) {
  ASSERT_TRUE(Create().Write({boot_, 5, HealthState::kReady, "x"}).ok());
  const std::string path = std::filesystem::directory_iterator(run_)->path();
  for (const char* text : {"", "x", "hoptrail-health 1 a b c d\n", "\n\n"}) {
    { std::ofstream(path) << text; }
    EXPECT_EQ(Read().status().code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(Read().status().message()), HasSubstr(path));
  }
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);  // must not hang
  EXPECT_FALSE(Read().ok());
}

TEST_F(HealthFileTest, LongOrControlDetail_IsBoundedAndEscaped) {
  const HealthFile file = Create();
  ASSERT_TRUE(
      file.Write({boot_, 5, HealthState::kLive, "a\nb\x1b[2J" + std::string(10'000, 'x')}).ok());
  EXPECT_THAT(Read()->detail, HasSubstr("a\\x0ab\\x1b[2Jxxx"));
  EXPECT_LT(Read()->detail.size(), 300u);
}

TEST_F(HealthFileTest, ConcurrentWriter_NeverShowsAMixedRecord) {
  const HealthFile file = Create();
  ASSERT_TRUE(file.Write({boot_, 1, HealthState::kLive, "a"}).ok());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (uint64_t i = 1; !stop; ++i) {
      EXPECT_TRUE(file.Write({boot_, i, i % 2 == 0 ? HealthState::kReady : HealthState::kLive,
                              std::string(i % 2 == 0 ? 250 : 1, 'a')})
                      .ok());
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const auto record = Read();
    ASSERT_TRUE(record.ok()) << record.status();
    ASSERT_EQ(record->detail.size(), record->state == HealthState::kReady ? 250u : 1u);
  }
  stop = true;
  writer.join();
}

TEST_F(HealthFileTest, StaleOrEarlierBootRecord_FailsTheProbe) {
  const uint64_t now = 1000 * kSecondNs;
  using enum HealthState;
  const auto why = [&](HealthState wanted, uint64_t age_s, HealthState state) {
    return WhyNot(wanted, {boot_, now - age_s * kSecondNs, state, "the reason"}, boot_, now)
        .value_or("fine");
  };
  EXPECT_EQ(why(kReady, 1, kReady), "fine");
  EXPECT_EQ(why(kReady, 1, kLive), "the reason");
  EXPECT_EQ(why(kLive, 1, kLive), "fine");
  EXPECT_EQ(why(kLive, 1, kDown), "the reason");
  EXPECT_THAT(why(kReady, 16, kReady), HasSubstr("been silent for 16 s"));
  EXPECT_EQ(why(kLive, 59, kLive), "fine");
  EXPECT_THAT(why(kLive, 61, kReady), HasSubstr("been silent for 61 s"));
  EXPECT_EQ(why(kLive, 600, kDown), "the reason");
  EXPECT_EQ(WhyNot(kReady, {boot_, now + 1, kReady, ""}, boot_, now), std::nullopt);
  EXPECT_THAT(*WhyNot(kLive, {boot_, now, kReady, ""}, model::BootId(), now),
              HasSubstr("since the host started"));
}

}  // namespace
}  // namespace hoptrail::agent
