#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBES_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/kernel/objects/detach.h"
#include "agent/kernel/objects/link.h"
#include "agent/kernel/plan/uprobe_plan.h"
#include "agent/kernel/processes/mount_roots.h"
#include "agent/kernel/uprobes/target_key.h"
#include "core/base/unique_fd.h"
#include "core/model/fact.h"

struct sensor_bpf;

namespace hoptrail::agent::kernel {

class UprobeSearch;

// Attaches the uprobes' programs to every copy of their libraries, once for each file: the host's
// own, those in other mount roots, and those that a running sshd has loaded from elsewhere. It
// detaches from a copy when no process sees its root any more. A copy that was replaced stays
// attached until its place is needed, because a program that was started before may still use it.
// One thread.
class Uprobes {
 public:
  // `methods`: how the programs of each event source were loaded to be attached. `max_files`:
  // copies of each source's library that are attached at the same time.
  Uprobes(sensor_bpf* skeleton, std::map<std::string, UprobeMethod> methods, size_t max_files);
  ~Uprobes();

  // Searches for copies that are not attached yet; the caller has just updated `roots`. To be
  // called again for new containers and replaced libraries. Returns how many new copies it found.
  size_t AttachNew(const MountRoots& roots);

  // One row for each event source of UprobeTable().
  std::vector<model::SourceCoverage> Coverage() const;

  // See detach.h.
  Attachments TakeAttachments();

 private:
  // An attachment to one file: a libbpf link, or a uprobe_multi link, which libbpf does not
  // know.
  struct Attachment {
    LinkPtr link;
    UniqueFd fd;
  };
  // A file that was found. Without attachments where the kernel refused.
  struct Copy {
    std::vector<Attachment> attachments;
    std::string refusal;
    RootKey root;             // where it was found last
    RootKey attached_root;    // where it was attached
    uint64_t seen_round = 0;  // when it was found last
  };
  using Key = std::pair<std::string, TargetKey>;  // source, file

  // The number of copies of the event source's library that are attached.
  size_t CountAttached(const std::string& source) const;
  // Whether a copy was found, attached or not.
  bool HasCopy(const std::string& source) const;
  void AttachFile(const UprobeSource& source, const std::string& path, Copy* copy) const;
  absl::StatusOr<Attachment> AttachProbe(const UprobeProbe& probe, bool uprobe_multi,
                                         const std::string& path, uint64_t offset) const;
  bool MakeRoom(const std::string& source);

  sensor_bpf* skeleton_;
  std::unique_ptr<UprobeSearch> search_;
  std::map<std::string, UprobeMethod> methods_;  // by source
  size_t max_files_;                             // of one source
  std::map<Key, Copy> copies_;
  std::map<std::string, std::string> blind_spots_;  // source → why it is blind for some process
  uint64_t round_ = 0;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBES_H_
