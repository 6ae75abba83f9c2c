#include "core/config/tls_probe.h"

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "core/base/unique_fd.h"
#include "core/config/test_certificates.h"
#include <netinet/in.h>
#include <sys/socket.h>

namespace hoptrail::config {
namespace {

using ::testing::HasSubstr;

std::string Content(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

// A gRPC server that requires certificates of the authority in `tls`, as the collector does.
class Server {
 public:
  explicit Server(const v1::TlsConfig& tls) {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = Content(tls.ca_file());
    options.pem_key_cert_pairs.push_back(
        {Content(tls.key_file()), Content(tls.certificate_file())});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("localhost:0", grpc::SslServerCredentials(options), &port_);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
  }
  int port() const { return port_; }

 private:
  int port_ = 0;
  grpc::CallbackGenericService service_;  // knows no method
  std::unique_ptr<grpc::Server> server_;
};

class TlsProbe : public ::testing::Test {
 protected:
  std::string Why(int port, const v1::TlsConfig& tls, const std::string& server_name = "") {
    v1::CollectorAddress collector;
    collector.set_address(absl::StrCat("localhost:", port));
    *collector.mutable_tls() = tls;
    collector.mutable_tls()->set_server_name(server_name);
    return WhyNoTls(collector, absl::Seconds(10));
  }

  const TestAuthority ours_{"tls_probe", "Test CA"};
  const TestAuthority other_{"tls_probe_other", "Other CA"};
  const v1::TlsConfig client_ = ours_.Issue("client", 3600);
};

TEST_F(TlsProbe, GoodServer_GivesNoReason) {
  const Server server(ours_.Issue("server", 3600));
  EXPECT_EQ(Why(server.port(), client_), "");
}

TEST_F(TlsProbe, UnknownAuthority_IsNamed) {
  const Server server(other_.Issue("server", 3600));
  EXPECT_THAT(
      Why(server.port(), client_),
      HasSubstr(absl::StrCat("the collector's certificate was issued by CN = Other CA, which "
                             "is none of the authorities in ",
                             client_.ca_file())));
}

TEST_F(TlsProbe, CertificateOfAnotherHost_IsNamed) {
  const Server server(
      ours_.Issue("server", 3600, {.names = "DNS:collector.example,IP:192.0.2.1,IP:2001:db8::1"}));
  EXPECT_THAT(Why(server.port(), client_),
              HasSubstr("is for collector.example, 192.0.2.1, 2001:db8::1, not for localhost"));
  EXPECT_EQ(Why(server.port(), client_, "collector.example"), "");
  EXPECT_EQ(Why(server.port(), client_, "192.0.2.1"), "");
}

TEST_F(TlsProbe, ExpiredOrFutureCertificate_IsNamed) {
  const Server expired(ours_.Issue("server", -60));
  EXPECT_THAT(Why(expired.port(), client_), HasSubstr("the collector's certificate expired on "));
  const Server early(ours_.Issue("early", 7200, {.from_seconds = 3600}));
  EXPECT_THAT(Why(early.port(), client_), HasSubstr("not valid yet"));
}

TEST_F(TlsProbe, ClientCertificateOnTheServer_IsNamed) {
  const Server server(ours_.Issue("server", 3600, {.usage = "clientAuth"}));
  EXPECT_THAT(Why(server.port(), client_), HasSubstr("not good: unsuitable certificate purpose"));
}

TEST_F(TlsProbe, RefusedClientCertificate_IsNamed) {
  const Server server(ours_.Issue("server", 3600));
  v1::TlsConfig tls = other_.Issue("client", 3600);
  tls.set_ca_file(client_.ca_file());
  EXPECT_THAT(Why(server.port(), tls),
              AllOf(HasSubstr("does not accept the certificate " + tls.certificate_file()),
                    HasSubstr("was issued by CN = Other CA")));
}

TEST_F(TlsProbe, PortWithoutTls_IsNamed) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  std::thread other([&] {
    const UniqueFd connection(::accept(listener.get(), nullptr, nullptr));
    char hello[4096];
    EXPECT_GT(::read(connection.get(), hello, sizeof(hello)), 0);
    EXPECT_GT(::write(connection.get(), "SSH-2.0-x\r\n", 11), 0);
    EXPECT_GE(::read(connection.get(), hello, sizeof(hello)), -1);
  });
  EXPECT_THAT(Why(ntohs(address.sin_port), client_),
              HasSubstr("speaks no TLS that fits (wrong version"));
  other.join();
}

TEST_F(TlsProbe, NothingAnswers_GivesNoReason) {
  EXPECT_EQ(Why(1, client_), "");
  v1::CollectorAddress collector;
  collector.set_address("unix:/nowhere");
  EXPECT_EQ(WhyNoTls(collector, absl::Seconds(1)), "");
}

}  // namespace
}  // namespace hoptrail::config
