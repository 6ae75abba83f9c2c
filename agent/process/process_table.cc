#include "agent/process/process_table.h"

namespace hoptrail::agent::process {
namespace {

void InheritGroup(const Process& parent, Process* child) {
  if (child->group != nullptr) return;
  child->group = parent.group;
  child->group_cgroup_id = parent.group_cgroup_id;
}

// The path may be another by now: the file was renamed.
bool IsSameFile(const model::Image& one, const model::Image& other) {
  if (one.inode == 0 || other.inode == 0) return one.path == other.path;
  return one.device == other.device && one.inode == other.inode;
}

}  // namespace

Process* ProcessTable::Find(const model::ProcessKey& name) { return processes_.Find(name); }

const Process* ProcessTable::Find(const model::ProcessKey& name) const {
  return processes_.Find(name);
}

Process* ProcessTable::FindNewest(uint32_t tgid) {
  const auto newest = newest_.find(tgid);
  return newest == newest_.end() ? nullptr : Find(newest->second);
}

Process* ProcessTable::Create(const model::ProcessKey& name) {
  if (processes_.size() >= options_.max_processes) ForgetOldest();
  if (processes_.size() >= options_.max_processes) {
    ++dropped_;
    return nullptr;
  }
  Process& process = processes_[name];
  process.name = name;
  return &process;
}

Process* ProcessTable::Observe(const decode::Header& header, bool* created) {
  *created = false;
  if (header.process.empty()) return nullptr;
  Process* process = Find(header.process);
  if (process == nullptr) {
    process = Create(header.process);
    if (process == nullptr) return nullptr;
    *created = true;
  }
  if (process->parent.empty()) {
    process->parent = header.parent;
    if (Process* parent = Find(header.parent); parent != nullptr) {
      if (process->alive()) ++parent->living_children;
      InheritGroup(*parent, process);
    }
  }
  if (!header.tag.empty()) process->tag = header.tag;
  process->credentials = header.credentials;
  process->namespaces = header.namespaces;
  process->cgroup_id = header.cgroup_id;
  process->own_events = true;
  return process;
}

Process* ProcessTable::Fork(Process& parent, const decode::Fork& fork, bool* created) {
  *created = false;
  if (fork.child.empty()) return nullptr;
  if (Process* known = Find(fork.child); known != nullptr) {
    // Seen before its fork was told: the snapshot, or a record that overtook this one.
    if (known->parent.empty()) known->parent = parent.name;
    if (known->tag.empty()) known->tag = fork.child_tag;
    InheritGroup(parent, known);
    return known;
  }
  // Making room could forget a parent that has ended.
  if (!parent.alive() && processes_.size() >= options_.max_processes) {
    ++dropped_;
    return nullptr;
  }
  Process* child = Create(fork.child);
  if (child == nullptr) return nullptr;
  *created = true;
  child->parent = parent.name;
  child->tag = fork.child_tag;
  child->credentials = parent.credentials;
  child->namespaces = parent.namespaces;
  child->cgroup_id = parent.cgroup_id;
  child->image = parent.image;
  InheritGroup(parent, child);
  child->offered = parent.last_accepted;
  ++parent.living_children;
  return child;
}

Process* ProcessTable::EnsureNamed(const model::ProcessKey& name, bool* created) {
  *created = false;
  if (name.empty()) return nullptr;
  if (Process* known = Find(name); known != nullptr) return known;
  // Callers hold pointers to ended processes: nothing makes room here.
  if (processes_.size() >= options_.max_processes) {
    ++dropped_;
    return nullptr;
  }
  Process* process = Create(name);
  *created = process != nullptr;
  if (process != nullptr) process->tag = name;
  return process;
}

void ProcessTable::SetImage(Process& process, const model::Image& image, uint64_t boot_ns) {
  if (process.image == nullptr || process.image->path != image.path ||
      !IsSameFile(*process.image, image)) {
    process.image = images_.Share(image);
  }
  process.image_boot_ns = boot_ns;
  process.executed = true;
}

void ProcessTable::SetControlGroups(Process& process,
                                    const std::optional<decode::ControlGroups>& groups) {
  if (!groups.has_value()) return;
  process.group_cgroup_id = process.cgroup_id;
  ControlGroup group = ReadControlGroups(*groups);
  const Process* parent = Find(process.parent);
  if (parent != nullptr && parent->group != nullptr && *parent->group == group) {
    process.group = parent->group;
  } else if (process.group == nullptr || *process.group != group) {
    process.group = std::make_shared<const ControlGroup>(std::move(group));
  }
}

bool ProcessTable::Exit(Process& process, uint64_t boot_ns) {
  if (!process.alive()) return false;
  process.exited_boot_ns = boot_ns == 0 ? 1 : boot_ns;
  if (Process* parent = Find(process.parent); parent != nullptr && parent->living_children > 0) {
    --parent->living_children;
  }
  ended_.emplace_back(process.exited_boot_ns, process.name);
  return true;
}

Process* ProcessTable::Replaced(const model::ProcessKey& name) {
  const auto [entry, inserted] = newest_.try_emplace(name.tgid, name);
  if (inserted || entry->second == name) return nullptr;
  const model::ProcessKey older = std::min(entry->second, name);
  if (entry->second < name) entry->second = name;
  Process* process = Find(older);
  return process != nullptr && process->alive() ? process : nullptr;
}

void ProcessTable::BeginSnapshot(uint64_t boot_ns) {
  if (snapshot_begun_) return;
  snapshot_begun_ = true;
  snapshot_boot_ns_ = boot_ns;
  in_snapshot_.clear();
}

bool ProcessTable::IsNews(const Process& process, const model::Image& image,
                          uint64_t boot_ns) const {
  if (!process.own_events || process.image == nullptr) return true;
  return process.image_boot_ns < boot_ns && !IsSameFile(*process.image, image);
}

std::vector<model::ProcessKey> ProcessTable::Gone() const {
  std::vector<model::ProcessKey> gone;
  processes_.ForEach([&](const model::ProcessKey& name, const Process& process) {
    // One that began while the snapshot was taken may have been missed by it.
    if (process.alive() && name.start_boot_ns < snapshot_boot_ns_ && !in_snapshot_.contains(name)) {
      gone.push_back(name);
    }
  });
  return gone;
}

std::vector<model::ProcessKey> ProcessTable::EndSnapshot() {
  if (!snapshot_begun_) return {};
  snapshot_begun_ = false;
  return Gone();
}

std::vector<model::ProcessKey> ProcessTable::SettleSnapshot() {
  if (snapshot_begun_ || in_snapshot_.empty()) return {};
  std::vector<model::ProcessKey> gone = Gone();
  in_snapshot_.clear();
  return gone;
}

void ProcessTable::ForgetOldest() {
  if (ended_.empty()) return;
  const model::ProcessKey name = ended_.front().second;
  ended_.pop_front();
  processes_.Erase(name);
  const auto newest = newest_.find(name.tgid);
  if (newest != newest_.end() && newest->second == name) newest_.erase(newest);
}

void ProcessTable::Age(uint64_t now_boot_ns) {
  while (!ended_.empty() && (ended_.size() > options_.max_ended ||
                             ended_.front().first + options_.keep_ended_ns < now_boot_ns)) {
    ForgetOldest();
  }
}

}  // namespace hoptrail::agent::process
