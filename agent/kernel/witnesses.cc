#include "agent/kernel/witnesses.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "bpf/sensor.skel.h"

#include "agent/kernel/mount_views.h"
#include "agent/kernel/own_objects.h"
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

}  // namespace

const std::vector<WitnessFact>& WitnessTable() {
  static const auto* const table = new std::vector<WitnessFact>{
      {.fact = "pam",
       .target = "libpam",
       .library = "libpam.so.0",
       .probes = {{"ht_pam_start", "pam_start"},
                  {"ht_pam_set_item", "pam_set_item"},
                  {"ht_pam_authenticate", "pam_authenticate", true},
                  {"ht_pam_open_session", "pam_open_session", true},
                  {"ht_pam_close_session", "pam_close_session", true}}},
      {.fact = "sshd",
       .target = "syslog",
       .library = "libc.so.6",
       .probes = {{"ht_syslog_chk", "__syslog_chk"}, {"ht_syslog", "syslog"}},
       .all_needed = false},
  };
  return *table;
}

size_t Witnesses::AttachNew() {
  size_t found = 0;
  for (const std::string& root : MountViews()) {
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
  if (attached_[fact.fact] >= kMostFiles) {
    refusals_[fact.fact] = absl::StrCat(path, " and others: more than ", kMostFiles, " copies");
    return;
  }
  std::vector<Attachment> attachments;
  for (const WitnessProbe& probe : fact.probes) {
    absl::StatusOr<Attachment> attachment = AttachProbe(probe, path);
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
                                                             const std::string& path) const {
  bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, probe.program.c_str());
  if (program == nullptr || bpf_program__fd(program) < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the program ", probe.program, " was not loaded"));
  }
  Attachment attachment;
  if (uprobe_multi_.ok()) {
    HT_ASSIGN_OR_RETURN(attachment.fd, AttachUprobeMulti(bpf_program__fd(program), path,
                                                         probe.function, probe.at_return));
    NameOwnObject(skeleton_, HT_OBJECT_LINK, attachment.fd.get());
    return attachment;
  }
  LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = probe.at_return,
              .func_name = probe.function.c_str());
  attachment.link.reset(bpf_program__attach_uprobe_opts(program, -1, path.c_str(), 0, &options));
  if (attachment.link == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("attach refused: ", strerror(errno)));
  }
  NameOwnObject(skeleton_, HT_OBJECT_LINK, bpf_link__fd(attachment.link.get()));
  return attachment;
}

std::vector<model::FactCoverage> Witnesses::Coverage() const {
  std::vector<model::FactCoverage> rows;
  for (const WitnessFact& fact : WitnessTable()) {
    model::FactCoverage row{.fact = fact.fact};
    const bool multi = uprobe_multi_.ok();
    const std::string hook = absl::StrCat(multi ? "uprobe_multi/" : "uprobe/", fact.target);
    if (!multi) {
      row.refusals.push_back(
          absl::StrCat("uprobe_multi/", fact.target, ": ", uprobe_multi_.message()));
    }
    if (auto attached = attached_.find(fact.fact);
        attached != attached_.end() && attached->second > 0) {
      row.hook = hook;
      row.tier = multi ? 1 : 2;
    }
    if (auto refusal = refusals_.find(fact.fact); refusal != refusals_.end()) {
      row.refusals.push_back(absl::StrCat(hook, ": ", refusal->second));
    } else if (row.tier == 0) {
      row.refusals.push_back(absl::StrCat(hook, ": no ", fact.library, " found"));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace hoptrail::agent::kernel
