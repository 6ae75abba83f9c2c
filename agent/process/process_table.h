#ifndef HOPTRAIL_AGENT_PROCESS_PROCESS_TABLE_H_
#define HOPTRAIL_AGENT_PROCESS_PROCESS_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

#include "agent/decode/event.h"
#include "agent/process/control_group.h"
#include "agent/process/image_cache.h"
#include "core/base/recycling_map.h"
#include "core/model/process.h"

namespace hoptrail::agent::process {

// What is known of one thread group.
struct Process {
  model::ProcessKey name;
  // At fork, where that was seen: reparenting does not change it. From a snapshot: the parent then.
  model::ProcessKey parent;
  model::ProcessKey tag;  // empty where the kernel knows none
  model::Credentials credentials;
  model::Namespaces namespaces;
  uint64_t cgroup_id = 0;
  // Shared with the parent until exec, and with others that run it. Arguments are not kept. Null
  // where never seen.
  std::shared_ptr<const model::Image> image;
  uint64_t image_boot_ns = 0;  // when that was told; 0 where it is the parent's
  // The parent's until it is told otherwise; null where never told. It may have been moved since.
  std::shared_ptr<const ControlGroup> group;
  uint64_t group_cgroup_id = 0;  // of the group in the default hierarchy, when it was told
  bool executed = false;         // runs an image of its own
  bool exec_missed = false;      // a snapshot told the image; the exec itself was lost
  bool own_events = false;       // a header of its own was seen: what is above is not its parent's
  bool listens = false;          // has called listen, or holds a listening socket
  uint32_t living_children = 0;
  uint64_t exited_boot_ns = 0;  // 0 while it lives

  // The session tree's; the table does not look at them.
  model::SessionId session;
  uint64_t last_accepted = 0;  // socket that it accepted last and that no child has claimed
  uint64_t offered = 0;        // its parent's last_accepted at fork
  bool saved = false;          // told to the state store

  bool alive() const { return exited_boot_ns == 0; }
  // Null where unknown, as after a move.
  const ControlGroup* control_group() const {
    return group_cgroup_id == cgroup_id ? group.get() : nullptr;
  }
  absl::string_view program() const {
    return image == nullptr ? absl::string_view() : absl::string_view(image->path);
  }
};

// The processes of one host by name, those that ended lately included. Applying the same event
// twice changes nothing. Pointers to living processes stay valid until Age(); those to ended ones
// until the next call that may create a process. Not thread-safe.
class ProcessTable {
 public:
  struct Options {
    size_t max_processes = 65'536;            // living and ended together
    size_t max_ended = 8'192;                 // of those, ended
    uint64_t keep_ended_ns = 60'000'000'000;  // for events that come late
  };

  explicit ProcessTable(Options options) : options_(options) {}
  ProcessTable() : ProcessTable(Options()) {}

  Process* Find(const model::ProcessKey& name);
  const Process* Find(const model::ProcessKey& name) const;
  // The youngest of that number; null where unknown.
  Process* FindNewest(uint32_t tgid);

  // The header's process, brought up to date; created from it where it was never seen, with
  // `created` set. Null where the header names none, or the table is full (counted).
  Process* Observe(const decode::Header& header, bool* created);

  // The child of Observe()d `parent`, or what is known of it. Null where the table is full.
  Process* Fork(Process& parent, const decode::Fork& fork, bool* created);

  // A process known only as another's session tag. Null where the table is full.
  Process* EnsureNamed(const model::ProcessKey& name, bool* created);

  // What the process has run since `boot_ns` at the latest.
  void SetImage(Process& process, const model::Image& image, uint64_t boot_ns);

  // What it has run in since its exec; nothing: in what its parent does.
  void SetControlGroups(Process& process, const std::optional<decode::ControlGroups>& groups);

  // Marks it ended; false where it was already. It stays for `keep_ended_ns`.
  bool Exit(Process& process, uint64_t boot_ns);

  // A process that still counts as living although its tgid now belongs to a younger one: its
  // exit was lost. Null where there is none.
  Process* Replaced(const model::ProcessKey& name);

  // Snapshots: names those processes that lived before the snapshot began and are not in it.
  void BeginSnapshot(uint64_t boot_ns);
  // Whether a snapshot's image of `boot_ns` is news: the process was not seen, or its exec was not.
  bool IsNews(const Process& process, const model::Image& image, uint64_t boot_ns) const;
  void MarkInSnapshot(const model::ProcessKey& name) { in_snapshot_.insert(name); }
  std::vector<model::ProcessKey> EndSnapshot();
  // The same once more, now that all that happened before the snapshot has been read as well: that
  // may have told of further processes whose end was lost. Then the snapshot is forgotten.
  std::vector<model::ProcessKey> SettleSnapshot();
  bool in_snapshot() const { return snapshot_begun_; }

  // Forgets processes that ended long ago.
  void Age(uint64_t now_boot_ns);

  size_t size() const { return processes_.size(); }
  // More have ended than it should keep: time for Age().
  bool full() const { return ended_.size() > options_.max_ended; }
  uint64_t dropped() const { return dropped_; }  // processes that found no room

  template <typename Visitor>
  void ForEach(Visitor visitor) {
    processes_.ForEach([&](const model::ProcessKey&, Process& process) { visitor(process); });
  }

 private:
  Process* Create(const model::ProcessKey& name);
  void ForgetOldest();
  std::vector<model::ProcessKey> Gone() const;

  const Options options_;
  RecyclingMap<model::ProcessKey, Process> processes_;
  ImageCache images_;
  absl::flat_hash_map<uint32_t, model::ProcessKey> newest_;   // by tgid
  std::deque<std::pair<uint64_t, model::ProcessKey>> ended_;  // oldest first
  absl::flat_hash_set<model::ProcessKey> in_snapshot_;        // kept until it is settled
  bool snapshot_begun_ = false;
  uint64_t snapshot_boot_ns_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace hoptrail::agent::process

#endif  // HOPTRAIL_AGENT_PROCESS_PROCESS_TABLE_H_
