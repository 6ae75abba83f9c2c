#include "core/config/credentials.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/test_certificates.h"

namespace hoptrail::config {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(Credentials, GoodFiles_AreAccepted) {
  const TestAuthority authority("credentials_good", "Test CA");
  const v1::TlsConfig tls = authority.Issue("agent", 3600);
  EXPECT_TRUE(CheckTls(tls).ok()) << CheckTls(tls);
  EXPECT_EQ(CertificateDoubt(tls), "");
}

TEST(Credentials, BadFile_IsNamedInTheError) {
  const TestAuthority authority("credentials_faults", "Test CA");
  const v1::TlsConfig good = authority.Issue("agent", 3600);
  v1::TlsConfig tls = good;
  tls.set_ca_file("/nowhere/ca.pem");
  EXPECT_EQ(CheckTls(tls).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(CheckTls(tls)), HasSubstr("/nowhere/ca.pem"));

  tls = good;
  tls.set_certificate_file(good.key_file());
  EXPECT_THAT(Message(CheckTls(tls)), HasSubstr(good.key_file() + ": holds no certificate"));

  tls = good;
  tls.set_key_file(good.certificate_file());
  EXPECT_THAT(Message(CheckTls(tls)), HasSubstr(": holds no private key"));

  tls = good;
  tls.set_key_file(authority.Issue("other", 3600).key_file());
  EXPECT_THAT(Message(CheckTls(tls)), HasSubstr("is not the key of the certificate in"));

  tls = authority.Issue("old", -60);
  EXPECT_THAT(Message(CheckTls(tls)), HasSubstr("old.pem: the certificate expired on"));
}

TEST(Credentials, UnknownIssuer_IsNamedInTheDoubt) {
  const TestAuthority ours("credentials_ours", "Test CA");
  const TestAuthority other("credentials_other", "Other CA");
  v1::TlsConfig tls = other.Issue("agent", 3600);
  tls.set_ca_file(ours.Issue("x", 3600).ca_file());
  EXPECT_TRUE(CheckTls(tls).ok());
  EXPECT_THAT(CertificateDoubt(tls), HasSubstr("was issued by CN = Other CA"));
}

TEST(Credentials, ChannelWithoutTls_IsForUnixSocketsOnly) {
  const TestAuthority authority("credentials_channel", "Test CA");
  v1::CollectorAddress collector;
  collector.set_address("unix:/tmp/x.sock");
  EXPECT_TRUE(OpenChannel(collector, {}).ok());
  collector.set_address("127.0.0.1:7443");
  const auto channel = OpenChannel(collector, {});
  EXPECT_EQ(channel.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(channel.status()), HasSubstr("collector.tls: required"));
  *collector.mutable_tls() = authority.Issue("agent", 3600);
  EXPECT_TRUE(OpenChannel(collector, {}).ok());
}

}  // namespace
}  // namespace hoptrail::config
