#ifndef HOPTRAIL_CORE_CONFIG_PEM_H_
#define HOPTRAIL_CORE_CONFIG_PEM_H_

// Reads and checks PEM files. Internal to core/config; others use credentials.h.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace hoptrail::config {

template <typename T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* value) const { Free(value); }
};
using X509Ptr = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;

// The whole file, at most 1 MiB.
absl::StatusOr<std::string> ReadPemFile(const std::string& path);

// At least one certificate, in the order of the file. `path` is for messages.
absl::StatusOr<std::vector<X509Ptr>> ParseCertificates(const std::string& pem,
                                                       const std::string& path);
// An unencrypted private key.
absl::StatusOr<KeyPtr> ParsePrivateKey(const std::string& pem, const std::string& path);

// FAILED_PRECONDITION where the certificate has expired or is not valid yet.
absl::Status CheckValidity(const X509& certificate, const std::string& path);

// "CN=Test CA, O=Example".
std::string IssuerOf(const X509& certificate);
// "Nov 28 19:01:28 2026 GMT".
std::string EndOf(const X509& certificate);

// The URIs of the subject alternative names.
std::vector<std::string> UrisOf(const X509& certificate);
// The DNS names and IP addresses among them: clients look for the server's name there.
std::vector<std::string> ServerNamesOf(const X509& certificate);
// Whether it may sign others.
bool IsAuthority(X509* certificate);
// Whether its key usages, where it has any, allow a TLS server or client.
bool IsGoodFor(X509* certificate, bool server);
bool IsKeyOf(const EVP_PKEY& key, const X509& certificate);

// Whether one of `authorities` could have issued `chain`, its intermediates taken into account.
bool IsSignedBy(const std::vector<X509Ptr>& chain, const std::vector<X509Ptr>& authorities);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_PEM_H_
