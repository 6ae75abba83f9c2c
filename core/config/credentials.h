#ifndef HOPTRAIL_CORE_CONFIG_CREDENTIALS_H_
#define HOPTRAIL_CORE_CONFIG_CREDENTIALS_H_

// How the files of a TlsConfig become a client's gRPC credentials, for agent and command line; a
// server's are in server_tls.h. Files are read at every call, so a caller that calls again for each
// connection takes up replaced certificates without a restart. Errors are for the operator and name
// the file and what is wrong: missing, no PEM, expired, not valid yet, key of another certificate.
// Nothing of a private key is ever in a message. Thread-safe.

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

// The same, and forgets them.
absl::Status CheckTls(const v1::TlsConfig& tls);

// Mutual TLS, client's side: shows the own certificate, demands one signed by `ca_file`.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ClientCredentials(
    const v1::TlsConfig& tls);

// A new connection to a collector, never shared with an earlier channel: over TLS, or in plain
// text to a UNIX socket. INVALID_ARGUMENT where the address is none, or is another kind and lacks
// `tls`. Does not connect yet.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const v1::CollectorAddress& collector,
                                                           grpc::ChannelArguments arguments);

// Why the other side may refuse our certificate, where that can be seen from here: "agent.pem was
// issued by CN=Other, which is none of ca.pem's authorities". Empty where nothing is wrong. TLS 1.3
// tells a client nothing but that the connection was closed.
std::string CertificateDoubt(const v1::TlsConfig& tls);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_CREDENTIALS_H_
