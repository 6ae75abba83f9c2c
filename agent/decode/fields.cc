#include "agent/decode/fields.h"

#include <algorithm>

#include <sys/sysmacros.h>

namespace hoptrail::agent::decode {

std::vector<std::string> SplitAtNuls(absl::string_view bytes) {
  std::vector<std::string> texts;
  texts.reserve(std::count(bytes.begin(), bytes.end(), '\0') + 1);
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\0'), bytes.size());
    texts.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return texts;
}

std::string JoinPath(absl::string_view components, bool cut) {
  std::string path;
  path.reserve(components.size() + 1);
  if (!components.empty() && components.back() == '\0') components.remove_suffix(1);
  while (!components.empty()) {
    const size_t nul = components.rfind('\0');
    const size_t begin = nul == absl::string_view::npos ? 0 : nul + 1;
    if (!path.empty() || !cut) path += '/';
    path.append(components.data() + begin, components.size() - begin);
    components.remove_suffix(components.size() - (nul == absl::string_view::npos ? 0 : nul));
  }
  if (path.empty() && !cut) path.push_back('/');
  return path;
}

std::string FieldText(const char* bytes, size_t capacity, const ht_text& text) {
  const size_t length = std::min<size_t>(text.length, capacity);
  return std::string(bytes, strnlen(bytes, length));
}

uint64_t ToDevice(uint32_t device) {
  constexpr uint32_t kMinorBits = 20;
  return makedev(device >> kMinorBits, device & ((1u << kMinorBits) - 1));
}

absl::Status ImpossibleTime() {
  return absl::InvalidArgumentError("record: a time beyond the range of any clock");
}

absl::Status TextTooLong() {
  return absl::InvalidArgumentError("record: a text is longer than the rest of the record");
}

model::Flow ToFlow(const ht_connection& raw) {
  model::Flow flow;
  std::copy_n(raw.client_address, 16, flow.client.address.bytes.begin());
  std::copy_n(raw.server_address, 16, flow.server.address.bytes.begin());
  flow.client.port = raw.client_port;
  flow.server.port = raw.server_port;
  return flow;
}

}  // namespace hoptrail::agent::decode
