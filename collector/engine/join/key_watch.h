#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_KEY_WATCH_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_KEY_WATCH_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

#include "core/model/net.h"

namespace hoptrail::collector::engine {

// The hop keys whose joins may change when more is known about an address, and those of them that
// are due to be looked at again. As large as its owner's ends: it holds a few addresses of each
// watched key. Not thread-safe.
class KeyWatch {
 public:
  // Replaces the key's addresses. None: the key is watched no longer.
  void Set(const model::HopKey& key, std::vector<model::IpAddress> addresses);

  // More is known about the address, or about any. The keys that watch it are due.
  void Note(const model::IpAddress& address);
  void NoteAll();

  // A key that is due, each once. Nothing if there is none.
  std::optional<model::HopKey> TakeDue();

  size_t size() const { return addresses_.size(); }

 private:
  absl::flat_hash_map<model::HopKey, std::vector<model::IpAddress>> addresses_;
  absl::flat_hash_map<model::IpAddress, absl::flat_hash_set<model::HopKey>> keys_;
  absl::btree_set<model::HopKey> due_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_KEY_WATCH_H_
