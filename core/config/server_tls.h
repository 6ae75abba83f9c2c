#ifndef HOPTRAIL_CORE_CONFIG_SERVER_TLS_H_
#define HOPTRAIL_CORE_CONFIG_SERVER_TLS_H_

#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include <grpc/grpc_security.h>
#include <grpcpp/grpcpp.h>

#include "core/base/mutex.h"
#include "core/config/credentials.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {

// gRPC credentials for mutual TLS of one listener, from files that may change. After Reload() every
// new connection presents the new certificate and verifies the client by the new authorities; open
// connections stay. gRPC offers this only in its C API: a callback at the beginning of each
// handshake. Must outlive the server. Thread-safe.
class ServerTls {
 public:
  static absl::StatusOr<std::unique_ptr<ServerTls>> Create(const v1::TlsConfig& tls);

  // For one listener only: each new configuration is fetched once.
  std::shared_ptr<grpc::ServerCredentials> Credentials();

  // Reads the files again; `tls` may name others. True: their contents changed. After an error,
  // which is for the operator, the previous contents stay in use.
  absl::StatusOr<bool> Reload(const v1::TlsConfig& tls);

 private:
  explicit ServerTls(PemTexts texts) : texts_(std::move(texts)) {}
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config);

  Mutex mutex_;
  PemTexts texts_ ABSL_GUARDED_BY(mutex_);
  bool fetched_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_SERVER_TLS_H_
