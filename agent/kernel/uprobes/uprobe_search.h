#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_SEARCH_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_SEARCH_H_

// Where the uprobes' libraries lie: on the host, in the file systems that running processes see,
// and wherever else a running sshd has loaded them from.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/kernel/processes/mount_roots.h"
#include "agent/kernel/uprobes/uprobes.h"

namespace hoptrail::agent::kernel {

// A library as a place to attach to.
struct FoundLibrary {
  const UprobeSource* source = nullptr;
  std::string path;
  FileKey file;
  RootName root;
};

// Looks into every view each time, and into an sshd's memory when it is looked at for the first
// time, as long as it is young, in its turn (see ProcessWalk), and when a library of it was
// replaced. One thread.
class UprobeSearch {
 public:
  // After a look of `views`.
  void Search(const MountRoots& views);

  // What the last search found.
  const std::vector<FoundLibrary>& libraries() const { return libraries_; }
  // What nothing can be attached to, in words: event source → reason.
  const std::map<std::string, std::string>& unheard() const { return unheard_; }

 private:
  struct Sshd {
    RootName root;
    std::vector<FoundLibrary> libraries;
    bool unheard = false;
  };

  std::map<uint32_t, Sshd> sshds_;  // by pid
  std::vector<FoundLibrary> libraries_;
  std::map<std::string, std::string> unheard_;
};

// What `path` is, whichever of its names it was found by. False if there is no such regular file.
bool NameFile(const std::string& path, FileKey* name);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_SEARCH_H_
