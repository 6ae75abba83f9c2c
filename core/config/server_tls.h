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

// Mutual TLS of one listener, as ServerCredentials of credentials.h, with files that may change:
// after Reload every new connection gets the new ones, to show and to verify clients by, and those
// that are open stay. Uses gRPC's own way to do that, which its C++ surface leaves out: a callback
// at the beginning of each handshake. Outlives the server. Thread-safe.
class ServerTls {
 public:
  static absl::StatusOr<std::unique_ptr<ServerTls>> Create(const v1::TlsConfig& tls);

  // For one listener only: each is told once of what is new.
  std::shared_ptr<grpc::ServerCredentials> Credentials();

  // Reads the files again, which may be others now. True: they say something new. What was in use
  // stays in use after an error, which is for the operator.
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
