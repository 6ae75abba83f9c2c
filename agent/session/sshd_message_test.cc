#include "agent/session/sshd_message.h"

#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

namespace hoptrail::agent::session {
namespace {

using model::AuthMethod;

constexpr char kKey[] = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
constexpr char kOtherKey[] = "SHA256:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

TEST(SshdMessageTest, AcceptedPublicKey_HasItsTypeAndFingerprint) {
  const auto message = ParseSshdMessage(
      absl::StrCat("Accepted publickey for deploy from 192.0.2.7 port 40022 ssh2: ED25519 ", kKey));
  ASSERT_TRUE(message.has_value());
  EXPECT_TRUE(message->accepted);
  EXPECT_EQ(message->method, AuthMethod::kPublicKey);
  EXPECT_EQ(message->user, "deploy");
  EXPECT_EQ(model::ToString(message->origin), "192.0.2.7:40022");
  EXPECT_EQ(message->key_type, "ED25519");
  EXPECT_EQ(message->key_fingerprint, kKey);
}

TEST(SshdMessageTest, AcceptedCertificate_HasItsIdAndKey) {
  const auto message = ParseSshdMessage(
      absl::StrCat("Accepted publickey for root from 2001:db8::1 port 1 ssh2: ED25519-CERT ", kKey,
                   " ID build bot (serial 42) CA ECDSA ", kOtherKey));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->method, AuthMethod::kCertificate);
  EXPECT_EQ(message->certificate_id, "build bot");
  EXPECT_EQ(message->key_fingerprint, kKey);
  EXPECT_EQ(model::ToString(message->origin), "[2001:db8::1]:1");
}

TEST(SshdMessageTest, OtherMethodsAndFailures_AreRead) {
  EXPECT_EQ(ParseSshdMessage("Accepted password for a from ::ffff:192.0.2.1 port 5 ssh2")->method,
            AuthMethod::kPassword);
  EXPECT_EQ(ParseSshdMessage("Accepted keyboard-interactive/pam for a from 192.0.2.1 port 5 ssh2")
                ->method,
            AuthMethod::kKeyboardInteractive);
  EXPECT_EQ(ParseSshdMessage("Accepted gssapi-with-mic for a from 192.0.2.1 port 5 ssh2: a@REALM")
                ->method,
            AuthMethod::kGssapi);
  EXPECT_EQ(
      ParseSshdMessage("Accepted hostbased for a from 192.0.2.1 port 5 ssh2: RSA key")->method,
      AuthMethod::kHostBased);
  const auto failed =
      ParseSshdMessage("Failed password for invalid user admin from 192.0.2.1 port 5 ssh2");
  ASSERT_TRUE(failed.has_value());
  EXPECT_FALSE(failed->accepted);
  EXPECT_TRUE(failed->invalid_user);
  EXPECT_EQ(failed->user, "admin");
  EXPECT_EQ(ParseSshdMessage("Failed none for a from fe80::1%eth0 port 5 ssh2")->method,
            AuthMethod::kNone);
}

TEST(SshdMessageTest, EscapedUserNames_AreTheNamesOfTheAccounts) {
  const auto user = [](const std::string& escaped) {
    const auto message = ParseSshdMessage(
        absl::StrCat("Accepted password for ", escaped, " from 192.0.2.1 port 5 ssh2"));
    return message.has_value() ? message->user : "none";
  };
  EXPECT_EQ(user("j\\303\\274rgen"), "j\xc3\xbcrgen");
  EXPECT_EQ(user("a\\\\303\\n\\sb"), "a\\303\n b");
  EXPECT_EQ(user("CORP\\\\ann"), "CORP\\ann");
  // No escapes of sshd's.
  EXPECT_EQ(user("\\30"), "\\30");
  EXPECT_EQ(user("\\777\\q\\"), "\\777\\q\\");
  // A name of 100 bytes, each of which is escaped.
  std::string longest, bytes;
  for (int i = 0; i < 50; ++i) {
    longest += "\\320\\266";
    bytes += "\xd0\xb6";
  }
  EXPECT_EQ(user(longest), bytes);
  EXPECT_EQ(user(longest + "x"), "none");
}

TEST(SshdMessageTest, UserNameThatImitatesAnOrigin_DoesNotChangeTheOrigin) {
  const auto message = ParseSshdMessage(
      "Failed password for invalid user root from 203.0.113.9 port 1 ssh2 from 192.0.2.1 port 5 "
      "ssh2");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(model::ToString(message->origin), "192.0.2.1:5");
  EXPECT_EQ(message->user, "root from 203.0.113.9 port 1 ssh2");
}

TEST(SshdMessageTest, UserNameThatImitatesASuccess_DoesNotMakeOne) {
  const auto message = ParseSshdMessage(
      absl::StrCat("Failed publickey for invalid user x from 203.0.113.9 port 1 ssh2: RSA SHA256:x",
                   " from 192.0.2.1 port 5 ssh2: ED25519 ", kKey));
  ASSERT_TRUE(message.has_value());
  EXPECT_FALSE(message->accepted);
  EXPECT_EQ(model::ToString(message->origin), "192.0.2.1:5");
  EXPECT_EQ(message->key_fingerprint, kKey);
  EXPECT_FALSE(
      ParseSshdMessage("Invalid user Accepted password for root from 192.0.2.1 port 5 ssh2"));
}

TEST(SshdMessageTest, InformationOfAnotherForm_IsRefused) {
  // It could contain another origin.
  EXPECT_FALSE(ParseSshdMessage("Accepted password for a from 192.0.2.1 port 5 ssh2: extra"));
  EXPECT_FALSE(ParseSshdMessage(absl::StrCat(
      "Accepted publickey for a from 192.0.2.1 port 5 ssh2: ED25519 ", kKey, " more")));
  EXPECT_FALSE(ParseSshdMessage("Accepted publickey for a from 192.0.2.1 port 5 ssh2: ED25519 x"));
}

TEST(SshdMessageTest, OtherLines_AreRefused) {
  EXPECT_FALSE(ParseSshdMessage(""));
  EXPECT_FALSE(ParseSshdMessage("Accepted"));
  EXPECT_FALSE(ParseSshdMessage("Accepted password for"));
  EXPECT_FALSE(ParseSshdMessage("Accepted magic for a from 192.0.2.1 port 5 ssh2"));
  EXPECT_FALSE(ParseSshdMessage("Accepted password for a from host port 5 ssh2"));
  EXPECT_FALSE(ParseSshdMessage("Accepted password for a from 192.0.2.1 port 99999 ssh2"));
  EXPECT_FALSE(ParseSshdMessage("Accepted password for a from 192.0.2.1 port 5 ssh1"));
  EXPECT_FALSE(ParseSshdMessage("Partial publickey for a from 192.0.2.1 port 5 ssh2"));
  EXPECT_FALSE(ParseSshdMessage(absl::StrCat("Accepted password for ", std::string(101, 'u'),
                                             " from 192.0.2.1 port 5 ssh2")));
  EXPECT_FALSE(ParseSshdMessage(std::string(100'000, ' ')));
}

}  // namespace
}  // namespace hoptrail::agent::session
