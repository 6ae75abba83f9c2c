#include "agent/kernel/uprobes/uprobes.h"

#include <cerrno>
#include <cstring>
#include <iterator>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "bpf/sensor.skel.h"

#include "agent/kernel/objects/own_objects.h"
#include "agent/kernel/uprobes/elf_file.h"
#include "agent/kernel/uprobes/uprobe_multi.h"
#include "agent/kernel/uprobes/uprobe_search.h"
#include "core/base/status_macros.h"

namespace hoptrail::agent::kernel {

Uprobes::Uprobes(sensor_bpf* skeleton, std::map<std::string, UprobeMethod> methods,
                 size_t max_files)
    : skeleton_(skeleton),
      search_(std::make_unique<UprobeSearch>()),
      methods_(std::move(methods)),
      max_files_(max_files) {}

Uprobes::~Uprobes() = default;

size_t Uprobes::AttachNew(const MountRoots& roots) {
  search_->Search(roots);
  ++round_;
  blind_spots_ = search_->blind_spots();
  std::vector<const FoundLibrary*> fresh;
  for (const FoundLibrary& found : search_->libraries()) {
    const auto known = copies_.find({found.source->source, found.file});
    if (known == copies_.end()) {
      fresh.push_back(&found);
    } else {
      Copy& copy = known->second;
      copy.seen_round = round_;
      copy.root = found.root;
      // An attachment keeps its file system mounted, so it moves to a root that is still in use.
      if (!copy.attachments.empty() && !roots.Has(copy.attached_root)) {
        copy.attached_root = found.root;
        AttachFile(*found.source, found.path, &copy);
      }
    }
  }
  for (auto copy = copies_.begin(); copy != copies_.end();) {
    const bool seen = copy->second.seen_round == round_;
    const bool in_use = !copy->second.attachments.empty() && roots.Has(copy->second.root);
    copy = seen || in_use ? std::next(copy) : copies_.erase(copy);
  }
  size_t count = 0;
  for (const FoundLibrary* found : fresh) {
    const std::string& source = found->source->source;
    const Key key = {source, found->file};
    if (copies_.count(key) != 0) continue;  // found by another path
    if (CountAttached(source) >= max_files_ && !MakeRoom(source)) {
      blind_spots_[source] = absl::StrCat(found->path, " and perhaps others are not attached: ",
                                          "there are more than ", max_files_, " copies");
      continue;
    }
    Copy& copy = copies_[key];
    copy.root = copy.attached_root = found->root;
    copy.seen_round = round_;
    AttachFile(*found->source, found->path, &copy);
    ++count;
  }
  return count;
}

Attachments Uprobes::TakeAttachments() {
  Attachments attachments;
  for (auto& [key, copy] : copies_) {
    for (Attachment& attachment : copy.attachments) {
      attachments.push_back(std::make_shared<Attachment>(std::move(attachment)));
    }
  }
  copies_.clear();
  return attachments;
}

size_t Uprobes::CountAttached(const std::string& source) const {
  size_t count = 0;
  for (const auto& [key, copy] : copies_) {
    count += key.first == source && !copy.attachments.empty();
  }
  return count;
}

bool Uprobes::HasCopy(const std::string& source) const {
  return absl::c_any_of(copies_, [&](const auto& copy) { return copy.first.first == source; });
}

// Detaches from the copy that was replaced the longest ago. False where none was replaced.
bool Uprobes::MakeRoom(const std::string& source) {
  auto oldest = copies_.end();
  for (auto copy = copies_.begin(); copy != copies_.end(); ++copy) {
    if (copy->first.first != source || copy->second.attachments.empty()) continue;
    if (copy->second.seen_round == round_) continue;
    if (oldest == copies_.end() || copy->second.seen_round < oldest->second.seen_round) {
      oldest = copy;
    }
  }
  if (oldest == copies_.end()) return false;
  copies_.erase(oldest);
  return true;
}

void Uprobes::AttachFile(const UprobeSource& source, const std::string& path, Copy* copy) const {
  const uint32_t tier = methods_.at(source.source).tier;
  if (tier == 0) return;
  std::vector<Attachment> attachments;
  bool calls_past_the_table = false;
  for (const UprobeProbe& probe : source.probes) {
    const absl::StatusOr<uint64_t> offset = source.in_program
                                                ? LinkageOffsetOf(path, probe.function)
                                                : FileOffsetOf(path, probe.function);
    absl::StatusOr<Attachment> attachment =
        offset.ok() ? AttachProbe(probe, tier == kUprobeMultiTier, path, *offset)
                    : absl::StatusOr<Attachment>(offset.status());
    if (attachment.ok()) {
      attachments.push_back(*std::move(attachment));
      continue;
    }
    copy->refusal = absl::StrCat(path, ": ", probe.function, ": ", attachment.status().message());
    if (source.all_needed) return;
    calls_past_the_table |= absl::IsFailedPrecondition(offset.status());
  }
  // If one probe is enough, the refusal of another one does not matter.
  if (!attachments.empty() && !calls_past_the_table) copy->refusal.clear();
  copy->attachments = std::move(attachments);
}

absl::StatusOr<Uprobes::Attachment> Uprobes::AttachProbe(const UprobeProbe& probe,
                                                         bool uprobe_multi, const std::string& path,
                                                         uint64_t offset) const {
  bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, probe.program.c_str());
  if (program == nullptr || bpf_program__fd(program) < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the program ", probe.program, " was not loaded"));
  }
  Attachment attachment;
  if (uprobe_multi) {
    HT_ASSIGN_OR_RETURN(attachment.fd,
                        AttachUprobeMulti(bpf_program__fd(program), path, offset, probe.at_return));
    AddOwnObject(skeleton_, HT_OBJECT_LINK, attachment.fd.get());
    return attachment;
  }
  // Not by libbpf's search for the function: it maps the file, and a container that truncates the
  // file meanwhile would kill the agent with SIGBUS.
  LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = probe.at_return);
  attachment.link.reset(
      bpf_program__attach_uprobe_opts(program, -1, path.c_str(), offset, &options));
  if (attachment.link == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("attach refused: ", strerror(errno)));
  }
  AddOwnObject(skeleton_, HT_OBJECT_LINK, bpf_link__fd(attachment.link.get()));
  return attachment;
}

std::vector<model::SourceCoverage> Uprobes::Coverage() const {
  std::vector<model::SourceCoverage> rows;
  for (const UprobeSource& source : UprobeTable()) {
    const UprobeMethod& method = methods_.at(source.source);
    model::SourceCoverage row{.source = source.source, .refusals = method.refusals};
    const std::string hook = UprobeHook(source, method.tier);
    // A host without the program has nothing that the source could miss.
    const bool nothing_to_miss = source.in_program && method.tier != 0 && !HasCopy(source.source);
    if (CountAttached(source.source) > 0 || nothing_to_miss) {
      row.hook = hook;
      row.tier = method.tier;
    }
    std::string refusal;
    for (const auto& [key, copy] : copies_) {
      if (key.first == source.source && !copy.refusal.empty()) refusal = copy.refusal;
    }
    if (auto blind = blind_spots_.find(source.source); blind != blind_spots_.end()) {
      refusal = blind->second;
    }
    if (refusal.empty() && row.tier == 0 && method.tier != 0 && !source.in_program) {
      refusal = absl::StrCat("no ", source.library, " found");
    }
    if (!refusal.empty()) row.refusals.push_back(absl::StrCat(hook, ": ", refusal));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace hoptrail::agent::kernel
