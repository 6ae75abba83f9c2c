#include "core/model/ids.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "core/base/digest.h"
#include "core/base/status_macros.h"

namespace hoptrail::model {
namespace {

template <typename Tag>
absl::string_view View(const Id128<Tag>& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

}  // namespace

namespace internal {

std::string Hex(const std::array<uint8_t, 16>& bytes) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

absl::StatusOr<std::array<uint8_t, 16>> ParseHex(absl::string_view text) {
  const std::string digits = absl::StrReplaceAll(text, {{"-", ""}});
  bool valid = digits.size() == 32;
  for (char c : digits) valid = valid && absl::ascii_isxdigit(static_cast<unsigned char>(c));
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat("not an id of 32 hexadecimal digits: '", text.substr(0, 64), "'"));
  }
  const std::string raw = absl::HexStringToBytes(digits);
  std::array<uint8_t, 16> bytes;
  std::copy(raw.begin(), raw.end(), bytes.begin());
  return bytes;
}

}  // namespace internal

std::string ToString(const HostId& id) {
  return absl::StrCat(ToString(id.machine), ".", ToString(id.boot));
}

absl::StatusOr<HostId> ParseHostId(absl::string_view text) {
  const size_t dot = text.find('.');
  if (dot == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a host of the form MACHINE.BOOT: '", text.substr(0, 80), "'"));
  }
  HostId id;
  HT_ASSIGN_OR_RETURN(id.machine, ParseId<MachineId>(text.substr(0, dot)));
  HT_ASSIGN_OR_RETURN(id.boot, ParseId<BootId>(text.substr(dot + 1)));
  return id;
}

std::string ToString(const ProcessKey& key) {
  return absl::StrCat(key.tgid, "@", key.start_boot_ns);
}

SessionId DeriveSessionId(const HostId& host, const ProcessKey& first_process) {
  return {Digest128({"session", View(host.machine), View(host.boot), ToString(first_process)})};
}

DetectionId DeriveDetectionId(absl::string_view rule, const SessionId& session,
                              absl::string_view occurrence) {
  return {Digest128({"detection", rule, View(session), occurrence})};
}

IncidentId DeriveIncidentId(const SessionId& root) { return {Digest128({"incident", View(root)})}; }

}  // namespace hoptrail::model
