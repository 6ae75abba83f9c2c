#include "core/graph/hop_end_table.h"

#include <algorithm>

#include "core/graph/merge.h"

namespace hoptrail::graph {
namespace {

// How many of the newest ends of one flow are searched for the same connection.
constexpr size_t kMaxLooks = 64;

template <typename Map, typename K>
void EraseFrom(Map* map, const K& index, const HopId& id) {
  auto it = map->find(index);
  if (it == map->end()) return;
  auto& ids = it->second;
  ids.erase(std::remove(ids.begin(), ids.end(), id), ids.end());
  if (ids.empty()) map->erase(it);
}

}  // namespace

HopEndTable::PutResult HopEndTable::Put(const model::HopEnd& end) {
  PutResult result;
  result.id = DeriveHopId(end);
  if (auto it = ends_.find(result.id); it != ends_.end()) {
    const model::Flow flow = it->second.flow;
    result.changed = Merge(end, &it->second);
    if (it->second.flow != flow) {
      EraseFrom(&by_flow_, flow, result.id);
      by_flow_[it->second.flow].push_back(result.id);
    }
    return result;
  }
  const std::optional<HopId> twin = FindTwin(end);
  if (!twin.has_value()) {
    Index(result.id, end);
    ends_.emplace(result.id, end);
    result.added = true;
    result.changed = true;
    return result;
  }
  model::HopEnd merged = ends_.at(*twin);
  Unindex(*twin, merged);
  result.changed = Merge(end, &merged);
  if (end.hop_key.empty()) {
    result.id = *twin;  // the one with the hop key stays
  } else {
    result.replaced = twin;
    result.added = true;
    ends_.erase(*twin);
  }
  Index(result.id, merged);
  ends_[result.id] = std::move(merged);
  return result;
}

void HopEndTable::Erase(const HopId& id) {
  auto it = ends_.find(id);
  if (it == ends_.end()) return;
  Unindex(id, it->second);
  ends_.erase(it);
}

const model::HopEnd* HopEndTable::Find(const HopId& id) const {
  auto it = ends_.find(id);
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

void HopEndTable::Index(const HopId& id, const model::HopEnd& end) {
  if (!end.hop_key.empty()) by_key_[end.hop_key].push_back(id);
  by_flow_[end.flow].push_back(id);
}

void HopEndTable::Unindex(const HopId& id, const model::HopEnd& end) {
  if (!end.hop_key.empty()) EraseFrom(&by_key_, end.hop_key, id);
  EraseFrom(&by_flow_, end.flow, id);
}

std::optional<HopId> HopEndTable::FindTwin(const model::HopEnd& end) const {
  if (!end.hop_key.empty()) {
    model::HopEnd keyless = end;
    keyless.hop_key = {};
    const HopId id = DeriveHopId(keyless);
    if (ends_.contains(id)) return id;
    return std::nullopt;
  }
  absl::Span<const HopId> recent = ByFlow(end.flow);
  if (recent.size() > kMaxLooks) recent.remove_prefix(recent.size() - kMaxLooks);
  for (const HopId& id : recent) {
    const model::HopEnd& other = ends_.at(id);
    if (other.side == end.side && other.host == end.host &&
        other.network_namespace == end.network_namespace &&
        other.established_boot_ns == end.established_boot_ns && !other.hop_key.empty()) {
      return id;
    }
  }
  return std::nullopt;
}

}  // namespace hoptrail::graph
