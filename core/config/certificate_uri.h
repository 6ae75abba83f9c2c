#ifndef HOPTRAIL_CORE_CONFIG_CERTIFICATE_URI_H_
#define HOPTRAIL_CORE_CONFIG_CERTIFICATE_URI_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace hoptrail::config {

// The owner of a certificate, from a URI of its subject alternative names:
// spiffe://hoptrail/ROLE/NAME.
struct CertificateOwner {
  std::string role;  // "agent", "reader", "operator", "collector", or something else
  std::string name;  // an agent's: its machine id
};

// Nothing for other URIs and malformed ones.
std::optional<CertificateOwner> ParseCertificateUri(absl::string_view uri);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_CERTIFICATE_URI_H_
