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
#include "core/base/unique_fd.h"
#include "core/model/fact.h"
#include <sys/types.h>

namespace hoptrail::agent::kernel {

// One place in a shared library where a program is attached.
struct WitnessProbe {
  std::string program;
  std::string function;
  bool at_return = false;
};

// A fact that is learnt from what a library's callers say.
struct WitnessFact {
  std::string fact;
  std::string target;   // of the hook, as reported: "uprobe_multi/libpam"
  std::string library;  // file name
  std::vector<WitnessProbe> probes;
  bool all_needed = true;  // or one of them is enough
};

const std::vector<WitnessFact>& WitnessTable();

// Attaches the witnesses' programs to every copy of their libraries: the host's own and those in
// the mount namespaces of running processes, one by inode. One thread.
class Witnesses {
 public:
  // `uprobe_multi`: whether the programs were loaded to be attached that way, or why not.
  Witnesses(sensor_bpf* skeleton, absl::Status uprobe_multi)
      : skeleton_(skeleton), uprobe_multi_(std::move(uprobe_multi)) {}

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
  absl::StatusOr<Attachment> AttachProbe(const WitnessProbe& probe, const std::string& path) const;

  sensor_bpf* skeleton_;
  absl::Status uprobe_multi_;
  std::set<std::pair<std::string, FileName>> seen_;  // by fact
  std::map<std::string, size_t> attached_;           // fact → files
  std::map<std::string, std::string> refusals_;      // fact → the last reason
  std::vector<Attachment> attachments_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WITNESSES_H_
