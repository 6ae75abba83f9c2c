#ifndef HOPTRAIL_AGENT_WORKER_RUN_MARKER_H_
#define HOPTRAIL_AGENT_WORKER_RUN_MARKER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/model/agent_run.h"
#include "core/model/ids.h"

namespace hoptrail::agent {

// A file in the state directory that holds the boot id while the agent runs, and still does after
// it was killed. The id of an earlier boot means nothing: the whole machine ended then. The file is
// written in place and never removed, so that it can be written on a full disk.
class RunMarker {
 public:
  RunMarker(const std::string& state_directory, const model::BootId& boot)
      : path_(state_directory + "/running"), boot_(model::ToString(boot)) {}

  // Marks the beginning. Returns how the last run ended: kCutShort where it was in this boot and
  // did not call End(), kNoTrace where there was none, or in an earlier boot only.
  absl::StatusOr<model::PreviousEnd> Begin() const;
  // The run ends as it should.
  void End() const;

 private:
  absl::Status Write(int file, absl::string_view text) const;
  std::string Ended() const { return std::string(boot_.size(), '-'); }

  const std::string path_;
  const std::string boot_;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_RUN_MARKER_H_
