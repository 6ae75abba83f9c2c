#ifndef HOPTRAIL_CORE_CONFIG_CREDENTIALS_H_
#define HOPTRAIL_CORE_CONFIG_CREDENTIALS_H_

// Opens gRPC channels with the files of a TlsConfig, for agent and command line; server_tls.h has
// the server's side. Files are read at every call, so a caller that calls again for each connection
// uses replaced certificates without a restart. Errors are for the operator and name the file and
// what is wrong: missing, not PEM, expired, not valid yet, key of another certificate. No message
// contains any part of a private key. Thread-safe.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include <grpcpp/grpcpp.h>

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {

struct PemTexts {
  std::string authorities;
  std::string chain;
  std::string key;

  bool operator==(const PemTexts&) const = default;
};

// Reads and checks all three files. CheckTlsFiles() says more.
absl::StatusOr<PemTexts> ReadTlsFiles(const v1::TlsConfig& tls);

// Checks the files and returns no text.
absl::Status CheckTls(const v1::TlsConfig& tls);

// A new connection to a collector, never shared with an earlier channel: over mutual TLS, or in
// plain text to a UNIX socket. INVALID_ARGUMENT for an invalid address, and for one of another kind
// without `tls`. Does not connect yet.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const v1::CollectorAddress& collector,
                                                           grpc::ChannelArguments arguments);

// A reason why the other side may refuse our certificate, as far as this side can see: "agent.pem
// was issued by CN=Other, which is none of ca.pem's authorities". Empty where there is none. With
// TLS 1.3 a refused client learns only that the connection was closed.
std::string CertificateDoubt(const v1::TlsConfig& tls);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_CREDENTIALS_H_
