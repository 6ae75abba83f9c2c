#include "agent/kernel/uprobes/uprobe_search.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include "core/base/path.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {
namespace {

constexpr absl::string_view kLibraryDirectories[] = {"/lib/x86_64-linux-gnu",
                                                     "/usr/lib/x86_64-linux-gnu",
                                                     "/lib/aarch64-linux-gnu",
                                                     "/usr/lib/aarch64-linux-gnu",
                                                     "/lib64",
                                                     "/usr/lib64",
                                                     "/lib",
                                                     "/usr/lib"};

// With those for programs that only other programs start.
constexpr absl::string_view kProgramDirectories[] = {"/usr/sbin",
                                                     "/usr/bin",
                                                     "/usr/lib/openssh",
                                                     "/usr/lib/ssh",
                                                     "/usr/libexec/openssh",
                                                     "/usr/libexec/ssh",
                                                     "/usr/libexec",
                                                     "/usr/local/sbin",
                                                     "/usr/local/libexec",
                                                     "/sbin"};

void FindFile(const MountRoots::Root& root, const UprobeSource& source, absl::string_view directory,
              absl::string_view name, std::vector<FoundLibrary>* libraries) {
  const std::string path = absl::StrCat(root.path, directory, "/", name);
  const std::optional<TargetKey> file = TargetKeyOf(path);
  if (!file.has_value()) return;
  libraries->push_back({.source = &source, .path = path, .file = *file, .root = root.key});
}

void FindUnder(const MountRoots::Root& root, std::vector<FoundLibrary>* libraries) {
  for (const UprobeSource& source : UprobeTable()) {
    if (!source.in_program) {
      for (absl::string_view directory : kLibraryDirectories) {
        FindFile(root, source, directory, source.library, libraries);
      }
      continue;
    }
    for (absl::string_view directory : kProgramDirectories) {
      FindFile(root, source, directory, source.library, libraries);
      for (const std::string& name : source.other_libraries) {
        FindFile(root, source, directory, name, libraries);
      }
    }
  }
}

bool IsCallerProcess(const std::string& process) {
  const UniqueFd file(open(absl::StrCat(process, "/comm").c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[32];
  const ssize_t size = read(file.get(), buffer, sizeof(buffer));
  const absl::string_view command = absl::StripSuffix(
      absl::string_view(buffer, static_cast<size_t>(std::max<ssize_t>(size, 0))), "\n");
  return absl::c_any_of(
      UprobeTable(), [command](const UprobeSource& source) { return IsCaller(source, command); });
}

// The files that a process has mapped executable: their names there, and a path by which we can
// open them. A file that was deleted since, as by an upgrade, can still be opened through its
// mapping.
std::map<std::string, std::string> MappedPrograms(const std::string& process) {
  std::ifstream maps(absl::StrCat(process, "/maps"));
  std::map<std::string, std::string> files;
  std::string line;
  while (std::getline(maps, line)) {
    std::istringstream words(line);
    std::string range, rights, offset, device, inode, rest;
    words >> range >> rights >> offset >> device >> inode;
    std::getline(words, rest);
    absl::string_view name = absl::StripLeadingAsciiWhitespace(rest);
    if (rights.find('x') == std::string::npos || name.empty() || name[0] != '/') continue;
    const bool deleted = absl::ConsumeSuffix(&name, " (deleted)");
    files[std::string(name)] = deleted ? absl::StrCat(process, "/map_files/", range)
                                       : absl::StrCat(process, "/root", name);
  }
  return files;
}

bool IsUnchanged(const FoundLibrary& library) { return TargetKeyOf(library.path) == library.file; }

}  // namespace

// A running caller may have libraries of its own, may still use libraries that were replaced, or
// may have none.
void UprobeSearch::FindLoaded(const std::string& process, Caller* caller) {
  caller->libraries.clear();
  caller->blind.clear();
  const auto files = MappedPrograms(process);
  for (const UprobeSource& source : UprobeTable()) {
    bool found = false;
    for (const auto& [name, path] : files) {
      if (!MayHaveFunctions(source, BaseName(name))) continue;
      const std::optional<TargetKey> file = TargetKeyOf(path);
      if (!file.has_value()) continue;
      caller->libraries.push_back(
          {.source = &source, .path = path, .file = *file, .root = caller->root});
      found = true;
    }
    // A process without mapped files has ended.
    if (source.caller_needs_library && !found && !files.empty()) caller->blind.push_back(&source);
  }
}

void UprobeSearch::Search(const MountRoots& roots) {
  libraries_.clear();
  blind_spots_.clear();
  for (const MountRoots::Root& root : roots.roots()) FindUnder(root, &libraries_);
  for (const MountRoots::Process& process : roots.examined()) {
    if (IsCallerProcess(absl::StrCat("/proc/", process.pid))) {
      callers_[process.pid] = {};  // its memory map is read below
    } else {
      callers_.erase(process.pid);
    }
  }
  for (auto entry = callers_.begin(); entry != callers_.end();) {
    auto& [pid, caller] = *entry;
    const std::string process = absl::StrCat("/proc/", pid);
    const RootKey root = RootKeyOf(process);
    if (root == RootKey{}) {
      entry = callers_.erase(entry);
      continue;
    }
    if (root != caller.root || !absl::c_all_of(caller.libraries, IsUnchanged)) {
      caller.root = root;
      FindLoaded(process, &caller);
    }
    libraries_.insert(libraries_.end(), caller.libraries.begin(), caller.libraries.end());
    for (const UprobeSource* source : caller.blind) {
      blind_spots_[source->source] =
          absl::StrCat("process ", pid, " (", source->caller, ") has loaded no ", source->library,
                       " that can be opened; linked statically?");
    }
    ++entry;
  }
}

}  // namespace hoptrail::agent::kernel
