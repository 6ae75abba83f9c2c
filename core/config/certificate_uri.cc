#include "core/config/certificate_uri.h"

#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace hoptrail::config {
namespace {

constexpr size_t kMaxName = 256;

}  // namespace

std::optional<CertificateOwner> ParseCertificateUri(absl::string_view uri) {
  if (!absl::ConsumePrefix(&uri, "spiffe://hoptrail/")) return std::nullopt;
  const std::vector<absl::string_view> parts = absl::StrSplit(uri, '/');
  if (parts.size() != 2 || parts[1].empty() || parts[1].size() > kMaxName) return std::nullopt;
  return CertificateOwner{std::string(parts[0]), std::string(parts[1])};
}

}  // namespace hoptrail::config
