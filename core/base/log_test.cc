#include "core/base/log.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::string Logged(absl::string_view message) {
  ::testing::internal::CaptureStderr();
  LogWarning("component", message);
  return ::testing::internal::GetCapturedStderr();
}

TEST(Log, Message_IsOneLine) {
  EXPECT_THAT(Logged("größer \"quoted\""),
              MatchesRegex("20..-..-..T..:..:..\\....Z W component: größer \"quoted\"\n"));
}

TEST(Log, ControlCharactersInAMessage_AreEscaped) {
  EXPECT_THAT(Logged("user x\n2026-01-31T12:00:00.000Z I uplink: connected"),
              HasSubstr("user x\\x0a2026-01-31"));
  EXPECT_THAT(Logged("\x1b[2J\r\x9b\xc2\x9b\u202e\xff"),
              EndsWith("component: \\x1b[2J\\x0d\\x9b\\x9b\\u202e\\xff\n"));
}

TEST(Log, LongMessage_IsCut) {
  const std::string line = Logged(std::string(1 << 20, '\x1b'));
  EXPECT_LT(line.size(), 4096u);
  EXPECT_THAT(line, EndsWith("\u2026\n"));
}

TEST(Log, WriteError_EscapesAndBounds) {
  ::testing::internal::CaptureStderr();
  WriteError("hoptrail-agent", "/etc/\x1b[31m.yaml: no\nsuch file");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "hoptrail-agent: /etc/\\x1b[31m.yaml: no\\x0asuch file\n");
  ::testing::internal::CaptureStderr();
  WriteError("p", std::string(1 << 20, 'x'));
  EXPECT_LT(::testing::internal::GetCapturedStderr().size(), 4096u);
}

}  // namespace
}  // namespace hoptrail
