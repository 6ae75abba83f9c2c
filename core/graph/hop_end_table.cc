#include "core/graph/hop_end_table.h"

#include <algorithm>

#include "core/graph/merge.h"

namespace hoptrail::graph {
namespace {

// So many of the newest ends of one flow are searched for one that was told before.
constexpr size_t kMaxLooks = 64;

template <typename Map, typename K>
void EraseFrom(Map* map, const K& index, const HopId& key) {
  auto it = map->find(index);
  if (it == map->end()) return;
  auto& keys = it->second;
  keys.erase(std::remove(keys.begin(), keys.end(), key), keys.end());
  if (keys.empty()) map->erase(it);
}

}  // namespace

HopEndTable::PutResult HopEndTable::Put(const model::HopEnd& end) {
  PutResult result;
  result.key = DeriveHopKey(end);
  if (auto it = ends_.find(result.key); it != ends_.end()) {
    const model::Flow flow = it->second.flow;
    result.changed = Merge(end, &it->second);
    if (it->second.flow != flow) {
      EraseFrom(&by_flow_, flow, result.key);
      by_flow_[it->second.flow].push_back(result.key);
    }
    return result;
  }
  const std::optional<HopId> twin = FindTwin(end);
  if (!twin.has_value()) {
    Index(result.key, end);
    ends_.emplace(result.key, end);
    result.added = true;
    result.changed = true;
    return result;
  }
  model::HopEnd merged = ends_.at(*twin);
  Unindex(*twin, merged);
  result.changed = Merge(end, &merged);
  if (end.hop_key.empty()) {
    result.key = *twin;  // the one with the name stays
  } else {
    result.replaced = twin;
    result.added = true;
    ends_.erase(*twin);
  }
  Index(result.key, merged);
  ends_[result.key] = std::move(merged);
  return result;
}

void HopEndTable::Erase(const HopId& key) {
  auto it = ends_.find(key);
  if (it == ends_.end()) return;
  Unindex(key, it->second);
  ends_.erase(it);
}

const model::HopEnd* HopEndTable::Find(const HopId& key) const {
  auto it = ends_.find(key);
  return it == ends_.end() ? nullptr : &it->second;
}

absl::Span<const HopId> HopEndTable::ByKey(const model::HopKey& key) const {
  auto it = by_key_.find(key);
  if (it == by_key_.end()) return {};
  return it->second;
}

absl::Span<const HopId> HopEndTable::ByFlow(const model::Flow& flow) const {
  auto it = by_flow_.find(flow);
  if (it == by_flow_.end()) return {};
  return it->second;
}

void HopEndTable::Index(const HopId& key, const model::HopEnd& end) {
  if (!end.hop_key.empty()) by_key_[end.hop_key].push_back(key);
  by_flow_[end.flow].push_back(key);
}

void HopEndTable::Unindex(const HopId& key, const model::HopEnd& end) {
  if (!end.hop_key.empty()) EraseFrom(&by_key_, end.hop_key, key);
  EraseFrom(&by_flow_, end.flow, key);
}

std::optional<HopId> HopEndTable::FindTwin(const model::HopEnd& end) const {
  if (!end.hop_key.empty()) {
    model::HopEnd keyless = end;
    keyless.hop_key = {};
    const HopId key = DeriveHopKey(keyless);
    if (ends_.contains(key)) return key;
    return std::nullopt;
  }
  absl::Span<const HopId> recent = ByFlow(end.flow);
  if (recent.size() > kMaxLooks) recent.remove_prefix(recent.size() - kMaxLooks);
  for (const HopId& key : recent) {
    const model::HopEnd& other = ends_.at(key);
    if (other.side == end.side && other.host == end.host &&
        other.network_namespace == end.network_namespace &&
        other.established_boot_ns == end.established_boot_ns && !other.hop_key.empty()) {
      return key;
    }
  }
  return std::nullopt;
}

}  // namespace hoptrail::graph
