#include "agent/kernel/uprobes/uprobe_search.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "core/base/path.h"
#include "core/base/unique_fd.h"
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

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

// What the function that an event source needs may be part of: "libc.so.6", musl's "ld-musl-x86_64.so.1"
// and "libc.so"; for other libraries their own name only.
bool MayBe(const UprobeSource& source, absl::string_view path) {
  const absl::string_view name = BaseName(path);
  if (name == source.library) return true;
  return source.library == "libc.so.6" &&
         (absl::StartsWith(name, "libc.so") || absl::StartsWith(name, "libc-2.") ||
          absl::StartsWith(name, "ld-musl-"));
}

void FindUnder(const MountRoots::View& view, std::vector<FoundLibrary>* libraries) {
  for (const UprobeSource& source : UprobeTable()) {
    for (absl::string_view directory : kLibraryDirectories) {
      const std::string path = absl::StrCat(view.root, directory, "/", source.library);
      FoundLibrary found{.source = &source, .path = path, .root = view.name};
      if (NameFile(path, &found.file)) libraries->push_back(std::move(found));
    }
  }
}

bool IsSshd(const std::string& process) {
  const UniqueFd file(open(absl::StrCat(process, "/comm").c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[32];
  const ssize_t size = read(file.get(), buffer, sizeof(buffer));
  const absl::string_view name(buffer, std::max<ssize_t>(size, 0));
  return name == "sshd\n" || absl::StartsWith(name, "sshd-");
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
// have none. False if it is gone, or none of them is one by which an event source is learnt.
bool FindLoaded(const std::string& process, const RootName& root,
                std::vector<FoundLibrary>* libraries) {
  libraries->clear();
  const auto files = MappedPrograms(process);
  bool heard = files.empty();
  for (const UprobeSource& source : UprobeTable()) {
    for (const auto& [name, path] : files) {
      FoundLibrary found{.source = &source, .path = path, .root = root};
      if (!MayBe(source, name) || !NameFile(path, &found.file)) continue;
      heard = heard || source.source == "sshd";
      libraries->push_back(std::move(found));
    }
  }
  return heard;
}

bool StillThere(const FoundLibrary& library) {
  FileKey file;
  return NameFile(library.path, &file) && !(file < library.file) && !(library.file < file);
}

}  // namespace

bool NameFile(const std::string& path, FileKey* name) {
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

void UprobeSearch::Search(const MountRoots& views) {
  libraries_.clear();
  unheard_.clear();
  for (const MountRoots::View& view : views.views()) FindUnder(view, &libraries_);
  for (const MountRoots::Process& process : views.looked_at()) {
    if (IsSshd(absl::StrCat("/proc/", process.pid))) {
      sshds_[process.pid] = {.root = {}};  // to be looked into
    } else {
      sshds_.erase(process.pid);
    }
  }
  for (auto sshd = sshds_.begin(); sshd != sshds_.end();) {
    auto& [pid, known] = *sshd;
    const std::string process = absl::StrCat("/proc/", pid);
    const RootName root = NameRoot(process);
    if (root == RootName{}) {
      sshd = sshds_.erase(sshd);
      continue;
    }
    if (root != known.root ||
        !std::all_of(known.libraries.begin(), known.libraries.end(), StillThere)) {
      known.root = root;
      known.unheard = !FindLoaded(process, root, &known.libraries);
    }
    libraries_.insert(libraries_.end(), known.libraries.begin(), known.libraries.end());
    if (known.unheard) {
      unheard_["sshd"] = absl::StrCat("process ", pid, " (sshd) has no C library that ",
                                      "can be reached; linked statically?");
    }
    ++sshd;
  }
}

}  // namespace hoptrail::agent::kernel
