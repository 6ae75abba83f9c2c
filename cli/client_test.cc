#include "cli/client.h"

#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "cli/services_fake.h"
#include "core/config/test_certificates.h"

namespace hoptrail::cli {
namespace {

using ::testing::HasSubstr;

// gRPC logs lines of its own about every TLS failure, and its error message does not say why.
class TlsFailureTest : public ::testing::Test {
 protected:
  static grpc::SslServerCredentialsOptions ServerOptions(const v1::TlsConfig& tls) {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = Content(tls.ca_file());
    options.pem_key_cert_pairs.push_back(
        {Content(tls.key_file()), Content(tls.certificate_file())});
    return options;
  }
  static std::string Content(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }
  // The error of `hoptrail hosts`. Sets `leaked_` to what libraries wrote to standard error.
  std::string Message(const v1::TlsConfig& server_tls, const v1::TlsConfig& tls) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("localhost:0", grpc::SslServerCredentials(ServerOptions(server_tls)),
                             &port);
    builder.RegisterService(&fleet_);
    const auto server = builder.BuildAndStart();
    v1::CollectorAddress collector;
    collector.set_address(absl::StrCat("localhost:", port));
    *collector.mutable_tls() = tls;
    ::testing::internal::CaptureStderr();
    const auto client = Client::Create(collector);
    const absl::Status status = client.ok() ? (*client)->ListHosts(1).status() : client.status();
    leaked_ = ::testing::internal::GetCapturedStderr();
    return std::string(status.message());
  }

  FakeFleet fleet_;
  const config::TestAuthority ours_{"cli_tls", "Test CA"};
  const config::TestAuthority other_{"cli_tls_other", "Other CA"};
  std::string leaked_;
};

TEST_F(TlsFailureTest, WrongCertificate_IsOneClearError) {
  const v1::TlsConfig good = ours_.Issue("reader", 3600);
  EXPECT_EQ(Message(ours_.Issue("server", 3600), good), "");

  EXPECT_THAT(Message(other_.Issue("server", 3600), good),
              ::testing::AllOf(HasSubstr("no connection to the collector at localhost:"),
                               HasSubstr("was issued by CN = Other CA")));
  EXPECT_EQ(leaked_, "");

  v1::TlsConfig foreign = other_.Issue("reader", 3600);
  foreign.set_ca_file(good.ca_file());
  EXPECT_THAT(Message(ours_.Issue("server", 3600), foreign),
              HasSubstr("does not accept the certificate " + foreign.certificate_file()));
  EXPECT_EQ(leaked_, "");

  EXPECT_THAT(Message(ours_.Issue("server", 3600, {.names = "DNS:elsewhere.example"}), good),
              HasSubstr("is for elsewhere.example, not for localhost"));
  EXPECT_EQ(leaked_, "");

  EXPECT_THAT(Message(ours_.Issue("server", -60), good), HasSubstr("expired on"));
  EXPECT_EQ(leaked_, "");

  v1::TlsConfig mixed = good;
  mixed.set_key_file(ours_.Issue("other", 3600).key_file());
  EXPECT_THAT(Message(ours_.Issue("server", 3600), mixed), HasSubstr("is not the key of"));
  EXPECT_EQ(leaked_, "");
}

TEST(ClientTest, UnreadableTlsFile_IsNamedInTheError) {
  v1::CollectorAddress collector;
  collector.set_address("c:1");
  collector.mutable_tls()->set_ca_file("/nonexistent/ca.crt");
  EXPECT_THAT(std::string(Client::Create(collector).status().message()),
              HasSubstr("/nonexistent/ca.crt: No such"));
}

}  // namespace
}  // namespace hoptrail::cli
