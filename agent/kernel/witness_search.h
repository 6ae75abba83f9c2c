#ifndef HOPTRAIL_AGENT_KERNEL_WITNESS_SEARCH_H_
#define HOPTRAIL_AGENT_KERNEL_WITNESS_SEARCH_H_

// Where the witnesses' libraries lie: on the host, in the file systems that running processes see,
// and wherever else a running sshd has loaded them from. One look at /proc; keeps nothing.

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/kernel/witnesses.h"
#include <sys/types.h>

namespace hoptrail::agent::kernel {

// A library as a place to attach to.
struct FoundLibrary {
  const WitnessFact* fact = nullptr;
  std::string path;
  FileName file;
  RootName root;
};

struct WitnessSearch {
  std::vector<FoundLibrary> libraries;
  std::set<RootName> roots;  // everything that some process sees
  // What nothing can be attached to, in words: fact and reason.
  std::vector<std::pair<std::string, std::string>> unheard;
};

WitnessSearch FindWitnesses();

// What `path` is, whichever of its names it was found by. False if there is no such regular file.
bool NameFile(const std::string& path, FileName* name);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_WITNESS_SEARCH_H_
