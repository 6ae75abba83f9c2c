#ifndef HOPTRAIL_AGENT_DECODE_FIELDS_H_
#define HOPTRAIL_AGENT_DECODE_FIELDS_H_

// How the fields of a record are read. Only for this directory.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"

#include "agent/decode/event.h"

namespace hoptrail::agent::decode {

template <typename T>
T Copy(absl::string_view record) {
  T value;
  std::memcpy(&value, record.data(), sizeof(T));
  return value;
}

// The variable parts behind a record's fixed fields, taken one after the other.
class Parts {
 public:
  explicit Parts(absl::string_view bytes) : bytes_(bytes) {}

  // False when the record does not hold what it counts.
  bool Take(const ht_text& text, absl::string_view* part) {
    if (text.length > bytes_.size()) return false;
    *part = bytes_.substr(0, text.length);
    bytes_.remove_prefix(text.length);
    return true;
  }

 private:
  absl::string_view bytes_;
};

// Texts each ended by a NUL; the last may have lost its own to a cut.
std::vector<std::string> SplitAtNuls(absl::string_view bytes);

// From components, last first, to a path. A path whose front was cut does not begin with a slash.
std::string JoinPath(absl::string_view components, bool cut);

// A text in a field of fixed capacity, at most to its NUL.
std::string FieldText(const char* bytes, size_t capacity, const ht_text& text);

template <typename Enum>
Enum CheckedEnum(uint8_t value, Enum last) {
  return value <= static_cast<uint8_t>(last) ? static_cast<Enum>(value) : Enum{};
}

// As stat(2) tells them: device numbers inside the kernel have 20 bits of minor number.
uint64_t ToDevice(uint32_t device);

// Times since boot fit into 62 bits for 146 years: a wall clock's can be added to them.
inline bool IsTime(uint64_t boot_ns) { return boot_ns < uint64_t{1} << 62; }
absl::Status NoTime();
absl::Status CountsTooMuch();

model::Flow ToFlow(const ht_connection& raw);
inline model::HopKey ToHopKey(const ht_connection& raw) { return {raw.client_isn, raw.server_isn}; }
inline TcpSide ToSide(const ht_connection& raw) { return CheckedEnum(raw.side, TcpSide::kServer); }

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_FIELDS_H_
