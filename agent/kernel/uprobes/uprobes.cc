#include "agent/kernel/uprobes/uprobes.h"

#include <cerrno>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "bpf/sensor.skel.h"

#include "agent/kernel/objects/own_objects.h"
#include "agent/kernel/uprobes/elf_file.h"
#include "agent/kernel/uprobes/uprobe_multi.h"
#include "agent/kernel/uprobes/uprobe_search.h"
#include "core/base/status_macros.h"

namespace hoptrail::agent::kernel {

Uprobes::Uprobes(sensor_bpf* skeleton, std::map<std::string, UprobeMethod> ways, size_t max_files)
    : skeleton_(skeleton),
      search_(std::make_unique<UprobeSearch>()),
      ways_(std::move(ways)),
      max_files_(max_files) {}

Uprobes::~Uprobes() = default;

size_t Uprobes::AttachNew(const MountRoots& views) {
  search_->Search(views);
  ++round_;
  unheard_ = search_->unheard();
  std::vector<const FoundLibrary*> fresh;
  for (const FoundLibrary& found : search_->libraries()) {
    const auto known = copies_.find({found.source->source, found.file});
    if (known == copies_.end()) {
      fresh.push_back(&found);
    } else {
      Copy& copy = known->second;
      copy.seen_round = round_;
      copy.root = found.root;
      // Attaching keeps a file system: not longer than there is someone in it.
      if (!copy.attachments.empty() && !views.Has(copy.attached_root)) {
        copy.attached_root = found.root;
        AttachFile(*found.source, found.path, &copy);
      }
    }
  }
  for (auto copy = copies_.begin(); copy != copies_.end();) {
    const bool seen = copy->second.seen_round == round_;
    const bool of_use = !copy->second.attachments.empty() && views.Has(copy->second.root);
    copy = seen || of_use ? std::next(copy) : copies_.erase(copy);
  }
  size_t count = 0;
  for (const FoundLibrary* found : fresh) {
    const std::string& source = found->source->source;
    const Key key = {source, found->file};
    if (copies_.count(key) != 0) continue;  // by another of its names
    if (attached(source) >= max_files_ && !MakeRoom(source)) {
      unheard_[source] =
          absl::StrCat(found->path, " and perhaps others: more than ", max_files_, " copies");
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

size_t Uprobes::attached(const std::string& source) const {
  size_t count = 0;
  for (const auto& [key, copy] : copies_) {
    count += key.first == source && !copy.attachments.empty();
  }
  return count;
}

// Gives up the copy that was replaced the longest ago; false where none was.
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
  const uint32_t tier = ways_.at(source.source).tier;
  if (tier == 0) return;
  std::vector<Attachment> attachments;
  for (const UprobeProbe& probe : source.probes) {
    absl::StatusOr<Attachment> attachment = AttachProbe(probe, tier == 1, path);
    if (attachment.ok()) {
      attachments.push_back(*std::move(attachment));
      continue;
    }
    copy->refusal = absl::StrCat(path, ": ", probe.function, ": ", attachment.status().message());
    if (source.all_needed) return;
  }
  // Where one is enough, the other's absence is none.
  if (!attachments.empty()) copy->refusal.clear();
  copy->attachments = std::move(attachments);
}

absl::StatusOr<Uprobes::Attachment> Uprobes::AttachProbe(const UprobeProbe& probe,
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
    NameOwnObject(skeleton_, HT_OBJECT_LINK, attachment.fd.get());
    return attachment;
  }
  // libbpf would map the file to find the function: whoever cut it short then would end the agent.
  HT_ASSIGN_OR_RETURN(const uint64_t offset, FileOffsetOf(path, probe.function));
  LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = probe.at_return);
  attachment.link.reset(
      bpf_program__attach_uprobe_opts(program, -1, path.c_str(), offset, &options));
  if (attachment.link == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("attach refused: ", strerror(errno)));
  }
  NameOwnObject(skeleton_, HT_OBJECT_LINK, bpf_link__fd(attachment.link.get()));
  return attachment;
}

std::vector<model::SourceCoverage> Uprobes::Coverage() const {
  std::vector<model::SourceCoverage> rows;
  for (const UprobeSource& source : UprobeTable()) {
    const UprobeMethod& way = ways_.at(source.source);
    model::SourceCoverage row{.source = source.source, .refusals = way.refusals};
    const std::string hook = absl::StrCat(way.tier == 1 ? "uprobe_multi/" : "uprobe/", source.target);
    if (attached(source.source) > 0) {
      row.hook = hook;
      row.tier = way.tier;
    }
    std::string refusal;
    for (const auto& [key, copy] : copies_) {
      if (key.first == source.source && !copy.refusal.empty()) refusal = copy.refusal;
    }
    if (auto unheard = unheard_.find(source.source); unheard != unheard_.end()) {
      refusal = unheard->second;
    }
    if (refusal.empty() && row.tier == 0 && way.tier != 0)
      refusal = absl::StrCat("no ", source.library, " found");
    if (!refusal.empty()) row.refusals.push_back(absl::StrCat(hook, ": ", refusal));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace hoptrail::agent::kernel
