#ifndef HOPTRAIL_AGENT_SUPERVISOR_REPLACED_FILES_H_
#define HOPTRAIL_AGENT_SUPERVISOR_REPLACED_FILES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "core/base/file_key.h"
#include "core/base/steady_time.h"

namespace hoptrail::agent::supervisor {

// Notices when other files take the place of the ones that a worker may read: Landlock grants
// files, not paths, so such a worker cannot read the new ones. One thread.
class ReplacedFiles {
 public:
  static constexpr absl::Duration kCheckEvery = absl::Seconds(30);

  explicit ReplacedFiles(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  // Remembers the files that are at the paths now.
  void Remember(SteadyTime now);

  // When CheckTime() is due.
  SteadyTime due() const { return check_at_; }
  // True if it is due and other files are at the paths, or some are gone or new. A file that was
  // only written to is the same.
  bool CheckTime(SteadyTime now);

 private:
  std::vector<FileKey> Keys() const;

  const std::vector<std::string> paths_;
  std::vector<FileKey> remembered_;
  SteadyTime check_at_ = SteadyTime::InfiniteFuture();
};

}  // namespace hoptrail::agent::supervisor

#endif  // HOPTRAIL_AGENT_SUPERVISOR_REPLACED_FILES_H_
