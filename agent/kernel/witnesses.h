#ifndef HOPTRAIL_AGENT_KERNEL_WITNESSES_H_
#define HOPTRAIL_AGENT_KERNEL_WITNESSES_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "agent/kernel/programs.h"
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
  std::string hook;     // as reported
  std::string library;  // file name
  std::vector<WitnessProbe> probes;
  bool all_needed = true;  // or one of them is enough
};

const std::vector<WitnessFact>& WitnessTable();

// Attaches the witnesses' programs to every copy of their libraries: the host's own and those in
// the mount namespaces of running processes, one by inode. One thread.
class Witnesses {
 public:
  explicit Witnesses(sensor_bpf* skeleton) : skeleton_(skeleton) {}

  // Looks for copies not attached yet. Call it again for containers that appeared later. Returns
  // how many were found.
  size_t AttachNew();

  // A row for each fact of WitnessTable().
  std::vector<model::FactCoverage> Coverage() const;

 private:
  using FileName = std::pair<dev_t, ino_t>;

  void AttachFile(const WitnessFact& fact, const std::string& path);

  sensor_bpf* skeleton_;
  std::set<std::pair<std::string, FileName>> seen_;  // by fact
  std::map<std::string, size_t> attached_;           // fact → files
  std::map<std::string, std::string> refusals_;      // fact → the last reason
  std::vector<LinkPtr> links_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WITNESSES_H_
