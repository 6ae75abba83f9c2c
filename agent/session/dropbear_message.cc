#include "agent/session/dropbear_message.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace hoptrail::agent::session {
namespace {

constexpr size_t kMaxLine = 1024;
constexpr size_t kMaxUser = 100;

struct Kind {
  absl::string_view beginning;
  model::AuthMethod method;
  bool accepted;
};
constexpr Kind kKinds[] = {
    {"Pubkey auth succeeded for '", model::AuthMethod::kPublicKey, true},
    {"Password auth succeeded for '", model::AuthMethod::kPassword, true},
    {"PAM password auth succeeded for '", model::AuthMethod::kPassword, true},
    {"Bad password attempt for '", model::AuthMethod::kPassword, false},
    {"Bad PAM password attempt for '", model::AuthMethod::kPassword, false},
};

// "ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "sk-ssh-ed25519@openssh.com".
std::string KeyType(absl::string_view algorithm) {
  const bool security_key = absl::ConsumePrefix(&algorithm, "sk-");
  std::string type;
  if (absl::StartsWith(algorithm, "ssh-ed25519")) type = "ED25519";
  if (absl::StartsWith(algorithm, "ecdsa-")) type = "ECDSA";
  if (absl::StartsWith(algorithm, "rsa-") || algorithm == "ssh-rsa") type = "RSA";
  if (algorithm == "ssh-dss") type = "DSA";
  return security_key && !type.empty() ? absl::StrCat(type, "-SK") : type;
}

// Dropbear before 2022 prints "md5 aa:bb:…".
std::string Fingerprint(absl::string_view text) {
  const bool md5 = absl::ConsumePrefix(&text, "md5 ");
  std::string fingerprint = md5 ? absl::StrCat("MD5:", text) : std::string(text);
  return IsKeyFingerprint(fingerprint) ? fingerprint : std::string();
}

// "ADDRESS:PORT", without brackets around an IPv6 address.
bool ParseOrigin(absl::string_view text, model::Endpoint& origin) {
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port) ||
      port > 65535) {
    return false;
  }
  const auto address = model::ParseIpAddress(text.substr(0, colon));
  if (!address.ok()) return false;
  origin = {*address, static_cast<uint16_t>(port)};
  return true;
}

// Removes the text after the last `separator` from `text`, and the separator; returns that text.
std::optional<absl::string_view> TakeLast(absl::string_view separator, absl::string_view& text) {
  const size_t at = text.rfind(separator);
  if (at == absl::string_view::npos) return std::nullopt;
  const absl::string_view last = text.substr(at + separator.size());
  text = text.substr(0, at);
  return last;
}

}  // namespace

std::optional<SshdMessage> ParseDropbearMessage(absl::string_view text) {
  if (text.size() > kMaxLine) return std::nullopt;
  for (const Kind& kind : kKinds) {
    if (!absl::ConsumePrefix(&text, kind.beginning)) continue;
    SshdMessage message;
    message.accepted = kind.accepted;
    message.method = kind.method;
    const auto origin = TakeLast(" from ", text);
    if (!origin.has_value() || !ParseOrigin(*origin, message.origin)) return std::nullopt;
    if (kind.method == model::AuthMethod::kPublicKey) {
      const auto fingerprint = TakeLast(" key ", text);
      const auto algorithm = TakeLast("' with ", text);
      if (!fingerprint.has_value() || !algorithm.has_value()) return std::nullopt;
      message.key_type = KeyType(*algorithm);
      message.key_fingerprint = Fingerprint(*fingerprint);
    } else if (!absl::ConsumeSuffix(&text, "'")) {
      return std::nullopt;
    }
    if (text.empty() || text.size() > kMaxUser) return std::nullopt;
    message.user = std::string(text);
    return message;
  }
  return std::nullopt;
}

}  // namespace hoptrail::agent::session
