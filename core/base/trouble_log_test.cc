#include "core/base/trouble_log.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail {
namespace {

using ::testing::HasSubstr;

TEST(TroubleLogTest, RepeatedError_IsLoggedOnChangeAndOnceAMinute) {
  FakeClock clock;
  TroubleLog log("store", &clock);
  const auto note = [&log](const absl::Status& status) {
    testing::internal::CaptureStderr();
    log.Note(status);
    return testing::internal::GetCapturedStderr();
  };
  const absl::Status full = absl::ResourceExhaustedError("disk full");
  EXPECT_EQ(note(absl::OkStatus()), "");
  EXPECT_THAT(note(full), HasSubstr("E store: RESOURCE_EXHAUSTED: disk full"));
  clock.AdvanceNs(59'000'000'000);
  EXPECT_EQ(note(full), "");
  clock.AdvanceNs(1'000'000'000);
  EXPECT_THAT(note(full), HasSubstr("disk full"));
  EXPECT_THAT(note(absl::UnavailableError("I/O error")), HasSubstr("I/O error"));
  EXPECT_THAT(note(absl::OkStatus()), HasSubstr("I store: recovered"));
  EXPECT_EQ(note(absl::OkStatus()), "");
}

}  // namespace
}  // namespace hoptrail
