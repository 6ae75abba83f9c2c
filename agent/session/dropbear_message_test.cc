#include "agent/session/dropbear_message.h"

#include <string>

#include "gtest/gtest.h"

namespace hoptrail::agent::session {
namespace {

constexpr char kFingerprint[] = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

TEST(DropbearMessageTest, LoginByKey_HasItsTypeAndFingerprint) {
  const auto message =
      ParseDropbearMessage(std::string("Pubkey auth succeeded for 'bob' with ssh-ed25519 key ") +
                           kFingerprint + " from 192.0.2.1:40000");
  ASSERT_TRUE(message.has_value());
  EXPECT_TRUE(message->accepted);
  EXPECT_EQ(message->method, model::AuthMethod::kPublicKey);
  EXPECT_EQ(message->user, "bob");
  EXPECT_EQ(message->key_type, "ED25519");
  EXPECT_EQ(message->key_fingerprint, kFingerprint);
  EXPECT_EQ(model::ToString(message->origin.address), "192.0.2.1");
  EXPECT_EQ(message->origin.port, 40000);
}

TEST(DropbearMessageTest, KeyTypes_AreNamedAsSshdNamesThem) {
  for (const auto& [algorithm, type] : {std::pair{"rsa-sha2-256", "RSA"},
                                        {"ssh-rsa", "RSA"},
                                        {"ecdsa-sha2-nistp256", "ECDSA"},
                                        {"sk-ssh-ed25519@openssh.com", "ED25519-SK"}}) {
    const auto message =
        ParseDropbearMessage(std::string("Pubkey auth succeeded for 'bob' with ") + algorithm +
                             " key " + kFingerprint + " from 192.0.2.1:40000");
    ASSERT_TRUE(message.has_value()) << algorithm;
    EXPECT_EQ(message->key_type, type);
  }
}

TEST(DropbearMessageTest, OldFingerprint_IsWrittenAsSshdWritesIt) {
  const auto message = ParseDropbearMessage(
      "Pubkey auth succeeded for 'bob' with ssh-rsa key md5 "
      "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff from 192.0.2.1:40000");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->key_fingerprint, "MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff");
}

TEST(DropbearMessageTest, LoginByPasswordOverIpv6_IsParsed) {
  const auto message =
      ParseDropbearMessage("Password auth succeeded for 'bob' from 2001:db8::1:40000");
  ASSERT_TRUE(message.has_value());
  EXPECT_TRUE(message->accepted);
  EXPECT_EQ(message->method, model::AuthMethod::kPassword);
  EXPECT_EQ(model::ToString(message->origin.address), "2001:db8::1");
}

TEST(DropbearMessageTest, WrongPassword_IsAFailure) {
  const auto message = ParseDropbearMessage("Bad password attempt for 'bob' from 192.0.2.1:40000");
  ASSERT_TRUE(message.has_value());
  EXPECT_FALSE(message->accepted);
  EXPECT_EQ(message->user, "bob");
}

TEST(DropbearMessageTest, OtherLines_AreNotParsed) {
  for (const char* text :
       {"", "Pubkey auth succeeded for '", "Password auth succeeded for 'bob'",
        "Password auth succeeded for 'bob' from nowhere",
        "Password auth succeeded for 'bob' from 192.0.2.1:70000",
        "Password auth succeeded for 'bob' from 192.0.2.1:40000, extra auth required",
        "Pubkey auth succeeded for 'bob' from 192.0.2.1:40000",
        "Exit (bob) from <192.0.2.1:40000>: Exited normally"}) {
    EXPECT_FALSE(ParseDropbearMessage(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace hoptrail::agent::session
