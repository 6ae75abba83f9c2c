#include "collector/engine/join/key_watch.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"

namespace hoptrail::collector::engine {

void KeyWatch::Set(const model::HopKey& key, std::vector<model::IpAddress> addresses) {
  absl::c_sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  auto known = addresses_.find(key);
  if (known != addresses_.end()) {
    if (known->second == addresses) return;
    for (const model::IpAddress& address : known->second) {
      auto keys = keys_.find(address);
      keys->second.erase(key);
      if (keys->second.empty()) keys_.erase(keys);
    }
    addresses_.erase(known);
  }
  if (addresses.empty()) {
    due_.erase(key);
    return;
  }
  for (const model::IpAddress& address : addresses) keys_[address].insert(key);
  addresses_[key] = std::move(addresses);
}

void KeyWatch::Note(const model::IpAddress& address) {
  auto keys = keys_.find(address);
  if (keys != keys_.end()) due_.insert(keys->second.begin(), keys->second.end());
}

void KeyWatch::NoteAll() {
  for (const auto& [key, addresses] : addresses_) due_.insert(key);
}

std::optional<model::HopKey> KeyWatch::TakeDue() {
  if (due_.empty()) return std::nullopt;
  const model::HopKey key = *due_.begin();
  due_.erase(due_.begin());
  return key;
}

}  // namespace hoptrail::collector::engine
