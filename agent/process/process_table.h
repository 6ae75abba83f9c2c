#ifndef HOPTRAIL_AGENT_PROCESS_PROCESS_TABLE_H_
#define HOPTRAIL_AGENT_PROCESS_PROCESS_TABLE_H_

#include <array>
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
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"

#include "agent/decode/event.h"
#include "agent/process/control_group.h"
#include "agent/process/image_cache.h"
#include "core/base/recycling_map.h"
#include "core/model/net.h"
#include "core/model/process.h"

namespace hoptrail::agent::process {

// A connection that a process serves, or that it reads commands from.
struct DrivingConnection {
  uint64_t socket = 0;
  model::HopKey hop_key;
  double probability = 0;  // that it is the cause of something
  bool forwards =
      false;  // the process passes on what the connection carries: it is no program of its user

  bool operator==(const DrivingConnection&) const = default;
};

// Few, so that a list needs one allocation only.
using DrivingConnections = absl::InlinedVector<DrivingConnection, 2>;

// One thread group, as far as the agent knows it.
struct Process {
  model::ProcessKey key;
  // The parent at the fork, so that reparenting does not change it. For a process that only a
  // snapshot has shown: the parent at the time of the snapshot.
  model::ProcessKey parent;
  model::ProcessKey tag;  // session tag; empty if the kernel has none
  model::Credentials credentials;
  model::Namespaces namespaces;
  uint64_t cgroup_id = 0;
  // Shared with the parent until the exec, and with other processes that run the same program.
  // Without arguments. Null if no record has shown it.
  std::shared_ptr<const model::Image> image;
  uint64_t image_boot_ns = 0;  // time of the record that showed `image`; 0 if inherited
  // The parent's group until a record of this process shows one; null if no record has. The process
  // may have been moved since.
  std::shared_ptr<const ControlGroup> group;
  uint64_t group_cgroup_id = 0;  // `cgroup_id` at the time of the record that showed `group`
  bool executed = false;         // runs an image of its own
  bool exec_missed = false;      // a snapshot showed the image; the exec record was lost
  bool own_events = false;       // had a header of its own: the fields above are not its parent's
  bool listens = false;          // has called listen, or holds a listening socket
  uint32_t living_children = 0;
  uint64_t exited_boot_ns = 0;  // 0 while it lives

  // Owned by the session stage; the table only copies `last_accepted` at a fork.
  model::SessionId session;
  uint64_t last_accepted = 0;   // socket that it accepted last and that no child has claimed
  uint64_t pending_accept = 0;  // its parent's last_accepted at the fork
  bool saved = false;           // the state store has it
  // The open connections that it accepted, or took over at its fork, and the last of all. See
  // session::Drivers.
  DrivingConnections inbound;
  model::HopKey last_served;
  uint64_t last_connected =
      0;  // the socket with which it connected last, or its parent before the fork
  // Those that may have caused the process; null: none. Shared with its children.
  std::shared_ptr<const DrivingConnections> drivers;

  bool alive() const { return exited_boot_ns == 0; }
  // Null if unknown, for example because the process was moved.
  const ControlGroup* control_group() const {
    return group_cgroup_id == cgroup_id ? group.get() : nullptr;
  }
  absl::string_view program() const {
    return image == nullptr ? absl::string_view() : absl::string_view(image->path);
  }
};

// The processes of one host by key, including those that ended recently. Applying the same event
// twice changes nothing. Pointers to living processes stay valid until Age(), pointers to ended
// ones until the next call that may create a process. Not thread-safe.
class ProcessTable {
 public:
  struct Options {
    size_t max_processes = 65'536;            // living and ended together
    size_t max_ended = 8'192;                 // ended ones among them
    uint64_t keep_ended_ns = 60'000'000'000;  // for events that arrive late
  };

  explicit ProcessTable(Options options) : options_(options) {}
  ProcessTable() : ProcessTable(Options()) {}

  Process* Find(const model::ProcessKey& key) {
    Process*& found = found_[key.tgid % found_.size()];
    if (found == nullptr || found->key != key) found = processes_.Find(key);
    return found;
  }
  const Process* Find(const model::ProcessKey& key) const {
    const Process* found = found_[key.tgid % found_.size()];
    return found != nullptr && found->key == key ? found : processes_.Find(key);
  }
  // The youngest process with that number; null if there is none.
  Process* FindNewest(uint32_t tgid);

  // Updates the header's process, or inserts it and sets `created`. Null if the header has no
  // process or the table is full; the latter is counted.
  Process* Upsert(const decode::Header& header, bool* created);

  // Inserts the child of `parent`, or completes it if it is there. Null if the table is full.
  Process* Fork(Process& parent, const decode::Fork& fork, bool* created);

  // Inserts a process that is known only as the session tag of another one. Null if the table is
  // full.
  Process* Ensure(const model::ProcessKey& key, bool* created);

  // The process runs `image`, and has done so since `boot_ns` at the latest.
  void SetImage(Process& process, const model::Image& image, uint64_t boot_ns);

  // The control groups that the process had at its exec. No value means those of its parent.
  void SetControlGroups(Process& process, const std::optional<decode::ControlGroups>& groups);

  // Marks the process as ended; false if it was already. It stays for `keep_ended_ns`.
  bool Exit(Process& process, uint64_t boot_ns);

  // The process that still counts as living although a younger one has its tgid: its exit was lost.
  // Null if there is none. To be called for each process that is inserted.
  Process* FindReplaced(const model::ProcessKey& key);

  // A snapshot finds the processes that ended without an exit record: they were there before it
  // began and are not in it.
  void BeginSnapshot(uint64_t boot_ns);
  void MarkInSnapshot(const model::ProcessKey& key) { in_snapshot_.insert(key); }
  // Whether the image that a snapshot of `boot_ns` shows is new: the table has not seen the process
  // itself, or not its last exec.
  bool IsNewImage(const Process& process, const model::Image& image, uint64_t boot_ns) const;
  std::vector<model::ProcessKey> EndSnapshot();
  // To be called when all records from before the snapshot have been read. They may have inserted
  // further processes whose exit was lost: returns those, then forgets the snapshot.
  std::vector<model::ProcessKey> SettleSnapshot();
  bool in_snapshot() const { return snapshot_begun_; }

  // Forgets processes that ended long ago.
  void Age(uint64_t now_boot_ns);

  size_t size() const { return processes_.size(); }
  // More processes have ended than the table should keep: time for Age().
  bool needs_aging() const { return ended_.size() > options_.max_ended; }
  uint64_t dropped() const { return dropped_; }  // processes for which there was no room

  template <typename Visitor>
  void ForEach(Visitor visitor) {
    processes_.ForEach([&](const model::ProcessKey&, Process& process) { visitor(process); });
  }

 private:
  Process* Create(const model::ProcessKey& key);
  void ForgetOldest();
  std::vector<model::ProcessKey> MissingFromSnapshot() const;

  const Options options_;
  RecyclingMap<model::ProcessKey, Process> processes_;
  // Found last, by tgid: one event asks for the same few processes many times.
  std::array<Process*, 16> found_{};
  ImageCache images_;
  absl::flat_hash_map<uint32_t, model::ProcessKey> newest_;   // by tgid
  std::deque<std::pair<uint64_t, model::ProcessKey>> ended_;  // oldest first
  absl::flat_hash_set<model::ProcessKey> in_snapshot_;        // until SettleSnapshot()
  bool snapshot_begun_ = false;
  uint64_t snapshot_boot_ns_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace hoptrail::agent::process

#endif  // HOPTRAIL_AGENT_PROCESS_PROCESS_TABLE_H_
