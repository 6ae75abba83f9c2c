#include "agent/decode/claim_bodies.h"

#include <cstring>
#include <string>

#include "bpf/abi/events.h"
#include "gtest/gtest.h"

#include "agent/decode/decoder.h"
#include "agent/decode/decoder_testing.h"

namespace hoptrail::agent::decode {
namespace {

TEST(ClaimBodiesTest, PamRecord_IsDecodedAndItsTextsAreBounded) {
  auto pam = Record<ht_pam>(HT_TYPE_PAM);
  pam.step = HT_PAM_OPEN_SESSION;
  pam.verified = 1;
  pam.result = 7;
  pam.user.length = 4;
  std::memcpy(pam.user_bytes, "root", 4);
  pam.remote_host.length = 60000;  // more than the field holds
  std::memset(pam.remote_host_bytes, 'x', sizeof(pam.remote_host_bytes));
  const auto event = Decode(&pam, sizeof(pam));
  ASSERT_TRUE(event.ok());
  const auto& body = std::get<Pam>(event->body);
  EXPECT_EQ(body.step, PamStep::kOpenSession);
  EXPECT_EQ(body.user, "root");
  EXPECT_EQ(body.result, 7);
  EXPECT_TRUE(body.verified);
  EXPECT_EQ(body.remote_host, std::string(HT_PAM_HOST_BYTES, 'x'));
}

TEST(ClaimBodiesTest, SshdRecord_IsDecoded) {
  auto sshd = Record<ht_sshd>(HT_TYPE_SSHD);
  sshd.text.length = 8;
  std::memcpy(sshd.bytes, "Accepted", 8);
  sshd.kind = HT_LOGIN_DROPBEAR;
  const auto message = Decode(&sshd, sizeof(sshd));
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(std::get<SshdMessage>(message->body).text, "Accepted");
  EXPECT_EQ(std::get<SshdMessage>(message->body).kind, LoginText::kDropbear);
}

TEST(ClaimBodiesTest, DecisionOfSshd_HasItsMethodAndKey) {
  auto sshd = Record<ht_sshd>(HT_TYPE_SSHD);
  sshd.kind = HT_LOGIN_DECISION;
  ht_decision decision = {};
  std::strcpy(decision.method, "publickey");
  std::strcpy(decision.key_type, "ED25519-CERT");
  std::strcpy(decision.key_fingerprint, "SHA256:x");
  std::memset(decision.certificate_id, 'i', sizeof(decision.certificate_id));
  std::memcpy(sshd.bytes, &decision, sizeof(decision));
  const auto event = Decode(&sshd, sizeof(sshd));
  ASSERT_TRUE(event.ok());
  const auto& message = std::get<SshdMessage>(event->body);
  EXPECT_EQ(message.text, "publickey");
  EXPECT_EQ(message.key_type, "ED25519-CERT");
  EXPECT_EQ(message.key_fingerprint, "SHA256:x");
  EXPECT_EQ(message.certificate_id, std::string(sizeof(decision.certificate_id), 'i'));
}

}  // namespace
}  // namespace hoptrail::agent::decode
