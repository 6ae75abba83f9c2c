#ifndef HOPTRAIL_AGENT_DECODE_FIELDS_H_
#define HOPTRAIL_AGENT_DECODE_FIELDS_H_

// Reads the fields of a record. Only for this directory.

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

// The variable parts after a record's fixed fields, to be taken in their order.
class Parts {
 public:
  explicit Parts(absl::string_view bytes) : bytes_(bytes) {}

  // False where the part is longer than the rest of the record.
  bool Take(const ht_text& text, absl::string_view* part) {
    if (text.length > bytes_.size()) return false;
    *part = bytes_.substr(0, text.length);
    bytes_.remove_prefix(text.length);
    return true;
  }

 private:
  absl::string_view bytes_;
};

// Splits texts that each end with a NUL; the last one's may have been cut off.
std::vector<std::string> SplitAtNuls(absl::string_view bytes);

// Joins path components that come in reverse order. A path whose first part was cut off does not
// begin with a slash.
std::string JoinPath(absl::string_view components, bool cut);

// The text in a field of fixed capacity, up to its first NUL.
std::string FieldText(const char* bytes, size_t capacity, const ht_text& text);

template <typename Enum>
Enum CheckedEnum(uint8_t value, Enum last) {
  return value <= static_cast<uint8_t>(last) ? static_cast<Enum>(value) : Enum{};
}

// A device number as in stat(2). Inside the kernel the minor number has 20 bits.
uint64_t ToDevice(uint32_t device);

// Times since boot fit into 62 bits for 146 years, so that adding a wall clock's time cannot
// overflow.
inline bool IsTime(uint64_t boot_ns) { return boot_ns < uint64_t{1} << 62; }
// INVALID_ARGUMENT
absl::Status ImpossibleTime();
absl::Status TextTooLong();

model::Flow ToFlow(const ht_connection& raw);
inline model::HopKey ToHopKey(const ht_connection& raw) { return {raw.client_isn, raw.server_isn}; }
inline TcpSide ToSide(const ht_connection& raw) { return CheckedEnum(raw.side, TcpSide::kServer); }

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_FIELDS_H_
