#include "agent/session/sshd_message.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace hoptrail::agent::session {
namespace {

constexpr size_t kMaxLine = 4096;
constexpr size_t kMaxUser = 100;       // auth_log prints "%.100s"
constexpr size_t kMaxEscapedByte = 4;  // "\303"
constexpr size_t kMaxCertificateId = 1024;
constexpr absl::string_view kFrom = " from ";

}  // namespace

model::AuthMethod ParseSshMethod(absl::string_view word) {
  // A submethod follows a slash: "keyboard-interactive/pam".
  const absl::string_view name = word.substr(0, word.find('/'));
  if (name == "password") return model::AuthMethod::kPassword;
  if (name == "publickey") return model::AuthMethod::kPublicKey;
  if (name == "keyboard-interactive") return model::AuthMethod::kKeyboardInteractive;
  if (name == "hostbased") return model::AuthMethod::kHostBased;
  if (name == "gssapi-with-mic" || name == "gssapi-keyex") return model::AuthMethod::kGssapi;
  if (name == "none") return model::AuthMethod::kNone;
  return model::AuthMethod::kUnknown;
}

namespace {

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// sshd escapes a line before it passes it to syslog (log.c, vis(3) with VIS_CSTYLE and VIS_OCTAL):
// "\303\274" for a letter outside ASCII, "\\" for a backslash.
std::string Unescape(absl::string_view text) {
  static constexpr absl::string_view kLetters = "nrbavtfs";
  static constexpr absl::string_view kBytes = "\n\r\b\a\v\t\f ";
  std::string bytes;
  while (!text.empty()) {
    size_t length = 1;
    char byte = text[0];
    if (byte == '\\' && text.size() > 1) {
      const size_t letter = kLetters.find(text[1]);
      if (text.size() >= kMaxEscapedByte && text[1] <= '3' && IsOctal(text[1]) &&
          IsOctal(text[2]) && IsOctal(text[3])) {
        byte = static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
        length = kMaxEscapedByte;
      } else if (text[1] == '\\') {
        length = 2;
      } else if (letter != absl::string_view::npos) {
        byte = kBytes[letter];
        length = 2;
      }
    }
    bytes.push_back(byte);
    text.remove_prefix(length);
  }
  return bytes;
}

// Removes the text before the next space (or the end) from `rest`, and the space; returns the text.
absl::string_view TakeWord(absl::string_view& rest) {
  const size_t space = rest.find(' ');
  const absl::string_view word = rest.substr(0, space);
  rest = space == absl::string_view::npos ? absl::string_view() : rest.substr(space + 1);
  return word;
}

}  // namespace

bool IsKeyType(absl::string_view word) {
  if (word.empty() || word.size() > 32) return false;
  for (char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_isupper(byte) && !absl::ascii_isdigit(byte) && c != '-') return false;
  }
  return true;
}

bool IsKeyFingerprint(absl::string_view word) {
  if (absl::ConsumePrefix(&word, "SHA256:")) {
    if (word.size() != 43) return false;
    for (char c : word) {
      if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '+' && c != '/') return false;
    }
    return true;
  }
  if (!absl::ConsumePrefix(&word, "MD5:") || word.size() != 47) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    const bool valid =
        i % 3 == 2 ? word[i] == ':' : absl::ascii_isxdigit(static_cast<unsigned char>(word[i]));
    if (!valid) return false;
  }
  return true;
}

namespace {

bool IsNumber(absl::string_view word) {
  if (word.empty() || word.size() > 20) return false;
  for (char c : word) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

// The text after " ID " of a certificate: "NAME (serial N) CA TYPE FINGERPRINT".
bool ParseCertificate(absl::string_view text, SshdMessage& message) {
  const size_t serial = text.rfind(" (serial ");
  if (serial == absl::string_view::npos || serial > kMaxCertificateId) return false;
  absl::string_view rest = text.substr(serial + 9);
  absl::string_view number = TakeWord(rest);
  if (!absl::ConsumeSuffix(&number, ")") || !IsNumber(number)) return false;
  if (TakeWord(rest) != "CA" || !IsKeyType(TakeWord(rest)) || !IsKeyFingerprint(TakeWord(rest)) ||
      !rest.empty()) {
    return false;
  }
  message.certificate_id = Unescape(text.substr(0, serial));
  return true;
}

// The text after "ssh2: ".
bool ParseInformation(absl::string_view text, SshdMessage& message) {
  if (message.method != model::AuthMethod::kPublicKey) {
    // Kerberos principals and client hosts: free text that nothing relies on.
    return message.method == model::AuthMethod::kHostBased ||
           message.method == model::AuthMethod::kGssapi;
  }
  const absl::string_view type = TakeWord(text);
  const absl::string_view fingerprint = TakeWord(text);
  if (!IsKeyType(type) || !IsKeyFingerprint(fingerprint)) return false;
  message.key_type = std::string(type);
  message.key_fingerprint = std::string(fingerprint);
  if (text.empty()) return true;
  if (!absl::EndsWith(type, "-CERT") || !absl::ConsumePrefix(&text, "ID ")) return false;
  message.method = model::AuthMethod::kCertificate;
  return ParseCertificate(text, message);
}

// "ADDRESS port N ssh2[: INFORMATION]", to the end of the line.
bool ParseTail(absl::string_view text, SshdMessage& message) {
  const absl::string_view address = TakeWord(text);
  // A link-local address may carry its interface: "fe80::1%eth0".
  const auto parsed = model::ParseIpAddress(address.substr(0, address.find('%')));
  if (!parsed.ok()) return false;
  message.origin.address = *parsed;
  if (TakeWord(text) != "port") return false;
  const absl::string_view port = TakeWord(text);
  uint32_t number = 0;
  if (!IsNumber(port) || !absl::SimpleAtoi(port, &number) || number > 65535) return false;
  message.origin.port = static_cast<uint16_t>(number);
  if (text == "ssh2") return true;
  return absl::ConsumePrefix(&text, "ssh2: ") && ParseInformation(text, message);
}

}  // namespace

std::optional<SshdMessage> ParseSshdMessage(absl::string_view text) {
  if (text.size() > kMaxLine) return std::nullopt;
  SshdMessage head;
  if (absl::ConsumePrefix(&text, "Accepted ")) {
    head.accepted = true;
  } else if (!absl::ConsumePrefix(&text, "Failed ")) {
    return std::nullopt;
  }
  head.method = ParseSshMethod(TakeWord(text));
  if (head.method == model::AuthMethod::kUnknown || TakeWord(text) != "for") return std::nullopt;
  // Only a failed attempt can be for an account that does not exist.
  if (!head.accepted) head.invalid_user = absl::ConsumePrefix(&text, "invalid user ");
  for (size_t at = text.rfind(kFrom); at != absl::string_view::npos;) {
    if (at <= kMaxUser * kMaxEscapedByte) {
      SshdMessage message = head;
      message.user = Unescape(text.substr(0, at));
      if (message.user.size() <= kMaxUser && ParseTail(text.substr(at + kFrom.size()), message)) {
        return message;
      }
    }
    if (at == 0) break;
    at = text.rfind(kFrom, at - 1);
  }
  return std::nullopt;
}

}  // namespace hoptrail::agent::session
