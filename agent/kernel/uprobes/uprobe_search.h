#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_SEARCH_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_SEARCH_H_

// Finds the uprobes' libraries and programs: in the usual directories of every mount root, and
// wherever else a running caller (sshd) has loaded them from.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/kernel/plan/uprobe_plan.h"
#include "agent/kernel/processes/mount_roots.h"
#include "agent/kernel/uprobes/target_key.h"

namespace hoptrail::agent::kernel {

// A copy of a library or program to which probes can be attached.
struct FoundLibrary {
  const UprobeSource* source = nullptr;
  std::string path;
  TargetKey file;
  RootKey root;
};

// Each search looks into all mount roots. It reads a caller's memory map when it sees the process
// for the first time, with each further examination by ProcessWalk, and when one of its libraries
// was replaced. One thread.
class UprobeSearch {
 public:
  // The caller has just updated `roots`.
  void Search(const MountRoots& roots);

  // The result of the last search.
  const std::vector<FoundLibrary>& libraries() const { return libraries_; }
  // Event sources that are blind for a running caller: source → reason, for the coverage report.
  const std::map<std::string, std::string>& blind_spots() const { return blind_spots_; }

 private:
  struct Caller {
    RootKey root;
    std::vector<FoundLibrary> libraries;
    std::vector<const UprobeSource*> blind;  // rows whose library it needs and does not have
  };

  static void FindLoaded(const std::string& process, Caller* caller);

  std::map<uint32_t, Caller> callers_;  // by pid
  std::vector<FoundLibrary> libraries_;
  std::map<std::string, std::string> blind_spots_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_SEARCH_H_
