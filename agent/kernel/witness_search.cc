#include "agent/kernel/witness_search.h"

#include <dirent.h>

#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace hoptrail::agent::kernel {
namespace {

constexpr absl::string_view kLibraryFolders[] = {"/lib/x86_64-linux-gnu",
                                                 "/usr/lib/x86_64-linux-gnu",
                                                 "/lib/aarch64-linux-gnu",
                                                 "/usr/lib/aarch64-linux-gnu",
                                                 "/lib64",
                                                 "/usr/lib64",
                                                 "/lib",
                                                 "/usr/lib"};

absl::string_view BaseName(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

// What the function that a fact needs may be part of: "libc.so.6", musl's "ld-musl-x86_64.so.1"
// and "libc.so"; for other libraries their own name only.
bool MayBe(const WitnessFact& fact, absl::string_view path) {
  const absl::string_view name = BaseName(path);
  if (name == fact.library) return true;
  return fact.library == "libc.so.6" &&
         (absl::StartsWith(name, "libc.so") || absl::StartsWith(name, "libc-2.") ||
          absl::StartsWith(name, "ld-musl-"));
}

RootName NameRoot(const std::string& process) {
  struct stat mounts, folder;
  if (stat(absl::StrCat(process, "/ns/mnt").c_str(), &mounts) != 0) return {};
  if (stat(absl::StrCat(process, "/root").c_str(), &folder) != 0) return {};
  return {mounts.st_ino, folder.st_dev, folder.st_ino};
}

void FindUnder(const std::string& root_path, const RootName& root, WitnessSearch* search) {
  for (const WitnessFact& fact : WitnessTable()) {
    for (absl::string_view folder : kLibraryFolders) {
      const std::string path = absl::StrCat(root_path, folder, "/", fact.library);
      FoundLibrary found{.fact = &fact, .path = path, .root = root};
      if (NameFile(path, &found.file)) search->libraries.push_back(std::move(found));
    }
  }
}

bool IsSshd(const std::string& process) {
  std::ifstream file(absl::StrCat(process, "/comm"));
  std::string name;
  std::getline(file, name);
  return name == "sshd" || absl::StartsWith(name, "sshd-");
}

// What a process has mapped executable: the file's name, and a path by which we find the file. One
// that was removed since, as by an upgrade, is still behind its mapping.
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
    const bool removed = absl::ConsumeSuffix(&name, " (deleted)");
    files[std::string(name)] = removed ? absl::StrCat(process, "/map_files/", range)
                                       : absl::StrCat(process, "/root", name);
  }
  return files;
}

// A running sshd may have brought its libraries along, may have kept those that were replaced, or
// have none.
void FindLoaded(const std::string& process, const RootName& root, WitnessSearch* search) {
  const auto files = MappedPrograms(process);
  if (files.empty()) return;  // it is gone
  for (const WitnessFact& fact : WitnessTable()) {
    bool found_any = false;
    for (const auto& [name, path] : files) {
      FoundLibrary found{.fact = &fact, .path = path, .root = root};
      if (!MayBe(fact, name) || !NameFile(path, &found.file)) continue;
      found_any = true;
      search->libraries.push_back(std::move(found));
    }
    if (!found_any && fact.fact == "sshd") {
      search->unheard.emplace_back(
          fact.fact, absl::StrCat("process ", BaseName(process), " (sshd) has no C library that ",
                                  "can be reached; linked statically?"));
    }
  }
}

}  // namespace

bool NameFile(const std::string& path, FileName* name) {
  struct stat file;
  struct statfs system;
  if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return false;
  *name = {.device = file.st_dev, .inode = file.st_ino};
  // Each overlay has a device of its own, but probes are attached to the file below, which
  // containers of one image share: attached once for each of them, they would tell all twice.
  if (statfs(path.c_str(), &system) == 0 && system.f_type == OVERLAYFS_SUPER_MAGIC) {
    name->device = 0;
    name->size = file.st_size;
    name->changed_ns = file.st_ctim.tv_sec * 1'000'000'000 + file.st_ctim.tv_nsec;
  }
  return true;
}

WitnessSearch FindWitnesses() {
  WitnessSearch search;
  const RootName own = NameRoot("/proc/self");
  search.roots.insert(own);
  FindUnder("", own, &search);
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return search;
  while (const dirent* entry = readdir(proc)) {
    uint32_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    const std::string process = absl::StrCat("/proc/", pid);
    const RootName root = NameRoot(process);
    if (root == RootName{}) continue;
    // Processes share a view when they share the mount namespace and the root folder in it.
    if (search.roots.insert(root).second) {
      FindUnder(absl::StrCat(process, "/root"), root, &search);
    }
    if (IsSshd(process)) FindLoaded(process, root, &search);
  }
  closedir(proc);
  return search;
}

}  // namespace hoptrail::agent::kernel
