#include "core/config/server_tls.h"

#include <string>
#include <utility>

#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::config {
namespace {

// Wraps credentials of the C API, which grpc::SslServerCredentials() cannot create.
class FetchedCredentials final : public grpc::ServerCredentials {
 public:
  explicit FetchedCredentials(grpc_server_credentials* credentials) : credentials_(credentials) {}
  ~FetchedCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& processor) override {
    HT_CHECK(processor == nullptr);  // the project uses none
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  grpc_server_credentials* const credentials_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ServerTls>> ServerTls::Create(const v1::TlsConfig& tls) {
  HT_ASSIGN_OR_RETURN(PemTexts texts, ReadTlsFiles(tls));
  return std::unique_ptr<ServerTls>(new ServerTls(std::move(texts)));
}

std::shared_ptr<grpc::ServerCredentials> ServerTls::Credentials() {
  grpc_ssl_server_credentials_options* options =
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, &ServerTls::Fetch, this);
  return std::make_shared<FetchedCredentials>(
      grpc_ssl_server_credentials_create_with_options(options));
}

absl::StatusOr<bool> ServerTls::Reload(const v1::TlsConfig& tls) {
  HT_ASSIGN_OR_RETURN(PemTexts texts, ReadTlsFiles(tls));
  MutexLock lock(&mutex_);
  if (texts == texts_) return false;
  texts_ = std::move(texts);
  fetched_ = false;
  return true;
}

grpc_ssl_certificate_config_reload_status ServerTls::Fetch(
    void* self, grpc_ssl_server_certificate_config** config) {
  auto* tls = static_cast<ServerTls*>(self);
  MutexLock lock(&tls->mutex_);
  if (tls->fetched_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  const grpc_ssl_pem_key_cert_pair pair{tls->texts_.key.c_str(), tls->texts_.chain.c_str()};
  *config = grpc_ssl_server_certificate_config_create(tls->texts_.authorities.c_str(), &pair, 1);
  tls->fetched_ = true;
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

}  // namespace hoptrail::config
