#include "agent/kernel/witnesses.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bpf/sensor.skel.h"

#include "agent/kernel/uprobe_multi.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include <sys/stat.h>

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
// Distinct copies of one library; more are not attached, and said to be left out.
constexpr size_t kMostFiles = 128;

// The roots of the file systems that running processes see, one path each; our own first.
std::vector<std::string> DistinctRoots() {
  std::vector<std::string> roots = {""};
  // Processes share a view when they share the mount namespace and the root folder in it.
  std::set<std::pair<ino_t, std::pair<dev_t, ino_t>>> seen;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return roots;
  while (const dirent* entry = readdir(proc)) {
    uint32_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    const std::string root = absl::StrCat("/proc/", pid, "/root");
    struct stat mount_namespace, folder;
    if (stat(absl::StrCat("/proc/", pid, "/ns/mnt").c_str(), &mount_namespace) != 0) continue;
    if (stat(root.c_str(), &folder) != 0) continue;
    if (seen.insert({mount_namespace.st_ino, {folder.st_dev, folder.st_ino}}).second) {
      roots.push_back(root);
    }
  }
  closedir(proc);
  return roots;
}

}  // namespace

size_t Witnesses::AttachNew() {
  size_t found = 0;
  for (const std::string& root : DistinctRoots()) {
    for (const WitnessFact& fact : WitnessTable()) {
      for (absl::string_view folder : kLibraryFolders) {
        const std::string path = absl::StrCat(root, folder, "/", fact.library);
        struct stat file;
        if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) continue;
        if (!seen_.insert({fact.fact, {file.st_dev, file.st_ino}}).second) continue;
        AttachFile(fact, path);
        ++found;
      }
    }
  }
  return found;
}

void Witnesses::AttachFile(const WitnessFact& fact, const std::string& path) {
  const uint32_t tier = ways_[fact.fact].tier;
  if (tier == 0) return;
  if (attached_[fact.fact] >= kMostFiles) {
    refusals_[fact.fact] = absl::StrCat(path, " and others: more than ", kMostFiles, " copies");
    return;
  }
  std::vector<Attachment> attachments;
  for (const WitnessProbe& probe : fact.probes) {
    absl::StatusOr<Attachment> attachment = AttachProbe(probe, tier == 1, path);
    if (attachment.ok()) {
      attachments.push_back(*std::move(attachment));
      continue;
    }
    refusals_[fact.fact] =
        absl::StrCat(path, ": ", probe.function, ": ", attachment.status().message());
    if (fact.all_needed) return;
  }
  if (attachments.empty()) return;
  std::move(attachments.begin(), attachments.end(), std::back_inserter(attachments_));
  ++attached_[fact.fact];
}

absl::StatusOr<Witnesses::Attachment> Witnesses::AttachProbe(const WitnessProbe& probe,
                                                             bool uprobe_multi,
                                                             const std::string& path) const {
  bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, probe.program.c_str());
  if (program == nullptr || bpf_program__fd(program) < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the program ", probe.program, " was not loaded"));
  }
  Attachment attachment;
  if (uprobe_multi) {
    HT_ASSIGN_OR_RETURN(attachment.fd, AttachUprobeMulti(bpf_program__fd(program), path,
                                                         probe.function, probe.at_return));
    return attachment;
  }
  LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = probe.at_return,
              .func_name = probe.function.c_str());
  attachment.link.reset(bpf_program__attach_uprobe_opts(program, -1, path.c_str(), 0, &options));
  if (attachment.link == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("attach refused: ", strerror(errno)));
  }
  return attachment;
}

std::vector<model::FactCoverage> Witnesses::Coverage() const {
  std::vector<model::FactCoverage> rows;
  for (const WitnessFact& fact : WitnessTable()) {
    const WitnessWay& way = ways_.at(fact.fact);
    model::FactCoverage row{.fact = fact.fact, .refusals = way.refusals};
    const std::string hook = absl::StrCat(way.tier == 1 ? "uprobe_multi/" : "uprobe/", fact.target);
    if (auto attached = attached_.find(fact.fact);
        attached != attached_.end() && attached->second > 0) {
      row.hook = hook;
      row.tier = way.tier;
    }
    if (auto refusal = refusals_.find(fact.fact); refusal != refusals_.end()) {
      row.refusals.push_back(absl::StrCat(hook, ": ", refusal->second));
    } else if (row.tier == 0 && way.tier != 0) {
      row.refusals.push_back(absl::StrCat(hook, ": no ", fact.library, " found"));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace hoptrail::agent::kernel
