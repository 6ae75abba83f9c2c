#include "core/config/server_tls.h"

#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "core/config/test_certificates.h"

namespace hoptrail::config {
namespace {

using ::testing::HasSubstr;

// A server without methods: its UNIMPLEMENTED shows that the handshake succeeded.
class ServerTlsTest : public ::testing::Test {
 protected:
  ServerTlsTest()
      : ours_("server_tls_ours", "Our CA"),
        theirs_("server_tls_theirs", "Their CA"),
        our_server_(ours_.Issue("server", 3600)),
        their_server_(theirs_.Issue("server", 3600)),
        our_client_(ours_.Issue("client", 3600)),
        their_client_(theirs_.Issue("client", 3600)) {
    tls_ = ServerTls::Create(our_server_).value();
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(&nothing_);
    builder.AddListeningPort("localhost:0", tls_->Credentials(), &port_);
    server_ = builder.BuildAndStart();
  }

  std::shared_ptr<grpc::Channel> Open(const v1::TlsConfig& client, const v1::TlsConfig& trusts) {
    v1::CollectorAddress collector;
    collector.set_address(absl::StrCat("localhost:", port_));
    *collector.mutable_tls() = client;
    collector.mutable_tls()->set_ca_file(trusts.ca_file());
    return OpenChannel(collector, {}).value();
  }
  std::shared_ptr<grpc::Channel> OpenWithoutCertificate(const v1::TlsConfig& trusts) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ReadTlsFiles(trusts)->authorities;
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(absl::StrCat("localhost:", port_),
                                     grpc::SslCredentials(options), arguments);
  }
  // UNIMPLEMENTED where the server was reached, UNAVAILABLE where it was not.
  static grpc::StatusCode Ask(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    grpc::CompletionQueue queue;
    auto call = stub.PrepareUnaryCall(&context, "/nothing/Nothing", grpc::ByteBuffer(), &queue);
    call->StartCall();
    grpc::ByteBuffer answer;
    grpc::Status status;
    call->Finish(&answer, &status, nullptr);
    void* tag;
    bool ok;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return status.error_code();
  }

  const TestAuthority ours_, theirs_;
  const v1::TlsConfig our_server_, their_server_, our_client_, their_client_;
  int port_ = 0;
  std::unique_ptr<ServerTls> tls_;
  grpc::CallbackGenericService nothing_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(ServerTlsTest, ReloadedFiles_ServeAndVerifyNewConnections) {
  const auto open = Open(our_client_, our_server_);
  EXPECT_EQ(Ask(open), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(Ask(Open(their_client_, our_server_)), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Ask(OpenWithoutCertificate(our_server_)), grpc::StatusCode::UNAVAILABLE);

  auto changed = tls_->Reload(their_server_);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_TRUE(*changed);
  EXPECT_EQ(Ask(Open(their_client_, their_server_)), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(Ask(Open(our_client_, their_server_)), grpc::StatusCode::UNAVAILABLE)
      << "its authority counts no more";
  EXPECT_EQ(Ask(OpenWithoutCertificate(their_server_)), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Ask(Open(our_client_, our_server_)), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Ask(open), grpc::StatusCode::UNIMPLEMENTED) << "what is open stays";
}

TEST_F(ServerTlsTest, BadFilesOnReload_ChangeNothing) {
  v1::TlsConfig mixed = their_server_;
  mixed.set_key_file(our_server_.key_file());
  const auto bad = tls_->Reload(mixed);
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("is not the key"));
  EXPECT_EQ(Ask(Open(our_client_, our_server_)), grpc::StatusCode::UNIMPLEMENTED);
  const auto same = tls_->Reload(our_server_);
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_FALSE(*same);
}

}  // namespace
}  // namespace hoptrail::config
