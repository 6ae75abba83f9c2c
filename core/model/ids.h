#ifndef HOPTRAIL_CORE_MODEL_IDS_H_
#define HOPTRAIL_CORE_MODEL_IDS_H_

// Ids and keys. All are derived from what they identify, never counted, so that an agent that
// restarts or sends again uses the same ones. Values: copyable, comparable, hashable.

#include <endian.h>

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoptrail::model {

// 128 bits shown as 32 lower-case hexadecimal digits; all zero means none. `Tag` keeps kinds apart.
template <typename Tag>
struct Id128 {
  std::array<uint8_t, 16> bytes{};

  bool empty() const { return *this == Id128{}; }
  bool operator==(const Id128& other) const {
    return Half(0) == other.Half(0) && Half(1) == other.Half(1);
  }
  // The order of the digits.
  std::strong_ordering operator<=>(const Id128& other) const {
    const int half = Half(0) == other.Half(0) ? 1 : 0;
    return be64toh(Half(half)) <=> be64toh(other.Half(half));
  }
  template <typename H>
  friend H AbslHashValue(H h, const Id128& id) {
    return H::combine(std::move(h), id.Half(0), id.Half(1));
  }

 private:
  // Maps are searched by ids very often: two words are compared without a call.
  uint64_t Half(int index) const {
    uint64_t half;
    std::memcpy(&half, bytes.data() + 8 * index, sizeof(half));
    return half;
  }
};

// /etc/machine-id (systemd's machine-id(5)).
using MachineId = Id128<struct MachineIdTag>;
// /proc/sys/kernel/random/boot_id, dashes removed.
using BootId = Id128<struct BootIdTag>;
using SessionId = Id128<struct SessionIdTag>;
using DetectionId = Id128<struct DetectionIdTag>;
using IncidentId = Id128<struct IncidentIdTag>;

namespace internal {
std::string Hex(const std::array<uint8_t, 16>& bytes);
absl::StatusOr<std::array<uint8_t, 16>> ParseHex(absl::string_view text);
}  // namespace internal

template <typename Tag>
std::string ToString(const Id128<Tag>& id) {
  return internal::Hex(id.bytes);
}

// Accepts 32 hexadecimal digits, with or without UUID dashes; anything else is INVALID_ARGUMENT.
template <typename Id>
absl::StatusOr<Id> ParseId(absl::string_view text) {
  auto bytes = internal::ParseHex(text);
  if (!bytes.ok()) return bytes.status();
  return Id{*bytes};
}

// One running kernel.
struct HostId {
  MachineId machine;
  BootId boot;

  bool empty() const { return machine.empty(); }
  auto operator<=>(const HostId&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const HostId& id) {
    return H::combine(std::move(h), id.machine, id.boot);
  }
};

// "<machine>.<boot>", each 32 hexadecimal digits.
std::string ToString(const HostId& id);
absl::StatusOr<HostId> ParseHostId(absl::string_view text);

// One thread group from fork to exit within one boot. pid alone is reused; with the start time it
// is not. `start_boot_ns` is task_struct::group_leader->start_boottime (ns since boot).
struct ProcessKey {
  uint32_t tgid = 0;
  uint64_t start_boot_ns = 0;

  bool empty() const { return tgid == 0; }
  auto operator<=>(const ProcessKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const ProcessKey& key) {
    return H::combine(std::move(h), key.tgid, key.start_boot_ns);
  }
};

// "<tgid>@<start_boot_ns>".
std::string ToString(const ProcessKey& key);

// From the session's host and the process that it began with.
SessionId DeriveSessionId(const HostId& host, const ProcessKey& first_process);

// From the detection's rule, its session and what distinguishes it within the session
// (`occurrence`: for example the destination, or empty where a rule fires once a session).
DetectionId DeriveDetectionId(absl::string_view rule, const SessionId& session,
                              absl::string_view occurrence);

// From the session that was the root of the incident's path when it was opened.
IncidentId DeriveIncidentId(const SessionId& root);

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_IDS_H_
