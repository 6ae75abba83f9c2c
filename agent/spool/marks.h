#ifndef HOPTRAIL_AGENT_SPOOL_MARKS_H_
#define HOPTRAIL_AGENT_SPOOL_MARKS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "core/base/mutex.h"
#include "core/base/unique_fd.h"
#include "core/model/ids.h"
#include "core/model/incarnation.h"

namespace hoptrail::agent::spool {

// Facts that the next run must know even where the disk was full.
struct Marks {
  static constexpr size_t kMaxRanges = 8;
  // Sequence numbers, both ends included.
  struct Range {
    uint64_t first = 0;
    uint64_t last = 0;

    bool operator==(const Range&) const = default;
  };

  model::HostId host;
  // No number up to this may be used again; 0 where all are below the boot time.
  uint64_t used_sequence = 0;
  // Numbers of records that only memory holds: of runs that ended like that, and of the present
  // one. At most kMaxRanges.
  std::vector<Range> in_memory;
  // The saved state on disk is not the latest.
  bool state_behind = false;
  // The latest incarnation that the agent has made durable.
  model::Incarnation incarnation;
  // The kernel's own boot id where the host is an assumed one (docs/decisions/0017); empty
  // otherwise.
  model::BootId kernel_boot;
  // Records of another host that were given up when this one was assumed, and not counted yet.
  uint64_t given_up = 0;

  bool operator==(const Marks&) const = default;
};

// The host that an agent on `own` speaks for: the one assumed in this boot, or its own.
model::HostId SpokenFor(const Marks& marks, const model::HostId& own);

// The text form: one line a mark, with a digest. ParseMarks() gives empty marks for anything else.
std::string ToText(const Marks& marks);
Marks ParseMarks(absl::string_view text);

// The file of the marks: one block that is allocated once and then written in place, which needs no
// space on the disk. It is not synced: after a power cut it belongs to an earlier boot.
// Thread-safe.
class MarkFile {
 public:
  // Reads the file; starts with empty marks where it cannot be read.
  explicit MarkFile(std::string path);

  Marks Get() const;
  // Changes the marks, and writes them if they changed. They hold for this run even if that fails.
  absl::Status Update(absl::FunctionRef<void(Marks&)> change);

 private:
  absl::Status Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  mutable Mutex mutex_;
  UniqueFd file_ ABSL_GUARDED_BY(mutex_);
  Marks marks_ ABSL_GUARDED_BY(mutex_);
  bool written_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_MARKS_H_
