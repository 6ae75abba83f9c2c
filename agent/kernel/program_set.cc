#include "agent/kernel/program_set.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/sensor.skel.h"
#include <bpf/bpf.h>

#include "agent/kernel/objects/own_objects.h"
#include "agent/kernel/processes/mount_roots.h"
#include "agent/kernel/programs/programs.h"
#include "agent/kernel/programs/recursion_misses.h"
#include "agent/kernel/uprobes/uprobes.h"
#include "agent/kernel/watch/watched_files.h"
#include "core/base/status_macros.h"

namespace hoptrail::agent::kernel {
namespace {

// NOT_FOUND without a link: the program was not attached.
absl::StatusOr<UniqueFd> CreateIterator(const bpf_link* link) {
  if (link == nullptr) return absl::NotFoundError("this kernel has no such iterator");
  UniqueFd fd(bpf_iter_create(bpf_link__fd(link)));
  if (!fd.valid()) return absl::InternalError(absl::StrCat("iterator: ", strerror(errno)));
  return fd;
}

}  // namespace

class ProgramSet::Impl {
 public:
  Impl(Programs programs, RecursionMisses recursion_misses, const SensorOptions& options)
      : programs_(std::move(programs)),
        recursion_misses_(std::move(recursion_misses)),
        uprobes_(programs_.skeleton(), programs_.uprobe_methods(), options.max_library_copies),
        watched_files_(programs_.skeleton(), options.watch) {}

  Programs programs_;
  RecursionMisses recursion_misses_;
  MountRoots roots_;
  Uprobes uprobes_;
  WatchedFiles watched_files_;
};

ProgramSet::ProgramSet(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProgramSet::~ProgramSet() = default;

absl::StatusOr<std::unique_ptr<ProgramSet>> ProgramSet::Open(const SensorOptions& options) {
  HT_ASSIGN_OR_RETURN(Programs programs, Programs::Load(options));
  HT_ASSIGN_OR_RETURN(RecursionMisses recursion_misses, RecursionMisses::Map(programs));
  auto impl = std::make_unique<Impl>(std::move(programs), std::move(recursion_misses), options);
  impl->roots_.Update();
  impl->uprobes_.AttachNew(impl->roots_);
  impl->watched_files_.Search(impl->roots_);
  return std::unique_ptr<ProgramSet>(new ProgramSet(std::move(impl)));
}

void ProgramSet::Detach() {
  Attachments attachments = impl_->programs_.TakeAttachments();
  for (std::shared_ptr<void>& other : impl_->uprobes_.TakeAttachments()) {
    attachments.push_back(std::move(other));
  }
  DetachAll(std::move(attachments));
}

Handles ProgramSet::handles() const {
  const auto& maps = impl_->programs_.skeleton()->maps;
  return {.high_ring = {bpf_map__fd(maps.ring_high), bpf_map__max_entries(maps.ring_high)},
          .low_ring = {bpf_map__fd(maps.ring_low), bpf_map__max_entries(maps.ring_low)},
          .losses_fd = bpf_map__fd(maps.losses),
          .cpus = bpf_map__max_entries(maps.losses)};
}

std::vector<model::SourceCoverage> ProgramSet::Coverage() const {
  std::vector<model::SourceCoverage> rows = impl_->programs_.coverage();
  for (model::SourceCoverage& row : impl_->uprobes_.Coverage()) rows.push_back(std::move(row));
  return rows;
}

size_t ProgramSet::AttachNewUprobes() {
  impl_->roots_.Update();
  impl_->watched_files_.Search(impl_->roots_);
  return impl_->uprobes_.AttachNew(impl_->roots_);
}

void ProgramSet::ProtectProcesses(const std::vector<uint32_t>& tgids) {
  SetOwnProcesses(impl_->programs_.skeleton(), tgids);
}

void ProgramSet::CountRecursionMisses() { impl_->recursion_misses_.Count(impl_->programs_); }

bool ProgramSet::needs_sys_admin() const {
  for (const auto& [source, method] : impl_->programs_.uprobe_methods()) {
    if (method.tier == kUprobePerfTier) return true;
  }
  return false;
}

absl::StatusOr<UniqueFd> ProgramSet::OpenIterator(Walk walk) {
  // The programs read it: one snapshot at a time.
  auto* variables = impl_->programs_.skeleton()->bss;
  if (walk == Walk::kListeners) variables->ht_socket_walk = HT_WALK_LISTENERS;
  if (walk == Walk::kConnections) variables->ht_socket_walk = HT_WALK_CONNECTIONS;
  const WalkedObjects objects =
      walk == Walk::kProcesses ? WalkedObjects::kProcesses : WalkedObjects::kSockets;
  absl::StatusOr<UniqueFd> iterator =
      CreateIterator(impl_->programs_.link(WalkingProgram(objects)));
  // The program notices the end of the walk, unless the walk cannot even begin.
  if (walk == Walk::kConnections && !iterator.ok()) variables->ht_connections_walked = true;
  return iterator;
}

}  // namespace hoptrail::agent::kernel
