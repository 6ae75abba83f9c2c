#include "agent/process/process_table.h"

namespace hoptrail::agent::process {
namespace {

void InheritGroup(const Process& parent, Process* child) {
  if (child->group != nullptr) return;
  child->group = parent.group;
  child->group_cgroup_id = parent.group_cgroup_id;
}

// By inode, because the file may have been renamed since.
bool IsSameFile(const model::Image& one, const model::Image& other) {
  if (one.inode == 0 || other.inode == 0) return one.path == other.path;
  return one.device == other.device && one.inode == other.inode;
}

}  // namespace

Process* ProcessTable::FindNewest(uint32_t tgid) {
  const auto newest = newest_.find(tgid);
  return newest == newest_.end() ? nullptr : Find(newest->second);
}

Process* ProcessTable::Create(const model::ProcessKey& key) {
  if (processes_.size() >= options_.max_processes) ForgetOldest();
  if (processes_.size() >= options_.max_processes) {
    ++dropped_;
    return nullptr;
  }
  Process& process = processes_[key];
  process.key = key;
  found_[key.tgid % found_.size()] = &process;
  return &process;
}

Process* ProcessTable::Upsert(const decode::Header& header, bool* created) {
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
    // A snapshot or a record that overtook the fork has inserted it already.
    if (known->parent.empty()) known->parent = parent.key;
    if (known->tag.empty()) known->tag = fork.child_tag;
    InheritGroup(parent, known);
    return known;
  }
  // Create() may forget an ended process to make room, and that could be the parent.
  if (!parent.alive() && processes_.size() >= options_.max_processes) {
    ++dropped_;
    return nullptr;
  }
  Process* child = Create(fork.child);
  if (child == nullptr) return nullptr;
  *created = true;
  child->parent = parent.key;
  child->tag = fork.child_tag;
  child->credentials = parent.credentials;
  child->namespaces = parent.namespaces;
  child->cgroup_id = parent.cgroup_id;
  child->image = parent.image;
  InheritGroup(parent, child);
  child->pending_accept = parent.last_accepted;
  child->last_connected = parent.last_connected;
  ++parent.living_children;
  return child;
}

Process* ProcessTable::Ensure(const model::ProcessKey& key, bool* created) {
  *created = false;
  if (key.empty()) return nullptr;
  if (Process* known = Find(key); known != nullptr) return known;
  // Forgets no ended process to make room, because callers hold pointers to them.
  if (processes_.size() >= options_.max_processes) {
    ++dropped_;
    return nullptr;
  }
  Process* process = Create(key);
  *created = process != nullptr;
  if (process != nullptr) process->tag = key;
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
  ended_.emplace_back(process.exited_boot_ns, process.key);
  return true;
}

Process* ProcessTable::FindReplaced(const model::ProcessKey& key) {
  const auto [entry, inserted] = newest_.try_emplace(key.tgid, key);
  if (inserted || entry->second == key) return nullptr;
  const model::ProcessKey older = std::min(entry->second, key);
  if (entry->second < key) entry->second = key;
  Process* process = Find(older);
  return process != nullptr && process->alive() ? process : nullptr;
}

void ProcessTable::BeginSnapshot(uint64_t boot_ns) {
  if (snapshot_begun_) return;
  snapshot_begun_ = true;
  snapshot_boot_ns_ = boot_ns;
  in_snapshot_.clear();
}

bool ProcessTable::IsNewImage(const Process& process, const model::Image& image,
                              uint64_t boot_ns) const {
  if (!process.own_events || process.image == nullptr) return true;
  return process.image_boot_ns < boot_ns && !IsSameFile(*process.image, image);
}

std::vector<model::ProcessKey> ProcessTable::MissingFromSnapshot() const {
  std::vector<model::ProcessKey> missing;
  processes_.ForEach([&](const model::ProcessKey& key, const Process& process) {
    // The snapshot may have missed a process that started while it was taken.
    if (process.alive() && key.start_boot_ns < snapshot_boot_ns_ && !in_snapshot_.contains(key)) {
      missing.push_back(key);
    }
  });
  return missing;
}

std::vector<model::ProcessKey> ProcessTable::EndSnapshot() {
  if (!snapshot_begun_) return {};
  snapshot_begun_ = false;
  return MissingFromSnapshot();
}

std::vector<model::ProcessKey> ProcessTable::SettleSnapshot() {
  if (snapshot_begun_ || in_snapshot_.empty()) return {};
  std::vector<model::ProcessKey> missing = MissingFromSnapshot();
  in_snapshot_.clear();
  return missing;
}

void ProcessTable::ForgetOldest() {
  if (ended_.empty()) return;
  const model::ProcessKey key = ended_.front().second;
  ended_.pop_front();
  found_[key.tgid % found_.size()] = nullptr;
  processes_.Erase(key);
  const auto newest = newest_.find(key.tgid);
  if (newest != newest_.end() && newest->second == key) newest_.erase(newest);
}

void ProcessTable::Age(uint64_t now_boot_ns) {
  while (!ended_.empty() && (ended_.size() > options_.max_ended ||
                             ended_.front().first + options_.keep_ended_ns < now_boot_ns)) {
    ForgetOldest();
  }
}

}  // namespace hoptrail::agent::process
