#ifndef HOPTRAIL_COLLECTOR_ENGINE_GRAPH_HOST_NAMES_H_
#define HOPTRAIL_COLLECTOR_ENGINE_GRAPH_HOST_NAMES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// The names that hosts give themselves. A host may call itself by another's name, so a name that
// more than one machine has, or had since the collector started, is shown with the machine id.
// Owned by the engine, used by its thread.
class HostNames {
 public:
  // Bounds what one machine can make the others' labels cost. Further names are refused.
  static constexpr size_t kMaxNamesOfMachine = 16;

  struct Change {
    bool refused = false;
    std::vector<model::HostId> relabelled;  // hosts that people see under another label now
  };
  Change Set(const model::HostId& host, absl::string_view name);
  void Forget(const model::HostId& host);

  // As the host says; empty where unknown.
  std::string Name(const model::HostId& host) const;
  // model::DistinctHostName of it.
  std::string Label(const model::HostId& host) const;
  // Another machine that has or had this name.
  std::optional<model::MachineId> OtherMachine(absl::string_view name,
                                               const model::MachineId& machine) const;

 private:
  bool IsShared(const std::string& name) const;

  absl::flat_hash_map<model::HostId, std::string> names_;
  absl::flat_hash_map<std::string, absl::btree_set<model::MachineId>> machines_;  // by name
  absl::flat_hash_map<model::MachineId, absl::btree_set<std::string>> of_machine_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_GRAPH_HOST_NAMES_H_
