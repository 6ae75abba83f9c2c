#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBES_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBES_H_

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "agent/kernel/objects/detach.h"
#include "agent/kernel/objects/link.h"
#include "agent/kernel/plan/uprobe_plan.h"
#include "agent/kernel/processes/mount_roots.h"
#include "core/base/unique_fd.h"
#include "core/model/fact.h"
#include <sys/types.h>

struct sensor_bpf;

namespace hoptrail::agent::kernel {

// A file, by device and inode number. On an overlay, where one file has as many devices as there
// are mounts of it: device 0, and what else tells it from others.
struct FileKey {
  dev_t device = 0;
  ino_t inode = 0;
  int64_t size = 0;
  int64_t changed_ns = 0;

  friend bool operator<(const FileKey& a, const FileKey& b) {
    return std::tie(a.device, a.inode, a.size, a.changed_ns) <
           std::tie(b.device, b.inode, b.size, b.changed_ns);
  }
};

class UprobeSearch;

// Attaches the uprobes' programs to every copy of their libraries: the host's own, those in the
// mount namespaces of running processes, and those that a running sshd has loaded from elsewhere;
// one by inode. A copy goes when no process sees its file system any more. One that was replaced
// stays, for a program that was started before may still use it, until its place is needed. One
// thread.
class Uprobes {
 public:
  // `ways`: for which way of attaching the programs of each event source were loaded.
  Uprobes(sensor_bpf* skeleton, std::map<std::string, UprobeMethod> ways, size_t max_files = 128);
  ~Uprobes();

  // Looks for copies not attached yet, after a look of `views`. Call it again for containers that
  // appeared later and libraries that were replaced. Returns how many were found.
  size_t AttachNew(const MountRoots& views);

  // A row for each event source of UprobeTable().
  std::vector<model::SourceCoverage> Coverage() const;

  // See detach.h.
  Attachments TakeAttachments();

  // Of the event source's libraries, those attached to.
  size_t attached(const std::string& source) const;

 private:
  // What is attached to one file: a link of libbpf's, or one that it does not know.
  struct Attachment {
    LinkPtr link;
    UniqueFd fd;
  };
  // A file that was found; without attachments where it refused.
  struct Copy {
    std::vector<Attachment> attachments;
    std::string refusal;
    RootName root;            // where it was seen last
    RootName attached_root;   // where it was attached
    uint64_t seen_round = 0;  // when it was seen last
  };
  using Key = std::pair<std::string, FileKey>;  // source, file

  void AttachFile(const UprobeSource& source, const std::string& path, Copy* copy) const;
  absl::StatusOr<Attachment> AttachProbe(const UprobeProbe& probe, bool uprobe_multi,
                                         const std::string& path) const;
  bool MakeRoom(const std::string& source);

  sensor_bpf* skeleton_;
  std::unique_ptr<UprobeSearch> search_;
  std::map<std::string, UprobeMethod> ways_;  // by source
  size_t max_files_;                          // of one source
  std::map<Key, Copy> copies_;
  std::map<std::string, std::string> unheard_;  // source → what cannot be heard now, and why
  uint64_t round_ = 0;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBES_H_
