#ifndef HOPTRAIL_AGENT_KERNEL_WITNESSES_H_
#define HOPTRAIL_AGENT_KERNEL_WITNESSES_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "agent/kernel/programs.h"
#include "agent/kernel/witness_plan.h"
#include "core/base/unique_fd.h"
#include "core/model/fact.h"
#include <sys/types.h>

namespace hoptrail::agent::kernel {

// Attaches the witnesses' programs to every copy of their libraries: the host's own and those in
// the mount namespaces of running processes, one by inode. One thread.
class Witnesses {
 public:
  // `ways`: for which way of attaching the programs of each fact were loaded.
  Witnesses(sensor_bpf* skeleton, std::map<std::string, WitnessWay> ways)
      : skeleton_(skeleton), ways_(std::move(ways)) {}

  // Looks for copies not attached yet. Call it again for containers that appeared later. Returns
  // how many were found.
  size_t AttachNew();

  // A row for each fact of WitnessTable().
  std::vector<model::FactCoverage> Coverage() const;

 private:
  using FileName = std::pair<dev_t, ino_t>;

  // What is attached to one file: a link of libbpf's, or one that it does not know.
  struct Attachment {
    LinkPtr link;
    UniqueFd fd;
  };

  void AttachFile(const WitnessFact& fact, const std::string& path);
  absl::StatusOr<Attachment> AttachProbe(const WitnessProbe& probe, bool uprobe_multi,
                                         const std::string& path) const;

  sensor_bpf* skeleton_;
  std::map<std::string, WitnessWay> ways_;           // by fact
  std::set<std::pair<std::string, FileName>> seen_;  // by fact
  std::map<std::string, size_t> attached_;           // fact → files
  std::map<std::string, std::string> refusals_;      // fact → the last reason
  std::vector<Attachment> attachments_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WITNESSES_H_
